package convert

import (
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// OpenTelemetry log records of the semantic conventions for generative AI (1.28 to 1.40), of any program. How they come here
// is in otlp.go.
//
//		gen_ai.choice                body {"index","finish_reason","message":{"tool_calls":[C,…]}}     what a model asks for
//		gen_ai.assistant.message     body {"role","tool_calls":[C,…]}                                   the same, in the next prompt
//		gen_ai.tool.message          body {"id","content"}                                              what a call gave
//		    C = {"id","type":"function","function":{"name","arguments"}}
//		gen_ai.client.inference.operation.details    since 1.37, in place of those: attributes gen_ai.input.messages and
//		    gen_ai.output.messages, [{"role","parts":[{"type":"tool_call","id","name","arguments"} |
//		    {"type":"tool_call_response","id","response" or "result"}]}]
//		any record with gen_ai.operation.name=execute_tool      attributes as those of a span: spans.go
//
//	  - A call that the model asked for may not have been made: without a result it is incomplete.
//	  - Contents are there by choice only. Who allowed a call, exit codes and directories are not told.
//	  - Without gen_ai.conversation.id or session.id a record belongs to its trace: that is noted as inferred.
var genAIOtel = otlpAgent{name: genAIOtelName, owns: ownsGenAI, bodies: isGenAIBody, read: readGenAI}

const genAIOtelName = "otel-genai-logs"

var genAIEvents = set("gen_ai.choice gen_ai.assistant.message gen_ai.tool.message gen_ai.client.inference.operation.details")

func ownsGenAI(r *otlpRecord) bool {
	return genAIEvents[r.event] || r.str("gen_ai.operation.name") == "execute_tool" ||
		r.get("gen_ai.output.messages").Exists() || r.get("gen_ai.input.messages").Exists()
}

// isGenAIBody knows the bodies of choices and messages.
func isGenAIBody(v value.Value) bool {
	return v.Get("message").Kind() == value.Object && v.Get("finish_reason").Exists() || v.Get("tool_calls").Kind() == value.Array ||
		v.Get("content").Exists() && v.Get("id").Kind() == value.String
}

// genAIRecord is one record while it is read.
type genAIRecord struct {
	callLog
	*otlpRecord
	span *span // its attributes, which have the names of a span's
}

func readGenAI(r *otlpRecord, src *Source, in *Input, emit Emit) {
	l := callLog{src: src, in: in, emit: emit, format: genAIOtelName, family: spansName, time: r.time}
	g := genAIRecord{l, r, &span{attrs: r.attrs, resource: r.resource}}
	doc := docOf(r.body)
	body := otlpPlain(doc, r.body)
	switch r.event {
	case "gen_ai.choice":
		g.calls(body.Get("message", "tool_calls"))
	case "gen_ai.assistant.message":
		g.calls(body.Get("tool_calls"))
	case "gen_ai.tool.message":
		g.result(str(body.Get("id")), body.Get("content"))
	default:
		g.messages("gen_ai.input.messages")
		g.messages("gen_ai.output.messages")
	}
	if g.span.tool() {
		g.whole()
	}
}

// key names a call; short ids are unique in a session or, without one, in a trace.
func (g *genAIRecord) key(call string) schema.ID {
	return callKey(spansName, orElse(g.span.first(spanSessions...).String(), orElse(g.trace, g.callLog.scope())), call)
}

// about fills in who called.
func (g *genAIRecord) about(f *schema.Fragment) {
	g.span.about(f)
	if f.Session.ID == "" && g.trace != "" {
		f.Session.ID = g.trace
	} else if f.Session.ID == "" {
		f.Identity.Inferred = slices.DeleteFunc(f.Identity.Inferred, func(n string) bool { return strings.HasPrefix(n, "agent_audit.session.id") })
	}
	f.Session.Turn = g.trace
}

func (g *genAIRecord) calls(list value.Value) {
	for c := list.First(); c.Exists(); c = c.Next() {
		g.call(str(c.Get("id")), str(c.Get("function", "name")), c.Get("function", "arguments"))
	}
}

func (g *genAIRecord) call(id, tool string, arguments value.Value) {
	if id == "" || tool == "" {
		return
	}
	f := g.request(id, tool, arguments)
	g.about(f)
	identifyLine(f, g.key(id), "call", tool, arguments.String())
	g.emit(f)
}

func (g *genAIRecord) result(id string, content value.Value) {
	if id == "" {
		return
	}
	f := g.fragment(schema.Result, id)
	g.about(f)
	if content.Exists() {
		toolResult(f, content)
	}
	identifyLine(f, g.key(id), "result", string(jsonOf(content)))
	g.emit(f)
}

// messages reads calls and results from an attribute that holds a conversation, or its JSON text.
func (g *genAIRecord) messages(attribute string) {
	var docs [2]value.Doc
	list := otlpPlain(&docs[0], g.get(attribute))
	if s, ok := list.Str(); ok {
		parsed, err := docs[1].ParseJSON(s)
		if err != nil {
			return
		}
		list = parsed
	}
	for m := list.First(); m.Exists(); m = m.Next() {
		for p := m.Get("parts").First(); p.Exists(); p = p.Next() {
			switch str(p.Get("type")) {
			case "tool_call":
				g.call(str(p.Get("id")), str(p.Get("name")), p.Get("arguments"))
			case "tool_call_response":
				g.result(str(p.Get("id")), first(p, "response", "result"))
			}
		}
	}
}

// whole reads a record that tells of a call as a span does.
func (g *genAIRecord) whole() {
	s, call := g.span, g.span.first(spanCalls...).String()
	tool := s.first(spanTools...).String()
	f := g.request(call, tool, value.Value{})
	s.arguments(f, tool)
	f.Role = schema.Whole
	g.about(f)
	if r := s.first(spanResults...); r.Exists() {
		toolResult(f, r)
	}
	if f.Error.Type = s.first("error.type").String(); f.Error.Type != "" {
		f.Event.Outcome = schema.OutcomeFailure
	}
	if call == "" {
		identify(f, schema.MakeID(genAIOtelName, g.trace, g.said(), tool, string(f.Command.ToolArguments)))
	} else {
		identifyLine(f, g.key(call), "whole", g.said())
	}
	g.emit(f)
}
