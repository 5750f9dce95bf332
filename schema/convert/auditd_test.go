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
// event comes late. (An independent reading of the samples takes no USER_CMD for a command; it is one, told by sudo. And
// one sample was edited by hand: its second half repeats the events of the first, with other processes under the same
// serials. There the second SYSCALL is kept as a late record that names the first.)
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
