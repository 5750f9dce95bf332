package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// The scripts run this program as users do: testscript puts it on PATH, where it finds itself to run its exporters.
func TestMain(m *testing.M) {
	testscript.Main(withServers{m}, map[string]func(){"agent-audit": main})
}

// withServers stops the S3 servers that tests have started.
type withServers struct{ *testing.M }

func (m withServers) Run() int { return s3test.Main(m.M) }

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/state")
			e.Setenv("COLUMNS", "")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "lines": lines, "isjson": isJSON, "flip": flip,
		},
		RequireExplicitExec: true,
	})
}

// exits CODE PROGRAM ARGS... runs a program and checks its exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// lines N [FILE] checks how many lines a file, or standard output, has.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(append(args, "stdout")[1])
	if n := strconv.Itoa(strings.Count(text, "\n")); n != args[0] {
		ts.Fatalf("%s lines, want %s", n, args[0])
	}
}

// isjson FILE... checks that each line of each file is JSON, or that all of it is.
func isJSON(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := ts.ReadFile(file)
		if json.Valid([]byte(text)) {
			continue
		}
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				ts.Fatalf("%s: no JSON: %q", file, line)
			}
		}
	}
}

// flip FILE changes a byte in the middle of a file that may be read-only.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.Chmod(path, 0o600))
	ts.Check(os.WriteFile(path, b, 0o600))
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		in   string
		end  bool
		want string
	}{
		{"2026-03-01", false, "2026-03-01T00:00:00Z"},
		{"2026-03-01", true, "2026-03-02T00:00:00Z"},
		{"2026-03-01T10:00:00+02:00", false, "2026-03-01T08:00:00Z"},
		{"2026-03-01T10:00:00.5Z", true, "2026-03-01T10:00:00.5Z"},
		{"2026-03-01 10:00", true, "2026-03-01T10:00:00Z"},
		{"12h", false, "2026-03-15T00:00:00Z"},
		{"30d", false, "2026-02-13T12:00:00Z"},
		{"2w", true, "2026-03-01T12:00:00Z"},
		{"1h30m", false, "2026-03-15T10:30:00Z"},
		{"0.5d", false, "2026-03-15T00:00:00Z"},
	} {
		got, err := parseTime(c.in, now, c.end)
		if err != nil || got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%q: %v %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"yesterday", "-1h", "-3d", "2026-13-01", "d", "1e300d", "nand"} {
		if got, err := parseTime(in, now, false); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestParseRisk(t *testing.T) {
	for in, want := range map[string][2]int{"80-100": {80, 100}, "80-": {80, -1}, "-20": {-1, 20}, "95": {95, 95}, "0-0": {0, 0}} {
		low, high, err := parseRisk(in)
		got := [2]int{-1, -1}
		if low != nil {
			got[0] = *low
		}
		if high != nil {
			got[1] = *high
		}
		if err != nil || got != want {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	for _, in := range []string{"-", "a", "1-2-3", "101", "50-200", "--"} {
		if _, _, err := parseRisk(in); err == nil {
			t.Errorf("%q is accepted", in)
		}
	}
}
