package elasticsearch

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/schema"
)

// standIns are the types by which the test distribution of Elasticsearch shows those of unpublished modules.
var standIns = map[string]string{"wildcard": "keyword", "match_only_text": "text", "constant_keyword": "keyword"}

// TestTemplatesOnElasticsearch puts the very documents that setup puts, and holds what the server makes of them.
func TestTemplatesOnElasticsearch(t *testing.T) { onEachVersion(t, testTemplates) }

func testTemplates(t *testing.T, s *estest.Server) {
	stream := newDataStream(t, s, "templates")
	var indices map[string]struct {
		Mappings struct{ Properties object }
		Settings struct{ Index map[string]any }
	}
	s.Get(t, "/"+stream, &indices)
	if len(indices) != 1 {
		t.Fatalf("%d indices", len(indices))
	}
	for _, index := range indices {
		for i := range schema.Fields {
			f := &schema.Fields[i]
			if f.Type == "object" {
				continue
			}
			want := f.Type
			if standIns[want] != "" {
				want = standIns[want]
			}
			if got := typeAt(index.Mappings.Properties, f.Path); got != want {
				t.Errorf("%s: server has %q, want %q", f.Path, got, want)
			}
		}
		x := index.Settings.Index
		if got := fmt.Sprintln(x["codec"], x["mode"], x["sort"], x["lifecycle"]); got != "best_compression standard <nil> map[name:agent_audit.action]\n" {
			t.Errorf("settings %s", got)
		}
	}
	proveRecords(t, s, stream)

	// An argument longer than flattened fields index is stored, and found by its words.
	content := strings.Repeat("line of a file ", 4000) + "needle"
	create(t, s, stream, "long", &schema.Action{
		Time: time.Unix(1, 0), Command: schema.Command{ToolArguments: schema.JSON(`{"content":"` + content + `"}`)},
		Trail: schema.Trail{LongValues: []string{content}},
	})
	s.Must(t, http.MethodPost, "/"+stream+"/_refresh", nil)
	if n := count(t, s, stream, object{"match": object{"agent_audit.long_values": "Needle"}}); n != 1 {
		t.Errorf("a word of a long argument finds %d", n)
	}
}

// TestTypesOnOpenSearch proves the types that we ship and the test distribution of Elasticsearch has not: wildcard,
// match_only_text and constant_keyword. OpenSearch has no flattened, of which flat_object is the nearest, wants a
// value for each constant, and keeps wildcard values as sorted doc values, which bounds them unless switched off;
// Elasticsearch's are binary ones (WildcardFieldMapper.createFields), without bounds.
func TestTypesOnOpenSearch(t *testing.T) {
	s := estest.OpenSearch(t)
	m := mapping()
	properties := m["properties"].(object)
	for i := range schema.Fields {
		switch f := &schema.Fields[i]; f.Type {
		case "flattened":
			place(properties, f.Path, object{"type": "flat_object"})
		case "wildcard":
			m := fieldMapping(f)
			m["doc_values"] = false
			place(properties, f.Path, m)
		}
	}
	place(properties, "data_stream.namespace", object{"type": "constant_keyword", "value": "default"})
	s.Must(t, http.MethodPut, "/records", object{"mappings": m, "settings": object{"index": object{"analysis": analysis()}}})
	t.Cleanup(func() { s.Must(t, http.MethodDelete, "/records", nil) })
	proveRecords(t, s, "records")
	if n := count(t, s, "records", object{"term": object{"data_stream.dataset": schema.Dataset}}); n == 0 {
		t.Error("data_stream.dataset is not found")
	}

	// A command of 1 MB is stored and found: by a part, by its beginning, by words anywhere.
	line := "deploy --begin " + strings.Repeat("zebra=1 ", 130_000) + "--end ultramarine"
	create(t, s, "records", "long", &schema.Action{Time: time.Unix(1, 0), Command: schema.Command{Line: line, Args: []string{line[:schema.MaxKeyword]}}})
	s.Must(t, http.MethodPost, "/records/_refresh", nil)
	for name, query := range map[string]object{
		"part":      {"wildcard": object{"process.command_line": "*--end ultra*"}},
		"beginning": {"prefix": object{"process.command_line": "deploy --begin z"}},
		"whole":     {"term": object{"process.command_line": line}},
		"word":      {"match": object{"process.command_line.text": "Ultramarine"}},
		"phrase":    {"match_phrase": object{"process.command_line.text": "end ultramarine"}},
	} {
		if n := count(t, s, "records", query); n != 1 {
			t.Errorf("long command by %s: %d found", name, n)
		}
	}
}

// proveRecords stores hard records and one with every field, and finds the latter by each of its fields.
func proveRecords(t *testing.T, s *estest.Server, index string) {
	t.Helper()
	for _, r := range exportertest.Records("prove", 0, 60) {
		createJSON(t, s, index, fmt.Sprint("record-", r.Sequence), r.JSON)
	}
	for name, a := range hardActions() {
		create(t, s, index, name, a)
	}
	full := fullAction()
	create(t, s, index, "full", full)
	s.Must(t, http.MethodPost, "/"+index+"/_refresh", nil)
	if n := count(t, s, index, object{"exists": object{"field": "_ignored"}}); n != 0 {
		t.Errorf("%d records have fields that were left out", n)
	}
	groups := map[string]bool{}
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if f.Ref == nil {
			continue
		}
		groups[f.Group] = true
		for _, query := range queries(f, full) {
			filter := object{"bool": object{"filter": []object{query, {"term": object{"event.id": full.Event.ID}}}}}
			if n := count(t, s, index, filter); n != 1 {
				t.Errorf("%s: %v finds %d", f.Path, query, n)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(groups)); len(got) != 8 {
		t.Errorf("groups %v", got)
	}
}

// hardActions are within the bounds that records are sealed with, just.
func hardActions() map[string]*schema.Action {
	at := time.Unix(1, 123456789)
	long := strings.Repeat("é", schema.MaxKeyword/2)
	key := strings.Repeat("k", schema.MaxKeys-1)
	deep := strings.Repeat(`{"a":`, schema.MaxNesting-2) + "1" + strings.Repeat("}", schema.MaxNesting-2)
	return map[string]*schema.Action{
		"keyword":  {Time: at, Command: schema.Command{Tool: long, Args: []string{long, "a"}, Env: []string{"X=" + long[2:]}}},
		"original": {Time: at, Event: schema.Event{Original: strings.Repeat("z", 64<<10)}},
		"message":  {Time: at, Message: strings.Repeat("z", 1<<20), Error: schema.Error{Message: strings.Repeat("word ", 1<<18)}},
		"key":      {Time: at, Command: schema.Command{ToolArguments: schema.JSON(`{"` + key + `":"` + strings.Repeat("€", schema.MaxValue) + `"}`)}},
		"deep":     {Time: at, Command: schema.Command{ToolArguments: schema.JSON(deep)}},
		"odd keys": {Time: at, Trail: schema.Trail{Fields: `{"":1,".":2,"a.":{"..":[[],{},null,[{"b":[1e300]}]]},"nul":"\u0000"}`}},
		"times":    {Time: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), Execution: schema.Execution{Start: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}},
		"numbers":  {Time: at, Execution: schema.Execution{PID: schema.Some(1 << 53), ExitCode: schema.Some(-1 << 53)}},
		"address":  {Time: at, Infrastructure: schema.Infrastructure{SourceIP: "::ffff:192.0.2.1", HostIP: []string{"::1", "0.0.0.0"}}},
	}
}

// fullAction has a value in every field.
func fullAction() *schema.Action {
	a := new(schema.Action)
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if f.Ref == nil {
			continue
		}
		word := "word of " + strings.ReplaceAll(f.Path, ".", " ")
		switch p := f.Ref(a).(type) {
		case *string:
			*p = word
			if f.Type == "ip" {
				*p = "192.0.2.77"
			}
		case *[]string:
			*p = []string{"another", word}
			if f.Type == "ip" {
				*p = []string{"2001:db8::77"}
			}
		case *schema.Int:
			*p = schema.Some(int64(i + 1))
		case *bool:
			*p = true
		case *time.Time:
			*p = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
		case *schema.JSON:
			*p = `{"outer":{"inner":"leaf"}}`
		case *[]schema.Preceding:
			*p = []schema.Preceding{{ID: "before", Command: "what was before"}}
		case *[]schema.Conflict:
			*p = []schema.Conflict{{Field: "process.exit_code", Value: "other value"}}
		}
	}
	a.Event.ID = "full"
	return a
}

// queries find an action made by fullAction by one of its fields, in each way its type allows.
func queries(f *schema.Field, a *schema.Action) []object {
	word := "word of " + strings.ReplaceAll(f.Path, ".", " ")
	var found []object
	switch f.Type {
	case "keyword", "wildcard":
		if f.Path == "event.id" {
			word = a.Event.ID
		}
		if f.Path != "event.original" {
			found = append(found, object{"term": object{f.Path: word}}, object{"prefix": object{f.Path: word[:4]}},
				object{"wildcard": object{f.Path: "*" + word[2:]}}, object{"exists": object{"field": f.Path}})
		}
	case "match_only_text":
		found = append(found, object{"match_phrase": object{f.Path: "WORD of"}})
	case "long", "float":
		n := f.Ref(a).(*schema.Int).N
		found = append(found, object{"term": object{f.Path: n}}, object{"range": object{f.Path: object{"gte": n, "lte": n}}})
	case "boolean":
		found = append(found, object{"term": object{f.Path: true}})
	case "date":
		found = append(found, object{"range": object{f.Path: object{"gte": "2026-05-04T03:02:01Z", "lt": "2026-05-04T03:02:01.001Z"}}})
	case "ip":
		found = append(found, object{"terms": object{f.Path: []string{"192.0.2.0/24", "2001:db8::/32"}}})
	case "flattened":
		found = append(found, object{"term": object{f.Path + ".outer.inner": "leaf"}}, object{"term": object{f.Path: "leaf"}})
	case "object":
		for key, m := range objectMapping(f.Path)["properties"].(object) {
			if m.(object)["type"] == "keyword" {
				found = append(found, object{"terms": object{f.Path + "." + key: []string{"before", "process.exit_code"}}})
			} else {
				found = append(found, object{"match": object{f.Path + "." + key: "what other"}})
			}
		}
	}
	if f.Text {
		found = append(found, object{"match_phrase": object{f.Path + ".text": "Word OF"}})
	}
	return found
}

func typeAt(properties object, path string) string {
	segments := strings.Split(path, ".")
	for _, name := range segments[:len(segments)-1] {
		parent, _ := properties[name].(object)
		properties, _ = parent["properties"].(object)
	}
	m, _ := properties[segments[len(segments)-1]].(object)
	got, _ := m["type"].(string)
	return got
}

// newDataStream puts the templates and makes a data stream; both go at the test's end.
func newDataStream(t *testing.T, s *estest.Server, namespace string) string {
	t.Helper()
	stream := "logs-" + schema.Dataset + "-" + namespace
	for _, d := range Templates(TemplateOptions{RetentionDays: 365}) {
		s.Must(t, http.MethodPut, d.Path, []byte(d.Body))
	}
	s.Must(t, http.MethodPut, "/_data_stream/"+stream, nil)
	t.Cleanup(func() { s.Must(t, http.MethodDelete, "/_data_stream/"+stream, nil) })
	return stream
}

func create(t *testing.T, s *estest.Server, index, id string, a *schema.Action) {
	t.Helper()
	createJSON(t, s, index, id, a.AppendJSON(nil))
}

func createJSON(t *testing.T, s *estest.Server, index, id string, doc []byte) {
	t.Helper()
	status, answer, err := s.Do(t.Context(), http.MethodPut, "/"+index+"/_create/"+strings.ReplaceAll(id, " ", "-"), doc)
	if err != nil || status != http.StatusCreated {
		t.Errorf("%s: %d %.500s %v", id, status, answer, err)
	}
}

func count(t *testing.T, s *estest.Server, index string, query object) int {
	t.Helper()
	var answer struct{ Count int }
	if err := json.Unmarshal(s.Must(t, http.MethodPost, "/"+index+"/_count", object{"query": query}), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Count
}
