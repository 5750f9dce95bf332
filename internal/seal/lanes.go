package seal

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

// Flags of agent_audit.risk.anomalies that come of evidence which does not fit together.
const (
	// LanesDisagree: two kinds of log tell differently of one action, in its command, exit code, outcome or decision. What
	// each says is in the record and in agent_audit.provenance.conflicts.
	LanesDisagree = "lanes_disagree"
	// RanAlthoughDenied: the action was denied, and yet has an exit code or a success.
	RanAlthoughDenied = "ran_although_denied"
)

// decisive are the fields in which lanes must not differ.
var decisive = map[string]bool{
	"process.command_line": true, "process.exit_code": true, "event.outcome": true, "agent_audit.authorization.decision": true,
}

// anomalies are the flags of an action whose fragments are all there, before its outcome is drawn from them.
func anomalies(a *schema.Action) []string {
	flags := slices.Clone(a.Risk.Anomalies)
	succeeded := a.Event.Outcome == schema.OutcomeSuccess
	for _, c := range a.Trail.Conflicts {
		if len(a.Trail.Lanes) > 1 && decisive[c.Field] && (c.Field != "process.command_line" || !sameCommand(c.Value, a.Command.Line)) {
			flags = append(flags, LanesDisagree)
		}
		succeeded = succeeded || c.Field == "event.outcome" && c.Value == schema.OutcomeSuccess
	}
	if a.Authorization.Decision == schema.Denied && (a.Execution.ExitCode.Set || succeeded) {
		flags = append(flags, RanAlthoughDenied)
	}
	slices.Sort(flags)
	return slices.Compact(flags)
}

// leastCut is the length from which the beginning of a command counts as that command, cut by one of its lanes.
const leastCut = 100

// sameCommand says whether two texts are one command: but for white space, or for an end that was cut off.
func sameCommand(a, b string) bool {
	a, b = strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " ")
	if len(a) > len(b) {
		a, b = b, a
	}
	head := strings.TrimRight(a, ".…")
	return a == b || len(head) >= leastCut && len(head) < len(b) && strings.HasPrefix(b, head)
}

// A gist is what is remembered of a sealed action, to hold against lanes that come later: no text of it, but for the names
// of its lanes.
//
//	1 | decision | outcome | 1 if there is an exit code | exit code, 8 bytes | digest of the command, 16 bytes | lanes, by NUL
const gistBytes = 28

var (
	decisions = []string{"", schema.Unrecorded, schema.AutoApproved, schema.Approved, schema.Denied}
	outcomes  = []string{"", schema.OutcomeUnknown, schema.OutcomeSuccess, schema.OutcomeFailure}
)

// Gist of a finished action.
func (c *Clean) Gist() Bytes {
	a := &c.a
	b := make([]byte, 0, 64)
	b = append(b, storedVersion, index(decisions, a.Authorization.Decision), index(outcomes, a.Event.Outcome), 0)
	if a.Execution.ExitCode.Set {
		b[3] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(a.Execution.ExitCode.N))
	b = append(b, commandDigest(a.Command.Line)...)
	return Bytes{append(b, strings.Join(a.Trail.Lanes, "\x00")...)}
}

func index(list []string, s string) byte { return byte(max(0, slices.Index(list, s))) }

// commandDigest is zero for no command.
func commandDigest(line string) []byte {
	var id schema.ID
	if line = strings.Join(strings.Fields(line), " "); line != "" {
		id = schema.MakeID(line)
	}
	return id[:]
}

// Compare flags a finished action that follows a sealed one, where they do not fit together. first is what Gist gave for the
// sealed one; nothing is said when it cannot be read.
func (c *Clean) Compare(first []byte) {
	if len(first) < gistBytes || first[0] != storedVersion || int(first[1]) >= len(decisions) || int(first[2]) >= len(outcomes) {
		return
	}
	a, second := &c.a, c.Gist().Raw()
	lanes := strings.Split(string(first[gistBytes:]), "\x00")
	other := slices.ContainsFunc(a.Trail.Lanes, func(l string) bool { return !slices.Contains(lanes, l) })
	flags := slices.Clone(a.Risk.Anomalies)
	if other && gistsDiffer(first, second, a.Execution.Truncated) {
		flags = append(flags, LanesDisagree)
	}
	denied := index(decisions, schema.Denied)
	if first[1] == denied && gistRan(second) || second[1] == denied && gistRan(first) {
		flags = append(flags, RanAlthoughDenied)
	}
	slices.Sort(flags)
	a.Risk.Anomalies = slices.Compact(flags)
}

// gistsDiffer says whether two gists contradict each other in what both know. A command that was cut is not compared.
func gistsDiffer(x, y []byte, cut bool) bool {
	known := func(i int) bool { return x[i] > 1 && y[i] > 1 } // neither absent nor unknown
	var none schema.ID
	command := x[12:gistBytes]
	return known(1) && x[1] != y[1] || known(2) && x[2] != y[2] ||
		x[3] == 1 && y[3] == 1 && !bytes.Equal(x[4:12], y[4:12]) ||
		!cut && !bytes.Equal(command, none[:]) && !bytes.Equal(y[12:gistBytes], none[:]) && !bytes.Equal(command, y[12:gistBytes])
}

// gistRan says whether a gist shows that something ran.
func gistRan(g []byte) bool { return g[3] == 1 || outcomes[g[2]] == schema.OutcomeSuccess }
