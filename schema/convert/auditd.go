package convert

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// The Linux audit log: /var/log/audit/audit.log, the same through syslog (audispd, kernel). Made from RHEL 6 to
// audit 4.0. One event is several lines that share msg=audit(seconds.milliseconds:serial):
//
//	[node=N ]type=SYSCALL msg=audit(…): arch=c000003e syscall=59 success=yes exit=0 items=2 ppid pid auid uid euid tty
//	    ses comm="ls" exe="/bin/ls" key="k"
//	type=EXECVE msg=audit(…): argc=3 a0="ls" a1="-l" a2=2F612062          long: a2_len=9000 a2[0]=… a2[1]=…, then more
//	                                                                      lines of EXECVE
//	type=CWD msg=audit(…): cwd="/srv"
//	type=PATH msg=audit(…): item=0 name="/bin/ls" nametype=NORMAL …       item=1 of an execution is the loader
//	type=PROCTITLE msg=audit(…): proctitle=6C73002D6C                     argv with NUL between, cut after 128 bytes
//	type=USER_CMD msg=audit(…): pid uid auid ses msg='cwd="/" cmd=6C73 exe="/usr/bin/sudo" … res=success'
//
// Values with a space or a quote are in hexadecimal, without quotes. Enriched logs go on behind a 0x1d with names:
// AUID="alice" UID="root" SYSCALL=execve.
//
// What ausearch -i prints and what systemd's journal keeps of the same events is in auditd_forms.go.
//
// Lines of several events come mixed. Each line is a fragment of its event, by serial and time: SYSCALL and EXECVE ask,
// CWD and PATH add, and PROCTITLE, which the kernel writes last, ends the event when the others were seen; so does EOE
// where there is one, or whichever line comes last. An event without a last line (RHEL 6) waits for the pair window.
//
//   - An execution is one of the syscalls execve and execveat. Its command is EXECVE; where that is not logged,
//     PROCTITLE. Of an execution that failed neither is: exe and PROCTITLE are then its caller's, and PATH names what
//     was not found.
//   - exit is the result of the syscall, not the program's: no exit code, the outcome of an execution is unknown.
//   - Other syscalls, logged because a rule watches them, are calls of a tool of the syscall's name.
//   - USER_CMD is a command through sudo, which has allowed it or, with res=failed, has not.
//   - The user is who logged in (auid), where that is known; the effective one is that of the enriched log.
//   - Other types are kept as log lines.
type auditd struct{}

const auditdName = "auditd"

func (*auditd) Name() string { return auditdName }

// Looks says what its lines of text look like.
func (*auditd) Looks() string { return "type=… msg=audit(time:serial): name=value …" }

// Keys of its objects: it reads lines of text.
func (*auditd) Keys() []string { return []string{"_AUDIT_ID MESSAGE", "AUDIT_ID MESSAGE"} }

func (*auditd) Detect(v value.Value) bool {
	_, ok := readAudit(v)
	return ok
}

// auditLine is one line: what is before the colon, and the rest.
type auditLine struct {
	node, typ string
	id        string // seconds.milliseconds:serial
	time      time.Time
	text      string // what is said
	words     bool   // with values put into words, see auditd_forms.go
}

// auditTypes are the numbers under which the kernel logs types.
var auditTypes = map[string]string{
	"1300": "SYSCALL", "1302": "PATH", "1307": "CWD", "1309": "EXECVE", "1320": "EOE", "1327": "PROCTITLE", "1123": "USER_CMD",
}

func parseAudit(s string) (l auditLine, ok bool) {
	before, after, ok := strings.Cut(s, "audit(")
	if !ok || len(before) > 300 {
		return l, false
	}
	before = strings.TrimSuffix(before, "msg=")
	id, rest, ok := strings.Cut(after, ")")
	rest = strings.TrimPrefix(rest, " ") // as ausearch -i has it
	if !ok || len(id) > 48 || rest != "" && rest[0] != ':' {
		return l, false
	}
	colon := strings.LastIndexByte(id, ':')
	if colon < 0 {
		return l, false
	}
	stamp, serial := id[:colon], id[colon+1:]
	if _, err := strconv.ParseUint(serial, 10, 64); err != nil {
		return l, false
	}
	if l.words = strings.Contains(stamp, ":"); l.words {
		l.time = auditWallTime(stamp)
	} else {
		l.time = timeOf(stamp)
	}
	if l.time.IsZero() {
		return l, false
	}
	for _, w := range strings.Fields(before) {
		if t, ok := strings.CutPrefix(w, "type="); ok {
			l.typ = t
		} else if n, ok := strings.CutPrefix(w, "node="); ok {
			l.node = n
		}
	}
	if name := auditTypes[l.typ]; name != "" {
		l.typ = name
	}
	l.id, l.text = id, strings.TrimPrefix(rest, ":")
	return l, l.typ != "" && strings.HasSuffix(before, " ")
}

// auditField is name=value.
type auditField struct {
	name, value string
	quoted      bool
}

// auditFields splits what a line says. Unquoted values are as they stand.
func auditFields(s string) []auditField {
	var out []auditField
	for {
		s = strings.TrimLeft(s, " \x1d\t,")
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return out
		}
		if i := strings.LastIndexByte(name, ' '); i >= 0 {
			name = name[i+1:] // "user pid=1": a word alone says nothing
		}
		f := auditField{name: name}
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			f.quoted = true
			end := strings.IndexByte(rest[1:], rest[0])
			if end < 0 { // cut
				end = len(rest) - 1
			}
			f.value, s = rest[1:1+end], rest[min(len(rest), end+2):]
		} else {
			end := strings.IndexAny(rest, " \x1d")
			if end < 0 {
				end = len(rest)
			}
			f.value, s = rest[:end], rest[end:]
		}
		out = append(out, f)
	}
}

// text is the value of a field that holds text: hexadecimal unless quoted.
func (f auditField) text() string {
	if f.quoted || f.value == "" || len(f.value)%2 != 0 {
		return f.value
	}
	b, err := hex.DecodeString(f.value)
	if err != nil {
		return f.value
	}
	return string(b)
}

func (*auditd) Convert(src *Source, in *Input, emit Emit) bool {
	p, ok := readAudit(in.Body)
	if !ok {
		return false
	}
	l := auditEvent{auditLine: p, src: src, fields: p.split(p.text)}
	l.find(orElse(p.node, in.Known.Infrastructure.HostName))
	defer l.remember()
	f := newFragment(in, auditdName, auditdName, schema.Decision)
	f.Time = p.time
	fill(&f.Infrastructure.HostName, p.node)
	f.Command.CallID = p.id
	if l.read(f) {
		f.Key = l.key
		f.ID = schema.MakeID(l.key.String(), "line", p.typ, p.text)
		emit(f)
	}
	return true
}

// auditEvent is a line while it is read.
type auditEvent struct {
	auditLine
	src    *Source
	event  string // names the event: host, time and serial
	key    schema.ID
	state  auditState
	fields []auditField
	by     map[string]auditField // the first of each name, where there are many
}

// manyFields is how many fields are looked through; to find one among more there is a map.
const manyFields = 48

// field is the first of that name, a zero one if there is none.
func (l *auditEvent) field(name string) auditField {
	if len(l.fields) <= manyFields {
		for _, f := range l.fields {
			if f.name == name {
				return f
			}
		}
		return auditField{}
	}
	if l.by == nil {
		l.by = make(map[string]auditField, len(l.fields))
		for _, f := range l.fields {
			if _, twice := l.by[f.name]; !twice {
				l.by[f.name] = f
			}
		}
	}
	return l.by[name]
}

// auditSeen are the parts of an event that have been seen.
type auditSeen uint8

const (
	auditAsked  auditSeen = 1 << iota // SYSCALL
	auditArgs                         // EXECVE, or there will be none
	auditPlace                        // CWD, or there will be none
	auditTitle                        // PROCTITLE
	auditRun                          // it is an execution
	auditFailed                       // that failed
	auditEnded                        // the last line was seen
)

// auditState is what is remembered of an event, in the place of a link's action.
//
// An event has one SYSCALL. Where another one comes under the same time and serial, as in logs that were put together or
// edited, the lines from there on are an event of their own, which is named after that SYSCALL as well.
type auditState struct {
	seen  auditSeen
	first auditCall // of the event
	other auditCall // the one that the lines being read belong to; zero when it is the first
}

// auditCall tells SYSCALL lines apart.
type auditCall [7]byte

func (s auditState) link() (id schema.ID) {
	id[0] = byte(s.seen)
	copy(id[1:], s.first[:])
	copy(id[8:], s.other[:])
	return id
}

// find recalls the event that the line belongs to.
func (l *auditEvent) find(host string) {
	l.event = auditdName + " " + host + " " + l.id
	if id, ok := l.src.Linked(l.event); ok {
		l.state = auditState{auditSeen(id[0]), auditCall(id[1:8]), auditCall(id[8:15])}
	}
	var none auditCall
	if l.typ == "SYSCALL" {
		var said []string
		for _, k := range []string{"pid", "ppid", "syscall", "exit", "auid", "comm", "exe"} {
			said = append(said, l.field(k).value)
		}
		digest := schema.MakeID(said...)
		call, before := auditCall(digest[:]), l.state.other
		switch l.state.first {
		case none, call:
			l.state.first, l.state.other = call, none
		default:
			l.state.other = call
		}
		if l.state.other != before {
			l.state.seen = 0
		}
	}
	l.key = schema.MakeID(auditdName, host, l.id)
	if l.state.other != none {
		l.key = schema.MakeID(auditdName, host, l.id, string(l.state.other[:]))
	}
}

// remember stores the state of the event for its next lines.
func (l *auditEvent) remember() { l.src.Link(l.event, l.state.link()) }

func (l *auditEvent) see(parts auditSeen) { l.state.seen |= parts }

func (l *auditEvent) seen(parts auditSeen) bool { return l.state.seen&parts == parts }

// ends makes a fragment the last one of its event.
func (l *auditEvent) ends(f *schema.Fragment) {
	f.Role = schema.Result
	l.see(auditEnded)
}

// read reads a line into a fragment, and says whether it tells anything.
func (l *auditEvent) read(f *schema.Fragment) bool {
	switch l.typ {
	case "SYSCALL":
		l.syscall(f)
	case "EXECVE":
		l.execve(f)
	case "CWD":
		f.Command.Cwd = l.field("cwd").text()
		l.see(auditPlace)
	case "PATH":
		return l.path(f)
	case "PROCTITLE":
		l.title(f)
	case "EOE":
		if !l.seen(auditAsked) && !l.seen(auditArgs) || l.seen(auditEnded) {
			return false
		}
		l.ends(f)
		return true
	case "USER_CMD":
		l.userCommand(f)
		return true
	default:
		f.Role = schema.Whole
		setKind(&f.Action, schema.ActionLog)
		l.who(f)
		l.rest(f)
		return true
	}
	if l.seen(auditAsked | auditArgs | auditPlace | auditTitle) {
		l.ends(f)
	}
	if f.Event.Action == "" && !l.seen(auditAsked) && f.Role == schema.Decision {
		f.Event.Action = schema.ActionLog // until a line says more
	}
	return true
}

// auditExec are the numbers of execve and execveat, by architecture.
var auditExec = map[string]map[string]string{
	"c000003e": {"59": "execve", "322": "execveat"}, "40000003": {"11": "execve", "358": "execveat"},
	"c00000b7": {"221": "execve", "281": "execveat"}, "40000028": {"11": "execve", "387": "execveat"},
	"80000016": {"11": "execve", "354": "execveat"}, "c0000015": {"11": "execve", "362": "execveat"},
	"c00000f3": {"221": "execve", "281": "execveat"},
}

func (l *auditEvent) syscall(f *schema.Fragment) {
	f.Role = schema.Request
	f.Execution.Start = l.time
	name := l.field("SYSCALL").value
	if l.words {
		name = l.field("syscall").value
	}
	if name == "" {
		name = auditExec[l.field("arch").value][l.field("syscall").value]
	}
	l.who(f)
	l.rest(f)
	failed := l.field("success").value == "no"
	l.see(auditAsked)
	if l.field("items").value == "0" {
		l.see(auditPlace)
	}
	if name != "execve" && name != "execveat" {
		setKind(&f.Action, schema.ActionTool)
		f.Event.Category, f.Event.Type = []string{"process"}, []string{"info"}
		f.Command.Tool = orElse(name, "syscall "+l.field("syscall").value)
		f.Command.Executable = l.field("exe").text()
		l.see(auditArgs)
		f.Event.Outcome = schema.OutcomeSuccess
	} else {
		setKind(&f.Action, schema.ActionShell)
		f.Event.Outcome = schema.OutcomeUnknown
		l.see(auditRun)
		if failed {
			l.see(auditArgs)
			l.see(auditFailed)
		} else {
			f.Command.Executable = l.field("exe").text()
		}
	}
	if failed {
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Type = auditErrors[l.field("exit").value]
		if name, _, ok := strings.Cut(l.field("exit").value, "("); ok && l.words {
			f.Error.Type = name
		}
		f.Error.Message = "exit=" + l.field("exit").value
	}
}

// auditErrors names the results of syscalls for which an execution mostly fails.
var auditErrors = map[string]string{"-1": "EPERM", "-2": "ENOENT", "-7": "E2BIG", "-8": "ENOEXEC", "-12": "ENOMEM", "-13": "EACCES", "-20": "ENOTDIR"}

// who reads the user: who logged in, else whose process it is.
func (l *auditEvent) who(f *schema.Fragment) {
	if pid, err := strconv.ParseInt(l.field("pid").value, 10, 64); err == nil {
		f.Execution.PID = schema.Some(pid)
	}
	if l.words {
		f.Identity.UserName = loginID(l.field("auid").value, l.field("uid").value)
		f.Identity.EffectiveUser = orElse(l.field("euid").value, l.field("uid").value)
		if f.Identity.EffectiveUser == f.Identity.UserName {
			f.Identity.EffectiveUser = ""
		}
		return
	}
	f.Identity.UserID = loginID(l.field("auid").value, l.field("uid").value)
	uid := orElse(l.field("EUID").value, l.field("UID").value)
	f.Identity.UserName = loginID(l.field("AUID").value, uid)
	if uid != f.Identity.UserName {
		f.Identity.EffectiveUser = uid
	}
}

var auditPlaced = set("pid exe SYSCALL a0 a1 a2 a3")

// auditTexts are fields that are text, which must be legible to whoever looks for secrets in it.
var auditTexts = set("comm exe key acct cmd cwd data name path proctitle new-disk old-disk unit op")

// auditBlanks puts spaces between the words of a text.
var auditBlanks = strings.NewReplacer("\x01", " ", "\x00", " ")

// rest keeps what else a line says.
func (l *auditEvent) rest(f *schema.Fragment) {
	var b []byte
	for _, c := range l.fields {
		if l.typ == "SYSCALL" && auditPlaced[c.name] && (c.name != "exe" || l.field("success").value != "no") || l.field(c.name) != c {
			continue
		}
		inner := []auditField{c}
		if c.name == "msg" && c.quoted {
			inner = l.split(c.value)
		}
		for _, c := range inner {
			if l.typ == "USER_CMD" && (c.name == "cmd" || c.name == "cwd") {
				continue
			}
			v := c.value
			if auditTexts[c.name] {
				v = auditBlanks.Replace(c.text())
			}
			b = value.AppendString(appendKey(b, c.name), v)
		}
	}
	addFields(&f.Trail.Fields, closed(value.AppendString(appendKey(b, "type"), l.typ)))
}

const auditOpen = "auditd args"

// execve reads an argv, which may be spread over several lines. What is put together is that of the event whose first line
// came last; further lines of another one, between which it came, are kept as they are.
func (l *auditEvent) execve(f *schema.Fragment) {
	f.Role = schema.Request
	f.Execution.Start = l.time
	setKind(&f.Action, schema.ActionShell)
	known := &l.src.Known.Command.Args
	var args []string
	if begins := l.field("argc").name != ""; !begins {
		if open, ok := l.src.Linked(auditOpen); !ok || open != l.key {
			l.rest(f)
			f.Execution.Truncated = true
			return
		}
		args = append(args, *known...)
	}
	args = l.argv(args)
	f.Command.Args = args
	f.Command.Line = strings.Join(args, " ")
	l.see(auditArgs | auditRun)
	*known = nil
	l.src.Unlink(auditOpen)
	if argc, err := strconv.Atoi(l.field("argc").value); err != nil || argc > len(args) || strings.Contains(l.text, "_len=") {
		for _, a := range args {
			*known = append(*known, strings.Clone(a))
		}
		l.src.Link(auditOpen, l.key)
	}
}

// argv appends the arguments of a line: a0, a1 …, or a1[0], a1[1] … of a long one.
func (l *auditEvent) argv(args []string) []string {
	for _, c := range l.fields {
		index, ok := strings.CutPrefix(c.name, "a")
		index, chunk, inChunks := strings.Cut(index, "[")
		if n, err := strconv.Atoi(index); !ok || err != nil || n < 0 {
			continue
		}
		if inChunks && chunk != "0]" && len(args) > 0 {
			args[len(args)-1] += c.text()
		} else {
			args = append(args, c.text())
		}
	}
	return args
}

// path reads a file that the event is about.
func (l *auditEvent) path(f *schema.Fragment) bool {
	name, how := l.field("name").text(), l.field("nametype").value
	switch {
	case how == "PARENT" || name == "(null)" || name == "":
		return false
	case l.seen(auditRun):
		if l.field("item").value != "0" {
			return false
		}
		if l.seen(auditFailed) {
			f.Command.Executable = name
		}
		return true
	}
	if how == "CREATE" || how == "DELETE" {
		setKind(&f.Action, schema.ActionFileChange)
	} else if !l.seen(auditAsked) {
		f.Event.Action = schema.ActionLog
	}
	var d value.Doc
	addFields(&f.Command.ToolArguments, single("path", d.Text(name)))
	addFields(&f.Command.ToolArguments, single("nametype", d.Text(how)))
	return true
}

// title reads the argv of the process: of an execution that succeeded, its own.
func (l *auditEvent) title(f *schema.Fragment) {
	if !l.seen(auditFailed) {
		title := strings.TrimRight(l.field("proctitle").text(), "\x00")
		if !l.words { // which do not tell where one ends
			f.Command.Args = strings.Split(title, "\x00")
		}
		if l.seen(auditAsked|auditRun) && !l.seen(auditArgs) {
			f.Command.Line = strings.ReplaceAll(title, "\x00", " ")
			l.see(auditArgs)
		}
	}
	l.see(auditTitle)
	if l.seen(auditAsked | auditArgs) {
		l.ends(f)
	}
}

// userCommand reads a command through sudo.
func (l *auditEvent) userCommand(f *schema.Fragment) {
	f.Role = schema.Whole
	setKind(&f.Action, schema.ActionShell)
	l.who(f)
	l.rest(f)
	inner := map[string]auditField{}
	for _, c := range l.split(l.field("msg").value) {
		inner[c.name] = c
	}
	f.Command.Line = inner["cmd"].text()
	f.Command.Cwd = inner["cwd"].text()
	f.Execution.Start = l.time
	switch word := inner["res"].value; word {
	case "success":
		f.Authorization = schema.Authorization{Decision: schema.AutoApproved, Source: "sudoers", Raw: word}
	case "failed":
		deny(f, "sudoers", word, "")
		f.Execution.Start = time.Time{}
	}
}
