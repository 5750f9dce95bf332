package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Falco's alerts as JSON (json_output), one a line. Made from Falco 0.15 to 0.41.
//
//	{"uuid","output","priority":"Warning","rule","source":"syscall","tags":["T1059"],"time","hostname",
//	 "output_fields":{"proc.cmdline","proc.exepath","proc.cwd","proc.pid","user.name","user.loginname","container.id",
//	 "container.name","container.image.repository","k8s.ns.name","k8s.pod.name","evt.type","evt.time",…}}
//
// Which fields there are the rule decides. An alert is about what a process did (evt.type): of an execution (execve,
// execveat, clone, vfork …) its command is the action; of all else (open, connect) the call is, a tool of that name, and
// the process is its executable and argv's text is kept in the fields.
//
// Lines of `sysdig -j`, and of falco-like programs that print the fields alone, are the same without what is around them:
// {"evt.type":"execve","evt.dir":"<","proc.cmdline",…}. Where a call begins (evt.dir ">") nothing has run yet: a log line.
//
//   - An alert is no decision: Falco watches and stops nothing. Its rule is one of the risk's, its tags of the form Tnnnn
//     are techniques, its priority is kept.
//   - Exit codes and output are not told.
//   - The user is who logged in (user.loginname), where that is told, else whose process it is.
type falco struct{}

const falcoName = "falco"

func (*falco) Name() string { return falcoName }

// Keys of its objects.
func (*falco) Keys() []string { return []string{"rule priority output", "evt.type"} }

func (*falco) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		v = v.First()
	}
	if v.Get("evt.type").Kind() == value.String && first(v, "proc.cmdline", "proc.name", "evt.num").Exists() {
		return true
	}
	return v.Get("rule").Kind() == value.String && v.Get("priority").Kind() == value.String && v.Get("output").Kind() == value.String &&
		(v.Get("output_fields").Kind() == value.Object || v.Get("time").Exists())
}

func (*falco) Convert(_ *Source, in *Input, emit Emit) bool {
	if in.Body.Kind() != value.Array {
		falcoAlert(in, emit, in.Body, 0)
		return true
	}
	n := 0
	for c := in.Body.First(); c.Exists(); c = c.Next() {
		falcoAlert(in, emit, c, n)
		n++
	}
	return true
}

// falcoStarts are the calls by which a program starts.
var falcoStarts = set("execve execveat clone clone3 fork vfork spawned_process")

var falcoPlaced = set("output time hostname uuid")

func falcoAlert(in *Input, emit Emit, v value.Value, n int) {
	o := v.Get("output_fields")
	if v.Get("evt.type").Exists() {
		o = v
	}
	field := func(names ...string) string {
		s := first(o, names...).String()
		if s == "<NA>" || s == "null" {
			return ""
		}
		return s
	}
	f := newFragment(in, falcoName, falcoName, schema.Whole)
	setTime(f, parseTime(first(v, "time")))
	if f.Time.IsZero() {
		setTime(f, parseTime(first(o, "evt.time", "evt.rawtime", "evt.outputtime", "evt.rawtime.ns")))
	}
	call, line := field("evt.type"), field("proc.cmdline")
	switch {
	case field("evt.dir") == ">":
		setKind(&f.Action, schema.ActionLog)
	case line != "" && (call == "" || falcoStarts[call]):
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = line
	case call != "" || line != "":
		setKind(&f.Action, schema.ActionTool)
		f.Event.Category, f.Event.Type = []string{"process"}, []string{"info"}
		f.Command.Tool = call
	default:
		setKind(&f.Action, schema.ActionLog)
	}
	f.Message = str(v.Get("output"))
	f.Command.Executable, f.Command.Cwd = field("proc.exepath"), field("proc.cwd")
	if pid, ok := o.Get("proc.pid").Int(); ok {
		f.Execution.PID = schema.Some(pid)
	}
	user, login := field("user.name"), field("user.loginname")
	f.Identity.UserName = orElse(login, user)
	if user != f.Identity.UserName {
		f.Identity.EffectiveUser = user
	}
	f.Identity.UserID = loginID(field("user.loginuid"), field("user.uid"))
	fill(&f.Infrastructure.HostName, str(v.Get("hostname")))
	falcoPlace(f, field)
	if rule := str(v.Get("rule")); rule != "" {
		f.Risk.Rules = []string{rule}
	}
	f.Risk.Techniques = falcoTechniques(v.Get("tags"))
	addFields(&f.Trail.Fields, without(v, func(k string) bool { return falcoPlaced[k] || k == "proc.cmdline" || in.isOuter(k) }))
	if id := str(v.Get("uuid")); id != "" {
		identify(f, schema.MakeID(falcoName, id))
	} else {
		identifyByInput(f, in, n)
	}
	emit(f)
}

// falcoPlace reads where the process ran. "host" is no container.
func falcoPlace(f *schema.Fragment, field func(...string) string) {
	i := &f.Infrastructure
	i.ContainerID, i.ContainerName, i.OrchestratorNamespace, i.OrchestratorPod = "", "", "", ""
	if id := field("container.id"); id != "host" {
		i.ContainerID, i.ContainerName = id, field("container.name")
	}
	i.ContainerImage = field("container.image.repository", "container.image")
	if tag := field("container.image.tag"); tag != "" && i.ContainerImage != "" {
		i.ContainerImage += ":" + tag
	}
	i.OrchestratorNamespace, i.OrchestratorPod = field("k8s.ns.name"), field("k8s.pod.name")
	if i.OrchestratorPod != "" || i.OrchestratorNamespace != "" {
		i.OrchestratorType = "kubernetes"
	}
}

// falcoTechniques are the tags that name one of ATT&CK's.
func falcoTechniques(tags value.Value) []string {
	var out []string
	for _, t := range list(tags) {
		if len(t) >= 5 && t[0] == 'T' && strings.Trim(t[1:], "0123456789.") == "" {
			out = append(out, t)
		}
	}
	return out
}
