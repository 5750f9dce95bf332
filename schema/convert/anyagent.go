package convert

import (
	"path"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// What messages.go and toolevents.go share: logs whose agent is told by the place of its log at best, and in which keys
// have the names that most programs give them.

// agentPaths are parts of the paths at which agents keep their logs, and the agents' names.
var agentPaths = []struct{ part, name string }{
	{"saoudrizwan.claude-dev", "cline"},
	{"/.cline/", "cline"},
	{"rooveterinaryinc.roo-cline", "roo-code"},
	{"kilocode.kilo-code", "kilo-code"},
	{"/.continue/", "continue"},
	{"/amp/threads/", "amp"},
	{"/.codebuddy/", "codebuddy"},
	{"/.workbuddy/", "workbuddy"},
	{"/.crush/", "crush"},
	{"/.augment/", "auggie"},
	{"/windsurf/", "windsurf"},
	{"/.junie/", "junie"},
	{"/.trae/", "trae"},
	{"/.kiro/", "kiro"},
	{"/amazon-q/", "amazon-q"},
	{"/amazonq/", "amazon-q"},
	{"/gptme/", "gptme"},
	{"/.iflow/", "iflow"},
	{"/zed/", "zed"},
	{"/.zencoder/", "zencoder"},
	{"/.factory/", "droid"},
}

// agentOfPath is the agent whose log lies at a path, "" if that does not tell.
func agentOfPath(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	for _, a := range agentPaths {
		if strings.Contains(p, a.part) {
			return a.name
		}
	}
	return ""
}

// agentOfPath is the agent whose log the record is of, as far as the log's path tells.
func (in *Input) agentOfPath() string {
	last, path := &in.sources, in.Known.Infrastructure.LogPath
	if last.path != path {
		return agentOfPath(path)
	}
	if !last.asked {
		last.agent, last.asked = agentOfPath(path), true
	}
	return last.agent
}

// commonNames are names of files that say nothing of the session in them: there the folder does.
var commonNames = set(`api_conversation_history ui_messages messages conversation transcript history session chat events
	log trajectory output index state`)

// sessionOfPath is the session that a log's path names: its file, else its folder.
func sessionOfPath(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	name := path.Base(p)
	if p == "" || name == "/" {
		return ""
	}
	for ext := path.Ext(name); ext != "" && ext != name; ext = path.Ext(name) {
		name = strings.TrimSuffix(name, ext)
	}
	if commonNames[strings.ToLower(name)] {
		name = path.Base(path.Dir(p))
	}
	return name
}

// anyAgent is one record of a log of an agent that is not known for certain.
type anyAgent struct {
	callLog
	place string // identifies what has no id, within the session: which message, which event; "" is the record, see next
}

// next is the place of the next thing in the record that has no id. The record's own identity is dear, so only these ask for it.
func (l *anyAgent) next() string {
	if l.place == "" {
		l.place = l.in.ID().String()
	}
	l.place += "."
	return l.place
}

// about reads what a record says of its session. v may be a line, a message or a whole document.
func (l *anyAgent) about(v value.Value) {
	known := &l.src.Known
	session := str(first(v, "session_id", "sessionId", "sessionID", "conversation_id", "conversationId", "thread_id", "threadId", "taskId", "task_id"))
	if session == "" && known.Session.ID == "" {
		session = sessionOfPath(l.in.Known.Infrastructure.LogPath)
	}
	if session != "" && session != known.Session.ID {
		l.turn()
	}
	l.begin(session)
	keep(&known.Command.Cwd, anyCwd(v))
	keep(&known.Identity.Model, str(first(v, "model", "model_id", "modelId", "modelID")))
	keep(&known.Identity.Model, str(v.Get("modelInfo", "id")))
	keep(&known.Identity.ProviderName, str(v.Get("modelInfo", "provider")))
	keep(&known.Identity.ServiceVersion, str(first(v, "agent_version", "agentVersion", "cli_version")))
	keep(&known.Authorization.Mode, str(first(v, "permission_mode", "permissionMode", "approval_mode", "approvalMode")))
	if l.agent = l.in.agentOfPath(); l.agent == "" {
		l.agent = orElse(str(first(v, "agent_name", "agentName", "agent", "source_app")), known.Identity.ServiceName)
	}
	keep(&known.Identity.ServiceName, l.agent)
	if t := parseTime(first(v, "timestamp", "ts", "time", "created_at", "createdAt", "created", "date", "@timestamp", "updatedAt")); !t.IsZero() {
		l.time = t
	}
}

func anyCwd(v value.Value) string {
	for _, k := range []string{"cwd", "directory", "working_dir", "working_directory", "workingDirectory", "workspaceDirectory", "projectRoot", "project_path", "projectPath", "workspace", "workspace_root"} {
		c := v.Get(k)
		if c.Kind() == value.Object {
			c = first(c, "path", "root", "cwd")
		}
		if s := filePath(str(c)); absolute(s) {
			return s
		}
	}
	return ""
}

// told gives a fragment what is known of the agent, and nothing where nothing is.
func (l *anyAgent) told(f *schema.Fragment) *schema.Fragment {
	if l.agent == "" {
		f.Event.Provider, f.Identity.ServiceName, f.Identity.AgentName = "", "", ""
	}
	return f
}

// call emits the request of a tool, and returns the key of its action.
func (l *anyAgent) call(id, tool string, arguments value.Value) schema.ID {
	f := l.told(l.request(id, tool, arguments))
	if list := arguments.Get("commands"); list.Kind() == value.Array && strings.Contains(tool, "command") {
		setCommands(f, list, arguments)
	}
	switch server := str(arguments.Get("server_name")); {
	case server != "" && tool == "use_mcp_tool": // Cline's
		f.Command.Tool = "mcp__" + server + "__" + str(arguments.Get("tool_name"))
		f.Command.ToolArguments = objectOf("arguments", arguments.Get("arguments"))
		setKind(&f.Action, schema.ActionMCP)
	case f.Event.Action == schema.ActionTool && (strings.Contains(tool, "__") || server != ""):
		setKind(&f.Action, schema.ActionMCP)
	}
	if id == "" {
		identify(f, schema.MakeID(l.family, l.scope(), l.next()), tool, string(jsonOf(arguments)))
		l.open(f.Key, tool)
		if f.Event.Action == schema.ActionShell {
			l.src.Link("shell "+f.Key.String(), f.Key)
		}
		key := f.Key
		l.emit(f)
		return key
	}
	key := l.key(id)
	if f.Event.Action == schema.ActionShell {
		l.src.Link("shell "+key.String(), key)
	}
	l.send(f, tool, string(jsonOf(arguments)))
	return key
}

// setCommands makes of several commands in one call a line each: texts, or {command, args}.
func setCommands(f *schema.Fragment, list, arguments value.Value) {
	var lines []string
	for c := list.First(); c.Exists(); c = c.Next() {
		line := str(c)
		if c.Kind() == value.Object {
			line = str(c.Get("command"))
			for a := c.Get("args").First(); a.Exists(); a = a.Next() {
				line += " " + a.String()
			}
		}
		lines = append(lines, line)
	}
	setKind(&f.Action, schema.ActionShell)
	f.Command.Line = strings.Join(lines, "\n")
	f.Command.ToolArguments = without(arguments, func(k string) bool { return k == "commands" })
}

// The call without an id that waits for its result, and whether several do.
var linkOpen, linkCrowd = schema.MakeID("open"), schema.MakeID("crowd")

// open remembers a call without an id for the result that follows. Two that are open at once cannot be told apart, and
// nor can their results.
func (l *anyAgent) open(key schema.ID, tool string) {
	if k, ok := l.src.linked(linkOpen); ok && k != key {
		l.src.link(linkCrowd, key)
	}
	l.src.link(linkOpen, key)
	l.src.Link("open "+tool, key)
}

// waiting is the call that a result without an id belongs to, if that is certain.
func (l *anyAgent) waiting(tool string) (schema.ID, bool) {
	key, ok := l.src.linked(linkOpen)
	if _, crowd := l.src.linked(linkCrowd); !ok || crowd {
		return schema.ID{}, false
	}
	if tool != "" {
		if named, ok := l.src.Linked("open " + tool); !ok || named != key {
			return schema.ID{}, false
		}
	}
	return key, true
}

// turn is the person's: what is open then gets no result any more.
func (l *anyAgent) turn() {
	l.src.unlink(linkOpen)
	l.src.unlink(linkCrowd)
}

// result emits the result of a call. failed is missing where the source does not say.
func (l *anyAgent) result(id, tool string, r, failed value.Value) {
	f := l.told(l.fragment(schema.Result, id))
	f.Command.Tool = tool
	if id == "" {
		l.nameless(f, r, failed)
		return
	}
	l.fillResult(f, l.key(id), r, failed)
	identifyLine(f, f.Key, string(jsonOf(r)), failed.String())
	l.emit(f)
}

// byOrder is noted with a result that the order of the log alone gives to its call: were lines lost, it may be another's.
const byOrder = "agent_audit.execution: order of the log"

// nameless emits a result without an id. To which call it belongs depends on the records before; what it is does not, so
// that a log that is read again gives the same.
func (l *anyAgent) nameless(f *schema.Fragment, r, failed value.Value) {
	place := l.next()
	if key, ok := l.waiting(f.Command.Tool); ok {
		l.turn()
		l.fillResult(f, key, r, failed)
		f.Identity.Inferred = append(f.Identity.Inferred, byOrder)
	} else {
		l.unpaired(f, place, r)
	}
	f.ID = schema.MakeID(l.family, l.scope(), place, "result")
	l.emit(f)
}

// resultOf emits a result without an id whose call is known for certain.
func (l *anyAgent) resultOf(key schema.ID, tool string, r, failed value.Value) {
	if open, ok := l.src.Linked("open"); ok && open == key {
		l.turn()
	}
	f := l.told(l.fragment(schema.Result, ""))
	f.Command.Tool = tool
	l.fillResult(f, key, r, failed)
	f.ID = schema.MakeID(l.family, l.scope(), l.next(), "result")
	l.emit(f)
}

// unpaired keeps a result by itself, for nothing tells of which call it is, and says so.
func (l *anyAgent) unpaired(f *schema.Fragment, place string, r value.Value) {
	f.Role = schema.Whole
	f.Execution.End = time.Time{}
	setKind(&f.Action, schema.ActionLog)
	setStdout(&f.Execution, texts(r))
	addFields(&f.Trail.Fields, `{"unpaired":"the log does not say of which call this is the result"}`)
	f.Key = schema.MakeID(l.family, l.scope(), place)
}

// fillResult fills in the result of the call of that key.
func (l *anyAgent) fillResult(f *schema.Fragment, key schema.ID, r, failed value.Value) {
	f.Key = key
	_, shell := l.src.Take("shell " + key.String())
	anyResult(f, r, failed, shell || toolAction(f.Command.Tool) == schema.ActionShell)
}

// anyResult reads what a tool gave back: a text, blocks, or an object that tells streams and exit code.
func anyResult(f *schema.Fragment, r, failed value.Value, shell bool) {
	text := texts(r)
	if j := jsonText(docOf(r).Text(text)); r.Kind() != value.Object && j.Kind() == value.Object && exitOf(j).Exists() {
		r = j
	}
	if failed.Exists() && failed.Kind() != value.Null {
		outcome(f, failed.Bool() || failed.Kind() == value.String && failed.String() != "" && failed.String() != "false")
	}
	if r.Kind() == value.Object && first(r, "stdout", "stderr", "output", "llmContent", "exitCode", "exit_code", "returncode").Exists() {
		text = texts(first(r, "stdout", "output", "content", "llmContent"))
		if s := str(r.Get("stderr")); s != "" {
			setStderr(&f.Execution, s)
		}
		f.Execution.Interrupted = r.Get("interrupted").Bool()
		f.Execution.TimedOut = first(r, "timed_out", "timedOut").Bool()
		f.Error.Message = str(r.Get("error"))
	}
	setStdout(&f.Execution, text)
	clineSays(f, text)
	if f.Authorization.Decision != "" || f.Execution.ExitCode.Set {
		return
	}
	if code, ok := exitOf(r).Int(); ok {
		setExit(f, code)
	} else if code, ok := exitInText(text); ok && shell {
		setExit(f, code)
	}
	if by, ok := refusedBy(text); ok && f.Event.Outcome != schema.OutcomeSuccess && !f.Execution.ExitCode.Set {
		deny(f, by, "denied", "")
		noOutput(f, text)
	}
}

func exitOf(v value.Value) value.Value {
	return first(v, "exitCode", "exit_code", "returncode", "return_code", "exit")
}

// exitMarks are the words before an exit code, in a line of its own at the beginning or the end of a shell's result.
var exitMarks = []string{"exit code: ", "exit code ", "exited with code ", "exit status ", "returncode: ", "exit_code: "}

// exitInText reads the exit code that a tool puts before or behind the output of a command.
func exitInText(text string) (int64, bool) {
	head, _, _ := strings.Cut(text, "\n")
	_, last := lastLine(text)
	for _, line := range []string{head, last} {
		if len(line) > 80 {
			continue
		}
		line = strings.ToLower(line)
		for _, mark := range exitMarks {
			if before, rest, ok := strings.Cut(line, mark); ok && exitWords(before) {
				return leadingInt(rest)
			}
		}
	}
	return 0, false
}

var wordsBeforeExit = set("command process the shell tool error failed execution with completed finished has and -")

// exitWords says whether what stands before an exit code is a tool's own, not a program's: "[", "Command failed with",
// "Process".
func exitWords(before string) bool {
	for _, w := range strings.Fields(strings.Trim(before, "[(<*: ")) {
		if !wordsBeforeExit[strings.Trim(w, ".,:")] {
			return false
		}
	}
	return true
}

// refusals begin what agents tell the model in place of a result when a call was refused, and who refused.
var refusals = []struct{ prefix, by string }{
	{"The user denied this operation", "user"},
	{"The user doesn't want to", "user"},
	{"The user rejected", "user"},
	{"The user has declined", "user"},
	{"The user declined", "user"},
	{"The user has rejected", "user"},
	{"User rejected", "user"},
	{"User denied", "user"},
	{"User declined", "user"},
	{"Rejected by user", "user"},
	{"Permission to run tool denied by user", "user"},
	{"Permission denied by user", "user"},
	{"Tool use was cancelled by the user", "user"},
	{"Tool call rejected by user", "user"},
	{"Tool execution was rejected by the user", "user"},
	{"Command execution blocked by CLINE_COMMAND_PERMISSIONS", "config"},
	{"Permission denied by policy", "config"},
	{"Denied by policy", "config"},
	{"Blocked by policy", "config"},
}

func refusedBy(text string) (string, bool) {
	text = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "Error: "))
	for _, r := range refusals {
		if len(text) >= len(r.prefix) && strings.EqualFold(text[:len(r.prefix)], r.prefix) {
			return r.by, true
		}
	}
	return "", false
}
