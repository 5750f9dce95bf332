package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Gemini CLI: chats in ~/.gemini/tmp/<project>/chats/, the output of --output-format stream-json, and single records of
// its telemetry. Made from chats of December 2025 to 2026, and from the sources of 0.40.
//
//		chat     {"sessionId","projectHash","startTime","kind","messages":[M,…]}: session-*.json, one document
//		lines    {"sessionId","projectHash","startTime",…}, M, …, {"$set":{…}}, {"$rewindTo": id}: session-*.jsonl since 0.40.
//		         $set may hold messages again; a message is written again whenever something is added to it.
//		M        {"id","timestamp","type":"gemini","model","toolCalls":[{"id","name","args","status":"success"|"error"|
//		         "cancelled","timestamp","result":[{"functionResponse":{"response":{"output"|"error"}}}]}]}
//		stream   {"type":"init","session_id","model"}, {"type":"tool_use","tool_name","tool_id","parameters"},
//		         {"type":"tool_result","tool_id","status","output","error":{"type","message"}}, message, error, result
//		record   {"attributes":{"event.name":"gemini_cli.tool_call","function_name","function_args","duration_ms","success",
//		         "decision":"accept"|"reject"|"modify"|"auto_accept","session.id","prompt_id"}}
//
//	  - A call is written when it is over: M's time is that of the request, the call's own that of its result.
//	  - The result of a shell is a text, see geminiShell. "success" says that the tool worked, not the command.
//	  - cancelled: refused by the person when the reason says so (geminiDenials), else interrupted.
//	  - The directory is told only when the model named one, mostly relative to a project whose place is not told: an
//	    absolute one counts. Neither user nor host is told; who approved is in the telemetry alone, which has no call ids.
//	  - Ids of calls have a time in them; those of older builds (run_shell_command-1) count within a session.
type gemini struct{ prompts bool }

const geminiName = "gemini-cli"

func (*gemini) Name() string { return geminiName }

var (
	geminiPlain  = set("id timestamp type content displayContent")
	geminiSaid   = set("type timestamp role content delta")
	geminiOthers = set("user info error warning model")
)

// onlyKeys says whether an object has no members but those.
func onlyKeys(v value.Value, keys map[string]bool) bool {
	for c := v.First(); c.Exists(); c = c.Next() {
		if !keys[c.Key()] {
			return false
		}
	}
	return true
}

// Keys of its objects.
func (*gemini) Keys() []string {
	return []string{
		"sessionId projectHash", "sessionId messages startTime", "$set", "$rewindTo", "attributes", "type id",
		"type tool_id", "type session_id model", "type stats timestamp", "type timestamp role content",
	}
}

func (*gemini) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("uuid").Exists() {
		return false
	}
	typ := str(v.Get("type"))
	switch {
	case v.Get("sessionId").Kind() == value.String:
		return v.Get("projectHash").Exists() || v.Get("messages").Kind() == value.Array && v.Get("startTime").Exists()
	case v.Get("$set").Kind() == value.Object || v.Get("$rewindTo").Kind() == value.String:
		return onlyKeys(v, set("$set $rewindTo"))
	case strings.HasPrefix(str(v.Get("attributes", "event.name")), "gemini_cli."):
		return true
	case typ == "gemini":
		return v.Get("id").Exists()
	case typ == "tool_use" || typ == "tool_result":
		return v.Get("tool_id").Exists()
	case typ == "init":
		return v.Get("session_id").Exists() && v.Get("model").Exists() && !v.Get("subtype").Exists()
	case typ == "message":
		return v.Get("timestamp").Exists() && v.Get("role").Exists() && v.Get("content").Kind() == value.String && onlyKeys(v, geminiSaid)
	case typ == "result":
		return v.Get("stats").Kind() == value.Object && v.Get("timestamp").Exists()
	case geminiOthers[typ]:
		return v.Get("id").Exists() && v.Get("timestamp").Exists() && v.Get("content").Exists() && onlyKeys(v, geminiPlain)
	}
	return false
}

func (c *gemini) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := geminiLog{src: src, in: in, emit: emit, prompts: c.prompts}
	switch typ := str(v.Get("type")); {
	case v.Get("sessionId").Kind() == value.String:
		l.head(str(v.Get("sessionId")), v)
		l.messages(v.Get("messages"))
	case v.Get("$set").Kind() == value.Object:
		set := v.Get("$set")
		l.head(orElse(str(set.Get("sessionId")), src.Known.Session.ID), set)
		l.messages(set.Get("messages"))
	case v.Get("attributes").Kind() == value.Object:
		l.record(v)
	case typ == "init":
		l.head(str(v.Get("session_id")), v)
		src.Known.Session.Type = "exec"
		keep(&src.Known.Identity.Model, str(v.Get("model")))
	case typ == "tool_use":
		l.call(geminiCall{
			id: str(v.Get("tool_id")), name: str(v.Get("tool_name")), args: v.Get("parameters"),
			asked: parseTime(v.Get("timestamp")), model: src.Known.Identity.Model,
		})
	case typ == "tool_result":
		l.streamResult(v)
	default:
		l.message(v)
	}
	return true
}

// geminiLog is one record while it is read.
type geminiLog struct {
	src     *Source
	in      *Input
	emit    Emit
	prompts bool
}

func (l *geminiLog) head(session string, v value.Value) {
	known := &l.src.Known
	if session == "" {
		return
	}
	if known.Session.ID != session {
		*known = schema.Action{}
		keep(&known.Session.ID, session)
		keep(&known.Session.ConversationID, session)
	}
	if t := parseTime(v.Get("startTime")); !t.IsZero() {
		known.Session.Start = t
	}
	if str(v.Get("kind")) == "subagent" {
		known.Session.Type = "subagent"
	}
}

func (l *geminiLog) fragment(role schema.Role, at time.Time) *schema.Fragment {
	f := newFragment(l.in, geminiName, geminiName, role)
	f.Session = l.src.Known.Session
	f.Identity.ServiceName, f.Identity.AgentName = geminiName, geminiName
	setTime(f, at)
	return f
}

func (l *geminiLog) messages(list value.Value) {
	for m := list.First(); m.Exists(); m = m.Next() {
		l.message(m)
	}
}

func (l *geminiLog) message(m value.Value) {
	asked, model := parseTime(m.Get("timestamp")), str(m.Get("model"))
	if m.Get("toolCalls").Kind() == value.Array {
		for c := m.Get("toolCalls").First(); c.Exists(); c = c.Next() {
			call := geminiCall{id: str(c.Get("id")), name: str(c.Get("name")), args: c.Get("args"), asked: asked, model: model}
			l.call(call)
			l.result(call, c)
		}
	}
	said, typ := contentText(m.Get("content")), str(m.Get("type"))
	if !l.prompts || said == "" || typ != "user" && typ != "gemini" && typ != "message" {
		return
	}
	f := l.fragment(schema.Whole, asked)
	setKind(&f.Action, schema.ActionLog)
	f.Message = orElse(str(m.Get("role")), typ) + ": " + said
	identify(f, schema.MakeID(geminiName, l.src.Known.Session.ID, m.Get("id").String(), schema.FormatTime(asked)), f.Message)
	l.emit(f)
}

// geminiCall is a tool call of either log.
type geminiCall struct {
	id, name, model string
	args            value.Value
	asked           time.Time
}

// geminiKey identifies a call. An id is unique in the world by what follows the tool's name in it.
func geminiKey(family, session, id string) schema.ID {
	rest := strings.TrimLeft(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-")
	if len(rest) >= 12 {
		return schema.MakeID(family, id)
	}
	return schema.MakeID(family, session, id)
}

func (l *geminiLog) key(c geminiCall) schema.ID {
	if c.id == "" {
		return schema.MakeID(geminiName, l.src.Known.Session.ID, schema.FormatTime(c.asked), c.name, string(jsonOf(c.args)))
	}
	return geminiKey(geminiName, l.src.Known.Session.ID, c.id)
}

func (l *geminiLog) call(c geminiCall) {
	f := l.fragment(schema.Request, c.asked)
	f.Command.Tool, f.Command.CallID, f.Identity.Model = c.name, c.id, c.model
	geminiArguments(f, c.args, "")
	key := l.key(c)
	if f.Event.Action == schema.ActionShell {
		l.src.Link("shell "+key.String(), key)
	}
	identify(f, key, c.name, string(jsonOf(c.args)))
	l.emit(f)
}

// geminiArguments reads a tool and its arguments. cwd is the directory of the session, where it is known.
func geminiArguments(f *schema.Fragment, args value.Value, cwd string) {
	action := toolAction(f.Command.Tool)
	if args.Get("mcpServer").Exists() || strings.HasPrefix(f.Command.Tool, "mcp_") {
		action = schema.ActionMCP
	}
	setKind(&f.Action, action)
	f.Command.ToolArguments = objectOf("args", args)
	line, ok := args.Get("command").Str()
	if action != schema.ActionShell || !ok {
		return
	}
	f.Command.Line = line
	dir := str(first(args, "dir_path", "directory"))
	if cwd == "" && !absolute(dir) {
		dir = ""
	}
	f.Command.Cwd = joinPath(cwd, dir)
	f.Command.ToolArguments = without(args, func(k string) bool { return k == "command" })
}

// absolute says whether a path is, in the terms of either system.
func absolute(path string) bool {
	return strings.HasPrefix(path, "/") || strings.HasPrefix(path, `\\`) || len(path) > 2 && path[1] == ':' && strings.ContainsAny(path[2:3], `/\`)
}

// result reads a call that is over.
func (l *geminiLog) result(c geminiCall, v value.Value) {
	status := str(v.Get("status"))
	if status != "success" && status != "error" && status != "cancelled" && !v.Get("result").First().Exists() {
		return
	}
	f := l.fragment(schema.Result, parseTime(v.Get("timestamp")))
	f.Command.CallID = c.id
	key := l.key(c)
	_, shell := l.src.Take("shell " + key.String())
	output, failure := geminiResponse(v.Get("result"))
	geminiOutcome(f, status, output, failure, shell)
	identifyLine(f, key, status, output, failure)
	l.emit(f)
}

// geminiResponse is what the model got: of its parts, the responses.
func geminiResponse(v value.Value) (output, failure string) {
	if s, ok := v.Str(); ok {
		return s, ""
	}
	if v.Kind() == value.Object {
		r := v.Get("functionResponse", "response")
		if !r.Exists() {
			r = v.Get("response")
		}
		o := first(r, "output", "content", "result")
		if s := contentText(o); s != "" || o.Kind() == value.String || !o.Exists() {
			return s, contentText(r.Get("error"))
		}
		return string(jsonOf(o)), contentText(r.Get("error"))
	}
	for p := v.First(); p.Exists(); p = p.Next() {
		o, f := geminiResponse(p)
		if o != "" || f != "" {
			return o, f
		}
	}
	return "", ""
}

// geminiDenials are the words for a refusal, and who refused. They follow "[Operation Cancelled] Reason: ", or begin.
var geminiDenials = []struct{ prefix, source string }{
	{"User denied", "user"},
	{"User did not allow tool call", "user"},
	{"Denied", "user"},
	{"User rejected", "user"},
	{"Tool execution denied by policy", "policy"},
	{"Tool execution for ", "config"}, // "… requires user confirmation, which is not supported in non-interactive mode."
}

// geminiOutcome puts status and texts of a result into a fragment.
func geminiOutcome(f *schema.Fragment, status, output, failure string, shell bool) {
	said := strings.TrimPrefix(orElse(failure, output), "[Operation Cancelled] Reason: ")
	if status != "success" {
		for _, d := range geminiDenials {
			if strings.HasPrefix(said, d.prefix) && (d.source != "config" || strings.Contains(said, "requires user confirmation")) {
				deny(f, d.source, orElse(status, "denied"), said)
				return
			}
		}
	}
	switch {
	case status == "cancelled":
		f.Execution.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
		setStdout(&f.Execution, output)
		return
	case status == "error" || failure != "":
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = said
		if output != "" {
			setStdout(&f.Execution, output)
		}
		return
	case shell:
		geminiShell(f, output)
		return
	}
	f.Event.Outcome = schema.OutcomeSuccess
	setStdout(&f.Execution, output)
}

// geminiLabels begin the last lines of a shell's result, after the output.
var geminiLabels = []string{"Process Group PGID: ", "Background PIDs: ", "Signal: ", "Exit Code: ", "Error: ", "Stderr: "}

// geminiShell reads the result of a shell:
//
//	[Command: …⏎Directory: (root)|…⏎]Output: …⏎[Error: …⏎][Exit Code: N⏎][Signal: …⏎][Background PIDs: …⏎]Process Group PGID: N
//
// Older builds have all lines, with (none) and (empty); newer ones leave out what says nothing, so that no exit code
// means 0. A command that printed nothing but such lines cannot be told from the tool's own. Other texts are about
// commands that were stopped or went to the background.
func geminiShell(f *schema.Fragment, text string) {
	e := &f.Execution
	switch {
	case strings.HasPrefix(text, "Command was cancelled by user"):
		e.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
	case strings.HasPrefix(text, "Command was automatically cancelled because it exceeded the timeout"), strings.HasPrefix(text, "Command timed out"):
		e.TimedOut = true
		f.Event.Outcome = schema.OutcomeFailure
	case strings.HasPrefix(text, "Command moved to background"), strings.HasPrefix(text, "Background command started"):
		f.Role = schema.Decision // the call has returned, the command has not
		e.Background, e.End = true, time.Time{}
		f.Event.Outcome = schema.OutcomeUnknown
		return
	default:
		geminiLines(f, text)
		return
	}
	_, out, _ := strings.Cut(text, "Below is the output before it was cancelled:")
	setStdout(e, strings.TrimLeft(out, "\n "))
}

func geminiLines(f *schema.Fragment, text string) {
	e := &f.Execution
	if !strings.Contains(text, "\n") { // some writers escape twice
		text = strings.ReplaceAll(text, `\n`, "\n")
	}
	body, found := text, map[string]string{}
	for {
		rest, line, ok := cutLast(body, "\n")
		if !ok {
			break
		}
		label := ""
		for _, l := range geminiLabels {
			if strings.HasPrefix(line, l) {
				label = l
			}
		}
		if _, twice := found[label]; label == "" || twice {
			break
		}
		found[label], body = strings.TrimSpace(line[len(label):]), rest
	}
	if strings.HasPrefix(body, "Command: ") {
		if _, after, ok := strings.Cut(body, "\nDirectory: "); ok {
			dir, out, _ := strings.Cut(after, "\n")
			if absolute(dir) {
				f.Command.Cwd = dir
			}
			body = out
		}
	}
	out, own := strings.CutPrefix(body, "Output: ")
	if !own {
		out, own = strings.CutPrefix(body, "Stdout: ")
	}
	if !own && len(found) == 0 {
		setStdout(e, text) // a summary, or a form that is not known: how it ended is not told
		return
	}
	if out == "(empty)" || out == "(none)" {
		out = ""
	}
	setStdout(e, out)
	if s := found["Stderr: "]; s != "" && s != "(empty)" && s != "(none)" {
		setStderr(e, s)
	}
	failure, signal, code := found["Error: "], found["Signal: "], found["Exit Code: "]
	if failure != "" && failure != "(none)" {
		f.Error.Message = failure
		f.Event.Outcome = schema.OutcomeFailure
	}
	if n, ok := leadingInt(code); ok {
		setExit(f, n)
		return
	}
	if signal != "" && signal != "(none)" && signal != "0" {
		f.Event.Outcome = schema.OutcomeFailure
		return
	}
	if f.Event.Outcome == "" && code == "" {
		setExit(f, 0)
	}
}

func (l *geminiLog) streamResult(v value.Value) {
	c := geminiCall{id: str(v.Get("tool_id"))}
	f := l.fragment(schema.Result, parseTime(v.Get("timestamp")))
	f.Command.CallID = c.id
	key := l.key(c)
	if c.id == "" {
		key = schema.MakeID(geminiName, l.in.ID().String())
	}
	_, shell := l.src.Take("shell " + key.String())
	output, failure, status := contentText(v.Get("output")), str(v.Get("error", "message")), str(v.Get("status"))
	if strings.HasPrefix(failure, "[Operation Cancelled]") && status == "error" {
		status = "cancelled"
	}
	geminiOutcome(f, status, output, failure, false)
	f.Error.Type = str(v.Get("error", "type"))
	if shell && f.Event.Outcome == schema.OutcomeSuccess {
		f.Event.Outcome = "" // the tool's, not the command's
		if code, ok := leadingInt(strings.TrimPrefix(output, "Command exited with code:")); ok && strings.HasPrefix(output, "Command exited with code:") {
			setExit(f, code)
		}
	}
	identifyLine(f, key, str(v.Get("status")), output, failure)
	l.emit(f)
}

// record reads a record of the telemetry: a whole call, with what was decided, but without an id.
func (l *geminiLog) record(v value.Value) {
	a := v.Get("attributes")
	if str(a.Get("event.name")) != "gemini_cli.tool_call" {
		return
	}
	at := parseTime(first(a, "event.timestamp", "start_time"))
	f := l.fragment(schema.Whole, at)
	f.Session.ID = orElse(str(a.Get("session.id")), f.Session.ID)
	f.Session.ConversationID = f.Session.ID
	f.Session.Turn = str(a.Get("prompt_id"))
	f.Identity.UserEmail = str(a.Get("user.email"))
	f.Command.Tool = str(a.Get("function_name"))
	doc := docOf(a)
	args, err := doc.ParseJSON(str(a.Get("function_args")))
	if err != nil {
		args = a.Get("function_args")
	}
	geminiArguments(f, args, "")
	if str(a.Get("tool_type")) == "mcp" {
		setKind(&f.Action, schema.ActionMCP)
	}
	f.Execution.Duration = scaled(a.Get("duration_ms"), time.Millisecond)
	f.Execution.Start, f.Execution.End = parseTime(a.Get("start_time")), parseTime(a.Get("end_time"))
	f.Error.Message, f.Error.Type = str(a.Get("error")), str(a.Get("error_type"))
	success := a.Get("success")
	if !success.Bool() && success.String() != "true" {
		f.Event.Outcome = schema.OutcomeFailure
	} else if f.Event.Action != schema.ActionShell {
		f.Event.Outcome = schema.OutcomeSuccess
	}
	switch d := str(a.Get("decision")); d {
	case "reject":
		deny(f, "user", d, "")
	case "accept", "modify":
		f.Authorization.Decision, f.Authorization.Source, f.Authorization.Raw = schema.Approved, "user", d
	case "auto_accept":
		f.Authorization.Decision, f.Authorization.Raw = schema.AutoApproved, d
	}
	key := schema.MakeID(geminiName, "tool_call", f.Session.ID, schema.FormatTime(at), f.Command.Tool, string(jsonOf(args)))
	if at.IsZero() {
		key = schema.MakeID(geminiName, "tool_call", l.in.ID().String())
	}
	identify(f, key, string(jsonOf(a)))
	l.emit(f)
}
