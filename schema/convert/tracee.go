package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Tracee's events as JSON, one a line. Made from its documentation of 0.13 to 0.24 and public samples.
//
//		{"timestamp":ns,"eventName":"sched_process_exec","processId","hostProcessId","userId","processName","executable":{"path"},
//		 "hostName","container":{"id","name","image"},"kubernetes":{"podName","podNamespace"},"processEntityId",
//		 "args":[{"name":"argv","value":["ls","-l"]}]}
//		{"timestamp":"…Z","name":"sched_process_exec","workload":{"process":{"executable":{"path"},"hostPid","uniqueId","realUser":{"id"}},
//		 "container","k8s"},"data":[{"name":"argv","strArray":{"value":["ls"]}}]}                                   the gRPC form
//
//	  - sched_process_exec starts a program, sched_process_exit ends it: one action by the process's unique id, where that is
//	    told; else the end is kept as a log line. An execve event is the attempt, of which the other tells more: it counts only
//	    when it failed (returnValue).
//	  - Other events are calls of a tool of their name. A signature's event names the rule that it found.
//	  - There is no directory (but for its argument pwd), and no output.
type tracee struct{}

const traceeName = "tracee"

func (*tracee) Name() string { return traceeName }

// Keys of its objects.
func (*tracee) Keys() []string {
	return []string{"timestamp eventName hostProcessId", "timestamp name workload"}
}

func (*tracee) Detect(v value.Value) bool {
	if v.Kind() != value.Object || !v.Get("timestamp").Exists() {
		return false
	}
	return v.Get("eventName").Kind() == value.String && v.Get("hostProcessId").Exists() && v.Get("args").Kind() == value.Array ||
		v.Get("name").Kind() == value.String && v.Get("workload", "process").Kind() == value.Object
}

// traceeEvent is an event while it is read.
type traceeEvent struct {
	v, process value.Value
	name       string
}

func (*tracee) Convert(_ *Source, in *Input, emit Emit) bool {
	v := in.Body
	e := traceeEvent{v: v, process: v.Get("workload", "process"), name: str(first(v, "eventName", "name"))}
	f := newFragment(in, traceeName, traceeName, schema.Whole)
	setTime(f, parseTime(v.Get("timestamp")))
	e.place(f)
	unique := orElse(first(v, "processEntityId").String(), e.process.Get("uniqueId").String())
	code, failed := v.Get("returnValue").Int()
	switch {
	case e.name == "sched_process_exec":
		e.start(f)
		f.Role = schema.Request
		f.Execution.Start = f.Time
	case e.name == "sched_process_exit" && unique != "" && unique != "0":
		setKind(&f.Action, schema.ActionShell)
		f.Role = schema.Result
		f.Execution.End = f.Time
		if code, ok := e.arg("exit_code").Int(); ok {
			setExit(f, code)
		}
	case (e.name == "execve" || e.name == "execveat") && failed && code < 0:
		e.start(f)
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = "returnValue=" + schema.FormatInt(schema.Some(code))
	case e.name == "execve" || e.name == "execveat" || e.name == "sched_process_exit":
		setKind(&f.Action, schema.ActionLog)
	default:
		e.watched(f)
	}
	addFields(&f.Trail.Fields, without(v, func(k string) bool { return k == "args" || k == "data" || in.isOuter(k) }))
	if f.Role != schema.Whole && unique != "" && unique != "0" {
		identify(f, schema.MakeID(traceeName, str(v.Get("hostName")), unique))
	} else {
		f.Role = schema.Whole
		identifyByInput(f, in, 0)
	}
	emit(f)
	return true
}

// arg is an argument of the event: its value, or, in the gRPC form, what stands under the name of its type.
func (e *traceeEvent) arg(name string) value.Value {
	for a := first(e.v, "args", "data").First(); a.Exists(); a = a.Next() {
		if str(a.Get("name")) != name {
			continue
		}
		if c := a.Get("value"); c.Exists() {
			return c
		}
		for c := a.First(); c.Exists(); c = c.Next() {
			if c.Key() == "name" {
				continue
			}
			if inner := c.Get("value"); inner.Exists() {
				return inner
			}
			return c
		}
	}
	return value.Value{}
}

// start reads the program that was started.
func (e *traceeEvent) start(f *schema.Fragment) {
	setKind(&f.Action, schema.ActionShell)
	if argv := e.arg("argv"); argv.Kind() == value.Array {
		f.Command.Args = list(argv)
	} else if s := str(argv); s != "" {
		f.Command.Args = strings.Fields(strings.Trim(s, "[]"))
	}
	f.Command.Line = strings.Join(f.Command.Args, " ")
	f.Command.Executable = orElse(str(e.arg("pathname")), str(e.arg("cmdpath")))
	f.Command.Cwd = str(e.arg("pwd"))
	if f.Command.Line == "" {
		f.Command.Line = f.Command.Executable
	}
}

// watched reads any other event.
func (e *traceeEvent) watched(f *schema.Fragment) {
	setKind(&f.Action, schema.ActionTool)
	f.Event.Category, f.Event.Type = []string{"process"}, []string{"info"}
	f.Command.Tool = e.name
	if a := first(e.v, "args", "data"); a.First().Exists() {
		f.Command.ToolArguments = single("args", a)
	}
	f.Command.Executable = orElse(str(e.v.Get("executable", "path")), str(e.process.Get("executable", "path")))
	if rule := str(e.v.Get("metadata", "Properties", "signatureName")); rule != "" {
		f.Risk.Rules = []string{rule}
	}
}

// place reads who and where.
func (e *traceeEvent) place(f *schema.Fragment) {
	i := &f.Infrastructure
	f.Identity.UserID = first(e.v, "userId").String()
	if id := e.process.Get("realUser", "id"); id.Exists() {
		f.Identity.UserID = orElse(id.Get("value").String(), id.String())
	}
	for _, pid := range []value.Value{e.v.Get("hostProcessId"), e.process.Get("hostPid"), e.process.Get("hostPid", "value")} {
		if n, ok := pid.Int(); ok {
			f.Execution.PID = schema.Some(n)
		}
	}
	fill(&i.HostName, str(e.v.Get("hostName")))
	for _, c := range []value.Value{e.v.Get("container"), e.v.Get("workload", "container")} {
		fill(&i.ContainerID, str(c.Get("id")))
		fill(&i.ContainerName, str(c.Get("name")))
		image := c.Get("image")
		fill(&i.ContainerImage, orElse(str(image), str(image.Get("name"))))
	}
	pod := orElse(str(e.v.Get("kubernetes", "podName")), str(e.v.Get("workload", "k8s", "pod", "name")))
	if fill(&i.OrchestratorPod, pod) {
		i.OrchestratorType = "kubernetes"
		fill(&i.OrchestratorNamespace, orElse(str(e.v.Get("kubernetes", "podNamespace")), str(e.v.Get("workload", "k8s", "namespace", "name"))))
	}
}
