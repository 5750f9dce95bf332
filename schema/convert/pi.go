package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// pi: ~/.pi/agent/sessions/--<cwd>--/<time>_<uuid>.jsonl, and OpenClaw, which is made of it:
// ~/.openclaw/agents/<agent>/sessions/<uuid>.jsonl. Made from session versions 1 (November 2025) to 3 (2026).
//
//	{"type":"session","version":3,"id","timestamp","cwd","parentSession"}; version 1 also provider, modelId
//	{"type":"message","id","parentId","timestamp","message":{…}}; version 1 without ids; message is one of
//	    {"role":"assistant","provider","model","stopReason","content":[{"type":"toolCall","id","name","arguments":{…}}]}
//	    {"role":"toolResult","toolCallId","toolName","isError","content":[{"type":"text","text"}],"details":{…}}
//	    {"role":"bashExecution","command","output","exitCode","cancelled","truncated"}   `!ls`, typed by the person
//	    user, custom, hookMessage, branchSummary, compactionSummary: no action
//	{"type":"model_change","provider","modelId"}; thinking_level_change, compaction, custom, label …: no action
//
// and the output of `pi --mode json`, which begins with the session line:
//
//		{"type":"tool_execution_start","toolCallId","toolName","args"} … {"type":"tool_execution_end",…,"result","isError"}
//
//	  - Exit code: of a shell that failed it is the last line of the output, "Command exited with code N". A command that
//	    did not fail exited with 0: bash gives an error for all else.
//	  - "Command aborted" is the person's Escape, "Command timed out after N seconds" the time limit; both are errors.
//	  - pi asks for no approval. An extension can block a call: "Tool execution was blocked …", or words of its own, which
//	    cannot be told from any other error.
//	  - A fork or a branch repeats lines; ids of calls are the same, and so are our identities.
//	  - Neither user nor host is told.
type pi struct{ prompts bool }

const piName = "pi"

func (*pi) Name() string { return piName }

var (
	piRoles   = set("user assistant toolResult bashExecution custom hookMessage branchSummary compactionSummary")
	piEntries = set(`model_change thinking_level_change compaction branch_summary custom custom_message label session_info`)
)

// Keys of its objects.
func (*pi) Keys() []string { return []string{"type"} }

func (*pi) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("sessionId").Exists() {
		return false
	}
	switch typ := str(v.Get("type")); typ {
	case "session":
		return v.Get("id").Kind() == value.String && v.Get("cwd").Exists() && v.Get("timestamp").Exists()
	case "message", "message_start", "message_update", "message_end", "turn_end":
		return piMessage(v.Get("message"))
	case "tool_execution_start", "tool_execution_update", "tool_execution_end":
		return v.Get("toolCallId").Exists() && v.Get("toolName").Exists()
	case "agent_end":
		return v.Get("messages").Kind() == value.Array
	case "agent_start", "turn_start":
		return v.Len() == 1
	default:
		return piEntries[typ] && v.Get("timestamp").Exists() && v.Get("parentId").Exists() ||
			typ == "model_change" && v.Get("modelId").Exists() || typ == "thinking_level_change" && v.Get("thinkingLevel").Exists()
	}
}

// piMessage tells pi's messages from those of agents that wrap theirs in the same way: by role, and by blocks.
func piMessage(m value.Value) bool {
	role := str(m.Get("role"))
	if !piRoles[role] {
		return false
	}
	for b := m.Get("content").First(); b.Exists(); b = b.Next() {
		switch str(b.Get("type")) {
		case "tool_use", "tool_result", "toolRequest", "toolResponse":
			return false
		}
	}
	return true
}

func (p *pi) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := piLine{callLog{src: src, in: in, emit: emit, format: piName, family: piName, time: parseTime(v.Get("timestamp"))}}
	known := &src.Known
	if strings.HasPrefix(str(v.Get("customType")), "openclaw") || strings.Contains(in.Known.Infrastructure.LogPath, "/.openclaw/") {
		keep(&known.Identity.ServiceName, "openclaw")
	}
	m := v.Get("message")
	switch str(v.Get("type")) {
	case "session":
		l.begin(str(v.Get("id")))
		known.Session.Start = l.time
		keep(&known.Command.Cwd, str(v.Get("cwd")))
		keep(&src.Version, v.Get("version").String())
		l.model(v.Get("provider"), v.Get("modelId"))
	case "model_change":
		l.model(v.Get("provider"), v.Get("modelId"))
	case "message":
		l.agent = known.Identity.ServiceName
		l.message(m)
	case "tool_execution_start":
		l.agent = known.Identity.ServiceName
		l.call(str(v.Get("toolCallId")), str(v.Get("toolName")), v.Get("args"))
	case "tool_execution_end":
		l.agent = known.Identity.ServiceName
		l.result(str(v.Get("toolCallId")), str(v.Get("toolName")), v.Get("result"), v.Get("isError").Bool())
	}
	if p.prompts && str(v.Get("type")) == "message" {
		switch role := str(m.Get("role")); role {
		case "user", "assistant":
			l.prompt(role, contentText(m.Get("content")))
		}
	}
	return true
}

// piLine is one line while it is read.
type piLine struct{ callLog }

func (l *piLine) model(provider, model value.Value) {
	keep(&l.src.Known.Identity.ProviderName, str(provider))
	keep(&l.src.Known.Identity.Model, str(model))
}

func (l *piLine) message(m value.Value) {
	if l.time.IsZero() {
		l.time = parseTime(m.Get("timestamp"))
	}
	switch str(m.Get("role")) {
	case "assistant":
		l.model(m.Get("provider"), m.Get("model"))
		for b := m.Get("content").First(); b.Exists(); b = b.Next() {
			if str(b.Get("type")) == "toolCall" {
				l.call(str(b.Get("id")), str(b.Get("name")), b.Get("arguments"))
			}
		}
	case "toolResult":
		l.result(str(m.Get("toolCallId")), str(m.Get("toolName")), m, m.Get("isError").Bool())
	case "bashExecution":
		l.typed(m)
	}
}

func (l *piLine) call(id, tool string, arguments value.Value) {
	f := l.request(id, tool, arguments)
	l.send(f, tool, string(jsonOf(arguments)))
}

// result reads {content, details} of a call.
func (l *piLine) result(id, tool string, r value.Value, failed bool) {
	f := l.fragment(schema.Result, id)
	f.Command.Tool = tool
	content := contentText(r.Get("content"))
	setStdout(&f.Execution, content)
	outcome(f, failed)
	d := r.Get("details")
	f.Execution.Truncated = d.Get("truncation", "truncated").Bool() || d.Get("fullOutputPath").Exists()
	f.Execution.Duration = scaled(d.Get("durationMs"), time.Millisecond)
	code, hasCode := d.Get("exitCode").Int()
	shell := callAction(tool, value.Value{}) == schema.ActionShell
	switch {
	case failed:
		l.failure(f, content, shell)
	case hasCode:
		setExit(f, code)
	case shell && tool == "bash":
		setExit(f, 0)
	}
	if id == "" {
		l.lone(f)
		return
	}
	l.send(f, content, string(jsonOf(d)), itoa(len(content)))
}

// failure reads why a call failed: its last line, or, for what is no shell, all of it.
func (l *piLine) failure(f *schema.Fragment, content string, shell bool) {
	before, last := lastLine(content)
	switch {
	case strings.HasPrefix(content, "Tool execution was blocked"):
		deny(f, "extension", "blocked", content)
		noOutput(f, content)
		return
	case last == "Command aborted" || last == "Operation aborted" || strings.HasPrefix(content, "Skipped due to queued user message"):
		f.Execution.Interrupted = true
		f.Error.Message = last
	case strings.HasPrefix(last, "Command timed out after "):
		f.Execution.TimedOut = true
		f.Error.Message = last
	case !shell:
		noOutput(f, content)
		return
	default:
		code, ok := exitAfter(last, "Command exited with code ")
		if !ok {
			return
		}
		setExit(f, code)
	}
	setStdout(&f.Execution, before)
}

// typed is a command that the person ran.
func (l *piLine) typed(m value.Value) {
	f := l.request("", "user_shell", m)
	f.Role = schema.Whole
	f.Execution.Start = time.Time{}
	f.Command.ToolArguments = ""
	f.Identity.Model, f.Identity.ProviderName = "", ""
	setStdout(&f.Execution, str(m.Get("output")))
	f.Execution.Truncated = m.Get("truncated").Bool()
	f.Execution.Interrupted = m.Get("cancelled").Bool()
	if code, ok := m.Get("exitCode").Int(); ok {
		setExit(f, code)
	} else if f.Execution.Interrupted {
		f.Event.Outcome = schema.OutcomeUnknown
	}
	entry := str(l.in.Body.Get("id"))
	if entry == "" {
		l.send(f)
		return
	}
	identify(f, schema.MakeID(piName, l.scope(), "entry", entry), f.Command.Line, f.Execution.Stdout)
	l.emit(f)
}
