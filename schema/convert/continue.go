package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Continue, in editors and as cn on the command line: ~/.continue/sessions/<session>.json, one document that is written
// anew as it grows. Made from its source of June 2026.
//
//		{"sessionId","workspaceDirectory","mode","history":[{"message":{"role","content","toolCalls"},"toolCallStates":[state]}]}
//		state {"toolCallId","toolCall":{"id","function":{"name","arguments"}},"parsedArgs","status","output":[{"content","status"}]}
//
//	  - status: generating, generated (waits for the person), calling, done, errored, canceled. canceled is what a refusal
//	    becomes, and also a call whose answer was stopped: a denial only when the output says so, by the person or a policy.
//	  - A terminal's item has a status of its own: "Command completed", "Command failed with exit code N", "Command is running
//	    in the background", "Command timed out".
//	  - There are no times, and no word of who approved; neither user nor host. Older sessions have one toolCallState an item.
type continueDev struct{ prompts bool }

const continueName = "continue"

func (*continueDev) Name() string { return continueName }

// Keys of its objects.
func (*continueDev) Keys() []string { return []string{"workspaceDirectory sessionId history"} }

func (*continueDev) Detect(v value.Value) bool {
	return v.Kind() == value.Object && v.Get("workspaceDirectory").Exists() && v.Get("sessionId").Exists() && v.Get("history").Kind() == value.Array
}

func (c *continueDev) Convert(src *Source, in *Input, emit Emit) bool {
	l := continueLog{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: continueName, family: continueName, agent: continueName}}}
	v := in.Body
	l.begin(str(v.Get("sessionId")))
	keep(&src.Known.Command.Cwd, filePath(str(v.Get("workspaceDirectory"))))
	keep(&src.Known.Authorization.Mode, str(v.Get("mode")))
	keep(&src.Known.Identity.Model, str(v.Get("chatModelTitle")))
	told := map[string]bool{}
	for h := v.Get("history").First(); h.Exists(); h = h.Next() {
		states := h.Get("toolCallStates")
		for s := states.First(); s.Exists(); s = s.Next() {
			told[l.state(s)] = true
		}
		if s := h.Get("toolCallState"); s.Kind() == value.Object {
			told[l.state(s)] = true
		}
		m := h.Get("message")
		for t := m.Get("toolCalls").First(); t.Exists(); t = t.Next() {
			if !told[str(t.Get("id"))] {
				l.asked(str(t.Get("id")), t)
			}
		}
		if id := str(m.Get("toolCallId")); str(m.Get("role")) == "tool" && id != "" && !told[id] {
			l.result(id, "", m.Get("content"), value.Value{})
		}
		if role := str(m.Get("role")); c.prompts && (role == "user" || role == "assistant") {
			l.prompt(role, contentText(m.Get("content")))
		}
	}
	return true
}

// continueLog is a session while it is read.
type continueLog struct{ anyAgent }

func (l *continueLog) asked(id string, t value.Value) {
	l.call(id, toolNameOf(t), argumentsOf(t))
}

// state reads a call with what came of it, and returns its id.
func (l *continueLog) state(s value.Value) string {
	id := orElse(str(s.Get("toolCallId")), str(s.Get("toolCall", "id")))
	l.asked(id, s.Get("toolCall"))
	status := str(s.Get("status"))
	if status != "done" && status != "errored" && status != "canceled" {
		return id
	}
	f := l.fragment(schema.Result, id)
	f.Command.Tool = toolNameOf(s.Get("toolCall"))
	outcome(f, status != "done")
	var said []string
	ended := ""
	for o := s.Get("output").First(); o.Exists(); o = o.Next() {
		said = append(said, texts(o.Get("content")))
		ended = orElse(str(o.Get("status")), ended)
	}
	text := strings.Join(said, "\n")
	setStdout(&f.Execution, text)
	switch {
	case status == "canceled":
		if by, ok := refusedBy(text); ok {
			deny(f, by, status, "")
		} else if strings.Contains(text, "policy") {
			deny(f, "config", status, "")
		} else {
			f.Authorization.Raw, f.Execution.Interrupted, f.Event.Outcome = status, true, schema.OutcomeUnknown
		}
		noOutput(f, text)
	case toolAction(f.Command.Tool) == schema.ActionShell:
		continueCommand(f, ended)
	}
	l.send(f, status, text, ended)
	return id
}

// continueCommand reads how a command in the terminal ended.
func continueCommand(f *schema.Fragment, ended string) {
	switch code, failed := exitAfter(ended, "exit code "); {
	case failed:
		setExit(f, code)
	case ended == "Command completed":
		setExit(f, 0)
	case strings.Contains(ended, "timed out"):
		f.Event.Outcome = schema.OutcomeFailure
		f.Execution.TimedOut = true
	case strings.Contains(ended, "background"):
		f.Event.Outcome = schema.OutcomeUnknown
		f.Execution.Background = true
	case strings.HasPrefix(ended, "Command failed"):
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = ended
	}
}
