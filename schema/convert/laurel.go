package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// The Linux audit log as Laurel writes it: one JSON object an event, in place of auditd's lines. Made from its documentation
// and versions 0.1 to 0.7.
//
//	{"ID":"1615114232.375:15558","NODE":"web1","SYSCALL":{"arch":"0xc000003e","syscall":59,"success":"yes","exit":0,"pid":1,
//	 "comm","exe","key","SYSCALL":"execve","AUID":"alice","UID":"root"},"EXECVE":{"argc":2,"ARGV":["ls","-l"]},
//	 "CWD":{"cwd":"/srv"},"PATH":[{"name","nametype"}],"PROCTITLE":{"ARGV":[…]},"PARENT_INFO":{"comm","exe"}}
//
// What it tells, and what it cannot, is as in auditd.go; an event has the same identity there. ARGV_STR in place of ARGV is the
// words with spaces between. Events without a SYSCALL are kept as log records, but for USER_CMD, a command through sudo.
type laurel struct{}

const laurelName = "laurel"

// laurelParts are the parts of an event that have their place.
var laurelParts = set("ID NODE SYSCALL EXECVE CWD PATH PROCTITLE PARENT_INFO USER_CMD")

func (*laurel) Name() string { return laurelName }

// Keys of its objects.
func (*laurel) Keys() []string { return []string{"ID"} }

func (*laurel) Detect(v value.Value) bool {
	id, ok := v.Get("ID").Str()
	stamp, serial, cut := strings.Cut(id, ":")
	if !ok || !cut || serial == "" || timeOf(stamp).IsZero() {
		return false
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		if k := c.Key(); (c.Kind() == value.Object || c.Kind() == value.Array) && k == strings.ToUpper(k) {
			return true
		}
	}
	return false
}

func (*laurel) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	id, node := str(v.Get("ID")), str(v.Get("NODE"))
	stamp, _, _ := strings.Cut(id, ":")
	f := newFragment(in, laurelName, auditdName, schema.Whole)
	fill(&f.Infrastructure.HostName, node)
	f.Command.CallID = id
	l := auditEvent{auditLine: auditLine{node: node, id: id, time: timeOf(stamp)}, src: src}
	f.Time = l.time
	switch {
	case v.Get("SYSCALL").Kind() == value.Object:
		l.typ = "SYSCALL"
		l.members(v.Get("SYSCALL"))
		l.syscall(f)
		laurelCommand(f, v, &l)
	case v.Get("USER_CMD").Kind() == value.Object:
		laurelUserCommand(f, v.Get("USER_CMD"), &l)
	default:
		setKind(&f.Action, schema.ActionLog)
		addFields(&f.Trail.Fields, without(v, func(k string) bool { return k == "ID" || k == "NODE" || in.isOuter(k) }))
	}
	addFields(&f.Trail.Fields, without(v, func(k string) bool { return laurelParts[k] || in.isOuter(k) || f.Event.Action == schema.ActionLog }))
	f.Role = schema.Whole
	key := schema.MakeID(auditdName, orElse(node, in.Known.Infrastructure.HostName), id)
	identify(f, key, laurelName)
	emit(f)
	return true
}

// members takes the fields of a record as those of a line. They are decoded already.
func (l *auditEvent) members(v value.Value) {
	l.fields = make([]auditField, 0, v.Len())
	for c := v.First(); c.Exists(); c = c.Next() {
		if c.Kind() == value.Object || c.Kind() == value.Array || c.Kind() == value.Null {
			continue
		}
		f := auditField{name: c.Key(), value: c.String(), quoted: true}
		if f.name == "arch" {
			f.value = strings.TrimPrefix(f.value, "0x")
		}
		l.fields = append(l.fields, f)
	}
}

// laurelCommand fills in what the parts beside the SYSCALL say.
func laurelCommand(f *schema.Fragment, v value.Value, l *auditEvent) {
	f.Command.Cwd = str(v.Get("CWD", "cwd"))
	if l.seen(auditRun) && !l.seen(auditFailed) {
		for _, part := range []string{"EXECVE", "PROCTITLE"} {
			if args := v.Get(part, "ARGV"); f.Command.Line == "" && args.Kind() == value.Array {
				f.Command.Args = list(args)
				f.Command.Line = strings.Join(f.Command.Args, " ")
			} else if f.Command.Line == "" {
				f.Command.Line = str(v.Get(part, "ARGV_STR"))
			}
		}
	}
	for p := v.Get("PATH").First(); p.Exists(); p = p.Next() {
		name, how := str(p.Get("name")), str(p.Get("nametype"))
		switch {
		case name == "" || how == "PARENT":
		case l.seen(auditRun):
			if item, _ := p.Get("item").Int(); item == 0 && l.seen(auditFailed) {
				fill(&f.Command.Executable, name)
			}
		default:
			if how == "CREATE" || how == "DELETE" {
				setKind(&f.Action, schema.ActionFileChange)
			}
			addFields(&f.Command.ToolArguments, single("path", p.Get("name")))
		}
	}
	if parent := v.Get("PARENT_INFO"); parent.Kind() == value.Object {
		addFields(&f.Trail.Fields, single("parent", parent))
	}
}

// laurelUserCommand reads a command through sudo.
func laurelUserCommand(f *schema.Fragment, v value.Value, l *auditEvent) {
	l.typ = "USER_CMD"
	l.members(v)
	setKind(&f.Action, schema.ActionShell)
	l.who(f)
	f.Command.Line, f.Command.Cwd = orElse(str(v.Get("cmd")), strings.Join(list(v.Get("cmd")), " ")), str(v.Get("cwd"))
	f.Execution.Start = l.time
	switch word := str(v.Get("res")); word {
	case "success":
		f.Authorization = schema.Authorization{Decision: schema.AutoApproved, Source: "sudoers", Raw: word}
	case "failed":
		deny(f, "sudoers", word, "")
		f.Execution.Start = time.Time{}
	}
}
