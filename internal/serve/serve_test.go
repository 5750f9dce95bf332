package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// hostile is what a page must show and never obey.
const hostile = "echo </code></pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \x1b[31mred\x1b]0;owned\x07 \u202egnp"

// secret is one that today's rules know and that is stored.
const secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

var now = exportertest.Start.Add(40 * time.Hour)

// records are those of exportertest, and a session of hostile ones.
func records() []exporters.Record {
	all := exportertest.Records("s", 0, 200)
	for i := range 12 {
		a := exportertest.Action("s", uint64(200+i))
		a.Time = now.Add(time.Duration(i-20) * time.Minute)
		a.Session.ID, a.Command.Line = "hostile/<b>?&#", hostile
		a.Execution.Stdout = "\x1b[2Jdone <script>document.title='owned'</script>\nsecond line"
		a.Risk.Score, a.Risk.Reasons, a.Risk.Rules = schema.Some(int64(i*9)), []string{"<i>because</i>"}, []string{"rule-1"}
		a.Identity.AgentName, a.Identity.UserName = "agent<script>", "o'brien\""
		a.Authorization.Decision, a.Authorization.Rule = schema.AutoApproved, "Bash(<b>:*)"
		a.Trail.Redactions = schema.Some(2)
		if i == 3 {
			a.Command.Line = "curl -H 'Authorization: token " + secret + "' https://example.com"
		}
		all = append(all, exporters.Record{Sequence: uint64(200 + i), JSON: a.AppendJSON(nil)})
	}
	return all
}

func export(t testing.TB, open exporters.Opener, settings map[string]any, records []exporters.Record) {
	t.Helper()
	b, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	e, err := open(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, refused, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records}); err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
}

func sqliteSource(t testing.TB, records []exporters.Record) query.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.db")
	export(t, sqlite.Open, map[string]any{"path": path}, records)
	source, err := query.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	return source
}

// server is one over a source, and the path of its log of reads.
func server(t testing.TB, source query.Source, change func(*Options)) (*Server, string) {
	t.Helper()
	redactor, err := display.NewRedactor()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "reads.ndjson")
	reads, err := OpenReads(path, redactor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reads.Close() })
	o := Options{
		Source: source, Redactor: redactor, Reads: reads, Version: "test", Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		Now: func() time.Time { return now },
	}
	if change != nil {
		change(&o)
	}
	return New(o), path
}

type testWriter struct{ testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func ask(s http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:8480"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d, %v: %s", w.Code, err, w.Body)
	}
	return v
}

type recordsAnswer struct {
	Records []json.RawMessage
	Next    *string
}

// All pages together are what the source has, in order, whatever the form.
func TestPages(t *testing.T) {
	source := sqliteSource(t, records())
	s, _ := server(t, source, nil)
	for _, asked := range []string{"order=oldest", "order=newest&risk=40-", "agent=codex&since=30d&order=oldest", "decision=denied,unrecorded"} {
		values, _ := url.ParseQuery(asked)
		a, err := parse(asked, recordsParams, now)
		if err != nil {
			t.Fatal(err)
		}
		want, got := 0, 0
		a.Limit = 0
		redactor, _ := display.NewRedactor()
		var all [][]byte
		for row, err := range source.Query(t.Context(), a.Query) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, redactor.Row(row).JSON)
			want++
		}
		values.Set("limit", "7")
		for pages := 0; pages < 100; pages++ {
			page := decode[recordsAnswer](t, ask(s, "GET", "/api/v1/records?"+values.Encode()))
			for _, doc := range page.Records {
				var x, y any
				_ = json.Unmarshal(doc, &x)
				_ = json.Unmarshal(all[got], &y)
				if fmt.Sprint(x) != fmt.Sprint(y) {
					t.Fatalf("%s: record %d is another one", asked, got)
				}
				got++
			}
			if page.Next == nil {
				break
			}
			values.Set("cursor", *page.Next)
		}
		if got != want || want == 0 {
			t.Errorf("%s: %d records, want %d", asked, got, want)
		}
	}
}

func TestForms(t *testing.T) {
	s, _ := server(t, sqliteSource(t, records()), nil)
	w := ask(s, "GET", "/api/v1/records?format=ndjson&limit=5")
	if n := strings.Count(w.Body.String(), "\n"); n != 5 || w.Header().Get("Content-Type") != ndjsonType || !strings.Contains(w.Header().Get("Link"), `rel="next"`) {
		t.Errorf("%d lines, %v", n, w.Header())
	}
	for line := range strings.Lines(w.Body.String()) {
		if _, err := schema.Parse([]byte(strings.TrimSpace(line))); err != nil {
			t.Error(err)
		}
	}
	w = ask(s, "GET", "/api/v1/records?format=csv&limit=5")
	if !strings.HasPrefix(w.Body.String(), "@timestamp,") && !strings.Contains(w.Body.String(), "event.id") || w.Header().Get("Content-Disposition") == "" {
		t.Errorf("%.200s, %v", w.Body, w.Header())
	}
	if w = ask(s, "HEAD", "/api/v1/records"); w.Code != http.StatusOK {
		t.Errorf("HEAD: %d", w.Code)
	}
}

func TestSessions(t *testing.T) {
	s, _ := server(t, sqliteSource(t, records()), nil)
	list := decode[struct {
		Sessions []recentSession
	}](t, ask(s, "GET", "/api/v1/sessions?limit=3&risk=80-"))
	if len(list.Sessions) != 3 || list.Sessions[0].Records == 0 {
		t.Errorf("%+v", list)
	}
	one := decode[struct {
		Session struct{ Records, Actions int }
		Records []json.RawMessage
	}](t, ask(s, "GET", "/api/v1/sessions/"+url.PathEscape("hostile/<b>?&#")))
	if one.Session.Records != 12 || len(one.Records) != 12 {
		t.Errorf("%+v", one.Session)
	}
	for target, want := range map[string]int{
		"/api/v1/sessions/none": 404, "/api/v1/records/none": 404, "/session?id=none": 404, "/session": 400, "/record?id=": 400, "/nowhere": 404,
		"/api/v1/sessions/session-1": 200, "/api/v1/records/" + exportertest.Action("s", 3).Event.ID: 200, "/record?id=" + exportertest.Action("s", 3).Event.ID: 200,
	} {
		if w := ask(s, "GET", target); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
}

func TestPolicy(t *testing.T) {
	s, _ := server(t, sqliteSource(t, records()), nil)
	p := decode[struct {
		Auto struct{ Count int } `json:"auto_approved_above_risk"`
	}](t, ask(s, "GET", "/api/v1/report/policy?since=30d"))
	if p.Auto.Count == 0 {
		t.Error("nothing was approved by a rule")
	}
	for _, target := range []string{"/api/v1/report/policy?format=csv", "/api/v1/report/policy?format=html", "/api/v1/report/policy?format=text", "/policy?since=30d", "/activity"} {
		if w := ask(s, "GET", target); w.Code != 200 || w.Body.Len() < 100 {
			t.Errorf("%s: %d, %d bytes", target, w.Code, w.Body.Len())
		}
	}
}

// What is wrong is said, and nothing is taken for something else.
func TestRefuses(t *testing.T) {
	s, _ := server(t, sqliteSource(t, records()), nil)
	for target, want := range map[string]string{
		"/api/v1/records?sesion=x":                                 "did you mean",
		"/api/v1/records?session=x&session=y":                      "twice",
		"/api/v1/records?limit=0":                                  "1 to 1000",
		"/api/v1/records?limit=100000":                             "1 to 1000",
		"/api/v1/records?risk=high":                                "no score",
		"/api/v1/records?since=tomorrow":                           "no time",
		"/api/v1/records?decision=maybe":                           "unknown decision",
		"/api/v1/records?cursor=%27":                               "no cursor",
		"/api/v1/records?command=%2B%2B":                           "no letter",
		"/api/v1/records?format=xml":                               "one of",
		"/api/v1/records?user=%ff":                                 "not UTF-8",
		"/api/v1/records?%zz":                                      "cannot be read",
		"/api/v1/records?since=2026-01-02&until=2026-01-01T00:00Z": "",
		"/api/v1/records?user=" + strings.Repeat("x", 5000):        "more than",
		"/api/v1/report/policy?risk_above=101":                     "0 to 100",
	} {
		w := ask(s, "GET", target)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%.60s: %d %s, want %q", target, w.Code, w.Body, want)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		if w := ask(s, method, "/api/v1/records"); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "evil.example.com"
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("another name: %d", w.Code)
	}
	if w := ask(s, "GET", "/api/v1/records", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"); w.Code != http.StatusForbidden {
		t.Errorf("another site: %d", w.Code)
	}
}

// outside is what a page would load from elsewhere.
var outside = regexp.MustCompile(`(?i)(src|href|action|url)\s*[=(]\s*["']?(https?:)?//`)

// No page, and no answer, holds anything of a record that a browser or terminal would obey, or a secret.
func TestNothingIsObeyed(t *testing.T) {
	s, _ := server(t, sqliteSource(t, records()), nil)
	id := exportertest.Action("s", 205).Event.ID
	for _, target := range []string{
		"/?user=" + url.QueryEscape("o'brien\""), "/?command=" + url.QueryEscape("<script>alert(1)</script>"), "/?session=" + url.QueryEscape("\"><script>alert(1)</script>"),
		"/?risk=%22%3E%3Cscript%3E", "/?%3Cscript%3E=1", "/session?id=" + url.QueryEscape("hostile/<b>?&#"), "/session?id=" + url.QueryEscape("<script>alert(1)</script>"),
		"/record?id=" + id, "/activity?since=30d", "/policy?since=30d", "/%3Cscript%3E", "/api/v1/records", "/api/v1/records?format=csv", "/api/v1/sessions",
		"/api/v1/report/policy?format=html", "/api/v1/report/policy?format=text",
	} {
		w := ask(s, "GET", target)
		body := w.Body.String()
		page := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html")
		if page && (strings.Contains(body, "<script") || strings.Contains(body, "<img") || strings.Contains(body, "<b>?")) {
			t.Errorf("%s: markup of a record is in the page", target)
		}
		if strings.ContainsAny(body, "\x1b\x07\u202e") || strings.Contains(body, secret) {
			t.Errorf("%s: a control character or a secret", target)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != securityPolicy || strings.Contains(got, "unsafe") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", target, w.Header())
		}
		if page && !strings.Contains(target, "report") && (strings.Contains(body, "style=") || strings.Contains(body, "<style") || outside.MatchString(body)) {
			t.Errorf("%s: style or an address in the page", target)
		}
	}
}

// Each read is on record, with who, what and how many, without secrets, and the records are a chain.
func TestReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("# readers\ncarol  0123456789abcdef01234567\nbob@example.com another-token-of-some-length\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := ReadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	s, log := server(t, sqliteSource(t, records()), func(o *Options) { o.Tokens = tokens })
	for _, c := range []struct {
		target, header string
		status         int
	}{
		{"/api/v1/records?limit=7", "", 401},
		{"/api/v1/records?limit=7", "Bearer 0123456789abcdef0123456", 401},
		{"/", "Basic " + "eDp5", 401},
		{"/api/v1/records?limit=7", "Bearer 0123456789abcdef01234567", 200},
		{"/api/v1/records?command=" + secret, "Bearer another-token-of-some-length", 200},
		{"/api/v1/records?nonsense=1", "Bearer another-token-of-some-length", 400},
		{"/", "Basic eDphbm90aGVyLXRva2VuLW9mLXNvbWUtbGVuZ3Ro", 200}, // x:another-token-of-some-length
		{"/healthz", "", 200},
		{"/style.css", "", 200},
	} {
		if w := ask(s, "GET", c.target, "Authorization", c.header); w.Code != c.status {
			t.Errorf("%s with %q: %d, want %d", c.target, c.header, w.Code, c.status)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil || bytes.Contains(text, []byte(secret)) {
		t.Fatalf("%v, or a secret in\n%s", err, text)
	}
	var got []string
	for line := range bytes.Lines(text) {
		a, err := schema.Parse(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		var f struct{ Shown, Status int }
		if err := json.Unmarshal([]byte(a.Trail.Fields), &f); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(a.Event.Action, " ", a.Identity.UserName, " ", a.Command.Tool, " ", f.Shown, " ", f.Status, " ", a.Event.Outcome, " ", a.Infrastructure.SourceIP))
	}
	want := []string{
		"audit-read carol GET /api/v1/records 7 200 success 192.0.2.1", "audit-read bob@example.com GET /api/v1/records 1 200 success 192.0.2.1",
		"audit-read bob@example.com GET /api/v1/records 0 400 failure 192.0.2.1", "audit-read bob@example.com GET / 50 200 success 192.0.2.1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("reads\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n, wrong, err := CheckReads(bytes.NewReader(text)); n != 4 || len(wrong) > 0 || err != nil {
		t.Errorf("%d reads, %q, %v", n, wrong, err)
	}
}

// Where the read cannot be recorded, nothing is shown.
func TestUnrecorded(t *testing.T) {
	s, _ := server(t, sqliteSource(t, records()), nil)
	_ = s.o.Reads.file.Close()
	for range 2 {
		if w := ask(s, "GET", "/api/v1/records"); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "event") {
			t.Errorf("%d %.100s", w.Code, w.Body)
		}
	}
}

// broken is a store that fails, with an error that names places.
type broken struct{}

func (broken) Query(context.Context, query.Query) iter.Seq2[query.Row, error] {
	return func(yield func(query.Row, error) bool) {
		yield(query.Row{}, fmt.Errorf("sqlite: /secret/place: disk is on fire"))
	}
}
func (broken) Close() error { return nil }

func TestBrokenStore(t *testing.T) {
	s, log := server(t, broken{}, nil)
	for _, target := range []string{"/api/v1/records", "/api/v1/sessions/x", "/api/v1/report/policy", "/", "/policy"} {
		if w := ask(s, "GET", target); w.Code != http.StatusBadGateway || strings.Contains(w.Body.String(), "place") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if text, err := os.ReadFile(log); err != nil || bytes.Count(text, []byte("\n")) != 5 {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestListen(t *testing.T) {
	for _, c := range []struct {
		listen Listen
		want   string
	}{
		{Listen{Address: "127.0.0.1:0"}, ""},
		{Listen{Address: "[::1]:0"}, ""},
		{Listen{Address: "localhost:0"}, ""},
		{Listen{Address: "0.0.0.0:0"}, "from elsewhere"},
		{Listen{Address: ":0"}, "from elsewhere"},
		{Listen{Address: "example.com:443", HasTokens: true}, "from elsewhere"},
		{Listen{Address: "192.0.2.1:1", CertFile: "c", KeyFile: "k"}, "from elsewhere"},
		{Listen{Address: "192.0.2.1:1", CertFile: "c", KeyFile: "k", HasTokens: true}, ""},
		{Listen{Address: "127.0.0.1:1", CertFile: "c"}, "go together"},
		{Listen{Address: "nonsense"}, "HOST:PORT"},
	} {
		err := c.listen.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.listen, err, c.want)
		}
	}
}

func TestTokenFile(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "no token",
		"carol short":                            "less than 24",
		"carol":                                  "a name",
		"ca:rol 0123456789abcdef01234567":        "a name",
		"carol 0123456789abcdef01234567 more":    "a name",
		"# only\n\n":                             "no token",
		"carol 0123456789abcdef01234567\n# done": "",
	} {
		path := filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadTokens(path)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0123")) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens")
	_ = os.WriteFile(path, []byte("carol 0123456789abcdef01234567"), 0o644)
	if _, err := ReadTokens(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
}

// A server that is told to stop lets the read that is under way end, and stops.
func TestStop(t *testing.T) {
	s, _ := server(t, sqliteSource(t, records()), nil)
	listener, err := (&Listen{Address: "127.0.0.1:0"}).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, listener) }()
	answer, err := http.Get("http://" + listener.Addr().String() + "/api/v1/records")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + listener.Addr().String() + "/"); err == nil {
		t.Error("it still answers")
	}
}
