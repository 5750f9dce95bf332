package query_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/query/querytest"
)

func TestMain(m *testing.M) { estest.Main(m) }

// openElasticsearch brings records to a data stream of their own, in several indices.
func openElasticsearch(t testing.TB, s *estest.Server, namespace string, records []exporters.Record, size int) query.Source {
	t.Helper()
	for _, d := range elasticsearch.Templates(elasticsearch.TemplateOptions{}) {
		s.Must(t, http.MethodPut, d.Path, []byte(d.Body))
	}
	stream := elasticsearch.StreamName(namespace)
	s.Must(t, http.MethodPut, "/_data_stream/"+stream, nil)
	t.Cleanup(func() { s.Must(t, http.MethodDelete, "/_data_stream/"+stream, nil) })
	settings := map[string]any{"urls": []string{s.URL}, "namespace": namespace}
	url := "elasticsearch:" + s.URL + "?namespace=" + namespace
	if s.CAFile != "" {
		t.Setenv(elasticsearch.EnvPassword, estest.Password)
		settings["username"], settings["ca_file"] = estest.User, s.CAFile
		url += "&username=" + estest.User + "&ca_file=" + s.CAFile
	}
	half := len(records) / 2
	fill(t, elasticsearch.Open, settings, "s", records[:half], size)
	s.Must(t, http.MethodPost, "/"+stream+"/_rollover", nil)
	fill(t, elasticsearch.Open, settings, "s", records[half-1:], size) // one of them for the second time
	s.Must(t, http.MethodPost, "/"+stream+"/_refresh", nil)
	source, err := query.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	return source
}

// A data stream of two indices, with one record in both, answers as the other stores do.
func TestElasticsearch(t *testing.T) {
	records := querytest.Records("s", many)
	t.Run("8.19", func(t *testing.T) {
		querytest.Run(t, openElasticsearch(t, estest.Elasticsearch(t), "query", records, many), records)
	})
	t.Run("9", func(t *testing.T) {
		querytest.Run(t, openElasticsearch(t, estest.Elasticsearch9(t), "query", records, many), records)
	})
}

// Version 1 of the templates sorted the index; Elasticsearch 9.5 fails at some searches in the other order, if it sees that
// all of an index matches.
func TestElasticsearchSortedIndex(t *testing.T) {
	s := estest.Elasticsearch9(t)
	custom := "/_component_template/" + elasticsearch.CustomComponent
	s.Must(t, http.MethodPut, custom, `{"template":{"settings":{"index.sort.field":"@timestamp","index.sort.order":"desc"}}}`)
	t.Cleanup(func() { s.Must(t, http.MethodPut, custom, `{"template":{}}`) })
	source := openElasticsearch(t, s, "sorted", querytest.Records("s", many), many/4)
	for limit := 1; limit <= 60; limit++ {
		for _, order := range []query.Order{query.NewestFirst, query.OldestFirst} {
			n := 0
			for _, err := range source.Query(t.Context(), query.Query{Order: order, Limit: limit}) {
				if err != nil {
					t.Fatalf("order %v, limit %d: %v", order, limit, err)
				}
				n++
			}
			if n != limit {
				t.Errorf("order %v, limit %d: %d records", order, limit, n)
			}
		}
	}
}

// Many records (a hundred thousand in the long form), a third of them in the same millisecond, come out once each and in
// order.
func TestElasticsearchExport(t *testing.T) {
	n := 15_000
	if os.Getenv("AGENT_AUDIT_LONG") != "" {
		n = 100_000
	}
	records := make([]exporters.Record, n)
	for i := range records {
		a := exportertest.Action("s", uint64(i))
		a.Time = exportertest.Start.Add(time.Duration(i) * time.Second)
		if i%3 == 0 {
			a.Time = exportertest.Start.Add(time.Duration(i%7) * time.Nanosecond)
		}
		a.Trail.Fields = ""
		records[i] = exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)}
	}
	source := openElasticsearch(t, estest.Elasticsearch(t), "export", records, 20_000)
	seen := make(map[string]bool, n)
	var before query.Cursor
	for row, err := range source.Query(t.Context(), query.Query{Order: query.OldestFirst}) {
		if err != nil {
			t.Fatal(err)
		}
		c := row.Cursor()
		if c.Time.Before(before.Time) || c.Time.Equal(before.Time) && c.ID <= before.ID {
			t.Fatalf("row %d: %v after %v", len(seen), c, before)
		}
		before, seen[c.ID] = c, true
	}
	if len(seen) != n {
		t.Errorf("%d of %d records", len(seen), n)
	}
}

func TestElasticsearchRefuses(t *testing.T) {
	s := estest.Elasticsearch(t)
	for url, want := range map[string]string{
		s.URL + "?namespace=none":                    "no audit trail yet",
		s.URL + "?namespace=UPPER":                   "no capitals",
		s.URL + "?pasword_file=x":                    `"pasword_file" is unknown`,
		s.URL + "?api_key_file=/none":                "no such file",
		"https://ann:hunter2@localhost:9200":         "holds a user or password",
		"localhost:9200":                             "not of the form",
		"http://198.51.100.7:9200?username=ann":      "has no password",
		"http://127.0.0.1:1":                         "connection refused",
		"?cloud_id=x:%21":                            "not of the form NAME:BASE64",
		s.URL + "?cloud_id=name:" + "aG9zdCRlcyRraQ": "not both",
	} {
		source, err := query.Open(t.Context(), "elasticsearch:"+url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		if source != nil {
			t.Errorf("%s: a source in spite of an error", url)
		}
	}
}
