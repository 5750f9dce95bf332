package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// tool runs this program as users do, and returns what it prints and its exit code.
func tool(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command("agent-audit", args...) // testscript has put it on PATH
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

// From setup to reconcile on a bucket of each server, by the command line only.
func TestBucket(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
		t.Setenv("AWS_CONFIG_FILE", "/dev/null")
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
		dir := t.TempDir()
		path := func(name string) string { return filepath.Join(dir, name) }
		run := func(code int, want string, args ...string) string {
			t.Helper()
			out, errs, got := tool(t, args...)
			if got != code || !strings.Contains(out+errs, want) {
				t.Fatalf("agent-audit %s: exit code %d, want %d with %q:\n%s%s", strings.Join(args, " "), got, code, want, out, errs)
			}
			return out
		}
		url := "s3://trail/a?region=us-east-1&path_style=true&endpoint=" + server.Endpoint
		out, _, _ := tool(t, "setup", "s3", url, "--retention", "2d", "--json")
		var made struct {
			Steps  []struct{ Outcome string }
			Writer json.RawMessage `json:"writer_policy"`
		}
		if err := json.Unmarshal([]byte(out), &made); err != nil || len(made.Steps) != 4 || made.Steps[0].Outcome != "done" || len(made.Writer) < 100 {
			t.Fatalf("%v: %s", err, out)
		}
		write(t, path("log.jsonl"), `{"id":1,"timestamp":"2026-03-01T10:00:00Z","session_id":"abc-123","agent_id":"agent-7","user":"alice","command":"ls","decision":"auto-approved","exit_code":0}
{"id":2,"timestamp":"2026-03-01T10:02:05Z","session_id":"abc-124","agent_id":"agent-8","user":"bob","command":"cat /etc/shadow","decision":"rejected"}
`)
		write(t, path("c.yaml"), fmt.Sprintf("state_dir: %s\nexporters:\n  sqlite: {path: %s}\n  s3: {bucket: trail, prefix: a, region: us-east-1, endpoint: %s, path_style: true, retention: 2d}\n",
			path("s"), path("s/audit.db"), server.Endpoint))
		run(0, "", "import", "--config", path("c.yaml"), path("log.jsonl"))
		run(0, "VERIFIED: 2 records", "verify", url, "--lock-mode", "COMPLIANCE", "--retention", "2d", "--report", path("r.html"))
		if page, err := os.ReadFile(path("r.html")); err != nil || !bytes.Contains(page, []byte("nothing was found wrong")) {
			t.Errorf("report: %v\n%s", err, page)
		}
		run(1, "FOUND  lock", "verify", url, "--retention", "365d")
		run(0, "agent-7", "retrieve", url, "--session", "abc-123")
		run(0, "cat /etc/shadow", "query", "--source", url, "--decision", "denied", "-o", "json")
		run(0, "1 records proved", "prove", url, "--session", "abc-124", "--to", path("evidence"))
		checkEvidence(t, path, run)
		run(0, "2 of 2 records that exporter s3", "reconcile", "--state", path("s"), "--source", url, "--source", "sqlite:"+path("s/audit.db"))
		run(1, "there is no archive", "reconcile", "--state", path("s"), "--source", "s3://trail/b"+strings.TrimPrefix(url, "s3://trail/a"))
	})
}

// checkEvidence lets evidence be checked by verify and by the script in the docs, whole and changed.
func checkEvidence(t *testing.T, path func(string) string, run func(int, string, ...string) string) {
	t.Helper()
	keys, _ := filepath.Glob(path("evidence/*.pub"))
	if len(keys) != 1 {
		t.Fatalf("keys %v", keys)
	}
	script := func(code int) {
		t.Helper()
		cmd := exec.Command("python3", "../../docs/verify-evidence.py", path("evidence"), keys[0])
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
			t.Errorf("script: %v, want exit code %d\n%s", err, code, out)
		}
	}
	run(0, "VERIFIED: 1 records", "verify", path("evidence"), "--key", keys[0])
	script(0)
	records := path("evidence/records.ndjson")
	text, err := os.ReadFile(records)
	if err != nil {
		t.Fatal(err)
	}
	write(t, records, strings.Replace(string(text), "bob", "eve", 1))
	run(1, "FOUND  proof", "verify", path("evidence"), "--key", keys[0])
	script(1)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
