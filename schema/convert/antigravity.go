package convert

import (
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Google's Antigravity: transcripts of its CLI, ~/.gemini/antigravity*/…/*.jsonl, a step a line. Made from fixtures of June
// 2026.
//
//		{"step_index","source":"MODEL","type":"PLANNER_RESPONSE","status","created_at","tool_calls":[{"name","args":{…}}]}
//		{"step_index","source":"MODEL","type":"RUN_COMMAND"|"VIEW_FILE"|"CODE_ACTION"|"LIST_DIRECTORY"|…,"status","content"}
//		USER_INPUT, SYSTEM_MESSAGE, CHECKPOINT, CONVERSATION_HISTORY and steps of other sources: no action
//
//	  - A planner's calls have no ids; the steps behind it are their results, one each, in their order. A step is given to a
//	    call only if it is the single one that waits, else both are kept by themselves: a step as an action of its own.
//	  - Texts in args are JSON texts again ("\"/tmp/repo\""). The command of a RUN_COMMAND step is in its call only.
//	  - Exit codes: "The command failed with exit code: N" where the step says so; "completed successfully" is 0.
//	  - Session, user, host, directory (but for a call's Cwd) and decisions are not told; the path names the session.
type antigravity struct{ prompts bool }

const antigravityName = "antigravity"

func (*antigravity) Name() string { return antigravityName }

// Keys of its objects.
func (*antigravity) Keys() []string { return []string{"step_index source type status"} }

func (*antigravity) Detect(v value.Value) bool {
	_, step := v.Get("step_index").Int()
	return step && v.Get("source").Kind() == value.String && v.Get("type").Kind() == value.String && v.Get("status").Exists()
}

// antigravitySteps are the steps that carry out a call, and what sort of action they are.
var antigravitySteps = map[string]string{
	"RUN_COMMAND": schema.ActionShell, "COMMAND_STATUS": schema.ActionTool, "SEND_COMMAND_INPUT": schema.ActionStdin,
	"VIEW_FILE": schema.ActionFileRead, "LIST_DIRECTORY": schema.ActionFileRead, "GREP_SEARCH": schema.ActionFileRead,
	"FIND": schema.ActionFileRead, "CODE_SEARCH": schema.ActionFileRead, "VIEW_CODE_ITEM": schema.ActionFileRead,
	"CODE_ACTION": schema.ActionFileChange, "WRITE_TO_FILE": schema.ActionFileChange, "PROPOSE_CODE": schema.ActionFileChange,
	"SEARCH_WEB": schema.ActionWebFetch, "READ_URL_CONTENT": schema.ActionWebFetch, "MCP_TOOL": schema.ActionMCP,
	"GENERATE_IMAGE": schema.ActionTool, "GENERIC": schema.ActionTool,
}

func (a *antigravity) Convert(src *Source, in *Input, emit Emit) bool {
	l := antigravityLine{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: antigravityName, family: antigravityName}}}
	v := in.Body
	l.about(v)
	l.agent = antigravityName
	typ := str(v.Get("type"))
	step, _ := v.Get("step_index").Int()
	l.place = "step " + strconv.FormatInt(step, 10) + " " + in.ID().String()
	switch {
	case typ == "PLANNER_RESPONSE":
		for c := v.Get("tool_calls").First(); c.Exists(); c = c.Next() {
			step++
			l.planned(c, l.awaited(step))
		}
	case antigravitySteps[typ] != "" || strings.HasPrefix(typ, "BROWSER_"):
		l.step(typ, v, l.awaited(step))
	}
	if a.prompts && (typ == "USER_INPUT" || typ == "PLANNER_RESPONSE") {
		l.prompt(strings.ToLower(str(v.Get("source"))), str(v.Get("content")))
	}
	return true
}

// antigravityLine is one step while it is read.
type antigravityLine struct{ anyAgent }

// awaited names the call that a step is to carry out.
func (l *antigravityLine) awaited(step int64) string {
	return "step " + l.scope() + " " + strconv.FormatInt(step, 10)
}

// planned reads a call of the planner, which the awaited step is to carry out.
func (l *antigravityLine) planned(c value.Value, awaited string) {
	doc := docOf(c)
	arguments, err := doc.ParseJSON(antigravityArguments(c.Get("args")))
	if err != nil {
		arguments = c.Get("args")
	}
	f := l.request("", str(c.Get("name")), arguments)
	l.place += "."
	identify(f, schema.MakeID(l.family, l.scope(), l.place), f.Command.Tool, string(jsonOf(arguments)))
	l.src.Link(awaited+" "+antigravityKind(f.Event.Action), f.Key)
	l.emit(f)
}

// antigravityKind is what a step and its call must have in common: that both run a command, or that neither does.
func antigravityKind(action string) string {
	if action == schema.ActionShell {
		return "command"
	}
	return "other"
}

// antigravityArguments are the arguments as JSON, with the names that other agents have for a command and its directory.
func antigravityArguments(args value.Value) string {
	b := []byte{'{'}
	for c := args.First(); c.Exists(); c = c.Next() {
		doc := docOf(args)
		v := c
		if s, ok := c.Str(); ok {
			if inner, err := doc.ParseJSON(s); err == nil {
				v = inner
			}
		}
		key := c.Key()
		switch key {
		case "CommandLine":
			key = "command"
		case "Cwd":
			key = "cwd"
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = v.AppendJSON(append(value.AppendString(b, key), ':'))
	}
	return string(append(b, '}'))
}

// step reads what carried out a call.
func (l *antigravityLine) step(typ string, v value.Value, awaited string) {
	l.place += "."
	kind := orElse(antigravitySteps[typ], schema.ActionWebFetch)
	awaited += " " + antigravityKind(kind)
	key, ok := l.src.Take(awaited)
	role := schema.Result
	if !ok {
		role, key = schema.Whole, schema.MakeID(l.family, l.scope(), l.place)
	}
	f := l.fragment(role, "")
	f.Key = key
	if !ok {
		f.Command.Tool = strings.ToLower(typ)
		setKind(&f.Action, kind)
	}
	text := str(v.Get("content"))
	setStdout(&f.Execution, text)
	f.Execution.Truncated = strings.Contains(string(jsonOf(v.Get("truncated_fields"))), `"content"`)
	switch status := strings.ToUpper(str(v.Get("status"))); status {
	case "ERROR", "FAILED":
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = str(first(v, "error", "error_message"))
	case "CANCELED", "CANCELLED", "INTERRUPTED":
		f.Event.Outcome = schema.OutcomeUnknown
		f.Execution.Interrupted = true
	case "DONE":
		if kind != schema.ActionShell {
			f.Event.Outcome = schema.OutcomeSuccess
		}
	}
	if kind == schema.ActionShell {
		antigravityCommand(f, text)
	}
	f.ID = schema.MakeID(l.family, l.scope(), l.place, "result")
	l.emit(f)
}

// antigravityCommand reads what a RUN_COMMAND step says of how the command ended.
func antigravityCommand(f *schema.Fragment, text string) {
	head, out, ok := strings.Cut(text, "\nOutput:\n")
	if ok {
		setStdout(&f.Execution, out)
	}
	if code, ok := exitAfter(head, "exit code: "); ok {
		setExit(f, code)
	} else if code, ok := exitAfter(head, "exit code "); ok {
		setExit(f, code)
	} else if strings.Contains(head, "The command completed successfully") {
		setExit(f, 0)
	}
}
