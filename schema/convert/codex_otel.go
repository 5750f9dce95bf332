package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Codex's OpenTelemetry logs ([otel] in config.toml). Made from the source of codex-rs/otel of 2025 and 2026; no real
// log was at hand. For the forms in which records come, see otlp.go. The body is empty; all is in attributes:
//
//	each    event.name "codex.<event>", event.timestamp, conversation.id, app.version, originator, model, slug,
//	        auth_mode, user.account_id, user.email, terminal.type
//	codex.conversation_starts  approval_policy sandbox_policy provider_name mcp_servers
//	codex.tool_decision        tool_name call_id decision source
//	codex.tool_result          tool_name call_id arguments duration_ms success output mcp_server
//	codex.sandbox_outcome      tool_name call_id outcome
//	codex.user_prompt          prompt
//
// arguments and output are those of the rollout's function_call and its output, but output is cut to a preview. Values
// may be texts or numbers. A result without call_id is of a call that could not be begun.
//
// decision is a ReviewDecision in lower case, with or without underscores between its words, depending on the version;
// source is Config, User or AutomatedReviewer, in any case:
//
//	approved, approved_for_session, approved_…_amendment   approved if the source is user, else auto_approved
//	denied, abort, timed_out                               denied; abort is a refusal that also ends the turn
//	anything else                                          the words are kept, and no decision
var codexOtel = otlpAgent{name: codexOtelName, text: "codex.", owns: ownsCodexOtel, read: readCodexOtel}

const codexOtelName = "codex-otel"

func ownsCodexOtel(r *otlpRecord) bool {
	return strings.HasPrefix(r.event, "codex.") || r.event == "" && strings.HasPrefix(r.text, "codex.")
}

// codexOtelSaid are the attributes that have a place of their own.
var codexOtelSaid = set(`event.name event.timestamp conversation.id app.version originator model slug user.account_id
	user.account.id user.email tool_name tool.name call_id call.id decision source arguments duration_ms duration.ms
	success output prompt`)

func readCodexOtel(r *otlpRecord, src *Source, in *Input, emit Emit) {
	o := codexOtelRecord{otlpRecord: r, src: src, in: in}
	known, id := &src.Known, r.str("conversation.id")
	if id != "" && id != known.Session.ID {
		*known = schema.Action{}
		keep(&known.Session.ID, id)
	}
	switch strings.TrimPrefix(orElse(r.event, r.text), "codex.") {
	case "conversation_starts":
		known.Session.Start = r.time
		keep(&known.Authorization.Mode, r.str("approval_policy"))
		keep(&known.Authorization.Sandbox, r.str("sandbox_policy"))
		keep(&known.Identity.ProviderName, strings.ToLower(r.str("provider_name")))
	case "tool_decision":
		o.toolDecision(emit)
	case "tool_result":
		o.toolResult(emit)
	case "sandbox_outcome":
		f := o.fragment(schema.Decision)
		f.Execution = schema.Execution{}
		if f.Command.CallID != "" {
			o.send(f, emit)
		}
	case "user_prompt":
		if said := r.str("prompt"); r.prompts && said != "" && said != "[REDACTED]" {
			f := o.fragment(schema.Whole)
			setKind(&f.Action, schema.ActionLog)
			f.Message = "user: " + said
			identify(f, schema.MakeID(codexOtelName, id, r.said(), f.Message))
			emit(f)
		}
	}
}

// codexOtelRecord is one record while it is read.
type codexOtelRecord struct {
	*otlpRecord
	src *Source
	in  *Input
}

// fragment starts a fragment with what each record says.
func (o *codexOtelRecord) fragment(role schema.Role) *schema.Fragment {
	f := newFragment(o.in, codexOtelName, codexName, role)
	o.about(&f.Action)
	known, id := &o.src.Known, &f.Identity
	f.Session.ID = o.str("conversation.id")
	f.Session.ConversationID = f.Session.ID
	f.Session.Start = known.Session.Start
	switch by := o.str("originator"); by {
	case "codex_cli_rs", "codex-tui":
		f.Session.Type = "interactive"
	case "codex_exec":
		f.Session.Type = "exec"
	case "codex_vscode":
		f.Session.Type = "ide"
	default:
		f.Session.Type = by
	}
	id.ServiceName, id.AgentName = codexName, codexName
	id.ServiceVersion = orElse(o.str("app.version"), id.ServiceVersion)
	id.UserID = orElse(o.str("user.account_id"), id.UserID)
	id.UserEmail = orElse(o.str("user.email"), id.UserEmail)
	id.Model = orElse(o.str("model"), o.str("slug"))
	id.ProviderName = known.Identity.ProviderName
	f.Authorization.Mode, f.Authorization.Sandbox = known.Authorization.Mode, known.Authorization.Sandbox
	f.Command.Tool, f.Command.CallID = o.str("tool_name"), o.str("call_id")
	if f.Command.Tool != "" {
		setKind(&f.Action, codexAction(f.Command.Tool))
		addFields(&f.Trail.Fields, o.rest(codexOtelSaid))
	}
	setTime(f, o.time)
	return f
}

// send identifies a fragment and emits it.
func (o *codexOtelRecord) send(f *schema.Fragment, emit Emit) {
	if f.Command.CallID == "" {
		f.Role = schema.Whole
		identify(f, schema.MakeID(codexOtelName, f.Session.ID, o.said(), f.Command.Tool))
	} else {
		f.Key = o.key(f.Command.CallID)
		f.ID = schema.MakeID(f.Key.String(), codexOtelName, o.said())
	}
	emit(f)
}

func (o *codexOtelRecord) key(call string) schema.ID {
	return callKey(codexName, o.str("conversation.id"), call)
}

func (o *codexOtelRecord) toolDecision(emit Emit) {
	f := o.fragment(schema.Decision)
	word, source := o.str("decision"), strings.ToLower(o.str("source"))
	a := &f.Authorization
	a.Source, a.Raw = source, word
	switch plain := strings.ReplaceAll(strings.ToLower(word), "_", ""); {
	case strings.HasPrefix(plain, "approved"):
		a.Decision, a.DecidedAt = schema.AutoApproved, f.Time
		if source == "user" {
			a.Decision = schema.Approved
		}
	case plain == "denied" || plain == "abort" || plain == "timedout":
		deny(f, source, word, "")
	}
	o.send(f, emit)
}

func (o *codexOtelRecord) toolResult(emit Emit) {
	f := o.fragment(schema.Result)
	arguments := jsonText(o.get("arguments"))
	o.call(f, arguments)
	out := readCodexOutput(o.get("output"))
	out.fill(f)
	if strings.Contains(out.text, "[... telemetry preview truncated ...]") {
		f.Execution.Truncated = true
	}
	if f.Event.Outcome == "" && out.running == "" {
		f.Event.Outcome = schema.OutcomeFailure
		if o.get("success").Bool() {
			f.Event.Outcome = schema.OutcomeSuccess
		}
	}
	if !f.Execution.Duration.Set {
		f.Execution.Duration = scaled(o.get("duration_ms"), time.Millisecond)
	}
	if f.Command.Tool == "write_stdin" {
		o.stdin(f, arguments, &out, emit)
		return
	}
	if out.running != "" && f.Command.CallID != "" {
		f.Role = schema.Decision // the call has returned, the command has not: not its result yet
		f.Execution.End = time.Time{}
		f.Execution.Background = true
		f.Piece.Of = o.key(f.Command.CallID)
		o.src.Link(o.process(out.running), o.key(f.Command.CallID))
	}
	o.send(f, emit)
}

// call sets what was called.
func (o *codexOtelRecord) call(f *schema.Fragment, arguments value.Value) {
	if server := o.str("mcp_server"); server != "" {
		setKind(&f.Action, schema.ActionMCP)
		if !strings.HasPrefix(f.Command.Tool, "mcp__") {
			f.Command.Tool = "mcp__" + server + "__" + f.Command.Tool
		}
	}
	f.Command.ToolArguments = objectOf("arguments", arguments)
	text, isText := arguments.Str()
	switch {
	case text == "" && isText:
		f.Command.ToolArguments = ""
	case f.Event.Action == schema.ActionShell && isText: // of local_shell: the words of the command
		f.Command.Line, f.Command.ToolArguments = text, ""
	case f.Event.Action == schema.ActionShell:
		new(codexLine).shell(f, arguments)
	}
}

// process names a running command; its number is Codex's own, not a pid.
func (o *codexOtelRecord) process(id string) string {
	return "process " + o.str("conversation.id") + " " + id
}

// stdin reads the result of a write_stdin: typed text is an action of its own, and the end of the process written to
// is the result of the call that began it. See codex.go.
func (o *codexOtelRecord) stdin(f *schema.Fragment, arguments value.Value, out *codexOutput, emit Emit) {
	number := arguments.Get("session_id").String()
	process, linked := o.src.Linked(o.process(number))
	if linked {
		f.Piece = schema.Piece{Of: process, Last: out.exit.Set}
	}
	if chars := str(arguments.Get("chars")); chars != "" {
		typed := *f
		setKind(&typed.Action, schema.ActionStdin)
		typed.Command.Stdin = chars
		typed.Command.ToolArguments = without(arguments, func(k string) bool { return k == "chars" })
		typed.Execution.ExitCode = schema.Int{} // of the process, not of the typing
		typed.Event.Outcome = schema.OutcomeSuccess
		if out.failed || !o.get("success").Bool() && !out.exit.Set {
			typed.Event.Outcome = schema.OutcomeFailure
		}
		o.send(&typed, emit)
		f.Piece.Again = linked
	}
	if !linked || !out.exit.Set && out.text == "" {
		return
	}
	if out.exit.Set {
		o.src.Unlink(o.process(number))
	} else {
		f.Role = schema.Decision // it goes on
		f.Execution.End = time.Time{}
	}
	f.Command = schema.Command{}
	setKind(&f.Action, schema.ActionShell)
	f.Execution.Background = true
	f.Execution.Duration = schema.Int{} // of the waiting, not of the command
	f.Key = process
	f.ID = schema.MakeID(process.String(), codexOtelName, o.said())
	emit(f)
}
