package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Factory's Droid: ~/.factory/sessions/<id>.jsonl, and the output of `droid exec --output-format stream-json`. Made from
// 0.81 (fixtures).
//
//		{"type":"session_start","id","cwd","version","title"}
//		{"type":"message","id","parentId","timestamp","message":{"role","content":[…]}}, in which
//		    {"type":"tool_use","id","name","input":{…}}  {"type":"tool_result","tool_use_id","content","is_error"}
//
//		{"type":"system","subtype":"init","sessionId","model","cwd","tools"}
//		{"type":"tool_call","sessionId","timestamp","id","toolName","parameters":{"command","riskLevel","riskLevelReason"}}
//		{"type":"tool_result","sessionId","timestamp","id","isError","value": text or {stdout,stderr,exitCode}}
//		{"type":"message","role","text"}  {"type":"completion"}  {"type":"error"}
//	    older: session_id, a system line without subtype, and toolCallId beside or instead of id
//
//	  - The shell is the tool Execute. A failure is a text "Error: Command failed (exit code: N)" before the output, or
//	    "[Process exited with code N]" behind it; success without the latter has no code.
//	  - riskLevel is what the model says of its command: kept as reported risk.
//	  - Who allowed a call is not told, nor user and host.
type droid struct{ prompts bool }

const droidName = "droid"

func (*droid) Name() string { return droidName }

// Keys of its objects.
func (*droid) Keys() []string {
	return []string{
		"type id cwd", "type id version", "type role text", "type id timestamp message",
		"type sessionId subtype", "type cwd model", "type toolName", "type toolId", "type toolCallId",
		"type finalText", "type source",
	}
}

func (*droid) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("uuid").Exists() {
		return false
	}
	session := droidSession(v) != ""
	switch str(v.Get("type")) {
	case "session_start":
		return v.Get("id").Kind() == value.String && (v.Get("cwd").Exists() || v.Get("version").Exists())
	case "message":
		if session {
			return v.Get("role").Exists() && v.Get("text").Exists()
		}
		return v.Get("id").Exists() && v.Get("timestamp").Exists() && droidMessage(v.Get("message"))
	case "system":
		return v.Get("sessionId").Exists() && str(v.Get("subtype")) == "init" ||
			session && !v.Get("subtype").Exists() && v.Get("cwd").Exists() && v.Get("model").Exists()
	case "tool_call":
		return v.Get("toolName").Exists() && session
	case "tool_result":
		return first(v, "toolId", "toolName", "toolCallId").Exists() && session
	case "completion":
		return v.Get("finalText").Exists() && session
	case "error":
		return str(v.Get("source")) == "cli" && session
	}
	return false
}

func droidSession(v value.Value) string { return str(first(v, "sessionId", "session_id")) }

// droidMessage tells Droid's messages from those of agents that wrap theirs in the same way.
func droidMessage(m value.Value) bool {
	role := str(m.Get("role"))
	if role != "user" && role != "assistant" || m.Get("stopReason").Exists() || m.Get("api").Exists() {
		return false
	}
	for b := m.Get("content").First(); b.Exists(); b = b.Next() {
		switch str(b.Get("type")) {
		case "toolCall", "toolRequest", "toolResponse":
			return false
		}
	}
	return m.Get("content").Exists()
}

func (d *droid) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := droidLine{callLog{src: src, in: in, emit: emit, format: droidName, family: droidName, time: parseTime(v.Get("timestamp"))}}
	known := &src.Known
	l.begin(droidSession(v))
	switch str(v.Get("type")) {
	case "session_start":
		l.begin(str(v.Get("id")))
		keep(&known.Command.Cwd, str(v.Get("cwd")))
		keep(&known.Identity.ServiceVersion, v.Get("version").String())
		keep(&src.Version, v.Get("version").String())
	case "system":
		known.Session.Start = l.time
		keep(&known.Session.Type, "exec")
		keep(&known.Command.Cwd, str(v.Get("cwd")))
		keep(&known.Identity.Model, str(v.Get("model")))
	case "message":
		for b := v.Get("message", "content").First(); b.Exists(); b = b.Next() {
			switch str(b.Get("type")) {
			case "tool_use":
				l.call(str(b.Get("id")), str(b.Get("name")), b.Get("input"))
			case "tool_result":
				l.result(str(b.Get("tool_use_id")), b.Get("content"), b.Get("is_error"))
			}
		}
		if d.prompts {
			l.prompt(orElse(str(v.Get("role")), str(v.Get("message", "role"))), orElse(str(v.Get("text")), contentText(v.Get("message", "content"))))
		}
	case "tool_call":
		l.call(str(first(v, "toolCallId", "id")), str(first(v, "toolName", "toolId")), v.Get("parameters"))
	case "tool_result":
		l.result(str(first(v, "toolCallId", "id")), first(v, "value", "error", "content"), v.Get("isError"))
	}
	return true
}

// droidLine is one line while it is read.
type droidLine struct{ callLog }

func (l *droidLine) call(id, tool string, arguments value.Value) {
	f := l.request(id, tool, arguments)
	if level := str(arguments.Get("riskLevel")); level != "" {
		f.Risk.Source = schema.RiskReported
		f.Risk.Severity = map[string]schema.Int{"low": schema.Some(1), "medium": schema.Some(2), "high": schema.Some(3)}[level]
		if reason := str(arguments.Get("riskLevelReason")); reason != "" {
			f.Risk.Reasons = []string{reason}
		}
	}
	l.send(f, tool, string(jsonOf(arguments)))
}

func (l *droidLine) result(id string, r, isError value.Value) {
	f := l.fragment(schema.Result, id)
	text := texts(r)
	if r.Get("stdout").Exists() {
		text = str(r.Get("stdout"))
		if s := str(r.Get("stderr")); s != "" {
			setStderr(&f.Execution, s)
		}
	}
	setStdout(&f.Execution, text)
	failed := isError.Bool() || !isError.Exists() && strings.HasPrefix(text, "Error: ")
	outcome(f, failed)
	head, rest, _ := strings.Cut(text, "\n")
	before, last := lastLine(text)
	if code, ok := first(r, "exitCode", "exit_code").Int(); ok {
		setExit(f, code)
	} else if code, ok := exitAfter(head, "Error: Command failed (exit code: "); ok {
		setExit(f, code)
		setStdout(&f.Execution, rest)
	} else if code, ok := exitAfter(last, "[Process exited with code "); ok {
		setExit(f, code)
		setStdout(&f.Execution, before)
	}
	if id == "" {
		l.lone(f)
		return
	}
	l.send(f, string(jsonOf(r)), isError.String())
}
