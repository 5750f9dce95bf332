package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Hermes: ~/.hermes/sessions/<id>.json, one object a session that is written anew as it grows. Made from fixtures of 2026.
//
//		{"session_id","model","platform","session_start","last_updated","cwd" or "model_config":{"cwd"},"messages":[…]}
//		{"role":"assistant","tool_calls":[{"id","function":{"name","arguments": JSON text}}]}
//		{"role":"tool","tool_call_id","tool_name","content"}
//
//	  - Messages have no times: a call has none of its own, and the file's is that of its last change.
//	  - A result is a text, of a shell also {"output","exit_code","error"} as JSON text.
//	  - Decisions, user, host: none.
type hermes struct{ prompts bool }

const hermesName = "hermes"

func (*hermes) Name() string { return hermesName }

// Keys of its objects.
func (*hermes) Keys() []string { return []string{"session_id messages session_start"} }

func (*hermes) Detect(v value.Value) bool {
	return v.Get("session_id").Kind() == value.String && v.Get("messages").Kind() == value.Array &&
		v.Get("session_start").Exists() && (v.Get("platform").Exists() || v.Get("message_count").Exists())
}

func (h *hermes) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := callLog{src: src, in: in, emit: emit, format: hermesName, family: hermesName}
	l.begin(str(v.Get("session_id")))
	known := &src.Known
	known.Session.Start = parseTime(v.Get("session_start"))
	keep(&known.Session.Type, str(v.Get("platform")))
	keep(&known.Identity.Model, str(v.Get("model")))
	keep(&known.Command.Cwd, orElse(str(v.Get("cwd")), str(v.Get("model_config", "cwd"))))
	for m := v.Get("messages").First(); m.Exists(); m = m.Next() {
		l.time = parseTime(first(m, "timestamp", "created_at"))
		switch role := str(m.Get("role")); role {
		case "assistant":
			for c := m.Get("tool_calls").First(); c.Exists(); c = c.Next() {
				openAICall(&l, c)
			}
		case "tool":
			openAIResult(&l, m)
		}
		if role := str(m.Get("role")); h.prompts && (role == "user" || role == "assistant") {
			l.prompt(role, contentText(m.Get("content")))
		}
	}
	return true
}

// openAICall reads a call in the form of OpenAI's API, {id, function: {name, arguments}}, or without function.
func openAICall(l *callLog, c value.Value) {
	fn := c.Get("function")
	if !fn.Exists() {
		fn = c
	}
	f := l.request(str(first(c, "id", "call_id")), str(fn.Get("name")), fn.Get("arguments"))
	l.send(f, f.Command.Tool, string(jsonOf(fn.Get("arguments"))))
}

// openAIResult reads {tool_call_id, content}. A text that is an object with an exit code is a shell's.
func openAIResult(l *callLog, m value.Value) {
	f := l.fragment(schema.Result, str(m.Get("tool_call_id")))
	f.Command.Tool = str(first(m, "tool_name", "name"))
	text := texts(m.Get("content"))
	setStdout(&f.Execution, text)
	doc := docOf(m)
	if strings.HasPrefix(text, "{") {
		if r, err := doc.ParseJSON(text); err == nil {
			if code, ok := first(r, "exit_code", "exitCode", "returncode").Int(); ok {
				setStdout(&f.Execution, str(first(r, "output", "stdout")))
				setExit(f, code)
				f.Error.Message = str(r.Get("error"))
			}
		}
	}
	if e := first(m, "is_error", "isError"); e.Exists() && !f.Execution.ExitCode.Set {
		outcome(f, e.Bool())
	}
	if f.Command.CallID == "" {
		l.lone(f)
		return
	}
	l.send(f, text)
}
