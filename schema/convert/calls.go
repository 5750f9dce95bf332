package convert

import (
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// callLog is one record of a log in which a call of a tool has a name, an id and arguments, and its result names that
// id: what most agents' transcripts come to. The formats made of it say how their lines give these.
type callLog struct {
	src    *Source
	in     *Input
	emit   Emit
	format string // name of the converter
	family string // of the identities; all lanes of one agent share it
	agent  string // service and agent name, if not the family's
	time   time.Time
	n      int // calls and results without an id in this record
}

// begin makes s the session of the lines to come. What was known of another one is forgotten.
func (l *callLog) begin(s string) {
	known := &l.src.Known
	if s == "" || s == known.Session.ID {
		return
	}
	*known = schema.Action{}
	keep(&known.Session.ID, s)
	keep(&known.Session.ConversationID, s)
}

// scope is what short call ids are unique in: the session, or, in a log begun in the middle, the log.
func (l *callLog) scope() string {
	if s := l.src.Known.Session.ID; s != "" {
		return s
	}
	return l.in.Source.String()
}

func (l *callLog) key(call string) schema.ID { return callKey(l.family, l.scope(), call) }

// fragment starts a fragment with what is known of the session.
func (l *callLog) fragment(role schema.Role, call string) *schema.Fragment {
	f := newFragment(l.in, l.format, l.family, role)
	known := &l.src.Known
	name := orElse(l.agent, l.family)
	f.Event.Provider = name
	f.Session = known.Session
	f.Identity.ServiceName = name
	f.Identity.ServiceVersion = known.Identity.ServiceVersion
	f.Identity.AgentName = orElse(known.Identity.AgentName, name)
	f.Identity.AgentID = known.Identity.AgentID
	f.Command.CallID = call
	setTime(f, l.time)
	return f
}

// request starts the request of a tool with what is known of its model, directory and policy. arguments are an object,
// or the JSON text of one.
func (l *callLog) request(call, tool string, arguments value.Value) *schema.Fragment {
	f := l.fragment(schema.Request, call)
	known := &l.src.Known
	f.Identity.Model, f.Identity.ProviderName = known.Identity.Model, known.Identity.ProviderName
	f.Authorization.Mode, f.Authorization.Sandbox = known.Authorization.Mode, known.Authorization.Sandbox
	f.Infrastructure.GitBranch = known.Infrastructure.GitBranch
	f.Infrastructure.GitCommit = known.Infrastructure.GitCommit
	f.Infrastructure.GitRepository = known.Infrastructure.GitRepository
	f.Command.Cwd = known.Command.Cwd
	setTool(f, tool, arguments)
	return f
}

// setTool sets the tool of a fragment with its arguments; those of a shell are its command and directory.
func setTool(f *schema.Fragment, tool string, arguments value.Value) {
	doc := docOf(arguments)
	if s, ok := arguments.Str(); ok && strings.HasPrefix(strings.TrimSpace(s), "{") {
		if v, err := doc.ParseJSON(s); err == nil {
			arguments = v
		}
	}
	f.Command.Tool = tool
	action := callAction(tool, arguments)
	setKind(&f.Action, action)
	f.Command.ToolArguments = objectOf("arguments", arguments)
	if action != schema.ActionShell && action != schema.ActionMCP || !runsCommand(tool, arguments) {
		return
	}
	command := first(arguments, "command", "cmd")
	if command.Kind() == value.Array {
		f.Command.Args = list(command)
		f.Command.Line = commandLine(f.Command.Args)
	} else {
		f.Command.Line = str(command)
	}
	dirs := []string{"cwd", "workdir", "working_directory", "dir_path", "directory"}
	f.Command.Cwd = joinPath(f.Command.Cwd, str(first(arguments, dirs...)))
	f.Command.ToolArguments = without(arguments, func(k string) bool {
		return k == command.Key() || strings.Contains(" "+strings.Join(dirs, " ")+" ", " "+k+" ")
	})
}

// moreTools are names in which agents differ from those of toolAction.
var moreTools = map[string]string{
	"find": schema.ActionFileRead, "readfile": schema.ActionFileRead, "readmediafile": schema.ActionFileRead,
	"open_file": schema.ActionFileRead, "writefile": schema.ActionFileChange, "strreplacefile": schema.ActionFileChange,
	"searchweb": schema.ActionWebFetch, "fetchurl": schema.ActionWebFetch,
}

// callAction says what sort of action a call is. A tool nobody has heard of that takes a command, and is named after
// running one (run_terminal, shell_exec), is a shell.
func callAction(tool string, arguments value.Value) string {
	action := toolAction(tool)
	if action != schema.ActionTool {
		return action
	}
	if more, ok := moreTools[strings.ToLower(tool)]; ok {
		return more
	}
	if runsCommand(tool, arguments) {
		return schema.ActionShell
	}
	return action
}

// runsCommand says whether a tool runs the command among its arguments.
func runsCommand(tool string, arguments value.Value) bool {
	c := first(arguments, "command", "cmd")
	if c.Kind() != value.String && c.Kind() != value.Array {
		return false
	}
	if toolAction(tool) == schema.ActionShell {
		return true
	}
	tool = strings.ToLower(tool)
	for _, word := range []string{"shell", "bash", "terminal", "exec", "command"} {
		if strings.Contains(tool, word) {
			return true
		}
	}
	return false
}

// send identifies a fragment by its call and emits it. says is what its line tells, whatever was known before it.
func (l *callLog) send(f *schema.Fragment, says ...string) {
	if f.Command.CallID == "" {
		identifyByInput(f, l.in, l.n)
		l.n++
	} else {
		identifyLine(f, l.key(f.Command.CallID), append(says, f.Role.String())...)
	}
	l.emit(f)
}

// lone is the result of a call that nothing names: it is kept by itself, as a line of the log.
func (l *callLog) lone(f *schema.Fragment) {
	f.Role = schema.Whole
	f.Execution.End = time.Time{}
	setKind(&f.Action, schema.ActionLog)
	l.send(f)
}

// prompt keeps what a person or a model said.
func (l *callLog) prompt(who, said string) {
	if said == "" {
		return
	}
	f := l.fragment(schema.Whole, "")
	setKind(&f.Action, schema.ActionLog)
	f.Message = who + ": " + said
	identify(f, schema.MakeID(l.family, l.scope(), schema.FormatTime(l.time), f.Message))
	l.emit(f)
}

// outcome is success, or failure when failed.
func outcome(f *schema.Fragment, failed bool) {
	f.Event.Outcome = schema.OutcomeSuccess
	if failed {
		f.Event.Outcome = schema.OutcomeFailure
	}
}

// lastLine cuts a text before its last line that is not empty.
func lastLine(s string) (before, last string) {
	s = strings.TrimRight(s, " \r\n")
	i := strings.LastIndexByte(s, '\n')
	return strings.TrimRight(s[:i+1], "\r\n"), s[i+1:]
}

// exitAfter reads the code after a mark in a line.
func exitAfter(line, mark string) (int64, bool) {
	_, rest, ok := strings.Cut(line, mark)
	if !ok {
		return 0, false
	}
	return leadingInt(rest)
}

// texts joins the texts of blocks, of a string, or of {text}; anything else is given as JSON.
func texts(v value.Value) string {
	switch v.Kind() {
	case value.Missing, value.Null:
		return ""
	case value.Object:
		if s, ok := first(v, "text", "content", "output").Str(); ok {
			return s
		}
		return string(jsonOf(v))
	case value.String, value.Array:
		if s := contentText(v); s != "" || v.Kind() == value.String || !v.First().Exists() {
			return s
		}
		return string(jsonOf(v))
	}
	return v.String()
}

// itoa names the n-th of something.
func itoa(n int) string { return strconv.Itoa(n) }
