package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
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
			"exits": exits, "lines": lines, "isjson": isJSON, "flip": flip, "freeport": freePort, "get": get,
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

// freeport NAME puts a port that is free into the environment.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// get STATUS URL asks a server, which may have to begin first, and checks the status.
func get(ts *testscript.TestScript, _ bool, args []string) {
	var answer *http.Response
	err := errors.New("not asked")
	for range 300 {
		if answer, err = http.Get(args[1]); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Check(err)
	defer answer.Body.Close()
	if status := strconv.Itoa(answer.StatusCode); status != args[0] {
		ts.Fatalf("status %s, want %s", status, args[0])
	}
}
