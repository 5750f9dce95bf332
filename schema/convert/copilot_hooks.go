package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Hooks of GitHub's Copilot CLI and its coding agent: what a hook reads from its standard input, which people append to a
// file. Made from the reference of January 2026. (Hooks of Copilot in VS Code name their event and read as toolevents.go's.)
//
//		{"timestamp":ms,"cwd","toolName","toolArgs": JSON text}                                        preToolUse
//		{…,"toolResult":{"resultType":"success"|"failure"|"denied","textResultForLlm"}}                postToolUse
//		{"timestamp","cwd","source"|"reason"|"prompt"|"error",…}                                       no action
//
//	  - Neither names its event, its session (newer ones have sessionId) or its call: a result belongs to the call with the
//	    same tool and arguments that has waited longest; without one it is the whole call, for it repeats the arguments.
//	  - denied says that the call was refused, not by whom. What the hook itself answers is not in its input; where people
//	    log it beside (permissionDecision, permissionDecisionReason), it is the hook's decision.
//	  - A shell's exit code stands in the last line of its text: "<exited with exit code 1>".
type copilotHooks struct{}

const copilotHooksName = "copilot-hooks"

func (*copilotHooks) Name() string { return copilotHooksName }

// Keys of its objects.
func (*copilotHooks) Keys() []string { return []string{"toolName cwd toolArgs timestamp"} }

func (*copilotHooks) Detect(v value.Value) bool {
	return v.Kind() == value.Object && v.Get("toolName").Kind() == value.String && v.Get("cwd").Kind() == value.String &&
		v.Get("toolArgs").Exists() && v.Get("timestamp").Exists() && !v.Get("type").Exists()
}

func (*copilotHooks) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := callLog{src: src, in: in, emit: emit, format: copilotHooksName, family: copilotName, time: parseTime(v.Get("timestamp"))}
	l.begin(str(v.Get("sessionId")))
	keep(&src.Known.Command.Cwd, str(v.Get("cwd")))
	tool, arguments := str(v.Get("toolName")), v.Get("toolArgs")
	queue := callQueue{src, schema.MakeID("copilot hook", l.scope(), tool, texts(arguments))}
	f := l.request("", tool, arguments)
	f.Key = in.ID()
	result := v.Get("toolResult")
	if !result.Exists() {
		f.ID = schema.MakeID(f.Key.String(), "before")
		queue.push(f.Key)
		emit(f)
		copilotHookAnswer(&l, f.Key, v)
		return true
	}
	f.Role, f.Execution.Start = schema.Whole, time.Time{} // when it began, the hook before it knows
	if key, ok := queue.pop(); ok {
		f.Role, f.Key = schema.Result, key
	}
	setTime(f, l.time)
	copilotHookResult(f, result)
	if _, ok := src.Linked("answered " + f.Key.String()); ok && f.Authorization.Decision != "" {
		f.Authorization = schema.Authorization{} // the hook has said it, with its own words
	}
	f.ID = schema.MakeID(in.ID().String(), "after")
	emit(f)
	return true
}

// copilotHookResult reads how a call ended.
func copilotHookResult(f *schema.Fragment, r value.Value) {
	text := texts(first(r, "textResultForLlm", "text"))
	setStdout(&f.Execution, text)
	switch typ := str(r.Get("resultType")); typ {
	case "success", "failure":
		outcome(f, typ == "failure")
	case "denied", "rejected":
		deny(f, "", typ, text)
		noOutput(f, text)
		return
	}
	before, last := lastLine(text)
	if code, ok := exitAfter(last, "<exited with exit code "); ok && f.Event.Action == schema.ActionShell {
		setStdout(&f.Execution, before)
		setExit(f, code)
	}
}

// copilotHookAnswer reads what the hook answered, where that is logged beside what it was asked.
func copilotHookAnswer(l *callLog, key schema.ID, v value.Value) {
	if out := first(v, "output", "hookOutput", "response"); out.Kind() == value.Object {
		v = out
	}
	word, reason := str(v.Get("permissionDecision")), str(v.Get("permissionDecisionReason"))
	f := l.fragment(schema.Decision, "")
	switch strings.ToLower(word) {
	case "deny":
		deny(f, "hook", word, reason)
	case "allow":
		f.Authorization.Decision, f.Authorization.Source = schema.AutoApproved, "hook"
		f.Authorization.Raw, f.Authorization.Reason, f.Authorization.DecidedAt = word, reason, f.Time
	default:
		return
	}
	l.src.Link("answered "+key.String(), key)
	f.Key, f.ID = key, schema.MakeID(key.String(), "answer", word)
	l.emit(f)
}
