package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/schema"
)

// elasticSource asks an Elasticsearch data stream. The server is asked for a little more than is wanted, and every
// record found goes through Match: its index knows times to the millisecond only, and cuts long words.
type elasticSource struct {
	client *elasticsearch.Client
	target string // name or pattern of the data streams
}

// OpenElasticsearch opens a source by what follows "elasticsearch:"; see elasticsearch.ParseURL. Without a namespace all
// are asked.
func OpenElasticsearch(ctx context.Context, url string) (Source, error) {
	connection, namespace, err := elasticsearch.ParseURL(url)
	if err != nil {
		return nil, err
	}
	client, err := elasticsearch.Connect(connection)
	if err != nil {
		return nil, err
	}
	s := &elasticSource{client: client, target: elasticsearch.IndexPattern}
	if namespace != "" {
		s.target = elasticsearch.StreamName(namespace)
	}
	var answer searchAnswer
	path := "/" + s.target + "/_search?size=0&terminate_after=1&ignore_unavailable=true"
	if _, err := client.Call(ctx, http.MethodPost, path, object{}, &answer); err != nil {
		client.Close()
		return nil, err
	}
	if answer.Shards.Total == 0 {
		client.Close()
		return nil, fmt.Errorf("elasticsearch: there is no audit trail yet: no data stream %s", s.target)
	}
	return s, nil
}

// Close lets go of connections.
func (s *elasticSource) Close() error {
	s.client.Close()
	return nil
}

// object is a JSON object to be written.
type object = map[string]any

// searchAnswer is what is read of a search's answer.
type searchAnswer struct {
	PIT      string `json:"pit_id"`
	TimedOut bool   `json:"timed_out"`
	Shards   struct {
		Total  int `json:"total"`
		Failed int `json:"failed"`
	} `json:"_shards"`
	Hits struct {
		Hits []struct {
			Source json.RawMessage `json:"_source"`
			Sort   json.RawMessage `json:"sort"`
		} `json:"hits"`
	} `json:"hits"`
}

// Query reads pages of one point in time, in the order of milliseconds, and puts what falls into the same one in order.
func (s *elasticSource) Query(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		if err := q.Check(); err != nil {
			yield(Row{}, err)
			return
		}
		p := &pages{elasticSource: s, q: &q, filter: q.elastic(), size: firstPage}
		if q.Limit > 0 {
			p.size = min(q.Limit+1, firstPage) // one more tells that the last millisecond is complete
		}
		if err := p.open(ctx); err != nil {
			yield(Row{}, err)
			return
		}
		defer p.close(ctx)
		m, same, sent := q.matcher(), &millisecond{q: &q}, 0
		give := func() bool { // false when the caller, or the limit, has had enough
			for _, row := range same.take() {
				sent++
				if !yield(row, nil) || sent == q.Limit {
					return false
				}
			}
			return true
		}
		for {
			rows, err := p.next(ctx)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, row := range rows {
				if same.ends(&row) && !give() {
					return
				}
				if m.match(row.Action) {
					same.add(row)
				}
			}
			if len(rows) == 0 {
				give()
				return
			}
		}
	}
}

// Pages are of about pageBytes, whatever the size of the records in them.
const (
	firstPage = 200
	mostRows  = 5000
	pageBytes = 8 << 20
	keepAlive = "2m"
)

// pages are the pages of one query.
type pages struct {
	*elasticSource
	q      *Query
	filter []object
	size   int
	pit    string
	after  json.RawMessage // where the last page ended
	last   bool
}

func (p *pages) open(ctx context.Context) error {
	var answer struct {
		ID string `json:"id"`
	}
	_, err := p.client.Call(ctx, http.MethodPost, "/"+p.target+"/_pit?ignore_unavailable=true&keep_alive="+keepAlive, nil, &answer)
	p.pit = answer.ID
	return err
}

// close lets the server forget the point in time; it would by itself, later.
func (p *pages) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = p.client.Call(ctx, http.MethodDelete, "/_pit", object{"id": p.pit}, nil)
}

// notAll excludes nothing, and keeps the server from seeing that all of an index matches: Elasticsearch 9.5 fails at such
// searches in another order than the index's own ("minDoc must be >= 0"), which version 1 of our templates gave it.
var notAll = object{"term": object{"event.id": "none"}}

// next returns the next page; none after the last.
func (p *pages) next(ctx context.Context) ([]Row, error) {
	if p.last {
		return nil, nil
	}
	order := "desc"
	if p.q.Order == OldestFirst {
		order = "asc"
	}
	matching := object{"filter": p.filter}
	if p.q.Order == OldestFirst {
		matching["must_not"] = notAll
	}
	body := object{
		"size": p.size, "pit": object{"id": p.pit, "keep_alive": keepAlive}, "track_total_hits": false,
		"query": object{"bool": matching},
		"sort":  []object{{"@timestamp": order}, {"_shard_doc": order}},
	}
	if p.after != nil {
		body["search_after"] = p.after
	}
	var answer searchAnswer
	if _, err := p.client.Call(ctx, http.MethodPost, "/_search?allow_partial_search_results=false", body, &answer); err != nil {
		return nil, err
	}
	if answer.TimedOut || answer.Shards.Failed > 0 {
		return nil, errors.New("elasticsearch: the answer is not complete: shards failed or took too long")
	}
	if answer.PIT != "" {
		p.pit = answer.PIT
	}
	hits := answer.Hits.Hits
	p.last = len(hits) < p.size
	rows, bytes := make([]Row, 0, len(hits)), 0
	for _, h := range hits {
		a, err := schema.Parse(h.Source)
		if err != nil {
			return nil, fmt.Errorf("elasticsearch: %w", err)
		}
		rows, bytes = append(rows, Row{Action: a, JSON: h.Source}), bytes+len(h.Source)
		p.after = h.Sort
	}
	if len(hits) > 0 {
		p.size = min(max(pageBytes*len(hits)/max(bytes, 1), 1), 4*p.size, mostRows)
	}
	return rows, nil
}

// millisecond holds the rows of one millisecond, which the server cannot tell apart.
type millisecond struct {
	q    *Query
	at   int64
	rows []Row
}

// ends says whether a row is of another millisecond.
func (m *millisecond) ends(r *Row) bool { return len(m.rows) > 0 && r.Action.Time.UnixMilli() != m.at }

func (m *millisecond) add(r Row) {
	m.at = r.Action.Time.UnixMilli()
	m.rows = append(m.rows, r)
}

// take gives the rows in order, and forgets them. A record that is there twice (see the exporter) is given once.
func (m *millisecond) take() []Row {
	rows := m.rows
	m.rows = nil
	slices.SortStableFunc(rows, func(a, b Row) int {
		if m.q.Order == OldestFirst {
			return compare(a.Cursor(), b.Cursor())
		}
		return compare(b.Cursor(), a.Cursor())
	})
	return slices.CompactFunc(rows, func(a, b Row) bool { return compare(a.Cursor(), b.Cursor()) == 0 })
}

// elastic are the query's conditions, all of which must hold, in Elasticsearch's language. They hold for every match,
// and for little else.
func (q *Query) elastic() []object {
	var all []object
	any := func(want string, fields ...string) {
		if want == "" {
			return
		}
		var should []object
		for _, f := range fields {
			should = append(should, object{"term": object{f: want}})
		}
		all = append(all, object{"bool": object{"should": should, "minimum_should_match": 1}})
	}
	any(q.ID, "event.id")
	any(q.Session, "agent_audit.session.id")
	any(q.Agent, "gen_ai.agent.id", "gen_ai.agent.name", "service.name")
	any(q.User, "user.id", "user.name", "user.email")
	any(q.Organization, "organization.id", "organization.name")
	any(q.Host, "host.id", "host.name")
	any(q.Tool, "gen_ai.tool.name")
	any(q.Anomaly, "agent_audit.risk.anomalies")
	if q.AnyAnomaly {
		all = append(all, object{"exists": object{"field": "agent_audit.risk.anomalies"}})
	}
	if len(q.Decision) > 0 {
		all = append(all, elasticDecision(q.Decision))
	}
	if q.RiskMin != nil || q.RiskMax != nil {
		bounds := object{}
		if q.RiskMin != nil {
			bounds["gte"] = *q.RiskMin
		}
		if q.RiskMax != nil {
			bounds["lte"] = *q.RiskMax
		}
		all = append(all, object{"range": object{"event.risk_score": bounds}})
	}
	return append(append(all, q.elasticText()...), q.elasticTime()...)
}

func elasticDecision(want []string) object {
	const field = "agent_audit.authorization.decision"
	terms := object{"terms": object{field: want}}
	if !slices.Contains(want, "") {
		return terms
	}
	none := object{"bool": object{"must_not": object{"exists": object{"field": field}}}}
	return object{"bool": object{"should": []object{terms, none}, "minimum_should_match": 1}}
}

// maxPrefix is how much of a command's beginning the server is asked for.
const maxPrefix = 256

func (q *Query) elasticText() []object {
	var all []object
	for _, words := range Phrases(q.Command) {
		all = append(all, object{"match_phrase": object{"process.command_line.text": strings.Join(words, " ")}})
	}
	prefix := validPrefix(q.CommandPrefix)
	if utf8.RuneCountInString(prefix) > maxPrefix {
		prefix = string([]rune(prefix)[:maxPrefix])
	}
	if prefix != "" {
		all = append(all, object{"prefix": object{"process.command_line": prefix}})
	}
	return all
}

// elasticTime bounds the milliseconds.
func (q *Query) elasticTime() []object {
	bounds := object{}
	tighten := func(bound string, t time.Time) {
		text := t.UTC().Format("2006-01-02T15:04:05.000Z")
		if old, ok := bounds[bound].(string); ok && (bound == "gte") == (old > text) {
			return
		}
		bounds[bound] = text
	}
	if !q.Since.IsZero() {
		tighten("gte", q.Since)
	}
	if !q.Until.IsZero() {
		tighten("lte", q.Until.Add(-1))
	}
	switch {
	case q.After == nil || q.After.Time.IsZero():
	case q.Order == OldestFirst:
		tighten("gte", q.After.Time)
	default:
		tighten("lte", q.After.Time)
	}
	if len(bounds) == 0 {
		return nil
	}
	return []object{{"range": object{"@timestamp": bounds}}}
}
