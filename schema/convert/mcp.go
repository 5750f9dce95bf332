package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// MCP traffic: JSON-RPC 2.0 messages between a client and a server of the Model Context Protocol, as gateways and proxies
// log them, and as Claude Desktop does. Made from the protocol's versions 2024-11-05 to 2025-11-25 and logs of 2025–2026.
//
//		{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name","arguments":{…},"_meta":{…}}}
//		{"jsonrpc":"2.0","id":3,"result":{"content":[…],"structuredContent":{…},"isError":true}}
//		{"jsonrpc":"2.0","id":3,"error":{"code","message"}}
//		{"timestamp","server","session_id",…,"message":{one of these}}                    a proxy's wrapping; [ … ] a batch
//		2025-07-23T15:09:15.427Z [weather] [info] Message from client: {…} { metadata: undefined }   mcp-server-weather.log
//		2025-07-23T15:09:15.427Z [info] [weather] Message from client: {…}                           mcp.log
//
//	  - Ids are small numbers that begin anew with each connection: a call is named by its log, server, id, time and
//	    content, and an answer is of the last call of that id that has none. An answer whose call is not in the log is
//	    kept by itself when it is a tool's (content and isError tell), else left out.
//	  - A client that tells its servers the id that its own log has for the call (_meta: claudecode/toolUseId, callId) makes
//	    both one action.
//	  - Only tools/call is an action; all other methods of the protocol say nothing here. Lines that are no message are
//	    not of this format: a server's own output stands between them, and between the lines of a message that is printed
//	    over several. Those are put together, up to 64 KiB, and kept as text besides.
//	  - isError is the tool's failure, error the protocol's. There is no exit code, decision, user or model.
type mcp struct{}

const mcpName = "mcp"

func (*mcp) Name() string { return mcpName }

// Looks says what its lines of text look like.
func (*mcp) Looks() string {
	return "a client's log: \"… Message from client: {JSON-RPC}\" or \"… from server: …\""
}

// Keys of its objects.
func (*mcp) Keys() []string { return []string{"jsonrpc", "message", "payload", "rpc", "data", "body"} }

func (*mcp) Detect(v value.Value) bool {
	if s, ok := v.Str(); ok {
		return mcpBegins(s) || mcpGoesOn(s) // as every line with a message does
	}
	if v.Kind() == value.Array {
		v = v.First()
	}
	return rpcMessage(rpcOf(v))
}

// rpcOf is the message of a record: itself, or what stands in a proxy's wrapping.
func rpcOf(v value.Value) value.Value {
	if v.Get("jsonrpc").Exists() {
		return v
	}
	for _, k := range []string{"message", "payload", "rpc", "data", "body"} {
		if c := v.Get(k); c.Get("jsonrpc").Exists() {
			return c
		}
	}
	return value.Value{}
}

// mcpMethods begin the names of the protocol's methods, which are not those of other uses of JSON-RPC.
var mcpMethods = []string{
	"tools/", "resources/", "prompts/", "notifications/", "completion/", "logging/", "sampling/", "roots/", "elicitation/",
	"tasks/",
}

// rpcMessage tells the protocol's messages from those of other uses of JSON-RPC (language servers …).
func rpcMessage(m value.Value) bool {
	if m.Get("jsonrpc").String() != "2.0" {
		return false
	}
	if method := str(m.Get("method")); method != "" {
		if method == "ping" || method == "initialize" && m.Get("params", "protocolVersion").Exists() {
			return true
		}
		for _, p := range mcpMethods {
			if strings.HasPrefix(method, p) {
				return true
			}
		}
		return false
	}
	r := m.Get("result")
	switch {
	case !m.Get("id").Exists():
		return false
	case r.Kind() == value.Object:
		for _, k := range []string{"content", "structuredContent", "isError", "tools", "resources", "resourceTemplates", "prompts", "protocolVersion", "messages", "contents"} {
			if r.Get(k).Exists() {
				return true
			}
		}
		return !r.First().Exists()
	}
	return m.Get("error", "code").Exists()
}

// mcpText is a line of Claude Desktop's logs.
type mcpText struct {
	time    time.Time
	server  string
	message value.Value
}

// readMCPLine reads a line with a message. What follows the message's JSON is left out.
func readMCPLine(doc *value.Doc, s string) (mcpText, bool) {
	var t mcpText
	head, rest, ok := strings.Cut(s, "Message from ")
	if !ok || len(head) > 256 {
		return t, false
	}
	who, rest, _ := strings.Cut(rest, ": ")
	if who != "client" && who != "server" || !strings.HasPrefix(rest, "{") {
		return t, false
	}
	var err error
	if t.message, err = doc.ParseJSON(strings.TrimSuffix(strings.TrimRight(rest, " \r\n"), " { metadata: undefined }")); err != nil {
		return t, false
	}
	stamp, head, _ := strings.Cut(head, " ")
	t.time = timeOf(stamp)
	for head != "" {
		var word string
		if _, head, ok = strings.Cut(head, "["); !ok {
			break
		}
		if word, head, ok = strings.Cut(head, "]"); ok && !mcpLevels[word] {
			t.server = word
		}
	}
	return t, rpcMessage(t.message)
}

// mcpBegins says whether a line begins a message that goes on in the next ones, printed over several lines.
func mcpBegins(s string) bool {
	head, rest, ok := strings.Cut(s, "Message from ")
	who, rest, _ := strings.Cut(rest, ": ")
	return ok && len(head) <= 256 && (who == "client" || who == "server") && strings.HasPrefix(rest, "{")
}

// mcpGoesOn says whether a line may be one of those, by how it begins. A server's own output stands between them.
func mcpGoesOn(s string) bool {
	if s == "" || s[0] != ' ' && s[0] != '\t' && s[0] != '}' {
		return false
	}
	s = strings.TrimLeft(s, " \t")
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(s, word) {
			return true
		}
	}
	return s != "" && strings.IndexByte(`"{}[]-0123456789`, s[0]) >= 0
}

// mcpLongest bounds the text of a message that is put together.
const mcpLongest = 64 << 10

// part takes a line of a message printed over several, and returns the whole with the last one, "" before. The lines before
// that are kept as text as well, so that nothing is lost if the end never comes.
func (l *mcpLine) part(s string) string {
	known := &l.src.Known.Message
	switch {
	case mcpBegins(s):
		*known = strings.Clone(s)
		return ""
	case *known == "" || !mcpGoesOn(s):
		return ""
	case len(*known)+len(s) > mcpLongest:
		*known = ""
		return ""
	}
	*known += "\n" + s
	if s[0] != '}' {
		return ""
	}
	whole := *known
	*known = ""
	return whole
}

var mcpLevels = set("info error warn warning debug trace")

func (*mcp) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := mcpLine{callLog: callLog{src: src, in: in, emit: emit, format: mcpName, family: mcpName}}
	if s, ok := v.Str(); ok {
		doc := docOf(v)
		t, ok := readMCPLine(doc, s)
		if !ok {
			if t, ok = readMCPLine(doc, l.part(s)); !ok {
				return false
			}
		}
		l.time, l.server = t.time, t.server
		l.message(t.message)
		return true
	}
	if v.Kind() != value.Array {
		l.record(v)
		return true
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		l.record(c)
	}
	return true
}

// mcpLine is one record while it is read.
type mcpLine struct {
	callLog
	server, session string
}

func (l *mcpLine) record(v value.Value) {
	m := rpcOf(v)
	if !rpcMessage(m) {
		return
	}
	l.server, l.session = "", ""
	if !v.Get("jsonrpc").Exists() {
		l.time = parseTime(first(v, "timestamp", "time", "ts", "@timestamp"))
		l.server = str(first(v, "server", "server_name", "serverName", "mcp_server"))
		l.session = str(first(v, "session_id", "sessionId", "session", "mcp_session_id"))
	} else if t := parseTime(first(v, "timestamp", "time", "ts")); !t.IsZero() {
		l.time = t
	}
	l.message(m)
}

func (l *mcpLine) message(m value.Value) {
	if l.server == "" {
		l.server = mcpServerOf(l.in.Known.Infrastructure.LogPath)
	}
	switch str(m.Get("method")) {
	case "tools/call":
		l.call(m)
	case "initialize":
		keep(&l.src.Known.Identity.AgentName, str(m.Get("params", "clientInfo", "name")))
		keep(&l.src.Version, str(m.Get("params", "protocolVersion")))
	case "":
		l.answer(m)
	}
}

// mcpServerOf takes the server's name from the name of its log, mcp-server-NAME.log.
func mcpServerOf(path string) string {
	_, name, ok := strings.Cut(path[strings.LastIndexAny(path, `/\`)+1:], "mcp-server-")
	name, _, dot := strings.Cut(name, ".log")
	if !ok || !dot {
		return ""
	}
	return name
}

// waiting names a call that has no answer yet.
func (l *mcpLine) waiting(m value.Value) string {
	return "rpc " + l.server + " " + l.session + " " + m.Get("id").Kind().String() + " " + m.Get("id").String()
}

// actor sets who called which server.
func (l *mcpLine) actor(f *schema.Fragment) {
	f.Event.Provider = mcpName
	f.Identity.ServiceName = l.server
	f.Identity.AgentName = l.src.Known.Identity.AgentName
	f.Session.ID, f.Session.ConversationID = l.session, ""
}

func (l *mcpLine) call(m value.Value) {
	p := m.Get("params")
	name := str(p.Get("name"))
	f := l.request(m.Get("id").String(), name, p.Get("arguments"))
	if f.Command.Line == "" {
		setKind(&f.Action, schema.ActionMCP)
	}
	if l.server != "" {
		f.Command.Tool = "mcp__" + l.server + "__" + name
	}
	l.actor(f)
	if !m.Get("id").Exists() {
		f.Role = schema.Whole // a notification: nobody answers
		l.send(f)
		return
	}
	if id := mcpCaller(p.Get("_meta")); id != "" {
		f.Command.CallID = id
		identifyLine(f, callKey("", "", id), mcpName, f.Role.String())
		l.src.Link(l.waiting(m), f.Key)
		l.emit(f)
		return
	}
	at := l.in.ID().String() // without a time the same call may come twice
	if !l.time.IsZero() {
		at = schema.FormatTime(l.time)
	}
	key := schema.MakeID(mcpName, l.in.Source.String(), l.server, l.session, m.Get("id").String(), at, string(jsonOf(p)))
	identifyLine(f, key, f.Role.String())
	l.src.Link(l.waiting(m), key)
	l.emit(f)
}

// mcpCaller is the id under which the calling agent's own log has the call, where it tells its servers and it is unique in
// the world: Claude Code and Codex do.
func mcpCaller(meta value.Value) string {
	if id := str(first(meta, "claudecode/toolUseId", "claude/toolUseId", "callId", "tool_use_id", "tool_call_id")); isGlobal(id) {
		return id
	}
	return ""
}

func (l *mcpLine) answer(m value.Value) {
	r := m.Get("result")
	f := l.fragment(schema.Result, m.Get("id").String())
	l.actor(f)
	text := contentText(r.Get("content"))
	if text == "" {
		text = string(jsonOf(r.Get("structuredContent")))
	}
	if r.Exists() {
		setStdout(&f.Execution, text)
	}
	e := m.Get("error")
	f.Error.Message, f.Error.Type = str(e.Get("message")), e.Get("code").String()
	outcome(f, r.Get("isError").Bool() || e.Exists())
	key, ok := l.src.Linked(l.waiting(m))
	if !ok {
		if r.Get("isError").Exists() && r.Get("content").Exists() {
			f.Command.CallID = ""
			l.lone(f)
		}
		return
	}
	l.src.Unlink(l.waiting(m))
	f.Command.CallID = "" // the call has told it, and it may be another
	identifyLine(f, key, f.Role.String(), string(jsonOf(m)))
	l.emit(f)
}
