package elasticsearch

import (
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// TestServerless sets a server up that refuses what Elasticsearch Serverless refuses, by the very requests that suit it,
// and brings records to it.
func TestServerless(t *testing.T) {
	s := estest.Elasticsearch9(t)
	removeTemplates(t, s)
	p := estest.NewServerless(t, s)
	connection := connectionTo(t, s)
	connection.URLs, connection.CAFile = []string{p.URL}, ""
	c, err := Connect(connection)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o := SetupOptions{Namespace: "serverless", RetentionDays: 90}
	stream := StreamName(o.Namespace)
	t.Cleanup(func() { s.Must(t, "DELETE", "/_data_stream/"+stream, nil) })
	for round, want := range [][]string{
		{"/_data_stream/" + stream},
		{"/_data_stream/" + stream + "/_lifecycle"}, // the template's retention is for new data streams
	} {
		before := len(p.Requests())
		steps, err := setUp(t, c, o)
		if err != nil || steps[0].What != "Elasticsearch Serverless" {
			t.Fatalf("round %d: %v, %v", round, steps, err)
		}
		paths := append([]string{
			"/_component_template/" + MappingsComponent, "/_component_template/" + SettingsComponent, "/_index_template/" + IndexTemplate,
		}, want...)
		paths = append(paths, "/_security/role/"+WriterRole, "/_security/role/"+ReaderRole)
		if got := p.Requests()[before:]; !slices.Equal(got, prefixed("PUT ", paths)) {
			t.Errorf("round %d: requests %q, want %q", round, got, paths)
		}
	}
	if body := compact(t, p.Body("PUT /_index_template/"+IndexTemplate)); !strings.Contains(body, `"lifecycle":{"data_retention":"90d","enabled":true}`) {
		t.Errorf("template %s", body)
	}
	if body := compact(t, p.Body("PUT /_data_stream/"+stream+"/_lifecycle")); body != `{"data_retention":"90d"}` {
		t.Errorf("lifecycle %s", body)
	}

	o.Lookup = true
	if _, err := setUp(t, c, o); err == nil || !strings.Contains(err.Error(), "Serverless knows no rights for single actions") {
		t.Errorf("with look-up: %v", err)
	}
	records := exportertest.Records("s", 0, 300)
	d := deliver(t, config{Connection: connection, Namespace: o.Namespace}, records)
	if err := d.session(); err != nil {
		t.Fatal(err)
	}
	d.check(s, o.Namespace)

	// What suits a cluster is refused here: the stand-in is no mere pass.
	for _, doc := range Templates(TemplateOptions{}) {
		_, err := c.Call(t.Context(), "PUT", doc.Path, doc.Body, nil)
		if refused := doc.Name == SettingsComponent || doc.Path == "/_ilm/policy/"+LifecyclePolicy; (err != nil) != refused {
			t.Errorf("%s: %v", doc.Path, err)
		}
	}
}

func prefixed(prefix string, list []string) []string {
	var all []string
	for _, s := range list {
		all = append(all, prefix+s)
	}
	return all
}
