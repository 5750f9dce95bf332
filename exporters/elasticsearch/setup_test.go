package elasticsearch

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// admin is a client with all rights on a server.
func admin(t *testing.T, s *estest.Server) *Client {
	t.Helper()
	c, err := Connect(connectionTo(t, s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func setUp(t *testing.T, c *Client, o SetupOptions) ([]Step, error) {
	t.Helper()
	var steps []Step
	err := Setup(t.Context(), c, o, func(s Step) { steps = append(steps, s) })
	return steps, err
}

// results are the steps' results, but for the server's version.
func results(steps []Step) string {
	var all []string
	for _, s := range steps[min(1, len(steps)):] {
		all = append(all, s.Result)
	}
	return strings.Join(all, " | ")
}

// Setup works from nothing, may be repeated, brings older documents up to date, and leaves newer ones alone.
func TestSetup(t *testing.T) { onEachVersion(t, testSetup) }

func testSetup(t *testing.T, s *estest.Server) {
	removeTemplates(t, s)
	c := admin(t, s)
	o := SetupOptions{Namespace: "setup", RetentionDays: 90}
	steps, err := setUp(t, c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Must(t, "DELETE", "/_data_stream/"+StreamName("setup"), nil) })
	if version := "Elasticsearch " + path.Base(t.Name()) + "."; !strings.HasPrefix(steps[0].What, version) || strings.Count(results(steps), "created") != 7 {
		t.Errorf("first time: %v", steps)
	}
	again := fmt.Sprint("put again, version ", TemplateVersion)
	whole := strings.Join([]string{again, again, again, again, "unchanged", "put again", "put again"}, " | ")
	if steps, err = setUp(t, c, o); err != nil || results(steps) != whole {
		t.Errorf("second time: %v, %v", steps, err)
	}

	older := func(version int) {
		s.Must(t, "PUT", "/_component_template/"+MappingsComponent, object{"template": object{}, "_meta": object{"managed_by": Owner, "version": version}})
	}
	older(0)
	older(TemplateVersion + 1)
	if steps, err = setUp(t, c, o); err != nil || !strings.Contains(results(steps), fmt.Sprintf("left as it is: version %d is of a newer agent-audit", TemplateVersion+1)) {
		t.Errorf("newer: %v, %v", steps, err)
	}
	older(TemplateVersion)
	if _, err = setUp(t, c, o); err != nil {
		t.Error(err)
	}
}

// The next version of the templates replaces this one, and the data stream begins an index with it.
func TestUpgrade(t *testing.T) { onEachVersion(t, testUpgrade) }

func testUpgrade(t *testing.T, s *estest.Server) {
	namespace := newStream(t, s)
	c := admin(t, s)
	var steps []Step
	report := func(s Step) { steps = append(steps, s) }
	docs := Templates(TemplateOptions{})
	there, err := c.examine(t.Context(), docs, StreamName(namespace))
	if err != nil {
		t.Fatal(err)
	}
	upgraded, err := c.putDocuments(t.Context(), docs, there, TemplateVersion+1, report)
	if err == nil {
		err = c.setupStream(t.Context(), StreamName(namespace), upgraded, TemplateOptions{}, report)
	}
	if err != nil || !upgraded || steps[0].Result != fmt.Sprintf("updated from version %d to %d", TemplateVersion, TemplateVersion+1) || !strings.HasPrefix(steps[4].Result, "rolled over") {
		t.Errorf("%v, %v", steps, err)
	}
	var answer struct {
		DataStreams []struct{ Generation int } `json:"data_streams"`
	}
	if s.Get(t, "/_data_stream/"+StreamName(namespace), &answer); answer.DataStreams[0].Generation != 2 {
		t.Errorf("%+v", answer)
	}
}

// removeTemplates takes away what setup puts.
func removeTemplates(t *testing.T, s *estest.Server) {
	t.Helper()
	docs := Templates(TemplateOptions{})
	var paths []string
	for i := range docs { // the last names the others
		paths = append(paths, docs[len(docs)-1-i].Path)
	}
	for _, r := range Roles(SetupOptions{}) {
		paths = append(paths, "/_security/role/"+r.Name)
	}
	for _, path := range paths { // 404 is well, too
		if _, _, err := s.Do(t.Context(), "DELETE", path, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// What belongs to others is refused before anything is changed.
func TestSetupForeign(t *testing.T) {
	s := estest.Elasticsearch(t)
	removeTemplates(t, s)
	c := admin(t, s)
	for path, body := range map[string]object{
		"/_ilm/policy/" + LifecyclePolicy:            {"policy": object{"phases": object{}, "_meta": object{"managed_by": "them"}}},
		"/_component_template/" + SettingsComponent:  {"template": object{}},
		"/_component_template/" + MappingsComponent:  {"template": object{}, "_meta": object{"managed_by": "them", "version": 1}},
		"/_index_template/" + IndexTemplate:          {"index_patterns": []string{"other"}, "_meta": object{"managed_by": "them"}},
		"/_index_template/logs-agent_audit-of-other": {"index_patterns": []string{"logs-agent_audit*"}, "priority": 500, "data_stream": object{}},
	} {
		s.Must(t, "PUT", path, body)
		steps, err := setUp(t, c, SetupOptions{})
		name := path[strings.LastIndexByte(path, '/')+1:]
		if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), name) || len(steps) != 1 {
			t.Errorf("%s: %v, %v", path, steps, err)
		}
		s.Must(t, "DELETE", path, nil)
	}
	t.Cleanup(func() { s.Must(t, "DELETE", "/_data_stream/"+StreamName(""), nil) })
	steps, err := setUp(t, c, SetupOptions{})
	if err != nil || !strings.HasSuffix(results(steps), "created | left out: the server has no security") {
		t.Errorf("afterwards: %v, %v", steps, err)
	}
}

// The least rights are enough for the exporter, and not enough for anything else.
func TestLeastRights(t *testing.T) { onEachVersion(t, testLeastRights) }

func testLeastRights(t *testing.T, s *estest.Server) {
	c := admin(t, s)
	if _, err := setUp(t, c, SetupOptions{Namespace: "rights"}); err != nil {
		t.Fatal(err)
	}
	stream := StreamName("rights")
	t.Cleanup(func() { s.Must(t, "DELETE", "/_data_stream/"+stream, nil) })
	connection := func(role Role) Connection {
		file := filepath.Join(t.TempDir(), role.Name)
		if err := CreateKey(t.Context(), c, role.Name, role, file); err != nil {
			t.Fatal(err)
		}
		if err := CreateKey(t.Context(), c, role.Name, role, file); err == nil {
			t.Error("a key file was written over")
		}
		return Connection{URLs: []string{s.URL}, CAFile: s.CAFile, APIKeyFile: file}
	}
	writer := connection(Roles(SetupOptions{})[0])
	e, err := Open(t.Context(), settingsFor(t, config{Connection: writer, Namespace: "rights"}))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for range 2 {
		if acked, refused, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 50))); acked != 49 || len(refused) > 0 || err != nil {
			t.Errorf("acknowledged %d, refused %v, %v", acked, refused, err)
		}
	}
	for role, may := range map[string]struct {
		connection Connection
		read       bool
	}{
		"writer": {writer, false}, "writer that looks up": {connection(Roles(SetupOptions{Lookup: true})[0]), false},
		"reader": {connection(Roles(SetupOptions{})[1]), true},
	} {
		client, err := Connect(may.connection)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Call(t.Context(), "POST", "/"+stream+"/_search", object{}, nil); (err == nil) != may.read {
			t.Errorf("%s reads: %v", role, err)
		}
		for _, request := range [][2]string{
			{"POST", "/" + stream + "/_delete_by_query"},
			{"POST", "/" + stream + "/_rollover"},
			{"PUT", "/" + stream + "/_mapping"},
			{"DELETE", "/_data_stream/" + stream},
			{"PUT", "/_component_template/x"},
			{"POST", "/logs-other-default/_doc"},
		} {
			if found, err := client.Call(t.Context(), request[0], request[1], object{"query": object{"match_all": object{}}}, nil); err == nil && found {
				t.Errorf("%s may %s", role, request)
			}
		}
	}
}

// What is printed for review is what is put.
func TestPlan(t *testing.T) {
	text := Plan(SetupOptions{Namespace: "x"}, TemplateOptions{RetentionDays: 7})
	for _, want := range []string{
		"PUT /_ilm/policy/agent_audit.action\n{", "PUT /_index_template/logs-agent_audit.action\n{", "PUT /_data_stream/logs-agent_audit.action-x\n",
		"PUT /_security/role/agent_audit_writer\n{", `"create_doc"`, `"min_age": "7d"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
