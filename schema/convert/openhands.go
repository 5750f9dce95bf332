package convert

import (
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// OpenHands (before: OpenDevin) events, one by one (sessions/<id>/events/<n>.json, <conversation>/events/event-<n>-<id>.json,
// or lines), as an array (trajectory), or in history of a line of an evaluation's output.jsonl. Made from 0.9 (2024) to
// the software agent SDK 1.x (2026). Three generations:
//
//		2024  {"action":"run","command","is_confirmed","action_risk"}, then {"observation":"run","content","exit_code"}; in
//		      older histories as pairs. No ids: an observation belongs to the action before it.
//		V0    {"id":3,"timestamp","source","action":"run","args":{"command","is_input","cwd","confirmation_state",
//		      "security_risk"},"tool_call_metadata":{"tool_call_id","function_name","model_response":{"model"}}}
//		      {"id":4,"cause":3,"observation":"run","content","extras":{"command","metadata":{"exit_code","username",
//		      "hostname","working_dir"}}}; "user_rejected" and "error" in place of a result
//		V1    {"kind":"ActionEvent","id","timestamp","tool_name","tool_call_id","action":{"kind":"TerminalAction","command",
//		      "is_input"},"tool_call":{"name","arguments"},"security_risk":"LOW"}
//		      {"kind":"ObservationEvent","action_id","tool_call_id","observation":{"content":[{"text"}],"is_error",
//		      "exit_code","timeout","metadata"}}, UserRejectObservation{rejection_reason,rejection_source}, AgentErrorEvent{error}
//
//	  - There is one terminal. Exit code -1 says that the command goes on; text typed into it (is_input) is an action of its
//	    own, an empty command only waits, and the code in what either gives is that of the command that went on.
//	  - working_dir is the directory after a command: that of the next one, and its own unless it changes it.
//	  - confirmation_state is "confirmed" also where nobody was asked. It is an approval by a person only when the same
//	    action was awaiting_confirmation before; it is then repeated under a new id. "rejected" is a denial.
//	  - What the agent says to the person or itself (message, think, finish) is no action here.
//	  - The session is told by the folder only. Ids of V0 count within it.
type openHands struct{}

const openHandsName = "openhands"

func (*openHands) Name() string { return openHandsName }

var openHandsKinds = set(`ActionEvent ObservationEvent MessageEvent SystemPromptEvent UserRejectObservation AgentErrorEvent
	PauseEvent InterruptEvent TokenEvent Condensation CondensationRequest CondensationSummaryEvent
	ConversationStateUpdateEvent ConversationErrorEvent LLMCompletionLogEvent HookExecutionEvent`)

// Keys of its objects.
func (*openHands) Keys() []string {
	return []string{"history", "kind", "action", "observation content"}
}

func (*openHands) Detect(v value.Value) bool {
	switch {
	case v.Kind() == value.Array:
		return openHandsEvent(v.First())
	case v.Get("history").Kind() == value.Array:
		e := v.Get("history").First()
		return openHandsEvent(e) || e.Kind() == value.Array && openHandsEvent(e.First())
	}
	return openHandsEvent(v)
}

func openHandsEvent(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	if kind := str(v.Get("kind")); openHandsKinds[kind] {
		return v.Get("source").Exists() || v.Get("id").Exists() || v.Get("tool_name").Exists()
	}
	source := str(v.Get("source"))
	known := source == "agent" || source == "user" || source == "environment"
	if v.Get("action").Kind() == value.String {
		return v.Get("args").Kind() == value.Object && (known || v.Get("id").Exists()) ||
			v.Get("is_confirmed").Exists() || v.Get("action_risk").Exists() || v.Get("args").Kind() == value.Object && v.Get("args", "thought").Exists()
	}
	if v.Get("observation").Kind() != value.String || !v.Get("content").Exists() {
		return false
	}
	return v.Get("extras").Kind() == value.Object || v.Get("command_id").Exists() || v.Get("cause").Exists() && known
}

func (*openHands) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	r := openHandsRun{src: src, in: in, emit: emit, session: src.Known.Session.ID, dir: src.Known.Command.Cwd}
	r.folder()
	switch h := v.Get("history"); {
	case v.Kind() == value.Array:
		r.dir = ""
		r.base = schema.MakeID(r.base, "array").String()
		r.events(v)
	case h.Kind() == value.Array:
		r.dir = ""
		r.session = v.Get("instance_id").String()
		r.model = str(v.Get("metadata", "llm_config", "model"))
		r.agent = str(v.Get("metadata", "agent_class"))
		r.base = schema.MakeID(r.base, r.session, str(v.Get("instruction"))).String()
		r.events(h)
	default:
		r.event(v)
		keep(&src.Known.Command.Cwd, r.dir)
	}
	return true
}

// openHandsRun is one session, or a part of it, while it is read.
type openHandsRun struct {
	src                   *Source
	in                    *Input
	emit                  Emit
	base                  string // names the run where ids do not
	session, model, agent string
	inferred              bool   // the session is the folder's name
	dir                   string // of the terminal
	n                     int    // events before this one
}

// folder takes the session from the folder of a log that holds one event.
func (r *openHandsRun) folder() {
	r.base = r.in.Source.String()
	path := strings.ReplaceAll(r.in.Known.Infrastructure.LogPath, `\`, "/")
	head, file, ok := cutLast(path, "/events/")
	if !ok || strings.Contains(file, "/") {
		return
	}
	r.base = schema.MakeID(openHandsName, head).String()
	if _, name, ok := cutLast(head, "/"); ok && name != "" {
		r.session, r.inferred = name, true
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (r *openHandsRun) events(list value.Value) {
	for e := list.First(); e.Exists(); e = e.Next() {
		if e.Kind() != value.Array {
			r.event(e)
			continue
		}
		for one := e.First(); one.Exists(); one = one.Next() {
			r.event(one)
		}
	}
}

func (r *openHandsRun) event(v value.Value) {
	r.n++
	e := openHandsOne{openHandsRun: r, v: v, call: str(first(v, "tool_call_id"))}
	e.call = orElse(e.call, str(v.Get("tool_call_metadata", "tool_call_id")))
	switch kind := str(v.Get("kind")); {
	case kind == "ActionEvent":
		e.args = v.Get("action")
		e.name = str(v.Get("tool_name"))
		e.action(orElse(e.name, str(v.Get("tool_call", "name"))))
	case kind == "ObservationEvent", kind == "UserRejectObservation", kind == "AgentErrorEvent":
		e.observation(kind)
	case kind != "" && !v.Get("action").Exists():
	case v.Get("action").Kind() == value.String:
		e.args = v.Get("args")
		if e.args.Kind() != value.Object {
			e.args = v
		}
		e.name = str(v.Get("tool_call_metadata", "function_name"))
		e.action(str(v.Get("action")))
	case v.Get("observation").Kind() == value.String:
		e.observation(str(v.Get("observation")))
	}
}

// openHandsOne is one event while it is read.
type openHandsOne struct {
	*openHandsRun
	v    value.Value
	args value.Value
	call string // id of the tool call
	name string // name of the tool
	// asked says that the action of this observation has been read.
	asked bool
}

// openHandsTools are the tools that actions of V0 stand for, where it is not written.
var openHandsTools = map[string]string{
	"run": "execute_bash", "run_ipython": "execute_ipython_cell", "read": "read_file", "write": "write_file", "edit": "edit_file",
	"browse": "web_fetch", "browse_interactive": "browser", "call_tool_mcp": "mcp", "mcp": "mcp", "delegate": "delegate",
	"task_tracking": "task_tracker",
}

// openHandsSilent are events in which nothing is done.
var openHandsSilent = set(`message system think finish reject recall null change_agent_state agent_state_changed condensation
	condensation_request loop_recovery start pause resume stop initialize finish_tool FinishTool ThinkTool push send_pr summarize`)

func (e *openHandsOne) fragment(role schema.Role) *schema.Fragment {
	f := newFragment(e.in, openHandsName, openHandsName, role)
	f.Session.ID, f.Session.ConversationID = e.session, e.session
	if e.inferred {
		f.Identity.Inferred = []string{"agent_audit.session.id: folder of the log"}
	}
	f.Identity.ServiceName = openHandsName
	f.Identity.AgentName = orElse(e.agent, openHandsName)
	f.Command.CallID = e.call
	setTime(f, parseTime(e.v.Get("timestamp")))
	return f
}

// id names this event within its run.
func (e *openHandsOne) id() string {
	if id := e.v.Get("id"); id.Exists() && id.Kind() != value.Null {
		return id.String()
	}
	return ""
}

// link is the name of what is remembered of this run.
func (e *openHandsOne) link(words ...string) string {
	return openHandsName + " " + e.base + " " + strings.Join(words, " ")
}

func (e *openHandsOne) action(name string) {
	if openHandsSilent[name] || openHandsSilent[e.name] {
		e.src.Unlink(e.link("last"))
		return
	}
	f := e.fragment(schema.Request)
	f.Command.Tool = orElse(e.name, orElse(openHandsTools[name], name))
	f.Identity.Model = orElse(str(e.v.Get("tool_call_metadata", "model_response", "model")), e.model)
	if str(e.v.Get("source")) == "user" {
		f.Identity.Model = ""
		if name == "run" {
			f.Command.Tool = "user_shell"
		}
	}
	waits := e.what(f, name)
	key := e.key(f, name)
	id := e.id()
	if id != "" {
		e.src.Link(e.link("event", id), key)
	} else {
		e.src.Link(e.link("last"), key)
	}
	if waits || f.Event.Action == schema.ActionStdin {
		e.src.Link(e.link("typed", key.String()), key)
	}
	if waits {
		e.src.Link(e.link("waits", key.String()), key)
		return
	}
	e.risk(f)
	identify(f, key, f.Command.Tool, f.Command.Line, f.Command.Stdin, string(f.Command.ToolArguments))
	e.emit(f)
	e.confirmation(key)
}

// what reads what is to be done, and says whether it is only to wait for output.
func (e *openHandsOne) what(f *schema.Fragment, name string) (waits bool) {
	action := toolAction(f.Command.Tool)
	args := e.args
	if e.v.Get("kind").Exists() && args.Kind() != value.Object {
		args = openHandsArguments(e.v)
	}
	line, isText := args.Get("command").Str()
	shell := name == "run" || action == schema.ActionShell || strings.HasSuffix(str(args.Get("kind")), "BashAction") || str(args.Get("kind")) == "TerminalAction"
	if shell && isText {
		setKind(&f.Action, schema.ActionShell)
		f.Command.Cwd = joinPath(e.dir, str(args.Get("cwd")))
		if args.Get("is_input").Bool() && line != "" {
			setKind(&f.Action, schema.ActionStdin)
			f.Command.Stdin = line
		} else {
			f.Command.Line = line
		}
		f.Command.ToolArguments = without(args, func(k string) bool { return openHandsOwn[k] || k == "command" })
		return line == ""
	}
	if f.Command.Tool == "file_editor" || f.Command.Tool == "str_replace_editor" {
		action = schema.ActionFileChange
		if line == "view" {
			action = schema.ActionFileRead
		}
	}
	if name == "call_tool_mcp" || name == "mcp" || str(args.Get("kind")) == "MCPToolAction" {
		action = schema.ActionMCP
	}
	setKind(&f.Action, action)
	f.Command.ToolArguments = without(args, func(k string) bool { return openHandsOwn[k] })
	return false
}

// openHandsOwn are members of an action that are none of its arguments.
var openHandsOwn = set(`thought kind cwd is_input hidden confirmation_state is_confirmed security_risk action_risk action source
	timestamp id keep_prompt is_static blocking kernel_init_code images_urls wait_for_response message tool_call_metadata`)

// openHandsArguments are the arguments as the model wrote them, which is all there is of a call that could not be read.
func openHandsArguments(v value.Value) value.Value {
	doc := docOf(v)
	text := str(first(v.Get("tool_call"), "arguments"))
	if text == "" {
		text = str(v.Get("tool_call", "function", "arguments"))
	}
	args, err := doc.ParseJSON(text)
	if err != nil {
		return value.Value{}
	}
	return args
}

// key identifies an action. One that waited for confirmation comes again under a new id.
func (e *openHandsOne) key(f *schema.Fragment, name string) schema.ID {
	var key schema.ID
	switch id := e.id(); {
	case e.call != "":
		key = callKey(openHandsName, e.base, e.call)
	case isGlobal(id):
		key = schema.MakeID(openHandsName, id)
	case id != "":
		key = schema.MakeID(openHandsName, e.base, id)
	default:
		key = schema.MakeID(openHandsName, e.in.ID().String(), strconv.Itoa(e.n))
		if e.n > 1 || e.v != e.in.Body {
			key = schema.MakeID(openHandsName, e.base, strconv.Itoa(e.n), f.Command.Line)
		}
	}
	if e.call == "" {
		waiting := e.link("same", name, f.Command.Line, string(f.Command.ToolArguments))
		switch e.state() {
		case "awaiting_confirmation":
			e.src.Link(waiting, key)
		case "confirmed", "rejected":
			if was, ok := e.src.Linked(waiting); ok {
				e.src.Unlink(waiting)
				return was
			}
		}
	}
	return key
}

func (e *openHandsOne) state() string {
	return str(first(e.args, "confirmation_state", "is_confirmed"))
}

// confirmation reads what the person decided.
func (e *openHandsOne) confirmation(key schema.ID) {
	state, asked := e.state(), e.link("asked", key.String())
	_, wasAsked := e.src.Linked(asked)
	if state == "awaiting_confirmation" {
		e.src.Link(asked, key)
		return
	}
	if state != "rejected" && (state != "confirmed" || !wasAsked) {
		return
	}
	f := e.fragment(schema.Decision)
	if state == "rejected" {
		deny(f, "user", state, "")
	} else {
		f.Authorization.Decision = schema.Approved
		f.Authorization.Source, f.Authorization.Raw, f.Authorization.DecidedAt = "user", state, f.Time
	}
	e.src.Unlink(asked)
	identify(f, key, state)
	e.emit(f)
}

// risk reads the security analyser's opinion: a word, or in V0 a number from -1 (unknown).
func (e *openHandsOne) risk(f *schema.Fragment) {
	level := first(e.v, "security_risk", "action_risk")
	if !level.Exists() {
		level = first(e.args, "security_risk", "action_risk")
	}
	word := strings.ToLower(level.String())
	if n, ok := level.Int(); ok && n >= 0 && n <= 2 {
		word = [...]string{"low", "medium", "high"}[n]
	}
	if s := (map[string]int64{"low": 1, "medium": 2, "high": 3})[word]; s > 0 {
		f.Risk.Source, f.Risk.Severity = schema.RiskReported, schema.Some(s)
	}
}

func (e *openHandsOne) observation(name string) {
	key, ok := e.cause()
	if !ok || openHandsSilent[name] && name != "null" {
		return
	}
	f := e.fragment(schema.Result)
	o := e.v.Get("observation")
	if o.Kind() != value.Object {
		o = e.v
	}
	switch name {
	case "null": // nothing came of it, or not yet
		return
	case "user_rejected", "UserRejectObservation":
		source := orElse(strings.ToLower(str(e.v.Get("rejection_source"))), "user")
		deny(f, source, name, str(first(e.v, "rejection_reason", "content")))
		identify(f, key, name)
		e.emit(f)
		return
	case "error", "AgentErrorEvent":
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = orElse(str(e.v.Get("error")), contentText(e.v.Get("content")))
		f.Error.Type = str(e.v.Get("extras", "error_id"))
		identify(f, key, name, f.Error.Message)
		e.emit(f)
		return
	}
	text := contentText(first(o, "content", "output"))
	setStdout(&f.Execution, text)
	if o.Get("is_error").Bool() || e.v.Get("extras", "error").Bool() || name == "edit" && strings.HasPrefix(text, "ERROR:") {
		f.Event.Outcome = schema.OutcomeFailure
	} else {
		f.Event.Outcome = schema.OutcomeSuccess
	}
	waits := e.link("waits", key.String())
	_, isWait := e.src.Linked(waits)
	e.terminal(f, key, o)
	if isWait {
		e.src.Unlink(waits)
		if key = f.Piece.Of; key.IsZero() || f.Piece.Last || text == "" {
			return
		}
		f.Role, f.Command.CallID = schema.Decision, "" // more output of the command that is waited for
	}
	identifyLine(f, key, name, text)
	e.emit(f)
}

// cause is the action that an observation belongs to.
func (e *openHandsOne) cause() (schema.ID, bool) {
	id := first(e.v, "action_id", "cause")
	if id.Exists() {
		if key, ok := e.src.Linked(e.link("event", id.String())); ok {
			e.asked = true
			return key, true
		}
	}
	switch s := id.String(); {
	case e.call != "":
		return callKey(openHandsName, e.base, e.call), true
	case isGlobal(s):
		return schema.MakeID(openHandsName, s), true
	case s != "" && str(e.v.Get("source")) != "user":
		return schema.MakeID(openHandsName, e.base, s), e.v.Get("observation").String() == "run"
	}
	last := e.link("last")
	key, ok := e.src.Take(last)
	e.asked = ok
	return key, ok && e.id() == ""
}

// terminal reads what the shell's prompt told after the command: exit code, directory, user, host.
func (e *openHandsOne) terminal(f *schema.Fragment, key schema.ID, o value.Value) {
	extras := e.v.Get("extras")
	meta := first(o, "metadata")
	if !meta.Exists() {
		meta = extras.Get("metadata")
	}
	code, ok := first(meta, "exit_code").Int()
	if !ok {
		code, ok = first(o, "exit_code").Int()
	}
	if !ok {
		code, ok = extras.Get("exit_code").Int()
	}
	line, hasLine := first(o, "command").Str()
	if !hasLine {
		line = str(extras.Get("command"))
	}
	f.Identity.EffectiveUser = str(meta.Get("username"))
	f.Infrastructure.HostName = orElse(str(meta.Get("hostname")), f.Infrastructure.HostName)
	typed := e.link("typed", key.String())
	_, isTyped := e.src.Linked(typed) // which stays: the line may be repeated
	if dir := str(meta.Get("working_dir")); dir != "" {
		if line != "" && !isTyped && !changesDir(line) {
			f.Command.Cwd = dir
		}
		e.dir = dir
	}
	if !ok {
		return
	}
	running := e.link("running")
	switch was, goesOn := e.src.Linked(running); {
	case code == -1 && o.Get("is_error").Bool(): // "No previous running command to interact with"
		f.Event.Outcome = schema.OutcomeFailure
	case code == -1:
		f.Event.Outcome = schema.OutcomeUnknown
		if !isTyped {
			f.Role = schema.Decision // the call has returned, the command has not
			f.Execution.Background, f.Execution.End = true, f.Execution.Start
			f.Piece.Of = key
			if e.asked { // else it may be what was typed into another command
				e.src.Link(running, key)
			}
		} else if goesOn {
			f.Piece.Of = was
		}
	case isTyped && goesOn:
		e.src.Unlink(running)
		e.ended(f, was, code)
		f.Piece = schema.Piece{Of: was, Last: true, Again: true}
	case !isTyped:
		e.src.Unlink(running)
		setExit(f, code)
	}
}

// ended emits the result of a command that went on, which stands in the output of what was typed into it.
func (e *openHandsOne) ended(of *schema.Fragment, key schema.ID, code int64) {
	f := e.fragment(schema.Result)
	f.Command.CallID = ""
	setStdout(&f.Execution, of.Execution.Stdout)
	f.Piece = schema.Piece{Of: key, Last: true}
	setExit(f, code)
	identify(f, key, "ended", of.Execution.Stdout, strconv.FormatInt(code, 10))
	e.emit(f)
}
