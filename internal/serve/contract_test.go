package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

func TestMain(m *testing.M) { estest.Main(m) }

// document is the API's, read and checked by a program that is not ours.
func document(t *testing.T, s *Server) (*openapi3.T, routers.Router) {
	t.Helper()
	w := ask(s, "GET", "/api/v1/openapi.json")
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{ndjsonType, "text/html"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	return doc, router
}

// hostileValues are what has broken out of queries, pages, headers and files.
var hostileValues = []string{
	`' OR 1=1 --`, `"; DROP TABLE audit_log; --`, `x' UNION SELECT record FROM audit_log --`, `%`, `_`, `*`, `\`, `"`, `""`, `'`, "`", `)`, `(`, `NEAR(a b)`, `^rm`, `words:rm`,
	`{"match_all":{}}`, `*:* OR event.id:*`, `<script>alert(1)</script>`, `${jndi:ldap://x}`, `../../etc/passwd`, "\x00", "\r\nX-Evil: 1", "\u202e", "\xff\xfe", `-1`, `1e9`, `99999999999999999999`,
	`AND`, `NOT`, `0-100`, `70-`, `-20`, `*`, `any`, `denied`, `denied,approved`, `oldest`, `csv`, `ndjson`, `7d`, `2026-11-30`, `2026-11-30T00:00:00Z`, `0001-01-01`, `9999-12-31`, ``, ` `, `é`, `世界`,
	`eA`, `IHg`, `MjAyNi0xMS0zMFQwMDowMDowMFogeA`,
}

// request draws a request for an operation: its parameters, sometimes others, with values that fit and that do not.
func request(rng *rand.Rand, path string, op *openapi3.Operation) string {
	value := func(s *openapi3.Schema) string {
		switch n := rng.IntN(6); {
		case n == 0:
			b := make([]byte, rng.IntN(40))
			for i := range b {
				b[i] = byte(rng.IntN(256))
			}
			return string(b)
		case n < 3:
			return hostileValues[rng.IntN(len(hostileValues))]
		case len(s.Enum) > 0:
			return fmt.Sprint(s.Enum[rng.IntN(len(s.Enum))])
		case s.Type.Is("integer"):
			return strconv.Itoa(rng.IntN(120))
		}
		a := exportertest.Action("s", uint64(rng.IntN(200)))
		of := []string{a.Session.ID, a.Identity.ServiceName, a.Identity.UserName, a.Command.Line, a.Event.ID, a.Infrastructure.HostName, a.Authorization.Decision, "50-90", "30d", "rm"}
		return of[rng.IntN(len(of))]
	}
	q := url.Values{}
	for _, p := range op.Parameters {
		v := value(p.Value.Schema.Value)
		switch {
		case p.Value.In == "path":
			if v == "" || v == "." || v == ".." {
				v = "x"
			}
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", url.PathEscape(v))
		case rng.IntN(4) == 0:
			q.Set(p.Value.Name, v)
		}
	}
	if rng.IntN(20) == 0 {
		q.Add(hostileValues[rng.IntN(len(hostileValues))], "x")
	}
	return path + "?" + q.Encode()
}

// conform asks n random requests, hostile ones among them, and holds every answer to the document. What the records
// shown are must be what the parameters ask for by Match, which no store has a part in: a parameter that got into a
// statement would show others.
func conform(t *testing.T, s *Server, n int) {
	doc, router := document(t, s)
	rng := rand.New(rand.NewPCG(11, 12))
	statuses := map[int]int{}
	for range n {
		for path, item := range doc.Paths.Map() {
			target := request(rng, path, item.Get)
			r := httptest.NewRequest(http.MethodGet, target, nil)
			r.Host = "localhost"
			w := ask(s, http.MethodGet, target)
			statuses[w.Code]++
			if w.Code >= 500 {
				t.Fatalf("%s: %d %s", target, w.Code, w.Body)
			}
			if w.Header().Get("X-Evil") != "" {
				t.Fatalf("%s: a header of the reader's", target)
			}
			if err := fits(t, router, r, w); err != nil {
				t.Fatalf("%s: %d: %v\n%.500s", target, w.Code, err, w.Body)
			}
			if path == "/api/v1/records" && w.Code == http.StatusOK {
				checkMatches(t, target, w)
			}
		}
	}
	if statuses[200] < n || statuses[400] < n/2 {
		t.Errorf("statuses %v: the requests were not of both kinds", statuses)
	}
}

// fits holds an answer to the document.
func fits(t *testing.T, router routers.Router, r *http.Request, w *httptest.ResponseRecorder) error {
	t.Helper()
	route, params, err := router.FindRoute(r)
	if err != nil {
		return err
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Header(), Body: io.NopCloser(strings.NewReader(w.Body.String())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	return openapi3filter.ValidateResponse(t.Context(), input)
}

func checkMatches(t *testing.T, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	_, raw, _ := strings.Cut(target, "?")
	a, err := parse(raw, recordsParams, now)
	if err != nil {
		t.Fatalf("%s: answered, but %v", target, err)
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), jsonType) {
		return
	}
	var page recordsAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Records) > a.Limit {
		t.Errorf("%s: %d records", target, len(page.Records))
	}
	for _, doc := range page.Records {
		action, err := schema.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		if !a.Match(action) {
			t.Errorf("%s: shows the record %s, which was not asked for", target, action.Event.ID)
		}
	}
}

func rounds() int {
	if os.Getenv("AGENT_AUDIT_LONG") != "" {
		return 5000
	}
	return 300
}

func TestConformsSQLite(t *testing.T) {
	s, _ := server(t, sqliteSource(t, exportertest.Records("s", 0, 200)), nil)
	conform(t, s, rounds())
}

func TestConformsElasticsearch(t *testing.T) {
	es := estest.Elasticsearch(t)
	for _, d := range elasticsearch.Templates(elasticsearch.TemplateOptions{}) {
		es.Must(t, http.MethodPut, d.Path, []byte(d.Body))
	}
	stream := elasticsearch.StreamName("serve")
	es.Must(t, http.MethodPut, "/_data_stream/"+stream, nil)
	export(t, elasticsearch.Open, map[string]any{"urls": []string{es.URL}, "namespace": "serve"}, exportertest.Records("s", 0, 200))
	es.Must(t, http.MethodPost, "/"+stream+"/_refresh", nil)
	source, err := query.Open(t.Context(), "elasticsearch:"+es.URL+"?namespace=serve")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	s, _ := server(t, source, nil)
	conform(t, s, rounds()/10)
	local, _ := server(t, sqliteSource(t, exportertest.Records("s", 0, 200)), nil)
	for _, target := range []string{"/api/v1/records?risk=50-", "/api/v1/sessions", "/api/v1/sessions/session-3", "/api/v1/report/policy", "/api/v1/records?command=kubectl&format=csv"} {
		if a, b := ask(s, "GET", target), ask(local, "GET", target); a.Code != 200 || a.Body.String() != b.Body.String() {
			t.Errorf("%s: the two stores' answers differ (%d, %d bytes; %d, %d bytes)", target, a.Code, a.Body.Len(), b.Code, b.Body.Len())
		}
	}
}
