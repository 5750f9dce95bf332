package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// AutoGen (AgentChat 0.4 to 0.7): messages of a team, a JSON object each, as people dump them, and {"messages":[…]} of a task's
// result; also as the events of its log, {"payload": message}. Made from its sources of 2025.
//
//		{"type":"ToolCallRequestEvent","source","created_at","content":[{"id","name","arguments"}]}
//		{"type":"ToolCallExecutionEvent","source","created_at","content":[{"call_id","name","content","is_error"}]}
//		{"type":"CodeGenerationEvent","code_blocks":[{"code","language"}]}  {"type":"CodeExecutionEvent","result":{"exit_code","output"}}
//		TextMessage, ToolCallSummaryMessage, ThoughtEvent, …: no action
//
//	  - Code that the executor runs has no id: the execution that follows in the same log is its own.
//	  - There are no sessions, directories, decisions, users or hosts.
type autoGen struct{}

const autoGenName = "autogen"

func (*autoGen) Name() string { return autoGenName }

var autoGenEvents = set("ToolCallRequestEvent ToolCallExecutionEvent CodeGenerationEvent CodeExecutionEvent")

// autoGenMessages are the messages of a record: itself, its payload, or its list.
func autoGenMessage(v value.Value) value.Value {
	if p := v.Get("payload"); p.Kind() == value.Object {
		v = p
	}
	if autoGenEvents[str(v.Get("type"))] && v.Get("source").Kind() == value.String {
		return v
	}
	return value.Value{}
}

// Keys of its objects.
func (*autoGen) Keys() []string { return []string{"payload", "type source", "messages"} }

func (*autoGen) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	if autoGenMessage(v).Exists() {
		return true
	}
	n := 0
	for m := v.Get("messages").First(); m.Exists() && n < 8; m = m.Next() {
		if autoGenMessage(m).Exists() {
			return true
		}
		n++
	}
	return false
}

func (*autoGen) Convert(src *Source, in *Input, emit Emit) bool {
	l := autoGenLog{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: autoGenName, family: autoGenName, agent: autoGenName}}}
	if m := autoGenMessage(in.Body); m.Exists() {
		l.message(m)
		return true
	}
	n := 0
	for m := in.Body.Get("messages").First(); m.Exists(); m = m.Next() {
		l.place = "message " + itoa(n) + " " + in.ID().String()
		if e := autoGenMessage(m); e.Exists() {
			l.message(e)
		}
		n++
	}
	return true
}

// autoGenLog is one record while it is read.
type autoGenLog struct{ anyAgent }

func (l *autoGenLog) message(m value.Value) {
	l.time = parseTime(m.Get("created_at"))
	l.src.Known.Identity.AgentName = ""
	keep(&l.src.Known.Identity.AgentName, str(m.Get("source")))
	content := m.Get("content")
	switch str(m.Get("type")) {
	case "ToolCallRequestEvent":
		for c := content.First(); c.Exists(); c = c.Next() {
			l.call(str(c.Get("id")), str(c.Get("name")), c.Get("arguments"))
		}
	case "ToolCallExecutionEvent":
		for r := content.First(); r.Exists(); r = r.Next() {
			l.result(str(r.Get("call_id")), str(r.Get("name")), r.Get("content"), r.Get("is_error"))
		}
	case "CodeGenerationEvent":
		for c := m.Get("code_blocks").First(); c.Exists(); c = c.Next() {
			l.code(c)
		}
	case "CodeExecutionEvent":
		l.executed(m.Get("result"))
	}
}

// code reads a piece of code that is about to be run: a shell's is a command.
func (l *autoGenLog) code(c value.Value) {
	language, text := str(c.Get("language")), str(c.Get("code"))
	f := l.request("", "code_executor", c)
	if isShell(language) {
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = text
		f.Command.ToolArguments = without(c, func(k string) bool { return k == "code" })
	}
	identify(f, schema.MakeID(autoGenName, l.scope(), l.next()), language, text)
	l.open(f.Key, "code_executor")
	l.emit(f)
}

// executed reads the result of the code before it, {exit_code, output}.
func (l *autoGenLog) executed(r value.Value) {
	f := l.fragment(schema.Result, "")
	f.Command.Tool = "code_executor"
	l.nameless(f, r, value.Value{})
}
