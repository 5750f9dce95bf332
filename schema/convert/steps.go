package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Trajectories of agents that think, act and observe: a step has both the action and what came of it. They are what
// smolagents keeps in its memory, what LangChain's executors return as intermediate steps, and what many research agents
// write. Made from public sources and samples of 2023 to 2026.
//
//		{"step_number","tool_calls":[{"id","function":{"name","arguments"}}],"code_action","observations","error"}  smolagents
//		{"action": tool,"action_input": text or {…},"observation"}                                                 ReAct
//		{"action":{"tool"|"name"|"type","tool_input"|"args"|…},"observation"|"result": text or {…}}                 the like
//
//		A record is a step, or a document that has them as steps, trajectory, history, intermediate_steps or memory.
//
//	  - Several calls in one step share its observation: then it is nobody's, and kept by itself.
//	  - Which agent it was, its session and directory are told by the usual keys at best; see anyagent.go. Decisions, users and
//	    hosts are not told.
type steps struct{}

const stepsName = "steps"

func (*steps) Name() string { return stepsName }

var stepLists = []string{"steps", "trajectory", "history", "intermediate_steps", "memory", "agent_memory"}

var stepResults = []string{"observation", "observations", "result", "output", "tool_output", "observation_text"}

// isStep tells a step: an action with arguments, or an action and what was observed.
func isStep(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	switch a := v.Get("action"); a.Kind() {
	case value.String:
		return first(v, "action_input", "actionInput").Exists()
	case value.Object:
		return (stepTool(a) != "" || commandOf(a).Exists()) && (stepArguments(a).Exists() || first(v, stepResults...).Exists())
	}
	return v.Get("tool_calls").Kind() == value.Array && (v.Get("observations").Exists() || v.Get("observation").Exists())
}

func stepTool(a value.Value) string {
	return orElse(toolNameOf(a), str(first(a, "action_type", "type", "kind", "action")))
}

func stepArguments(a value.Value) value.Value {
	return first(a, "tool_input", "action_input", "args", "arguments", "input", "parameters", "params", "kwargs", "command", "cmd")
}

func commandOf(a value.Value) value.Value { return first(a, "command", "cmd") }

// stepList is the array of steps that a document has.
func stepList(v value.Value) value.Value {
	for _, k := range stepLists {
		list := v.Get(k)
		n := 0
		for s := list.First(); s.Exists() && list.Kind() == value.Array && n < 6; s = s.Next() {
			if isStep(s) {
				return list
			}
			n++
		}
	}
	return value.Value{}
}

// Keys of its objects.
func (*steps) Keys() []string { return append([]string{"action", "tool_calls"}, stepLists...) }

func (*steps) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		return isStep(v.First())
	}
	return v.Kind() == value.Object && (isStep(v) || stepList(v).Exists())
}

func (*steps) Convert(src *Source, in *Input, emit Emit) bool {
	l := stepsLog{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: stepsName, family: stepsName}}}
	v := in.Body
	l.about(v)
	if isStep(v) {
		l.step(v)
		return true
	}
	list := v
	if v.Kind() == value.Object {
		list = stepList(v)
	}
	n := 0
	for s := list.First(); s.Exists(); s = s.Next() {
		l.place = "step " + itoa(n) + " " + in.ID().String()
		if isStep(s) {
			l.step(s)
		}
		n++
	}
	return true
}

// stepsLog is one record while it is read.
type stepsLog struct{ anyAgent }

func (l *stepsLog) step(s value.Value) {
	start := l.time
	if t := parseTime(first(s, "timestamp", "time", "created_at", "start_time")); !t.IsZero() {
		l.time = t
	} else if t := parseTime(s.Get("timing", "start_time")); !t.IsZero() {
		l.time = t
	}
	var calls []schema.ID
	only := "" // the id of the only call
	for c := s.Get("tool_calls").First(); c.Exists(); c = c.Next() {
		if only = callIDOf(c); only != "" {
			l.call(only, toolNameOf(c), argumentsOf(c))
			calls = append(calls, l.key(only))
		} else {
			calls = append(calls, l.acted(toolNameOf(c), c, argumentsOf(c)))
		}
	}
	switch a := s.Get("action"); {
	case a.Kind() == value.Object:
		calls, only = append(calls, l.acted(stepTool(a), a, stepArguments(a))), ""
	case a.Kind() == value.String && !strings.EqualFold(str(a), "final answer"):
		calls, only = append(calls, l.acted(str(a), s, first(s, "action_input", "actionInput"))), ""
	}
	l.observed(calls, only, s)
	l.time = start
}

// acted emits an action without an id, and returns its key. A command that stands by itself is the action's argument.
func (l *stepsLog) acted(tool string, a, arguments value.Value) schema.ID {
	if k := arguments.Key(); k == "command" || k == "cmd" {
		arguments = a
	}
	f := l.told(l.request("", tool, arguments))
	if f.Command.Line == "" && arguments.Kind() == value.String && callAction(tool, arguments) == schema.ActionShell {
		f.Command.Line = str(arguments)
		f.Command.ToolArguments = ""
	}
	identify(f, schema.MakeID(l.family, l.scope(), l.next()), tool, string(jsonOf(arguments)))
	key := f.Key
	if f.Event.Action == schema.ActionShell {
		l.src.Link("shell "+key.String(), key)
	}
	l.emit(f)
	return key
}

// observed emits what came of a step with calls: of its only one, or, of several, of none in particular.
func (l *stepsLog) observed(calls []schema.ID, id string, s value.Value) {
	r, failed := first(s, stepResults...), s.Get("error")
	if failed.Kind() == value.Object {
		failed = orValue(first(failed, "message", "error"), failed)
	}
	if len(calls) == 0 || !r.Exists() && failed.Kind() != value.String {
		return
	}
	if failed.Kind() != value.String {
		failed = first(s, "is_error", "isError")
	}
	f := l.told(l.fragment(schema.Result, ""))
	place := l.next()
	if len(calls) > 1 {
		l.unpaired(f, place, r)
	} else {
		f.Command.CallID = id
		l.fillResult(f, calls[0], r, failed)
		if failed.Kind() == value.String && f.Error.Message == "" {
			f.Error.Message = str(failed)
		}
	}
	f.ID = schema.MakeID(l.family, l.scope(), place, "result")
	l.emit(f)
}

// orValue is v, or what to take when there is none.
func orValue(v, other value.Value) value.Value {
	if v.Exists() {
		return v
	}
	return other
}
