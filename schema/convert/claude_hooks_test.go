package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// takesOnly holds that a format detects no record of another's samples, neither by the line nor as a document.
func takesOnly(t *testing.T, f Format, own ...string) {
	t.Helper()
	if _, err := os.Stat(samplesDir); err != nil {
		t.Logf("NOT COMPARED with real logs: %v", err)
		return
	}
	paths, _ := filepath.Glob(filepath.Join(samplesDir, "*", "*"))
	for _, p := range paths {
		if b, _ := os.ReadFile(p); !isOwn(p, own) {
			for _, text := range append(strings.Split(string(b), "\n"), string(b)) {
				var doc value.Doc
				in := Unwrap(&doc, Record{Body: doc.Text(text)})
				if f.Detect(in.Body) && f.Convert(new(Source), &in, func(*schema.Fragment) {}) {
					t.Errorf("%s takes %s: %.200s", f.Name(), p, text)
					break
				}
			}
		}
	}
}

func isOwn(path string, own []string) bool {
	for _, dir := range own {
		if filepath.Base(filepath.Dir(path)) == dir {
			return true
		}
	}
	return false
}

// actions converts lines and merges the fragments of each action, by call id or else by key.
func actions(t *testing.T, list ...string) map[string]*schema.Action {
	t.Helper()
	names, out := map[schema.ID]string{}, map[string]*schema.Action{}
	for _, f := range fragments(testConverter(t, ""), new(Source), list) {
		name := names[f.Key]
		if name == "" {
			name = orElse(f.Command.CallID, f.Key.String())
			names[f.Key] = name
		}
		if a := out[name]; a != nil {
			a.Merge(&f.Action)
		} else {
			out[name] = f.Clone()
		}
	}
	return out
}

func TestHooksTakeOnlyHooks(t *testing.T) { takesOnly(t, &claudeHooks{}, "claude-code-hooks") }

// TestHooksForeign holds that hooks of agents with event names or transcripts of their own are not taken for Claude's.
func TestHooksForeign(t *testing.T) {
	for _, s := range []string{
		`{"hook_event_name":"beforeShellExecution","conversation_id":"c","generation_id":"g","command":"ls","cwd":"/srv"}`,
		`{"hook_event_name":"BeforeTool","session_id":"s","cwd":"/srv","tool_name":"run_shell_command","tool_input":{"command":"ls"}}`,
		`{"hook_event_name":"PreToolUse","session_id":"s","transcript_path":"C:\\Users\\d\\.gemini\\tmp\\x.json","tool_name":"x"}`,
		`{"hook_event_name":7,"session_id":"s"}`, `{"hook_event_name":"Stop"}`, `[]`, `[1]`, `{"payload":{"session_id":"s"}}`,
	} {
		var doc value.Doc
		v, err := doc.ParseJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		if new(claudeHooks).Detect(v) {
			t.Errorf("taken: %s", s)
		}
	}
}

// TestHooksPair holds what becomes of the calls of the test logs. In the samples our reading differs from the
// independent one in a single exit code: that of a command sent to the background, which has not exited when
// PostToolUse comes. The reading says 0; the log does not, and neither do we.
func TestHooksPair(t *testing.T) {
	logs := testLogs(t)
	got := actions(t, lines(logs["claude-hooks/events.jsonl"])...)
	for id, want := range map[string]struct{ outcome, decision, exit string }{
		"toolu_hook0000000000000000001": {schema.OutcomeFailure, "", "2"},
		"toolu_hook0000000000000000002": {schema.OutcomeFailure, schema.Denied, ""},
		"toolu_hook0000000000000000003": {schema.OutcomeUnknown, "", ""},
		"toolu_hook0000000000000000004": {schema.OutcomeSuccess, "", ""},
		"toolu_hook0000000000000000005": {schema.OutcomeUnknown, "", ""},
		"toolu_hook0000000000000000006": {schema.OutcomeSuccess, "", ""},
	} {
		a := got[id]
		if a == nil || a.Event.Outcome != want.outcome || a.Authorization.Decision != want.decision || schema.FormatInt(a.Execution.ExitCode) != want.exit {
			t.Errorf("%s: want %+v, got %+v", id, want, a)
		}
	}
	if len(got) != 7 {
		t.Errorf("%d actions", len(got))
	}
	// Two equal calls without ids, one result without a call, one question without a call, and in the array two calls,
	// of which one has a result.
	nameless := actions(t, lines(logs["claude-hooks/nameless.jsonl"])...)
	outputs := map[string]int{}
	for _, a := range nameless {
		outputs[a.Command.Line+": "+a.Execution.Stdout]++
	}
	for _, want := range []string{"make: one", "make: two", "id: uid=0", "curl x: ", "ls: x", "ls: "} {
		if outputs[want] != 1 {
			t.Errorf("%q: %d", want, outputs[want])
		}
	}
	if len(nameless) != 6 {
		t.Errorf("%d actions", len(nameless))
	}
}

// TestHooksArrayGrown holds that an array written anew with more events in it keeps the identities of the old ones.
func TestHooksArrayGrown(t *testing.T) {
	log := lines(testLogs(t)["claude-hooks/nameless.jsonl"])
	array := log[len(log)-1]
	event := `{"session_id":"s-array","cwd":"/a","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"}}`
	before := ids(fragments(testConverter(t, ""), new(Source), []string{array}))
	after := ids(fragments(testConverter(t, ""), new(Source), []string{array[:len(array)-1] + "," + event + "]"}))
	for id := range before {
		if !after[id] {
			t.Error("an identity has changed")
		}
	}
	if len(after) != len(before)+1 {
		t.Errorf("%d fragments, then %d", len(before), len(after))
	}
}

// TestHooksPairTranscript holds that a hook and the transcript name the same action, and neither hides the other.
func TestHooksPairTranscript(t *testing.T) {
	list := fragments(testConverter(t, ""), new(Source), []string{
		`{"session_id":"s","cwd":"/srv","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_use_id":"toolu_hook0000000000000000001"}`,
		`{"type":"assistant","sessionId":"s","uuid":"u","cwd":"/srv","message":{"content":[{"type":"tool_use","id":"toolu_hook0000000000000000001","name":"Bash","input":{"command":"ls"}}]}}`,
	})
	if len(list) != 2 || list[0].Key != list[1].Key || list[0].ID == list[1].ID {
		t.Errorf("%+v", list)
	}
}

// TestHooksPrompts keeps the person's words only when asked to.
func TestHooksPrompts(t *testing.T) {
	for _, keep := range []bool{false, true} {
		c, err := New(Options{Prompts: keep})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range fragments(c, new(Source), lines(testLogs(t)["claude-hooks/events.jsonl"])) {
			found = found || f.Message == "user: run the tests"
		}
		if found != keep {
			t.Errorf("prompts %v: found %v", keep, found)
		}
	}
}

func FuzzClaudeHooks(f *testing.F) { fuzzLog(f, "claude-hooks") }
