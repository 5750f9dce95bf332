package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func TestCodexOtelTakesOnlyItsOwn(t *testing.T) { takesOnly(t, &otlpFormat{codexOtel, false}) }

// TestCodexOtel holds what becomes of the calls of the test log.
func TestCodexOtel(t *testing.T) {
	got := actions(t, lines(testLogs(t)["codex-otel/otlp.jsonl"])...)
	for n, want := range map[string]struct{ line, outcome, decision, source, exit string }{
		"01": {"ls -l", schema.OutcomeSuccess, schema.AutoApproved, "config", "0"},
		"02": {"rm -rf build", schema.OutcomeFailure, schema.Denied, "user", ""},
		"03": {"make", schema.OutcomeFailure, schema.Approved, "user", "2"},
		"04": {"", "", schema.AutoApproved, "automatedreviewer", ""},
		"05": {"", schema.OutcomeFailure, schema.Denied, "user", ""},
		"06": {"", "", "", "user", ""},
		"07": {"npm start", schema.OutcomeFailure, "", "", "130"},
		"09": {"", schema.OutcomeSuccess, "", "", ""},
		"10": {"", schema.OutcomeSuccess, "", "", ""},
		"11": {"ls -1", schema.OutcomeSuccess, "", "", ""},
	} {
		a := got["call_otel000000000000000000"+n]
		if a == nil {
			t.Errorf("%s is missing", n)
			continue
		}
		if a.Command.Line != want.line || a.Event.Outcome != want.outcome || a.Authorization.Decision != want.decision ||
			a.Authorization.Source != want.source || schema.FormatInt(a.Execution.ExitCode) != want.exit {
			t.Errorf("%s: want %+v, got %s", n, want, a.AppendJSON(nil))
		}
	}
	if len(got) != 11 { // with the call that could not be begun
		t.Errorf("%d actions", len(got))
	}
}

// TestCodexOtelPairs holds that the lane meets the rollout's by call id.
func TestCodexOtelPairs(t *testing.T) {
	list := fragments(testConverter(t, ""), new(Source), []string{
		`{"timestamp":"2026-03-01T10:00:00Z","type":"response_item","payload":{"type":"function_call","name":"exec_command","arguments":"{\"cmd\":\"ls -l\"}","call_id":"call_otel00000000000000000001"}}`,
		lines(testLogs(t)["codex-otel/otlp.jsonl"])[0],
	})
	if len(list) != 3 || list[0].Key != list[1].Key || list[0].Key != list[2].Key || len(ids(list)) != 3 {
		t.Errorf("%d fragments", len(list))
	}
}

// TestOtlpMixed holds that a document with the records of two agents is read whole, whoever recognises it.
func TestOtlpMixed(t *testing.T) {
	a, b := lines(testLogs(t)["claude-otel/otlp.jsonl"])[0], lines(testLogs(t)["codex-otel/otlp.jsonl"])[0]
	for _, doc := range []string{"[" + a + "," + b + "]", "[" + b + "," + a + "]"} {
		formats := map[string]int{}
		for _, f := range fragments(testConverter(t, ""), new(Source), []string{doc}) {
			formats[f.Trail.Format]++
		}
		if formats[claudeOtelName] != 2 || formats[codexOtelName] != 2 {
			t.Error(formats)
		}
	}
}

// TestCodexOtelBeside reads a record without a body, whose attributes stand in Fluent Bit's metadata.
func TestCodexOtelBeside(t *testing.T) {
	meta := `{"otlp":{"attributes":{"event.name":"codex.tool_decision","conversation.id":"c","tool_name":"shell","call_id":"call_otel00000000000000000001","decision":"approved","source":"User"}}}`
	for _, body := range []string{`{}`, `""`, `null`} {
		list := besideBody(t, body, meta, `{"resource":{"attributes":{"host.name":"web1"}}}`)
		if len(list) != 1 || list[0].Authorization.Decision != schema.Approved || list[0].Infrastructure.HostName != "web1" {
			t.Errorf("%s: %+v", body, list)
		}
	}
}

func FuzzCodexOtel(f *testing.F) { fuzzLog(f, "codex-otel") }
