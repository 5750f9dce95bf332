package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Claude Code's OpenTelemetry logs (CLAUDE_CODE_ENABLE_TELEMETRY=1, OTEL_LOGS_EXPORTER=otlp). Made from versions 2.1.175
// to 2.1.330 (2026); for the forms in which records come, see otlp.go.
//
//	scope com.anthropic.claude_code.events, body "claude_code.<event>", attribute event.name "<event>"
//	each    session.id prompt.id user.id user.email user.account_uuid user.account_id organization.id terminal.type
//	        event.sequence event.timestamp app.version app.entrypoint
//	tool_decision  tool_name tool_use_id decision(accept|reject) source tool_parameters permission_mode
//	               classifier_verdict classifier_category
//	tool_result    tool_name tool_use_id success duration_ms error error_type decision_type decision_source
//	               tool_parameters{bash_command,full_command,timeout,description,git_commit_id,…} tool_input
//
// Numbers come as numbers and as text, also within one record. What source means:
//
//		config, hook, classifier           the program decided: auto_approved or denied
//		user_permanent, user_temporary     the person allowed it: approved
//		user_reject                        the person refused: denied
//		user_abort                         the person interrupted instead of answering: no decision
//		unknown, or one that is newer      no decision; the words are kept
//
//	  - The command is there only with OTEL_LOG_TOOL_DETAILS=1. Else bash_command may give its first word, which is kept
//	    as executable. tool_input is cut by the agent, full_command is the whole.
//	  - There is no output, no working directory and no exit code, but for an error that begins with "Exit code N". That a
//	    shell succeeded does not say that it exited with 0: it may be running in the background.
//	  - tool_use_id pairs with the transcript and the hooks. Records of 2025 have none: there a result, which repeats its
//	    decision, and a refusal are actions of their own, and an acceptance tells nothing more.
//	  - Prompts, API requests, hooks run, compactions and the like tell of no action.
var claudeOtel = otlpAgent{name: claudeOtelName, text: "claude_code.", owns: ownsClaudeOtel, read: readClaudeOtel}

const (
	claudeOtelName  = "claude-code-otel"
	claudeOtelScope = "com.anthropic.claude_code"
)

func ownsClaudeOtel(r *otlpRecord) bool {
	return strings.HasPrefix(r.scope, claudeOtelScope) || strings.HasPrefix(r.text, "claude_code.") ||
		strings.HasPrefix(r.event, "claude_code.") || r.event != "" && otlpGet(r.resource, "service.name").String() == claudeName
}

// claudeOtelSaid are the attributes that have a place of their own.
var claudeOtelSaid = set(`session.id prompt.id user.id user.email organization.id event.name event.timestamp app.version
	app.entrypoint tool_name tool.name tool_use_id tool.use.id decision source decision_type decision.type decision_source
	decision.source tool_parameters tool.parameters tool_input tool.input permission_mode permission.mode success
	duration_ms duration.ms error error_type error.type model prompt`)

func readClaudeOtel(r *otlpRecord, src *Source, in *Input, emit Emit) {
	r.event = strings.TrimPrefix(orElse(r.event, r.text), "claude_code.")
	o := claudeOtelRecord{otlpRecord: r, src: src, in: in}
	known, id := &src.Known, r.str("session.id")
	if id != "" && id != known.Session.ID {
		*known = schema.Action{}
		keep(&known.Session.ID, id)
	}
	keep(&known.Authorization.Mode, orElse(r.str("permission_mode"), r.str("to_mode")))
	switch r.event {
	case "tool_decision":
		o.toolDecision(emit)
	case "tool_result":
		o.toolResult(emit)
	case "user_prompt":
		if said := r.str("prompt"); r.prompts && said != "" && said != "<REDACTED>" {
			f := o.fragment(schema.Whole)
			setKind(&f.Action, schema.ActionLog)
			f.Message = "user: " + said
			identify(f, schema.MakeID(claudeOtelName, id, r.said(), f.Message))
			emit(f)
		}
	}
}

// claudeOtelRecord is one record while it is read.
type claudeOtelRecord struct {
	*otlpRecord
	src *Source
	in  *Input
}

// fragment starts a fragment with what each record says.
func (o *claudeOtelRecord) fragment(role schema.Role) *schema.Fragment {
	f := newFragment(o.in, claudeOtelName, claudeName, role)
	o.about(&f.Action)
	f.Session.ID = o.str("session.id")
	f.Session.ConversationID = f.Session.ID
	f.Session.Turn = o.str("prompt.id")
	switch e := o.str("app.entrypoint"); {
	case e == "cli":
		f.Session.Type = "interactive"
	case e == "sdk-cli":
		f.Session.Type = "exec"
	default:
		f.Session.Type = e
	}
	id := &f.Identity
	id.ServiceName, id.AgentName = claudeName, claudeName
	id.ServiceVersion = orElse(o.str("app.version"), id.ServiceVersion)
	id.UserID = orElse(o.str("user.id"), id.UserID)
	id.UserEmail = orElse(o.str("user.email"), id.UserEmail)
	id.OrganizationID = o.str("organization.id")
	id.Model = o.str("model")
	if a := o.str("agent_id"); a != "" {
		id.AgentID = a
		f.Session.Type = "subagent"
	}
	setTime(f, o.time)
	return f
}

// tool starts the fragment of a call.
func (o *claudeOtelRecord) tool(role schema.Role) *schema.Fragment {
	f := o.fragment(role)
	c := &f.Command
	c.Tool, c.CallID = o.str("tool_name"), o.str("tool_use_id")
	f.Authorization.Mode = o.str("permission_mode")
	params, input := jsonText(o.get("tool_parameters")), jsonText(o.get("tool_input"))
	if server, tool := str(params.Get("mcp_server_name")), str(params.Get("mcp_tool_name")); server != "" && tool != "" && !strings.HasPrefix(c.Tool, "mcp__") {
		c.Tool = "mcp__" + server + "__" + tool
	}
	setKind(&f.Action, toolAction(c.Tool))
	f.Infrastructure.GitCommit = str(params.Get("git_commit_id"))
	f.Infrastructure.GitBranch = str(params.Get("git_branch"))
	arguments := input
	if input.Kind() != value.Object {
		arguments = params
	}
	c.ToolArguments = objectOf("input", arguments)
	if f.Event.Action == schema.ActionShell {
		c.Line = orElse(str(params.Get("full_command")), str(input.Get("command")))
		if first := str(params.Get("bash_command")); c.Line == "" {
			c.Executable = first
		}
		c.ToolArguments = without(arguments, func(k string) bool {
			return k == "command" || k == "bash_command" || k == "full_command" || k == "git_commit_id" || k == "git_branch"
		})
	}
	addFields(&f.Trail.Fields, o.rest(claudeOtelSaid))
	return f
}

// jsonText is an attribute that holds JSON text, or the value itself.
func jsonText(v value.Value) value.Value {
	if s, ok := v.Str(); ok && strings.HasPrefix(s, "{") {
		if parsed, err := docOf(v).ParseJSON(s); err == nil {
			return parsed
		}
	}
	return v
}

// send identifies a fragment and emits it.
func (o *claudeOtelRecord) send(f *schema.Fragment, emit Emit) {
	if f.Command.CallID == "" {
		f.Role = schema.Whole
		identify(f, schema.MakeID(claudeOtelName, f.Session.ID, o.said(), f.Command.Tool))
	} else {
		identify(f, callKey(claudeName, f.Session.ID, f.Command.CallID), claudeOtelName, o.said())
	}
	emit(f)
}

func (o *claudeOtelRecord) toolDecision(emit Emit) {
	f := o.tool(schema.Decision)
	o.decide(f, o.str("decision"), o.str("source"))
	f.Execution.Start, f.Execution.End = time.Time{}, time.Time{}
	if f.Command.CallID == "" && f.Authorization.Decision != schema.Denied && !f.Execution.Interrupted {
		return
	}
	o.send(f, emit)
}

// decide records a decision and who made it, in the words of the agent; see the top of this file.
func (o *claudeOtelRecord) decide(f *schema.Fragment, decision, source string) {
	if decision == "" && source == "" {
		return
	}
	a := &f.Authorization
	a.Source, a.Raw = source, strings.TrimSpace(decision+" "+source)
	if strings.HasPrefix(source, "user_") {
		a.Source = "user"
	}
	reason := orElse(o.str("reason"), o.str("classifier_category"))
	program := source == "config" || source == "hook" || source == "classifier"
	switch {
	case source == "user_abort":
		f.Execution.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
	case decision == "reject" && (program || source == "user_reject"):
		deny(f, a.Source, a.Raw, reason)
	case decision == "accept" && program:
		a.Decision, a.Reason, a.DecidedAt = schema.AutoApproved, reason, f.Time
	case decision == "accept" && (source == "user_permanent" || source == "user_temporary"):
		a.Decision, a.Reason, a.DecidedAt = schema.Approved, reason, f.Time
	}
}

func (o *claudeOtelRecord) toolResult(emit Emit) {
	f := o.tool(schema.Result)
	f.Execution.Duration = scaled(o.get("duration_ms"), time.Millisecond)
	if s := o.get("success"); s.Exists() && s.Kind() != value.Null {
		f.Event.Outcome = schema.OutcomeFailure
		if s.Bool() {
			f.Event.Outcome = schema.OutcomeSuccess
		}
	}
	o.decide(f, orElse(o.str("decision_type"), o.str("decision")), orElse(o.str("decision_source"), o.str("source")))
	f.Authorization.DecidedAt = time.Time{} // before the tool ran, not now
	f.Error.Message, f.Error.Type = o.str("error"), o.str("error_type")
	text := strings.TrimPrefix(f.Error.Message, "Error: ")
	if rest, ok := strings.CutPrefix(text, "Exit code "); ok && f.Event.Action == schema.ActionShell {
		if code, ok := leadingInt(rest); ok {
			setExit(f, code)
		}
	}
	o.send(f, emit)
}
