package query_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/query"
)

func number(n int) *int { return &n }

// common are the questions that people ask.
var common = []struct {
	name  string
	query query.Query
}{
	{"session", query.Query{Session: "session-500"}},
	{"agent", query.Query{Agent: "planner", Limit: 50}},
	{"user", query.Query{User: "ann", Limit: 50}},
	{"risk", query.Query{RiskMin: number(99), Limit: 50}},
	{"denied", query.Query{Decision: []string{"denied"}, Limit: 50}},
	{"words", query.Query{Command: "kubectl delete", Limit: 50}},
	{"prefix", query.Query{CommandPrefix: "rm -rf", Limit: 50}},
	{"day", query.Query{Since: exportertest.Start.Add(24 * time.Hour), Until: exportertest.Start.Add(48 * time.Hour)}},
	{"newest", query.Query{Limit: 50}},
	{"all", query.Query{}},
}

func BenchmarkQuery(b *testing.B) {
	records := exportertest.Records("s", 0, 20_000)
	db, _ := openSQLite(b, records)
	dir, _ := openDir(b, records, 2000)
	for _, s := range []struct {
		name string
		query.Source
	}{{"sqlite", db}, {"dir", dir}} {
		for _, c := range common {
			b.Run(s.name+"/"+c.name, func(b *testing.B) {
				rows := 0
				for b.Loop() {
					for _, err := range s.Query(b.Context(), c.query) {
						if err != nil {
							b.Fatal(err)
						}
						rows++
					}
				}
				b.ReportMetric(float64(rows)/float64(b.N), "rows")
			})
		}
	}
}

// The questions that people ask most are answered by an index in the order of time: only what has the same time is sorted.
func TestIndexed(t *testing.T) {
	records := exportertest.Records("s", 0, 300)
	_, path := openSQLite(t, records)
	db, err := sql.Open("sqlite", strings.TrimSuffix(path, ".db")+"-2026-11.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, want := range map[string]struct {
		query query.Query
		index string
	}{
		"session": {query.Query{Session: "session-5"}, "audit_session"},
		"denied":  {query.Query{Decision: []string{"denied"}}, "audit_decision"},
		"time":    {query.Query{Since: exportertest.Start}, "audit_time"},
		"newest":  {query.Query{Limit: 5}, "audit_time"},
		"anomaly": {query.Query{AnyAnomaly: true}, "audit_anomaly"},
		"agent":   {query.Query{Agent: "planner"}, "audit_agent"},
		"risk":    {query.Query{RiskMin: number(90), RiskMax: number(100)}, "audit_risk"},
		"user":    {query.Query{User: "ann", Since: exportertest.Start, Order: query.OldestFirst}, "audit_user_email"},
	} {
		plan := query.Plan(t.Context(), db, want.query)
		if !strings.Contains(plan, want.index) || strings.Contains(plan, "TEMP B-TREE FOR ORDER BY") {
			t.Errorf("%s: %s", name, plan)
		}
	}
	for name, want := range map[string]struct {
		query query.Query
		index string
	}{
		"prefix": {query.Query{CommandPrefix: "rm -rf"}, "audit_command_head"},
		"words":  {query.Query{Command: "rm"}, "VIRTUAL TABLE"},
		"id":     {query.Query{ID: "x"}, "sqlite_autoindex"},
	} {
		if plan := query.Plan(t.Context(), db, want.query); !strings.Contains(plan, want.index) {
			t.Errorf("%s: %s", name, plan)
		}
	}
}
