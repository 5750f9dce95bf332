package convert

import (
	"strings"
	"sync"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// What `claude -p --output-format stream-json --verbose` prints, and the Agent SDK hands on: a line each message; with
// --output-format json, one array of them. Made from what versions 2.0 to 2.1.330 are said and seen to print.
//
//	{"type":"system","subtype":"init","session_id","cwd","model","permissionMode","claude_code_version","tools",…}
//	{"type":"assistant","message":{"id","model","content":[{"type":"tool_use",…}]},"parent_tool_use_id","session_id","uuid"}
//	{"type":"user","message":{"content":[{"type":"tool_result",…}]},"tool_use_result":{…},…,"timestamp"}
//	{"type":"system","subtype":"permission_denied","tool_name","tool_use_id","decision_reason_type","decision_reason","message"}
//	{"type":"system","subtype":"task_notification","task_id","tool_use_id","status","summary"}   a command in the background
//	{"type":"result","permission_denials":[…],"total_cost_usd",…}
//
// Calls and results are those of the transcript but for the names around them: they are read as such, see claude.go.
//
//   - Times are there in newer builds only, and only on results; else the wrapping's count.
//   - A message with parent_tool_use_id is a subagent's, which has no id here.
//   - permission_denied comes before the result that says the same to the model. permission_denials of the last line
//     repeat what the lines before have said.
//   - Amp prints the same with session ids of its own (T-…), Cursor and Droid print messages of the same types without
//     what Detect asks for.
type claudeStream struct {
	prompts bool
	spare   sync.Pool // of *value.Doc: the nodes of a line
}

const claudeStreamName = "claude-code-stream"

func (*claudeStream) Name() string { return claudeStreamName }

// Keys of its objects.
func (*claudeStream) Keys() []string {
	return []string{
		"session_id type message", "session_id type subtype", "session_id type uuid",
		"session_id type permission_denials", "session_id type modelUsage", "session_id type total_cost_usd",
	}
}

func (*claudeStream) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		v = v.First()
	}
	return isClaudeStream(v)
}

func isClaudeStream(v value.Value) bool {
	session, ok := v.Get("session_id").Str()
	if !ok || strings.HasPrefix(session, "T-") || v.Get("sessionId").Exists() {
		return false
	}
	has := func(keys ...string) bool { return first(v, keys...).Exists() }
	switch str(v.Get("type")) {
	case "assistant", "user":
		id := str(v.Get("message", "id"))
		return v.Get("message").Kind() == value.Object && !v.Get("message", "parts").Exists() &&
			(v.Get("parent_tool_use_id").Exists() || has("uuid", "tool_use_result") || strings.HasPrefix(id, "msg_"))
	case "system":
		if str(v.Get("subtype")) == "init" {
			return has("claude_code_version", "mcp_servers", "slash_commands")
		}
		return str(v.Get("subtype")) != "" && has("uuid", "tool_use_id")
	case "result":
		return has("permission_denials", "modelUsage", "total_cost_usd")
	case "stream_event", "rate_limit_event", "tool_progress":
		return has("uuid")
	}
	return false
}

func (c *claudeStream) Convert(src *Source, in *Input, emit Emit) bool {
	own := func(f *schema.Fragment) {
		f.Trail.Format, f.Trail.Lanes = claudeStreamName, []string{claudeStreamName}
		f.ID = f.ID.Derive(claudeStreamName)
		emit(f)
	}
	if in.Body.Kind() != value.Array {
		c.line(src, in, in.Body, own)
		return true
	}
	for v := in.Body.First(); v.Exists(); v = v.Next() {
		if isClaudeStream(v) {
			c.line(src, in, v, own)
		}
	}
	return true
}

// line reads one message.
func (c *claudeStream) line(src *Source, in *Input, v value.Value, emit Emit) {
	session, subtype := str(v.Get("session_id")), str(v.Get("subtype"))
	if known := &src.Known; session != known.Session.ID {
		*known = schema.Action{}
		keep(&known.Session.ID, session)
	}
	doc, ok := c.spare.Get().(*value.Doc)
	if !ok {
		doc = new(value.Doc)
	}
	defer func() {
		doc.Reset()
		c.spare.Put(doc)
	}()
	body, err := doc.ParseJSON(string(claudeTranscriptLine(src, v)))
	if err != nil {
		return
	}
	l := claudeLine{src: src, in: in, body: body, session: session, time: parseTime(v.Get("timestamp"))}
	switch str(v.Get("type")) {
	case "assistant":
		l.blocks(emit, "tool_use", l.call)
	case "user":
		results := 0
		l.blocks(emit, "tool_result", func(Emit, value.Value) { results++ })
		l.crowded = results > 1
		l.blocks(emit, "tool_result", l.result)
		l.notification(emit, body.Get("message", "content"))
	case "system":
		switch subtype {
		case "init":
			keep(&src.Known.Command.Cwd, str(v.Get("cwd")))
			keep(&src.Known.Authorization.Mode, str(v.Get("permissionMode")))
			keep(&src.Version, str(v.Get("claude_code_version")))
		case "status":
			keep(&src.Known.Authorization.Mode, str(v.Get("permissionMode")))
		case "permission_denied":
			l.refused(emit)
		case "task_notification":
			l.taskOver(emit, str(body.Get("task_id")), str(body.Get("tool_use_id")), str(body.Get("status")), str(body.Get("summary")))
		}
	}
	if c.prompts {
		l.prompt(emit)
	}
}

// claudeTranscriptLine is a message as the transcript has it, with what init has said.
func claudeTranscriptLine(src *Source, v value.Value) []byte {
	b := append([]byte(nil), `{"entrypoint":"sdk-cli"`...)
	add := func(key string, c value.Value) {
		b = value.AppendString(append(b, ','), key)
		b = c.AppendJSON(append(b, ':'))
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		switch k := c.Key(); k {
		case "session_id":
			add("sessionId", c)
		case "tool_use_result":
			add("toolUseResult", c)
		case "parent_tool_use_id":
			if c.Kind() == value.String {
				b = append(b, `,"isSidechain":true`...)
			}
		case "entrypoint", "isSidechain", "cwd", "version":
		default:
			add(k, c)
		}
	}
	if cwd := src.Known.Command.Cwd; cwd != "" {
		b = value.AppendString(append(b, `,"cwd":`...), cwd)
	}
	if src.Version != "" {
		b = value.AppendString(append(b, `,"version":`...), src.Version)
	}
	return append(b, '}')
}

// refused reads permission_denied: the program refused the call.
func (l *claudeLine) refused(emit Emit) {
	id := str(l.body.Get("tool_use_id"))
	if id == "" {
		return // its result says so too
	}
	f := l.fragment(schema.Decision)
	f.Command.CallID, f.Command.Tool = id, str(l.body.Get("tool_name"))
	f.Authorization.Mode = l.src.Known.Authorization.Mode
	setKind(&f.Action, toolAction(f.Command.Tool))
	why := str(l.body.Get("decision_reason_type"))
	deny(f, orElse(why, "config"), "permission_denied", orElse(str(l.body.Get("decision_reason")), str(l.body.Get("message"))))
	identify(f, callKey(claudeName, l.scope(), id), "permission_denied", why)
	emit(f)
}
