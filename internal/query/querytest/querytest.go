// Package querytest is the suite that every query.Source has to pass: random queries over random records, against an
// oracle that shares no code with the sources.
package querytest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// Records are what a source has to hold: n records of a stream, from 0 on, a third of them with random commands, some at
// the same instant.
func Records(stream string, n int) []exporters.Record {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	out := make([]exporters.Record, n)
	at := exportertest.Start
	for i := range out {
		a := exportertest.Action(stream, uint64(i))
		switch rng.IntN(4) {
		case 0:
			a.Time = at // the same instant as the one before
		case 1:
			a.Time = a.Time.Truncate(time.Second) // no fraction: texts of other lengths
		}
		at = a.Time
		if rng.IntN(3) == 0 {
			a.Command.Line = randomCommand(rng)
		}
		if rng.IntN(10) == 0 {
			a.Authorization.Decision = ""
		}
		out[i] = exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)}
	}
	return out
}

var pieces = []string{
	"rm", "RM", "-rf", "node_modules", "./", " ", " ", " ", "  ", "\t", "kubectl", "delete", "Delete", "_", "-", "--force", "\"", "'", "*",
	"Straße", "STRASSE", "ſ", "É", "é", "e\u0301", "世界", "🚀", "हिन्दी", "½", "Ⅷ", "\u0301", "\x00", "\n", "x1", "1x", "%", "(", ")", "AND", "OR", "NOT", "NEAR",
}

func randomCommand(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(8) {
		b.WriteString(pieces[rng.IntN(len(pieces))])
		if rng.IntN(2) == 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Run runs the suite over a source that holds Records(stream, n).
func Run(t *testing.T, s query.Source, records []exporters.Record) {
	o := newOracle(t, records)
	for _, c := range cases(o) {
		t.Run(c.name, func(t *testing.T) { o.check(t, s, c.query) })
	}
	t.Run("random", func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		queries := 250
		if testing.Short() {
			queries = 50
		}
		for range queries {
			o.check(t, s, o.random(rng))
		}
	})
	t.Run("pages", func(t *testing.T) { o.pages(t, s) })
	t.Run("refused", func(t *testing.T) { refused(t, s) })
	t.Run("stop early", func(t *testing.T) {
		for range s.Query(t.Context(), query.Query{}) {
			break
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range s.Query(ctx, query.Query{}) {
			if err != nil {
				return
			}
		}
		t.Error("a cancelled query ended without an error")
	})
}

type testCase struct {
	name  string
	query query.Query
}

func cases(o *oracle) []testCase {
	n := func(i int) *int { return &i }
	return []testCase{
		{"all", query.Query{}},
		{"oldest first", query.Query{Order: query.OldestFirst}},
		{"newest ten", query.Query{Limit: 10}},
		{"oldest ten", query.Query{Limit: 10, Order: query.OldestFirst}},
		{"session", query.Query{Session: "session-3"}},
		{"agent by name", query.Query{Agent: "planner"}},
		{"agent by id", query.Query{Agent: "agent-1"}},
		{"agent by software", query.Query{Agent: "codex"}},
		{"agent in another case", query.Query{Agent: "CODEX"}},
		{"user", query.Query{User: "ann"}},
		{"user by mail", query.Query{User: "bob@example.com"}},
		{"quotes", query.Query{User: `' OR 1=1 --`}},
		{"risk from", query.Query{RiskMin: n(70)}},
		{"risk to", query.Query{RiskMax: n(10)}},
		{"risk range", query.Query{RiskMin: n(20), RiskMax: n(30)}},
		{"risk zero", query.Query{RiskMin: n(0)}},
		{"denied", query.Query{Decision: []string{schema.Denied}}},
		{"denied or unrecorded", query.Query{Decision: []string{schema.Denied, schema.Unrecorded}}},
		{"without decision", query.Query{Decision: []string{""}}},
		{"anomalies", query.Query{AnyAnomaly: true}},
		{"anomaly", query.Query{Anomaly: "burst"}},
		{"anomaly with quotes", query.Query{Anomaly: `odd "name"`}},
		{"part of an anomaly", query.Query{Anomaly: "bur"}},
		{"rm", query.Query{Command: "rm"}},
		{"node_modules", query.Query{Command: "node_modules"}},
		{"part of a word", query.Query{Command: "node"}},
		{"two words", query.Query{Command: "delete kubectl"}},
		{"phrase", query.Query{Command: `"kubectl delete"`}},
		{"phrase turned", query.Query{Command: `"delete kubectl"`}},
		{"path", query.Query{Command: "/etc/passwd"}},
		{"case", query.Query{Command: "KUBECTL"}},
		{"folded", query.Query{Command: "STRASSE Straße"}},
		{"kelvin", query.Query{Command: "kelvin"}},
		{"operators", query.Query{Command: `AND NOT OR NEAR(rm) words:rm ^rm *`}},
		{"open quote", query.Query{Command: `"rm rf`}},
		{"long word", query.Query{Command: strings.Repeat("x", 300)}},
		{"longer word of the same beginning", query.Query{Command: strings.Repeat("x", 400)}},
		{"shorter word", query.Query{Command: strings.Repeat("x", 100)}},
		{"prefix", query.Query{CommandPrefix: "kubectl "}},
		{"prefix in another case", query.Query{CommandPrefix: "Kubectl"}},
		{"prefix with wildcards", query.Query{CommandPrefix: "%"}},
		{"prefix within a letter", query.Query{CommandPrefix: "printf 'Gr\xc3"}},
		{"prefix over a NUL", query.Query{CommandPrefix: "nul \x00 b"}},
		{"long prefix", query.Query{CommandPrefix: strings.Repeat("x", 299)}},
		{"tool", query.Query{Tool: "mcp__github__create_issue"}},
		{"host", query.Query{Host: "build-2"}},
		{"organisation", query.Query{Organization: "Example GmbH"}},
		{"organisation by id", query.Query{Organization: "org-1"}},
		{"id", query.Query{ID: o.actions[5].Event.ID}},
		{"no such id", query.Query{ID: "none"}},
		{"since", query.Query{Since: o.actions[20].Time}},
		{"until", query.Query{Until: o.actions[20].Time}},
		{"an instant", query.Query{Since: o.actions[20].Time, Until: o.actions[20].Time.Add(1)}},
		{"in another zone", query.Query{Since: o.actions[20].Time.In(time.FixedZone("", 5*3600))}},
		{"nothing", query.Query{Since: o.actions[20].Time, Until: o.actions[20].Time}},
	}
}

// oracle is the straightforward answer.
type oracle struct {
	actions []*schema.Action
	docs    [][]byte
}

func newOracle(t *testing.T, records []exporters.Record) *oracle {
	o := new(oracle)
	for _, r := range records {
		a, err := schema.Parse(r.JSON)
		if err != nil {
			t.Fatal(err)
		}
		o.actions, o.docs = append(o.actions, a), append(o.docs, r.JSON)
	}
	return o
}

// want are the indexes of the records asked for, in order.
func (o *oracle) want(q query.Query) []int {
	var found []int
	for i, a := range o.actions {
		if wanted(q, a) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(x, y int) int {
		a, b := o.actions[x], o.actions[y]
		c := a.Time.Compare(b.Time)
		if c == 0 {
			c = strings.Compare(a.Event.ID, b.Event.ID)
		}
		if q.Order == query.NewestFirst {
			c = -c
		}
		return c
	})
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found
}

func wanted(q query.Query, a *schema.Action) bool {
	for _, f := range []struct {
		want string
		have []string
	}{
		{q.ID, []string{a.Event.ID}},
		{q.Session, []string{a.Session.ID}},
		{q.Agent, []string{a.Identity.AgentID, a.Identity.AgentName, a.Identity.ServiceName}},
		{q.User, []string{a.Identity.UserID, a.Identity.UserName, a.Identity.UserEmail}},
		{q.Organization, []string{a.Identity.OrganizationID, a.Identity.OrganizationName}},
		{q.Host, []string{a.Infrastructure.HostID, a.Infrastructure.HostName}},
		{q.Tool, []string{a.Command.Tool}},
		{q.Anomaly, a.Risk.Anomalies},
	} {
		if f.want != "" && !slices.Contains(f.have, f.want) {
			return false
		}
	}
	score := int(a.Risk.Score.N)
	switch {
	case (q.RiskMin != nil || q.RiskMax != nil) && !a.Risk.Score.Set,
		q.RiskMin != nil && score < *q.RiskMin,
		q.RiskMax != nil && score > *q.RiskMax,
		len(q.Decision) > 0 && !slices.Contains(q.Decision, a.Authorization.Decision),
		q.AnyAnomaly && len(a.Risk.Anomalies) == 0,
		!q.Since.IsZero() && a.Time.Before(q.Since),
		!q.Until.IsZero() && !a.Time.Before(q.Until),
		!strings.HasPrefix(a.Command.Line, q.CommandPrefix):
		return false
	}
	return mentions(a.Command.Line, q.Command)
}

// mentions is full-text search by way of plain text: all words on one line, with a space before and after each.
func mentions(command, search string) bool {
	line := plain(command)
	for i, part := range strings.Split(search, `"`) {
		terms := []string{part}
		if i%2 == 0 {
			terms = strings.Fields(part)
		}
		for _, t := range terms {
			if p := plain(t); p != " " && !strings.Contains(line, p) {
				return false
			}
		}
	}
	return true
}

func plain(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r != '_' && !unicode.In(r, unicode.L, unicode.N) })
	out := " "
	for _, w := range words {
		for len(w) > 256 {
			r := []rune(w)
			w = string(r[:len(r)-1])
		}
		out += strings.ToLower(strings.ToUpperSpecial(unicode.SpecialCase{}, w)) + " "
	}
	return out
}

func (o *oracle) check(t *testing.T, s query.Source, q query.Query) {
	t.Helper()
	want := o.want(q)
	i := 0
	for row, err := range s.Query(t.Context(), q) {
		if err != nil {
			t.Fatalf("%s: %v", describe(q), err)
		}
		if i >= len(want) {
			t.Fatalf("%s: more than %d rows; then %.200s", describe(q), len(want), row.JSON)
		}
		if !bytes.Equal(row.JSON, o.docs[want[i]]) {
			t.Fatalf("%s: row %d is\n%.300s\nwant\n%.300s", describe(q), i, row.JSON, o.docs[want[i]])
		}
		if again := row.Action.AppendJSON(nil); !bytes.Equal(again, row.JSON) {
			t.Fatalf("%s: row %d has another action than document", describe(q), i)
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("%s: %d rows, want %d", describe(q), i, len(want))
	}
}

func describe(q query.Query) string { return fmt.Sprintf("%+v", q) }

// random draws a query from what occurs in the records.
func (o *oracle) random(rng *rand.Rand) query.Query {
	a := func() *schema.Action { return o.actions[rng.IntN(len(o.actions))] }
	n := func(i int) *int { return &i }
	q := query.Query{Order: query.Order(rng.IntN(2)), Limit: []int{0, 1, 3, 20}[rng.IntN(4)]}
	for range 1 + rng.IntN(3) {
		switch rng.IntN(14) {
		case 0:
			q.Session = a().Session.ID
		case 1:
			q.Agent = pick(rng, a().Identity.AgentName, a().Identity.AgentID, a().Identity.ServiceName)
		case 2:
			q.User = pick(rng, a().Identity.UserName, a().Identity.UserID, a().Identity.UserEmail)
		case 3:
			q.RiskMin = n(rng.IntN(100))
		case 4:
			q.RiskMax = n(100)
			if q.RiskMin == nil {
				q.RiskMax = n(rng.IntN(100))
			}
		case 5:
			q.Decision = []string{a().Authorization.Decision, a().Authorization.Decision}
		case 6:
			q.AnyAnomaly = true
		case 7:
			q.Since = a().Time
		case 8:
			q.Until = a().Time
		case 9, 10:
			if c := randomCommand(rng); plain(c) != " " {
				q.Command = c
			}
		case 11, 12:
			line := a().Command.Line
			q.CommandPrefix = line[:rng.IntN(len(line)+1)]
		case 13:
			q.Host = a().Infrastructure.HostName
		}
	}
	return q
}

func pick(rng *rand.Rand, of ...string) string { return of[rng.IntN(len(of))] }

// pages reads everything page by page.
func (o *oracle) pages(t *testing.T, s query.Source) {
	for _, order := range []query.Order{query.NewestFirst, query.OldestFirst} {
		q := query.Query{Order: order, Limit: 7}
		want := o.want(query.Query{Order: order})
		n := 0
		for {
			got := 0
			for row, err := range s.Query(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				if n >= len(want) || !bytes.Equal(row.JSON, o.docs[want[n]]) {
					t.Fatalf("order %d: row %d is another than without pages", order, n)
				}
				c := row.Cursor()
				q.After = &c
				n++
				got++
			}
			if got == 0 {
				break
			}
		}
		if n != len(want) {
			t.Fatalf("order %d: %d rows in pages, want %d", order, n, len(want))
		}
	}
}

func refused(t *testing.T, s query.Source) {
	low, high := 80, 20
	for _, q := range []query.Query{
		{Limit: -1},
		{Order: 9},
		{RiskMin: &low, RiskMax: &high},
		{Command: "--"},
		{Command: strings.Repeat("a ", 1001)},
	} {
		rows, failed := 0, false
		for _, err := range s.Query(t.Context(), q) {
			rows++
			failed = err != nil
		}
		if rows != 1 || !failed {
			t.Errorf("%.80s was not refused", describe(q))
		}
	}
}
