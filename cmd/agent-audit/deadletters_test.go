package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/internal/journal"
)

func runDeadLetters(args ...string) (string, error) {
	var out bytes.Buffer
	c := deadLettersCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetOut(&out)
	c.SetArgs(args)
	err := c.Execute()
	return out.String(), err
}

// Letters are shown with their reasons, redacted once more and without control characters; what is no letter, or cannot
// be read now, is said.
func TestDeadLetters(t *testing.T) {
	state := t.TempDir()
	j, err := journal.Open(state, func() string { return "s" }, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	record := `{"@timestamp":"2026-03-01T10:00:00Z","event":{"id":"e1"},"process":{"command_line":"deploy --token ghp_0123456789abcdefghijABCDEFGHIJ012345"}}`
	for _, l := range []struct{ exporter, reason string }{
		{"elasticsearch", "mapper_parsing_exception: field [x]\x1b[2J"}, {"other", "password=Winter-is-coming-42 refused"},
	} {
		letters := []journal.DeadLetter{{Sequence: 7, Reason: l.reason, JSON: []byte(record)}}
		if err := j.SaveCursor(l.exporter, journal.Cursor{Dead: 1}, letters); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := runDeadLetters("--state", state); err == nil || !strings.Contains(err.Error(), "stop Fluent Bit first") {
		t.Errorf("while it runs: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := runDeadLetters("--state", state)
	if !errors.Is(err, errFinding) || strings.Count(out, "\n") != 2 || !strings.Contains(out, "elasticsearch  7  mapper_parsing_exception") ||
		strings.Contains(out, "\x1b") || strings.Contains(out, "Winter") {
		t.Errorf("%v\n%q", err, out)
	}
	out, err = runDeadLetters("--state", state, "--exporter", "elasticsearch", "--json")
	if !errors.Is(err, errFinding) || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"record":{"@timestamp"`) || strings.Contains(out, "ghp_0123") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err = runDeadLetters("--state", state, "--exporter", "sqlite"); err != nil || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err = runDeadLetters("--state", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no state folder") {
		t.Errorf("no state folder: %v", err)
	}
}
