package report_test

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/report"
	"github.com/agentaudit/agentaudit/schema"
)

func TestMain(m *testing.M) { estest.Main(m) }

var (
	since = exportertest.Start
	until = exportertest.Start.Add(30 * 24 * time.Hour)
)

// records are of two months, the second of which is the period.
func records(n int) []exporters.Record {
	rng := rand.New(rand.NewPCG(5, 6))
	out := make([]exporters.Record, n)
	for i := range out {
		a := exportertest.Action("s", uint64(i))
		a.Time = since.Add(time.Duration(rng.Int64N(int64(60*24*time.Hour))) - 30*24*time.Hour)
		a.Trail.Fields = ""
		switch a.Authorization.Decision {
		case schema.AutoApproved:
			a.Authorization.Rule = []string{"", "Bash(git:*)", `odd "rule" <b>`, "old"}[rng.IntN(4)]
			if a.Authorization.Rule == "old" && !a.Time.Before(since) {
				a.Authorization.Rule = "new"
			}
			if a.Authorization.Rule == "" && rng.IntN(2) == 0 {
				a.Authorization.Rules = []string{"would match"}
			}
		case schema.Approved:
			a.Command.Line = []string{"git status -s", "git push --force", "FOO=1 /usr/bin/ls -l"}[rng.IntN(3)]
			a.Risk.Score, a.Risk.Anomalies = schema.Some(int64(rng.IntN(30))), nil
		case schema.Denied:
			a.Command.Line = "git push --force"
		}
		out[i] = exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)}
	}
	return out
}

func options() report.Options {
	return report.Options{
		Query: query.Query{Since: since, Until: until}, Above: 70, Before: 30 * 24 * time.Hour, Unrefused: 30 * 24 * time.Hour, Approvals: 5,
		Known: []string{"never seen", "Bash(git:*)", "would match"},
	}
}

func build(t *testing.T, source query.Source) *report.Policy {
	t.Helper()
	p, err := report.Build(t.Context(), source, options())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func export(t *testing.T, open exporters.Opener, settings map[string]any, records []exporters.Record) {
	t.Helper()
	b, _ := json.Marshal(settings)
	e, err := open(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, refused, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records}); err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
}

func sqliteSource(t *testing.T, records []exporters.Record) (query.Source, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.db")
	export(t, sqlite.Open, map[string]any{"path": path}, records)
	source, err := query.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	files, err := sqlite.Files(path)
	if err != nil {
		t.Fatal(err)
	}
	return source, files
}

func byKey(groups []report.Group) map[string]int64 {
	m := map[string]int64{}
	for _, g := range groups {
		m[g.Key] += g.Count
	}
	return m
}

// countSQL adds up what a statement of keys and numbers says of each file; PERIOD stands for the report's.
func countSQL(t *testing.T, files []string, statement string) map[string]int64 {
	t.Helper()
	period := fmt.Sprintf("timestamp >= '%s' AND timestamp < '%s'", sqlite.TimeText(since), sqlite.TimeText(until))
	all := map[string]int64{}
	for _, f := range files {
		db, err := sql.Open("sqlite", f)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		rows, err := db.Query(strings.ReplaceAll(statement, "PERIOD", period))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			var n int64
			if err := rows.Scan(&key, &n); err != nil {
				t.Fatal(err)
			}
			all[key] += n
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// What the report counts is what direct SQL counts.
func TestEqualsSQL(t *testing.T) {
	source, files := sqliteSource(t, records(3000))
	p := build(t, source)
	const rule = `CASE WHEN rule IS NOT NULL THEN rule WHEN json_extract(record, '$.agent_audit.authorization.rules[0]') IS NOT NULL THEN json_extract(record, '$.agent_audit.authorization.rules[0]') ELSE '(no rule recorded)' END`
	const auto = " FROM audit_log WHERE PERIOD AND risk_score > 70 AND decision = 'auto_approved'"
	const despite = " FROM audit_log WHERE PERIOD AND anomalies IS NOT NULL AND decision IN ('approved', 'auto_approved')"
	failed, letThrough := map[string]int64{}, map[string]int64{}
	for _, f := range p.Failing {
		failed[f.Rule], letThrough[f.Rule] = f.Failed, f.LetThrough
	}
	kinds := map[string]int64{}
	for _, k := range p.Approvals {
		kinds[k.Kind+" approved"] = k.Approved
	}
	for name, c := range map[string]struct {
		got map[string]int64
		sql string
	}{
		"auto":           {map[string]int64{"n": p.AutoApproved.Count}, "SELECT 'n', count(*)" + auto},
		"auto by rule":   {byKey(p.AutoApproved.ByRule), "SELECT " + rule + ", count(*)" + auto + " GROUP BY 1"},
		"auto by agent":  {byKey(p.AutoApproved.ByAgent), "SELECT coalesce(json_extract(record, '$.gen_ai.agent.name'), agent_id, service), count(*)" + auto + " GROUP BY 1"},
		"auto by day":    {byKey(p.AutoApproved.ByDay), "SELECT substr(timestamp, 1, 10), count(*)" + auto + " GROUP BY 1"},
		"despite":        {map[string]int64{"n": p.DespiteAnomalies.Count}, "SELECT 'n', count(*)" + despite},
		"despite by why": {byKey(p.DespiteAnomalies.ByAnomaly), "SELECT value, count(*) FROM audit_log, json_each(anomalies) WHERE PERIOD AND decision IN ('approved', 'auto_approved') GROUP BY 1"},
		"despite rule":   {byKey(p.DespiteAnomalies.ByRule), "SELECT " + rule + ", count(*)" + despite + " GROUP BY 1"},
		"decisions":      {p.Decisions, "SELECT coalesce(decision, 'none'), count(*) FROM audit_log WHERE PERIOD GROUP BY 1"},
		"records":        {map[string]int64{"n": p.Records}, "SELECT 'n', count(*) FROM audit_log WHERE PERIOD"},
		"failed":         {failed, "SELECT " + rule + ", count(*) FROM audit_log WHERE PERIOD AND decision = 'auto_approved' AND outcome = 'failure' GROUP BY 1"},
		"let through":    {letThrough, "SELECT " + rule + ", count(*) FROM audit_log WHERE PERIOD AND decision = 'auto_approved' GROUP BY 1"},
		"kinds": {kinds, `SELECT CASE substr(command, 1, 5) WHEN 'git s' THEN 'git status' WHEN 'git p' THEN 'git push' ELSE 'ls' END || ' approved', count(*)
			FROM audit_log WHERE PERIOD AND decision = 'approved' GROUP BY 1`},
	} {
		if want := countSQL(t, files, c.sql); !maps.Equal(c.got, want) {
			t.Errorf("%s: %v, SQL says %v", name, c.got, want)
		}
	}
	checkRules(t, p)
	checkEvidence(t, p, files)
}

// checkRules looks at the sections that compare the period with what was before it.
func checkRules(t *testing.T, p *report.Policy) {
	t.Helper()
	var silent []string
	for _, r := range p.NeverFired {
		silent = append(silent, fmt.Sprint(r.Rule, " ", r.Configured, " ", r.Last != nil, " ", len(r.Records) > 0))
	}
	if want := []string{"never seen true false false", "old false true true"}; !slices.Equal(silent, want) {
		t.Errorf("never fired: %q, want %q", silent, want)
	}
	candidates := map[string]bool{}
	for _, k := range p.Approvals {
		candidates[k.Kind] = k.Candidate
	}
	if want := map[string]bool{"git status": true, "ls": true, "git push": false}; !maps.Equal(candidates, want) {
		t.Errorf("candidates %v, want %v", candidates, want)
	}
	changes := map[string][]string{}
	for _, s := range p.Suggestions {
		changes[s.Change] = append(changes[s.Change], s.Subject)
		if len(s.Records) == 0 && s.Subject != "never seen" {
			t.Errorf("%s %s has no records behind it", s.Change, s.Subject)
		}
	}
	for change, subjects := range map[string][]string{
		report.Ask: {"Bash(git:*)", `odd "rule" <b>`, "new", "would match"}, report.Remove: {"never seen", "old"}, report.Allow: {"git status", "ls"},
		report.Review: {"new"}, report.Flag: {"burst"},
	} {
		for _, s := range subjects {
			if !slices.Contains(changes[change], s) {
				t.Errorf("no suggestion to %s %s among %q", change, s, changes[change])
			}
		}
	}
	if slices.Contains(changes[report.Allow], "git push") {
		t.Error("what was refused is to be allowed")
	}
}

// checkEvidence holds that the records named are what the section says.
func checkEvidence(t *testing.T, p *report.Policy, files []string) {
	t.Helper()
	for _, g := range p.AutoApproved.ByRule {
		for _, e := range g.Records {
			found := 0
			for _, f := range files {
				db, err := sql.Open("sqlite", f)
				if err != nil {
					t.Fatal(err)
				}
				var n int
				if err := db.QueryRow("SELECT count(*) FROM audit_log WHERE id = ? AND risk_score > 70 AND decision = 'auto_approved'", e.ID).Scan(&n); err != nil {
					t.Fatal(err)
				}
				_ = db.Close()
				found += n
			}
			if found != 1 {
				t.Errorf("record %s of rule %s is not what was asked for", e.ID, g.Key)
			}
		}
	}
}

// Elasticsearch's aggregations count the same, and its report is SQLite's to the letter.
func TestEqualsElasticsearch(t *testing.T) {
	all := records(1500)
	s := estest.Elasticsearch(t)
	for _, d := range elasticsearch.Templates(elasticsearch.TemplateOptions{}) {
		s.Must(t, http.MethodPut, d.Path, []byte(d.Body))
	}
	stream := elasticsearch.StreamName("report")
	s.Must(t, http.MethodPut, "/_data_stream/"+stream, nil)
	export(t, elasticsearch.Open, map[string]any{"urls": []string{s.URL}, "namespace": "report"}, all)
	s.Must(t, http.MethodPost, "/"+stream+"/_refresh", nil)
	source, err := query.Open(t.Context(), "elasticsearch:"+s.URL+"?namespace=report")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	p := build(t, source)
	local, _ := sqliteSource(t, all)
	var a, b bytes.Buffer
	if err := build(t, local).WriteJSON(&a); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteJSON(&b); err != nil || a.String() != b.String() {
		t.Errorf("the reports differ (%v)", err)
	}
	for name, c := range map[string]struct {
		got           map[string]int64
		filter, field string
	}{
		"auto by day": {
			byKey(p.AutoApproved.ByDay), `{"range":{"event.risk_score":{"gt":70}}},{"term":{"agent_audit.authorization.decision":"auto_approved"}}`, "",
		},
		"despite by anomaly": {
			byKey(p.DespiteAnomalies.ByAnomaly), `{"terms":{"agent_audit.authorization.decision":["approved","auto_approved"]}}`, "agent_audit.risk.anomalies",
		},
	} {
		want := aggregate(t, s, stream, c.filter, c.field)
		if !maps.Equal(c.got, want) || len(want) == 0 {
			t.Errorf("%s: %v, Elasticsearch says %v", name, c.got, want)
		}
	}
}

// aggregate counts by a field, or by day, what a filter leaves of the period.
func aggregate(t *testing.T, s *estest.Server, stream, filter, field string) map[string]int64 {
	t.Helper()
	period := fmt.Sprintf(`{"range":{"@timestamp":{"gte":%q,"lt":%q}}}`, since.Format(time.RFC3339Nano), until.Format(time.RFC3339Nano))
	agg := fmt.Sprintf(`{"terms":{"field":%q,"size":1000}}`, field)
	if field == "" {
		agg = `{"date_histogram":{"field":"@timestamp","calendar_interval":"day","format":"yyyy-MM-dd","min_doc_count":1}}`
	}
	body := fmt.Sprintf(`{"size":0,"query":{"bool":{"filter":[%s,%s]}},"aggs":{"x":%s}}`, period, filter, agg)
	var answer struct {
		Aggregations struct {
			X struct {
				Buckets []struct {
					Key    any    `json:"key"`
					String string `json:"key_as_string"`
					N      int64  `json:"doc_count"`
				} `json:"buckets"`
			} `json:"x"`
		} `json:"aggregations"`
	}
	if err := json.Unmarshal(s.Must(t, http.MethodPost, "/"+stream+"/_search", []byte(body)), &answer); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, b := range answer.Aggregations.X.Buckets {
		key := b.String
		if key == "" {
			key = fmt.Sprint(b.Key)
		}
		counts[key] = b.N
	}
	return counts
}

// Each form is well made, and nothing in it is obeyed by a browser, terminal or spreadsheet.
func TestForms(t *testing.T) {
	var hostile []exporters.Record
	for i := range 20 {
		a := exportertest.Action("s", uint64(i))
		a.Time = since.Add(time.Duration(i) * time.Hour)
		a.Authorization.Decision, a.Authorization.Rule = schema.AutoApproved, "=cmd|'<script>alert(1)</script>\x1b[31m"
		a.Risk.Score, a.Risk.Anomalies = schema.Some(99), []string{"<img src=x>"}
		a.Command.Line = "echo </code><script>alert(2)</script>\x1b]0;x\x07"
		a.Identity.AgentName = "@<svg onload=alert(3)>"
		hostile = append(hostile, exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)})
	}
	source, _ := sqliteSource(t, hostile)
	p := build(t, source)
	var text, page, table, object bytes.Buffer
	for w, err := range map[*bytes.Buffer]error{&text: p.WriteText(&text), &page: p.WriteHTML(&page, until), &table: p.WriteCSV(&table), &object: p.WriteJSON(&object)} {
		if err != nil || w.Len() == 0 || bytes.ContainsAny(w.Bytes(), "\x1b\x07") {
			t.Errorf("%v, %d bytes, or a control character in\n%.300q", err, w.Len(), w.Bytes())
		}
	}
	for _, bad := range []string{"<script", "<img", "onload=alert(3)>", "http:", "https:"} {
		if i := bytes.Index(page.Bytes(), []byte(bad)); i >= 0 {
			t.Errorf("the page holds %s: %s", bad, page.Bytes()[max(0, i-80):min(i+80, page.Len())])
		}
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || !slices.Equal(rows[0], report.CSVHeader) {
		t.Fatalf("%v, %q", err, rows)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	var again report.Policy
	if err := json.Unmarshal(object.Bytes(), &again); err != nil || again.AutoApproved.Count != 20 {
		t.Errorf("%v, %d", err, again.AutoApproved.Count)
	}
}

// What is held is bounded, and what is left out is counted.
func TestBounded(t *testing.T) {
	const n = 7000
	var many []exporters.Record
	for i := range n {
		a := exportertest.Action("s", uint64(i))
		a.Time = since.Add(time.Duration(i) * time.Second)
		a.Trail.Fields, a.Command.Line = "", "true"
		a.Authorization.Decision, a.Authorization.Rule = schema.AutoApproved, fmt.Sprint("rule ", i)
		a.Risk.Score = schema.Some(99)
		many = append(many, exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)})
	}
	source, _ := sqliteSource(t, many)
	p := build(t, source)
	sum := int64(0)
	for _, g := range p.AutoApproved.ByRule {
		sum += g.Count
		if len(g.Records) > 10 {
			t.Errorf("%d records of %s are held", len(g.Records), g.Key)
		}
	}
	if p.AutoApproved.Count != n || sum != n || len(p.AutoApproved.ByRule) > 5001 {
		t.Errorf("%d records, %d in %d groups", p.AutoApproved.Count, sum, len(p.AutoApproved.ByRule))
	}
	o := options()
	o.MaxRecords = 100
	if cut, err := report.Build(t.Context(), source, o); err != nil || !cut.Cut || cut.Records != 100 {
		t.Errorf("%+v, %v", cut, err)
	}
}

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*report.Options){
		"no risk score": func(o *report.Options) { o.Above = 101 },
		"beginning":     func(o *report.Options) { o.Query.Since = time.Time{} },
		"ends before":   func(o *report.Options) { o.Query.Until = o.Query.Since },
		"negative":      func(o *report.Options) { o.Before = -1 },
	} {
		o := options()
		change(&o)
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
