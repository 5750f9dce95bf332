package logfile

import (
	"os"
	"path/filepath"
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

// A document over several lines is one event; JSON lines are events each, and so is what only looks like a document.
func TestDocuments(t *testing.T) {
	for text, want := range map[string]int{
		"{\n  \"a\": 1\n}\n":          1,
		"\ufeff[\n1,\n2]":             1,
		"{\"a\":1}\n{\"b\":2}\n":      2,
		"{\n  \"a\": 1\n}\n{\"b\":2}": 4,
		"{ not json\nat all\n":        2,
		"":                            0,
		"{\"one\":\"line\"}":          1,
	} {
		if logs, _, _ := read(t, text); len(logs) != want {
			t.Errorf("%q: %d events, want %d", text, len(logs), want)
		}
	}
}
