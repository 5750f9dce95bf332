package convert

import (
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

// TestCodexExec reads what `codex exec --json` prints: success, failure, refusal, a repeated line, unknown items and
// fields, and a log begun in its middle. The format is codex.go's; the words of a command are left as Codex prints them.
func TestCodexExec(t *testing.T) {
	const thread = `{"type":"thread.started","thread_id":"019a0000-0000-7000-8000-0000000000bb"}`
	const failed = `{"type":"item.completed","item":{"id":"item_2","type":"command_execution","command":"make","aggregated_output":"no rule\n","exit_code":2,"status":"failed","future":1}}`
	list := []string{
		thread,
		`{"type":"turn.started"}`,
		`{"type":"item.started","item":{"id":"item_1","type":"command_execution","command":"ls","aggregated_output":"","exit_code":null,"status":"in_progress"}}`,
		`{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"ls","aggregated_output":"a\n","exit_code":0,"status":"completed"}}`,
		failed,
		`{"type":"item.completed","item":{"id":"item_3","type":"command_execution","command":"rm x","aggregated_output":"","exit_code":null,"status":"declined"}}`,
		`{"type":"item.completed","item":{"id":"item_4","type":"some_future_item","x":[1]}}`,
		`{"type":"turn.failed","error":{"message":"gone"}}`,
	}
	got := actions(t, list...)
	for id, want := range map[string]struct{ line, outcome, decision, exit string }{
		"item_1": {"ls", schema.OutcomeSuccess, "", "0"},
		"item_2": {"make", schema.OutcomeFailure, "", "2"},
		"item_3": {"rm x", schema.OutcomeFailure, schema.Denied, ""},
	} {
		a := got[id]
		if a == nil || a.Command.Line != want.line || a.Event.Outcome != want.outcome || a.Authorization.Decision != want.decision ||
			schema.FormatInt(a.Execution.ExitCode) != want.exit || a.Session.Type != "exec" {
			t.Errorf("%s: want %+v, got %+v", id, want, a)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d actions", len(got))
	}
	again := fragments(testConverter(t, ""), new(Source), append(list, failed))
	if len(ids(again)) != 4 {
		t.Errorf("a repeated line: %d fragments", len(ids(again)))
	}
	// Without its head the ids are good for nothing: the item stands for itself.
	alone := fragments(testConverter(t, ""), new(Source), []string{failed})
	if len(alone) != 1 || alone[0].Role != schema.Whole || alone[0].Trail.Format != codexName {
		t.Errorf("%+v", alone)
	}
}

// TestCodexExecResumed holds that a resumed run, whose items are counted anew under the same thread id, is not mixed up
// with the first, even where both run the same command.
func TestCodexExecResumed(t *testing.T) {
	all := lines(testLogs(t)["codex/exec-resumed.jsonl"])
	again := append(slices.Clone(all), all[0], all[2], strings.Replace(all[3], "main.go", "other.go", 1))
	outputs := map[string]bool{}
	src, actions := new(Source), map[schema.ID]*schema.Action{}
	tailLines(t, testConverter(t, ""), src, again, func(f *schema.Fragment) {
		if a := actions[f.Key]; a != nil {
			a.Merge(&f.Action)
		} else {
			actions[f.Key] = f.Clone()
		}
	})
	for _, a := range actions {
		outputs[a.Command.Line+": "+a.Execution.Stdout] = true
		if len(a.Trail.Conflicts) > 0 {
			t.Errorf("conflicts: %s", a.AppendJSON(nil))
		}
	}
	if len(actions) != 4 || len(outputs) != 4 {
		t.Errorf("%d actions: %v", len(actions), outputs)
	}
}
