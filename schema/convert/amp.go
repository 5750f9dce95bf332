package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Amp: its threads, T-….json, as it kept them in ~/.local/share/amp/threads and as `amp threads export` prints them. Made from
// public readers of 2025 and 2026.
//
//		{"v":12,"id":"T-…","created":ms,"env":{"initial":{"trees":[{"uri":"file:///…"}]}},"messages":[{"role","content":[block]}]}
//		blocks are Anthropic's, but for a result {"type":"tool_result","toolUseID","run":{"status","result","error"}}
//
//	  - status: done, error, cancelled, rejected-by-user, in-progress, queued, blocked-on-user. A shell's result is {output, exitCode}.
//	  - Times are the thread's only. Who allowed a call is not told; neither user nor host.
type amp struct{ prompts bool }

const ampName = "amp"

func (*amp) Name() string { return ampName }

// Keys of its objects.
func (*amp) Keys() []string { return []string{"id v messages"} }

func (*amp) Detect(v value.Value) bool {
	return v.Kind() == value.Object && strings.HasPrefix(str(v.Get("id")), "T-") && v.Get("v").Exists() && v.Get("messages").Kind() == value.Array
}

func (a *amp) Convert(src *Source, in *Input, emit Emit) bool {
	l := messageLog{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: ampName, family: ampName, agent: ampName}}, a.prompts}
	v := in.Body
	l.begin(str(v.Get("id")))
	known := &src.Known
	known.Session.Start = parseTime(v.Get("created"))
	keep(&known.Identity.ServiceName, ampName)
	keep(&known.Command.Cwd, filePath(str(v.Get("env", "initial", "trees").First().Get("uri"))))
	return l.document(v)
}

// ampRun reads how a call of Amp's went.
func (l *messageLog) ampRun(id string, run value.Value) {
	switch status := str(run.Get("status")); status {
	case "done":
		l.result(id, "", run.Get("result"), docOf(run).Bool(false))
	case "error":
		l.result(id, "", orValue(first(run.Get("error"), "message"), run.Get("error")), docOf(run).Bool(true))
	case "cancelled", "rejected-by-user":
		f := l.told(l.fragment(schema.Result, id))
		f.Event.Outcome, f.Execution.Interrupted = schema.OutcomeUnknown, true
		if status == "rejected-by-user" {
			f.Execution.Interrupted = false
			deny(f, "user", status, str(run.Get("reason")))
		}
		identifyLine(f, l.key(id), string(jsonOf(run)))
		l.emit(f)
	}
}
