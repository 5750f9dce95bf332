package exportertest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Start is when the made-up records begin: a day before a month's end, so that runs of records cross months.
var Start = time.Date(2026, 11, 29, 23, 59, 0, 123456789, time.UTC)

// commands are texts that stores have stumbled over.
var commands = []string{
	"rm -rf ./node_modules",
	"kubectl delete pod web-7f9c --namespace prod",
	"git push --force origin main",
	"echo 'it''s' \"quoted\" `now` $(then) \\ % _ * ? ; --",
	"SELECT 1; DROP TABLE audit_log; --",
	"printf 'Grüße, 世界 🚀 e\u0301 ſtraße \u212aelvin'",
	"nul \x00 byte and \u2028 separator and \t tab\nand line",
	"cat /etc/passwd | grep root",
	"",
	strings.Repeat("x", 300) + " long word",
	"--",
	"𝒳 العربية हिन्दी ไทย",
}

// Records makes n records of a stream from first on: always the same for the same arguments.
func Records(stream string, first uint64, n int) []exporters.Record {
	out := make([]exporters.Record, n)
	for i := range out {
		seq := first + uint64(i)
		a := Action(stream, seq)
		out[i] = exporters.Record{Sequence: seq, JSON: a.AppendJSON(nil)}
	}
	return out
}

// Action makes the action behind a record: varied, but always the same for the same arguments.
func Action(stream string, seq uint64) *schema.Action {
	rng := rand.New(rand.NewPCG(seq, uint64(len(stream))))
	at := Start.Add(time.Duration(seq) * 7 * time.Minute)
	a := &schema.Action{Time: at.Add(-time.Duration(rng.IntN(int(time.Hour))))}
	a.Event.ID = schema.MakeID("exportertest", stream, fmt.Sprint(seq)).String()
	a.Event.Kind = schema.KindEvent
	a.Event.Action = schema.ActionShell
	a.Event.Created = at
	a.Event.Outcome = pick(rng, schema.OutcomeSuccess, schema.OutcomeFailure, schema.OutcomeUnknown)
	a.Trail.Stream, a.Trail.Sequence = stream, schema.Some(int64(seq))
	a.Trail.Fields = `{"nested":{"empty":"","list":[1,2.5,null,"\u0000"]}}`
	a.Command.Line = commands[rng.IntN(len(commands))]
	a.Command.Tool = pick(rng, "Bash", "Edit", "mcp__github__create_issue")
	a.Command.Cwd = "/home/ann/project"
	a.Identity.AgentName = pick(rng, "", "planner", "Coder")
	a.Identity.AgentID = pick(rng, "", "agent-1", "agent-2")
	a.Identity.ServiceName = pick(rng, "claude-code", "codex")
	a.Identity.UserName = pick(rng, "", "ann", "bob")
	a.Identity.UserID = pick(rng, "", "1000", "1001")
	a.Identity.UserEmail = pick(rng, "", "ann@example.com", "bob@example.com")
	a.Identity.OrganizationID = pick(rng, "", "org-1")
	a.Identity.OrganizationName = pick(rng, "", "Example GmbH")
	a.Infrastructure.HostName = pick(rng, "build-1", "build-2")
	a.Session.ID = fmt.Sprintf("session-%d", seq/10)
	a.Authorization.Decision = pick(rng, schema.Approved, schema.AutoApproved, schema.Denied, schema.Unrecorded)
	if rng.IntN(4) > 0 {
		a.Risk.Score = schema.Some(int64(rng.IntN(101)))
	}
	if rng.IntN(5) == 0 {
		a.Risk.Anomalies = []string{pick(rng, "new-host", "burst", `odd "name"`)}
	}
	return a
}

func pick(rng *rand.Rand, of ...string) string { return of[rng.IntN(len(of))] }

// Batch puts records behind the tree of all records of the stream before them, as Records makes them.
func Batch(stream string, records []exporters.Record) exporters.Batch {
	return exporters.Batch{Stream: stream, Records: records, Tree: Tree(stream, records[0].Sequence)}
}

// Tree is the tree of the first n records of a stream, as Records makes them.
func Tree(stream string, n uint64) merkle.Frontier {
	var f merkle.Frontier
	for _, r := range Records(stream, 0, int(n)) {
		f.Append(merkle.LeafHash(r.JSON))
	}
	return f
}
