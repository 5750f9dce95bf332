package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Logs of agents that write an event for each call of a tool and one for its result: CodeBuddy, WorkBuddy, hooks that
// people log (Cursor's, Copilot's, Gemini CLI's), and agents that nobody has heard of yet. Made from fixtures and
// public sources of 2025 and 2026.
//
//	{"type"|"kind"|"event"|"event_type"|"hook_event_name": word, the tool's name, its arguments, its id, its result, …}
//
//	request  a word about a tool, function, shell or MCP call: tool_use, tool-call, function_call, tool.start,
//	         PreToolUse, beforeShellExecution, BeforeTool
//	result   such a word with result, output, response, end, complete, fail, error, post or after in it: tool_result,
//	         tool_call_completed, postToolUse, afterShellExecution, AfterTool
//
// Names of keys are those of messages.go. The parts may stand one level down, under data, payload, properties or body.
//
//   - A result without an id that repeats the call's arguments belongs to the call that has the same; without such a call it
//     is the whole action. Any other belongs to the call before it if one call, and no more, is waiting for its result, which
//     is noted (agent_audit.identity.inferred): were lines lost, it may be another's. Else it is kept by itself, and says so.
//   - What the event says beside (decision, approval, permission: a word) is kept as the source's word. It is a denial
//     when it says so in so many words; that somebody approved is never read out of it.
type toolEvents struct{}

const toolEventsName = "tool-events"

func (*toolEvents) Name() string { return toolEventsName }

// eventKinds are the keys that say what an event is about.
var eventKinds = []string{"type", "kind", "event_type", "eventType", "event", "hook_event_name", "hookEventName", "hook_event_type", "name", "event_name"}

var (
	resultWords  = []string{"result", "output", "response", "end", "complete", "finish", "fail", "error", "post", "after", "done"}
	requestWords = []string{"call", "use", "request", "start", "begin", "invo", "pre", "before", "execut"}
)

// eventWord is what the words of an event say of it: no more than its role, if it is about a call at all.
type eventWord struct {
	role schema.Role
	call bool
}

// usualWords are those that most events have.
var usualWords = func() map[string]eventWord {
	m := map[string]eventWord{}
	for w := range strings.FieldsSeq(`tool_call tool_use tool_result toolCall toolUse toolResult tool-call tool-result tool.start tool.end
		tool.call tool.result tool_start tool_end tool_call_started tool_call_completed function_call function_call_output
		PreToolUse PostToolUse preToolUse postToolUse BeforeTool AfterTool beforeShellExecution afterShellExecution
		beforeMCPExecution afterMCPExecution tool_execution_start tool_execution_end message user assistant system text
		session error event log info result function shell bash`) {
		var e eventWord
		e.role, e.call = readToolEvent(w)
		m[w] = e
	}
	return m
}()

// toolEvent is what the words of an event say of it.
func toolEvent(word string) (schema.Role, bool) {
	if e, ok := usualWords[word]; ok {
		return e.role, e.call
	}
	return readToolEvent(word)
}

func readToolEvent(word string) (schema.Role, bool) {
	word = plainWord(word)
	if word == "" || len(word) > 40 || !strings.Contains(word, "tool") && !strings.Contains(word, "function") &&
		!strings.Contains(word, "shellexecution") && !strings.Contains(word, "mcpexecution") && !strings.Contains(word, "command") {
		return 0, false
	}
	about := word
	for _, what := range []string{"shellexecution", "mcpexecution"} { // whose own letters are no sign
		about = strings.ReplaceAll(about, what, "")
	}
	for _, w := range resultWords {
		if strings.Contains(about, w) {
			return schema.Result, true
		}
	}
	for _, w := range requestWords {
		if strings.Contains(about, w) || strings.Contains(word, "toolexecution") {
			return schema.Request, true
		}
	}
	return 0, false
}

// eventOf is what an event says, and the object that holds its parts.
func eventOf(v value.Value) (role schema.Role, body value.Value, ok bool) {
	for _, k := range eventKinds {
		if word := str(v.Get(k)); word != "" {
			if role, ok = toolEvent(word); ok {
				break
			}
		}
	}
	if !ok {
		return 0, value.Value{}, false
	}
	if eventTold(v, role) {
		return role, v, true
	}
	for _, k := range []string{"data", "payload", "properties", "body", "detail", "details", "params"} {
		if b := v.Get(k); b.Kind() == value.Object && eventTold(b, role) {
			return role, b, true
		}
	}
	return 0, value.Value{}, false
}

// eventTold says whether an object has what an event of that role must have.
func eventTold(b value.Value, role schema.Role) bool {
	tool := eventTool(b)
	if role == schema.Request {
		return tool != "" && (argumentsOf(b).Exists() || b.Get("command").Exists())
	}
	return (tool != "" || callIDOf(b) != "") && eventResult(b).Exists()
}

// eventTool is the tool's name. Hooks about a command or an MCP call name none: their command does, or their server.
func eventTool(b value.Value) string {
	name := toolNameOf(b)
	if _, isKind := toolEvent(name); isKind && b.Get("command").Exists() || name == "" && b.Get("command").Kind() == value.String {
		return "shell"
	}
	return name
}

func eventResult(b value.Value) value.Value {
	return first(b, "result", "output", "response", "tool_response", "toolResult", "tool_result", "tool_output", "toolResponse", "result_json", "error_message", "content", "message", "error", "stdout")
}

// Keys of its objects.
func (*toolEvents) Keys() []string { return eventKinds }

func (*toolEvents) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("authorization").Kind() == value.Object || v.Get("execution").Kind() == value.Object {
		return false // a native event
	}
	_, _, ok := eventOf(v)
	return ok
}

func (*toolEvents) Convert(src *Source, in *Input, emit Emit) bool {
	l := anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: toolEventsName, family: toolEventsName}}
	role, b, ok := eventOf(in.Body)
	if !ok {
		return false
	}
	l.about(in.Body)
	if b != in.Body {
		l.about(b)
	}
	user := l.cursorHook(in.Body)
	aboutMCP := strings.Contains(plainWord(str(in.Body.Get("hook_event_name"))), "mcp")
	l.emit = func(f *schema.Fragment) {
		if aboutMCP && f.Event.Action == schema.ActionTool {
			setKind(&f.Action, schema.ActionMCP)
		}
		f.Identity.UserEmail = orElse(user, f.Identity.UserEmail)
		emit(f)
	}
	id, tool := eventID(b), eventTool(b)
	arguments := argumentsOf(b)
	if !arguments.Exists() || b.Get("command").Kind() == value.String && arguments.Kind() != value.Object {
		arguments = eventArguments(b)
	}
	same := callQueue{src, schema.MakeID("event", l.scope(), tool, orElse(str(b.Get("command")), texts(arguments)))}
	if role == schema.Request {
		if key := l.call(id, tool, arguments); id == "" {
			same.push(key)
		}
		l.word(id, b)
		return true
	}
	r := eventResult(b)
	if exitOf(b).Exists() || b.Get("stderr").Exists() {
		r = b
	}
	failed := eventFailed(in.Body, b)
	switch {
	case id != "" || !arguments.Exists() || arguments.Kind() == value.Object && !arguments.First().Exists():
		l.result(id, tool, r, failed)
	default: // it repeats its call, or is all that is told of it
		key, ok := same.pop()
		if !ok {
			key = l.call("", tool, arguments)
		}
		l.resultOf(key, tool, r, failed)
	}
	l.word(id, b)
	return true
}

// eventFailed is true or false where an event says how the call ended, else missing.
func eventFailed(v, b value.Value) value.Value {
	if s := first(b, "success", "ok"); s.Kind() == value.Bool {
		return docOf(b).Bool(!s.Bool())
	}
	switch strings.ToLower(str(b.Get("status"))) {
	case "error", "failed", "failure":
		return docOf(b).Bool(true)
	case "success", "completed", "ok":
		return docOf(b).Bool(false)
	}
	for _, k := range eventKinds {
		if word := plainWord(str(v.Get(k))); strings.Contains(word, "fail") || strings.Contains(word, "error") {
			return docOf(b).Bool(true)
		}
	}
	if e := b.Get("error"); e.Kind() == value.String && e.String() != "" {
		return docOf(b).Bool(true)
	}
	return first(b, "is_error", "isError")
}

// cursorHook tells Cursor's hooks, which name the conversation and the folders that are open, and returns the person's
// e-mail address.
func (l *anyAgent) cursorHook(v value.Value) string {
	roots := v.Get("workspace_roots")
	if !v.Get("generation_id").Exists() || roots.Kind() != value.Array {
		return ""
	}
	l.agent = cursorName
	keep(&l.src.Known.Command.Cwd, orElse(str(v.Get("cwd")), str(roots.First()))) // of this event, not of those before
	keep(&l.src.Known.Identity.ServiceVersion, str(v.Get("cursor_version")))
	return str(v.Get("user_email"))
}

// eventID is the id of the call. An event's own id, where the call has another, is not it.
func eventID(b value.Value) string {
	return str(first(b, "tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "call_id", "callId", "callID", "invocation_id", "invocationId"))
}

// eventArguments are those of a hook about a command, which stand beside its other parts.
func eventArguments(b value.Value) value.Value {
	doc := docOf(b)
	v, err := doc.ParseJSON(string(without(b, func(k string) bool { return k != "command" && k != "cwd" && k != "timeout" })))
	if err != nil {
		return value.Value{}
	}
	return v
}

// word keeps what an event says of permission.
func (l *anyAgent) word(id string, b value.Value) {
	said := str(first(b, "permission", "permissionDecision", "decision", "approval", "approval_status", "approvalStatus"))
	if id == "" || said == "" {
		return
	}
	f := l.told(l.fragment(schema.Decision, id))
	f.Authorization.Raw = said
	switch plainWord(said) {
	case "deny", "denied", "reject", "rejected", "block", "blocked", "refused", "declined":
		deny(f, str(first(b, "decided_by", "decision_source", "decisionSource")), said, str(first(b, "reason", "user_message", "userMessage")))
	}
	identifyLine(f, l.key(id), "word", said)
	l.emit(f)
}
