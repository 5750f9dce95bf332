package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Cursor's agent transcripts: ~/.cursor/projects/<cwd>/agent-transcripts/<id>.jsonl and, for subagents,
// <id>/subagents/*.jsonl. Made from fixtures of 2026.
//
//		{"role":"user|assistant","message":{"content":[{"type":"tool_use","name","input":{…}}]}}
//		{"role":"user","message":{"content":[{"type":"tool_result","tool_use_id","content"}]}}
//		{"type":"turn_ended","status"}
//
//	  - A line has no time, no session and no directory, and a call most often no id. Such a call is named by its place in
//	    the log, and a result that names an id nobody has is kept by itself: which call it belongs to is not told.
//	  - Exit codes, decisions, user, host: none.
type cursor struct{ prompts bool }

const cursorName = "cursor"

func (*cursor) Name() string { return cursorName }

func (*cursor) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	if str(v.Get("type")) == "turn_ended" {
		return v.Get("status").Exists()
	}
	role := str(v.Get("role"))
	return (role == "user" || role == "assistant") && v.Get("message", "content").Kind() == value.Array &&
		!v.Get("type").Exists() && !v.Get("sessionId").Exists() && !v.Get("message", "role").Exists()
}

func (c *cursor) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := callLog{src: src, in: in, emit: emit, format: cursorName, family: cursorName, time: parseTime(v.Get("timestamp"))}
	content := v.Get("message", "content")
	for b := content.First(); b.Exists(); b = b.Next() {
		switch str(b.Get("type")) {
		case "tool_use":
			f := l.request(str(b.Get("id")), str(b.Get("name")), b.Get("input"))
			l.send(f, f.Command.Tool, string(jsonOf(b.Get("input"))))
			l.src.Link("call "+f.Key.String(), f.Key)
		case "tool_result":
			cursorResult(&l, b)
		}
	}
	if c.prompts {
		l.prompt(str(v.Get("role")), contentText(content))
	}
	return true
}

func cursorResult(l *callLog, b value.Value) {
	id := str(b.Get("tool_use_id"))
	f := l.fragment(schema.Result, id)
	text := contentText(b.Get("content"))
	setStdout(&f.Execution, text)
	if e := b.Get("is_error"); e.Exists() {
		outcome(f, e.Bool())
	}
	if _, ok := l.src.Linked("call " + l.key(id).String()); !ok || id == "" {
		f.Command.CallID = ""
		l.lone(f)
		return
	}
	l.send(f, text, b.Get("is_error").String())
}
