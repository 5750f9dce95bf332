package serve

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/report"
	"github.com/agentaudit/agentaudit/schema"
)

//go:embed page
var pageFiles embed.FS

// pages are the pages for people. html/template escapes every text by where it stands; what a terminal would obey, or
// nobody would see, is shown as display.Safe shows it.
var pages = template.Must(template.Must(report.Templates.Clone()).Funcs(template.FuncMap{
	"lines": lines, "short": func(s string) string { return display.Cut(display.Safe(s), 160) }, "or": firstOf, "decisionWords": func() []string { return decisionWords },
	"int": schema.FormatInt, "what": display.What, "agent": display.Agent, "user": display.User, "level": level, "exit": display.Exit, "why": why,
	"join": strings.Join, "span": span, "pretty": pretty, "query": url.QueryEscape,
}).ParseFS(pageFiles, "page/*.html"))

var style = func() []byte {
	own, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return append([]byte(report.Style), own...)
}()

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(style)
}

//go:embed page/icon.svg
var icon []byte

func serveIcon(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(icon)
}

// render makes a page of a template.
func render(name string, data any, shown int) (*answer, error) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, data); err != nil {
		return nil, err
	}
	return &answer{kind: htmlType, body: body.Bytes(), shown: shown}, nil
}

// searchData is what the search page shows.
type searchData struct {
	Title  string
	Form   url.Values
	Error  string // what is wrong with the form
	Rows   []query.Row
	Next   string
	Export []exportLink
}

type exportLink struct{ Form, URL string }

// searchPage is the form, and the records that match.
func (s *Server) searchPage(r *http.Request) (*answer, error) {
	d := &searchData{Title: "Search"}
	a, err := parse(r.URL.RawQuery, recordsParams, s.o.Now())
	if err != nil {
		d.Form, d.Error = r.URL.Query(), err.Error()
		return render("search", d, 0)
	}
	rows, next, err := s.rows(r.Context(), a.Query)
	if err != nil {
		return nil, err
	}
	d.Form, d.Rows = a.params, rows
	if next != "" {
		d.Next = "/?" + with(a.params, "cursor", next)
	}
	for _, form := range []string{"json", "ndjson", "csv"} {
		d.Export = append(d.Export, exportLink{form, "/api/v1/records?" + with(a.params, "format", form, "limit", fmt.Sprint(mostLimit), "cursor", "")})
	}
	return render("search", d, len(rows))
}

// with is parameters with some of them changed: name, value, name, value; an empty value takes one out.
func with(params url.Values, changes ...string) string {
	q := url.Values{}
	for name, list := range params {
		q[name] = list
	}
	for i := 0; i+1 < len(changes); i += 2 {
		q.Del(changes[i])
		if changes[i+1] != "" {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q.Encode()
}

// idParam is the parameter of the pages of one thing.
func idParam(at *string) param {
	return param{name: "id", set: func(_ *asked, v string) error {
		*at = v
		return nil
	}}
}

// sessionPage is the timeline of a session.
func (s *Server) sessionPage(r *http.Request) (*answer, error) {
	id := ""
	a, err := parse(r.URL.RawQuery, append([]param{idParam(&id)}, sessionParams...), s.o.Now())
	if err != nil {
		return nil, badRequest(err)
	}
	sum, err := s.summary(r.Context(), id)
	if err != nil {
		return nil, err
	}
	q := query.Query{Session: id, Order: query.OldestFirst, Limit: a.Limit, After: a.After}
	if !r.URL.Query().Has("limit") {
		q.Limit = 200
	}
	rows, next, err := s.rows(r.Context(), q)
	if err != nil {
		return nil, err
	}
	var head strings.Builder
	sum.Print(&head)
	if next != "" {
		next = "/session?" + with(a.params, "cursor", next)
	}
	return render("session", map[string]any{
		"Title": "Session " + display.Cut(display.Safe(id), 60), "ID": id, "Head": head.String(), "Start": sum.Start, "Rows": rows, "Next": next,
		"Export": "/api/v1/records?" + with(url.Values{"session": {id}, "order": {"oldest"}}, "limit", fmt.Sprint(mostLimit), "format", "ndjson"),
		"Chart":  riskChart(rows),
	}, len(rows))
}

// riskChart draws the scores of a timeline's actions.
func riskChart(rows []query.Row) template.HTML {
	groups := make([]report.Score, len(rows))
	for i, row := range rows {
		groups[i] = report.Score{Label: fmt.Sprintf("%s: %s", display.Clock(row.Action.Time), display.What(row.Action))}
		if n := row.Action.Risk.Score; n.Set {
			groups[i].Risk = &n.N
		}
	}
	return report.Timeline("Risk of the actions, in order", groups)
}

// recordPage is one record, all of it.
func (s *Server) recordPage(r *http.Request) (*answer, error) {
	id := ""
	if _, err := parse(r.URL.RawQuery, []param{idParam(&id)}, s.o.Now()); err != nil {
		return nil, badRequest(err)
	}
	row, err := s.find(r.Context(), id)
	if err != nil {
		return nil, err
	}
	return render("record", map[string]any{"Title": "Record " + display.Cut(display.Safe(id), 60), "Row": row}, 1)
}

// activityPage is who did how much, and how risky it was.
func (s *Server) activityPage(r *http.Request) (*answer, error) {
	return s.reportPage(r, "activity", "Activity", 7)
}

// policyPage is the policy report.
func (s *Server) policyPage(r *http.Request) (*answer, error) {
	return s.reportPage(r, "policy", "Policy", 30)
}

func (s *Server) reportPage(r *http.Request, name, title string, days int) (*answer, error) {
	a, err := parse(r.URL.RawQuery, reportParams, s.o.Now())
	if err != nil {
		return nil, badRequest(err)
	}
	if a.Since.IsZero() {
		a.Since = a.now.AddDate(0, 0, -days)
		if !a.Until.IsZero() {
			a.Since = a.Until.AddDate(0, 0, -days)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	p, err := s.build(ctx, a)
	if err != nil {
		return nil, err
	}
	sessions := []recentSession{}
	if name == "activity" {
		q := a.Query
		q.Limit = 20
		if sessions, _, err = s.recent(ctx, q); err != nil {
			return nil, err
		}
	}
	return render(name, map[string]any{
		"Title": title, "Form": a.params, "Report": p, "Sessions": sessions, "Cut": reportRecords,
		"Export": "/api/v1/report/policy?" + a.params.Encode(),
	}, int(p.Records))
}

var redaction = regexp.MustCompile(`\[REDACTED:[^\]\s]{1,200}\]`)

// lines shows a text of a record: escaped, line by line, redactions marked.
func lines(text string) template.HTML {
	var b strings.Builder
	for i, line := range display.SafeLines(text) {
		if i > 0 {
			b.WriteByte('\n')
		}
		at := 0
		for _, m := range redaction.FindAllStringIndex(line, -1) {
			b.WriteString(template.HTMLEscapeString(line[at:m[0]]))
			b.WriteString("<mark>" + template.HTMLEscapeString(line[m[0]:m[1]]) + "</mark>")
			at = m[1]
		}
		b.WriteString(template.HTMLEscapeString(line[at:]))
	}
	return template.HTML(b.String()) //nolint:gosec // every piece was escaped
}

func firstOf(texts ...string) string { return display.Safe(cmp.Or(texts...)) }

// level is the class of a score.
func level(score schema.Int) string {
	switch {
	case !score.Set:
		return "none"
	case score.N > 70:
		return "high"
	case score.N >= 40:
		return "middle"
	}
	return "low"
}

// note is a line below an action: what makes it worth a second look.
type note struct{ Name, Text string }

func why(a *schema.Action) []note {
	var notes []note
	add := func(name, text string) {
		if text != "" {
			notes = append(notes, note{name, display.Safe(text)})
		}
	}
	for i, reason := range a.Risk.Reasons {
		if i < len(a.Risk.Rules) {
			reason += " (" + a.Risk.Rules[i] + ")"
		}
		add("risk", reason)
	}
	add("anomalies", strings.Join(a.Risk.Anomalies, ", "))
	for _, reason := range a.Risk.AnomalyReasons {
		add("anomaly", reason)
	}
	z := &a.Authorization
	add("decided by", z.Reviewer)
	add("source of the decision", z.Source)
	add("rule", z.Rule)
	if z.Rule == "" {
		add("rules that would match", strings.Join(z.Rules, ", "))
	}
	add("mode", z.Mode)
	add("reason", z.Reason)
	add("error", a.Error.Message)
	if a.Trail.Redactions.N > 0 {
		add("secrets removed", schema.FormatInt(a.Trail.Redactions))
	}
	if !a.Trail.Complete && a.Event.Action != schema.ActionLog {
		add("incomplete", "no result was seen")
	}
	add("late result of", a.Trail.Follows)
	for _, c := range a.Trail.Conflicts {
		add("contradicting evidence", c.Field+" "+c.Value)
	}
	return notes
}

// span is how long after a time another one is.
func span(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return ""
	}
	d := to.Sub(from).Round(time.Millisecond)
	if d >= time.Minute {
		d = d.Round(time.Second)
	}
	return "+" + d.String()
}

// pretty is a record's document with a field a line.
func pretty(doc []byte) (template.HTML, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, doc, "", "  "); err != nil {
		return "", errors.New("the record is no JSON")
	}
	return lines(b.String()), nil
}
