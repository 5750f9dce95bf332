package convert

import (
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// OpenTelemetry spans of tools, as frameworks, gateways and agents write them. Made from the semantic conventions for
// generative AI and MCP (1.36 to 1.40) and from what these document of their attributes: OpenInference, OpenLLMetry
// (Traceloop), Langfuse, LangSmith, MLflow, AgentOps, Pydantic AI, Vercel's AI SDK, Google's ADK, Genkit, Spring AI,
// Strands, and Claude Code's traces. span_names.go has all names.
//
//		{"resourceSpans":[{"resource":{"attributes":A},"scopeSpans":[{"spans":[S,…]}]}]}     OTLP/JSON; A as in otlp.go
//		S = {"traceId","spanId","parentSpanId","name","startTimeUnixNano","endTimeUnixNano","attributes":A,"status":{"code"},
//		     "events":[{"name","attributes":A}]}
//		{"batches":[…]}                                          the same, as Tempo answers
//		{"name","context":{"trace_id","span_id"},"start_time","end_time","status":{"status_code"},"attributes":{…},"resource"}
//		    a span alone, as the Python SDK's console exporter and files of one span a line have it
//		{"id","traceId","type":"TOOL","name","startTime","endTime","input","output","level","statusMessage"}
//		    an observation, as Langfuse exports it
//		{"name","context.span_id","context.trace_id","span_kind","attributes.tool.name",…}    a row of Phoenix's table of spans
//		{"spans":[…]}  {"observations":[…]}                      a trace with all it has
//
//		gen_ai.operation.name=execute_tool  gen_ai.tool.{name,type,call.id,call.arguments,call.result}
//		gen_ai.agent.{id,name,version}  gen_ai.conversation.id  gen_ai.provider.name  gen_ai.request.model  error.type
//		mcp.method.name=tools/call  mcp.session.id  jsonrpc.request.id
//
//	  - A span is written when it has ended: it is a whole action. Arguments and result are there only by choice.
//	  - A span with a call id that is unique in the world tells of the same action as the transcript that names it. Any
//	    other is named by trace and span.
//	  - Spans of models, agents and chains are no action, nor is anything else that such a document holds.
//	  - Who allowed a call, and exit codes, have no attribute. Claude Code's spans tell who allowed it, in a span of its own
//	    (claude_code.tool.blocked_on_user) below that of the tool; it is read where both are in one document, as an exporter's
//	    batch has them. A result that is an object with an exit code, as shells' often are, gives that.
//	  - Without a session of its own, a span belongs to its trace: that is noted as inferred.
type spans struct{}

const spansName = "otel-spans"

func (*spans) Name() string { return spansName }

// Keys of its objects.
func (*spans) Keys() []string {
	return []string{
		"resourceSpans", "resource_spans", "batches", "spans", "observations",
		"name attributes", "name type startTime", "name context.span_id",
	}
}

func (*spans) Detect(v value.Value) bool {
	found := false
	var r spanReader
	r.each(v, func(s *span) bool {
		found = s.ours()
		r.attrs = r.attrs[:0]
		return !found
	})
	return found
}

func (*spans) Convert(src *Source, in *Input, emit Emit) bool {
	l := callLog{src: src, in: in, emit: emit, format: spansName, family: spansName}
	var tools, parts []span // parts are spans below those of tools, that tell of them
	var r spanReader
	r.each(in.Body, func(s *span) bool {
		switch name := s.name(); {
		case strings.HasPrefix(name, claudeSpan+"."):
			parts = append(parts, *s)
		case s.tool():
			tools = append(tools, *s)
		default:
			r.attrs = r.attrs[:len(r.attrs)-len(s.attrs)]
		}
		return true
	})
	below := map[string][]*span{}
	for i := range parts {
		above := parts[i].parent()
		below[above] = append(below[above], &parts[i])
	}
	for i := range tools {
		tools[i].convert(&l, below[tools[i].id()])
	}
	return true
}

// span is one span with the attributes of its resource.
type span struct {
	v               value.Value
	attrs, resource []otlpAttr
}

// spanReader finds the spans in a JSON value.
type spanReader struct {
	attrs []otlpAttr // of all spans, one behind the other; what was handed out stays as it is
}

// each calls do for every span until it returns false, and returns the same. The attributes of the span are the last in
// attrs; do may take them away if it does not keep them.
func (r *spanReader) each(v value.Value, do func(*span) bool) bool {
	if v.Kind() == value.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if c.Kind() == value.Object && !r.each(c, do) {
				return false
			}
		}
		return true
	}
	list := first(v, "resourceSpans", "resource_spans", "batches")
	if !r.resources(list, do) {
		return false
	}
	for _, k := range []string{"spans", "observations"} { // a trace, as Phoenix, MLflow and Langfuse export it
		if c := v.Get(k); c.Kind() == value.Array && !r.each(c, do) {
			return false
		}
	}
	if list.Exists() || v.Get("name").Kind() != value.String {
		return true
	}
	s := &span{v: v}
	if v.Get("context.span_id").Exists() {
		s.attrs = phoenixAttrs(v)
		r.attrs = append(r.attrs, s.attrs...)
	} else if v.Get("attributes").First().Exists() {
		s.resource = otlpAttrs(nil, "", v.Get("resource", "attributes"))
		s.attrs = r.read(v.Get("attributes"))
	} else if str(v.Get("type")) == "TOOL" && v.Get("startTime").Exists() {
		s.attrs = langfuseAttrs(v)
		r.attrs = append(r.attrs, s.attrs...)
	}
	return len(s.attrs) == 0 || s.id() == "" || do(s)
}

// resources is each for OTLP's list of resources.
func (r *spanReader) resources(list value.Value, do func(*span) bool) bool {
	for e := list.First(); e.Exists(); e = e.Next() {
		resource := otlpAttrs(nil, "", e.Get("resource", "attributes"))
		scopes := first(e, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
		for s := scopes.First(); s.Exists(); s = s.Next() {
			for c := s.Get("spans").First(); c.Exists(); c = c.Next() {
				if !do(&span{c, r.read(c.Get("attributes")), resource}) {
					return false
				}
			}
		}
	}
	return true
}

// read reads the attributes of a span.
func (r *spanReader) read(v value.Value) []otlpAttr {
	n := len(r.attrs)
	r.attrs = otlpAttrs(r.attrs, "", v)
	return r.attrs[n:len(r.attrs):len(r.attrs)]
}

// langfuseAttrs are the members of an exported observation, under the names that its attributes have in a span.
func langfuseAttrs(v value.Value) []otlpAttr {
	var attrs []otlpAttr
	for c := v.First(); c.Exists(); c = c.Next() {
		attrs = append(attrs, otlpAttr{"langfuse.observation." + c.Key(), c})
	}
	return attrs
}

// phoenixAttrs are the attributes of a row of Phoenix's table of spans, in which each is a column.
func phoenixAttrs(v value.Value) []otlpAttr {
	attrs := []otlpAttr{{"openinference.span.kind", v.Get("span_kind")}}
	for c := v.First(); c.Exists(); c = c.Next() {
		if name, ok := strings.CutPrefix(c.Key(), "attributes."); ok {
			attrs = append(attrs, otlpAttr{name, c})
		}
	}
	return attrs
}

func (s *span) name() string { return s.v.Get("name").String() }

// id is trace and span, "" if one is missing.
func (s *span) id() string {
	c := s.v
	if inner := first(s.v, "context", "spanContext"); inner.Kind() == value.Object {
		c = inner
	}
	return spanID(str(first(c, "traceId", "trace_id", "traceID", "context.trace_id")), str(first(c, "spanId", "span_id", "spanID", "context.span_id", "id")))
}

// parent is the id of the span above.
func (s *span) parent() string {
	trace, _, _ := strings.Cut(s.id(), " ")
	return spanID(trace, str(first(s.v, "parentSpanId", "parent_span_id", "parent_id")))
}

// spanID joins trace and span. Python writes 0x before the digits, others do not.
func spanID(trace, span string) string {
	if trace == "" || span == "" {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(trace, "0x")) + " " + strings.ToLower(strings.TrimPrefix(span, "0x"))
}

// first returns the first of the attributes that the span has. Values that were left out on purpose are not there.
func (s *span) first(names ...string) value.Value {
	for _, n := range names {
		v := otlpGet(s.attrs, n)
		if !v.Exists() {
			v = s.v.Get("attributes", n) // an object, which otlpAttrs has taken apart
		}
		if v.Exists() && v.Kind() != value.Null && str(v) != "<REDACTED>" {
			return v
		}
	}
	return value.Value{}
}

// ours says whether a span is of an agent: by its attributes' names.
func (s *span) ours() bool {
	return s.tool() || slices.ContainsFunc(s.attrs, func(a otlpAttr) bool {
		return slices.ContainsFunc(spanPrefixes, func(p string) bool { return strings.HasPrefix(a.name, p) })
	})
}

// tool says whether a span is the call of a tool.
func (s *span) tool() bool {
	for _, k := range spanKinds {
		if strings.EqualFold(strings.Trim(s.first(k.name).String(), `"`), k.tool) {
			return true
		}
	}
	// Pydantic AI's older spans name a tool and no operation.
	return s.name() == claudeSpan && s.first("tool_name").Exists() ||
		s.first("gen_ai.tool.name").Exists() && !s.first("gen_ai.operation.name", "mcp.method.name").Exists()
}

func (s *span) time(names ...string) time.Time {
	v := first(s.v, names...)
	if sec, ok := v.At(0).Int(); ok && v.Kind() == value.Array && sec > 0 && sec < 1<<33 { // JavaScript's [s, ns]
		n, _ := v.At(1).Int()
		return epochInt(sec*1e9 + n)
	}
	return parseTime(otlpValue(v))
}

func (s *span) convert(l *callLog, below []*span) {
	l.time = s.time("startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time")
	name := s.first(spanTools...).String()
	if name == "" {
		_, name, _ = strings.Cut(s.name(), " ") // execute_tool NAME, tools/call NAME
		name = orElse(name, s.name())
	}
	call := s.first(spanCalls...).String()
	f := l.request(call, name, value.Value{})
	s.arguments(f, name)
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
	for _, part := range below {
		part.tellOf(f)
	}
	key := schema.MakeID(spansName, s.id())
	if isGlobal(call) {
		key = callKey("", "", call)
	}
	identify(f, key, s.id(), string(jsonOf(s.v)))
	l.emit(f)
}

// arguments reads what the tool was called with.
func (s *span) arguments(f *schema.Fragment, tool string) {
	v := s.first(spanArguments...)
	if !v.Exists() {
		v = s.event("gen_ai.tool.message", "content")
	}
	setArguments(f, tool, v)
	if line := str(s.first("full_command")); line != "" {
		f.Command.Line = line
	}
	if path := s.first("file_path"); path.Exists() && f.Command.ToolArguments == "" {
		f.Command.ToolArguments = single("file_path", path)
	}
}

// setArguments sets a tool with its arguments as frameworks give them. A shell's command goes by many names there.
func setArguments(f *schema.Fragment, tool string, v value.Value) {
	doc := docOf(v)
	v = spanInputs(doc, v)
	setTool(f, tool, v)
	if f.Event.Action != schema.ActionShell || f.Command.Line != "" {
		return
	}
	if text := str(v); text != "" {
		f.Command.Line, f.Command.ToolArguments = text, ""
		return
	}
	switch c := first(v, "commands", "full_command", "script", "input", "code"); c.Kind() {
	case value.String:
		f.Command.Line = str(c)
	case value.Array: // LangChain's shell takes several, which it runs one after the other
		f.Command.Line = strings.Join(list(c), "\n")
	}
}

// spanInputs takes a tool's arguments out of what frameworks put around them: {"inputs": {…}}, {"args": [], "kwargs": {…}},
// {"input": {…}}, {"input_str": "…"}; and out of text.
func spanInputs(doc *value.Doc, v value.Value) value.Value {
	v = otlpPlain(doc, v)
	if s, ok := v.Str(); ok {
		if parsed := parseLiteral(doc, s); parsed.Kind() == value.Object {
			v = parsed
		}
	}
	for _, k := range []string{"inputs", "kwargs", "input", "input_str"} {
		c := v.Get(k)
		if c.Kind() == value.Object && c.First().Exists() {
			return c
		}
		if text, ok := c.Str(); ok && (k == "input_str" || k == "input" && !v.First().Next().Exists()) {
			if parsed := parseLiteral(doc, text); parsed.Kind() == value.Object {
				return parsed
			}
			return c
		}
	}
	return v
}

// event is an attribute of the first of the span's events of a name.
func (s *span) event(name string, attributes ...string) value.Value {
	for e := s.v.Get("events").First(); e.Exists(); e = e.Next() {
		if str(e.Get("name")) != name {
			continue
		}
		of := span{attrs: otlpAttrs(nil, "", e.Get("attributes"))}
		return of.first(attributes...)
	}
	return value.Value{}
}

// about fills in who called, for whom and where.
func (s *span) about(f *schema.Fragment) {
	id := &f.Identity
	id.ServiceName, id.AgentName, f.Event.Provider = "", "", ""
	otlpResource(&f.Action, s.resource)
	f.Event.Provider = orElse(id.ServiceName, spansName)
	id.AgentID = s.first("gen_ai.agent.id", "agent.id", "agent_id").String()
	id.AgentName = orElse(s.first("gen_ai.agent.name", "agent.name", "agent_name", "ai.telemetry.functionId").String(), id.ServiceName)
	id.ProviderName = s.first("gen_ai.provider.name", "gen_ai.system", "llm.provider").String()
	id.Model = s.first("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "ai.model.id").String()
	fill(&id.UserID, s.first(spanUsers...).String())
	fill(&id.UserName, s.first("user.name").String())
	fill(&id.UserEmail, s.first("user.email").String())
	f.Session = schema.Session{ID: s.first(spanSessions...).String()}
	f.Session.ConversationID = s.first("gen_ai.conversation.id").String()
	trace, _, _ := strings.Cut(s.id(), " ")
	f.Session.Turn = trace
	if f.Session.ID == "" {
		f.Session.ID = trace
		id.Inferred = append(slices.Clip(id.Inferred), "agent_audit.session.id: trace")
	}
}

// outcome reads result and error.
func (s *span) outcome(f *schema.Fragment) {
	r := s.first(spanResults...)
	for _, e := range [][]string{{"gen_ai.choice", "message"}, {"tool.output", "output", "content"}} {
		if !r.Exists() {
			r = s.event(e[0], e[1:]...)
		}
	}
	status := first(s.v, "status")
	f.Error.Type = orElse(s.first("error.type").String(), s.event("exception", "exception.type").String())
	said := orElse(str(first(status, "message", "description")), s.first("langfuse.observation.statusMessage", "langfuse.observation.status_message").String())
	switch code := first(status, "code", "status_code").String(); {
	case code == "2" || strings.HasSuffix(code, "ERROR") || f.Error.Type != "" || s.first("langfuse.observation.level").String() == "ERROR",
		strings.EqualFold(s.first("gen_ai.tool.status").String(), "error"):
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = orElse(said, s.event("exception", "exception.message").String())
	case code == "1" || strings.HasSuffix(code, "OK") || !f.Execution.End.IsZero():
		// Unset means that no error was reported, by the specification of spans.
		f.Event.Outcome = schema.OutcomeSuccess
	}
	if r.Exists() {
		toolResult(f, r)
	}
}

// toolResult reads the result of a tool as frameworks have it: text, a message, or an object. An object may say that the tool
// failed, and a shell's how the command ended.
func toolResult(f *schema.Fragment, r value.Value) {
	doc := docOf(r)
	v := otlpPlain(doc, r)
	if s, ok := v.Str(); ok {
		if parsed, err := doc.ParseJSON(strings.TrimSpace(s)); err == nil {
			v = parsed
		}
	}
	for _, k := range []string{"output", "kwargs"} { // {"output": {"kwargs": {a message}}}
		if c := v.Get(k); c.Kind() == value.Object && !v.Get("exit_code").Exists() {
			v = c
		}
	}
	setStdout(&f.Execution, texts(v))
	if c := v.Get("content"); c.Exists() {
		setStdout(&f.Execution, texts(c))
	}
	if first(v, "isError", "is_error").Bool() || str(v.Get("status")) == "error" {
		f.Event.Outcome = schema.OutcomeFailure
	}
	code, ok := first(v, "exit_code", "exitCode", "returncode", "return_code").Int()
	if !ok || f.Event.Action != schema.ActionShell && !first(v, "stdout", "stderr").Exists() {
		return
	}
	setExit(f, code)
	if out, ok := first(v, "stdout", "output").Str(); ok {
		setStdout(&f.Execution, out)
	}
	if e, ok := v.Get("stderr").Str(); ok {
		setStderr(&f.Execution, e)
	}
}

// claudeSpan is the name of Claude Code's span of a tool. Below it are NAME.blocked_on_user, with who decided, and
// NAME.execution, with how it went.
const claudeSpan = "claude_code.tool"

// tellOf adds to an action what a span below that of its tool says.
func (s *span) tellOf(f *schema.Fragment) {
	switch s.name() {
	case claudeSpan + ".blocked_on_user":
		o := claudeOtelRecord{otlpRecord: &otlpRecord{attrs: s.attrs, time: s.time("endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time")}}
		end, at := f.Execution.End, f.Time
		f.Time = o.time // of the decision
		o.decide(f, o.str("decision"), o.str("source"))
		f.Time, f.Execution.End = at, end
	case claudeSpan + ".execution":
		if ok := s.first("success"); ok.Exists() {
			outcome(f, !ok.Bool())
		}
		fill(&f.Error.Message, s.first("error").String())
	}
}
