package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Claude Code transcripts: ~/.claude/projects/<cwd with dashes>/<sessionId>.jsonl and, for subagents,
// <sessionId>/subagents/agent-*.jsonl. Made from versions 1.0.0 to 2.1.330.
//
//	{"type":"assistant","sessionId","uuid","timestamp","cwd","version","gitBranch","isSidechain","agentId",
//	 "message":{"model","content":[{"type":"tool_use","id","name","input":{…}}]}}                              the call
//	{"type":"user",…,"message":{"content":[{"type":"tool_result","tool_use_id","content","is_error"}]},
//	 "toolUseResult":{…}|"Error: …","toolDenialKind","permissionDecision","userFeedback","sourceToolAssistantUUID"}  its result
//
// One message of the model is spread over several lines. A resumed or forked session repeats old lines under its own
// sessionId: the id of a call is the same in both, and so are our identities.
//
//   - Exit code: none on success, which is 0 for a shell unless it was interrupted, went to the background or its code
//     was interpreted (grep that finds nothing). Failures begin with "Exit code N" since 2.1; earlier they have is_error
//     only, and the code is not known.
//   - Denials: toolDenialKind; earlier only the words of the result (denials below). A person who pressed Escape during
//     a command leaves the words of a rejection in versions without toolDenialKind: there the two look the same.
//   - Who allowed what ran is not told, but for permissionDecision of the newest builds. The mode in force is, in
//     lines of type permission-mode and in permissionMode of prompts.
//   - Commands in the background: toolUseResult.backgroundTaskId, and later either the result of BashOutput or
//     TaskOutput, or a <task-notification> among the user's messages with the exit code in its summary.
//   - A line with several results (not seen, but possible) has one toolUseResult: it is then taken for none of them.
//   - Neither user nor host is told, nor how long a command ran: the time between the two lines includes waiting for
//     approval.
type claude struct{ prompts bool }

const claudeName = "claude-code"

func (*claude) Name() string { return claudeName }

var claudeTypes = set(`user assistant system attachment summary permission-mode mode last-prompt ai-title custom-title
	agent-name file-history-snapshot queue-operation bridge-session progress pr-link worktree-state`)

// Keys of its objects.
func (*claude) Keys() []string {
	return []string{
		"sessionId type", "sessionId uuid parentUuid", "sessionId leafUuid", "type leafUuid", "type snapshot",
		"type message",
	}
}

func (*claude) Detect(v value.Value) bool {
	typ := str(v.Get("type"))
	if v.Kind() != value.Object || v.Get("message", "parts").Exists() {
		return false
	}
	if v.Get("sessionId").Kind() == value.String {
		return claudeTypes[typ] || v.Get("uuid").Exists() && v.Get("parentUuid").Exists() || v.Get("leafUuid").Exists()
	}
	switch typ {
	case "summary":
		return v.Get("leafUuid").Exists()
	case "file-history-snapshot":
		return v.Get("snapshot").Exists()
	case "user", "assistant": // what people copy out of a transcript
		return !v.Get("session_id").Exists() && str(v.Get("message", "role")) == typ && v.Get("message", "content").Exists()
	}
	return false
}

func (c *claude) Convert(src *Source, in *Input, emit Emit) bool {
	l := claudeLine{src: src, in: in, body: in.Body, session: str(in.Body.Get("sessionId"))}
	l.session = orElse(l.session, src.Known.Session.ID)
	l.time = parseTime(in.Body.Get("timestamp"))
	l.head()
	switch str(in.Body.Get("type")) {
	case "assistant":
		l.blocks(emit, "tool_use", l.call)
	case "user":
		results := 0
		l.blocks(emit, "tool_result", func(Emit, value.Value) { results++ })
		l.crowded = results > 1
		l.blocks(emit, "tool_result", l.result)
		l.notification(emit, in.Body.Get("message", "content"))
	case "queue-operation":
		l.notification(emit, in.Body.Get("content"))
	}
	if c.prompts {
		l.prompt(emit)
	}
	return true
}

// claudeLine is one line while it is read.
type claudeLine struct {
	src      *Source
	in       *Input
	body     value.Value
	session  string
	time     time.Time
	nameless int  // calls or results without an id on this line
	crowded  bool // several results: what the line says beside them is of none for certain
}

// head remembers what the line says of its session.
func (l *claudeLine) head() {
	known := &l.src.Known
	if l.session == "" {
		return
	}
	if known.Session.ID != l.session {
		*known = schema.Action{}
		keep(&known.Session.ID, l.session)
	}
	if p := l.body.Get("parentUuid"); p.Kind() == value.Null && !l.body.Get("logicalParentUuid").Exists() &&
		!l.body.Get("isSidechain").Bool() && known.Session.Start.IsZero() {
		known.Session.Start = l.time
	}
	keep(&known.Authorization.Mode, str(l.body.Get("permissionMode")))
	keep(&known.Session.Turn, str(l.body.Get("promptId")))
	keep(&l.src.Version, str(l.body.Get("version")))
}

// fragment starts a fragment with what each line says.
func (l *claudeLine) fragment(role schema.Role) *schema.Fragment {
	f := newFragment(l.in, claudeName, claudeName, role)
	known := &l.src.Known
	f.Session.ID, f.Session.ConversationID = l.session, l.session
	f.Session.Start = known.Session.Start
	f.Session.Turn = known.Session.Turn
	f.Session.Type = claudeSessionType(l.body)
	f.Identity.ServiceName = claudeName
	f.Identity.ServiceVersion = str(l.body.Get("version"))
	f.Identity.AgentName = claudeName
	if l.body.Get("isSidechain").Bool() {
		f.Identity.AgentID = str(l.body.Get("agentId"))
		if name := str(first(l.body, "agentType", "agentName", "attributionAgent")); name != "" {
			f.Identity.AgentName = name
		}
	}
	f.Infrastructure.GitBranch = str(l.body.Get("gitBranch"))
	setTime(f, l.time)
	return f
}

func claudeSessionType(v value.Value) string {
	if v.Get("isSidechain").Bool() {
		return "subagent"
	}
	switch e := str(v.Get("entrypoint")); {
	case e == "cli":
		return "interactive"
	case e == "sdk-cli":
		return "exec"
	case strings.HasPrefix(e, "sdk-"):
		return "sdk"
	case strings.Contains(e, "vscode") || strings.Contains(e, "jetbrains"):
		return "ide"
	default:
		return e
	}
}

// blocks calls do for each block of a type in the message.
func (l *claudeLine) blocks(emit Emit, typ string, do func(Emit, value.Value)) {
	content := l.body.Get("message", "content")
	if content.Kind() != value.Array {
		return
	}
	for b := content.First(); b.Exists(); b = b.Next() {
		if str(b.Get("type")) == typ {
			do(emit, b)
		}
	}
}

// scope is what short call ids are unique in: the session, or, where lines do not name it, the log.
func (l *claudeLine) scope() string {
	if l.session != "" {
		return l.session
	}
	return l.in.Source.String()
}

// key identifies a call. Calls without an id are named by the line of the model's message and their place in it, to
// which the result points.
func (l *claudeLine) key(id string, line value.Value) schema.ID {
	if id != "" {
		return callKey(claudeName, l.scope(), id)
	}
	l.nameless++
	if uuid := str(line); uuid != "" {
		return schema.MakeID(claudeName, l.scope(), uuid, string(rune('0'+l.nameless)))
	}
	return schema.MakeID(l.in.ID().String(), string(rune('0'+l.nameless)))
}

func (l *claudeLine) call(emit Emit, b value.Value) {
	id, name, input := str(b.Get("id")), str(b.Get("name")), b.Get("input")
	f := l.fragment(schema.Request)
	f.Command.Tool, f.Command.CallID = name, id
	f.Command.Cwd = str(l.body.Get("cwd"))
	f.Authorization.Mode = l.src.Known.Authorization.Mode
	if m := str(l.body.Get("message", "model")); m != "<synthetic>" {
		f.Identity.Model = m
		f.Identity.ProviderName = claudeProvider(m, str(l.body.Get("message", "id")))
	}
	arguments := objectOf("input", input)
	identify(f, l.key(id, l.body.Get("uuid")), name, string(arguments))
	action := toolAction(name)
	setKind(&f.Action, action)
	if line, ok := input.Get("command").Str(); ok && action == schema.ActionShell {
		f.Command.Line = line
		arguments = without(input, func(k string) bool { return k == "command" })
		l.src.Link("shell "+f.Key.String(), f.Key)
		if input.Get("run_in_background").Bool() {
			l.src.Link("background "+l.scope()+" "+line, f.Key)
		}
	}
	f.Command.ToolArguments = arguments
	emit(f)
}

func claudeProvider(model, message string) string {
	switch {
	case strings.HasPrefix(message, "msg_bdrk_"):
		return "aws.bedrock"
	case strings.HasPrefix(message, "msg_vrtx_"):
		return "gcp.vertex_ai"
	case strings.HasPrefix(model, "claude"):
		return "anthropic"
	}
	return ""
}

func (l *claudeLine) result(emit Emit, b value.Value) {
	id, detail := str(b.Get("tool_use_id")), l.beside("toolUseResult")
	isError := b.Get("is_error").Bool() || detail.Get("is_error").Bool()
	if s := str(detail); !b.Get("is_error").Exists() {
		isError = isError || strings.HasPrefix(s, "Error: ") || s == "User rejected tool use"
	}
	content := contentText(b.Get("content"))
	f := l.fragment(schema.Result)
	f.Command.CallID = id
	key := l.key(id, l.body.Get("sourceToolAssistantUUID"))
	name := "shell " + key.String()
	_, shell := l.src.Linked(name)
	if shell {
		l.src.Unlink(name)
	}
	shell = shell || detail.Get("stdout").Exists() && !detail.Get("shellId").Exists()
	f.Piece = l.piece(detail)
	background := str(first(detail, "backgroundTaskId", "backgroundId"))
	if background != "" {
		f.Role = schema.Decision // the call has returned, the command has not: not its result yet
		f.Execution.End = time.Time{}
		f.Execution.Background = true
		f.Piece.Of = key
		l.src.Link("task "+l.scope()+" "+background, key)
	}
	identify(f, key, content, string(jsonOf(detail)), str(l.beside("toolDenialKind")), b.Get("is_error").String())
	l.output(f, content, detail, shell)
	l.outcome(f, content, isError, shell)
	l.decision(f, content, isError)
	emit(f)
	l.taskResult(emit, detail)
}

// output takes what the tool gave back.
func (l *claudeLine) output(f *schema.Fragment, content string, detail value.Value, shell bool) {
	e := &f.Execution
	setStdout(e, content)
	if s, ok := detail.Get("stdout").Str(); ok && (shell || !f.Piece.Of.IsZero()) {
		setStdout(e, s)
		if s, ok := detail.Get("stderr").Str(); ok {
			setStderr(e, s)
		}
	}
	e.Truncated = detail.Get("persistedOutputPath").Exists()
	e.Interrupted = detail.Get("interrupted").Bool()
	e.TimedOut = detail.Get("timedOutAfterMs").Exists()
	if d := scaled(first(detail, "durationMs", "totalDurationMs"), time.Millisecond); d.Set {
		e.Duration = d
	} else {
		e.Duration = scaled(detail.Get("durationSeconds"), time.Second)
	}
}

// outcome reads exit code, time limit and errors.
func (l *claudeLine) outcome(f *schema.Fragment, content string, isError, shell bool) {
	e := &f.Execution
	switch {
	case isError:
		f.Event.Outcome = schema.OutcomeFailure
		text := strings.TrimPrefix(content, "Error: ")
		if rest, ok := strings.CutPrefix(text, "Exit code "); ok {
			if code, ok := leadingInt(rest); ok {
				setExit(f, code)
				_, text, _ = strings.Cut(rest, "\n")
				setStdout(e, text)
			}
		} else if inner, ok := strings.CutPrefix(text, "<tool_use_error>"); ok {
			f.Error.Type = "tool_use_error"
			noOutput(f, strings.TrimSuffix(inner, "</tool_use_error>"))
		} else if !shell {
			noOutput(f, text)
		}
		e.TimedOut = e.TimedOut || strings.HasPrefix(text, "Command timed out after ")
	case e.Background, e.Interrupted:
		f.Event.Outcome = schema.OutcomeUnknown
	case shell && l.beside("toolUseResult").Get("returnCodeInterpretation").Kind() == value.String:
		f.Event.Outcome = schema.OutcomeSuccess // not zero, and no error: "No matches found"
	case shell && !l.crowded && (l.session != "" || l.beside("toolUseResult").Exists()):
		setExit(f, 0)
	default:
		f.Event.Outcome = schema.OutcomeSuccess
	}
}

// noOutput makes what was taken for output the error that it is.
func noOutput(f *schema.Fragment, message string) {
	f.Error.Message = message
	f.Execution.Stdout, f.Execution.StdoutBytes = "", schema.Int{}
}

// denials are the words by which versions without toolDenialKind tell that a call was refused, and who refused.
var denials = []struct{ prefix, source, raw string }{
	{"The user doesn't want to proceed with this tool use", "user", "user-rejected"},
	{"User rejected tool use", "user", "user-rejected"},
	{"Claude requested permissions to ", "config", "not-granted"},
	{"Permission to use ", "config", "permission-rule"},
	{"Permission for this action was denied by the Claude Code auto mode classifier", "classifier", "automode-blocked"},
	{"Permission for this action has been denied", "config", "permission-rule"},
}

// denialKinds are the values of toolDenialKind that mean a refusal.
var denialKinds = map[string]string{
	"user-rejected": "user", "permission-rule": "config", "automode-blocked": "classifier",
	"automode-unavailable": "classifier", "automode-parsing-error": "classifier",
}

// decision reads who refused or allowed the call, where the line says so.
func (l *claudeLine) decision(f *schema.Fragment, content string, isError bool) {
	said := l.beside("permissionDecision")
	source := str(said.Get("source"))
	reason := orElse(str(l.beside("userFeedback")), denialReason(content))
	switch kind := str(l.beside("toolDenialKind")); {
	case kind == "interrupted" || kind == "cancelled":
		f.Execution.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
		return
	case kind != "":
		by, ok := denialKinds[kind]
		f.Authorization.Raw = kind
		if ok || str(said.Get("decision")) == "reject" {
			deny(f, orElse(source, by), kind, reason)
			noOutput(f, content)
		}
		return
	case str(said.Get("decision")) == "reject":
		deny(f, source, "reject", reason)
		noOutput(f, content)
		return
	case str(said.Get("decision")) == "accept":
		f.Authorization.Decision = schema.AutoApproved
		if strings.HasPrefix(source, "user") {
			f.Authorization.Decision = schema.Approved
		}
		f.Authorization.Source, f.Authorization.Raw = source, "accept"
		return
	}
	if !isError {
		return
	}
	text := strings.TrimPrefix(content, "Error: ")
	if f.Execution.ExitCode.Set {
		_, text, _ = strings.Cut(text, "\n")
	}
	for _, d := range denials {
		if strings.HasPrefix(text, d.prefix) {
			deny(f, d.source, d.raw, reason)
			noOutput(f, text)
			return
		}
	}
	if strings.HasPrefix(text, "[Request interrupted by user") || strings.HasPrefix(text, "The user doesn't want to take this action right now") {
		f.Execution.Interrupted = true
		if !f.Execution.ExitCode.Set {
			f.Event.Outcome = schema.OutcomeUnknown
		}
	}
}

// beside is what the line says of its one result.
func (l *claudeLine) beside(name string) value.Value {
	if l.crowded {
		return value.Value{}
	}
	return l.body.Get(name)
}

// denialReason is what the person or the classifier gave as reason.
func denialReason(content string) string {
	for _, mark := range []string{"the user said:\n", "Reason: "} {
		if _, reason, ok := strings.Cut(content, mark); ok {
			return strings.TrimSpace(reason)
		}
	}
	return ""
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// piece says which command in the background the output that BashOutput brought is of. It brings what is new.
func (l *claudeLine) piece(detail value.Value) schema.Piece {
	id := str(detail.Get("shellId"))
	key, ok := l.src.Linked("task " + l.scope() + " " + id)
	if id == "" || !ok {
		return schema.Piece{}
	}
	status := str(detail.Get("status"))
	return schema.Piece{Of: key, Last: status != "running" && status != "pending"}
}

// taskResult reads the end of a command in the background from the result of the tool that asked for it: BashOutput
// {shellId, command, status, exitCode, stdout, stderr}, TaskOutput {task: {task_id, status, exitCode, output}}.
func (l *claudeLine) taskResult(emit Emit, detail value.Value) {
	id, out := str(detail.Get("shellId")), detail
	if id == "" {
		out = detail.Get("task")
		id = str(out.Get("task_id"))
	}
	status := str(out.Get("status"))
	if id == "" || status == "" || status == "running" || status == "pending" {
		return
	}
	key, ok := l.src.Linked("task " + l.scope() + " " + id)
	if command := str(out.Get("command")); ok && command != "" {
		// Ids like bash_1 come again in a resumed session: the command tells whether it is the same one.
		if started, ok := l.src.Linked("background " + l.scope() + " " + command); ok && started != key {
			return
		}
	}
	if !ok {
		return
	}
	code, hasCode := out.Get("exitCode").Int()
	l.ended(emit, key, id, status, code, hasCode, func(f *schema.Fragment) {
		if s := str(first(out, "stdout", "output")); s != "" {
			setStdout(&f.Execution, s)
		}
		if s := str(out.Get("stderr")); s != "" {
			setStderr(&f.Execution, s)
		}
		if piece := l.piece(detail); !piece.Of.IsZero() {
			f.Piece = schema.Piece{Of: key, Last: true, Again: true}
		}
	})
}

// ended emits the result of a command in the background.
func (l *claudeLine) ended(emit Emit, key schema.ID, task, status string, code int64, hasCode bool, more func(*schema.Fragment)) {
	f := l.fragment(schema.Result)
	f.Execution.Background = true
	switch {
	case hasCode:
		setExit(f, code)
	case status == "completed":
		f.Event.Outcome = schema.OutcomeSuccess
	case status == "failed":
		f.Event.Outcome = schema.OutcomeFailure
	default: // killed, stopped
		f.Event.Outcome = schema.OutcomeUnknown
	}
	if more != nil {
		more(f)
	}
	identify(f, key, "task", task, status, schema.FormatInt(f.Execution.ExitCode))
	l.src.Unlink("task " + l.scope() + " " + task)
	emit(f)
}

// notification reads the end of a command in the background from a message that Claude Code puts among the user's:
//
//	<task-notification>
//	<task-id>b5qkrv9vh</task-id>
//	<tool-use-id>toolu_…</tool-use-id>
//	<status>completed|failed|killed</status>
//	<summary>Background command "npm test" completed (exit code 0)</summary>      or: failed with exit code 1
func (l *claudeLine) notification(emit Emit, content value.Value) {
	text := strings.TrimSpace(contentText(content))
	if !strings.HasPrefix(text, "<task-notification>") && !strings.HasPrefix(text, "[SYSTEM NOTIFICATION") {
		return
	}
	_, text, _ = strings.Cut(text, "<task-notification>")
	l.taskOver(emit, element(text, "task-id"), element(text, "tool-use-id"), element(text, "status"), element(text, "summary"))
}

// taskOver is the end of a command in the background. Tasks of other kinds are subagents.
func (l *claudeLine) taskOver(emit Emit, task, call, status, summary string) {
	if task == "" || status == "" || !strings.HasPrefix(summary, "Background command") {
		return
	}
	key, ok := l.src.Linked("task " + l.scope() + " " + task)
	if call != "" {
		key, ok = callKey(claudeName, l.scope(), call), true
	}
	if !ok {
		return
	}
	var code int64
	hasCode := false
	if i := strings.LastIndex(summary, "exit code "); i >= 0 {
		code, hasCode = leadingInt(summary[i+len("exit code "):])
	}
	l.ended(emit, key, task, status, code, hasCode, nil)
}

// element is the text of the first element of that name.
func element(s, name string) string {
	_, s, _ = strings.Cut(s, "<"+name+">")
	s, _, ok := strings.Cut(s, "</"+name+">")
	if !ok {
		return ""
	}
	return strings.TrimSpace(s)
}

// prompt keeps what the person and the model said.
func (l *claudeLine) prompt(emit Emit) {
	typ := str(l.body.Get("type"))
	if typ != "user" && typ != "assistant" {
		return
	}
	content := l.body.Get("message", "content")
	said := str(content)
	for b := content.First(); b.Exists(); b = b.Next() {
		if str(b.Get("type")) == "text" {
			said += str(b.Get("text"))
		}
	}
	if said == "" {
		return
	}
	f := l.fragment(schema.Whole)
	setKind(&f.Action, schema.ActionLog)
	f.Message = typ + ": " + said
	identify(f, schema.MakeID(claudeName, l.scope(), str(l.body.Get("uuid"))), f.Message)
	emit(f)
}
