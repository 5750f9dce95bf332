package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/internal/query"
)

// ElasticsearchOptions say what to look at.
type ElasticsearchOptions struct {
	URL string // see elasticsearch.ParseURL; its credentials read
	// WriterKeyFile holds the exporter's API key; "" if the URL's credentials write as well.
	WriterKeyFile string
	// Wait is how long the canary may take to become visible; default 30s.
	Wait time.Duration

	now func() time.Time // this machine's clock; nil for time.Now
}

// elastic is one visit.
type elastic struct {
	findings
	o          ElasticsearchOptions
	connection elasticsearch.Connection
	namespace  string
	client     *elasticsearch.Client
	stream     string
}

// Elasticsearch checks a cluster, and reports each finding. It says whether anything is wrong; err is for what kept it
// from looking at all.
func Elasticsearch(ctx context.Context, o ElasticsearchOptions, report func(Finding)) (well bool, err error) {
	d := &elastic{findings: findings{report: report}, o: o}
	if d.connection, d.namespace, err = elasticsearch.ParseURL(o.URL); err != nil {
		return false, err
	}
	if d.client, err = elasticsearch.Connect(d.connection); err != nil {
		return false, err
	}
	defer d.client.Close()
	d.stream = elasticsearch.StreamName(d.namespace)
	server, err := d.client.Server(ctx)
	if err != nil {
		d.add("server", Error, err.Error())
		return false, nil
	}
	d.add("server", Fine, server.String())
	if found := d.dataStream(ctx, server); !found {
		return false, nil
	}
	d.precedence(ctx)
	d.rights(ctx)
	d.canary(ctx)
	d.ignored(ctx)
	return !d.bad, nil
}

// dataStream checks the data stream: that it is there, made by our template, with a lifecycle, and without a failure
// store.
func (d *elastic) dataStream(ctx context.Context, server *elasticsearch.Server) bool {
	var answer struct {
		DataStreams []struct {
			Template     string          `json:"template"`
			ILMPolicy    string          `json:"ilm_policy"`
			Lifecycle    json.RawMessage `json:"lifecycle"`
			FailureStore struct {
				Enabled bool `json:"enabled"`
			} `json:"failure_store"`
		} `json:"data_streams"`
	}
	found, err := d.client.Call(ctx, http.MethodGet, "/_data_stream/"+d.stream, nil, &answer)
	switch {
	case err != nil:
		d.add("data stream", Error, err.Error())
		return false
	case !found || len(answer.DataStreams) == 0:
		d.add("data stream", Error, d.stream+" is not there: run agent-audit setup elasticsearch")
		return false
	}
	s := answer.DataStreams[0]
	d.add("data stream", Fine, d.stream+" is there")
	switch {
	case s.ILMPolicy != "" && s.ILMPolicy != elasticsearch.LifecyclePolicy:
		d.add("lifecycle", Warning, "policy "+s.ILMPolicy+" is attached, not "+elasticsearch.LifecyclePolicy+": see that it keeps records as long as it should")
	case s.ILMPolicy != "":
		d.policy(ctx, s.ILMPolicy)
	case len(s.Lifecycle) > 0 && server.Serverless:
		d.add("lifecycle", Fine, "attached: "+string(s.Lifecycle))
	default:
		d.add("lifecycle", Error, "none is attached: indices never roll over, and nothing is ever deleted; run agent-audit setup elasticsearch")
	}
	if s.FailureStore.Enabled {
		d.add("failure store", Error, "it is on: a record that does not fit looks stored, and is not found; turn it off: "+
			"PUT /_data_stream/"+d.stream+`/_options {"failure_store":{"enabled":false}}`)
	} else {
		d.add("failure store", Fine, "off: a record that does not fit is refused, and the exporter is told")
	}
	if s.Template != "" && s.Template != elasticsearch.IndexTemplate {
		d.add("template", Error, "new indices are shaped by "+s.Template+", not by "+elasticsearch.IndexTemplate)
	}
	return true
}

// policy checks that the lifecycle policy exists.
func (d *elastic) policy(ctx context.Context, name string) {
	found, err := d.client.Call(ctx, http.MethodGet, "/_ilm/policy/"+name, nil, nil)
	switch {
	case err != nil:
		d.add("lifecycle", Warning, "policy "+name+" is attached, but cannot be read with these credentials: "+err.Error())
	case !found:
		d.add("lifecycle", Error, "policy "+name+" is attached, but is not there: run agent-audit setup elasticsearch")
	default:
		d.add("lifecycle", Fine, "policy "+name+" is attached")
	}
}

// precedence checks which template would shape the next index.
func (d *elastic) precedence(ctx context.Context) {
	name, err := d.client.Winner(ctx, d.stream)
	switch {
	case err != nil:
		d.add("template", Warning, "which template wins cannot be told with these credentials: "+err.Error())
	case name != elasticsearch.IndexTemplate:
		d.add("template", Error, fmt.Sprintf("%q wins over %s for %s: new indices will have another mapping", name, elasticsearch.IndexTemplate, d.stream))
	default:
		d.add("template", Fine, name+" wins")
	}
}

// ignored looks for records of the last 30 days that have fields which cannot be searched.
func (d *elastic) ignored(ctx context.Context) {
	var answer struct {
		Hits struct {
			Total struct{ Value int } `json:"total"`
			Hits  []struct {
				Ignored []string `json:"_ignored"`
			} `json:"hits"`
		} `json:"hits"`
	}
	body := map[string]any{"size": 1, "_source": false, "track_total_hits": true, "query": map[string]any{"bool": map[string]any{"filter": []any{
		map[string]any{"exists": map[string]any{"field": "_ignored"}},
		map[string]any{"range": map[string]any{"event.created": map[string]any{"gte": "now-30d"}}},
	}}}}
	_, err := d.client.Call(ctx, http.MethodPost, "/"+d.stream+"/_search", body, &answer)
	switch {
	case err != nil:
		d.add("ignored fields", Error, err.Error())
	case answer.Hits.Total.Value == 0:
		d.add("ignored fields", Fine, "no record of the last 30 days has a field that cannot be searched")
	default:
		d.add("ignored fields", Warning, fmt.Sprintf("%d records of the last 30 days have fields that cannot be searched, such as %s: find them with _ignored: *",
			answer.Hits.Total.Value, strings.Join(answer.Hits.Hits[0].Ignored, ", ")))
	}
}

// rights checks that the exporter's credentials can do what they must, and not much more.
func (d *elastic) rights(ctx context.Context) {
	c := d.writer()
	client, err := elasticsearch.Connect(c)
	if err != nil {
		d.add("rights", Error, err.Error())
		return
	}
	defer client.Close()
	tooMuch := []string{"read", "write", "delete", "manage"}
	has, err := client.Privileges(ctx, d.stream, append([]string{"create_doc"}, tooMuch...))
	if elasticsearch.NoSecurity(err) {
		d.add("rights", Warning, "the server has no security: whoever reaches it can read, change and delete the trail")
		return
	}
	if err != nil {
		d.add("rights", Error, err.Error())
		return
	}
	var wide []string
	for _, p := range tooMuch {
		if has[p] {
			wide = append(wide, p)
		}
	}
	switch {
	case !has["create_doc"]:
		d.add("rights", Error, "the exporter's credentials may not add records (create_doc)")
	case len(wide) > 0:
		d.add("rights", Warning, "the exporter's credentials may also "+strings.Join(wide, ", ")+": a stolen one could do so too; make one with setup elasticsearch --writer-key")
	default:
		d.add("rights", Fine, "the exporter may add records, and neither read, change nor delete them")
	}
}

// writer is the connection of the exporter.
func (d *elastic) writer() elasticsearch.Connection {
	c := d.connection
	if d.o.WriterKeyFile != "" {
		c.Username, c.PasswordFile, c.APIKeyFile = "", "", d.o.WriterKeyFile
	}
	return c
}

// defaultWait suits servers that refresh every 30 seconds when nobody searches.
const defaultWait = 30 * time.Second

// canary plants a record and finds it.
func (d *elastic) canary(ctx context.Context) {
	now := time.Now
	if d.o.now != nil {
		now = d.o.now
	}
	canary, err := plant(ctx, d, now().UTC())
	if err != nil {
		d.add("canary", Error, "a record cannot be stored: "+err.Error())
		return
	}
	d.add("canary", Fine, "record "+canary.Event.ID+" was stored")
	source, err := query.Open(ctx, "elasticsearch:"+d.o.URL)
	if err != nil {
		d.add("canary", Error, "the trail cannot be read: "+err.Error())
		return
	}
	defer source.Close()
	until := time.Now().Add(cmp.Or(d.o.Wait, defaultWait))
	for _, q := range canaryQueries(canary) {
		d.result("query by "+q.name, "finds the canary", find(ctx, source, q.query, canary.Event.ID, until))
	}
	d.clock(ctx, canary.Event.ID)
}

// clock asks the server whether the canary, whose time is this machine's, is of now.
func (d *elastic) clock(ctx context.Context, id string) {
	filters := map[string]any{}
	for name, off := range map[string]string{"minute": "1m", "hour": "1h"} {
		filters[name] = map[string]any{"range": map[string]any{"@timestamp": map[string]any{"gte": "now-" + off, "lte": "now+" + off}}}
	}
	body := map[string]any{
		"size": 0, "query": map[string]any{"term": map[string]any{"event.id": id}},
		"aggs": map[string]any{"of_now": map[string]any{"filters": map[string]any{"filters": filters}}},
	}
	var answer struct {
		Aggregations struct {
			OfNow struct {
				Buckets map[string]struct {
					Count int `json:"doc_count"`
				} `json:"buckets"`
			} `json:"of_now"`
		} `json:"aggregations"`
	}
	_, err := d.client.Call(ctx, http.MethodPost, "/"+d.stream+"/_search", body, &answer)
	buckets := answer.Aggregations.OfNow.Buckets
	switch {
	case err != nil:
		d.add("clock", Error, err.Error())
	case buckets["minute"].Count > 0:
		d.add("clock", Fine, "this machine's and the server's differ by less than a minute or so")
	case buckets["hour"].Count > 0:
		d.add("clock", Warning, "this machine's and the server's differ by more than a minute: rules over the last minutes may miss records")
	default:
		d.add("clock", Error, "this machine's and the server's differ by more than an hour: alerts will miss records")
	}
}
