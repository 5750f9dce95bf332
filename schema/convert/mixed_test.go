package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// A source may begin with lines of no format, and mix formats: what no format knows never decides for what follows.
func TestMixedSource(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const (
		plain  = "starting up"
		object = `{"level":"info","hello":1}`
		claude = `{"type":"assistant","sessionId":"s","uuid":"u","timestamp":"2026-01-01T00:00:00Z","message":{"content":[{"type":"tool_use","id":"toolu_01","name":"Bash","input":{"command":"ls"}}]}}`
		codex  = `{"timestamp":"2026-01-01T00:00:00Z","type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"{\"command\":[\"ls\"]}","call_id":"call_1"}}`
	)
	var src Source
	for i, step := range []struct{ line, format string }{
		{plain, "text"}, {claude, claudeName}, {object, "text"}, {plain, "text"}, {codex, codexName}, {claude, claudeName}, {plain, "text"}, {codex, codexName},
	} {
		var doc value.Doc
		in := Unwrap(&doc, Record{Body: doc.Text(step.line), ID: schema.MakeID("record", step.line)})
		got := ""
		c.Convert(&src, &in, func(f *schema.Fragment) { got = f.Trail.Format })
		if got != step.format {
			t.Errorf("line %d was read as %q, want %q", i, got, step.format)
		}
	}
}
