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

// A cluster as setup leaves it is well; each thing that can be wrong is found when it is.
func TestElasticsearch(t *testing.T) {
	s := estest.New(t, estest.Options{Security: true})
	dir := t.TempDir()
	password, writer := filepath.Join(dir, "password"), filepath.Join(dir, "writer")
	if err := os.WriteFile(password, []byte(estest.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	o := ElasticsearchOptions{URL: s.URL + "?namespace=doc&username=" + estest.User + "&password_file=" + password + "&ca_file=" + s.CAFile}
	if found, well := examine(t, o); well || found["data stream"].Level != Error {
		t.Errorf("before setup: %v", found)
	}

	connection, namespace, err := elasticsearch.ParseURL(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := elasticsearch.Connect(connection)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	setUp := func() {
		t.Helper()
		if err := elasticsearch.Setup(t.Context(), client, elasticsearch.SetupOptions{Namespace: namespace}, func(elasticsearch.Step) {}); err != nil {
			t.Fatal(err)
		}
	}
	setUp()
	if found, well := examine(t, o); !well || found["rights"].Level != Warning || !strings.Contains(found["rights"].Text, "delete") {
		t.Errorf("with an administrator's rights: %v", found)
	}
	role := elasticsearch.Roles(elasticsearch.SetupOptions{})[0]
	if err := elasticsearch.CreateKey(t.Context(), client, "w", role, writer); err != nil {
		t.Fatal(err)
	}
	o.WriterKeyFile = writer
	found, well := examine(t, o)
	if !well || len(found) != 15 {
		t.Errorf("not well: %v", found)
	}
	for _, f := range found {
		if f.Level != Fine {
			t.Errorf("%+v", f)
		}
	}

	stream := elasticsearch.StreamName(namespace)
	custom := "/_component_template/" + elasticsearch.CustomComponent
	rollover := func() { s.Must(t, http.MethodPost, "/"+stream+"/_rollover", nil) }
	for _, c := range []struct {
		name, check, level string
		spoil, mend        func()
	}{
		{
			"another template wins", "template", Error,
			func() {
				s.Must(t, http.MethodPut, "/_index_template/other", `{"index_patterns":["logs-agent*"],"priority":900,"data_stream":{}}`)
			},
			func() { s.Must(t, http.MethodDelete, "/_index_template/other", nil) },
		},
		{
			"policy is gone", "lifecycle", Error,
			func() { s.Must(t, http.MethodDelete, "/_ilm/policy/"+elasticsearch.LifecyclePolicy, nil) }, setUp,
		},
		{
			"fields are ignored", "ignored fields", Warning,
			func() {
				s.Must(t, http.MethodPut, custom, `{"template":{"mappings":{"properties":{"message":{"type":"keyword","ignore_above":5}}}}}`)
				rollover()
			}, func() {},
		},
		{
			"commands are cut", "query by command", Error,
			func() {
				s.Must(t, http.MethodPut, custom, `{"template":{"mappings":{"properties":{"process":{"properties":{"command_line":{"type":"keyword","fields":{"text":{"type":"keyword"}}}}}}}}}`)
				rollover()
			},
			func() { s.Must(t, http.MethodPut, custom, `{"template":{}}`); rollover() },
		},
	} {
		c.spoil()
		o.Wait = 3 * time.Second
		found, well := examine(t, o)
		if found[c.check].Level != c.level || well == (c.level == Error) {
			t.Errorf("%s: %+v", c.name, found)
		}
		c.mend()
	}
}
