package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// opencode: files of one JSON object under ~/.local/share/opencode/storage, up to the versions that keep them in SQLite;
// the output of `opencode run --format json`; its server's events; and `opencode export`. Made from 1.3 (fixtures).
//
//		session/<project>/ses_….json  {"id","version","projectID","directory","parentID","time":{"created"}}
//		message/<session>/msg_….json  {"id","sessionID","role","time","providerID","modelID","path":{"cwd"}}
//		part/<message>/prt_….json     {"id","sessionID","messageID","type":"tool","callID","tool","state":{…}}
//		    state {"status":"pending|running|completed|error","input":{…},"output","error","metadata":{"exit"},
//		    "time":{"start","end"}}; other types of part (text, step-start, patch …) are no action
//		{"type":"tool_use","timestamp","sessionID","part":{…}}                              opencode run --format json
//		{"type":"message.part.updated","properties":{"part":{…}}}                          events of the server
//		{"info":{session},"messages":[{"info":{message},"parts":[…]}]}                     opencode export
//
//	  - A part has both call and result, and its file is written anew as it goes: each state is emitted by itself.
//	  - In files of one object each the directory is that of the call, if it names one; in an export it is the session's.
//	  - Denials are the words of state.error: "The user rejected permission to use this specific tool call",
//	    "The user has specified a rule which prevents you from using this specific tool call". "Tool execution aborted"
//	    is an interruption.
//	  - What was answered to a request for permission is told by the server's events only: permission.asked (older permission.updated){"id","tool":
//	    {"callID"} or "callID"}, permission.replied{"requestID" or "permissionID","reply" or "response": once, always or
//	    reject}. The answer is the client's, which is a person's or, of opencode run, a setting's: kept as the source's word,
//	    and no approval. User and host are not told.
type opencode struct{}

const opencodeName = "opencode"

func (*opencode) Name() string { return opencodeName }

// Keys of its objects.
func (*opencode) Keys() []string {
	return []string{
		"messageID id type", "part", "properties", "info messages", "projectID directory time",
		"sessionID role time",
	}
}

func (*opencode) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	props := v.Get("properties")
	switch typ := str(v.Get("type")); {
	case opencodePart(v) || opencodePart(v.Get("part")) || opencodePart(props.Get("part")):
		return true
	case strings.HasPrefix(typ, "message.") || strings.HasPrefix(typ, "session.") || strings.HasPrefix(typ, "permission."):
		return props.Kind() == value.Object
	case typ != "":
		return false
	case v.Get("info").Kind() == value.Object && v.Get("messages").Kind() == value.Array:
		return v.Get("info", "projectID").Exists() || v.Get("info", "directory").Exists()
	}
	return opencodeSession(v) || v.Get("sessionID").Exists() && v.Get("role").Exists() && v.Get("time", "created").Exists()
}

// opencodePart tells a part of a message.
func opencodePart(v value.Value) bool {
	return v.Get("messageID").Exists() && v.Get("id").Exists() && v.Get("type").Kind() == value.String
}

func opencodeSession(v value.Value) bool {
	return v.Get("projectID").Exists() && v.Get("directory").Exists() && v.Get("time", "created").Exists()
}

func (*opencode) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := opencodeLine{callLog: callLog{src: src, in: in, emit: emit, format: opencodeName, family: opencodeName}}
	l.time = parseTime(v.Get("timestamp"))
	if opencodePart(v) {
		l.part(v)
		return true
	}
	l.part(first(v, "part"))
	l.part(v.Get("properties", "part"))
	switch props := v.Get("properties"); str(v.Get("type")) {
	case "permission.asked", "permission.updated":
		l.asked(props)
	case "permission.replied":
		l.replied(props)
	}
	if opencodeSession(v) {
		l.session(v)
	} else if v.Get("role").Exists() {
		l.message(v)
	}
	if info := v.Get("properties", "info"); opencodeSession(info) {
		l.session(info)
	} else if info.Get("role").Exists() {
		l.message(info)
	}
	if messages := v.Get("messages"); messages.Kind() == value.Array {
		l.session(v.Get("info"))
		for m := messages.First(); m.Exists(); m = m.Next() {
			l.message(m.Get("info"))
			for p := m.Get("parts").First(); p.Exists(); p = p.Next() {
				l.part(p)
			}
		}
	}
	return true
}

// opencodeLine is one record while it is read.
type opencodeLine struct{ callLog }

func (l *opencodeLine) session(v value.Value) {
	known := &l.src.Known
	l.begin(str(v.Get("id")))
	known.Session.Start = parseTime(v.Get("time", "created"))
	keep(&known.Command.Cwd, str(v.Get("directory")))
	keep(&known.Session.ParentID, str(v.Get("parentID")))
	keep(&known.Identity.ServiceVersion, str(v.Get("version")))
	keep(&l.src.Version, str(v.Get("version")))
	if known.Session.ParentID != "" {
		known.Session.Type = "subagent"
	}
}

func (l *opencodeLine) message(v value.Value) {
	known := &l.src.Known
	l.begin(str(v.Get("sessionID")))
	keep(&known.Command.Cwd, str(v.Get("path", "cwd")))
	keep(&known.Identity.ProviderName, str(first(v, "providerID")))
	keep(&known.Identity.Model, str(first(v, "modelID")))
	keep(&known.Identity.ProviderName, str(v.Get("model", "providerID")))
	keep(&known.Identity.Model, str(v.Get("model", "modelID")))
}

// part reads one part; each of its states gives the call, and the last also the result.
func (l *opencodeLine) part(p value.Value) {
	if str(p.Get("type")) != "tool" {
		return
	}
	l.begin(str(p.Get("sessionID")))
	id, tool, state := str(first(p, "callID", "id")), str(p.Get("tool")), p.Get("state")
	span := state.Get("time")
	if t := parseTime(span.Get("start")); !t.IsZero() {
		l.time = t
	}
	f := l.request(id, tool, state.Get("input"))
	f.Session.Turn = str(p.Get("messageID"))
	l.place(f, p, string(jsonOf(state.Get("input"))))
	status := str(state.Get("status"))
	if status == "" || status == "pending" || status == "running" {
		return
	}
	if t := parseTime(span.Get("end")); !t.IsZero() {
		l.time = t
	}
	l.result(p, id, status)
}

// place identifies a fragment: short ids are unique in a session, or, where that is not told, in a message.
func (l *opencodeLine) place(f *schema.Fragment, p value.Value, says string) {
	scope := str(p.Get("sessionID"))
	if scope == "" {
		scope = str(p.Get("messageID"))
	}
	if f.Command.CallID == "" {
		l.send(f)
		return
	}
	identifyLine(f, callKey(opencodeName, scope, f.Command.CallID), says, f.Role.String())
	l.emit(f)
}

func (l *opencodeLine) result(p value.Value, id, status string) {
	state := p.Get("state")
	f := l.fragment(schema.Result, id)
	f.Command.Tool = str(p.Get("tool"))
	f.Session.Turn = str(p.Get("messageID"))
	setStdout(&f.Execution, texts(state.Get("output")))
	outcome(f, status == "error")
	m := state.Get("metadata")
	if code, ok := first(m, "exit", "exitCode").Int(); ok {
		setExit(f, code)
	}
	f.Execution.Truncated = m.Get("truncated").Bool()
	if message := str(state.Get("error")); message != "" {
		f.Event.Outcome = schema.OutcomeFailure
		noOutput(f, message)
		l.refusal(f, message)
	}
	l.place(f, p, string(jsonOf(state)))
}

// refusal reads from an error who refused or stopped a call.
func (l *opencodeLine) refusal(f *schema.Fragment, message string) {
	_, reason, _ := strings.Cut(message, "with the following feedback: ")
	switch {
	case strings.HasPrefix(message, "The user rejected permission to use this "):
		deny(f, "user", "reject", reason)
	case strings.HasPrefix(message, "The user has specified a rule which prevents you from using this "):
		deny(f, "config", "denied", message)
	case strings.HasPrefix(message, "Tool execution aborted"):
		f.Execution.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
	}
}

// asked remembers which call a request for permission is about.
func (l *opencodeLine) asked(p value.Value) {
	id, call := str(p.Get("id")), orElse(str(p.Get("tool", "callID")), str(p.Get("callID")))
	if id != "" && call != "" {
		l.src.Link("permission "+id, callKey(opencodeName, str(p.Get("sessionID")), call))
	}
}

// replied is the answer to such a request.
func (l *opencodeLine) replied(p value.Value) {
	id, reply := str(first(p, "requestID", "permissionID")), str(first(p, "reply", "response"))
	key, ok := l.src.Linked("permission " + id)
	if !ok || reply == "" {
		return
	}
	f := l.fragment(schema.Decision, "")
	f.Session.ID = orElse(str(p.Get("sessionID")), f.Session.ID)
	if reply == "reject" {
		deny(f, "", reply, str(first(p, "message", "feedback")))
	}
	f.Authorization.Raw = reply
	identifyLine(f, key, "permission", id, reply)
	l.emit(f)
}
