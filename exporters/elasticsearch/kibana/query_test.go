package kibana

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
)

// predicate is what a KQL query means, in Go.
type predicate func(r *record) bool

// TestSearches holds each saved search against its predicate.
func TestSearches(t *testing.T) {
	all, s := corpus(t)
	for i := range searches {
		q := &searches[i]
		t.Run(q.id, func(t *testing.T) { checkKQL(t, s, all, q.kql, searchOracles[q.id]) })
	}
}

func checkKQL(t *testing.T, s *estest.Server, all []record, kql string, want predicate) {
	t.Helper()
	if want == nil {
		t.Fatal("there is no oracle for this query")
	}
	var expected []string
	for i := range all {
		if want(&all[i]) {
			expected = append(expected, all[i].id)
		}
	}
	got := findKQL(t, s, kql)
	slices.Sort(expected)
	slices.Sort(got)
	if len(expected) == 0 {
		t.Error("no record of the corpus is expected: this test proves nothing")
	}
	if !slices.Equal(got, expected) {
		t.Errorf("%s\nfinds %d, expected %d\nonly found    %v\nonly expected %v", kql, len(got), len(expected), without(got, expected), without(expected, got))
	}
}

func without(a, b []string) []string {
	var rest []string
	for _, s := range a {
		if _, ok := slices.BinarySearch(b, s); !ok {
			rest = append(rest, s)
		}
	}
	return rest[:min(len(rest), 10)]
}

func findKQL(t *testing.T, s *estest.Server, kql string) []string {
	t.Helper()
	var answer struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
	}
	body := fields{"size": 10000, "_source": false, "query": fields{"kql": fields{"query": kql}}}
	if err := json.Unmarshal(s.Must(t, http.MethodPost, "/"+dataStream+"/_search", body), &answer); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, h := range answer.Hits.Hits {
		ids = append(ids, h.ID)
	}
	return ids
}

// rows are the answer of an ES|QL query: texts, float64s, bools, nils, lists of them. Times are texts.
type rows [][]any

// oracle computes in Go what an ES|QL query answers. A value of type between stands for one that the server estimates.
type oracle func(all []record) rows

// between is met by a number from low to high.
type between struct{ low, high float64 }

// checkESQL runs a query as Kibana does, and compares its columns and rows with what is expected, in order.
func checkESQL(t *testing.T, s *estest.Server, all []record, esql string, names []string, want oracle) {
	t.Helper()
	if want == nil {
		t.Fatal("there is no oracle for this query")
	}
	var filter fields
	if strings.Contains(esql, "BUCKET(@timestamp") { // Kibana filters by the panel's time field
		filter = fields{"range": fields{"@timestamp": fields{"gte": shownFrom, "lte": shownTo}}}
	}
	columns, got := askESQL(t, s, esql, filter)
	if !slices.Equal(columns, names) {
		t.Errorf("columns %v, want %v", columns, names)
	}
	shown := all
	if strings.Contains(esql, "BUCKET(@timestamp") {
		shown = nil
		for _, r := range all {
			if !r.Time.Before(shownFrom) && !r.Time.After(shownTo) {
				shown = append(shown, r)
			}
		}
	}
	expected := want(shown)
	if len(expected) == 0 {
		t.Error("no row is expected: this test proves nothing")
	}
	for i := range max(len(got), len(expected)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s\n%d rows, expected %d; missing %v", esql, len(got), len(expected), expected[i])
		case i >= len(expected):
			t.Fatalf("%s\n%d rows, expected %d; row too many %v", esql, len(got), len(expected), got[i])
		case !equalRow(got[i], expected[i]):
			t.Fatalf("%s\nrow %d\ngot      %v\nexpected %v", esql, i, got[i], expected[i])
		}
	}
}

// askESQL runs a query. NOW() is the tests' now, for the server's is another.
func askESQL(t *testing.T, s *estest.Server, esql string, filter fields) (columns []string, got rows) {
	t.Helper()
	esql = strings.ReplaceAll(esql, "NOW()", fmt.Sprintf("TO_DATETIME(%q)", now.Format(time.RFC3339)))
	body := fields{"query": esql}
	if strings.Contains(esql, "?_tstart") {
		body["params"] = []fields{{"_tstart": shownFrom.Format(time.RFC3339)}, {"_tend": shownTo.Format(time.RFC3339)}}
	}
	if filter != nil {
		body["filter"] = filter
	}
	var answer struct {
		Columns []struct{ Name string }
		Values  rows
	}
	if err := json.Unmarshal(s.Must(t, http.MethodPost, "/_query", body), &answer); err != nil {
		t.Fatal(err)
	}
	for _, c := range answer.Columns {
		columns = append(columns, c.Name)
	}
	return columns, answer.Values
}

func equalRow(got, want []any) bool {
	return slices.EqualFunc(got, want, func(g, w any) bool {
		switch w := w.(type) {
		case int:
			return g == float64(w)
		case int64:
			return g == float64(w)
		case between:
			n, ok := g.(float64)
			return ok && n >= w.low && n <= w.high
		case time.Time:
			return g == millis(w)
		case []string:
			return equalSet(g, w)
		}
		return fmt.Sprint(g) == fmt.Sprint(w)
	})
}

// equalSet compares what VALUES gives, in no order, with sorted texts: a text alone stands for itself, nil for none.
func equalSet(got any, want []string) bool {
	var list []string
	switch g := got.(type) {
	case string:
		list = []string{g}
	case []any:
		for _, v := range g {
			list = append(list, fmt.Sprint(v))
		}
	}
	slices.Sort(list)
	return slices.Equal(list, want)
}

// millis is a time as ES|QL prints it.
func millis(at time.Time) string {
	return at.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
}

// estimate bounds what PERCENTILE may say of values: between the neighbours of the exact place.
func estimate(values []float64, percent float64) any {
	if len(values) == 0 {
		return nil
	}
	values = slices.Clone(values)
	slices.Sort(values)
	at := percent / 100 * float64(len(values)-1)
	// The digest places a value in the middle of its share, so that an estimate may be up to one place off.
	low, high := int(math.Floor(at-1)), int(math.Ceil(at+1))
	return between{values[max(low, 0)], values[min(high, len(values)-1)]}
}

// TestPanels holds the query of each panel against its oracle.
func TestPanels(t *testing.T) {
	all, s := corpus(t)
	for _, d := range dashboards() {
		for i := range d.panels {
			p := &d.panels[i]
			if p.kind == found {
				continue
			}
			t.Run(d.id+"/"+p.title, func(t *testing.T) {
				var names []string
				for _, c := range p.columns {
					names = append(names, c.name)
				}
				checkESQL(t, s, all, p.esql, names, panelOracles[d.id+"/"+p.title])
			})
		}
	}
}
