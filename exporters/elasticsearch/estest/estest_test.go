package estest

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// The servers answer as Elasticsearch does, and have what our own tests build on.
func TestElasticsearch(t *testing.T) {
	s := Elasticsearch(t)
	usual(t, s, ElasticsearchVersion)
	s.Must(t, "POST", "/_query", `{"query":"FROM logs-estest-* | STATS n = COUNT(*)"}`)
}

func TestElasticsearch9(t *testing.T) { usual(t, Elasticsearch9(t), Elasticsearch9Version) }

func usual(t *testing.T, s *Server, version string) {
	t.Helper()
	var main struct{ Version struct{ Number string } }
	s.Get(t, "/", &main)
	if main.Version.Number != version {
		t.Errorf("version %q", main.Version.Number)
	}
	s.Must(t, "PUT", "/_ilm/policy/estest", `{"policy":{"phases":{"hot":{"actions":{"rollover":{"max_age":"7d"}}},"delete":{"min_age":"30d","actions":{"delete":{}}}}}}`)
	s.Must(t, "PUT", "/_index_template/estest", `{"index_patterns":["logs-estest-*"],"priority":300,"data_stream":{},"template":{
		"settings":{"index.lifecycle.name":"estest","index.number_of_replicas":0,"analysis":{
			"char_filter":{"fold":{"type":"mapping","mappings":["ſ=>s"]}},"filter":{"short":{"type":"truncate","length":5}},
			"tokenizer":{"words":{"type":"pattern","pattern":"[^\\p{L}\\p{N}_]+"}},
			"analyzer":{"words":{"type":"custom","char_filter":["fold"],"tokenizer":"words","filter":["lowercase","short"]}}}},
		"mappings":{"dynamic":false,"properties":{"@timestamp":{"type":"date"},"line":{"type":"wildcard","fields":{"text":{"type":"match_only_text","analyzer":"words"}}},
			"score":{"type":"scaled_float","scaling_factor":100},"dataset":{"type":"constant_keyword"}}}}}`)
	t.Cleanup(func() {
		s.Must(t, "DELETE", "/_data_stream/logs-estest-a", nil)
		s.Must(t, "DELETE", "/_index_template/estest", nil)
	})
	s.Must(t, "PUT", "/_data_stream/logs-estest-a", nil)
	s.Must(t, "POST", "/logs-estest-a/_bulk?refresh=true", `{"create":{"_id":"1"}}`+"\n"+
		`{"@timestamp":"2026-11-21T02:00:00Z","line":"rm -rf ./node_modules Straſe `+strings.Repeat("x", 50_000)+`","score":1.5,"dataset":"a"}`+"\n")
	for name, c := range map[string]struct {
		query string
		want  int
	}{
		"kql":     {`{"query":{"kql":{"query":"line.text: node_modules"}}}`, 1},
		"cut":     {`{"query":{"match":{"line.text":"XXXXXXXXXXX"}}}`, 1},
		"folded":  {`{"query":{"match":{"line.text":"STRASE"}}}`, 1},
		"no word": {`{"query":{"match":{"line.text":"node"}}}`, 0},
	} {
		var found struct {
			Hits struct{ Total struct{ Value int } }
		}
		if err := json.Unmarshal(s.Must(t, "POST", "/logs-estest-a/_search", c.query), &found); err != nil || found.Hits.Total.Value != c.want {
			t.Errorf("%s: %+v, want %d, %v", name, found, c.want, err)
		}
	}
	var streams struct {
		DataStreams []struct {
			Template  string
			ILMPolicy string `json:"ilm_policy"`
		} `json:"data_streams"`
	}
	s.Get(t, "/_data_stream/logs-estest-a", &streams)
	if len(streams.DataStreams) != 1 || streams.DataStreams[0].Template != "estest" || streams.DataStreams[0].ILMPolicy != "estest" {
		t.Errorf("%+v", streams)
	}
}

// A server that was killed comes back where it was, with what it had acknowledged.
func TestSecuredAndRestarted(t *testing.T) {
	s := New(t, Options{Security: true})
	url := s.URL
	s.Must(t, "PUT", "/kept/_create/1", `{"a":1}`)
	var key struct{ Encoded string }
	if err := json.Unmarshal(s.Must(t, "POST", "/_security/api_key", `{"name":"k"}`), &key); err != nil || key.Encoded == "" {
		t.Fatalf("API key %+v, %v", key, err)
	}
	s.Stop()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if s.URL != url {
		t.Errorf("%s, before %s", s.URL, url)
	}
	s.Must(t, "GET", "/kept/_doc/1", nil)
}

func TestOpenSearch(t *testing.T) {
	s := OpenSearch(t)
	s.Must(t, "PUT", "/types", `{"mappings":{"properties":{"a":{"type":"wildcard"},"b":{"type":"match_only_text"},"c":{"type":"constant_keyword","value":"x"},"d":{"type":"scaled_float","scaling_factor":10}}}}`)
	t.Cleanup(func() { s.Must(t, "DELETE", "/types", nil) })
}
