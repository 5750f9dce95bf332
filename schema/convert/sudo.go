package convert

import (
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// sudo's own log, of versions 1.8 to 1.9.17: the text that goes to syslog or a log file, the JSON of log_format=json
// (json_pretty, json_compact), and log.json beside each I/O log.
//
//	user : TTY=pts/0 ; PWD=/srv ; USER=root ; COMMAND=/bin/ls -l                        accepted
//	user : command not allowed ; TTY=… ; PWD=… ; USER=root ; COMMAND=…                  rejected, with the reason first
//	user : HOST=… ; TTY=… ; CHROOT=… ; PWD=… ; USER=… ; GROUP=… ; TSID=… ; ENV=a=b c=d ; COMMAND=… ; SIGNAL=… ; EXIT=n
//	{"accept": {…}, "reject": {…}, "accept": {…}}       a log file: one object, its keys repeat; or one object a line
//	@cee:{"sudo": {"accept": {…}}}                      syslog
//	{"timestamp": {seconds,nanoseconds}, "submituser", "command", "runargv", …, "exit_value"}         log.json
//
// A text line stands behind a syslog header, behind "Oct 26 15:13:57 2020 : " (a log file; the year only with log_year,
// never a zone: UTC is taken) or alone (its parser took the rest). Control characters, and blanks in words, are #0nn in
// octal. Words with spaces are in single quotes since 1.9.16. Long texts go on in lines of their own, which have
// "(command continued)" (syslog) or four spaces (log file) before them: these are the text so far with more, of the same
// action. Where a log file was folded before its TSID or COMMAND, an exit does not find its command.
//
//   - Who decided: sudoers. An accept is an automatic approval; its rule is source ("/etc/sudoers:89:24") in JSON, and
//     not told in text. A password proves who types it: it is no approval. A rejection has its reason. log.json without
//     source says nothing of the decision.
//   - The exit code is told only with log_exit_status, in a second record of the same command (exit, or the same text
//     with EXIT=): they are one action, by uuid, by TSID, or, without either, because all their fields are equal.
//   - Sub-commands (log_subcmds) have the uuid and TSID of the command that started them: what tells them apart is the
//     command and the offset.
//   - Output is in the I/O log only, which is not read.
type sudo struct{}

const sudoName = "sudo"

func (*sudo) Name() string { return sudoName }

var sudoKinds = set("accept reject alert exit")

// Looks says what its lines of text look like.
func (*sudo) Looks() string { return "user : TTY=… ; PWD=… ; USER=… ; COMMAND=…" }

// Keys of its objects.
func (*sudo) Keys() []string {
	return []string{"sudo", "accept", "reject", "alert", "exit", "submituser"}
}

func (*sudo) Detect(v value.Value) bool {
	switch v.Kind() {
	case value.String:
		s, _ := v.Str()
		if strings.HasPrefix(s, "    ") && len(s) > 4 && s[4] != ' ' {
			return true // more of a folded line, if one is open
		}
		if _, ok := sudoCEE(s); ok {
			return true
		}
		_, ok := parseSudo(s)
		return ok
	case value.Array:
		return sudoObject(v.First())
	}
	return sudoObject(v)
}

// sudoObject says whether an object is an event, a log of events or a log.json.
func sudoObject(v value.Value) bool {
	if s := v.Get("sudo"); s.Kind() == value.Object {
		v = s
	}
	c := v.First()
	if sudoKinds[c.Key()] && c.Kind() == value.Object {
		for _, k := range []string{"server_time", "submit_time", "alert_time", "submituser", "uuid"} {
			if c.Get(k).Exists() {
				return true
			}
		}
	}
	return v.Get("submituser").Kind() == value.String && (v.Get("runargv").Exists() || v.Get("command").Exists() && v.Get("runuser").Exists())
}

// sudoCEE is the JSON of a syslog line.
func sudoCEE(s string) (value.Value, bool) {
	i := strings.Index(s, "@cee:")
	if i < 0 || i > 200 {
		return value.Value{}, false
	}
	doc := new(value.Doc)
	v, err := doc.ParseJSON(strings.TrimSpace(s[i+len("@cee:"):]))
	return v, err == nil && sudoObject(v)
}

func (*sudo) Convert(src *Source, in *Input, emit Emit) bool {
	l := sudoRecord{src: src, in: in, emit: emit}
	v := in.Body
	switch v.Kind() {
	case value.String:
		s, _ := v.Str()
		if cee, ok := sudoCEE(s); ok {
			l.object(cee)
			break
		}
		return l.text(s)
	case value.Array:
		for c := v.First(); c.Exists(); c = c.Next() {
			l.object(c)
		}
	default:
		l.object(v)
	}
	return l.n > 0
}

// sudoRecord is one record while it is read.
type sudoRecord struct {
	src  *Source
	in   *Input
	emit Emit
	n    int // fragments so far
}

func (l *sudoRecord) object(v value.Value) {
	if v.Get("submituser").Exists() {
		l.event("", v)
		return
	}
	if s := v.Get("sudo"); s.Kind() == value.Object {
		v = s
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		if sudoKinds[c.Key()] && c.Kind() == value.Object {
			l.event(c.Key(), c)
		}
	}
}

// sudoPlaced are keys of an event that have their place in the document, or none (the size of a terminal).
var sudoPlaced = set(`uuid server_time submit_time alert_time timestamp peeraddr columns lines command runargv runenv
	runcwd runuser submitcwd submithost submituser source exit_value run_time reason error`)

func (l *sudoRecord) event(kind string, v value.Value) {
	f := newFragment(l.in, sudoName, sudoName, schema.Whole)
	setKind(&f.Action, schema.ActionShell)
	f.Identity.UserName = str(v.Get("submituser"))
	f.Identity.EffectiveUser = str(v.Get("runuser"))
	fill(&f.Infrastructure.HostName, str(v.Get("submithost")))
	f.Infrastructure.SourceIP = orElse(str(v.Get("peeraddr")), f.Infrastructure.SourceIP)
	f.Command.CallID = str(v.Get("uuid"))
	f.Command.Executable = str(v.Get("command"))
	f.Command.Cwd = str(first(v, "runcwd", "submitcwd"))
	f.Command.Args, f.Command.Env = list(v.Get("runargv")), list(v.Get("runenv"))
	f.Command.Line = f.Command.Executable
	if args := f.Command.Args; len(args) > 1 {
		f.Command.Line += " " + strings.Join(args[1:], " ")
	}
	addFields(&f.Trail.Fields, without(v, func(k string) bool { return sudoPlaced[k] }))
	asked, logged := sudoTime(first(v, "submit_time", "timestamp")), sudoTime(first(v, "server_time", "alert_time"))
	start := asked
	if asked.IsZero() {
		asked = logged
	}
	l.role(f, kind, v)
	setTime(f, asked)
	switch {
	case kind == "alert":
		setKind(&f.Action, schema.ActionLog)
	case f.Role == schema.Result || kind == "exit":
		f.Execution.Start, f.Execution.End = start, logged
	case kind != "reject":
		f.Execution.Start = asked
	}
	l.outcome(f, kind, v, logged)
	l.identify(f, kind, v)
	l.emit(f)
	l.n++
}

func sudoTime(v value.Value) time.Time {
	sec, ok := v.Get("seconds").Int()
	if t := epochInt(sec); ok && !t.IsZero() {
		nsec, _ := v.Get("nanoseconds").Int()
		return t.Add(time.Duration(max(0, min(nsec, 999999999))))
	}
	return parseTime(v)
}

// role says what an event tells of its command. An event that has no id, or tells all there is, stands for itself.
func (l *sudoRecord) role(f *schema.Fragment, kind string, v value.Value) {
	switch {
	case f.Command.CallID == "" || v.Get("iolog_offset").Exists() || kind == "reject" || kind == "alert":
	case kind == "exit":
		f.Role = schema.Result
	case !v.Get("exit_value").Exists():
		f.Role = schema.Request
	}
}

func (l *sudoRecord) outcome(f *schema.Fragment, kind string, v value.Value, at time.Time) {
	reason := str(v.Get("reason"))
	d := &f.Authorization
	switch source := str(v.Get("source")); kind {
	case "reject":
		deny(f, "sudoers", kind, reason)
		d.Rule = source
		f.Error.Message = str(v.Get("error"))
	case "alert":
		f.Message = reason
		f.Error.Message = orElse(str(v.Get("error")), reason)
	default:
		if kind == "accept" || source != "" {
			d.Decision, d.Source, d.Rule, d.Raw = schema.AutoApproved, "sudoers", source, kind
		}
	}
	if kind == "accept" || kind == "reject" {
		d.DecidedAt = at
	}
	if code, ok := v.Get("exit_value").Int(); ok {
		setExit(f, code)
	} else if kind == "exit" && v.Get("signal").Exists() {
		f.Event.Outcome = schema.OutcomeFailure
	}
	if run := v.Get("run_time"); run.Kind() == value.Object {
		sec, _ := run.Get("seconds").Float()
		nsec, _ := run.Get("nanoseconds").Float()
		f.Execution.Duration = seconds(sec + nsec/1e9)
	}
}

// identify names a command by uuid and text: sub-commands have the uuid of the command that started them.
func (l *sudoRecord) identify(f *schema.Fragment, kind string, v value.Value) {
	uuid := f.Command.CallID
	if uuid == "" {
		identifyByInput(f, l.in, l.n)
		return
	}
	key := schema.MakeID(sudoName, uuid, f.Command.Line, string(jsonOf(v.Get("iolog_offset"))))
	if f.Role == schema.Request {
		l.src.Link(sudoName+" "+uuid, key)
	} else if known, ok := l.src.Linked(sudoName + " " + uuid); ok && f.Command.Line == "" {
		key = known
	}
	if kind == "alert" {
		key = schema.MakeID(sudoName, uuid, kind, f.Message)
	}
	identify(f, key, kind)
}

// sudoLine is a text line in its parts.
type sudoLine struct {
	time      time.Time
	host      string
	user      string
	reason    string            // of a rejection, or what went wrong
	field     map[string]string // TTY, PWD, USER …; decoded
	command   string
	told      bool // COMMAND is there
	file      bool // of a log file: folded lines may follow
	long      bool // of a length at which syslog lines are broken
	continued bool // more of the last one's command
	signal    string
	exit      schema.Int
}

var sudoFields = set("HOST TTY CHROOT PWD CWD USER GROUP TSID ENV")

const sudoContinued = "(command continued) "

// parseSudo reads a line that begins a record, or goes on with one by name.
func parseSudo(s string) (sudoLine, bool) {
	var p sudoLine
	header, msg, named := sudoHeader(s)
	if named {
		p.host, p.time = header.host, header.time
	}
	p.long = len(msg) >= 700
	msg = strings.TrimLeft(msg, " ")
	if t, rest, ok := sudoFileTime(msg); ok {
		p.file, p.time, msg = true, t, rest
	}
	rest := msg
	if user, more, ok := strings.Cut(msg, " : "); ok && user != "" && (named && len(user) < 64 || !strings.Contains(user, " ")) && !strings.ContainsAny(user, "=;") {
		p.user, rest = user, more
		if text, ok := strings.CutPrefix(rest, sudoContinued); ok {
			p.continued, p.command = true, text
			return p, true
		}
	}
	p.parts(rest)
	f := p.field
	some := f["USER"] != "" || f["TTY"] != "" || f["PWD"] != "" || f["CWD"] != ""
	switch {
	case p.user == "" && p.reason != "":
		return p, false
	case p.told && some, p.file && p.user != "" && (some || f["HOST"] != ""), named && p.user != "" && some:
		return p, true
	}
	return p, p.told && p.user != "" && (named || p.file)
}

// sudoHead is what stands before a message in syslog.
type sudoHead struct {
	host string
	time time.Time
}

// sudoHeader takes off a syslog header that names sudo: "Jan  2 15:04:05 host sudo[123]: ", the same with a time of
// RFC 3339, or that of RFC 5424. A time without year is not known.
func sudoHeader(s string) (h sudoHead, msg string, ok bool) {
	at, end := -1, 0
	for _, name := range []string{"sudo: ", "sudo[", "sudo-rs: ", "sudo-rs["} {
		if i := strings.Index(s, name); i >= 0 && i < 120 && (i == 0 || s[i-1] == ' ') {
			j := strings.Index(s[i:], ": ")
			if j >= 0 && j < 20 {
				at, end = i, i+j+2
				break
			}
		}
	}
	var head []string
	if at >= 0 {
		head, msg = strings.Fields(s[:at]), s[end:]
	} else if f := strings.SplitN(s, " ", 8); len(f) == 8 && strings.HasPrefix(s, "<") && f[3] == sudoName {
		// <86>1 time host sudo pid msgid structured-data message
		head, msg = f[1:3], strings.TrimPrefix(f[7], "\ufeff")
		if f[6] != "-" {
			return h, s, false
		}
	} else {
		return h, s, false
	}
	if len(head) == 0 {
		return h, msg, true
	}
	first := head[0][strings.IndexByte(head[0], '>')+1:]
	if h.time = timeOf(first); h.time.IsZero() && len(head) > 1 {
		h.time = timeOf(first + " " + head[1])
	}
	if last := head[len(head)-1]; !strings.Contains(last, ":") { // else it is the time, and there is no host
		h.host = last
	}
	return h, msg, true
}

// sudoFileTime takes off the time of a log file's line.
func sudoFileTime(s string) (t time.Time, rest string, ok bool) {
	date, rest, found := strings.Cut(s, " : ")
	if !found || len(date) < 15 || len(date) > 20 {
		return t, s, false
	}
	if t, err := time.Parse("Jan _2 15:04:05 2006", date); err == nil {
		return t, rest, true
	}
	if _, err := time.Parse("Jan _2 15:04:05", date); err == nil {
		return t, rest, true
	}
	return t, s, false
}

// parts reads what follows the user's name.
func (p *sudoLine) parts(s string) {
	p.field = map[string]string{}
	before, command, told := s, "", false
	if after, ok := strings.CutPrefix(s, "COMMAND="); ok {
		before, command, told = "", after, true
	} else {
		before, command, told = strings.Cut(s, " ; COMMAND=")
	}
	if told {
		p.told, p.command = true, p.ending(command)
	}
	var reason []string
	for part := range strings.SplitSeq(strings.TrimSuffix(before, " ;"), " ; ") {
		k, v, ok := strings.Cut(part, "=")
		if ok && sudoFields[k] {
			p.field[k] = sudoDecode(v)
		} else if part != "" {
			reason = append(reason, sudoDecode(part))
		}
	}
	p.reason = strings.Join(reason, " ; ")
}

// ending takes SIGNAL and EXIT off the end of a command.
func (p *sudoLine) ending(s string) string {
	if i := strings.LastIndex(s, " ; EXIT="); i >= 0 {
		if n, err := strconv.ParseInt(s[i+len(" ; EXIT="):], 10, 32); err == nil {
			p.exit, s = schema.Some(n), s[:i]
		}
	}
	if i := strings.LastIndex(s, " ; SIGNAL="); i >= 0 && !strings.Contains(s[i+3:], " ") {
		p.signal, s = s[i+len(" ; SIGNAL="):], s[:i]
	}
	return sudoDecode(s)
}

// sudoDecode undoes the octal escapes of control characters and blanks: #0nn, #0177.
func sudoDecode(s string) string {
	if !strings.Contains(s, "#0") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '#' && i+3 < len(s) {
			n := 4
			if strings.HasPrefix(s[i:], "#0177") {
				n = 5
			}
			if c, err := strconv.ParseUint(s[i+1:i+n], 8, 8); err == nil && s[i+1] == '0' && (c <= ' ' || c == 0o177) {
				b.WriteByte(byte(c))
				i += n - 1
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

const sudoOpen = "sudo open"

func (l *sudoRecord) text(s string) bool {
	if more, ok := strings.CutPrefix(s, "    "); ok {
		p := sudoLine{command: more, file: true}
		if known := l.src.Known.Trail.Sequence; !known.Set || known.N != l.src.Records-1 {
			return false
		}
		return l.more(&p)
	}
	p, ok := parseSudo(s)
	switch {
	case !ok:
		return false
	case p.continued:
		return l.more(&p)
	}
	f := l.fragment(&p)
	l.pair(f, &p)
	l.open(f, &p)
	l.emit(f)
	return true
}

// fragment starts a fragment with the parts of a line.
func (l *sudoRecord) fragment(p *sudoLine) *schema.Fragment {
	f := newFragment(l.in, sudoName, sudoName, schema.Request)
	setKind(&f.Action, schema.ActionShell)
	f.Identity.UserName = p.user
	f.Identity.EffectiveUser = p.field["USER"]
	fill(&f.Infrastructure.HostName, orElse(p.field["HOST"], p.host))
	f.Command.Line = p.command
	f.Command.CallID = p.field["TSID"]
	f.Command.Cwd = orElse(p.field["PWD"], p.field["CWD"])
	if env := p.field["ENV"]; env != "" {
		f.Command.Env = strings.Fields(env)
	}
	var d value.Doc
	for _, k := range []string{"TTY", "CHROOT", "GROUP"} {
		if v := p.field[k]; v != "" {
			addFields(&f.Trail.Fields, single(strings.ToLower(k), d.Text(v)))
		}
	}
	if p.signal != "" {
		addFields(&f.Trail.Fields, single("signal", d.Text(p.signal)))
	}
	f.Role = schema.Request
	if p.exit.Set || p.signal != "" {
		f.Role = schema.Result
	}
	setTime(f, p.time)
	switch {
	case p.reason != "" && sudoDenies(p.reason):
		deny(f, "sudoers", p.reason, p.reason)
		f.Execution.Start = time.Time{}
	case p.reason != "":
		f.Error.Message = p.reason
	default:
		f.Authorization.Decision, f.Authorization.Source = schema.AutoApproved, "sudoers"
	}
	if p.exit.Set {
		setExit(f, p.exit.N)
	} else if p.signal != "" {
		f.Event.Outcome = schema.OutcomeFailure
	}
	return f
}

// sudoDenies says whether a reason is one for which sudo runs nothing. What else stands there are warnings ("unable to
// resolve host …").
func sudoDenies(reason string) bool {
	reason = strings.ToLower(reason)
	for _, s := range []string{
		" not in sudoers", "not authorized", "not allowed", "incorrect password", "password is required", "no tty present",
		"must have a tty", "terminal is required", "authentication", "account validation", "account expired", "not permitted",
		"may not run", "rejected", "denied", "invalid ticket",
	} {
		if strings.Contains(reason, s) {
			return true
		}
	}
	return false
}

// pair identifies a text record: by TSID, else a command's end belongs to the last command of equal fields.
func (l *sudoRecord) pair(f *schema.Fragment, p *sudoLine) {
	tsid, what := p.field["TSID"], []string{sudoName, f.Infrastructure.HostName, p.user, p.field["TTY"], f.Command.Cwd, p.field["USER"], p.command}
	name := strings.Join(what, "\x00")
	known, paired := l.src.Linked(name)
	switch {
	case p.reason != "" && !p.file && !p.long || strings.Contains(tsid, "@"):
		f.Role = schema.Whole
		identifyByInput(f, l.in, 0)
	case tsid != "":
		identify(f, schema.MakeID(append(what, tsid)...))
	case f.Role == schema.Result && paired:
		l.src.Unlink(name)
		identify(f, known)
	case f.Role == schema.Result:
		f.Role = schema.Whole
		identifyByInput(f, l.in, 0)
	default:
		identifyByInput(f, l.in, 0)
		l.src.Link(name, f.Key)
	}
}

// open remembers a record that may go on in the next line: its key and its command so far.
func (l *sudoRecord) open(f *schema.Fragment, p *sudoLine) {
	known := &l.src.Known
	known.Command.Line, known.Identity.UserName, known.Trail.Sequence = "", "", schema.Int{}
	l.src.Unlink(sudoOpen)
	if (p.file || p.long) && f.Role != schema.Whole && !p.exit.Set {
		keep(&known.Command.Line, p.command)
		keep(&known.Identity.UserName, p.user)
		if p.file { // syslog names what goes on, a log file indents it
			known.Trail.Sequence = schema.Some(l.src.Records)
		}
		l.src.Link(sudoOpen, f.Key)
	}
}

// more reads a line that goes on with the one before.
func (l *sudoRecord) more(p *sudoLine) bool {
	known := &l.src.Known
	key, ok := l.src.Linked(sudoOpen)
	if !ok || p.continued && p.user != known.Identity.UserName {
		return false
	}
	text, file := p.command, p.file
	if known.Command.Line == "" {
		p.parts(text)
	} else {
		p.command = known.Command.Line + " " + p.ending(text)
	}
	p.reason = ""
	f := l.fragment(p)
	if f.Role != schema.Result {
		f.Role = schema.Decision
	}
	f.Execution.Start = time.Time{}
	f.Identity.UserName = known.Identity.UserName
	f.Authorization = schema.Authorization{}
	identify(f, key, p.command)
	keep(&known.Command.Line, p.command)
	known.Trail.Sequence = schema.Some(l.src.Records)
	if !file || p.exit.Set {
		known.Trail.Sequence = schema.Int{}
	}
	l.emit(f)
	return true
}
