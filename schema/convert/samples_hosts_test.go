package convert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

// hostExtra are commands that we find and the independent reading does not.
var hostExtra = map[string]int{
	// USER_CMD, which sudo writes, is a command. And in one log, put together by hand, 11 events have the time and serial of
	// earlier ones, but another process or parent: they are not the same, and all of them are kept.
	"auditd": 12,
}

// hostDisputed are findings in which the reading is wrong, or reads otherwise, by file and command.
var hostDisputed = map[string]string{
	// sudo's own tests print the start and the end of a command as two lines. The reading takes each for a command; they are
	// one, of one TSID, with the exit code of the second line. In the other it takes the signal for a part of the command.
	"eventlog_store__test2.sudo.out.ok /usr/bin/id":                                    "found",
	"eventlog_store__test3.sudo.out.ok /usr/bin/find build/out/sudoers/ ; SIGNAL=QUIT": "found",
	"eventlog_store__test3.sudo.out.ok /usr/bin/find build/out/sudoers/":               "failed",
	// The observation is SWE-agent's own "EXECUTION TIMED OUT": it killed the command. The reading calls that no failure.
	"rock.traj ./rock":                 "failed",
	"katy.traj python recover_flag.py": "failed",
}

// TestHostSamples compares what we read in real logs of hosts and research agents with an independent reading of them, where
// both are at hand. All must agree but for what is disputed above.
func TestHostSamples(t *testing.T) {
	if _, err := os.Stat(samplesDir); err != nil {
		t.Logf("NOT COMPARED with real logs: %v", err)
		return
	}
	for _, agent := range []string{"auditd", "k8s-audit", "mini-swe-agent", "openhands", "sudo", "swe-agent", "tetragon"} {
		t.Run(agent, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(expectedDir, agent+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			extra := 0
			files := map[string][]expectedCommand{} // OpenHands: a line of the log each
			for line := range strings.Lines(string(b)) {
				var e struct {
					File     string
					Commands []expectedCommand
				}
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatal(err)
				}
				files[e.File] = append(files[e.File], e.Commands...)
			}
			for file, want := range files {
				log, err := os.ReadFile(filepath.Join(samplesDir, agent, file))
				if err != nil {
					t.Fatal(err)
				}
				extra += hostFile(t, file, want, readWhole(t, string(log)))
			}
			if extra != hostExtra[agent] {
				t.Errorf("%d extra commands, want %d", extra, hostExtra[agent])
			}
		})
	}
}

// readWhole reads a log line by line, or as one document if that is what it is.
func readWhole(t *testing.T, log string) []*schema.Action {
	if json.Valid([]byte(log)) && !strings.HasPrefix(strings.TrimSpace(log), `"`) {
		log = strings.ReplaceAll(log, "\n", " ")
	}
	return readLog(t, log, "auto")
}

// hostFile compares one file and returns how many commands are extra. A command is found by its call id, else by its text,
// in the order of the log.
func hostFile(t *testing.T, file string, want []expectedCommand, got []*schema.Action) (extra int) {
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	used := map[*schema.Action]bool{}
	find := func(w expectedCommand) *schema.Action {
		for _, a := range got {
			if !used[a] && (w.CallID != "" && a.Command.CallID == w.CallID || words(a.Command.Line) == words(w.Command)) {
				return a
			}
		}
		return nil
	}
	for _, w := range want {
		dispute := hostDisputed[file+" "+w.Command]
		a := find(w)
		if a == nil {
			if dispute != "found" {
				t.Errorf("%s: %s %q is missing", file, w.CallID, w.Command)
			}
			continue
		}
		used[a] = true
		check := func(what string, ok bool) {
			if !ok && dispute != what {
				t.Errorf("%s: %s %q: %s differs: exit %+v outcome %q cwd %q decision %q", file, w.CallID, w.Command, what, a.Execution.ExitCode, a.Event.Outcome, a.Command.Cwd, a.Authorization.Decision)
			}
		}
		failed := a.Event.Outcome == schema.OutcomeFailure || a.Execution.ExitCode.Set && a.Execution.ExitCode.N != 0 || a.Authorization.Decision == schema.Denied
		check("text", words(a.Command.Line) == words(w.Command))
		check("cwd", w.Cwd == "" || a.Command.Cwd == w.Cwd)
		check("exit", w.ExitCode == nil || a.Execution.ExitCode == schema.Some(*w.ExitCode))
		check("failed", w.NoResult || w.Failed == nil || w.Decision != nil && *w.Decision == "denied" || *w.Failed == failed)
		check("denied", w.Decision == nil || (*w.Decision == "denied") == (a.Authorization.Decision == schema.Denied))
	}
	for _, a := range got {
		if a.Command.Line != "" && !used[a] && a.Event.Action == schema.ActionShell {
			extra++
			t.Logf("%s: extra: %s %q", file, a.Command.CallID, a.Command.Line)
		}
	}
	return extra
}
