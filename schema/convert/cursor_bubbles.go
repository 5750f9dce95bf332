package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Cursor's bubbles: the messages of a conversation as globalStorage/state.vscdb keeps them, which `agent-audit import` reads from
// there, and as exporters save them. Made from public readers and fixtures of schema 2 and 3 (2025 and 2026).
//
//		{"bubbleId","composerId","type":2,"createdAt","toolFormerData":{"toolCallId","name","status","rawArgs": JSON text,
//		 "params": JSON text,"result": JSON text or text,"userDecision":"accepted"|"rejected"}}
//
//		A record is a bubble, or a conversation {"composerId","conversation"|"bubbles":[bubble]}.
//
//	  - A bubble has both call and result, and is written anew as it goes: status is loading, completed, error or cancelled.
//	  - Of a terminal params have the directory too, and its result {"output","exitCodeV2"}.
//	  - userDecision says rejected when the person refused. accepted may be a setting's, and is kept as Cursor's word.
//	  - Folder, model, user and host are not told.
type cursorBubbles struct{}

const cursorBubblesName = "cursor-bubbles"

func (*cursorBubbles) Name() string { return cursorBubblesName }

// Keys of its objects.
func (*cursorBubbles) Keys() []string {
	return []string{"toolFormerData", "bubbleId type", "conversation", "bubbles"}
}

func isBubble(v value.Value) bool {
	return v.Get("toolFormerData").Kind() == value.Object || v.Get("bubbleId").Kind() == value.String && v.Get("type").Exists()
}

// bubbleList is the array of bubbles that a conversation has.
func bubbleList(v value.Value) value.Value {
	for _, k := range []string{"conversation", "bubbles"} {
		if c := v.Get(k); c.Kind() == value.Array && isBubble(c.First()) {
			return c
		}
	}
	return value.Value{}
}

func (*cursorBubbles) Detect(v value.Value) bool {
	return v.Kind() == value.Object && (isBubble(v) || bubbleList(v).Exists())
}

func (*cursorBubbles) Convert(src *Source, in *Input, emit Emit) bool {
	l := cursorBubble{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: cursorBubblesName, family: cursorName}}}
	l.begin(str(in.Body.Get("composerId")))
	if isBubble(in.Body) {
		l.bubble(in.Body)
		return true
	}
	for b := bubbleList(in.Body).First(); b.Exists(); b = b.Next() {
		l.bubble(b)
	}
	return true
}

// cursorBubble is one record while it is read.
type cursorBubble struct{ anyAgent }

func (l *cursorBubble) bubble(b value.Value) {
	t := b.Get("toolFormerData")
	tool := str(t.Get("name"))
	if tool == "" {
		return
	}
	l.time = parseTime(b.Get("createdAt"))
	id := str(t.Get("toolCallId"))
	key := l.key(id)
	if id == "" {
		key = schema.MakeID(cursorName, l.scope(), "bubble", str(b.Get("bubbleId")))
	}
	arguments := jsonText(first(t, "rawArgs", "params"))
	if params := jsonText(t.Get("params")); !arguments.First().Exists() || params.Get("command").Exists() {
		arguments = params
	}
	f := l.request(id, tool, arguments)
	if kind := toolAction(strings.TrimSuffix(tool, "_v2")); f.Event.Action == schema.ActionTool && kind != schema.ActionTool {
		setKind(&f.Action, kind)
	}
	shell := f.Event.Action == schema.ActionShell
	identifyLine(f, key, "call", tool, string(jsonOf(arguments)))
	l.emit(f)
	l.ended(t, id, key, shell)
}

// ended reads what came of a call.
func (l *cursorBubble) ended(t value.Value, id string, key schema.ID, shell bool) {
	status, word := str(t.Get("status")), str(t.Get("userDecision"))
	if status != "completed" && status != "success" && status != "error" && status != "cancelled" && word != "rejected" {
		return
	}
	f := l.fragment(schema.Result, id)
	f.Command.Tool = str(t.Get("name"))
	r := jsonText(t.Get("result"))
	anyResult(f, r, docOf(t).Bool(status == "error"), shell)
	if shell {
		f.Event.Outcome = "" // completed is said of a command that failed as well
		if status == "error" {
			f.Event.Outcome = schema.OutcomeFailure
		}
		if code, ok := first(r, "exitCodeV2", "exitCode").Int(); ok {
			setExit(f, code)
		}
	}
	switch {
	case word == "rejected" || r.Get("rejected").Bool():
		deny(f, "user", "rejected", "")
	case status == "cancelled":
		f.Event.Outcome, f.Execution.Interrupted = schema.OutcomeUnknown, true
	}
	f.Authorization.Raw = orElse(f.Authorization.Raw, word)
	identifyLine(f, key, "result", status, word, string(jsonOf(t.Get("result"))))
	l.emit(f)
}
