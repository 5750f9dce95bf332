package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// OpenAI Agents SDK (Python and TypeScript): traces as its processors export them, an object a line or {"data":[…]}, the
// body sent to the API. Made from its sources of 2025 and 2026.
//
//		{"object":"trace","id","workflow_name","group_id","metadata"}
//		{"object":"trace.span","id","trace_id","parent_id","started_at","ended_at","span_data":{…},"error":{"message","data"}}
//		    span_data of a call {"type":"function","name","input": JSON text,"output"}, of a hosted MCP or shell tool the like;
//		    agent {"name","tools"}, generation, response, handoff, guardrail, mcp_tools: no action
//
//	  - A span is written when it has ended: call and result are one. Its id is not the call's, which is not told.
//	  - group_id of the trace names the conversation; there is no directory, no decision, no user, no host, no exit code.
//	  - input and output are missing when the SDK is told to leave sensitive data out.
type agentsSDK struct{}

const agentsSDKName = "openai-agents"

func (*agentsSDK) Name() string { return agentsSDKName }

func isAgentsSDK(v value.Value) bool {
	switch str(v.Get("object")) {
	case "trace":
		return v.Get("workflow_name").Exists()
	case "trace.span":
		return v.Get("span_data").Kind() == value.Object && v.Get("trace_id").Exists()
	}
	return false
}

// Keys of its objects.
func (*agentsSDK) Keys() []string { return []string{"object", "data"} }

func (*agentsSDK) Detect(v value.Value) bool {
	if d := v.Get("data"); v.Kind() == value.Object && d.Kind() == value.Array {
		v = d.First()
	}
	return v.Kind() == value.Object && isAgentsSDK(v)
}

func (*agentsSDK) Convert(src *Source, in *Input, emit Emit) bool {
	l := agentsTrace{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: agentsSDKName, family: agentsSDKName, agent: agentsSDKName}}}
	if isAgentsSDK(in.Body) {
		l.item(in.Body)
		return true
	}
	for v := in.Body.Get("data").First(); v.Exists(); v = v.Next() {
		l.item(v)
	}
	return true
}

// agentsTrace is one record while it is read.
type agentsTrace struct{ anyAgent }

func (l *agentsTrace) item(v value.Value) {
	if str(v.Get("object")) == "trace" {
		l.begin(str(v.Get("id")))
		keep(&l.src.Known.Session.ConversationID, str(v.Get("group_id")))
		return
	}
	l.begin(str(v.Get("trace_id")))
	data := v.Get("span_data")
	tool := str(data.Get("name"))
	if str(data.Get("type")) != "function" || tool == "" {
		return
	}
	l.time = parseTime(v.Get("started_at"))
	f := l.request("", tool, data.Get("input"))
	f.Role = schema.Whole
	if data.Get("mcp_data").Kind() == value.Object {
		setKind(&f.Action, schema.ActionMCP)
	}
	f.Execution.End = parseTime(v.Get("ended_at"))
	failure := v.Get("error")
	anyResult(f, data.Get("output"), docOf(v).Bool(failure.Kind() == value.Object), f.Event.Action == schema.ActionShell)
	if failure.Kind() == value.Object {
		f.Error.Message = orElse(str(failure.Get("data", "error")), str(failure.Get("message")))
	}
	if span := f.Execution.End.Sub(f.Execution.Start); span > 0 && !f.Execution.Start.IsZero() {
		f.Execution.Duration = schema.Some(int64(span))
	}
	identify(f, schema.MakeID(agentsSDKName, str(v.Get("trace_id")), str(v.Get("id"))))
	l.emit(f)
}
