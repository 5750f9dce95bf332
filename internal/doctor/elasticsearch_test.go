package doctor

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
)

func TestMain(m *testing.M) { estest.Main(m) }

// examine returns the findings by check, the worst of each.
func examine(t *testing.T, o ElasticsearchOptions) (map[string]Finding, bool) {
	t.Helper()
	found := map[string]Finding{}
	well, err := Elasticsearch(t.Context(), o, func(f Finding) {
		if old, ok := found[f.Check]; !ok || old.Level == Fine || f.Level == Error {
			found[f.Check] = f
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, well
}

// visit is a data stream that setup has made, and how doctor comes to it.
type visit struct {
	*testing.T
	server *estest.Server
	client *elasticsearch.Client
	stream string
	o      ElasticsearchOptions
}

// newVisit sets a data stream up at url, which leads to the server.
func newVisit(t *testing.T, s *estest.Server, url, namespace string) *visit {
	t.Helper()
	v := &visit{T: t, server: s, stream: elasticsearch.StreamName(namespace), o: ElasticsearchOptions{URL: url + "?namespace=" + namespace}}
	if s.CAFile != "" {
		password := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(password, []byte(estest.Password), 0o600); err != nil {
			t.Fatal(err)
		}
		v.o.URL += "&username=" + estest.User + "&password_file=" + password + "&ca_file=" + s.CAFile
	}
	connection, _, err := elasticsearch.ParseURL(v.o.URL)
	if err == nil {
		v.client, err = elasticsearch.Connect(connection)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.client.Close)
	return v
}

func (v *visit) setUp() {
	v.Helper()
	_, namespace, _ := elasticsearch.ParseURL(v.o.URL)
	if err := elasticsearch.Setup(v.Context(), v.client, elasticsearch.SetupOptions{Namespace: namespace}, func(elasticsearch.Step) {}); err != nil {
		v.Fatal(err)
	}
}

// key makes an API key of one of the roles.
func (v *visit) key(i int) string {
	v.Helper()
	file := filepath.Join(v.TempDir(), "key")
	if err := elasticsearch.CreateKey(v.Context(), v.client, "k", elasticsearch.Roles(elasticsearch.SetupOptions{})[i], file); err != nil {
		v.Fatal(err)
	}
	return file
}

// custom puts people's own component template, and has the data stream begin an index with it.
func (v *visit) custom(body string) {
	v.server.Must(v.T, http.MethodPut, "/_component_template/"+elasticsearch.CustomComponent, body)
	v.server.Must(v.T, http.MethodPost, "/"+v.stream+"/_rollover", nil)
}

// failureStore has the index template turn the failure store on.
func (v *visit) failureStore() {
	docs := elasticsearch.Templates(elasticsearch.TemplateOptions{})
	last := docs[len(docs)-1]
	on := strings.Replace(string(last.Body), `"enabled": false`, `"enabled": true`, 1)
	v.server.Must(v.T, http.MethodPut, last.Path, on)
}

// again makes the data stream anew.
func (v *visit) again() {
	v.server.Must(v.T, http.MethodDelete, "/_data_stream/"+v.stream, nil)
	v.server.Must(v.T, http.MethodPut, "/_data_stream/"+v.stream, nil)
}

// allFine holds that nothing is wrong.
func (v *visit) allFine() {
	v.Helper()
	found, well := examine(v.T, v.o)
	if !well || len(found) != 15 {
		v.Errorf("not well: %v", found)
	}
	for _, f := range found {
		if f.Level != Fine {
			v.Errorf("%+v", f)
		}
	}
}

// A cluster as setup leaves it is well; each thing that can be wrong is found when it is.
func TestElasticsearch(t *testing.T) {
	s := estest.Elasticsearch9(t)
	v := newVisit(t, s, s.URL, "doctor")
	if found, well := examine(t, v.o); well || found["data stream"].Level != Error {
		t.Errorf("before setup: %v", found)
	}
	v.setUp()
	if found, well := examine(t, v.o); !well || found["rights"].Level != Warning || !strings.Contains(found["rights"].Text, "delete") {
		t.Errorf("with an administrator's rights: %v", found)
	}
	v.o.WriterKeyFile = v.key(0)
	v.allFine()
	for _, c := range ills(v) {
		c.spoil()
		v.o.Wait = 3 * time.Second
		found, well := examine(t, v.o)
		if f := found[c.check]; f.Level != c.level || well == (c.level == Error) || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %+v", c.name, found)
		}
		c.mend()
	}
	v.o.Wait = 0
	v.again()
	v.allFine() // everything was mended
}

// ill is something that can be wrong.
type ill struct {
	name, check, level, says string
	spoil, mend              func()
}

func ills(v *visit) []ill {
	put := func(path, body string) func() { return func() { v.server.Must(v.T, http.MethodPut, path, body) } }
	remove := func(path string) func() { return func() { v.server.Must(v.T, http.MethodDelete, path, nil) } }
	custom := func(body string) func() { return func() { v.custom(body) } }
	plain := func() { v.custom(`{"template":{}}`) }
	clock := func(off time.Duration) func() {
		return func() { v.o.now = func() time.Time { return time.Now().Add(off) } }
	}
	writer := v.o.WriterKeyFile
	return []ill{
		{
			"another template wins", "template", Error, `"other" wins`,
			put("/_index_template/other", `{"index_patterns":["logs-agent*"],"priority":900,"data_stream":{}}`), remove("/_index_template/other"),
		},
		{"policy is gone", "lifecycle", Error, "is not there", remove("/_ilm/policy/" + elasticsearch.LifecyclePolicy), v.setUp},
		{"no policy is attached", "lifecycle", Error, "none is attached", custom(`{"template":{"settings":{"index.lifecycle.name":null}}}`), plain},
		{"another policy is attached", "lifecycle", Warning, "policy brief is attached", custom(`{"template":{"settings":{"index.lifecycle.name":"brief"}}}`), plain},
		{
			"failure store is on", "failure store", Error, "_options",
			func() { v.failureStore(); v.again() }, func() { v.setUp(); v.again() },
		},
		{"clock is ten minutes off", "clock", Warning, "more than a minute", clock(10 * time.Minute), clock(0)},
		{"clock is hours off", "clock", Error, "more than an hour", clock(-3 * time.Hour), clock(0)},
		{
			"exporter may not write", "rights", Error, "may not add records",
			func() { v.o.WriterKeyFile = v.key(1) }, func() { v.o.WriterKeyFile = writer },
		},
		{
			"fields are ignored", "ignored fields", Warning, "message",
			custom(`{"template":{"mappings":{"properties":{"message":{"type":"keyword","ignore_above":5}}}}}`), plain,
		},
		{
			"commands are cut", "query by command", Error, "not found",
			custom(`{"template":{"mappings":{"properties":{"process":{"properties":{"command_line":{"type":"keyword","fields":{"text":{"type":"keyword"}}}}}}}}}`), plain,
		},
	}
}

// Without security everybody may do everything, which doctor says; else such a server is well.
func TestNoSecurity(t *testing.T) {
	s := estest.Elasticsearch(t)
	v := newVisit(t, s, s.URL, "open")
	v.setUp()
	found, well := examine(t, v.o)
	if !well || found["rights"].Level != Warning || !strings.Contains(found["rights"].Text, "no security") || found["lifecycle"].Level != Fine {
		t.Errorf("%v", found)
	}
}

// On serverless the lifecycle is the data stream's own.
func TestServerless(t *testing.T) {
	s := estest.Elasticsearch9(t)
	v := newVisit(t, s, estest.NewServerless(t, s).URL, "serverless")
	v.setUp()
	v.o.WriterKeyFile = v.key(0)
	v.allFine()
}
