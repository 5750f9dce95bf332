package convert

import (
	"os"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

// factsOf reads a log of testdata and says of each of its actions, log lines left out: kind, command or tool, directory, exit
// code, outcome, decision and who decided, interruption.
func factsOf(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range readLog(t, string(b), "auto") {
		if a.Event.Action == schema.ActionLog {
			continue
		}
		facts := []string{a.Event.Action, orElse(a.Command.Line, a.Command.Tool)}
		if a.Command.Cwd != "" {
			facts = append(facts, "in "+a.Command.Cwd)
		}
		if a.Execution.ExitCode.Set {
			facts = append(facts, "exit "+schema.FormatInt(a.Execution.ExitCode))
		}
		if a.Event.Outcome != "" {
			facts = append(facts, a.Event.Outcome)
		}
		if d := a.Authorization; d.Decision != "" {
			facts = append(facts, d.Decision+" by "+d.Source)
		}
		if a.Execution.Interrupted {
			facts = append(facts, "interrupted")
		}
		if len(a.Trail.Conflicts) > 0 {
			facts = append(facts, "CONFLICTS")
		}
		out = append(out, strings.Join(facts, ", "))
	}
	return out
}

// sameFacts holds a log of testdata to what is known of it.
func sameFacts(t *testing.T, path string, want ...string) {
	t.Helper()
	got := factsOf(t, path)
	for i := range max(len(got), len(want)) {
		if at(got, i) != at(want, i) {
			t.Errorf("%s, action %d\nwant %s\ngot  %s", path, i, at(want, i), at(got, i))
		}
	}
}
