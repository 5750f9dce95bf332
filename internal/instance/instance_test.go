package instance

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
)

// The key is made once, private, and read back; one that others can read, or that is no key, is refused.
func TestLoadKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scrub.key")
	first, err := LoadKey(file)
	if err != nil || len(first) != keyBytes {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if again, err := LoadKey(file); err != nil || !bytes.Equal(first, again) {
		t.Errorf("second reading differs: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
	for name, text := range map[string]string{"empty": "", "short": "abcd\n", "no hex": strings.Repeat("zz", 32)} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(file); err == nil || strings.Contains(err.Error(), "abcd") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStateDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := stateDir(dir); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if err := stateDir(dir); err == nil {
		t.Error("a folder that others can write was taken")
	}
}

// The status of a stopped instance comes from its journal, however old the last one written is; of a running one from
// what it wrote.
func TestReadStatus(t *testing.T) {
	if _, err := ReadStatus(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no state folder") {
		t.Errorf("empty folder: %v", err)
	}
	dir := t.TempDir()
	j, err := journal.Open(dir, func() string { return "the-stream" }, journal.Options{SeenFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	stale := `{"stream":"the-stream","running":true,"accepted":7,"exporters":[{"name":"sqlite","state":"running","accepted":7,"delivered":7}]}`
	if err := os.WriteFile(filepath.Join(dir, statusFile), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := ReadStatus(dir); err != nil || !s.Running || s.Accepted != 7 {
		t.Errorf("running: %+v, %v", s, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := ReadStatus(dir)
	if err != nil || s.Running || s.Accepted != 0 || s.Stream != "the-stream" {
		t.Fatalf("stopped: %+v, %v", s, err)
	}
	e := s.Exporters[0]
	if e.State != "stopped" || e.Accepted != e.Delivered+e.Pending+e.DeadLetters {
		t.Errorf("exporter: %+v", e)
	}
}

func TestFindBinary(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "agent-audit")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	for _, configured := range []string{"", program, "agent-audit"} {
		if got, err := findBinary(configured); err != nil || got != program {
			t.Errorf("%q: %q, %v", configured, got, err)
		}
	}
	t.Setenv("PATH", "")
	if _, err := findBinary(""); err == nil || !strings.Contains(err.Error(), "set binary") {
		t.Errorf("nowhere: %v", err)
	}
}
