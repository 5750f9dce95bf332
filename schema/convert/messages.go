package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema/value"
)

// Logs of agents that keep what goes to and from the model's API, in the form that API has: files of Cline, Roo Code and
// Kilo Code (api_conversation_history.json), Amp, Continue, Crush, gptme, iFlow, Zed, and of programs built on the SDKs.
// Made from public sources and fixtures of 2025 and 2026; what a known agent's own converter takes does not come here.
//
//		A message is {"role","content"|"parts"|"tool_calls",…}, with blocks or calls in one of these forms:
//		    Anthropic  {"type":"tool_use","id","name","input"}  {"type":"tool_result","tool_use_id","content","is_error"}
//		    OpenAI     "tool_calls":[{"id","function":{"name","arguments"}}]  {"role":"tool","tool_call_id","content"}
//		    Google     {"functionCall":{"id","name","args"}}  {"functionResponse":{"id","name","response"}}
//		    AI SDK     {"type":"tool-call","toolCallId","toolName","input"}  {"type":"tool-result","toolCallId","output"}
//		               {"type":"tool-invocation","toolInvocation":{…,"state","result"}}  {"type":"tool-NAME","toolCallId","state",…}
//		    Crush      {"type":"tool_call","data":{"id","name","input"}}  {"type":"tool_result","data":{"tool_call_id",…}}
//		A record is a message, {"message": message, …}, an array of either, or a document that has such an array under
//		messages, history, conversation, items, transcript or thread.
//
//	  - Session, directory, model and times are read where keys with the usual names tell them; the agent by the path of the
//	    log. Without a session id the name of the file, or of its folder, is the session.
//	  - Cline and those made of it wrote calls as XML in the model's text until 2025 (and still do for some models):
//	    <execute_command><command>…</command></execute_command>; see cline.go.
//	  - A result counts as failed when it says so; an exit code is known only where the tool puts it in its result. A
//	    refusal is told by its words (refusals). Who approved is not told, nor user and host.
type messages struct{ prompts bool }

const messagesName = "messages"

func (*messages) Name() string { return messagesName }

var (
	messageRoles = set("user assistant system developer tool model function human ai")
	messageLists = []string{"messages", "history", "conversation", "transcript", "items", "thread", "chat", "turns"}
)

// isMessage tells a message of a model's API.
func isMessage(m value.Value) bool {
	if m.Kind() != value.Object || !messageRoles[strings.ToLower(str(m.Get("role")))] {
		return false
	}
	switch first(m, "content", "parts", "tool_calls", "toolCalls").Kind() {
	case value.String, value.Array, value.Object:
		return true
	}
	if str(m.Get("role")) == "tool" && toolNameOf(m) != "" && argumentsOf(m).Exists() {
		return true
	}
	return m.Get("content").Kind() == value.Null && m.Get("tool_calls").Exists()
}

// messageIn is the message that a record is or has.
func messageIn(v value.Value) value.Value {
	if isMessage(v) {
		return v
	}
	if m := v.Get("message"); isMessage(m) {
		return m
	}
	if m := v.Get("data"); isMessage(m) {
		return m
	}
	return value.Value{}
}

// messageList is the array of messages that a document has.
func messageList(v value.Value) value.Value {
	if v.Kind() == value.Array {
		if hasMessage(v) {
			return v
		}
		return value.Value{}
	}
	for _, k := range messageLists {
		c := v.Get(k)
		if c.Kind() == value.Object {
			c = first(c, "messages", "history")
		}
		if c.Kind() == value.Array && hasMessage(c) {
			return c
		}
	}
	return value.Value{}
}

// hasMessage looks at the first few elements only: a list of something else is not searched.
func hasMessage(list value.Value) bool {
	n := 0
	for m := list.First(); m.Exists() && n < 4; m = m.Next() {
		if messageIn(m).Exists() {
			return true
		}
		n++
	}
	return false
}

func (*messages) Detect(v value.Value) bool {
	switch v.Kind() {
	case value.Object:
		return messageIn(v).Exists() || messageList(v).Exists()
	case value.Array:
		return messageList(v).Exists()
	}
	return false
}

func (c *messages) Convert(src *Source, in *Input, emit Emit) bool {
	l := messageLog{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: messagesName, family: messagesName}}, c.prompts}
	l.about(in.Body)
	return l.document(in.Body)
}

// document reads a record: a message, or all that it has.
func (l *messageLog) document(v value.Value) bool {
	if list := messageList(v); list.Exists() {
		n := 0
		for m := list.First(); m.Exists(); m = m.Next() {
			l.place = "message " + itoa(n)
			l.line(m)
			n++
		}
		return true
	}
	l.line(v)
	return true
}

// messageLog is one record while it is read.
type messageLog struct {
	anyAgent
	prompts bool
}

// line reads a message with what stands around it.
func (l *messageLog) line(v value.Value) {
	m := messageIn(v)
	if !m.Exists() {
		return
	}
	start := l.time
	l.about(v)
	if m != v {
		l.about(m)
	}
	role := strings.ToLower(str(m.Get("role")))
	for c := first(m, "tool_calls", "toolCalls").First(); c.Exists(); c = c.Next() {
		l.block(c, "tool_call")
	}
	blocks := first(m, "content", "parts")
	if role == "tool" || role == "function" {
		l.tool(m, blocks)
	}
	spoken := blocks.Kind() == value.String && !l.text(role, str(blocks), value.Value{})
	for b := blocks.First(); b.Exists() && blocks.Kind() == value.Array; b = b.Next() {
		l.block(b, str(b.Get("type")))
		if said, ok := b.Get("text").Str(); ok && !l.text(role, said, b.Next()) {
			spoken = true
		}
	}
	if role == "user" && spoken {
		l.turn()
	}
	if said := contentText(blocks); l.prompts && role != "tool" && role != "system" && role != "developer" {
		l.prompt(role, said)
	}
	l.time = start
}

// tool reads a message of a tool: a result, or, where it repeats its arguments, the whole call.
func (l *messageLog) tool(m, blocks value.Value) {
	id, name := str(first(m, "tool_call_id", "toolCallId")), toolNameOf(m)
	failed := first(m, "is_error", "isError")
	if !failed.Exists() && str(m.Get("status")) != "" {
		failed = eventFailed(m, m)
	}
	if arguments := argumentsOf(m); arguments.Exists() && name != "" {
		blocks = orValue(first(m, "tool_output", "output", "result"), blocks)
		if key := l.call(id, name, arguments); id == "" {
			l.resultOf(key, name, blocks, failed)
			return
		}
	}
	if id != "" || name != "" {
		l.result(id, name, blocks, failed)
	}
}

// text reads a text for what it has of calls and results, and says whether it was a result.
func (l *messageLog) text(role, said string, next value.Value) bool {
	switch role {
	case "assistant":
		l.clineCalls(said)
	case "user":
		l.clineSurroundings(said)
		return l.clineResult(said, next)
	}
	return false
}

// block reads one part of a message.
func (l *messageLog) block(b value.Value, typ string) {
	if d := b.Get("data"); d.Kind() == value.Object {
		b = d
	}
	if c := b.Get("functionCall"); c.Kind() == value.Object {
		l.call(str(c.Get("id")), str(c.Get("name")), c.Get("args"))
		return
	}
	if r := b.Get("functionResponse"); r.Kind() == value.Object {
		response := r.Get("response")
		l.result(str(r.Get("id")), str(r.Get("name")), first(response, "output", "result", "content", "error"), response.Get("error"))
		return
	}
	if i := b.Get("toolInvocation"); i.Kind() == value.Object {
		l.invocation(i, str(i.Get("toolName")))
		return
	}
	switch name := plainWord(typ); {
	case strings.HasPrefix(typ, "tool-") && b.Get("toolCallId").Exists() && b.Get("state").Exists():
		l.invocation(b, strings.TrimPrefix(typ, "tool-"))
	case name == "dynamictool":
		l.invocation(b, str(b.Get("toolName")))
	case name == "tooluse" || name == "toolcall" || name == "functioncall" || name == "toolrequest":
		l.call(callIDOf(b), toolNameOf(b), argumentsOf(b))
	case name == "toolresult" || name == "functioncalloutput" || name == "toolresponse":
		r := first(b, "content", "output", "result", "response", "run")
		failed := first(b, "is_error", "isError")
		if run := b.Get("run"); run.Kind() == value.Object && run.Get("status").Exists() {
			l.ampRun(callIDOf(b), run)
			return
		}
		if t := r.Get("type"); t.Kind() == value.String && r.Get("value").Exists() { // AI SDK 5: {type: text|json|error-text, value}
			failed = docOf(b).Bool(strings.HasPrefix(str(t), "error"))
			r = r.Get("value")
		}
		l.result(orElse(str(b.Get("tool_use_id")), callIDOf(b)), toolNameOf(b), r, failed)
	}
}

// invocation reads a call that is written again, with its result, when it is over.
func (l *messageLog) invocation(b value.Value, tool string) {
	id := str(b.Get("toolCallId"))
	l.call(id, tool, first(b, "args", "input"))
	switch state := str(b.Get("state")); state {
	case "result", "output-available", "output-error":
		l.result(id, tool, first(b, "result", "output", "errorText"), docOf(b).Bool(state == "output-error"))
	case "output-denied":
		l.result(id, tool, b, docOf(b).Bool(true))
	}
}

// plainWord is a word in small letters, without what joins its parts: tool_use, toolUse and tool-use are one.
func plainWord(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == '.' || r == ' ' || r == '/' || r == ':':
			return -1
		}
		return r
	}, s)
}

// callIDOf, toolNameOf and argumentsOf find the parts of a call under the names that are in use for them.
func callIDOf(b value.Value) string {
	return str(first(b, "tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "toolUseID", "call_id", "callId", "callID", "id"))
}

func toolNameOf(b value.Value) string {
	if fn := b.Get("function"); fn.Kind() == value.Object {
		return str(fn.Get("name"))
	}
	c := first(b, "name", "tool_name", "toolName", "tool", "functionName", "function_name")
	if c.Kind() == value.Object {
		c = c.Get("name")
	}
	return str(c)
}

func argumentsOf(b value.Value) value.Value {
	if fn := b.Get("function"); fn.Kind() == value.Object && fn.Get("arguments").Exists() {
		return fn.Get("arguments")
	}
	return first(b, "input", "arguments", "args", "parameters", "params", "tool_input", "toolInput", "toolArgs", "tool_args", "tool_arguments", "toolArguments", "kwargs")
}
