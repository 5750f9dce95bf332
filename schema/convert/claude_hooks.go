package convert

import (
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Claude Code hook payloads: what a hook reads from its standard input, which people append to a file, as JSON lines or
// as one JSON array, bare or wrapped. Made from payloads of August 2025 to 2.1.330 (2026).
//
//	{"session_id","transcript_path","cwd","permission_mode","prompt_id","agent_id","agent_type","hook_event_name",…}
//	{"session_id","hook_event_type","payload":{…},"timestamp":ms,…}      a wrapping of people's own; its time is the time
//
// Events that tell of an action:
//
//	PreToolUse          {tool_name,tool_input,tool_use_id}             the call
//	PermissionRequest   {tool_name,tool_input,permission_suggestions}  a person is about to be asked; no tool_use_id
//	PermissionDenied    {tool_name,tool_input,tool_use_id,reason}      the classifier of auto mode refused
//	PostToolUse         {…,tool_response,duration_ms}                  the tool has succeeded
//	PostToolUseFailure  {…,error,is_interrupt,duration_ms}             it has failed, or was interrupted
//
// Other events (prompts, stops, notifications: over thirty by now) tell of the session only. An event that is newer than
// this converter counts as a call, a result or a remark by how its name begins, if it has a tool.
//
//   - There is no time, no model (but in SessionStart), no user: the wrapping's time is all there is.
//   - Payloads of 2025 have no tool_use_id: there, call and result are paired by session, tool and input, first come
//     first served, and identities come from the record, or, in an array that is written anew each time, from the
//     event's text and how many like it stand before.
//   - Exit code: PostToolUse comes on success only, so a shell's is 0 unless it was interrupted, went to the background
//     or its code was interpreted. The error of a failure begins with "Exit code N" in current builds.
//   - Who allowed a call is not told. What a hook itself answered (hookSpecificOutput, where people log it beside the
//     payload) is its decision.
//   - Codex has hooks of the same form, told by transcript_path; its call ids are those of its rollouts. Cursor and
//     Gemini CLI have hook_event_name with event names of their own: those are not read here.
type claudeHooks struct{ prompts bool }

const claudeHooksName = "claude-code-hooks"

func (*claudeHooks) Name() string { return claudeHooksName }

// hookWrappings are the keys under which a payload may stand in a wrapping.
var hookWrappings = []string{"payload", "hook_input", "input", "data", "event_data", "hook", "event"}

// foreignHooks are events of other agents that begin with a capital letter too.
var foreignHooks = set(`BeforeTool AfterTool BeforeAgent AfterAgent BeforeModel AfterModel BeforeToolSelection PreCompress`)

// hookPayload returns the payload in a record, a missing value if it is none.
func hookPayload(v value.Value) value.Value {
	if isHook(v) {
		return v
	}
	for _, k := range hookWrappings {
		p := v.Get(k)
		if isHook(p) || p.Kind() == value.Object && hookEvent(v.Get("hook_event_type")) && p.Get("session_id").Exists() {
			return p
		}
	}
	return value.Value{}
}

func isHook(v value.Value) bool {
	return hookEvent(v.Get("hook_event_name")) && (v.Get("session_id").Exists() || v.Get("transcript_path").Exists() ||
		v.Get("tool_name").Exists() || v.Get("cwd").Exists()) && hookAgent(v) != ""
}

func hookEvent(v value.Value) bool {
	name := str(v)
	return name != "" && name[0] >= 'A' && name[0] <= 'Z' && !foreignHooks[name]
}

// hookAgent is the family of the agent whose hook it is, "" if it is one that we do not know.
func hookAgent(v value.Value) string {
	path := strings.ReplaceAll(str(v.Get("transcript_path")), `\`, "/")
	switch {
	case strings.Contains(path, "/.codex/"):
		return codexName
	case strings.Contains(path, "/.gemini/"), strings.Contains(path, "/.qwen/"), strings.Contains(path, "/.cursor/"),
		strings.Contains(path, "/.qoder/"), strings.Contains(path, "/.factory/"):
		return ""
	}
	return claudeName
}

// Keys of its objects.
func (*claudeHooks) Keys() []string { return append([]string{"hook_event_name"}, hookWrappings...) }

func (*claudeHooks) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		v = v.First()
	}
	return hookPayload(v).Exists()
}

func (c *claudeHooks) Convert(src *Source, in *Input, emit Emit) bool {
	if in.Body.Kind() != value.Array {
		h := claudeHook{src: src, in: in, emit: emit, record: in.Body}
		h.convert(c.prompts)
		return true
	}
	same := map[schema.ID]int{}
	for v := in.Body.First(); v.Exists(); v = v.Next() {
		text := schema.MakeID(claudeHooksName, string(v.AppendJSON(nil)))
		h := claudeHook{src: src, in: in, emit: emit, record: v, id: schema.MakeID(text.String(), strconv.Itoa(same[text]))}
		same[text]++
		h.convert(c.prompts)
	}
	return true
}

// claudeHook is one payload while it is read.
type claudeHook struct {
	src    *Source
	in     *Input
	emit   Emit
	record value.Value // the payload with its wrapping
	p      value.Value // the payload
	id     schema.ID   // identity of the array's element, see whole
	agent  string
	event  string
	time   time.Time
	call   schema.ID // see queue
}

// whole is the identity of the payload, which only events without an id of the call need: the record's, or the element's.
func (h *claudeHook) whole() schema.ID {
	if h.id.IsZero() {
		h.id = h.in.ID()
	}
	return h.id
}

func (h *claudeHook) convert(prompts bool) {
	h.p = hookPayload(h.record)
	if !h.p.Exists() {
		return
	}
	h.agent = hookAgent(h.p)
	h.event = orElse(str(h.p.Get("hook_event_name")), str(h.record.Get("hook_event_type")))
	for _, v := range []value.Value{h.record, h.p} {
		if h.time.IsZero() {
			h.time = parseTime(first(v, "timestamp", "ts", "time", "logged_at", "received_at", "created_at"))
		}
	}
	h.head()
	if h.p.Get("tool_name").Kind() == value.String {
		h.tool()
	}
	if prompts {
		h.prompt()
	}
}

// head remembers what the payload says of its session.
func (h *claudeHook) head() {
	known, id := &h.src.Known, h.session()
	if id != "" && id != known.Session.ID {
		*known = schema.Action{}
		keep(&known.Session.ID, id)
	}
	keep(&known.Authorization.Mode, str(h.p.Get("permission_mode")))
	keep(&known.Session.Turn, str(first(h.p, "prompt_id", "turn_id")))
	keep(&known.Identity.Model, str(h.p.Get("model")))
	if h.event == "SessionStart" && str(h.p.Get("source")) == "startup" && known.Session.Start.IsZero() {
		known.Session.Start = h.time
	}
}

func (h *claudeHook) session() string {
	return orElse(str(h.p.Get("session_id")), str(h.record.Get("session_id")))
}

// tool reads an event that has a tool.
func (h *claudeHook) tool() {
	switch event := h.event; {
	case event == "PermissionRequest":
		h.asked()
	case event == "PermissionDenied":
		f := h.fragment(schema.Result)
		deny(f, "classifier", event, str(first(h.p, "reason", "decision_reason")))
		h.send(f)
	case strings.HasPrefix(event, "PreTool"):
		h.send(h.fragment(schema.Request))
		h.answer()
	case strings.HasPrefix(event, "PostToolUse"):
		h.result()
	}
}

// fragment starts a fragment with the call, which each event repeats.
func (h *claudeHook) fragment(role schema.Role) *schema.Fragment {
	f := newFragment(h.in, claudeHooksName, h.agent, role)
	known := &h.src.Known
	f.Session.ID = h.session()
	f.Session.ConversationID = f.Session.ID
	if f.Session.ID == known.Session.ID {
		f.Session.Start, f.Session.Turn = known.Session.Start, known.Session.Turn
		f.Identity.Model, f.Authorization.Mode = known.Identity.Model, known.Authorization.Mode
	}
	f.Identity.ServiceName, f.Identity.AgentName = h.agent, h.agent
	if h.agent == claudeName {
		f.Identity.ProviderName = claudeProvider(f.Identity.Model, "")
	}
	if id := str(h.p.Get("agent_id")); id != "" {
		f.Identity.AgentID = id
		f.Identity.AgentName = orElse(str(h.p.Get("agent_type")), h.agent)
		f.Session.Type = "subagent"
	}
	f.Command.Tool = str(h.p.Get("tool_name"))
	f.Command.CallID = str(h.p.Get("tool_use_id"))
	f.Command.Cwd = str(h.p.Get("cwd"))
	input := h.p.Get("tool_input")
	f.Command.ToolArguments = objectOf("input", input)
	setKind(&f.Action, codexAction(f.Command.Tool))
	if line, ok := input.Get("command").Str(); ok && f.Event.Action == schema.ActionShell {
		f.Command.Line = line
		f.Command.ToolArguments = without(input, func(k string) bool { return k == "command" })
	}
	addFields(&f.Trail.Fields, h.rest())
	setTime(f, h.time)
	return f
}

// hookFields are the keys of a payload that have a place of their own.
var hookFields = set(`session_id transcript_path cwd prompt_id turn_id permission_mode agent_id agent_type hook_event_name
	tool_name tool_input tool_use_id tool_response tool_output tool_result error error_message is_interrupt duration_ms
	reason decision_reason model timestamp ts time logged_at received_at created_at effort permission_suggestions
	hookSpecificOutput agent_transcript_path`)

// rest is what the payload says beside: of a wrapping, only its payload counts.
func (h *claudeHook) rest() schema.JSON {
	return without(h.p, func(k string) bool { return hookFields[k] || h.p == h.in.Body && h.in.isOuter(k) })
}

// queue are the calls like this one for which a result may come that does not name its call.
func (h *claudeHook) queue() callQueue {
	if h.call.IsZero() {
		h.call = schema.MakeID("hook", h.session(), str(h.p.Get("agent_id")), str(h.p.Get("tool_name")), string(jsonOf(h.p.Get("tool_input"))))
	}
	return callQueue{h.src, h.call}
}

// waited is the call that has waited longest; a result ends its waiting.
func (h *claudeHook) waited(ended bool) (schema.ID, bool) {
	if ended {
		return h.queue().pop()
	}
	return h.queue().head()
}

// send identifies a fragment and emits it.
func (h *claudeHook) send(f *schema.Fragment) {
	if id := f.Command.CallID; id != "" {
		f.Key = callKey(h.agent, h.session(), id)
	} else if f.Role == schema.Request {
		f.Key = h.whole()
	} else if key, ok := h.waited(f.Role == schema.Result); ok {
		f.Key = key
	} else {
		f.Key, f.Role = h.whole(), schema.Whole
	}
	switch {
	case f.Role == schema.Request:
		h.queue().push(f.Key)
	case f.Command.CallID != "" && f.Role == schema.Result:
		h.queue().drop(f.Key)
	}
	if f.Command.CallID != "" {
		identify(f, f.Key, claudeHooksName, h.event, f.Command.Tool, string(jsonOf(h.p)))
	} else { // to which call it belongs depends on the lines before; what it is does not
		f.ID = schema.MakeID(h.whole().String(), claudeHooksName, h.event, f.Authorization.Decision)
	}
	h.emit(f)
}

// asked reads PermissionRequest: the call is waiting for a person. What the person said is not told.
func (h *claudeHook) asked() {
	role := schema.Decision
	if _, ok := h.queue().head(); !ok && h.p.Get("tool_use_id").String() == "" {
		role = schema.Request // there is no PreToolUse in this log
	}
	f := h.fragment(role)
	f.Authorization.Raw = h.event
	f.Execution.Start = time.Time{}
	h.send(f)
	h.answer()
}

// answer reads what the hook itself said, where that is logged beside its payload.
func (h *claudeHook) answer() {
	out := h.record
	if o := first(h.record, "output", "response", "hook_output"); o.Kind() == value.Object {
		out = o
	}
	special := out.Get("hookSpecificOutput")
	word, reason := str(special.Get("permissionDecision")), str(special.Get("permissionDecisionReason"))
	if d := special.Get("decision"); d.Kind() == value.Object { // of PermissionRequest
		word, reason = str(d.Get("behavior")), str(d.Get("message"))
	}
	if word == "" && out != h.record { // until August 2025
		word, reason = str(out.Get("decision")), str(out.Get("reason"))
	}
	f := h.fragment(schema.Decision)
	switch word {
	case "deny", "block":
		deny(f, "hook", word, reason)
	case "allow", "approve":
		f.Authorization.Decision, f.Authorization.Source = schema.AutoApproved, "hook"
		f.Authorization.Raw, f.Authorization.Reason = word, reason
		f.Authorization.DecidedAt = f.Time
	default:
		return
	}
	f.Command.ToolArguments = "" // said already
	h.send(f)
}

// result reads PostToolUse and PostToolUseFailure.
func (h *claudeHook) result() {
	f := h.fragment(schema.Result)
	e, shell := &f.Execution, f.Event.Action == schema.ActionShell
	response := first(h.p, "tool_response", "tool_output", "tool_result")
	h.output(f, response, shell)
	e.Duration = scaled(h.p.Get("duration_ms"), time.Millisecond)
	e.Interrupted = response.Get("interrupted").Bool() || h.p.Get("is_interrupt").Bool()
	e.TimedOut = response.Get("timedOutAfterMs").Exists()
	e.Truncated = response.Get("persistedOutputPath").Exists()
	code, hasCode := first(response, "exitCode", "exit_code").Int()
	failed := strings.HasSuffix(h.event, "Failure") || first(h.p, "error", "error_message").Kind() == value.String
	switch {
	case failed:
		h.failure(f, shell)
	case str(response.Get("backgroundTaskId")) != "":
		e.Background = true
		f.Event.Outcome = schema.OutcomeUnknown
	case hasCode && shell:
		setExit(f, code)
	case e.Interrupted:
		f.Event.Outcome = schema.OutcomeUnknown
	case response.Get("is_error").Bool():
		f.Event.Outcome = schema.OutcomeFailure
	case shell && response.Get("returnCodeInterpretation").Kind() != value.String && h.agent == claudeName:
		setExit(f, 0)
	default:
		f.Event.Outcome = schema.OutcomeSuccess
	}
	h.send(f)
}

// output takes what the tool gave back: an object with stdout and stderr, a text, blocks, or what else the tool has.
func (h *claudeHook) output(f *schema.Fragment, response value.Value, shell bool) {
	e := &f.Execution
	s, isText := response.Str()
	out, hasOut := response.Get("stdout").Str()
	switch {
	case shell && hasOut:
		setStdout(e, out)
		if s, ok := response.Get("stderr").Str(); ok {
			setStderr(e, s)
		}
	case isText:
		setStdout(e, s)
	case contentText(response) != "":
		setStdout(e, contentText(response))
	case contentText(response.Get("content")) != "":
		setStdout(e, contentText(response.Get("content")))
	default:
		if j := jsonOf(response); j != "" {
			setStdout(e, string(j))
		}
	}
}

// failure reads the error of a call that has failed, in the words that the transcript has for it.
func (h *claudeHook) failure(f *schema.Fragment, shell bool) {
	f.Event.Outcome = schema.OutcomeFailure
	if f.Execution.Interrupted {
		f.Event.Outcome = schema.OutcomeUnknown
	}
	text := strings.TrimPrefix(str(first(h.p, "error", "error_message")), "Error: ")
	if rest, ok := strings.CutPrefix(text, "Exit code "); ok && shell {
		if code, ok := leadingInt(rest); ok {
			setExit(f, code)
			_, text, _ = strings.Cut(rest, "\n")
			setStdout(&f.Execution, text)
			f.Execution.TimedOut = strings.HasPrefix(text, "Command timed out after ")
			return
		}
	}
	if rest, ok := strings.CutPrefix(text, "Command exited with non-zero status code "); ok && shell {
		if code, ok := leadingInt(rest); ok {
			setExit(f, code)
		}
	}
	f.Error.Message = text
	f.Execution.TimedOut = strings.HasPrefix(text, "Command timed out after ")
	for _, d := range denials {
		if strings.HasPrefix(text, d.prefix) && d.source != "config" {
			deny(f, d.source, d.raw, denialReason(text))
			return
		}
	}
}

// prompt keeps what the person said.
func (h *claudeHook) prompt() {
	said := str(first(h.p, "prompt", "prompt_text"))
	if h.event != "UserPromptSubmit" || said == "" {
		return
	}
	f := newFragment(h.in, claudeHooksName, h.agent, schema.Whole)
	f.Session.ID = h.session()
	f.Session.ConversationID = f.Session.ID
	setTime(f, h.time)
	setKind(&f.Action, schema.ActionLog)
	f.Message = "user: " + said
	identify(f, schema.MakeID(h.whole().String(), "prompt"))
	h.emit(f)
}
