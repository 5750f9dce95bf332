package convert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func FuzzMiniSWE(f *testing.F) { fuzzLog(f, "miniswe") }

// TestMiniSWEGrown holds that a trajectory, written anew after every step, gives the same fragments of what it had.
func TestMiniSWEGrown(t *testing.T) {
	log := testLogs(t)["miniswe/calls.jsonl"]
	var doc map[string]any
	if err := json.Unmarshal([]byte(log), &doc); err != nil {
		t.Fatal(err)
	}
	whole := ids(fragments(testConverter(t, "miniswe"), new(Source), lines(log)))
	all := doc["messages"].([]any)
	for n := range all {
		doc["messages"] = all[:n]
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fragments(testConverter(t, "miniswe"), new(Source), []string{string(b)}) {
			// A result "not executed" is the last word until the next message tells why.
			if !whole[f.ID] && f.Event.Outcome != schema.OutcomeUnknown {
				t.Errorf("%d messages: a fragment the whole does not have: %s %s", n, f.Role, f.AppendJSON(nil))
			}
		}
	}
}

// recordsOf cuts a sample as the log reader does: one document, or lines.
func recordsOf(text string) []string {
	text = strings.TrimSpace(text)
	if json.Valid([]byte(text)) {
		return []string{text}
	}
	return lines(text)
}

// ownSamples holds that a format takes no record of other agents' samples.
func ownSamples(t *testing.T, f Format, own ...string) {
	t.Helper()
	paths, _ := filepath.Glob(samplesDir + "/*/*")
	if len(paths) == 0 {
		t.Log("NOT COMPARED with real logs")
	}
	mine := map[string]bool{}
	for _, o := range own {
		mine[o] = true
	}
	for _, p := range paths {
		if mine[filepath.Base(filepath.Dir(p))] {
			continue
		}
		b, err := os.ReadFile(p)
		if err != nil {
			continue // a folder
		}
		for n, line := range recordsOf(string(b)) {
			in := input(line)
			if f.Detect(in.Body) {
				t.Errorf("%s:%d is taken for %s: %.200s", p, n+1, f.Name(), line)
				break
			}
		}
	}
	for name, log := range testLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		if mine[folder] {
			continue
		}
		for _, line := range lines(log) {
			in := input(line)
			if f.Detect(in.Body) {
				t.Errorf("%s is taken for %s: %.200s", name, f.Name(), line)
			}
		}
	}
}

func TestMiniSWETakesItsOwn(t *testing.T) {
	ownSamples(t, &miniSWE{}, "mini-swe-agent", "miniswe")
}
