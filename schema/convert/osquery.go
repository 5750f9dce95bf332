package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// osquery's result log, osqueryd.results.log: rows of tables about processes and shells. Made from its documentation and
// public logs of 4 and 5.
//
//		{"name":"pack_audit_process_events","hostIdentifier","unixTime","columns":{"cmdline","path","cwd","pid","parent","auid","uid","time"},
//		 "action":"added"}                                                                 event format
//		{…,"diffResults":{"added":[row],"removed":[row]}}  {…,"snapshot":[row],"action":"snapshot"}    batches
//
//	  - A row with a cmdline is a program that was started; one with command and history_file a line of a shell's history. Of
//	    other tables rows are kept as log lines. A row that was removed is a process that is gone, or a file that lost a line:
//	    nobody's action.
//	  - A snapshot, or the table processes, tells what was running, not what was started: its rows are log lines as well.
type osquery struct{}

const osqueryName = "osquery"

func (*osquery) Name() string { return osqueryName }

// Keys of its objects.
func (*osquery) Keys() []string { return []string{"hostIdentifier name"} }

func (*osquery) Detect(v value.Value) bool {
	return v.Kind() == value.Object && v.Get("hostIdentifier").Exists() && v.Get("name").Kind() == value.String &&
		(v.Get("columns").Kind() == value.Object || v.Get("diffResults").Kind() == value.Object || v.Get("snapshot").Kind() == value.Array)
}

func (*osquery) Convert(_ *Source, in *Input, emit Emit) bool {
	v := in.Body
	n := 0
	row := func(columns value.Value, added bool) {
		f := newFragment(in, osqueryName, osqueryName, schema.Whole)
		osqueryRow(f, v, columns, added)
		identifyByInput(f, in, n)
		n++
		emit(f)
	}
	if c := v.Get("columns"); c.Kind() == value.Object {
		row(c, str(v.Get("action")) == "added")
		return true
	}
	for c := v.Get("diffResults", "added").First(); c.Exists(); c = c.Next() {
		row(c, true)
	}
	for c := v.Get("diffResults", "removed").First(); c.Exists(); c = c.Next() {
		row(c, false)
	}
	for c := v.Get("snapshot").First(); c.Exists(); c = c.Next() {
		row(c, false)
	}
	return true
}

var osqueryPlaced = set("cmdline path cwd pid time command")

func osqueryRow(f *schema.Fragment, v, c value.Value, added bool) {
	at := parseTime(c.Get("time"))
	if at.IsZero() {
		at = parseTime(v.Get("unixTime"))
	}
	setTime(f, at)
	fill(&f.Infrastructure.HostName, str(v.Get("hostIdentifier")))
	setKind(&f.Action, schema.ActionLog)
	// The name of a query is its author's; that of an event table mostly is in it.
	running := strings.HasSuffix(str(v.Get("name")), "processes")
	switch line, typed := str(c.Get("cmdline")), str(c.Get("command")); {
	case !added || running:
	case line != "":
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = line
		f.Command.Executable, f.Command.Cwd = str(c.Get("path")), strings.Trim(str(c.Get("cwd")), `"`)
	case typed != "" && c.Get("history_file").Exists():
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = typed
	}
	if f.Event.Action == schema.ActionShell {
		f.Execution.Start = f.Time
		if pid, ok := c.Get("pid").Int(); ok {
			f.Execution.PID = schema.Some(pid)
		}
		if code, ok := c.Get("exit_code").Int(); ok && c.Get("probe_error").Exists() { // bpf_process_events: of the syscall
			f.Event.Outcome = schema.OutcomeSuccess
			if code != 0 {
				f.Event.Outcome = schema.OutcomeFailure
			}
		}
	}
	f.Identity.UserID = loginID(c.Get("auid").String(), c.Get("uid").String())
	f.Identity.UserName = orElse(str(c.Get("username")), str(c.Get("user")))
	rest := without(c, func(k string) bool { return f.Event.Action == schema.ActionShell && osqueryPlaced[k] })
	if rest != "" {
		addFields(&f.Trail.Fields, `{"columns":`+rest+`}`)
	}
	addFields(&f.Trail.Fields, single("name", v.Get("name")))
}
