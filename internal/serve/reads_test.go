package serve

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/internal/display"
)

// readLog writes n reads, closing the log after each, and returns its lines.
func readLog(t *testing.T, n int) (path string, lines [][]byte) {
	t.Helper()
	redactor, err := display.NewRedactor()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "state", "reads.ndjson")
	for range n {
		l, err := OpenReads(path, redactor)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenReads(path, redactor); err == nil {
			t.Error("two processes write one log")
		}
		if err := l.Append(Read{Time: now, Who: "carol", Address: "192.0.2.1", What: "GET /", Params: map[string][]string{"user": {"x"}}, Shown: 3, Status: 200}); err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	return path, bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

// Whatever is done to a log of reads is found.
func TestTampered(t *testing.T) {
	_, lines := readLog(t, 5)
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	for name, c := range map[string]struct {
		text []byte
		fine bool
	}{
		"as it is":     {join(lines...), true},
		"changed":      {bytes.Replace(join(lines...), []byte("carol"), []byte("cavil"), 1), false},
		"last changed": {join(append(slices.Clone(lines[:4]), bytes.Replace(lines[4], []byte(`"shown":3`), []byte(`"shown":4`), 1))...), false},
		"line out":     {join(lines[0], lines[1], lines[3], lines[4]), false},
		"first out":    {join(lines[1:]...), false},
		"line twice":   {join(lines[0], lines[1], lines[1], lines[2]), false},
		"turned":       {join(lines[0], lines[2], lines[1], lines[3]), false},
		"other line":   {join(lines[0], []byte("{}\n"), lines[1]), false},
		"no document":  {join(lines[0], []byte("x\n")), false},
	} {
		_, wrong, err := CheckReads(bytes.NewReader(append(slices.Clone(c.text), '\n')))
		if err != nil || (len(wrong) == 0) != c.fine {
			t.Errorf("%s: %q, %v", name, wrong, err)
		}
	}
}

// A line that a crash cut short is told of, and the log goes on behind it.
func TestCutShort(t *testing.T) {
	path, _ := readLog(t, 2)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-20); err != nil {
		t.Fatal(err)
	}
	redactor, err := display.NewRedactor()
	if err != nil {
		t.Fatal(err)
	}
	l, err := OpenReads(path, redactor)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 2 {
		if err := l.Append(Read{Time: now, Who: "bob", What: "GET /", Status: 200}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n, wrong, err := CheckReads(bytes.NewReader(text))
	if n != 4 || err != nil || len(wrong) != 1 || !strings.Contains(wrong[0], "line 2 is no record") {
		t.Errorf("%d reads, %q, %v", n, wrong, err)
	}
}
