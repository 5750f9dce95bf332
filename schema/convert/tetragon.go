package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Tetragon's export, one event a line. Made from 0.8 to 1.5.
//
//	{"process_exec":  {"process":{…},"parent":{…}}, "node_name", "cluster_name", "time"}
//	{"process_exit":  {"process":{…},"parent":{…},"signal":"SIGKILL","status":1,"time"}, …}
//	{"process_kprobe":{"process":{…},"parent":{…},"function_name","args":[],"return","action","policy_name","message"}, …}
//	    and process_tracepoint, process_uprobe, process_usdt, process_lsm alike
//	process: {"exec_id","pid","uid","auid","cwd","binary","arguments","flags","start_time","docker","parent_exec_id",
//	          "pod":{"namespace","name","container":{"id","name","image":{"name"}},"workload"},"process_credentials"}
//
// The start and the end of a program are one action, by exec_id, which is unique in a cluster (node, time, pid). A program
// that replaces itself (exec without fork) has an end for the last one only.
//
//   - status is left out when it is 0: no status and no signal is exit code 0. A program that was killed has no code.
//   - The command line is binary and arguments as they are told: Tetragon quotes arguments with spaces, and cuts long
//     ones (flags: truncArgs).
//   - A function that a policy watches is an action of its own, a call of a tool of that name, in which the process did
//     not start anything: it has no command line. Only when the policy's action was to kill the process or to make the
//     call fail is that a denial; its rule is the policy.
//   - The user is the one who logged in (auid), where that is known, else the one the process ran as.
//   - Output is not told, nor is who started an agent's command: an exec has no session.
type tetragon struct{}

const tetragonName = "tetragon"

func (*tetragon) Name() string { return tetragonName }

const tetragonKinds = `process_exec process_exit process_kprobe process_tracepoint process_uprobe process_usdt
	process_lsm process_loader`

var tetragonEvents = set(tetragonKinds)

// Keys of its objects.
func (*tetragon) Keys() []string { return strings.Fields(tetragonKinds) }

func (*tetragon) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		v = v.First()
	}
	return tetragonEvent(v).Exists()
}

// tetragonEvent is the event in a record.
func tetragonEvent(v value.Value) value.Value {
	if v.Kind() != value.Object {
		return value.Value{}
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		if tetragonEvents[c.Key()] && c.Get("process").Kind() == value.Object {
			return c
		}
	}
	return value.Value{}
}

func (*tetragon) Convert(_ *Source, in *Input, emit Emit) bool {
	if in.Body.Kind() != value.Array {
		tetragonRecord(in, emit, in.Body, 0)
		return true
	}
	n := 0
	for c := in.Body.First(); c.Exists(); c = c.Next() {
		if tetragonEvent(c).Exists() {
			tetragonRecord(in, emit, c, n)
			n++
		}
	}
	return true
}

func tetragonRecord(in *Input, emit Emit, v value.Value, n int) {
	e := tetragonEvent(v)
	p := e.Get("process")
	f := newFragment(in, tetragonName, tetragonName, schema.Whole)
	at := parseTime(v.Get("time"))
	tetragonProcess(f, p)
	fill(&f.Infrastructure.HostName, str(v.Get("node_name")))
	fill(&f.Infrastructure.OrchestratorCluster, str(v.Get("cluster_name")))
	f.Command.CallID = str(p.Get("exec_id"))
	start := parseTime(p.Get("start_time"))
	switch e.Key() {
	case "process_exec":
		f.Role = schema.Request
		setTime(f, start)
		f.Execution.Start = start
	case "process_exit":
		f.Role = schema.Result
		tetragonExit(f, e)
		setTime(f, at)
		f.Execution.Start = start
		if !start.IsZero() && !at.Before(start) {
			f.Execution.Duration = schema.Some(at.Sub(start).Nanoseconds())
		}
	default:
		setTime(f, at)
		tetragonCall(f, e)
	}
	id := f.Command.CallID
	switch {
	case f.Role == schema.Whole && id != "" && !at.IsZero():
		// The same call again is an event of its own; that it is the same event is told by all it says.
		identify(f, schema.MakeID(tetragonName, id, e.Key(), string(jsonOf(v.Get("time"))), string(f.Command.ToolArguments), f.Command.Tool))
		f.Command.CallID = ""
		addFields(&f.Trail.Fields, single("exec_id", p.Get("exec_id")))
	case id != "":
		identify(f, schema.MakeID(tetragonName, id))
	default:
		f.Role = schema.Whole
		identifyByInput(f, in, n)
	}
	emit(f)
}

var tetragonPlaced = set(`exec_id pid cwd binary arguments start_time pod docker`)

// tetragonProcess reads a process: what it runs, where and as whom.
func tetragonProcess(f *schema.Fragment, p value.Value) {
	setKind(&f.Action, schema.ActionShell)
	c, i := &f.Command, &f.Infrastructure
	c.Executable, c.Cwd = str(p.Get("binary")), str(p.Get("cwd"))
	c.Line = strings.TrimRight(c.Executable+" "+str(p.Get("arguments")), " ")
	if pid, ok := p.Get("pid").Int(); ok {
		f.Execution.PID = schema.Some(pid)
	}
	f.Identity.UserID = loginID(p.Get("auid").String(), p.Get("uid").String())
	f.Identity.UserName = str(p.Get("user", "name"))
	if pod := p.Get("pod"); pod.Kind() == value.Object {
		i.OrchestratorType = "kubernetes"
		i.OrchestratorNamespace, i.OrchestratorPod = str(pod.Get("namespace")), str(pod.Get("name"))
		box := pod.Get("container")
		i.ContainerID, i.ContainerName = str(box.Get("id")), str(box.Get("name"))
		if _, id, ok := strings.Cut(i.ContainerID, "://"); ok {
			i.ContainerID = id
		}
		i.ContainerImage = str(box.Get("image", "name"))
	} else {
		// The exporter's own pod, if the wrapping names one, is not where the process ran.
		i.OrchestratorNamespace, i.OrchestratorPod, i.ContainerID, i.ContainerName, i.ContainerImage = "", "", "", "", ""
	}
	fill(&i.ContainerID, str(p.Get("docker")))
	if rest := without(p, func(k string) bool { return tetragonPlaced[k] }); rest != "" {
		addFields(&f.Trail.Fields, `{"process":`+rest+`}`)
	}
}

// loginID is the user who logged in, else the one a process runs as. 4294967295 is nobody.
func loginID(auid, uid string) string {
	switch auid {
	case "", "4294967295", "-1", "unset":
		return uid
	}
	return auid
}

func tetragonExit(f *schema.Fragment, e value.Value) {
	status, ok := e.Get("status").Int()
	switch signal := e.Get("signal"); {
	case str(signal) != "":
		f.Event.Outcome = schema.OutcomeFailure
		addFields(&f.Trail.Fields, single("signal", signal))
	case ok || !e.Get("status").Exists():
		setExit(f, status)
	}
}

var tetragonCallPlaced = set("process parent ancestors function_name args policy_name")

// tetragonCall reads a function that a policy watches.
func tetragonCall(f *schema.Fragment, e value.Value) {
	setKind(&f.Action, schema.ActionTool)
	f.Event.Category, f.Event.Type = []string{"process"}, []string{"info"}
	f.Command.Line = ""
	f.Command.Tool = orElse(str(first(e, "function_name", "symbol")), strings.Trim(str(e.Get("subsys"))+"/"+str(e.Get("event")), "/"))
	if f.Command.Tool == "" {
		f.Command.Tool = e.Key()
	}
	if args := e.Get("args"); args.Exists() {
		f.Command.ToolArguments = single("args", args)
	}
	addFields(&f.Trail.Fields, without(e, func(k string) bool { return tetragonCallPlaced[k] }))
	policy, action := str(e.Get("policy_name")), str(e.Get("action"))
	if policy != "" {
		addFields(&f.Trail.Fields, single("policy_name", e.Get("policy_name")))
	}
	for _, kill := range []string{"_SIGKILL", "_OVERRIDE", "_NOTIFYENFORCER"} {
		if strings.HasSuffix(action, kill) {
			deny(f, "policy", action, str(e.Get("message")))
			f.Authorization.Rule = policy
		}
	}
}
