package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// trae-agent: trajectory_<time>.json, one document of a run, which is written anew at each step. Made from its source of
// February 2026.
//
//		{"task","start_time","provider","model","llm_interactions":[…],
//		 "agent_steps":[{"step_number","timestamp","state","tool_calls":[{"call_id","name","arguments"}],
//		                 "tool_results":[{"call_id","success","result","error"}]}]}
//
//	  - Of a run that stopped in a step, the last interaction's calls are all that tells of them.
//	  - success is the tool's: its shell succeeds when the command exited with 0, and gives no code. Directory, user, host and
//	    decisions are not told; times are of the step and without zone.
type trae struct{ prompts bool }

const traeName = "trae-agent"

func (*trae) Name() string { return traeName }

// Keys of its objects.
func (*trae) Keys() []string { return []string{"agent_steps llm_interactions"} }

func (*trae) Detect(v value.Value) bool {
	return v.Kind() == value.Object && v.Get("agent_steps").Kind() == value.Array && v.Get("llm_interactions").Kind() == value.Array
}

func (t *trae) Convert(src *Source, in *Input, emit Emit) bool {
	l := traeRun{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: traeName, family: traeName, agent: traeName}}}
	v := in.Body
	l.begin(orElse(sessionOfPath(in.Known.Infrastructure.LogPath), str(v.Get("start_time"))))
	src.Known.Session.Start = parseTime(v.Get("start_time"))
	keep(&src.Known.Identity.Model, str(v.Get("model")))
	keep(&src.Known.Identity.ProviderName, str(v.Get("provider")))
	for i := v.Get("llm_interactions").First(); i.Exists(); i = i.Next() {
		l.time = parseTime(i.Get("timestamp"))
		l.calls(i.Get("response", "tool_calls"))
	}
	for s := v.Get("agent_steps").First(); s.Exists(); s = s.Next() {
		l.time = parseTime(s.Get("timestamp"))
		l.calls(s.Get("tool_calls")) // the same as the interaction's, but for runs that record no interactions
		for r := s.Get("tool_results").First(); r.Exists(); r = r.Next() {
			l.ended(r)
		}
	}
	if t.prompts {
		l.time = parseTime(v.Get("start_time"))
		l.prompt("user", str(v.Get("task")))
	}
	return true
}

// traeRun is a run while it is read.
type traeRun struct{ anyAgent }

func (l *traeRun) calls(list value.Value) {
	for c := list.First(); c.Exists(); c = c.Next() {
		if id := str(c.Get("call_id")); id != "" {
			l.call(id, str(c.Get("name")), c.Get("arguments"))
		}
	}
}

func (l *traeRun) ended(r value.Value) {
	id, failed := str(r.Get("call_id")), r.Get("success").Kind() == value.Bool && !r.Get("success").Bool()
	f := l.fragment(schema.Result, id)
	outcome(f, failed)
	setStdout(&f.Execution, texts(r.Get("result")))
	f.Error.Message = str(r.Get("error"))
	if id == "" {
		l.lone(f)
		return
	}
	l.send(f, string(jsonOf(r)))
}
