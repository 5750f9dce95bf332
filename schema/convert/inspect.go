package convert

import (
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Inspect AI's evaluation logs: one JSON document of a run (`inspect log dump`, or --log-format json), or one of its samples,
// as .eval files have them. Made from logs of version 2, November 2024 to August 2026.
//
//		{"version":2,"eval":{"run_id","task","model"},"samples":[sample]}
//		sample {"id","epoch","uuid","messages":[…],"events":[event]}
//		event  {"event":"tool","id","function","arguments","result","error":{"type","message"},"timestamp","completed","agent"}
//		       {"event":"approval","call":{"id"},"approver","decision":"approve"|"modify"|"reject"|"terminate"|"escalate","explanation"}
//
//	  - Messages tell of the same calls, by id; they are read for what no event tells: a log may be stripped of events.
//	  - sandbox events are how a tool, or the evaluation itself, runs programs: the call tells what the agent did.
//	  - The approver "human" is a person; every other is a policy of the run.
//	  - bash gives no exit code. Directory, user and host are not told.
type inspectAI struct{}

const inspectName = "inspect"

func (*inspectAI) Name() string { return inspectName }

func isInspectSample(v value.Value) bool {
	return v.Get("epoch").Exists() && v.Get("messages").Kind() == value.Array && first(v, "target", "scores", "store").Exists()
}

// Keys of its objects.
func (*inspectAI) Keys() []string { return []string{"eval samples", "epoch messages"} }

func (*inspectAI) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	return v.Get("eval", "task").Exists() && v.Get("samples").Kind() == value.Array || isInspectSample(v)
}

func (*inspectAI) Convert(src *Source, in *Input, emit Emit) bool {
	l := inspectLog{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: inspectName, family: inspectName, agent: inspectName}}}
	v := in.Body
	if isInspectSample(v) {
		l.sample(v, value.Value{})
		return true
	}
	for s := v.Get("samples").First(); s.Exists(); s = s.Next() {
		l.sample(s, v.Get("eval"))
	}
	return true
}

// inspectLog is a log while it is read.
type inspectLog struct{ anyAgent }

func (l *inspectLog) sample(s, eval value.Value) {
	l.begin(orElse(str(s.Get("uuid")), str(eval.Get("run_id"))+" "+s.Get("id").String()+" "+s.Get("epoch").String()))
	keep(&l.src.Known.Identity.Model, orElse(str(s.Get("output", "model")), str(eval.Get("model"))))
	told := map[string]bool{}
	for e := s.Get("events").First(); e.Exists(); e = e.Next() {
		switch str(e.Get("event")) {
		case "tool":
			told[str(e.Get("id"))] = true
			l.tool(e)
		case "approval":
			l.approval(e)
		}
	}
	l.time = time.Time{}
	for m := s.Get("messages").First(); m.Exists(); m = m.Next() {
		for c := m.Get("tool_calls").First(); c.Exists(); c = c.Next() {
			if id := str(c.Get("id")); !told[id] {
				l.call(id, str(c.Get("function")), c.Get("arguments"))
			}
		}
		if id := str(m.Get("tool_call_id")); id != "" && !told[id] {
			l.ended(id, str(m.Get("function")), m.Get("content"), m.Get("error"))
		}
	}
}

// tool reads a call with its result.
func (l *inspectLog) tool(e value.Value) {
	id, name := str(e.Get("id")), str(e.Get("function"))
	l.time = parseTime(e.Get("timestamp"))
	l.src.Known.Identity.AgentName = str(e.Get("agent"))
	l.call(id, name, e.Get("arguments"))
	l.src.Known.Identity.AgentName = ""
	done := parseTime(e.Get("completed"))
	if e.Get("pending").Bool() || done.IsZero() && !e.Get("error").Exists() && texts(e.Get("result")) == "" {
		return
	}
	l.time = done
	l.ended(id, name, e.Get("result"), e.Get("error"))
}

func (l *inspectLog) ended(id, tool string, result, failure value.Value) {
	f := l.fragment(schema.Result, id)
	f.Command.Tool, f.Identity.AgentName = tool, ""
	setStdout(&f.Execution, texts(result))
	outcome(f, failure.Kind() == value.Object)
	f.Error.Message = str(failure.Get("message"))
	switch str(failure.Get("type")) {
	case "approval":
		if _, told := l.src.Linked("judged " + l.key(id).String()); !told {
			deny(f, "approver", "approval", f.Error.Message)
		}
	case "timeout":
		f.Execution.TimedOut = true
	}
	l.send(f, string(jsonOf(result)), string(jsonOf(failure)))
}

// approval reads what was decided on a call.
func (l *inspectLog) approval(e value.Value) {
	l.time = parseTime(e.Get("timestamp"))
	f := l.fragment(schema.Decision, str(e.Get("call", "id")))
	word, by := str(e.Get("decision")), str(e.Get("approver"))
	if f.Command.CallID == "" || word == "" {
		return
	}
	f.Identity.AgentName = ""
	reason := str(e.Get("explanation"))
	d := &f.Authorization
	d.Source, d.Raw, d.Reason, d.DecidedAt = by, word, reason, f.Time
	switch word {
	case "approve", "modify":
		d.Decision = schema.AutoApproved
		if by == "human" {
			d.Decision = schema.Approved
		}
	case "reject", "terminate":
		deny(f, by, word, reason)
	}
	l.src.Link("judged "+l.key(f.Command.CallID).String(), l.key(f.Command.CallID))
	l.send(f, "approval", by, word)
}
