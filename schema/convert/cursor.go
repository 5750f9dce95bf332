package convert

import (
	"strings"
	"time"

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
//
// And what `cursor-agent -p --output-format stream-json` prints (2025, 2026); its messages are read by messages.go:
//
//		{"type":"system","subtype":"init","apiKeySource","cwd","session_id","model","permissionMode"}
//		{"type":"tool_call","subtype":"started"|"completed","call_id","session_id","timestamp_ms",
//		 "tool_call":{"shellToolCall":{"args":{"command","workingDirectory"},"result":{"success"|"failure"|"rejected"|…:{…}}}}}
//
//	  - The kind of tool is the key that ends in ToolCall; function is {"name","arguments"}. Of a shell, the result has
//	    exitCode, stdout, stderr and executionTime in milliseconds.
//	  - rejected, and permissionDenied, are denials: of the person, and of the settings. Who allowed is not told.
type cursor struct{ prompts bool }

const cursorName = "cursor"

func (*cursor) Name() string { return cursorName }

// Keys of its objects.
func (*cursor) Keys() []string {
	return []string{
		"type status", "type tool_call call_id", "type session_id result duration_ms",
		"type subtype apiKeySource session_id", "role message",
	}
}

func (*cursor) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	switch str(v.Get("type")) {
	case "turn_ended":
		return v.Get("status").Exists()
	case "tool_call":
		return v.Get("tool_call").Kind() == value.Object && v.Get("call_id").Exists()
	case "result":
		return v.Get("session_id").Exists() && v.Get("result").Exists() && v.Get("duration_ms").Exists()
	case "system":
		return str(v.Get("subtype")) == "init" && v.Get("apiKeySource").Exists() && v.Get("session_id").Exists()
	}
	role := str(v.Get("role"))
	return (role == "user" || role == "assistant") && v.Get("message", "content").Kind() == value.Array &&
		!v.Get("type").Exists() && !v.Get("sessionId").Exists() && !v.Get("message", "role").Exists()
}

func (c *cursor) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := callLog{src: src, in: in, emit: emit, format: cursorName, family: cursorName, time: parseTime(v.Get("timestamp"))}
	if session := str(v.Get("session_id")); session != "" {
		l.begin(session)
		if l.time.IsZero() {
			l.time = parseTime(v.Get("timestamp_ms"))
		}
		if v.Get("tool_call").Exists() {
			cursorStream(&l, v)
			return true
		}
		known := &src.Known
		keep(&known.Session.Type, "exec")
		keep(&known.Command.Cwd, str(v.Get("cwd")))
		keep(&known.Identity.Model, str(v.Get("model")))
		keep(&known.Authorization.Mode, str(v.Get("permissionMode")))
		return true
	}
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

// cursorStream reads a call that has started or is completed.
func cursorStream(l *callLog, v value.Value) {
	id := str(v.Get("call_id"))
	c := v.Get("tool_call").First()
	for c.Exists() && c.Kind() != value.Object {
		c = c.Next()
	}
	tool, arguments := strings.TrimSuffix(c.Key(), "ToolCall"), c.Get("args")
	if tool == "function" {
		tool, arguments = str(c.Get("name")), c.Get("arguments")
	} else if name := str(first(arguments, "toolName", "name")); tool == "mcp" && name != "" {
		tool, arguments = "mcp__"+str(first(arguments, "providerIdentifier", "serverName"))+"__"+name, arguments.Get("args")
	}
	if str(v.Get("subtype")) != "completed" {
		f := l.request(id, tool, arguments)
		f.Command.Cwd = joinPath(f.Command.Cwd, str(arguments.Get("workingDirectory")))
		l.send(f, tool, string(jsonOf(arguments)))
		return
	}
	f := l.fragment(schema.Result, id)
	r := c.Get("result")
	inner := r.First()
	f.Execution.Duration = scaled(first(inner, "executionTime", "localExecutionTimeMs"), time.Millisecond)
	text := str(first(inner, "stdout", "content", "output"))
	if text == "" && inner.Kind() == value.Object && tool != "shell" {
		text = string(jsonOf(inner))
	}
	setStdout(&f.Execution, text)
	if s := str(inner.Get("stderr")); s != "" {
		setStderr(&f.Execution, s)
	}
	said := orElse(str(first(inner, "reason", "errorMessage", "error", "message")), str(inner))
	switch how := r.First().Key(); how {
	case "success":
		f.Event.Outcome = schema.OutcomeSuccess
	case "rejected":
		deny(f, "user", how, said)
	case "permissionDenied":
		deny(f, "config", how, said)
	case "timeout":
		f.Execution.TimedOut = true
		f.Event.Outcome = schema.OutcomeFailure
	case "aborted", "cancelled":
		f.Execution.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
	case "":
	default:
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = said
	}
	if code, ok := inner.Get("exitCode").Int(); ok && f.Authorization.Decision == "" {
		setExit(f, code)
	}
	l.send(f, string(jsonOf(r)))
}
