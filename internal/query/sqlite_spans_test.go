package query_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// spanRecords are many: enough for several spans and for beginnings that are common. A third of them, all at once, are
// from long ago; some words occur only there, some hardly ever.
func spanRecords(n int) []exporters.Record {
	records := make([]exporters.Record, n)
	for i := range records {
		a := exportertest.Action("s", uint64(i))
		a.Event.Created = exportertest.Start
		a.Time = exportertest.Start.Add(time.Duration(i/3) * time.Second) // three at a time
		a.Trail.Fields = ""
		switch {
		case i > n/3 && i < 2*n/3:
			a.Time = a.Time.AddDate(-1, 0, 0)
			a.Command.Line = fmt.Sprintf("legacy import of file-%d", i%50)
		case i%5000 == 17:
			a.Command.Line = "git needle"
		case i%2 == 0:
			a.Command.Line = fmt.Sprintf("git commit -m %d", i)
		}
		records[i] = exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)}
	}
	return records
}

// Searches for words and beginnings, which go span by span, find what Match finds, in order, page after page.
func TestSpans(t *testing.T) {
	records := spanRecords(30_000)
	s, _ := openSQLite(t, records)
	defer s.Close()
	actions := make([]*schema.Action, len(records))
	for i, r := range records {
		var err error
		if actions[i], err = schema.Parse(r.JSON); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []query.Query{
		{Command: "git"},
		{Command: "legacy import"},
		{Command: "needle"},
		{Command: "nowhere"},
		{Command: `"git commit"`, RiskMin: number(90)},
		{Command: "legacy", Since: exportertest.Start.AddDate(-2, 0, 0), Until: exportertest.Start},
		{CommandPrefix: "git commit -m 1"},
		{CommandPrefix: "git"},
		{CommandPrefix: "git n"},
		{CommandPrefix: "legacy import of file-4"},
		{CommandPrefix: "git c", Decision: []string{schema.Denied, schema.Approved}},
		{Command: "commit", Session: "session-7"},
	} {
		for _, q.Order = range []query.Order{query.NewestFirst, query.OldestFirst} {
			q.Limit = 0
			all := matching(actions, records, &q)
			same(t, s, q, all)
			for q.Limit = 40; len(all) > 0 && q.Limit < 2000; q.Limit *= 7 { // pages of growing length
				n := min(q.Limit, len(all))
				same(t, s, q, all[:n])
				last, err := schema.Parse(all[n-1])
				if err != nil {
					t.Fatal(err)
				}
				q.After, all = &query.Cursor{Time: last.Time, ID: last.Event.ID}, all[n:]
			}
			q.After = nil
		}
	}
}

// matching are the documents that a query should find, in order.
func matching(actions []*schema.Action, records []exporters.Record, q *query.Query) [][]byte {
	var found []int
	for i, a := range actions {
		if q.Match(a) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(i, j int) int {
		if q.Order == query.NewestFirst {
			i, j = j, i
		}
		if c := actions[i].Time.Compare(actions[j].Time); c != 0 {
			return c
		}
		return bytes.Compare([]byte(actions[i].Event.ID), []byte(actions[j].Event.ID))
	})
	docs := make([][]byte, len(found))
	for i, n := range found {
		docs[i] = records[n].JSON
	}
	return docs
}

func same(t *testing.T, s query.Source, q query.Query, want [][]byte) {
	t.Helper()
	n := 0
	for row, err := range s.Query(t.Context(), q) {
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if n >= len(want) || !bytes.Equal(row.JSON, want[n]) {
			t.Fatalf("%+v: row %d of %d is not the one wanted", q, n, len(want))
		}
		n++
	}
	if n != len(want) {
		t.Fatalf("%+v: %d rows, want %d", q, n, len(want))
	}
}
