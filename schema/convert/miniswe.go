package convert

import (
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// mini-swe-agent trajectories (*.traj.json): one JSON document, written anew after every step. Made from 1.0 (July 2025)
// to 2.2 (2026), and from the sources of its interactive agent.
//
//	{"trajectory_format":"mini-swe-agent-1.1","instance_id","info":{"mini_version","exit_status","config":{"agent":{"mode"},
//	 "model":{"model_name"},"environment":{"cwd","env","image"}}},"messages":[…]}; older a bare array of messages
//
// A message of the model, and what was made of it:
//
//	{"role":"assistant","content","tool_calls":[{"id","function":{"name":"bash","arguments": JSON text}}],
//	 "extra":{"timestamp","actions":[{"command","tool_call_id"}],"response":{"model"}}}
//	    actions are what was run; without them it is the tool calls, or the one block ```bash or ```mswea_bash_command of
//	    the text. Two blocks or none are a mistake of form, and nothing is run.
//	{"role":"tool"|"user"|"type":"function_call_output","tool_call_id","content","extra":{"returncode","raw_output",
//	 "timestamp","exception_info"}}
//	    content is <returncode>N</returncode><output>…</output>, or by words: "timed out and has been killed",
//	    "Command not executed. The user rejected …" (extra.interrupt_type UserRejection), "Interrupted by user: …"
//	{"role":"exit","extra":{"exit_status":"Submitted","submission"}}: the end, and the result of the command that submitted
//	{"role":"user","extra":{"actions":[…]}}: a command of the person, in human mode
//
// Each command is a process of its own in the configured directory. "action was not executed" stands in place of a
// result after a rejection and an interruption, which the message after it tells, and after a submission: the -1 beside
// it is nobody's exit code. Approvals are not written; the mode (confirm, yolo, human) is. Neither user nor host is told.
//
// Commands without an id are named by log, task and their place in it; a document that has grown gives the same names.
type miniSWE struct{ prompts bool }

const miniSWEName = "mini-swe-agent"

func (*miniSWE) Name() string { return miniSWEName }

// Keys of its objects.
func (*miniSWE) Keys() []string { return []string{"messages"} }

func (*miniSWE) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		return miniMessages(v)
	}
	format := str(v.Get("trajectory_format"))
	m := v.Get("messages")
	return m.Kind() == value.Array &&
		(strings.HasPrefix(format, miniSWEName) || v.Get("info", "mini_version").Exists() || v.Get("info", "model_stats").Exists() && miniMessages(m))
}

// miniMessages says whether messages without a head are of this agent: it speaks first of its one block of commands,
// and results have its tags.
func miniMessages(v value.Value) bool {
	n := 0
	for m := v.First(); m.Exists() && n < 6; m = m.Next() {
		n++
		if m.Kind() != value.Object {
			return false
		}
		text := contentText(m.Get("content"))
		switch str(m.Get("role")) {
		case "user", "tool":
			if strings.HasPrefix(strings.TrimLeft(text, " \n"), "<returncode>") {
				return true
			}
		case "assistant":
			if strings.Contains(text, "```mswea_bash_command\n") {
				return true
			}
		case "system":
		default:
			return false
		}
	}
	return false
}

func (c *miniSWE) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	d := miniDoc{in: in, emit: emit, prompts: c.prompts, info: v.Get("info"), messages: v.Get("messages")}
	if v.Kind() == value.Array {
		d.messages = v
	}
	d.session = str(v.Get("instance_id"))
	keep(&src.Version, str(d.info.Get("mini_version")))
	task := ""
	for m := d.messages.First(); m.Exists() && str(m.Get("role")) != "assistant"; m = m.Next() {
		task += contentText(m.Get("content")) + "\n"
	}
	d.base = schema.MakeID(miniSWEName, in.Source.String(), d.session, task)
	for m := d.messages.First(); m.Exists(); m = m.Next() {
		d.message(m)
		d.n++
	}
	d.settle(nil)
	return true
}

// miniDoc is a trajectory while it is read.
type miniDoc struct {
	in       *Input
	emit     Emit
	prompts  bool
	info     value.Value
	messages value.Value
	session  string
	base     schema.ID // names the run where ids do not
	n        int       // messages before this one
	open     []miniCall
	held     []*schema.Fragment // results "not executed", until the next message says why
}

// miniCall is a command whose result has not come.
type miniCall struct {
	key schema.ID
	id  string
}

func (d *miniDoc) fragment(role schema.Role, m value.Value) *schema.Fragment {
	f := newFragment(d.in, miniSWEName, miniSWEName, role)
	f.Session.ID, f.Session.ConversationID = d.session, d.session
	f.Identity.ServiceName, f.Identity.AgentName = miniSWEName, miniSWEName
	f.Identity.ServiceVersion = str(d.info.Get("mini_version"))
	setTime(f, parseTime(m.Get("extra", "timestamp")))
	return f
}

func (d *miniDoc) message(m value.Value) {
	if d.prompts {
		d.prompt(m)
	}
	extra, role := m.Get("extra"), str(first(m, "role", "type"))
	actions := extra.Get("actions")
	switch {
	case role == "assistant" || str(m.Get("object")) == "response" || actions.First().Exists():
		d.settle(nil)
		d.open = d.open[:0]
		d.actions(m, actions, role)
	case role == "exit":
		d.submitted(m)
	case role == "tool" || role == "user" || role == "function_call_output":
		d.result(m)
	}
}

// actions emits the commands of a message.
func (d *miniDoc) actions(m, actions value.Value, role string) {
	tool := "bash"
	if role == "user" {
		tool = "user_shell"
	}
	place := 0
	if actions.Kind() == value.Array {
		for a := actions.First(); a.Exists(); a = a.Next() {
			d.request(m, tool, str(a.Get("tool_call_id")), str(first(a, "command", "action")), without(a, func(k string) bool {
				return k == "command" || k == "action" || k == "tool_call_id"
			}), &place)
		}
		return
	}
	for c := m.Get("tool_calls").First(); c.Exists(); c = c.Next() {
		doc := docOf(c)
		args, err := doc.ParseJSON(str(c.Get("function", "arguments")))
		if err != nil {
			args = c.Get("function", "arguments")
		}
		name := orElse(str(c.Get("function", "name")), tool)
		line, ok := args.Get("command").Str()
		if !ok {
			continue // a mistake of form: refused by the agent itself
		}
		d.request(m, name, str(c.Get("id")), line, without(args, func(k string) bool { return k == "command" }), &place)
	}
	if place > 0 {
		return
	}
	if line, ok := miniBlock(contentText(m.Get("content"))); ok {
		d.request(m, tool, "", line, "", &place)
	}
}

// miniBlock returns the one block of commands of a text.
func miniBlock(text string) (string, bool) {
	for _, fence := range []string{"```mswea_bash_command", "```bash"} {
		found, n := "", 0
		for rest := text; ; {
			_, after, ok := strings.Cut(rest, fence)
			if !ok {
				break
			}
			head, body, ok := strings.Cut(after, "\n")
			if !ok || strings.TrimSpace(head) != "" {
				rest = after
				continue
			}
			block, more, ok := strings.Cut("\n"+body, "\n```")
			if !ok {
				break
			}
			found, rest = strings.TrimSpace(block), more
			n++
		}
		if n > 0 {
			return found, n == 1
		}
	}
	return "", false
}

func (d *miniDoc) request(m value.Value, tool, id, line string, arguments schema.JSON, place *int) {
	*place++
	if line == "" {
		return
	}
	f := d.fragment(schema.Request, m)
	setKind(&f.Action, schema.ActionShell)
	f.Command.Tool, f.Command.CallID, f.Command.Line = tool, id, line
	f.Command.ToolArguments = arguments
	config := d.info.Get("config")
	env := config.Get("environment")
	f.Command.Cwd = str(env.Get("cwd"))
	for e := env.Get("env").First(); e.Exists(); e = e.Next() {
		f.Command.Env = append(f.Command.Env, e.Key()+"="+e.String())
	}
	f.Infrastructure.ContainerImage = orElse(f.Infrastructure.ContainerImage, str(env.Get("image")))
	f.Identity.Model = orElse(str(m.Get("extra", "response", "model")), str(config.Get("model", "model_name")))
	if tool == "user_shell" {
		f.Identity.Model = ""
	}
	f.Authorization.Mode = str(config.Get("agent", "mode"))
	key := callKey(miniSWEName, d.session+d.base.String(), id)
	switch {
	case id == "":
		key = schema.MakeID(d.base.String(), strconv.Itoa(d.n), strconv.Itoa(*place), line)
	case isGlobal(id):
		key = callKey(miniSWEName, d.session, id)
	}
	identify(f, key, line)
	d.open = append(d.open, miniCall{key: key, id: id})
	d.emit(f)
}

// take returns the call a message answers: by id, else the first that waits.
func (d *miniDoc) take(m value.Value) (miniCall, bool) {
	id := str(first(m, "tool_call_id", "call_id"))
	for i, c := range d.open {
		if id == "" || c.id == id {
			d.open = append(d.open[:i], d.open[i+1:]...)
			return c, true
		}
	}
	return miniCall{}, false
}

const miniNotExecuted = "action was not executed"

func (d *miniDoc) result(m value.Value) {
	text := contentText(first(m, "content", "output"))
	extra := m.Get("extra")
	kind := str(extra.Get("interrupt_type"))
	rejected := kind == "UserRejection" || strings.HasPrefix(text, "Command not executed.") || strings.HasPrefix(text, "Commands not executed.")
	if rejected || kind != "" || strings.HasPrefix(text, "Interrupted by user") {
		for len(d.open) > 0 {
			c, _ := d.take(value.Value{})
			f := d.fragment(schema.Result, m)
			f.Command.CallID, f.Key = c.id, c.key
			d.held = append(d.held, f)
		}
		d.settle(func(f *schema.Fragment) {
			if rejected {
				raw, reason, _ := strings.Cut(text, " with the following message: ")
				deny(f, "user", orElse(kind, raw), reason)
			} else if kind != "UserNewTask" {
				f.Execution.Interrupted = true
			}
		})
		return
	}
	c, ok := d.take(m)
	if !ok {
		return
	}
	f := d.fragment(schema.Result, m)
	f.Command.CallID, f.Key = c.id, c.key
	if str(extra.Get("exception_info")) == miniNotExecuted {
		d.held = append(d.held, f)
		return
	}
	miniOutput(f, text, extra)
	identify(f, c.key, text, extra.Get("returncode").String())
	d.emit(f)
}

// settle emits the results that were held back, as the message after them explains them.
func (d *miniDoc) settle(explain func(*schema.Fragment)) {
	for _, f := range d.held {
		f.Event.Outcome = schema.OutcomeUnknown
		if explain != nil {
			explain(f)
		}
		identify(f, f.Key, "not executed", f.Authorization.Decision, f.Authorization.Reason, strconv.FormatBool(f.Execution.Interrupted))
		d.emit(f)
	}
	d.held = d.held[:0]
}

// submitted is the end of a run. The command that submitted has run, and its output is the submission.
func (d *miniDoc) submitted(m value.Value) {
	extra := m.Get("extra")
	for len(d.open) > 0 {
		c, _ := d.take(value.Value{})
		f := d.fragment(schema.Result, m)
		f.Command.CallID, f.Key = c.id, c.key
		d.held = append(d.held, f)
	}
	status := str(extra.Get("exit_status"))
	for i, f := range d.held {
		f.Event.Outcome = schema.OutcomeUnknown
		if i == 0 && status == "Submitted" {
			f.Event.Outcome = schema.OutcomeSuccess
			setStdout(&f.Execution, str(extra.Get("submission")))
		}
		identify(f, f.Key, status, f.Execution.Stdout)
		d.emit(f)
	}
	d.held = d.held[:0]
}

// miniOutput reads a result: the fields beside it, else its text.
func miniOutput(f *schema.Fragment, text string, extra value.Value) {
	e := &f.Execution
	code, hasCode := extra.Get("returncode").Int()
	out, hasOut := extra.Get("raw_output").Str()
	if !hasCode {
		if s := element(text, "returncode"); s != "" && strings.HasPrefix(strings.TrimLeft(text, " \n"), "<") {
			code, hasCode = leadingInt(s)
		}
	}
	if !hasOut {
		out = text
		if _, after, ok := strings.Cut(text, "<output>\n"); ok {
			if end := strings.LastIndex(after, "</output>"); end >= 0 {
				out = after[:end]
			}
		} else if hasCode {
			_, out, _ = strings.Cut(text, "</returncode>")
			out = strings.TrimPrefix(out, "\n")
			e.Truncated = strings.Contains(out, "<output_head>")
		}
	}
	setStdout(e, out)
	if hasCode {
		setExit(f, code)
	}
	if s := str(extra.Get("exception_info")); s != "" {
		f.Error.Message, f.Error.Type = s, str(extra.Get("exception_type"))
		f.Event.Outcome = schema.OutcomeFailure
		e.TimedOut = strings.Contains(s, "timed out")
	}
	if strings.HasPrefix(text, "The last command") && strings.Contains(text, "timed out and has been killed") {
		e.TimedOut = true
		f.Event.Outcome = schema.OutcomeFailure
	}
}

// prompt keeps what the person and the model said.
func (d *miniDoc) prompt(m value.Value) {
	role, said := str(m.Get("role")), contentText(m.Get("content"))
	if role != "user" && role != "assistant" || said == "" || strings.HasPrefix(said, "<returncode>") {
		return
	}
	f := d.fragment(schema.Whole, m)
	setKind(&f.Action, schema.ActionLog)
	f.Message = role + ": " + said
	identify(f, schema.MakeID(d.base.String(), "message", strconv.Itoa(d.n)), f.Message)
	d.emit(f)
}
