package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// OpenTelemetry spans of tools, as frameworks and gateways write them by the semantic conventions for generative AI (1.36
// to 1.40, execute_tool and MCP), or by OpenInference and OpenLLMetry, whose attributes differ.
//
//		{"resourceSpans":[{"resource":{"attributes":A},"scopeSpans":[{"spans":[S,…]}]}]}     OTLP/JSON; A as in otlp.go
//		S = {"traceId","spanId","parentSpanId","name","startTimeUnixNano","endTimeUnixNano","attributes":A,"status":{"code"}}
//		{"name","context":{"trace_id","span_id"},"start_time","end_time","status":{"status_code"},"attributes":{…},"resource"}
//		    a span alone, as the Python SDK's console exporter and files of one span a line have it
//
//		gen_ai.operation.name=execute_tool  gen_ai.tool.{name,type,call.id,call.arguments,call.result}
//		gen_ai.agent.{id,name,version}  gen_ai.conversation.id  gen_ai.provider.name  gen_ai.request.model  error.type
//		mcp.method.name=tools/call  mcp.session.id  jsonrpc.request.id
//		openinference.span.kind=TOOL  tool.name  input.value  output.value  session.id  user.id
//		traceloop.span.kind=tool  traceloop.entity.{name,input,output}
//
//	  - A span is written when it has ended: it is a whole action. Arguments and result are there only by choice.
//	  - Spans of models, agents and chains are no action, nor is anything else that such a document holds.
//	  - Who allowed a call, and exit codes, have no attribute.
type spans struct{}

const spansName = "otel-spans"

func (*spans) Name() string { return spansName }

func (*spans) Detect(v value.Value) bool {
	found := false
	eachSpan(v, func(s *span) { found = found || s.ours() })
	return found
}

func (*spans) Convert(src *Source, in *Input, emit Emit) bool {
	l := callLog{src: src, in: in, emit: emit, format: spansName, family: spansName}
	eachSpan(in.Body, func(s *span) {
		if s.tool() {
			s.convert(&l)
		}
	})
	return true
}

// span is one span with the attributes of its resource.
type span struct {
	v               value.Value
	attrs, resource []otlpAttr
}

// eachSpan calls do for every span in a JSON value that holds such.
func eachSpan(v value.Value, do func(*span)) {
	if v.Kind() == value.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if c.Kind() == value.Object {
				eachSpan(c, do)
			}
		}
		return
	}
	list := first(v, "resourceSpans", "resource_spans")
	for r := list.First(); r.Exists(); r = r.Next() {
		resource := otlpAttrs(nil, "", r.Get("resource", "attributes"))
		scopes := first(r, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
		for s := scopes.First(); s.Exists(); s = s.Next() {
			for c := s.Get("spans").First(); c.Exists(); c = c.Next() {
				do(&span{c, otlpAttrs(nil, "", c.Get("attributes")), resource})
			}
		}
	}
	if !list.Exists() && v.Get("name").Kind() == value.String && v.Get("attributes").First().Exists() {
		s := &span{v, otlpAttrs(nil, "", v.Get("attributes")), otlpAttrs(nil, "", v.Get("resource", "attributes"))}
		if s.id() != "" {
			do(s)
		}
	}
}

// id is trace and span, "" if one is missing.
func (s *span) id() string {
	c := s.v
	if inner := first(s.v, "context", "spanContext"); inner.Kind() == value.Object {
		c = inner
	}
	trace, id := str(first(c, "traceId", "trace_id")), str(first(c, "spanId", "span_id", "id"))
	if trace == "" || id == "" {
		return ""
	}
	// Python writes 0x before the digits, others do not.
	return strings.ToLower(strings.TrimPrefix(trace, "0x")) + " " + strings.ToLower(strings.TrimPrefix(id, "0x"))
}

// first returns the first of the attributes that the span has.
func (s *span) first(names ...string) value.Value {
	for _, n := range names {
		if v := otlpGet(s.attrs, n); v.Exists() && v.Kind() != value.Null {
			return v
		}
	}
	return value.Value{}
}

// ours says whether a span is of an agent: by its attributes' names.
func (s *span) ours() bool {
	for _, a := range s.attrs {
		for _, p := range []string{"gen_ai.", "mcp.", "openinference.", "traceloop."} {
			if strings.HasPrefix(a.name, p) {
				return true
			}
		}
	}
	return false
}

// tool says whether a span is the call of a tool.
func (s *span) tool() bool {
	return s.first("gen_ai.operation.name").String() == "execute_tool" ||
		s.first("mcp.method.name").String() == "tools/call" ||
		s.first("openinference.span.kind").String() == "TOOL" ||
		s.first("traceloop.span.kind").String() == "tool"
}

func (s *span) time(names ...string) time.Time {
	v := first(s.v, names...)
	if sec, ok := v.At(0).Int(); ok && v.Kind() == value.Array && sec > 0 && sec < 1<<33 { // JavaScript's [s, ns]
		n, _ := v.At(1).Int()
		return epochInt(sec*1e9 + n)
	}
	return parseTime(otlpValue(v))
}

func (s *span) convert(l *callLog) {
	l.time = s.time("startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time")
	arguments := s.first("gen_ai.tool.call.arguments", "gen_ai.tool.arguments", "tool.parameters", "input.value", "traceloop.entity.input")
	name := s.first("gen_ai.tool.name", "tool.name", "traceloop.entity.name").String()
	if name == "" {
		_, name, _ = strings.Cut(s.v.Get("name").String(), " ")
		name = orElse(name, s.v.Get("name").String())
	}
	f := l.request(s.first("gen_ai.tool.call.id", "tool_call.id", "tool.call_id", "jsonrpc.request.id").String(), name, arguments)
	f.Role = schema.Whole
	if s.first("mcp.method.name").Exists() && f.Command.Line == "" {
		setKind(&f.Action, schema.ActionMCP)
	}
	f.Command.ToolType = s.first("gen_ai.tool.type").String()
	f.Execution.Start = l.time
	f.Execution.End = s.time("endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time")
	if end := f.Execution.End; !end.IsZero() && !l.time.IsZero() && !end.Before(l.time) {
		f.Execution.Duration = schema.Some(int64(end.Sub(l.time)))
	}
	s.about(f)
	s.outcome(f)
	identify(f, schema.MakeID(spansName, s.id()), string(jsonOf(s.v)))
	l.emit(f)
}

// about fills in who called, for whom and where.
func (s *span) about(f *schema.Fragment) {
	id := &f.Identity
	id.ServiceName, id.AgentName, f.Event.Provider = "", "", ""
	otlpResource(&f.Action, s.resource)
	f.Event.Provider = orElse(id.ServiceName, spansName)
	id.AgentID = s.first("gen_ai.agent.id").String()
	id.AgentName = orElse(s.first("gen_ai.agent.name", "agent.name").String(), id.ServiceName)
	id.ProviderName = s.first("gen_ai.provider.name", "gen_ai.system", "llm.provider").String()
	id.Model = s.first("gen_ai.request.model", "gen_ai.response.model", "llm.model_name").String()
	fill(&id.UserID, s.first("user.id", "enduser.id").String())
	fill(&id.UserEmail, s.first("user.email").String())
	f.Session = schema.Session{ID: s.first("gen_ai.conversation.id", "session.id", "mcp.session.id").String()}
	f.Session.ConversationID = s.first("gen_ai.conversation.id").String()
	trace, _, _ := strings.Cut(s.id(), " ")
	f.Session.Turn = trace
	if f.Session.ID == "" {
		f.Session.ID = trace
	}
}

// outcome reads result and error.
func (s *span) outcome(f *schema.Fragment) {
	if r := s.first("gen_ai.tool.call.result", "gen_ai.tool.result", "output.value", "traceloop.entity.output"); r.Exists() {
		setStdout(&f.Execution, texts(r))
	}
	status := s.v.Get("status")
	f.Error.Type = s.first("error.type").String()
	switch code := first(status, "code", "status_code").String(); {
	case code == "2" || strings.HasSuffix(code, "ERROR") || f.Error.Type != "":
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = str(first(status, "message", "description"))
	case code == "1" || strings.HasSuffix(code, "OK") || !f.Execution.End.IsZero():
		// Unset means that no error was reported, by the specification of spans.
		f.Event.Outcome = schema.OutcomeSuccess
	}
}
