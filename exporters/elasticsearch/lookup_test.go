package elasticsearch

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// losesAnswers stands before a server and, while lose is above 0, breaks the connection once the server has answered a
// bulk request, and has the data stream begin a new index before anything is sent again.
type losesAnswers struct {
	*httptest.Server
	lose atomic.Int64
	then func() // after each loss
}

func newLosesAnswers(t *testing.T, s *estest.Server, namespace string) *losesAnswers {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &losesAnswers{then: func() {}}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: s.Transport()}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_bulk") || p.lose.Add(-1) < 0 {
			forward.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(httptest.NewRecorder(), r)
		if status, answer, err := s.Do(r.Context(), http.MethodPost, "/"+StreamName(namespace)+"/_rollover", nil); err != nil || status != http.StatusOK {
			t.Errorf("rollover: %d %s %v", status, answer, err)
		}
		p.then()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(p.Close)
	return p
}

// TestRolloverBetween loses answers of requests that the server carried out, and has it roll over before they are sent
// again, by the same exporter and by the next one: with the rights to look up, each record is there once; with create_doc
// alone the exporter goes on all the same.
func TestRolloverBetween(t *testing.T) {
	onEachVersion(t, func(t *testing.T, s *estest.Server) {
		t.Run("lookup", func(t *testing.T) { testRolloverBetween(t, s, SetupOptions{Namespace: "lookup", Lookup: true}) })
		t.Run("create_doc", func(t *testing.T) { testRolloverBetween(t, s, SetupOptions{Namespace: "create_doc"}) })
	})
}

func testRolloverBetween(t *testing.T, s *estest.Server, o SetupOptions) {
	c := admin(t, s)
	if _, err := setUp(t, c, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Must(t, "DELETE", "/_data_stream/"+StreamName(o.Namespace), nil) })
	key := filepath.Join(t.TempDir(), "key")
	if err := CreateKey(t.Context(), c, "writer", Roles(o)[0], key); err != nil {
		t.Fatal(err)
	}
	p := newLosesAnswers(t, s, o.Namespace)
	records := exportertest.Records("s", 0, 300)
	d := deliver(t, config{Connection: Connection{URLs: []string{p.URL}, APIKeyFile: key}, Namespace: o.Namespace}, records[:200])
	d.batch = 100

	t.Log("the same exporter sends again")
	p.lose.Store(2)
	d.run(time.Minute)

	t.Log("the next exporter sends again")
	ctx, cancel := context.WithCancel(t.Context())
	p.then = cancel
	p.lose.Store(1)
	e, err := Open(t.Context(), d.settings)
	if err != nil {
		t.Fatal(err)
	}
	if acked, _, err := e.Export(ctx, exportertest.Batch("s", records[200:])); err == nil {
		t.Errorf("acknowledged %d, although the answer was lost", acked)
	}
	_ = e.Close()
	d.records = records
	d.run(time.Minute)

	stored, err := readBack(t.Context(), s, o.Namespace, "s")
	if err != nil {
		t.Fatal(err)
	}
	if copies := len(stored) - len(records); (copies > 0) == o.Lookup || copies < 0 {
		t.Errorf("%d records are there of %d", len(stored), len(records))
	}
	if o.Lookup {
		d.check(s, o.Namespace)
	}
}
