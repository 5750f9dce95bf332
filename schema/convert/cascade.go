package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Cascade, the agent of Windsurf, from which Antigravity's comes too. Its conversations are encrypted on the disk; two
// things tell of it. Made from the reference of its hooks and from public exports, both of 2025 and 2026.
//
//		{"agent_action_name":"pre_run_command","trajectory_id","execution_id","timestamp","model_name","tool_info":{…}}
//		    what a hook reads from its standard input, which people append to a file. tool_info is of
//		    run_command {"command_line","cwd"}, read_code {"file_path"}, write_code {"file_path","edits"}, mcp_tool_use
//		    {"mcp_server_name","mcp_tool_name","mcp_tool_arguments","mcp_result"}; pre_ is before, post_ after the action
//		{"trajectory":{"cascadeId","steps":[step,…]}}  {"steps":[…]}  or a step a line
//		    what the language server answers, as exporters save it. A step is {"type":"CORTEX_STEP_TYPE_RUN_COMMAND","status":
//		    "CORTEX_STEP_STATUS_DONE","metadata":{"createdAt","completedAt","toolCall":{"id","name","argumentsJson"}},
//		    "runCommand":{"commandLine","cwd","exitCode","combinedOutput":{"full"}}}
//
//	  - A hook names no call: before and after belong together when they are of the same turn and say the same; what has an
//	    after and no before is the whole action. Hooks tell no result but of MCP. That an action was blocked shows only as a
//	    before without an after.
//	  - A step that is waiting for the person, or was cancelled by them (STATUS_CANCELED), has not run. Who approved is not
//	    told: autoRunDecision and the like are kept as the program's word.
type cascade struct{}

const (
	cascadeName  = "cascade"
	windsurfName = "windsurf"
)

func (*cascade) Name() string { return cascadeName }

const cortexStep = "CORTEX_STEP_TYPE_"

func isCortexStep(v value.Value) bool {
	return strings.HasPrefix(str(v.Get("type")), cortexStep) && v.Get("status").Exists()
}

// cascadeSteps are the steps of an export.
func cascadeSteps(v value.Value) value.Value {
	if t := v.Get("trajectory"); t.Kind() == value.Object {
		v = t
	}
	if s := v.Get("steps"); s.Kind() == value.Array && isCortexStep(s.First()) {
		return s
	}
	return value.Value{}
}

// Keys of its objects.
func (*cascade) Keys() []string {
	return []string{"agent_action_name", "type status", "trajectory", "steps"}
}

func (*cascade) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	return v.Get("agent_action_name").Kind() == value.String && (v.Get("tool_info").Kind() == value.Object || v.Get("trajectory_id").Exists()) ||
		isCortexStep(v) || cascadeSteps(v).Exists()
}

func (*cascade) Convert(src *Source, in *Input, emit Emit) bool {
	l := cascadeLog{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: cascadeName, family: cascadeName, agent: windsurfName}}}
	v := in.Body
	if strings.Contains(in.Known.Infrastructure.LogPath, "antigravity") {
		l.agent = antigravityName
	}
	if action := str(v.Get("agent_action_name")); action != "" {
		l.hook(action, v)
		return true
	}
	if isCortexStep(v) {
		l.step(v, "")
		return true
	}
	t := v
	if inner := v.Get("trajectory"); inner.Kind() == value.Object {
		t = inner
	}
	l.begin(str(first(t, "cascadeId", "trajectoryId")))
	n := 0
	for s := cascadeSteps(v).First(); s.Exists(); s = s.Next() {
		l.step(s, itoa(n))
		n++
	}
	return true
}

// cascadeLog is one record while it is read.
type cascadeLog struct{ anyAgent }

// cascadeTools are the tools that the names of hooks stand for.
var cascadeTools = map[string]string{"run_command": "run_command", "execute_command": "run_command", "read_code": "view_file", "write_code": "write_to_file"}

// hook reads what a hook was told.
func (l *cascadeLog) hook(action string, v value.Value) {
	l.begin(str(v.Get("trajectory_id")))
	l.time = parseTime(v.Get("timestamp"))
	keep(&l.src.Known.Identity.Model, str(v.Get("model_name")))
	info := v.Get("tool_info")
	when, what, _ := strings.Cut(action, "_")
	tool, ok := cascadeTools[what]
	if !ok && what != "mcp_tool_use" || when != "pre" && when != "post" {
		return
	}
	f := l.request("", tool, info)
	f.Session.Turn = str(v.Get("execution_id"))
	l.hookCall(f, what, info)
	f.Key = l.in.ID()
	queue := callQueue{l.src, schema.MakeID("cascade hook", l.scope(), f.Session.Turn, what, f.Command.Tool, f.Command.Line, string(f.Command.ToolArguments))}
	if when == "pre" {
		f.ID = schema.MakeID(f.Key.String(), action)
		queue.push(f.Key)
		l.emit(f)
		return
	}
	f.Role, f.Execution.Start = schema.Whole, time.Time{} // when it began, the hook before it knows
	if key, ok := queue.pop(); ok {
		f.Role, f.Key = schema.Result, key
	}
	setTime(f, l.time)
	if r := info.Get("mcp_result"); r.Exists() {
		setStdout(&f.Execution, texts(r))
	}
	f.ID = schema.MakeID(l.in.ID().String(), action)
	l.emit(f)
}

// hookCall sets what the action of a hook is.
func (l *cascadeLog) hookCall(f *schema.Fragment, what string, info value.Value) {
	switch what {
	case "run_command", "execute_command":
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = str(first(info, "command_line", "command"))
		f.Command.Cwd = joinPath(f.Command.Cwd, str(info.Get("cwd")))
		f.Command.ToolArguments = without(info, func(k string) bool { return k == "command_line" || k == "command" || k == "cwd" })
	case "mcp_tool_use":
		setKind(&f.Action, schema.ActionMCP)
		f.Command.Tool = "mcp__" + str(info.Get("mcp_server_name")) + "__" + str(info.Get("mcp_tool_name"))
		f.Command.ToolArguments = objectOf("arguments", info.Get("mcp_tool_arguments"))
	}
}

// step reads a step: the call and, when it is over, its result. place is its number in an export.
func (l *cascadeLog) step(s value.Value, place string) {
	typ := strings.TrimPrefix(str(s.Get("type")), cortexStep)
	action := antigravitySteps[typ]
	if action == "" && strings.HasPrefix(typ, "BROWSER_") {
		action = schema.ActionWebFetch
	}
	if action == "" {
		return
	}
	meta := s.Get("metadata")
	body := s.Get(lowerCamel(typ))
	call := meta.Get("toolCall")
	l.time = parseTime(first(meta, "createdAt", "viewableAt"))
	f := l.request(str(call.Get("id")), orElse(str(call.Get("name")), strings.ToLower(typ)), first(call, "argumentsJson", "arguments"))
	setKind(&f.Action, action)
	switch action {
	case schema.ActionShell:
		f.Command.Line = orElse(str(first(body, "commandLine", "proposedCommandLine", "command")), f.Command.Line)
		f.Command.Cwd = joinPath(f.Command.Cwd, filePath(str(first(body, "cwd", "workingDirectory"))))
	case schema.ActionMCP:
		f.Command.Tool = "mcp__" + str(first(body, "serverName", "serverId")) + "__" + orElse(str(body.Get("toolCall", "name")), f.Command.Tool)
	}
	if f.Command.ToolArguments == "" {
		f.Command.ToolArguments = objectOf("arguments", first(body.Get("toolCall"), "argumentsJson"))
	}
	key := l.key(f.Command.CallID)
	if f.Command.CallID == "" {
		key = schema.MakeID(l.family, l.scope(), place, l.in.ID().String())
	}
	identifyLine(f, key, "call", f.Command.Line, string(f.Command.ToolArguments))
	l.emit(f)
	l.stepResult(s, key, body, f.Command.CallID, action)
}

// stepResult reads how a step ended, if it has.
func (l *cascadeLog) stepResult(s value.Value, key schema.ID, body value.Value, call, action string) {
	status := strings.TrimPrefix(str(s.Get("status")), "CORTEX_STEP_STATUS_")
	switch status {
	case "DONE", "ERROR", "CANCELED", "CANCELLED", "INTERRUPTED", "CLEARED", "HALTED":
	default:
		return
	}
	l.time = parseTime(first(s.Get("metadata"), "completedAt", "finishedAt"))
	f := l.fragment(schema.Result, call)
	if out := cascadeOutput(body); out.Exists() {
		setStdout(&f.Execution, texts(out))
	}
	if e := str(body.Get("stderr")); e != "" {
		setStderr(&f.Execution, e)
	}
	switch status {
	case "DONE":
		if action != schema.ActionShell {
			f.Event.Outcome = schema.OutcomeSuccess
		}
	case "ERROR":
		f.Event.Outcome = schema.OutcomeFailure
		e := s.Get("error")
		f.Error.Message = orElse(str(first(e, "userErrorMessage", "shortError", "message")), str(e))
	default:
		f.Event.Outcome = schema.OutcomeUnknown
		f.Execution.Interrupted = true
	}
	if code, ok := body.Get("exitCode").Int(); ok && action == schema.ActionShell {
		setExit(f, code)
	}
	identifyLine(f, key, "result", status, string(jsonOf(body)))
	l.emit(f)
}

// cascadeOutput is what a step gave back.
func cascadeOutput(body value.Value) value.Value {
	for _, k := range []string{"combinedOutput", "renderedOutput"} {
		if out := body.Get(k, "full"); out.Exists() {
			return out
		}
	}
	return first(body, "stdout", "renderedOutput", "resultString", "content", "rawContent", "output")
}

// lowerCamel is RUN_COMMAND as runCommand.
func lowerCamel(s string) string {
	parts := strings.Split(strings.ToLower(s), "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}
