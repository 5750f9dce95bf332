package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema"
)

// row is a record on its way into its file.
type row struct {
	sequence uint64
	id       string
	time     string // timestamp
	words    string // of the command, for the index
	values   []any  // in the order of columns
}

// column is a column of audit_log that is drawn from the document. Absent fields are NULL.
type column struct {
	name, kind string
	get        func(*schema.Action) any
}

// columns are the columns between id and record. Long texts stand last: SQLite reads a row from the front.
var columns = []column{
	{"stream", "TEXT NOT NULL", func(a *schema.Action) any { return a.Trail.Stream }},
	{"sequence", "INTEGER NOT NULL", func(a *schema.Action) any { return a.Trail.Sequence.N }},
	{"timestamp", "TEXT NOT NULL", func(a *schema.Action) any { return TimeText(a.Time) }},
	{"organization_id", "TEXT", text(func(a *schema.Action) string { return a.Identity.OrganizationID })},
	{"organization", "TEXT", text(func(a *schema.Action) string { return a.Identity.OrganizationName })},
	{"agent_id", "TEXT", text(func(a *schema.Action) string { return a.Identity.AgentID })},
	{"agent", "TEXT", text(agentName)},
	{"service", "TEXT", text(func(a *schema.Action) string { return a.Identity.ServiceName })},
	{"user_id", "TEXT", text(func(a *schema.Action) string { return a.Identity.UserID })},
	{"user", "TEXT", text(func(a *schema.Action) string { return a.Identity.UserName })},
	{"user_email", "TEXT", text(func(a *schema.Action) string { return a.Identity.UserEmail })},
	{"session_id", "TEXT", text(func(a *schema.Action) string { return a.Session.ID })},
	{"host_id", "TEXT", text(func(a *schema.Action) string { return a.Infrastructure.HostID })},
	{"host", "TEXT", text(func(a *schema.Action) string { return a.Infrastructure.HostName })},
	{"kind", "TEXT", text(func(a *schema.Action) string { return a.Event.Kind })},
	{"action", "TEXT", text(func(a *schema.Action) string { return a.Event.Action })},
	{"tool", "TEXT", text(func(a *schema.Action) string { return a.Command.Tool })},
	{"risk_score", "INTEGER", number(func(a *schema.Action) schema.Int { return a.Risk.Score })},
	{"risk_category", "TEXT", text(func(a *schema.Action) string { return a.Risk.Category })},
	{"decision", "TEXT", text(func(a *schema.Action) string { return a.Authorization.Decision })},
	{"decision_source", "TEXT", text(func(a *schema.Action) string { return a.Authorization.Source })},
	{"rule", "TEXT", text(func(a *schema.Action) string { return a.Authorization.Rule })},
	{"reviewer", "TEXT", text(func(a *schema.Action) string { return a.Authorization.Reviewer })},
	{"outcome", "TEXT", text(func(a *schema.Action) string { return a.Event.Outcome })},
	{"exit_code", "INTEGER", number(func(a *schema.Action) schema.Int { return a.Execution.ExitCode })},
	{"duration_ms", "REAL", durationMS},
	{"anomalies", "TEXT", anomalies}, // a JSON array of strings
	{"reason", "TEXT", text(func(a *schema.Action) string { return a.Authorization.Reason })},
	{"cwd", "TEXT", text(func(a *schema.Action) string { return a.Command.Cwd })},
	{"command", "TEXT", text(func(a *schema.Action) string { return a.Command.Line })},
}

// agentName is the agent as people call it: its name, or its software's.
func agentName(a *schema.Action) string {
	if a.Identity.AgentName != "" {
		return a.Identity.AgentName
	}
	return a.Identity.ServiceName
}

func text(get func(*schema.Action) string) func(*schema.Action) any {
	return func(a *schema.Action) any {
		if s := get(a); s != "" {
			return s
		}
		return nil
	}
}

func number(get func(*schema.Action) schema.Int) func(*schema.Action) any {
	return func(a *schema.Action) any {
		if n := get(a); n.Set {
			return n.N
		}
		return nil
	}
}

func durationMS(a *schema.Action) any {
	if !a.Execution.Duration.Set {
		return nil
	}
	return float64(a.Execution.Duration.N) / 1e6
}

func anomalies(a *schema.Action) any {
	if len(a.Risk.Anomalies) == 0 {
		return nil
	}
	list, _ := json.Marshal(a.Risk.Anomalies) // strings cannot fail
	return string(list)
}

// TimeText is a time as the timestamp column has it: UTC with nine digits of a second, so that texts sort as times do.
// The zero time, which is unknown, is "" and sorts first; years beyond 9999 are brought to its end.
func TimeText(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.UTC().Year() < 0:
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case t.UTC().Year() > 9999:
		t = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// makeRow reads a record. The month, as 2026-11, is that of event.created, else of @timestamp.
func makeRow(stream string, r exporters.Record) (_ row, month string, _ error) {
	a, err := schema.Parse(r.JSON)
	if err != nil {
		return row{}, "", err
	}
	created := a.Event.Created
	if created.IsZero() {
		created = a.Time
	}
	switch {
	case a.Event.ID == "":
		return row{}, "", errors.New("document has no event.id")
	case created.IsZero():
		return row{}, "", errors.New("document has neither event.created nor @timestamp")
	case a.Trail.Stream != stream:
		return row{}, "", fmt.Errorf("document is not of stream %s", stream)
	case !a.Trail.Sequence.Set || a.Trail.Sequence.N < 0 || uint64(a.Trail.Sequence.N) != r.Sequence:
		return row{}, "", fmt.Errorf("document has not the event.sequence %d", r.Sequence)
	}
	out := row{sequence: r.Sequence, id: a.Event.ID, time: TimeText(a.Time), words: strings.Join(Words(a.Command.Line), " ")}
	out.values = make([]any, 0, len(columns)+2)
	out.values = append(out.values, a.Event.ID)
	for _, c := range columns {
		out.values = append(out.values, c.get(a))
	}
	out.values = append(out.values, string(r.JSON))
	return out, created.UTC().Format("2006-01"), nil
}
