package convert

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Codex rollouts: ~/.codex/sessions/YYYY/MM/DD/rollout-<time>-<uuid>.jsonl. Made from August 2025 (no version) to 0.146
// (August 2026). Four generations, and the output of `codex exec --json`:
//
//	a  {id,timestamp,instructions,git}, then bare items {type:function_call,…} without times, {record_type:state}
//	b  {timestamp,type,payload}: session_meta, turn_context, response_item, event_msg, compacted, world_state
//	c  as b, with exec_command and write_stdin, and events such as exec_command_end and guardian_assessment
//	d  as c, with ordinal, and event_msg{type:item_completed,item:{type:CommandExecution,…}}: see codex_items.go
//	e  {type:thread.started,thread_id}, {type:item.started|item.completed,item:{id,type,…}}; older {id,msg:{type,…}}
//
// Calls and results:
//
//	function_call{name,arguments: JSON text,call_id}   shell{command:[argv],workdir,…} shell_command{command,workdir}
//	    exec_command{cmd,workdir} write_stdin{session_id,chars} apply_patch{input} and MCP tools (mcp__server__tool)
//	custom_tool_call{name: apply_patch|exec|shell,input: text,call_id}; exec is a script, whose commands have events of
//	    their own; shell's text is JSON
//	local_shell_call{call_id,action:{command:[argv],working_directory,env}}
//	function_call_output|custom_tool_call_output{call_id,output}: see codexOutput for what output looks like
//	exec_command_end{call_id,command,cwd,stdout,stderr,exit_code,duration,status} mcp_tool_call_end patch_apply_end
//	guardian_assessment{target_item_id,status,rationale}: the automatic reviewer's decision
//
// A command that outlives its call ("Process running with session ID N") is followed through write_stdin: its exit code
// comes in the output of a later write_stdin of that session, and is a result of the first call. Typed text is an action
// of its own; a write_stdin without text only asks for output, and is none.
//
// What the rollouts do not say: who approved (approval requests and answers are not written; the policy in force is),
// the user, the host. Standard output and error are one text, but for the newer events.
type codex struct{ prompts bool }

const codexName = "codex"

func (*codex) Name() string { return codexName }

var (
	codexEnvelopes = set(`session_meta turn_context response_item event_msg compacted world_state fork_reference
		inter_agent_communication_metadata`)
	codexBare = set(`function_call function_call_output custom_tool_call custom_tool_call_output local_shell_call
		local_shell_call_output web_search_call reasoning ghost_snapshot`)
	codexStream = set("thread.started turn.started turn.completed turn.failed item.started item.updated item.completed")
)

// Keys of its objects.
func (*codex) Keys() []string {
	return []string{"type", "record_type", "msg id", "id timestamp instructions"}
}

func (*codex) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	typ := str(v.Get("type"))
	switch {
	case v.Get("payload").Kind() == value.Object:
		return codexEnvelopes[typ]
	case codexStream[typ]:
		return true
	case codexBare[typ]:
		return v.Get("call_id").Exists() || typ == "reasoning" && v.Get("summary").Exists() || v.Get("ghost_commit").Exists() || v.Get("action").Exists()
	case typ == "message":
		return v.Get("role").Exists() && v.Get("content").Kind() == value.Array && !v.Get("sessionId").Exists() && !v.Get("timestamp").Exists()
	case str(v.Get("record_type")) == "state":
		return true
	case typ == "" && v.Get("msg", "type").Kind() == value.String:
		return v.Get("id").Exists()
	}
	return typ == "" && v.Get("id").Exists() && v.Get("timestamp").Exists() && v.Get("instructions").Exists()
}

func (c *codex) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := codexLine{src: src, in: in, emit: emit, item: v, time: parseTime(v.Get("timestamp"))}
	typ := str(v.Get("type"))
	switch p := v.Get("payload"); {
	case p.Kind() == value.Object:
		l.item = p
		switch typ {
		case "session_meta":
			l.meta(p)
		case "turn_context":
			l.context(p)
		case "response_item", "event_msg":
			l.any()
		}
	case codexStream[typ]:
		l.stream(typ)
	case v.Get("msg").Kind() == value.Object:
		l.item, l.live = v.Get("msg"), true
		l.any()
	case typ == "" && v.Get("id").Exists():
		l.meta(v)
	default:
		l.any()
	}
	if c.prompts {
		l.prompt()
	}
	return true
}

// codexLine is one line while it is read.
type codexLine struct {
	src  *Source
	in   *Input
	emit Emit
	item value.Value
	time time.Time
	live bool   // output of `codex exec --json`: events only, no items
	call string // id of the call, where the item names it otherwise than by call_id
}

// meta reads the head of a log. A fork's log repeats its parent's lines, with the parent's head among them: that one
// changes nothing.
func (l *codexLine) meta(p value.Value) {
	known := &l.src.Known
	id := str(first(p, "id", "session_id"))
	if id == "" || id == known.Session.ParentID {
		return
	}
	if known.Session.ID != id {
		*known = schema.Action{}
	}
	keep(&known.Session.ID, id)
	keep(&known.Session.ConversationID, id)
	known.Session.Start = parseTime(p.Get("timestamp"))
	if known.Session.Start.IsZero() {
		known.Session.Start = l.time
	}
	keep(&known.Identity.ServiceVersion, str(p.Get("cli_version")))
	keep(&l.src.Version, str(p.Get("cli_version")))
	keep(&known.Command.Cwd, str(p.Get("cwd")))
	keep(&known.Identity.ProviderName, str(p.Get("model_provider")))
	keep(&known.Infrastructure.GitCommit, str(p.Get("git", "commit_hash")))
	keep(&known.Infrastructure.GitBranch, str(p.Get("git", "branch")))
	keep(&known.Infrastructure.GitRepository, str(p.Get("git", "repository_url")))
	keep(&known.Session.ParentID, str(p.Get("forked_from_id")))
	l.origin(p)
}

// origin reads how the session was started: source is a word, or for subagents {subagent: word or {thread_spawn:
// {parent_thread_id, agent_nickname, agent_role}}}.
func (l *codexLine) origin(p value.Value) {
	known := &l.src.Known
	keep(&known.Identity.AgentName, codexName)
	source := p.Get("source")
	if sub := source.Get("subagent"); sub.Exists() {
		known.Session.Type = "subagent"
		keep(&known.Identity.AgentID, known.Session.ID)
		spawn := sub.Get("thread_spawn")
		keep(&known.Session.ParentID, str(spawn.Get("parent_thread_id")))
		keep(&known.Identity.AgentName, orElse(str(sub), str(first(spawn, "agent_role", "agent_nickname"))))
		return
	}
	switch by := orElse(str(source), str(p.Get("originator"))); by {
	case "cli", "codex_cli_rs", "codex-tui":
		known.Session.Type = "interactive"
	case "exec", "codex_exec":
		known.Session.Type = "exec"
	case "vscode", "codex_vscode":
		known.Session.Type = "ide"
	default:
		keep(&known.Session.Type, by)
	}
}

// context reads what holds for a turn: model, directory and policies.
func (l *codexLine) context(p value.Value) {
	known := &l.src.Known
	keep(&known.Command.Cwd, str(p.Get("cwd")))
	keep(&known.Identity.Model, str(p.Get("model")))
	keep(&known.Session.Turn, str(p.Get("turn_id")))
	if policy := p.Get("approval_policy"); policy.Kind() == value.Object { // {granular: {…}}
		keep(&known.Authorization.Mode, policy.First().Key())
	} else {
		keep(&known.Authorization.Mode, policy.String())
	}
	if s := p.Get("sandbox_policy"); s.Kind() == value.Object {
		keep(&known.Authorization.Sandbox, str(first(s, "type", "mode")))
	} else {
		keep(&known.Authorization.Sandbox, str(s))
	}
}

// environment reads the same from the text that older versions put before the first prompt.
func (l *codexLine) environment(text string) {
	known := &l.src.Known
	for _, e := range []struct {
		to         *string
		name, line string
	}{
		{&known.Command.Cwd, "cwd", "Current working directory: "},
		{&known.Authorization.Mode, "approval_policy", "Approval policy: "},
		{&known.Authorization.Sandbox, "sandbox_mode", "Sandbox mode: "},
	} {
		if v := element(text, e.name); v != "" {
			keep(e.to, v)
		} else if _, v, ok := strings.Cut(text, "\n"+e.line); ok {
			v, _, _ = strings.Cut(v, "\n")
			keep(e.to, v)
		}
	}
}

// any reads an item or an event; both may come in either envelope.
func (l *codexLine) any() {
	switch p := l.item; str(p.Get("type")) {
	case "message":
		if text := contentText(p.Get("content")); strings.HasPrefix(text, "<environment_context>") {
			l.environment(text)
		}
	case "function_call":
		l.functionCall()
	case "custom_tool_call":
		l.customCall()
	case "local_shell_call":
		l.localShell()
	case "tool_call":
		l.toolCall()
	case "web_search_call":
		l.webSearch()
	case "function_call_output", "custom_tool_call_output", "local_shell_call_output":
		l.output()
	case "tool_result":
		l.toolResult()
	case "exec_command_begin":
		l.execBegin()
	case "exec_command_end":
		l.execEnd()
	case "mcp_tool_call_end":
		l.mcpEnd()
	case "patch_apply_end":
		l.patchEnd()
	case "guardian_assessment":
		l.assessment()
	case "exec_approval_request", "apply_patch_approval_request":
		l.asked()
	case "item_started", "item_completed":
		l.turnItem(str(p.Get("type")), p.Get("item"))
	case "dynamic_tool_call_response", "collab_agent_spawn_end", "collab_agent_interaction_end", "collab_waiting_end",
		"collab_close_end", "collab_resume_end":
		l.toolEnd()
	default:
		l.unknown(str(p.Get("type")))
	}
}

// unknown reads calls and outputs of types that are newer than this converter: they have a call_id and a telling name.
func (l *codexLine) unknown(typ string) {
	if tool, ok := strings.CutSuffix(typ, "_call"); ok && l.callID() != "" {
		f := l.request(orElse(str(l.item.Get("name")), tool))
		f.Command.ToolArguments = objectOf("arguments", first(l.item, "arguments", "input", "action"))
		l.send(f, string(jsonOf(l.item)))
	} else if strings.HasSuffix(typ, "_output") {
		l.output()
	}
}

// fragment starts a fragment with what is known of the session.
func (l *codexLine) fragment(role schema.Role) *schema.Fragment {
	f := newFragment(l.in, codexName, codexName, role)
	known := &l.src.Known
	f.Session = known.Session
	f.Identity.ServiceName = codexName
	f.Identity.ServiceVersion = known.Identity.ServiceVersion
	f.Identity.AgentName = orElse(known.Identity.AgentName, codexName)
	f.Identity.AgentID = known.Identity.AgentID
	f.Command.CallID = l.callID()
	if turn := str(l.item.Get("turn_id")); turn != "" {
		f.Session.Turn = turn
	}
	setTime(f, l.time)
	return f
}

func (l *codexLine) callID() string {
	return orElse(l.call, str(first(l.item, "call_id", "callId")))
}

func (l *codexLine) key(call string) schema.ID {
	return callKey(codexName, l.src.Known.Session.ID, call)
}

// request starts the request of a tool.
func (l *codexLine) request(tool string) *schema.Fragment {
	f := l.fragment(schema.Request)
	f.Command.Tool = tool
	l.policy(f)
	setKind(&f.Action, codexAction(tool))
	return f
}

// codexProvider is who served the model; logs that do not name it used OpenAI's if the model is one of theirs.
func codexProvider(known *schema.Action) string {
	m := known.Identity.Model
	if known.Identity.ProviderName == "" && (strings.HasPrefix(m, "gpt-") || strings.HasPrefix(m, "o3") || strings.HasPrefix(m, "o4") || strings.HasPrefix(m, "codex-")) {
		return "openai"
	}
	return known.Identity.ProviderName
}

// codexAction knows MCP tools also by their older names, server__tool.
func codexAction(tool string) string {
	action := toolAction(tool)
	if action == schema.ActionTool && strings.Contains(strings.Trim(tool, "_"), "__") {
		return schema.ActionMCP
	}
	return action
}

// send identifies a request and emits it.
func (l *codexLine) send(f *schema.Fragment, says ...string) {
	if f.Command.CallID == "" {
		identifyByInput(f, l.in, 0)
	} else {
		identify(f, l.key(f.Command.CallID), append(says, f.Command.Tool)...)
		l.src.Link("call "+f.Key.String(), f.Key)
	}
	l.emit(f)
}

func (l *codexLine) functionCall() {
	name, text := str(l.item.Get("name")), str(l.item.Get("arguments"))
	if space := str(l.item.Get("namespace")); space != "" && !strings.HasPrefix(name, space) {
		name = space + "__" + name
	}
	doc := docOf(l.item)
	args, err := doc.ParseJSON(text)
	if err != nil {
		args = doc.Text(text)
	}
	if name == "write_stdin" {
		l.writeStdin(args)
		return
	}
	f := l.request(name)
	f.Command.ToolArguments = objectOf("arguments", args)
	if f.Event.Action == schema.ActionShell {
		l.shell(f, args)
	}
	l.send(f, text)
}

// shell reads the arguments of a shell tool, of any version.
func (l *codexLine) shell(f *schema.Fragment, args value.Value) {
	command := first(args, "command", "cmd")
	switch command.Kind() {
	case value.Array:
		f.Command.Args = list(command)
		f.Command.Line = commandLine(f.Command.Args)
	case value.String:
		f.Command.Line = str(command)
	default:
		return
	}
	f.Command.Cwd = joinPath(f.Command.Cwd, str(first(args, "workdir", "working_directory", "cwd")))
	f.Command.ToolArguments = without(args, func(k string) bool {
		return k == "command" || k == "cmd" || k == "workdir" || k == "working_directory" || k == "cwd"
	})
}

// customCall reads a call whose input is free text: a patch, a script, or the JSON arguments of a shell.
func (l *codexLine) customCall() {
	f := l.request(str(l.item.Get("name")))
	input := l.item.Get("input")
	f.Command.ToolArguments = objectOf("input", input)
	if args := jsonText(input); f.Event.Action == schema.ActionShell && args.Kind() == value.Object {
		l.shell(f, args)
	}
	l.send(f, string(objectOf("input", input)))
}

func (l *codexLine) localShell() {
	f := l.request("local_shell")
	action := l.item.Get("action")
	if action.Kind() == value.Missing {
		action = l.item
	}
	l.shell(f, action)
	for e := action.Get("env").First(); e.Exists(); e = e.Next() {
		f.Command.Env = append(f.Command.Env, e.Key()+"="+e.String())
	}
	l.send(f, string(jsonOf(action)))
}

// toolCall reads {type:tool_call,function:{name},arguments:{…}}, which has no id: its result cannot be told apart from
// others' and is kept by itself.
func (l *codexLine) toolCall() {
	f := l.request(str(first(l.item.Get("function"), "name")))
	args := l.item.Get("arguments")
	f.Command.ToolArguments = objectOf("arguments", args)
	if f.Event.Action == schema.ActionShell {
		l.shell(f, args)
	}
	l.send(f, string(jsonOf(args)))
}

func (l *codexLine) toolResult() {
	f := l.fragment(schema.Result)
	r := l.item.Get("result")
	if f.Command.CallID == "" {
		f.Role = schema.Whole
		f.Command.Tool = str(l.item.Get("name"))
		setKind(&f.Action, schema.ActionLog)
	}
	setStdout(&f.Execution, orElse(str(first(r, "stdout", "output")), contentText(r)))
	if s, ok := r.Get("stderr").Str(); ok {
		setStderr(&f.Execution, s)
	}
	if code, ok := first(r, "exitCode", "exit_code").Int(); ok {
		setExit(f, code)
	}
	if f.Command.CallID == "" {
		identifyByInput(f, l.in, 0)
	} else {
		identify(f, l.key(f.Command.CallID), string(jsonOf(r)))
	}
	l.emit(f)
}

// webSearch is done by the model's provider: call and result are one item.
func (l *codexLine) webSearch() {
	f := l.request("web_search")
	f.Role = schema.Whole
	f.Execution.Start = time.Time{}
	f.Command.CallID = orElse(f.Command.CallID, str(l.item.Get("id")))
	f.Command.ToolArguments = objectOf("action", l.item.Get("action"))
	if str(l.item.Get("status")) == "completed" {
		f.Event.Outcome = schema.OutcomeSuccess
	}
	l.whole(f)
}

// process names a running command; its number is Codex's own "session ID", not a pid.
func (l *codexLine) process(id string) string { return "process " + l.src.Known.Session.ID + " " + id }

func (l *codexLine) writeStdin(args value.Value) {
	id, chars := args.Get("session_id").String(), str(args.Get("chars"))
	key := l.key(l.callID())
	if l.callID() != "" {
		process, ok := l.src.Linked(l.process(id))
		if !ok {
			process = schema.MakeID(codexName, l.process(id))
		}
		l.src.Link("stdin "+key.String(), process)
		l.src.Link("stdin process "+key.String(), schema.MakeID(l.process(id)))
	}
	if chars == "" {
		return
	}
	f := l.request("write_stdin")
	setKind(&f.Action, schema.ActionStdin)
	f.Command.Stdin = chars
	f.Command.ToolArguments = without(args, func(k string) bool { return k == "chars" })
	l.send(f, string(jsonOf(args)))
}

// output reads the result of a call.
func (l *codexLine) output() {
	call := l.callID()
	if call == "" {
		return
	}
	key := l.key(call)
	o := readCodexOutput(l.item.Get("output"))
	if process, ok := l.src.Linked("stdin " + key.String()); ok {
		l.processOutput(process, key, &o)
		return
	}
	_, known := l.src.Linked("call " + key.String())
	f := l.fragment(schema.Result)
	if o.running != "" {
		f.Role = schema.Decision // the call has returned, the command has not: not its result yet
		f.Execution.End = time.Time{}
		f.Execution.Background = true
		f.Piece.Of = key
		if known { // else it may be the output of a write_stdin whose line we have not seen
			l.src.Link(l.process(o.running), key)
			l.src.Link("running "+key.String(), key)
		}
	}
	if known {
		l.src.Unlink("call " + key.String())
	}
	o.fill(f)
	identifyLine(f, key, o.raw)
	l.emit(f)
}

// processOutput is the answer to a write_stdin: output, perhaps the end, of the process written to.
func (l *codexLine) processOutput(process, key schema.ID, o *codexOutput) {
	l.src.Unlink("stdin " + key.String())
	again := false
	if _, typed := l.src.Linked("call " + key.String()); typed {
		l.src.Unlink("call " + key.String())
		f := l.fragment(schema.Result)
		answer := *o
		answer.exit = schema.Int{} // of the process, not of the typing
		answer.fill(f)
		f.Piece = schema.Piece{Of: process, Last: o.exit.Set}
		again = true
		if f.Event.Outcome == "" && o.header {
			f.Event.Outcome = schema.OutcomeSuccess // the text was taken
		}
		identifyLine(f, key, o.raw)
		l.emit(f)
		if !o.exit.Set {
			l.forget(key, false)
			return
		}
	}
	_, told := l.src.Linked("ended " + process.String()) // by exec_command_end, with all of its output
	if !o.exit.Set && o.text == "" || told {
		l.forget(key, o.exit.Set)
		return
	}
	l.forget(key, o.exit.Set)
	f := l.fragment(schema.Result)
	f.Command.CallID = ""
	f.Execution.Background = true
	if o.exit.Set {
		l.src.Unlink("running " + process.String())
	} else {
		f.Role = schema.Decision
		f.Execution.End = time.Time{}
	}
	o.fill(f)
	f.Piece = schema.Piece{Of: process, Last: o.exit.Set, Again: again}
	f.Execution.Duration = schema.Int{} // of the waiting, not of the command
	identifyLine(f, process, l.callID(), o.raw)
	l.emit(f)
}

// forget drops the links of a write_stdin and, if it has ended, of its process, whose number may come again.
func (l *codexLine) forget(key schema.ID, ended bool) {
	name, ok := l.src.Take("stdin process " + key.String())
	if !ok || !ended {
		return
	}
	for i, link := range l.src.Links {
		if link.Name == name {
			l.src.Links = append(l.src.Links[:i:i], l.src.Links[i+1:]...)
			return
		}
	}
}

// command sets what an event says was run.
func (l *codexLine) command(f *schema.Fragment) {
	setKind(&f.Action, schema.ActionShell)
	switch c := l.item.Get("command"); c.Kind() {
	case value.Array:
		f.Command.Args = list(c)
		f.Command.Line = commandLine(f.Command.Args)
	default:
		f.Command.Line = str(c)
	}
	f.Command.Cwd = joinPath(l.src.Known.Command.Cwd, filePath(str(l.item.Get("cwd"))))
}

// filePath is the path that a file URI names; anything else is a path already.
func filePath(s string) string {
	if rest, ok := strings.CutPrefix(s, "file://"); ok {
		if path, err := url.PathUnescape(rest); err == nil && strings.HasPrefix(path, "/") {
			return path
		}
	}
	return s
}

func (l *codexLine) execBegin() {
	f := l.request("exec_command")
	f.Command.Tool = "" // the item of the call names it, if there is one
	l.command(f)
	name := l.key(f.Command.CallID).String()
	_, asked := l.src.Linked("call " + name)
	l.send(f, f.Command.Line)
	if !asked && !l.live { // no item will give its output: the event of its end is the result
		l.src.Unlink("call " + name)
		l.src.Link("begun "+name, f.Key)
	}
}

// execEnd is a result that also says what was run: commands of scripts and of the person (`!ls`) have no other line.
func (l *codexLine) execEnd() {
	p := l.item
	if str(p.Get("source")) == "unified_exec_interaction" {
		l.typed()
		return
	}
	f := l.fragment(schema.Result)
	l.command(f)
	if str(p.Get("source")) == "user_shell" {
		f.Role = schema.Whole
		f.Command.Tool = "user_shell"
	}
	if d := p.Get("duration"); d.Exists() {
		f.Execution.Duration = codexDuration(d)
	}
	out := str(p.Get("stdout"))
	setStdout(&f.Execution, orElse(out, str(first(p, "aggregated_output", "aggregatedOutput"))))
	if s := str(p.Get("stderr")); s != "" && out != "" {
		setStderr(&f.Execution, s)
	}
	f.Execution.TimedOut = p.Get("timed_out").Bool()
	l.status(f)
	if code, ok := first(p, "exit_code", "exitCode").Int(); ok && f.Authorization.Decision == "" {
		setExit(f, code)
	}
	l.event(f)
}

// typed is an event about text given to a running process. The write_stdin that gave it tells more, where there is one.
func (l *codexLine) typed() {
	text, call := str(first(l.item, "interaction_input", "interactionInput")), l.callID()
	_, told := l.src.Linked("stdin " + l.key(call).String())
	_, known := l.src.Linked("call " + l.key(call).String())
	if text == "" || call == "" || told || known {
		return
	}
	f := l.request("write_stdin")
	f.Role = schema.Whole
	f.Execution.Start = time.Time{}
	setKind(&f.Action, schema.ActionStdin)
	f.Command.Stdin = text
	l.status(f)
	l.event(f)
}

// event identifies a result that comes as an event and emits it. What it is depends on what else tells of the call: the
// item of its output, still to come, is the result, and this is more evidence; for a process that has outlived its call
// this is the result; and what no item has asked for (a script's commands, the person's own) is whole.
func (l *codexLine) event(f *schema.Fragment) {
	if f.Command.CallID == "" {
		f.Role = schema.Whole
		identifyByInput(f, l.in, 0)
		l.emit(f)
		return
	}
	key := l.key(f.Command.CallID)
	linked := func(what string) bool { _, ok := l.src.Linked(what + " " + key.String()); return ok }
	switch {
	case f.Role != schema.Result:
	case linked("running"):
		l.src.Unlink("running " + key.String())
		l.src.Link("ended "+key.String(), key)
	case linked("begun"):
		l.src.Unlink("begun " + key.String())
	case !linked("call"):
		f.Role = schema.Whole
	case l.live:
		l.src.Unlink("call " + key.String())
	default:
		f.Role = schema.Decision
	}
	if f.Role == schema.Whole {
		if linked("told") {
			return // by an event of another generation
		}
		l.src.Link("told "+key.String(), key)
		l.policy(f)
	}
	identifyLine(f, key, string(jsonOf(l.item)))
	l.emit(f)
}

// policy fills in what is known of the session, which a request would have told.
func (l *codexLine) policy(f *schema.Fragment) {
	known := &l.src.Known
	f.Authorization.Mode, f.Authorization.Sandbox = known.Authorization.Mode, known.Authorization.Sandbox
	f.Identity.Model, f.Identity.ProviderName = known.Identity.Model, codexProvider(known)
	f.Infrastructure.GitBranch = known.Infrastructure.GitBranch
	f.Infrastructure.GitCommit = known.Infrastructure.GitCommit
	f.Infrastructure.GitRepository = known.Infrastructure.GitRepository
	f.Command.Cwd = orElse(f.Command.Cwd, known.Command.Cwd)
}

// identifyLine identifies what is known of a call beside its request. Which role it has may depend on the lines before;
// its identity does not, so that a log that is read again from its middle gives the same.
func identifyLine(f *schema.Fragment, key schema.ID, says ...string) {
	f.Key = key
	f.ID = key.Derive("line", says...)
}

// status reads the status of an event: completed, failed or declined. Who declined is not told; what Codex says to the
// model may be.
func (l *codexLine) status(f *schema.Fragment) {
	switch s := str(l.item.Get("status")); s {
	case "declined":
		said := orElse(str(l.item.Get("stderr")), str(first(l.item, "aggregated_output", "aggregatedOutput")))
		for _, d := range codexDenials {
			if strings.HasPrefix(said, d.prefix) {
				deny(f, d.source, d.prefix, "")
				return
			}
		}
		deny(f, "", s, "")
	case "failed":
		f.Event.Outcome = schema.OutcomeFailure
	case "completed":
		f.Event.Outcome = schema.OutcomeSuccess
	}
}

// codexDuration reads {secs,nanos}, or a text such as "1.2s".
func codexDuration(v value.Value) schema.Int {
	if s, ok := v.Str(); ok {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return schema.Int{}
		}
		return schema.Some(int64(d))
	}
	secs, ok := v.Get("secs").Int()
	nanos, _ := v.Get("nanos").Int()
	if !ok || secs < 0 || secs > 1e9 || nanos < 0 || nanos > 1e9 {
		return schema.Int{}
	}
	return schema.Some(secs*1e9 + nanos)
}

func (l *codexLine) mcpEnd() {
	p := l.item
	f := l.fragment(schema.Result)
	if _, ok := l.src.Linked("call " + l.key(f.Command.CallID).String()); !ok {
		call := p.Get("invocation")
		if !call.Exists() {
			call = p
		}
		f.Command.Tool = "mcp__" + str(call.Get("server")) + "__" + str(call.Get("tool"))
		f.Command.ToolArguments = objectOf("arguments", call.Get("arguments"))
		setKind(&f.Action, schema.ActionMCP)
	}
	f.Execution.Duration = codexDuration(p.Get("duration"))
	r := p.Get("result")
	ok, failed := first(r, "Ok", "ok"), first(r, "Err", "err")
	if ok.Kind() == value.Missing {
		ok = r
	}
	if text := contentText(ok.Get("content")); text != "" {
		setStdout(&f.Execution, text)
	}
	switch e := first(p, "error"); {
	case failed.Exists() || e.Exists():
		f.Event.Outcome = schema.OutcomeFailure
		said := codexOutput{text: orElse(failed.String(), orElse(str(e.Get("message")), str(e)))}
		said.own(f)
		f.Error.Message = said.text
	case first(ok, "isError", "is_error").Bool():
		f.Event.Outcome = schema.OutcomeFailure
	case ok.Kind() == value.Object:
		f.Event.Outcome = schema.OutcomeSuccess
	}
	l.event(f)
}

func (l *codexLine) patchEnd() {
	p := l.item
	f := l.fragment(schema.Result)
	setKind(&f.Action, schema.ActionFileChange)
	if _, ok := l.src.Linked("call " + l.key(f.Command.CallID).String()); !ok {
		f.Command.Tool, f.Command.ToolArguments = "apply_patch", objectOf("changes", p.Get("changes"))
	}
	if p.Get("auto_approved").Bool() { // false does not say who approved: a person, or the automatic reviewer
		f.Authorization.Decision, f.Authorization.Source = schema.AutoApproved, "config"
		f.Authorization.Raw = "auto_approved"
	}
	setStdout(&f.Execution, str(p.Get("stdout")))
	if s := str(p.Get("stderr")); s != "" {
		setStderr(&f.Execution, s)
	}
	l.status(f)
	if s := p.Get("success"); s.Kind() == value.Bool && f.Authorization.Decision == "" {
		f.Event.Outcome = schema.OutcomeFailure
		if s.Bool() {
			f.Event.Outcome = schema.OutcomeSuccess
		}
	}
	l.event(f)
}

// assessment is what the automatic reviewer decided; it is no person.
func (l *codexLine) assessment() {
	p := l.item
	f := l.fragment(schema.Decision)
	status := str(p.Get("status"))
	if status == "" || status == "in_progress" {
		return
	}
	reason := str(p.Get("rationale"))
	source := orElse(str(p.Get("decision_source")), "agent")
	switch status {
	case "denied", "timed_out": // what is not approved in time does not run
		deny(f, source, status, reason)
	case "aborted":
		f.Execution.Interrupted = true
		f.Authorization.Source, f.Authorization.Raw, f.Authorization.Reason = source, status, reason
	case "approved":
		f.Authorization.Decision = schema.AutoApproved
		fallthrough
	default:
		f.Authorization.Source, f.Authorization.Raw, f.Authorization.Reason = source, status, reason
		f.Authorization.DecidedAt = f.Time
	}
	if level := str(p.Get("risk_level")); level != "" {
		f.Risk.Source = schema.RiskReported
		f.Risk.Severity = map[string]schema.Int{
			"low": schema.Some(1), "medium": schema.Some(2), "high": schema.Some(3), "critical": schema.Some(4),
		}[strings.ToLower(level)]
	}
	if said := p.Get("user_authorization"); said.Kind() == value.String {
		addFields(&f.Trail.Fields, single("user_authorization", said))
	}
	f.Command.CallID = str(p.Get("target_item_id"))
	if f.Command.CallID == "" { // of the network, not of a call
		f.Role = schema.Whole
		setKind(&f.Action, schema.ActionLog)
		addFields(&f.Trail.Fields, single("guardian_assessment", p))
	}
	l.event(f)
}

// stream reads the output of `codex exec --json`: no times, ids only within the thread.
func (l *codexLine) stream(typ string) {
	known := &l.src.Known
	if typ == "thread.started" {
		l.src.Link(codexRun, l.in.ID())
		if id := str(l.item.Get("thread_id")); id != known.Session.ID {
			*known = schema.Action{}
			keep(&known.Session.ID, id)
			keep(&known.Session.ConversationID, id)
			known.Session.Type = "exec"
		}
		return
	}
	item := l.item.Get("item")
	kind := str(first(item, "type", "item_type"))
	if item.Kind() != value.Object || kind != "command_execution" && kind != "mcp_tool_call" && kind != "file_change" {
		return
	}
	l.item = item
	role := schema.Request
	if typ == "item.completed" {
		role = schema.Result
	} else if typ != "item.started" {
		return
	}
	f := l.request(kind)
	f.Role = role
	f.Execution.Start = time.Time{}
	setTime(f, l.time)
	l.streamItem(f, kind)
	if id := str(item.Get("id")); id != "" && known.Session.ID != "" {
		f.Command.CallID = id
		key := l.streamKey(id)
		name := "call " + key.String()
		if _, started := l.src.Linked(name); role == schema.Request {
			l.src.Link(name, key)
		} else if l.src.Unlink(name); !started {
			f.Role = schema.Whole
		}
		identifyLine(f, key, string(jsonOf(item)))
	} else {
		f.Role = schema.Whole
		identifyByInput(f, l.in, 0)
	}
	l.emit(f)
}

// codexRun is the name under which the line that began the run is remembered.
const codexRun = "codex exec run"

// streamKey is the identity of an item. Items are counted from item_0 in each run, and a resumed run begins with the same
// thread id: so the line that began the run counts too, and what is run, for that line may be lost.
func (l *codexLine) streamKey(id string) schema.ID {
	run, _ := l.src.Linked(codexRun)
	return schema.MakeID(l.key(id).String(), run.String(), str(l.item.Get("command")), str(l.item.Get("server")), str(l.item.Get("tool")))
}

func (l *codexLine) streamItem(f *schema.Fragment, kind string) {
	p := l.item
	switch kind {
	case "command_execution":
		l.command(f)
	case "file_change":
		setKind(&f.Action, schema.ActionFileChange)
		f.Command.ToolArguments = objectOf("changes", p.Get("changes"))
	case "mcp_tool_call":
		setKind(&f.Action, schema.ActionMCP)
		f.Command.Tool = "mcp__" + str(p.Get("server")) + "__" + str(p.Get("tool"))
		f.Command.ToolArguments = objectOf("arguments", p.Get("arguments"))
		f.Error.Message = str(first(p.Get("error"), "message"))
	}
	if f.Role != schema.Result {
		return
	}
	setStdout(&f.Execution, orElse(str(p.Get("aggregated_output")), contentText(p.Get("result", "content"))))
	l.status(f)
	if code, ok := p.Get("exit_code").Int(); ok && f.Authorization.Decision == "" {
		setExit(f, code)
	}
}

// prompt keeps what the person and the model said.
func (l *codexLine) prompt() {
	who := ""
	switch str(l.item.Get("type")) {
	case "user_message":
		who = "user: "
	case "agent_message":
		who = "assistant: "
	}
	said := str(l.item.Get("message"))
	if who == "" || said == "" {
		return
	}
	f := l.fragment(schema.Whole)
	setKind(&f.Action, schema.ActionLog)
	f.Message = who + said
	identify(f, schema.MakeID(codexName, l.src.Known.Session.ID, schema.FormatTime(l.time), f.Message))
	l.emit(f)
}

// codexOutput is the result of a call, read from the text that the model got.
type codexOutput struct {
	raw     string // all of it
	text    string // what the command printed
	header  bool   // it began with lines about the command
	exit    schema.Int
	seconds schema.Int // in nanoseconds
	running string     // number of the process that goes on
	failed  bool       // by the source's own word
	ok      bool       // likewise
	cut     bool
}

// readCodexOutput takes any of these forms of output: a text; {content: text or blocks, success}; blocks; a block. The
// text is
//
//	{"output":"…","metadata":{"exit_code":0,"duration_seconds":0.1}}
//	Exit code: 0⏎Wall time: 0.1 seconds⏎[Total output lines: 9⏎]Output:⏎…
//	Chunk ID: 1a2b3c⏎Wall time: 0.1 seconds⏎Process exited with code 0⏎[Original token count: 9⏎]Output:⏎…
//	Chunk ID: 1a2b3c⏎Wall time: 1.0 seconds⏎Process running with session ID 7⏎Output:⏎…
//	what Codex itself has to say, see (*codexOutput).fill
func readCodexOutput(v value.Value) codexOutput {
	var o codexOutput
	if c := v.Get("content"); c.Exists() {
		s := v.Get("success")
		o.failed, o.ok = s.Kind() == value.Bool && !s.Bool(), s.Bool()
		v = c
	}
	if v.Kind() == value.Object { // one block
		v = v.Get("text")
	}
	o.raw = contentText(v)
	o.text = o.raw
	if strings.HasPrefix(o.raw, `{"output":`) || strings.HasPrefix(o.raw, `{"metadata":`) {
		doc := docOf(v)
		if j, err := doc.ParseJSON(o.raw); err == nil {
			if n, ok := j.Get("metadata", "exit_code").Int(); ok {
				o.exit = schema.Some(n)
			}
			o.seconds = scaled(j.Get("metadata", "duration_seconds"), time.Second)
			o.text, o.header = str(j.Get("output")), true
			o.cut = strings.HasPrefix(o.text, "Total output lines: ")
			return o
		}
	}
	o.readHeader()
	return o
}

// readHeader reads the lines about the command. They count only at the very beginning: commands can print such lines too.
func (o *codexOutput) readHeader() {
	rest, lines := o.raw, 0
	var h codexOutput
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\n")
		switch name, arg, _ := cutAny(line, ": ", " code ", " session ID "); name {
		case "Chunk ID", "Original token count":
		case "Exit code", "Process exited with":
			n, ok := leadingInt(arg)
			if !ok {
				return
			}
			h.exit = schema.Some(n)
		case "Wall time":
			number, _, _ := strings.Cut(arg, " ")
			if f, err := strconv.ParseFloat(number, 64); err == nil {
				h.seconds = seconds(f)
			}
		case "Process running with":
			n, ok := leadingInt(arg)
			if !ok {
				return
			}
			h.running = strconv.FormatInt(n, 10)
		case "Total output lines":
			h.cut = true
		case "Output:":
			o.text, o.header = after, true
			o.exit, o.seconds, o.running, o.cut = h.exit, h.seconds, h.running, h.cut
			return
		default:
			if h.seconds.Set && strings.HasPrefix(line, "aborted by user") {
				o.seconds, o.text = h.seconds, rest
			}
			if lines == 0 || lines > 16 {
				return
			}
		}
		lines++
		rest = after
	}
	if h.exit.Set || h.running != "" { // a header without output
		o.text, o.header = "", true
		o.exit, o.seconds, o.running, o.cut = h.exit, h.seconds, h.running, h.cut
	}
}

// cutAny cuts at the first of the separators that s has.
func cutAny(s string, seps ...string) (before, after string, ok bool) {
	for _, sep := range seps {
		if b, a, ok := strings.Cut(s, sep); ok {
			return b, a, true
		}
	}
	return s, "", false
}

// codexDenials are Codex's own words for a call that was refused, and who refused. They stand at the beginning.
var codexDenials = []struct{ prefix, source string }{
	{"exec command rejected by user", "user"},
	{"patch rejected by user", "user"},
	{"This action was rejected due to unacceptable risk", "agent"},
	{"approval policy is ", "config"}, // "… reject command — you should not ask for escalated permissions …"
	{"patch rejected: ", "config"},
	{"rejected: blocked by policy", "config"},
	{"approval required by policy, but", "config"},
	{"user rejected MCP tool call", "user"},
}

// codexForbidden tells "`git push` rejected: policy forbids …": a rule of the exec policy.
func codexForbidden(text string) bool {
	line, _, _ := strings.Cut(text, "\n")
	return strings.HasPrefix(line, "`") && strings.Contains(line, "` rejected: ")
}

// codexFailures begin what Codex says when a call failed before or beside its command.
var codexFailures = []string{
	"execution error: ", "failed to parse function arguments", "unsupported call: ", "unsupported custom tool call: ",
	"error: ", "tool call error: ", "apply_patch verification failed", "exec_command failed", "write_stdin failed",
	"Unknown process id", "collab tool failed",
}

// fill puts the result into a fragment.
func (o *codexOutput) fill(f *schema.Fragment) {
	e := &f.Execution
	setStdout(e, o.text)
	e.Duration, e.Truncated = o.seconds, o.cut
	switch {
	case o.exit.Set:
		setExit(f, o.exit.N)
		e.TimedOut = strings.HasPrefix(o.text, "command timed out after ")
		return
	case o.header:
		f.Event.Outcome = ""
		if o.running == "" && o.ok {
			f.Event.Outcome = schema.OutcomeSuccess
		}
		return
	case o.failed:
		f.Event.Outcome = schema.OutcomeFailure
	case o.ok:
		f.Event.Outcome = schema.OutcomeSuccess
	}
	o.own(f)
}

// own reads what Codex itself says in place of a command's output.
func (o *codexOutput) own(f *schema.Fragment) {
	e, text := &f.Execution, strings.TrimPrefix(strings.TrimSpace(o.text), "err: ")
	for _, d := range codexDenials {
		if strings.HasPrefix(text, d.prefix) {
			raw, rest, _ := strings.Cut(text, "\n")
			_, reason, _ := strings.Cut(rest, "Reason: ")
			deny(f, d.source, raw, reason)
			noOutput(f, text)
			return
		}
	}
	if codexForbidden(text) {
		_, reason, _ := strings.Cut(text, "` rejected: ")
		deny(f, "config", "rejected", reason)
		noOutput(f, text)
		return
	}
	if text == "aborted" || strings.HasPrefix(text, "aborted by user") || text == "user cancelled MCP tool call" {
		e.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
		return
	}
	if rest, ok := strings.CutPrefix(text, "failed in sandbox "); ok {
		_, why, _ := strings.Cut(rest, " with execution error: ")
		o.sandbox(f, why)
		return
	}
	if strings.HasPrefix(strings.TrimSpace(o.text), "err: ") {
		f.Event.Outcome = schema.OutcomeFailure
		noOutput(f, text)
		return
	}
	for _, p := range codexFailures {
		if strings.HasPrefix(text, p) {
			f.Event.Outcome = schema.OutcomeFailure
			noOutput(f, text)
			return
		}
	}
}

// sandbox reads "sandbox denied exec error, exit code: 1, stdout: …, stderr: …", which is the sandbox's doing and no
// person's decision, "command timed out", or another reason.
func (o *codexOutput) sandbox(f *schema.Fragment, why string) {
	e := &f.Execution
	f.Event.Outcome = schema.OutcomeFailure
	f.Error.Type = "sandbox"
	rest, denied := strings.CutPrefix(why, "sandbox denied exec error, exit code: ")
	if !denied {
		e.TimedOut = strings.HasPrefix(why, "command timed out")
		noOutput(f, why)
		return
	}
	f.Error.Message = "sandbox denied exec error"
	if code, ok := leadingInt(rest); ok {
		setExit(f, code)
		f.Event.Outcome = schema.OutcomeFailure
	}
	if _, out, ok := strings.Cut(rest, ", stdout: "); ok {
		if i := strings.LastIndex(out, ", stderr: "); i >= 0 {
			setStderr(e, out[i+len(", stderr: "):])
			out = out[:i]
		}
		setStdout(e, out)
	}
}
