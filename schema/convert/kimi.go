package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Kimi Code: ~/.kimi/sessions/<hash>/<session>/agents/<agent>/wire.jsonl. Made from wire protocol 1.4 (2026).
//
//		{"type":"metadata","protocol_version","created_at"}                                 first line
//		{"type":"config.update","cwd","modelAlias","profileName"}  {"type":"llm.request","provider","model"}
//		{"type":"permission.set_mode","mode"}
//		{"type":"permission.record_approval_result","toolCallId","sessionApprovalRule",
//		 "result":{"decision":"approved|rejected|cancelled","scope","selectedLabel","feedback"}}   before the call itself
//		{"type":"context.append_loop_event","event":{"type":"tool.call","turnId","toolCallId","name","args",
//		 "display":{"kind":"command","cwd"}}}
//		{"type":"context.append_loop_event","event":{"type":"tool.result","toolCallId","result":{"output","isError"}}}
//
//	  - Times are milliseconds since 1970, in time.
//	  - Call ids (Bash_0) begin anew in every session, and no line names the session: it is taken from the path; without
//	    one, metadata's time stands for it.
//	  - An approval result is written only when the person was asked. What ran without was allowed by rule or mode, which
//	    the log does not tell apart, so nothing is said of it.
//	  - A shell's failure ends in "Command failed with exit code: N."; success has no code.
type kimi struct{ prompts bool }

const kimiName = "kimi-cli"

func (*kimi) Name() string { return kimiName }

var kimiTypes = set(`config.update tools.set_active_tools turn.prompt turn.steer turn.cancel context.append_message
	context.append_loop_event context.clear context.undo context.apply_compaction llm.tools_snapshot llm.request
	permission.set_mode permission.record_approval_result permission.rules.add usage.record plan_mode.enter plan_mode.exit
	plan_mode.cancel full_compaction.begin full_compaction.complete micro_compaction.apply tools.update_store
	task.started task.terminated mcp.tools_discovered`)

// Keys of its objects.
func (*kimi) Keys() []string { return []string{"type time", "type protocol_version created_at"} }

func (*kimi) Detect(v value.Value) bool {
	switch typ := str(v.Get("type")); {
	case v.Get("payload").Exists() || v.Get("data").Exists():
		return false
	case typ == "metadata":
		return v.Get("protocol_version").Exists() && v.Get("created_at").Exists()
	default:
		return kimiTypes[typ] && v.Get("time").Exists()
	}
}

func (k *kimi) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := kimiLine{callLog{src: src, in: in, emit: emit, format: kimiName, family: kimiName, time: parseTime(v.Get("time"))}}
	l.place(v)
	known := &src.Known
	switch str(v.Get("type")) {
	case "config.update":
		keep(&known.Command.Cwd, str(v.Get("cwd")))
		keep(&known.Identity.Model, str(v.Get("modelAlias")))
		if name := str(v.Get("profileName")); name != "agent" {
			keep(&known.Identity.AgentName, name)
		}
	case "llm.request":
		keep(&known.Identity.ProviderName, str(v.Get("provider")))
		keep(&known.Identity.Model, str(v.Get("model")))
	case "permission.set_mode":
		keep(&known.Authorization.Mode, str(v.Get("mode")))
	case "permission.record_approval_result":
		l.approval(v)
	case "context.append_loop_event":
		switch e := v.Get("event"); str(e.Get("type")) {
		case "tool.call":
			l.call(e)
		case "tool.result":
			l.result(e)
		}
	case "turn.prompt":
		if k.prompts {
			l.prompt("user", contentText(v.Get("input")))
		}
	}
	return true
}

// kimiLine is one line while it is read.
type kimiLine struct{ callLog }

// place finds session and subagent in the path, and the start of the session in its first line.
func (l *kimiLine) place(v value.Value) {
	known := &l.src.Known
	if dir, rest, ok := strings.Cut(l.in.Known.Infrastructure.LogPath, "/agents/"); ok {
		l.begin(dir[strings.LastIndexByte(dir, '/')+1:])
		if agent, _, _ := strings.Cut(rest, "/"); agent != "main" {
			keep(&known.Identity.AgentID, agent)
			keep(&known.Session.Type, "subagent")
		}
	}
	if str(v.Get("type")) != "metadata" {
		return
	}
	keep(&l.src.Version, v.Get("protocol_version").String())
	start := parseTime(v.Get("created_at"))
	if !start.Equal(known.Session.Start) {
		id, agent, typ := known.Session.ID, known.Identity.AgentID, known.Session.Type
		*known = schema.Action{}
		l.begin(id)
		known.Identity.AgentID, known.Session.Type, known.Session.Start = agent, typ, start
	}
}

// key names a call by the session of the path, else by the time the log began.
func (l *kimiLine) key(call string) schema.ID {
	scope := l.src.Known.Session.ID + " " + l.src.Known.Identity.AgentID
	if scope == " " {
		scope = l.in.Source.String()
		if t := l.src.Known.Session.Start; !t.IsZero() {
			scope = schema.FormatTime(t)
		}
	}
	return callKey(kimiName, scope, call)
}

func (l *kimiLine) send(f *schema.Fragment, says string) {
	if f.Command.CallID == "" {
		l.callLog.send(f)
		return
	}
	identifyLine(f, l.key(f.Command.CallID), says, f.Role.String())
	l.emit(f)
}

func (l *kimiLine) call(e value.Value) {
	f := l.request(str(e.Get("toolCallId")), str(e.Get("name")), e.Get("args"))
	f.Session.Turn = e.Get("turnId").String()
	if dir := str(e.Get("display", "cwd")); dir != "" {
		f.Command.Cwd = dir
	}
	l.send(f, string(jsonOf(e)))
}

func (l *kimiLine) result(e value.Value) {
	f := l.fragment(schema.Result, str(e.Get("toolCallId")))
	r := e.Get("result")
	output := texts(first(r, "output", "content"))
	setStdout(&f.Execution, output)
	failed := first(r, "isError", "is_error").Bool()
	outcome(f, failed)
	if s := str(r.Get("message")); failed && s != "" {
		f.Error.Message = s
	}
	_, last := lastLine(orElse(f.Error.Message, output))
	if code, ok := exitAfter(last, "exit code: "); ok && failed {
		setExit(f, code)
	}
	if f.Command.CallID == "" {
		l.lone(f)
		return
	}
	l.send(f, string(jsonOf(r)))
}

func (l *kimiLine) approval(v value.Value) {
	f := l.fragment(schema.Decision, str(v.Get("toolCallId")))
	r := v.Get("result")
	raw := str(r.Get("decision"))
	if f.Command.CallID == "" || raw == "" {
		return
	}
	f.Session.Turn = v.Get("turnId").String()
	reason := str(r.Get("feedback"))
	switch raw {
	case "approved":
		f.Authorization.Decision, f.Authorization.Source = schema.Approved, "user"
		f.Authorization.DecidedAt, f.Authorization.Raw, f.Authorization.Reason = f.Time, raw, reason
		f.Authorization.Rule = str(v.Get("sessionApprovalRule"))
	case "rejected":
		deny(f, "user", raw, reason)
	default:
		f.Execution.Interrupted = true
		f.Authorization.Raw = raw
	}
	l.send(f, string(jsonOf(r)))
}
