package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/report"
	"github.com/agentaudit/agentaudit/internal/session"
	"github.com/agentaudit/agentaudit/schema"
)

// Content types of the forms.
const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
	csvType    = "text/csv; charset=utf-8"
	textType   = "text/plain; charset=utf-8"
	htmlType   = "text/html; charset=utf-8"
)

// encode is JSON with nothing in it that a terminal obeys or a page could be ended by.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"error":"cannot be encoded"}`)
	}
	return append(display.AppendSafeJSON(nil, b), '\n')
}

// list is the answer of records.
type list struct {
	Records []json.RawMessage `json:"records"`
	Next    *string           `json:"next"` // cursor of the next page
}

func newList(rows []query.Row, next string) *list {
	l := &list{Records: make([]json.RawMessage, len(rows))}
	for i, row := range rows {
		l.Records[i] = row.JSON
	}
	if next != "" {
		l.Next = &next
	}
	return l
}

// records answers the questions of query.
func (s *Server) records(r *http.Request) (*answer, error) {
	a, err := parse(r.URL.RawQuery, recordsParams, s.o.Now())
	if err != nil {
		return nil, badRequest(err)
	}
	rows, next, err := s.rows(r.Context(), a.Query)
	if err != nil {
		return nil, err
	}
	out := &answer{kind: jsonType, shown: len(rows), next: next}
	switch a.form {
	case display.NDJSON:
		out.kind, out.file = ndjsonType, "records.ndjson"
	case display.CSV:
		out.kind, out.file = csvType, "records.csv"
	default:
		out.body = encode(newList(rows, next))
		return out, nil
	}
	var body bytes.Buffer
	form, err := display.New(a.form, &body, display.Options{})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := form.Row(row); err != nil {
			return nil, err
		}
	}
	err = form.Close()
	out.body = body.Bytes()
	return out, err
}

// find returns one record.
func (s *Server) find(ctx context.Context, id string) (query.Row, error) {
	if id == "" || len(id) > longestParam {
		return query.Row{}, &refusal{http.StatusBadRequest, "the record's id is missing, or too long"}
	}
	rows, _, err := s.rows(ctx, query.Query{ID: id, Limit: 1})
	if err != nil {
		return query.Row{}, err
	}
	if len(rows) == 0 {
		return query.Row{}, &refusal{http.StatusNotFound, "there is no record with this id"}
	}
	return rows[0], nil
}

func (s *Server) oneRecord(r *http.Request) (*answer, error) {
	if _, err := parse(r.URL.RawQuery, nil, s.o.Now()); err != nil {
		return nil, badRequest(err)
	}
	row, err := s.find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return &answer{kind: jsonType, body: encode(json.RawMessage(row.JSON)), shown: 1}, nil
}

// recentSession is a session among those that were found lately.
type recentSession struct {
	ID      string    `json:"id"`
	Agent   string    `json:"agent"`
	User    string    `json:"user"`
	Last    time.Time `json:"last"`
	Records int       `json:"records"` // of those looked at
	Highest *int64    `json:"highest_risk"`
	Denied  int       `json:"denied"`
}

// lookedAt is how many records, the newest, are looked at for sessions.
const lookedAt = 5000

// recent lists the sessions of the newest records that match.
func (s *Server) recent(ctx context.Context, q query.Query) (sessions []recentSession, looked int, _ error) {
	limit := q.Limit
	q.Limit, q.Order = lookedAt, query.NewestFirst
	at := map[string]int{}
	redactor := s.redactor()
	for row, err := range s.o.Source.Query(ctx, q) {
		if err != nil {
			return nil, 0, err
		}
		looked++
		a := redactor.Row(row).Action
		if a.Session.ID == "" {
			continue
		}
		i, known := at[a.Session.ID]
		if !known {
			if len(sessions) == limit {
				break
			}
			i = len(sessions)
			at[a.Session.ID] = i
			sessions = append(sessions, recentSession{ID: a.Session.ID, Agent: display.Agent(a), User: display.User(a), Last: a.Time.UTC()})
		}
		t := &sessions[i]
		t.Records++
		if n := a.Risk.Score.N; a.Risk.Score.Set && (t.Highest == nil || n > *t.Highest) {
			t.Highest = &n
		}
		if a.Authorization.Decision == schema.Denied {
			t.Denied++
		}
	}
	return sessions, looked, nil
}

func (s *Server) sessions(r *http.Request) (*answer, error) {
	a, err := parse(r.URL.RawQuery, sessionsParams, s.o.Now())
	if err != nil {
		return nil, badRequest(err)
	}
	sessions, looked, err := s.recent(r.Context(), a.Query)
	if err != nil {
		return nil, err
	}
	if sessions == nil {
		sessions = []recentSession{}
	}
	return &answer{kind: jsonType, body: encode(map[string]any{"sessions": sessions, "records_looked_at": looked}), shown: looked}, nil
}

// summary reads all of a session.
func (s *Server) summary(ctx context.Context, id string) (*session.Summary, error) {
	if id == "" || len(id) > longestParam {
		return nil, &refusal{http.StatusBadRequest, "the session's id is missing, or too long"}
	}
	sum := session.New(id)
	redactor := s.redactor()
	for row, err := range s.o.Source.Query(ctx, query.Query{Session: id, Order: query.OldestFirst}) {
		if err == nil {
			err = sum.Add(redactor.Row(row))
		}
		if err != nil {
			return nil, err
		}
	}
	if sum.Records == 0 {
		return nil, &refusal{http.StatusNotFound, "there is no record of this session"}
	}
	return sum, nil
}

func (s *Server) session(r *http.Request) (*answer, error) {
	a, err := parse(r.URL.RawQuery, sessionParams, s.o.Now())
	if err != nil {
		return nil, badRequest(err)
	}
	id := r.PathValue("id")
	sum, err := s.summary(r.Context(), id)
	if err != nil {
		return nil, err
	}
	rows, next, err := s.rows(r.Context(), query.Query{Session: id, Order: query.OldestFirst, Limit: a.Limit, After: a.After})
	if err != nil {
		return nil, err
	}
	head, err := sum.JSON()
	if err != nil {
		return nil, err
	}
	body := encode(struct {
		Session json.RawMessage `json:"session"`
		*list
	}{head, newList(rows, next)})
	return &answer{kind: jsonType, body: body, shown: len(rows), next: next}, nil
}

// reportRecords is how many records a report reads at most, so that one request does not keep a store busy for long.
const reportRecords = 200_000

// build makes the policy report of a request.
func (s *Server) build(ctx context.Context, a *asked) (*report.Policy, error) {
	if a.Until.IsZero() {
		a.Until = a.now
	}
	if a.Since.IsZero() {
		a.Since = a.Until.AddDate(0, 0, -30)
	}
	o := report.Options{
		Query: a.Query, Above: a.above, Before: a.Until.Sub(a.Since), Unrefused: 30 * 24 * time.Hour, Approvals: 5,
		MaxRecords: reportRecords, Redact: s.redactor().Row,
	}
	if err := o.Check(); err != nil {
		return nil, badRequest(err)
	}
	return report.Build(ctx, s.o.Source, o)
}

func (s *Server) policy(r *http.Request) (*answer, error) {
	a, err := parse(r.URL.RawQuery, reportParams, s.o.Now())
	if err != nil {
		return nil, badRequest(err)
	}
	p, err := s.build(r.Context(), a)
	if err != nil {
		return nil, err
	}
	form, ok := map[string]struct {
		kind, file string
		write      func(io.Writer) error
	}{
		"json": {jsonType, "", p.WriteJSON}, "csv": {csvType, "policy.csv", p.WriteCSV}, "text": {textType, "", p.WriteText},
		"html": {htmlType, "policy.html", func(w io.Writer) error { return p.WriteHTML(w, s.o.Now()) }},
	}[a.form]
	if !ok {
		return nil, badRequest(errors.New("format is unknown"))
	}
	var body bytes.Buffer
	err = form.write(&body)
	return &answer{kind: form.kind, file: form.file, body: body.Bytes(), shown: int(p.Records)}, err
}
