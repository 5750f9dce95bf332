package logfile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema/value"
)

// read returns the logs and offsets of a file's events.
func read(t *testing.T, text string) (logs []string, offsets []int64, chunks int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Chunks(file, func(chunk []byte, _ int64) error {
		chunks++
		for len(chunk) > 0 {
			var d value.Doc
			v, rest, err := d.ParseMsgpack(chunk)
			if err != nil {
				t.Fatal(err)
			}
			body := v.At(1)
			n, _ := body.Get("offset").Int()
			logs, offsets = append(logs, strings.Clone(body.Get("log").String())), append(offsets, n)
			if body.Get("path").String() != file {
				t.Fatalf("path %q", body.Get("path").String())
			}
			chunk = rest
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return logs, offsets, chunks
}

func TestLines(t *testing.T) {
	logs, offsets, _ := read(t, "a\n\r\n  \nbb\r\nlast without newline")
	if strings.Join(logs, "|") != "a|bb|last without newline" || offsets[1] != 7 || offsets[2] != 11 {
		t.Errorf("%q %v", logs, offsets)
	}
}

func TestLongLinesAndChunks(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	logs, _, chunks := read(t, "a\n"+long+"\nb\n"+strings.Repeat(strings.Repeat("y", 1000)+"\n", 3000))
	if len(logs) != 3003 || logs[1] != long || chunks < 3 {
		t.Errorf("%d lines in %d chunks", len(logs), chunks)
	}
}

// JSON values printed over several lines are events, one or one behind the other; JSON lines are events each, and so is
// what only looks like JSON.
func TestDocuments(t *testing.T) {
	for text, want := range map[string][]string{
		"{\n  \"a\": 1\n}\n":                            {"{\n  \"a\": 1\n}"},
		"\ufeff[\n1,\n2]":                               {"[\n1,\n2]"},
		"{\"a\":1}\n{\"b\":2}\n":                        {`{"a":1}`, `{"b":2}`},
		"{\n  \"a\": 1\n}\n{\"b\":2}":                   {"{\n  \"a\": 1\n}", `{"b":2}`},
		"{\n \"a\":{\n}}{\n}\n\n[\n]\n":                 {"{\n \"a\":{\n}}", "{\n}", "[\n]"},
		"{\n\"a\":1\n}\nnoise {\n{\n\"b\":\"}\"\n}\n":   {"{\n\"a\":1\n}", "noise {", "{\n\"b\":\"}\"\n}"},
		"{\n\"a\":1\n}\n{\n\"torn\":[\n{\"b\":2},\nx\n": {"{\n\"a\":1\n}", "{", `"torn":[`, `{"b":2}`, ",", "x"},
		"{ not json\nat all\n":                          {"{ not json", "at all"},
		"":                                              nil,
		"{\"one\":\"line\"}":                            {`{"one":"line"}`},
		"{\"one\":\"line\"} \n":                         {`{"one":"line"} `},
	} {
		logs, offsets, _ := read(t, text)
		if !slices.Equal(logs, want) {
			t.Errorf("%q: %q, want %q", text, logs, want)
		}
		for i, at := range offsets {
			if !strings.HasPrefix(text[at:], logs[i]) {
				t.Errorf("%q: event %d is not at %d", text, i, at)
			}
		}
	}
}

// TestManyDocuments reads more values than one block and one chunk hold, each over several lines, and damaged ones that must
// not be scanned over and over.
func TestManyDocuments(t *testing.T) {
	doc := "{\n  \"body\": \"" + strings.Repeat("x{\\\"", 500) + "\",\n  \"list\": [\n    {}\n  ]\n}\n"
	logs, _, chunks := read(t, strings.Repeat(doc, 2000))
	if len(logs) != 2000 || chunks < 2 || logs[1999] != strings.TrimSuffix(doc, "\n") {
		t.Errorf("%d values in %d chunks", len(logs), chunks)
	}
	if logs, _, _ := read(t, strings.Repeat("{ never closed\n", 100_000)); len(logs) != 100_000 {
		t.Errorf("%d lines", len(logs))
	}
}
