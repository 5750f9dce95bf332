package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// streams numbers the tests' data streams.
var streams atomic.Int64

// newStream puts the templates on the server, and makes a data stream of the test's own. It returns its namespace.
func newStream(t testing.TB, s *estest.Server) string {
	t.Helper()
	putTemplates(t, s)
	namespace := fmt.Sprintf("test%d", streams.Add(1))
	s.Must(t, "PUT", "/_data_stream/"+StreamName(namespace), nil)
	t.Cleanup(func() { s.Must(t, "DELETE", "/_data_stream/"+StreamName(namespace), nil) })
	return namespace
}

// connectionTo is how the exporter reaches a server, as its administrator where it has users.
func connectionTo(t testing.TB, s *estest.Server) Connection {
	t.Helper()
	c := Connection{URLs: []string{s.URL}, CAFile: s.CAFile}
	if s.CAFile != "" {
		c.Username, c.PasswordFile = estest.User, filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(c.PasswordFile, []byte(estest.Password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// onEachVersion runs a test on Elasticsearch 8.19 and 9, both with TLS and users.
func onEachVersion(t *testing.T, test func(t *testing.T, s *estest.Server)) {
	t.Run("8.19", func(t *testing.T) { test(t, estest.Secured(t)) })
	t.Run("9", func(t *testing.T) { test(t, estest.Elasticsearch9(t)) })
}

func putTemplates(t testing.TB, s *estest.Server) {
	t.Helper()
	for _, d := range Templates(TemplateOptions{}) {
		s.Must(t, "PUT", d.Path, []byte(d.Body))
	}
}

func settingsFor(t testing.TB, c config) []byte {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readBack reads a stream's records from a data stream, in order of their numbers.
func readBack(ctx context.Context, s *estest.Server, namespace, stream string) ([]exporters.Record, error) {
	target := "/" + StreamName(namespace)
	if status, body, err := s.Do(ctx, "POST", target+"/_refresh", nil); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("refresh: %d %s %w", status, body, err)
	}
	var all []exporters.Record
	after := ""
	for {
		query := fmt.Sprintf(`{"size":1000,"sort":["event.sequence","event.id"],"query":{"term":{"agent_audit.stream":%q}}%s}`, stream, after)
		status, body, err := s.Do(ctx, "POST", target+"/_search", query)
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("search: %d %s %w", status, body, err)
		}
		var found struct {
			Hits struct {
				Hits []struct {
					Source json.RawMessage `json:"_source"`
					Sort   []json.RawMessage
				}
			}
		}
		if err := json.Unmarshal(body, &found); err != nil {
			return nil, err
		}
		if len(found.Hits.Hits) == 0 {
			return all, nil
		}
		for _, h := range found.Hits.Hits {
			var seq uint64
			if err := json.Unmarshal(h.Sort[0], &seq); err != nil {
				return nil, err
			}
			all = append(all, exporters.Record{Sequence: seq, JSON: h.Source})
			after = fmt.Sprintf(`,"search_after":[%s,%s]`, h.Sort[0], h.Sort[1])
		}
	}
}

func storeOn(t *testing.T, s *estest.Server, c config) exportertest.Store {
	return exportertest.Store{
		Open: func(ctx context.Context) (exporters.Exporter, error) { return Open(ctx, settingsFor(t, c)) },
		Stored: func(ctx context.Context, stream string) ([]exporters.Record, error) {
			return readBack(ctx, s, c.Namespace, stream)
		},
	}
}

func TestConformance(t *testing.T) {
	onEachVersion(t, func(t *testing.T, s *estest.Server) {
		exportertest.Run(t, func(t *testing.T) exportertest.Store {
			return storeOn(t, s, config{Connection: connectionTo(t, s), Namespace: newStream(t, s)})
		})
	})
}

// Where the data stream is not there, the exporter is parked with a sentence that says what to do.
func TestNotSetUp(t *testing.T) {
	s := estest.Elasticsearch(t)
	e, err := Open(t.Context(), settingsFor(t, config{Connection: Connection{URLs: []string{s.URL}}, Namespace: "nowhere"}))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.(*exporter).stream = "logs-other-nowhere"
	acked, refused, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 3)))
	if acked != 0 || len(refused) > 0 || !exporters.IsPermanent(err) || !strings.Contains(err.Error(), "agent-audit setup elasticsearch") {
		t.Errorf("acknowledged %d, refused %v, %v", acked, refused, err)
	}
}
