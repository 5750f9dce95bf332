package convert

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

var update = flag.Bool("update", false, "write the golden files")

// genericMapping goes with testdata/generic.
var genericMapping = Mapping{
	"@timestamp": "when", "gen_ai.agent.id": "who.bot", "process.command_line": "cmd.text", "process.args": "cmd.argv",
	"process.exit_code": "rc", "event.duration": "took_ms", "agent_audit.session.id": "run", "service.name": "=deployer",
	"agent_audit.authorization.decision": "verdict",
}

// testConverter makes the converter for the logs of a folder of testdata.
func testConverter(t testing.TB, folder string) *Converter {
	o := Options{Format: "auto"}
	if folder == "generic" {
		o.Mapping = genericMapping
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testLogs are the logs under testdata, by folder/name.
func testLogs(t testing.TB) map[string]string {
	logs := map[string]string{}
	paths, err := filepath.Glob("testdata/*/*.*l*")
	if err != nil || len(paths) == 0 {
		t.Fatal("no logs under testdata", err)
	}
	for _, p := range paths {
		if ext := filepath.Ext(p); ext != ".jsonl" && ext != ".log" {
			continue
		}
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		logs[filepath.ToSlash(strings.TrimPrefix(p, "testdata"+string(filepath.Separator)))] = string(b)
	}
	return logs
}

// feed gives lines to a converter as records of one source.
func feed(c *Converter, src *Source, lines []string, emit Emit) {
	var doc value.Doc
	for _, line := range lines {
		doc.Reset()
		in := Unwrap(&doc, Record{Body: doc.Text(line), ID: schema.MakeID("line", line), Tag: "agent.log"})
		c.Convert(src, &in, emit)
	}
}

func lines(log string) []string { return strings.Split(strings.TrimSuffix(log, "\n"), "\n") }

// TestGolden holds every log of testdata to the fragments that are known to be right.
func TestGolden(t *testing.T) {
	for name, log := range testLogs(t) {
		t.Run(name, func(t *testing.T) {
			folder, _, _ := strings.Cut(name, "/")
			var got bytes.Buffer
			feed(testConverter(t, folder), new(Source), lines(log), func(f *schema.Fragment) {
				got.WriteString(f.Role.String() + " " + f.Key.String() + " " + f.ID.String() + " ")
				got.Write(f.AppendJSON(nil))
				got.WriteByte('\n')
			})
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			w, g := lines(string(want)), lines(got.String())
			for i := range max(len(w), len(g)) {
				if i >= len(w) || i >= len(g) || w[i] != g[i] {
					t.Fatalf("fragment %d differs\nwant %s\ngot  %s", i, at(w, i), at(g, i))
				}
			}
		})
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(none)"
}
