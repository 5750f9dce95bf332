package convert

import (
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func TestAuditd(t *testing.T)         { goldenHostLog(t, "auditd/audit.txt") }
func TestAuditdIsItsOwn(t *testing.T) { notStolen(t, &auditd{}, "auditd") }
func FuzzAuditd(f *testing.F)         { fuzzHostLog(f, "auditd/audit.txt") }

// The lines of an event are one action in any order, and the fragment that ends it is the last, so that nothing of the
// event comes late. (An independent reading of the samples takes no USER_CMD for a command; it is one, told by sudo.)
func TestAuditdOrder(t *testing.T) {
	var event []string
	for _, l := range hostLog(t, "auditd/audit.txt") {
		if strings.Contains(l, ":101)") && !strings.Contains(l, "item=1") {
			event = append(event, l)
		}
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {1, 0, 2, 4, 3}, {2, 4, 1, 3, 0}} {
		var log []string
		for _, i := range order {
			log = append(log, event[i])
		}
		list := fragments(testConverter(t, ""), new(Source), log)
		got := merged(list)
		if len(got) != 1 || got[0].Command.Line != `sh -c ls -l "a b"` || got[0].Command.Cwd != "/srv/app" || got[0].Event.Action != schema.ActionShell ||
			got[0].Identity.UserName != "alice" || got[0].Identity.EffectiveUser != "root" || got[0].Execution.ExitCode.Set || len(got[0].Trail.Conflicts) > 0 {
			t.Errorf("%v: %d actions: %+v", order, len(got), got[0])
		}
		n := slices.IndexFunc(list, func(f schema.Fragment) bool { return f.Role == schema.Result })
		if n < 0 || n < 3 {
			t.Errorf("%v: ended by line %d of %d", order, n, len(list))
		}
	}
}

// An argv over several lines is put together.
func TestAuditdLongArguments(t *testing.T) {
	var log []string
	for _, l := range hostLog(t, "auditd/audit.txt") {
		if strings.Contains(l, ":105)") {
			log = append(log, l)
		}
	}
	got := merged(fragments(testConverter(t, ""), new(Source), log))
	if want := []string{"printf", "abc def ghij", "end"}; len(got) != 1 || !slices.Equal(got[0].Command.Args, want) {
		t.Errorf("%d actions: %q", len(got), got[0].Command.Args)
	}
}

// Where another process comes under the same time and serial, that is an event of its own, whose lines are not mixed with
// those of the first; read again, both are the same.
func TestAuditdSerialUsedTwice(t *testing.T) {
	var log []string
	for _, l := range hostLog(t, "auditd/audit.txt") {
		if strings.Contains(l, ":101)") {
			log = append(log, l)
		}
	}
	other := strings.NewReplacer(" pid=", " pid=9", `"ls -l`, `"id`, "6C73202D6C", "6964202D6C", "/srv/app", "/srv/other")
	for _, l := range log[:len(log):len(log)] {
		log = append(log, other.Replace(l))
	}
	src := new(Source)
	first := merged(fragments(testConverter(t, ""), src, log))
	if len(first) != 2 || first[0].Command.Cwd != "/srv/app" || first[1].Command.Cwd != "/srv/other" ||
		first[0].Execution.PID == first[1].Execution.PID || len(first[0].Trail.Conflicts)+len(first[1].Trail.Conflicts) != 0 {
		t.Fatalf("%d actions: %+v", len(first), first)
	}
	keys := map[schema.ID]bool{}
	for _, s := range []*Source{src, new(Source)} {
		for _, f := range fragments(testConverter(t, ""), s, log) {
			keys[f.Key] = true
		}
	}
	if len(keys) != 2 {
		t.Errorf("read again: %d actions", len(keys))
	}
}

// Two long argvs of which the lines are mixed are not: one is put together, the other keeps its beginning.
func TestAuditdLongArgumentsMixed(t *testing.T) {
	log := []string{
		`type=EXECVE msg=audit(1700000000.100:1): argc=3 a0="echo" a1_len=6 a1[0]="abc"`,
		`type=EXECVE msg=audit(1700000000.100:2): argc=3 a0="cat" a1_len=6 a1[0]="xyz"`,
		`type=EXECVE msg=audit(1700000000.100:1): a1[1]="def" a2="end"`,
		`type=EXECVE msg=audit(1700000000.100:2): a1[1]="uvw" a2="end"`,
	}
	got := merged(fragments(testConverter(t, ""), new(Source), log))
	if len(got) != 2 || got[0].Command.Line != "echo abc" || !got[0].Execution.Truncated || got[1].Command.Line != "cat xyzuvw end" {
		t.Errorf("%d actions: %q %q", len(got), got[0].Command.Line, got[1].Command.Line)
	}
}

func TestAuditdForms(t *testing.T) {
	sameFacts(t, "auditd/ausearch.txt",
		"shell-command, ls -la my files, in /home/alice/my projects, unknown",
		"shell-command, , failure",
		"shell-command, apt install jq, in /home/alice, auto_approved by sudoers",
	)
	sameFacts(t, "auditd/journal.jsonl",
		"shell-command, ls -la my files, in /srv, unknown",
		"shell-command, apt list, in /srv, auto_approved by sudoers",
	)
}
