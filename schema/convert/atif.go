package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// ATIF, the agent trajectory interchange format of Harbor (Terminal-Bench and others): one JSON document of a run, which
// Harbor writes itself (Terminus) or makes of the logs of the agent it has run. Made from its versions 1.0 to 1.8.
//
//		{"schema_version":"ATIF-v1.6","session_id","agent":{"name","version","model_name","extra":{"cwds":["/app"]}},
//		 "steps":[{"step_id":2,"timestamp","source":"agent","model_name","message",
//		           "tool_calls":[{"tool_call_id","function_name","arguments":{…}}],
//		           "observation":{"results":[{"source_call_id","content": text or [{"type":"text","text"}]}]}}]}
//
//	  - A result without source_call_id is of the step's only call; of several nothing tells which: it is kept by itself.
//	  - Terminus types into a terminal (bash_command with keystrokes): what is typed is the command.
//	  - There are no exit codes, failures, decisions, users or hosts in it; a directory only where the run has but one.
//	  - With the agent's own log at hand, both tell of the same calls: their ids are the same.
type atif struct{ prompts bool }

const atifName = "atif"

func (*atif) Name() string { return atifName }

// Keys of its objects.
func (*atif) Keys() []string { return []string{"schema_version steps"} }

func (*atif) Detect(v value.Value) bool {
	return strings.HasPrefix(str(v.Get("schema_version")), "ATIF-") && v.Get("steps").Kind() == value.Array
}

func (a *atif) Convert(src *Source, in *Input, emit Emit) bool {
	agent := in.Body.Get("agent")
	name := orElse(str(agent.Get("name")), atifName)
	l := atifRun{callLog{src: src, in: in, emit: emit, format: atifName, family: atifName, agent: name}}
	l.begin(str(in.Body.Get("session_id")))
	known := &src.Known
	keep(&known.Identity.ServiceVersion, str(agent.Get("version")))
	keep(&known.Identity.Model, str(agent.Get("model_name")))
	if dirs := agent.Get("extra", "cwds"); dirs.First().Exists() && !dirs.First().Next().Exists() {
		keep(&known.Command.Cwd, str(dirs.First()))
	}
	for s := in.Body.Get("steps").First(); s.Exists(); s = s.Next() {
		l.time = parseTime(s.Get("timestamp"))
		if a.prompts {
			l.prompt(orElse(str(s.Get("source")), "unknown"), contentText(s.Get("message")))
		}
		l.step(s)
	}
	return true
}

// atifRun is a run while it is read.
type atifRun struct{ callLog }

func (l *atifRun) step(s value.Value) {
	calls := s.Get("tool_calls")
	for c := calls.First(); c.Exists(); c = c.Next() {
		tool, arguments := str(c.Get("function_name")), c.Get("arguments")
		f := l.request(str(c.Get("tool_call_id")), tool, arguments)
		if keys, ok := arguments.Get("keystrokes").Str(); ok {
			setKind(&f.Action, schema.ActionShell)
			f.Command.Line = strings.TrimRight(keys, "\r\n")
		}
		if model := str(s.Get("model_name")); model != "" {
			f.Identity.Model = model
		}
		l.send(f, "call", tool, string(jsonOf(arguments)))
	}
	only := ""
	if calls.First().Exists() && !calls.First().Next().Exists() {
		only = str(calls.First().Get("tool_call_id"))
	}
	for r := s.Get("observation", "results").First(); r.Exists(); r = r.Next() {
		f := l.fragment(schema.Result, orElse(str(r.Get("source_call_id")), only))
		setStdout(&f.Execution, contentText(r.Get("content")))
		if f.Command.CallID == "" {
			l.lone(f)
			continue
		}
		l.send(f, "result", f.Execution.Stdout)
	}
}
