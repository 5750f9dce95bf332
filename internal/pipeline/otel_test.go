package pipeline

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/test/host"
)

// Log records of Fluent Bit's OpenTelemetry input: attributes and trace id in the metadata, the id as bytes; resource and
// scope in the marker that opens the group.
func TestGenAILogsOfFluentBit(t *testing.T) {
	l := openLine(t, nil, nil)
	trace := []byte{0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c}
	meta := func(event string) host.Map {
		return host.M("otlp", host.M("severity_number", 9, "trace_id", trace, "span_id", trace[:8], "attributes", host.M("event.name", event, "gen_ai.system", "openai")))
	}
	var e host.Encoder
	e.GroupStart(host.M("schema", "otlp", "resource_id", 0, "scope_id", 0), host.M(
		"resource", host.M("attributes", host.M("service.name", "shop-bot", "host.name", "pod-1", "k8s.node.name", "node-4")), "scope", host.M("name", "openai_v2")))
	call := host.M("id", "call_1", "type", "function", "function", host.M("name", "bash", "arguments", `{"command":"make"}`))
	e.Event(l.time, meta("gen_ai.choice"), host.M("index", 0, "finish_reason", "tool_calls", "message", host.M("role", "assistant", "tool_calls", []any{call})))
	e.Event(l.time, meta("gen_ai.tool.message"), host.M("id", "call_1", "content", `{"exit_code":2,"stdout":"","stderr":"no rule"}`))
	e.GroupEnd()
	if err := l.Flush("otel", e.Take()); err != nil {
		t.Fatal(err)
	}
	got := l.records(t)
	if len(got) != 1 {
		t.Fatalf("%d records", len(got))
	}
	a := got[0]
	if a.Trail.Format != "otel-genai-logs" || a.Command.Line != "make" || a.Execution.ExitCode != schema.Some(2) || a.Execution.Stderr != "no rule" ||
		a.Identity.ServiceName != "shop-bot" || a.Infrastructure.HostName != "node-4" || a.Session.ID != "5b8efff798038103d269b633813fc60c" {
		t.Errorf("%s %+v %+v\n%+v %q", a.Trail.Format, a.Command, a.Execution, a.Identity, a.Session.ID)
	}
}

// A trace as Fluent Bit hands it on as a log (raw_traces), and as a file of the Collector's exporter has it.
func TestSpansInLogs(t *testing.T) {
	l := openLine(t, nil, nil)
	attr := func(k, v string) host.Map { return host.M("key", k, "value", host.M("stringValue", v)) }
	span := host.M("traceId", "5b8efff798038103d269b633813fc60c", "spanId", "eee19b7ec3c1b174", "name", "execute_tool bash",
		"startTimeUnixNano", "1770091501000000000", "endTimeUnixNano", "1770091502000000000", "attributes",
		[]any{attr("gen_ai.operation.name", "execute_tool"), attr("gen_ai.tool.name", "bash"), attr("gen_ai.tool.call.arguments", `{"command":"ls"}`)})
	var e host.Encoder
	e.Event(l.time, nil, host.M("resourceSpans", []any{host.M("resource", host.M("attributes", []any{attr("service.name", "bot")}), "scopeSpans", []any{host.M("spans", []any{span})})}))
	if err := l.Flush("traces", e.Take()); err != nil {
		t.Fatal(err)
	}
	l.feed(t, `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"bot"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175","name":"execute_tool bash","startTimeUnixNano":"1770091501000000000","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}},{"key":"gen_ai.tool.name","value":{"stringValue":"bash"}},{"key":"gen_ai.tool.call.arguments","value":{"stringValue":"{\"command\":\"pwd\"}"}}]}]}]}]}`)
	got := l.records(t)
	if len(got) != 2 || got[0].Command.Line != "ls" || got[1].Command.Line != "pwd" || got[0].Identity.ServiceName != "bot" {
		t.Fatalf("%d records: %+v", len(got), got)
	}
}
