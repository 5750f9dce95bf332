package convert

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

func TestClaudeOtelTakesOnlyItsOwn(t *testing.T) {
	takesOnly(t, &otlpFormat{claudeOtel, false}, "claude-code-otel")
}

// TestClaudeOtelDecisions holds what each source of a decision means.
func TestClaudeOtelDecisions(t *testing.T) {
	for _, c := range []struct{ decision, source, want, by string }{
		{"accept", "config", schema.AutoApproved, "config"},
		{"accept", "hook", schema.AutoApproved, "hook"},
		{"accept", "classifier", schema.AutoApproved, "classifier"},
		{"accept", "user_permanent", schema.Approved, "user"},
		{"accept", "user_temporary", schema.Approved, "user"},
		{"accept", "unknown", "", "unknown"},
		{"reject", "config", schema.Denied, "config"},
		{"reject", "hook", schema.Denied, "hook"},
		{"reject", "classifier", schema.Denied, "classifier"},
		{"reject", "user_reject", schema.Denied, "user"},
		{"reject", "user_abort", "", "user"},
		{"reject", "unknown", "", "unknown"},
	} {
		list := fragments(testConverter(t, ""), new(Source), []string{
			`{"attributes":{"event.name":"tool_decision","session.id":"s","tool_name":"Bash","tool_use_id":"toolu_otel00000000000000000001","decision":"` +
				c.decision + `","source":"` + c.source + `"},"body":"claude_code.tool_decision"}`,
		})
		if len(list) != 1 {
			t.Fatalf("%+v: %d fragments", c, len(list))
		}
		f := list[0]
		a := f.Authorization
		if a.Decision != c.want || a.Source != c.by || a.Raw != c.decision+" "+c.source || f.Role != schema.Decision {
			t.Errorf("%+v: %+v", c, a)
		}
		if f.Execution.Interrupted != (c.source == "user_abort") {
			t.Errorf("%+v: interrupted %v", c, f.Execution.Interrupted)
		}
	}
}

// besideBody gives a record to a converter as Fluent Bit's opentelemetry input does.
func besideBody(t *testing.T, body, meta, group string) []schema.Fragment {
	t.Helper()
	var docs [3]value.Doc
	rec := Record{Tag: "otel", ID: schema.MakeID(body)}
	for i, s := range []string{body, meta, group} {
		v, err := docs[i].ParseJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		*[]*value.Value{&rec.Body, &rec.Meta, &rec.Group}[i] = v
	}
	var doc value.Doc
	in := Unwrap(&doc, rec)
	var out []schema.Fragment
	testConverter(t, "").Convert(new(Source), &in, func(f *schema.Fragment) {
		g := *f
		g.Action = *f.Clone()
		out = append(out, g)
	})
	return out
}

// TestClaudeOtelBeside reads a record whose attributes stand in Fluent Bit's metadata: it is the same fragment as that
// of the OTLP document, and neither prompts nor the whole metadata are kept.
func TestClaudeOtelBeside(t *testing.T) {
	group := `{"resource":{"attributes":{"service.name":"claude-code","service.version":"2.1.330","host.arch":"arm64"}},"scope":{"name":"com.anthropic.claude_code.events"}}`
	meta := `{"otlp":{"observed_timestamp":1772359201000000000,"attributes":{"event.name":"tool_decision","event.sequence":2,"event.timestamp":"2026-03-01T10:00:01Z","session.id":"5f1d6a0e-0000-4000-8000-000000000021","tool_name":"Bash","tool_use_id":"toolu_otel00000000000000000001","decision":"accept","source":"user_temporary","user.email":"dev@example.com"}}}`
	for _, body := range []string{`{"log":"claude_code.tool_decision"}`, `"claude_code.tool_decision"`, `{}`, `""`} {
		list := besideBody(t, body, meta, group)
		if len(list) != 1 {
			t.Fatalf("%s: %d fragments", body, len(list))
		}
		f := list[0]
		if f.Trail.Format != claudeOtelName || f.Authorization.Decision != schema.Approved || f.Identity.ServiceVersion != "2.1.330" ||
			f.Infrastructure.HostArch != "arm64" || f.Identity.UserEmail != "dev@example.com" || f.Trail.Fields != `{"attributes":{"event.sequence":2}}` {
			t.Errorf("%s: %s", body, f.AppendJSON(nil))
		}
		log := testLogs(t)["claude-otel/otlp.jsonl"]
		if !ids(fragments(testConverter(t, ""), new(Source), lines(log)))[f.ID] {
			t.Errorf("%s: not the fragment of the OTLP document", body)
		}
	}
	quiet := `{"otlp":{"attributes":{"event.name":"user_prompt","prompt":"hello","session.id":"s"}}}`
	if list := besideBody(t, `{"log":"claude_code.user_prompt"}`, quiet, group); len(list) != 0 {
		t.Errorf("a prompt: %s", list[0].AppendJSON(nil))
	}
	if list := besideBody(t, `"other"`, `{"otlp":{"attributes":{"x":1}}}`, `{}`); len(list) != 1 || list[0].Trail.Format != "text" {
		t.Errorf("a record of nobody: %+v", list)
	}
}

// TestClaudeOtelPairs holds that the lanes of one call meet, and none hides the other.
func TestClaudeOtelPairs(t *testing.T) {
	list := fragments(testConverter(t, ""), new(Source), []string{
		`{"type":"assistant","sessionId":"5f1d6a0e-0000-4000-8000-000000000021","uuid":"u","cwd":"/srv","message":{"content":[{"type":"tool_use","id":"toolu_otel00000000000000000001","name":"Bash","input":{"command":"npm test"}}]}}`,
		lines(testLogs(t)["claude-otel/otlp.jsonl"])[0],
		`{"type":"user","sessionId":"5f1d6a0e-0000-4000-8000-000000000021","uuid":"v","message":{"content":[{"type":"tool_result","tool_use_id":"toolu_otel00000000000000000001","content":"ok"}]},"toolUseResult":{"stdout":"ok","stderr":""}}`,
	})
	if len(list) != 4 || len(ids(list)) != 4 {
		t.Fatalf("%d fragments", len(list))
	}
	a := list[0].Clone()
	for _, f := range list[1:] {
		if f.Key != list[0].Key {
			t.Errorf("another action: %s", f.AppendJSON(nil))
		}
		a.Merge(&f.Action)
	}
	if len(a.Trail.Conflicts) != 0 || a.Authorization.Decision != schema.AutoApproved || a.Command.Cwd != "/srv" || a.Execution.Stdout != "ok" {
		t.Errorf("%s", a.AppendJSON(nil))
	}
}

// TestClaudeOtelSample reads the one real document at hand: of its five records, one tells of an action.
func TestClaudeOtelSample(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(samplesDir, "claude-code-otel", "axiom__claude_logs.json"))
	if err != nil {
		t.Logf("NOT COMPARED with real logs: %v", err)
		return
	}
	list := fragments(testConverter(t, ""), new(Source), []string{string(b)})
	if len(list) != 1 || list[0].Command.Tool != "Read" || list[0].Event.Outcome != schema.OutcomeSuccess || list[0].Role != schema.Result ||
		list[0].Execution.Duration != schema.Some(2e6) || list[0].Identity.ServiceVersion != "2.1.226" || list[0].Infrastructure.HostOS != "darwin" {
		t.Errorf("%+v", list)
	}
}

func FuzzClaudeOtel(f *testing.F) { fuzzLog(f, "claude-otel") }
