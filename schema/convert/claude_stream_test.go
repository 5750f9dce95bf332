package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

func TestClaudeStreamTakesOnlyItsOwn(t *testing.T) { takesOnly(t, &claudeStream{}) }

// TestClaudeStream holds what becomes of the calls of the test log.
func TestClaudeStream(t *testing.T) {
	got := actions(t, lines(testLogs(t)["claude-stream/session.jsonl"])...)
	for n, want := range map[string]struct{ cwd, outcome, decision, exit string }{
		"1": {"/srv/shop", schema.OutcomeFailure, "", "1"},
		"2": {"/srv/shop", schema.OutcomeFailure, schema.Denied, ""},
		"3": {"/srv/shop", schema.OutcomeSuccess, "", "0"},
		"4": {"/srv/shop", schema.OutcomeFailure, "", "3"},
		"5": {"/srv/shop", schema.OutcomeUnknown, "", ""},
		"6": {"/a", schema.OutcomeSuccess, "", ""},
	} {
		a := got["toolu_stream00000000000000000"+n]
		if a == nil || a.Command.Cwd != want.cwd || a.Event.Outcome != want.outcome || a.Authorization.Decision != want.decision ||
			schema.FormatInt(a.Execution.ExitCode) != want.exit || a.Trail.Format != claudeStreamName {
			t.Errorf("%s: want %+v, got %+v", n, want, a)
		}
	}
	if len(got) != 6 {
		t.Errorf("%d actions", len(got))
	}
}

// TestClaudeStreamForeign holds that what other agents print in messages of the same types is left to them.
func TestClaudeStreamForeign(t *testing.T) {
	for _, s := range []string{
		`{"type":"system","subtype":"init","apiKeySource":"login","cwd":"/a","session_id":"s","model":"auto","permissionMode":"default"}`,
		`{"type":"system","subtype":"init","cwd":"/a","session_id":"s","tools":["Read"],"model":"gpt-5-codex"}`,
		`{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"hi"}]},"session_id":"s"}`,
		`{"type":"tool_call","subtype":"started","call_id":"c","session_id":"s"}`,
		`{"type":"user","sessionId":"s","session_id":"s","uuid":"u","message":{"content":[]}}`,
		`{"type":"assistant","message":{"id":"msg_1","content":[]},"session_id":"T-1","uuid":"u"}`,
		`{"type":"assistant","message":"x","session_id":"s","uuid":"u"}`, `[]`, `[1]`,
	} {
		var doc value.Doc
		v, err := doc.ParseJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		if new(claudeStream).Detect(v) {
			t.Errorf("taken: %s", s)
		}
	}
}

// TestClaudeStreamPairs holds that the transcript of the same call meets it, and neither hides the other.
func TestClaudeStreamPairs(t *testing.T) {
	list := fragments(testConverter(t, ""), new(Source), []string{
		`{"type":"assistant","message":{"id":"msg_1","content":[{"type":"tool_use","id":"toolu_stream000000000000000001","name":"Bash","input":{"command":"ls"}}]},"session_id":"s","uuid":"u"}`,
		`{"type":"assistant","sessionId":"s","uuid":"u","message":{"content":[{"type":"tool_use","id":"toolu_stream000000000000000001","name":"Bash","input":{"command":"ls"}}]}}`,
	})
	if len(list) != 2 || list[0].Key != list[1].Key || list[0].ID == list[1].ID {
		t.Errorf("%+v", list)
	}
}

func FuzzClaudeStream(f *testing.F) { fuzzLog(f, "claude-stream") }
