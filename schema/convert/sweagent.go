package convert

import (
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// SWE-agent trajectories (*.traj): one JSON document of a run, written anew after every step. Made from 0.6 to 1.1.
//
//	{"environment","trajectory":[{"action","observation","response","thought","state","execution_time"}],"history":[…],
//	 "info":{"exit_status","swe_agent_version","submission"},"replay_config":{"agent":{"model":{"name"}},
//	 "problem_statement":{"id"},"env":{"deployment":{"image"}}}}; with a retrying agent also "attempts":[{the same},…]
//
// state is an object, or its JSON text: {"working_dir","open_file"}. Up to 0.7 it was taken before the action; since 1.0,
// which is when steps have execution_time, after it: there the directory of an action is that of the state before it, and
// for the first action its own, unless it changed it. replay_config may be JSON text as well.
//
// Actions run in one shell; the agent's own commands (open, edit, submit) are functions of that shell, and so all of them
// are commands. A model that calls functions has them in history: {"role":"assistant","action","tool_calls":[{"id",
// "function":{"name"}}]}, in the same order, with demonstrations (is_demo) before them.
//
// An observation that begins with "EXECUTION TIMED OUT", or "The command … was cancelled because it took more than", is
// SWE-agent's own word that it killed the command: a failure. There are no times, exit codes, users or decisions in it.
// Commands are named by log, task and their place in it. A document with a history only is a demonstration, which is shown to
// models: its calls are none that were made, and nothing is recorded of it.
type sweAgent struct{}

const sweAgentName = "swe-agent"

func (*sweAgent) Name() string { return sweAgentName }

// Keys of its objects.
func (*sweAgent) Keys() []string { return []string{"trajectory", "history", "attempts"} }

func (*sweAgent) Detect(v value.Value) bool {
	for s := v.Get("trajectory").First(); s.Exists(); s = s.Next() {
		return s.Get("action").Kind() == value.String && s.Get("observation").Exists()
	}
	if isSWEDemo(v) {
		return true
	}
	a := v.Get("attempts").First()
	return a.Get("trajectory").Kind() == value.Array ||
		v.Get("trajectory").Kind() == value.Array && v.Get("info").Kind() == value.Object && v.Get("history").Kind() == value.Array
}

// isSWEDemo knows a demonstration: SWE-agent's entries of a history, and no trajectory.
func isSWEDemo(v value.Value) bool {
	e := v.Get("history").First()
	return e.Get("role").Exists() && e.Get("agent").Exists() && e.Get("message_type").Exists() && !v.Get("trajectory").Exists() && !v.Get("attempts").Exists()
}

func (s *sweAgent) Convert(_ *Source, in *Input, emit Emit) bool {
	n := 0
	for a := in.Body.Get("attempts").First(); a.Exists(); a = a.Next() {
		n++
		newSWERun(in, emit, a, n).steps()
	}
	if n == 0 {
		newSWERun(in, emit, in.Body, 0).steps()
	}
	return true
}

// sweRun is one attempt while it is read.
type sweRun struct {
	in   *Input
	emit Emit
	doc  value.Value

	base                           schema.ID
	session, version, model, image string
	said                           value.Value // next entry of history
	dir                            string      // directory after the step before
	after                          bool        // states are taken after the action
}

func newSWERun(in *Input, emit Emit, v value.Value, attempt int) *sweRun {
	r := &sweRun{in: in, emit: emit, doc: v, said: v.Get("history").First()}
	r.version = first(v.Get("info"), "swe_agent_version", "version").String()
	config := first(v, "replay_config")
	if config.Kind() == value.Missing {
		config = in.Body.Get("replay_config")
	}
	if text, ok := config.Str(); ok {
		var doc value.Doc
		if parsed, err := doc.ParseJSON(text); err == nil {
			config = parsed
		}
	}
	r.session = str(config.Get("problem_statement", "id"))
	r.model = str(config.Get("agent", "model", "name"))
	r.image = str(config.Get("env", "deployment", "image"))
	r.base = schema.MakeID(sweAgentName, in.Source.String(), r.session, str(v.Get("environment")), strconv.Itoa(attempt))
	return r
}

func (r *sweRun) steps() {
	n := 0
	for s := r.doc.Get("trajectory").First(); s.Exists(); s = s.Next() {
		r.step(n, s)
		n++
	}
}

// sweDir is the working directory of a state.
func sweDir(state value.Value) string {
	if text, ok := state.Str(); ok {
		var doc value.Doc
		v, err := doc.ParseJSON(strings.TrimSpace(text))
		if err != nil {
			return ""
		}
		state = v
	}
	return str(state.Get("working_dir"))
}

func (r *sweRun) step(n int, s value.Value) {
	dir := sweDir(s.Get("state"))
	before := dir
	if r.after = r.after || s.Get("execution_time").Exists(); r.after {
		before = r.dir
		if n == 0 && !changesDir(str(s.Get("action"))) {
			before = dir
		}
	}
	if dir != "" {
		r.dir = dir
	}
	line := strings.TrimRight(str(s.Get("action")), "\r\n")
	if strings.TrimSpace(line) == "" {
		return
	}
	f := newFragment(r.in, sweAgentName, sweAgentName, schema.Whole)
	setKind(&f.Action, schema.ActionShell)
	f.Session.ID, f.Session.ConversationID = r.session, r.session
	f.Identity.ServiceName, f.Identity.AgentName = sweAgentName, sweAgentName
	f.Identity.ServiceVersion, f.Identity.Model = r.version, r.model
	f.Infrastructure.ContainerImage = orElse(f.Infrastructure.ContainerImage, r.image)
	f.Command.Line, f.Command.Cwd = line, before
	f.Command.Tool, f.Command.CallID = r.call(str(s.Get("action")))
	setStdout(&f.Execution, contentText(s.Get("observation")))
	f.Execution.Duration = scaled(s.Get("execution_time"), time.Second)
	if sweTimedOut(f.Execution.Stdout) {
		f.Execution.TimedOut = true
		f.Event.Outcome = schema.OutcomeFailure
	}
	identify(f, schema.MakeID(r.base.String(), strconv.Itoa(n), line), f.Execution.Stdout)
	r.emit(f)
}

// call is the tool and the id of the call whose action this was, from the history. Entries that were dropped from it,
// or changed, are passed over.
func (r *sweRun) call(action string) (tool, id string) {
	for e := r.said; e.Exists(); e = e.Next() {
		if str(e.Get("role")) != "assistant" || e.Get("is_demo").Bool() || str(e.Get("action")) != action {
			continue
		}
		r.said = e.Next()
		call := e.Get("tool_calls").First()
		if call.Next().Exists() {
			return "", ""
		}
		return str(call.Get("function", "name")), str(call.Get("id"))
	}
	return "", ""
}

// changesDir says whether a command may change the directory of its shell.
func changesDir(line string) bool {
	for w := range strings.FieldsFuncSeq(line, func(c rune) bool { return strings.ContainsRune(" \t\n;&|(){}`", c) }) {
		if w == "cd" || w == "pushd" || w == "popd" {
			return true
		}
	}
	return false
}

// sweTimedOut knows SWE-agent's own words, which begin the observation of a command that took too long.
func sweTimedOut(observation string) bool {
	s := strings.TrimSpace(observation)
	if len(s) > 400 {
		s = s[:400]
	}
	return strings.HasPrefix(s, "EXECUTION TIMED OUT") ||
		strings.HasPrefix(s, "The command '") && strings.Contains(s, "was cancelled because it took more than")
}
