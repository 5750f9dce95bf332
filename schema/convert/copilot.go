package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// GitHub Copilot CLI: ~/.copilot/session-state/<id>/events.jsonl, and the same events from `copilot --output-format json`,
// its SDK and VS Code's agent transcripts. Made from 0.0.369 to 1.0.77 and the SDK's published event types.
//
//		{"type","data":{…},"id","timestamp","parentId"}; subagents' events also agentId, older data.parentToolCallId
//		session.start{sessionId,copilotVersion,startTime,selectedModel,context:{cwd,repository,branch,headCommit}}
//		session.resume{context}  session.model_change{newModel}  session.mode_changed{newMode}  session.context_changed
//		assistant.message{toolRequests:[{toolCallId,name,arguments: object or JSON text}],model,turnId}
//		tool.execution_start{toolCallId,toolName,arguments,mcpServerName,mcpToolName,turnId}  tool.user_requested
//		tool.execution_complete{toolCallId,success,result:{content,detailedContent,contents},error:{message,code}}
//		permission.requested{requestId,permissionRequest:{toolCallId,…}}  permission.completed{requestId,result:{kind}}
//
//	  - Exit code: the last line of a shell's content, "<shellId: 0 completed with exit code 0>" or
//	    "<exited with exit code 1>", or a block {type: shell_exit, exitCode}; success only says that the tool worked.
//	  - Denials: result.kind of permission.completed, and error.code "denied" or "rejected" of the result.
//	  - Who approved: "approved" may have been said by a rule or a host program as well as by a person, so it is kept as
//	    the source's word and is no approval; "approved-for-session" and "approved-for-location" are a person's choice.
//	  - A call is told by both assistant.message and tool.execution_start; the second is missing when it was denied, and
//	    in some logs altogether.
//	  - User and host are not told; the directory only since versions that write a context.
type copilot struct{ prompts bool }

const copilotName = "copilot-cli"

func (*copilot) Name() string { return copilotName }

var copilotTypes = []string{
	"session.", "assistant.", "user.", "tool.", "permission.", "hook.", "subagent.", "system.", "skill.", "elicitation.",
	"user_input.", "external_tool.", "command.", "exit_plan_mode.", "mcp.", "sampling.",
}

// Keys of its objects.
func (*copilot) Keys() []string { return []string{"data type"} }

func (*copilot) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("data").Kind() != value.Object {
		return false
	}
	typ := str(v.Get("type"))
	if typ == "abort" {
		return v.Get("parentId").Exists() || v.Get("id").Exists()
	}
	for _, p := range copilotTypes {
		if strings.HasPrefix(typ, p) {
			return v.Get("id").Exists() || v.Get("timestamp").Exists() || v.Get("parentId").Exists()
		}
	}
	return false
}

func (c *copilot) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := copilotLine{callLog: callLog{src: src, in: in, emit: emit, format: copilotName, family: copilotName}, data: v.Get("data")}
	l.time = parseTime(v.Get("timestamp"))
	switch typ := str(v.Get("type")); typ {
	case "session.start", "session.resume", "session.context_changed":
		l.session(typ)
	case "session.model_change":
		keep(&src.Known.Identity.Model, str(l.data.Get("newModel")))
	case "session.mode_changed":
		keep(&src.Known.Authorization.Mode, str(first(l.data, "newMode", "mode")))
	case "assistant.turn_start":
		keep(&src.Known.Session.Turn, str(l.data.Get("turnId")))
	case "assistant.message":
		for r := l.data.Get("toolRequests").First(); r.Exists(); r = r.Next() {
			l.call(r, str(r.Get("toolCallId")), str(r.Get("name")))
		}
	case "tool.execution_start", "tool.user_requested":
		l.call(l.data, str(l.data.Get("toolCallId")), str(l.data.Get("toolName")))
	case "tool.execution_complete":
		l.result()
	case "permission.requested":
		l.asked()
	case "permission.completed":
		l.answered()
	}
	if c.prompts {
		switch str(v.Get("type")) {
		case "user.message":
			l.prompt("user", str(l.data.Get("content")))
		case "assistant.message":
			l.prompt("assistant", str(l.data.Get("content")))
		}
	}
	return true
}

// copilotLine is one event while it is read.
type copilotLine struct {
	callLog
	data value.Value
}

// session reads what an event says of its session: everything that is not said stays as it was.
func (l *copilotLine) session(typ string) {
	known, c := &l.src.Known, l.data.Get("context")
	if typ == "session.start" {
		l.begin(str(l.data.Get("sessionId")))
		if known.Session.Start = parseTime(l.data.Get("startTime")); known.Session.Start.IsZero() {
			known.Session.Start = l.time
		}
	}
	if typ == "session.context_changed" && !c.Exists() {
		c = l.data
	}
	keep(&known.Identity.ServiceVersion, str(l.data.Get("copilotVersion")))
	keep(&l.src.Version, str(l.data.Get("copilotVersion")))
	keep(&known.Identity.Model, str(l.data.Get("selectedModel")))
	keep(&known.Command.Cwd, str(c.Get("cwd")))
	keep(&known.Infrastructure.GitRepository, str(c.Get("repository")))
	keep(&known.Infrastructure.GitBranch, str(c.Get("branch")))
	keep(&known.Infrastructure.GitCommit, str(c.Get("headCommit")))
}

// actor names the subagent whose event it is.
func (l *copilotLine) actor(f *schema.Fragment) {
	if id := str(first(l.in.Body, "agentId")); id != "" {
		f.Identity.AgentID = id
	} else if id := str(l.data.Get("parentToolCallId")); id != "" {
		f.Identity.AgentID = id
	}
	if f.Identity.AgentID != "" {
		f.Session.Type = "subagent"
	}
	if turn := str(l.data.Get("turnId")); turn != "" {
		f.Session.Turn = turn
	}
}

// call reads a call; r has its arguments.
func (l *copilotLine) call(r value.Value, id, tool string) {
	server := str(r.Get("mcpServerName"))
	if server != "" {
		tool = "mcp__" + server + "__" + orElse(str(r.Get("mcpToolName")), tool)
	}
	f := l.request(id, tool, r.Get("arguments"))
	l.actor(f)
	if m := str(l.data.Get("model")); m != "" {
		f.Identity.Model = m
	}
	l.send(f, tool, str(l.in.Body.Get("type")), string(jsonOf(r.Get("arguments"))))
}

func (l *copilotLine) result() {
	d := l.data
	f := l.fragment(schema.Result, str(d.Get("toolCallId")))
	l.actor(f)
	r := d.Get("result")
	content := str(r.Get("content"))
	if s, ok := r.Str(); ok {
		content = s
	} else if content == "" {
		content = texts(r.Get("contents"))
	}
	setStdout(&f.Execution, content)
	if s := d.Get("success"); s.Exists() {
		outcome(f, !s.Bool())
	}
	f.Execution.Duration = scaled(d.Get("toolTelemetry", "metrics", "durationMs"), time.Millisecond)
	e := d.Get("error")
	message := orElse(str(e.Get("message")), str(e))
	if message != "" {
		f.Error.Message, f.Error.Type = message, str(e.Get("code"))
		f.Event.Outcome = schema.OutcomeFailure
	}
	l.exit(f, r, content)
	switch code := str(e.Get("code")); {
	case code == "denied" || code == "rejected":
		deny(f, copilotRefuser(message, code), code, message)
		noOutput(f, message)
	case code == "aborted" || code == "cancelled":
		f.Execution.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
	}
	if f.Command.CallID == "" {
		f.Command.Tool = str(d.Get("toolName"))
		l.lone(f)
		return
	}
	l.send(f, string(jsonOf(r)), string(jsonOf(e)), d.Get("success").String())
}

// copilotRefuser is who refused, as far as the message says.
func copilotRefuser(message, code string) string {
	switch {
	case strings.Contains(message, "hook"):
		return "hook"
	case code == "rejected" || strings.Contains(message, "user"):
		return "user"
	}
	return ""
}

// exit reads the exit code of a shell.
func (l *copilotLine) exit(f *schema.Fragment, r value.Value, content string) {
	for b := r.Get("contents").First(); b.Exists(); b = b.Next() {
		if code, ok := b.Get("exitCode").Int(); ok && str(b.Get("type")) == "shell_exit" {
			setExit(f, code)
		}
	}
	before, last := lastLine(content)
	if !strings.HasPrefix(last, "<") || !strings.HasSuffix(last, ">") || !strings.Contains(last, "exit") {
		return
	}
	if code, ok := exitAfter(last, "exit code "); ok {
		setExit(f, code)
		setStdout(&f.Execution, before)
	}
}

// asked remembers which call a request for permission is about.
func (l *copilotLine) asked() {
	p := first(l.data, "permissionRequest", "promptRequest")
	if id, call := str(l.data.Get("requestId")), str(p.Get("toolCallId")); id != "" && call != "" {
		l.src.Link("permission "+l.scope()+" "+id, l.key(call))
	}
}

// copilotDenials are the kinds of answer that refuse, and who gives them.
var copilotDenials = map[string]string{
	"denied-by-rules": "config", "denied-no-approval-rule-and-could-not-request-from-user": "config",
	"denied-interactively-by-user": "user", "denied-by-content-exclusion-policy": "policy", "denied-by-policy": "policy",
	"denied-by-permission-request-hook": "hook",
}

func (l *copilotLine) answered() {
	r, request := l.data.Get("result"), str(l.data.Get("requestId"))
	kind := str(r.Get("kind"))
	f := l.fragment(schema.Decision, str(first(l.data, "toolCallId")))
	l.actor(f)
	key, ok := l.src.Linked("permission " + l.scope() + " " + request)
	if f.Command.CallID != "" {
		key, ok = l.key(f.Command.CallID), true
	}
	by, denied := copilotDenials[kind]
	if !ok || kind == "" {
		return
	}
	reason := orElse(str(r.Get("feedback")), str(first(r, "message", "reason")))
	switch {
	case denied || strings.HasPrefix(kind, "denied"):
		deny(f, by, kind, reason)
	case strings.HasPrefix(kind, "approved-for-"):
		f.Authorization.Decision, f.Authorization.Source = schema.Approved, "user"
		f.Authorization.DecidedAt = f.Time
	}
	f.Authorization.Raw, f.Authorization.Reason = kind, reason
	identifyLine(f, key, "permission", request, kind)
	l.emit(f)
}
