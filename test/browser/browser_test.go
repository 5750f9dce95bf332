// Package browser tests the pages of agent-audit serve in a real browser.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/serve"
	"github.com/agentaudit/agentaudit/schema"
)

// hostile is a command that a page must show and never obey: were it obeyed, the page's title would change.
const hostile = "echo </code></pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \x1b[31mred\x1b[0m"

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// records are an ordinary session, and one of hostile records.
func records() []exporters.Record {
	var all []exporters.Record
	add := func(change func(a *schema.Action)) {
		a := exportertest.Action("s", uint64(len(all)))
		*a = schema.Action{Time: start.Add(time.Duration(len(all)) * time.Minute), Event: a.Event, Trail: a.Trail}
		a.Event.Created, a.Event.Outcome = a.Time, schema.OutcomeSuccess
		a.Identity.ServiceName, a.Identity.UserName = "codex", "robin"
		a.Command.Tool, a.Authorization.Decision = "Bash", schema.Unrecorded
		a.Trail.Fields, a.Trail.Complete = "", true
		change(a)
		all = append(all, exporters.Record{Sequence: uint64(len(all)), JSON: a.AppendJSON(nil)})
	}
	for i := range 60 {
		add(func(a *schema.Action) {
			a.Session.ID, a.Command.Line = "night-42", fmt.Sprintf("kubectl get pods --namespace team-%d", i)
			a.Risk.Score = schema.Some(int64(i))
			a.Execution.ExitCode, a.Execution.Stdout = schema.Some(0), "web-1 Running\npassword=[REDACTED:password:k1:9169c262cd13be83]"
			switch {
			case i%10 == 3:
				a.Authorization = schema.Authorization{Decision: schema.Denied, Reviewer: "carol"}
			case i%10 == 7:
				a.Authorization = schema.Authorization{Decision: schema.AutoApproved, Rule: "Bash(kubectl:*)"}
				a.Risk.Score, a.Risk.Anomalies, a.Risk.Reasons, a.Risk.Rules = schema.Some(90), []string{"burst"}, []string{"Deletes a namespace."}, []string{"kubectl-delete"}
				a.Command.Line = "kubectl delete namespace prod"
			}
		})
	}
	for range 3 {
		add(func(a *schema.Action) {
			a.Session.ID, a.Command.Line, a.Identity.UserName = "hostile", hostile, "<b>eve</b>"
			a.Execution.Stdout = "\x1b[2Jdone <script>document.title='owned'</script>"
			a.Risk.Score, a.Authorization.Decision, a.Authorization.Rule = schema.Some(99), schema.AutoApproved, "<script>document.title='owned'</script>"
		})
	}
	return all
}

// site serves the records and returns its address.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	settings, _ := json.Marshal(map[string]string{"path": filepath.Join(dir, "audit.db")})
	e, err := sqlite.Open(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, refused, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records()}); err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	source, err := query.Open(t.Context(), "sqlite:"+filepath.Join(dir, "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	redactor, err := display.NewRedactor()
	if err != nil {
		t.Fatal(err)
	}
	reads, err := serve.OpenReads(filepath.Join(dir, "reads.ndjson"), redactor)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serve.New(serve.Options{
		Source: source, Redactor: redactor, Reads: reads, Version: "test", Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return start.Add(24 * time.Hour) },
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = reads.Close()
		_ = source.Close()
	})
	return "http://" + listener.Addr().String()
}

// browser is a tab of a headless Chromium.
type browser struct {
	*testing.T
	ctx   context.Context
	site  string
	mu    sync.Mutex
	wrong []string // what the browser complained of, and what was asked for elsewhere
}

func open(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: test/scripts/need.sh installs it", err)
	}
	b := &browser{T: t, site: site(t)}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1200, 1000), chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	timed, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b.ctx = timed
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	return b
}

// listen takes down what the browser complains of and what it asks for elsewhere.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.site) {
			b.wrong = append(b.wrong, "asked for "+e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "a script failed: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		b.wrong = append(b.wrong, e.Entry.Text)
	}
}

// call sends a command of the browser's protocol.
func call[P, R any](b *browser, c cdp.Command[P, R], params P) {
	b.Helper()
	if err := chromedp.Do(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, c, params)
		return chromedp.Void{}, err
	}); err != nil {
		b.Fatal(err)
	}
}

// ask runs an action that returns something.
func ask[T any](b *browser, a chromedp.Action[T]) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// visit opens a page and waits for its end.
func (b *browser) visit(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.site+path), chromedp.WaitReady("footer"))
	b.unharmed()
}

// unharmed holds that nothing of a record was obeyed.
func (b *browser) unharmed() {
	b.Helper()
	title := ask(b, chromedp.Title())
	scripts := b.number("document.querySelectorAll('script,iframe,object,img').length")
	b.mu.Lock()
	defer b.mu.Unlock()
	if title == "owned" || scripts > 0 || len(b.wrong) > 0 {
		b.Fatalf("title %q, %v elements that should not be there, %q", title, scripts, b.wrong)
	}
}

// text is that of the page as it is shown.
func (b *browser) text() string {
	b.Helper()
	return ask(b, chromedp.Evaluate[string]("document.querySelector('main').innerText"))
}

func (b *browser) number(script string) float64 {
	b.Helper()
	return ask(b, chromedp.Evaluate[float64](script))
}

// picture takes a screenshot, for people, where AGENT_AUDIT_SCREENSHOTS says.
func (b *browser) picture(name string) {
	b.Helper()
	dir := os.Getenv("AGENT_AUDIT_SCREENSHOTS")
	if dir == "" {
		return
	}
	png := ask(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.Fatal(err)
	}
}

// By keyboard alone: search, page on, open a session.
func TestSearch(t *testing.T) {
	b := open(t)
	b.visit("/")
	if n := b.number("document.querySelectorAll('.records tbody tr').length"); n != 50 {
		t.Errorf("%v rows", n)
	}
	b.picture("search")
	b.do(chromedp.SendKeys("input[name=command]", "delete namespace"+kb.Enter), chromedp.WaitVisible(`//input[@name="command" and @value="delete namespace"]`))
	b.unharmed()
	if text := b.text(); !strings.Contains(text, "6 records") || strings.Contains(text, "get pods") || !strings.Contains(text, "kubectl delete namespace prod") {
		t.Errorf("found\n%s", text)
	}
	b.visit("/?order=oldest&limit=50")
	b.do(chromedp.Click(`a[rel=next]`), chromedp.WaitVisible(`//p[contains(., "13 records")]`))
	b.visit("/?decision=denied")
	if text := b.text(); !strings.Contains(text, "6 records") {
		t.Errorf("denied\n%s", text)
	}
	b.visit("/?risk=nonsense")
	if text := b.text(); !strings.Contains(text, "is no score") {
		t.Errorf("a wrong risk\n%s", text)
	}
	b.visit("/?command=%3Cscript%3Edocument.title%3D%27owned%27%3C%2Fscript%3E")
}

// The first thing the tab key reaches is the way past the navigation; every field has a label.
func TestKeyboard(t *testing.T) {
	b := open(t)
	b.visit("/activity")
	b.do(chromedp.KeyEvent(kb.Tab))
	focused := ask(b, chromedp.Evaluate[string]("document.activeElement.className + ' ' + document.activeElement.textContent"))
	if focused != "skip Skip to the content" {
		t.Errorf("first is %q", focused)
	}
	if n := b.number("getComputedStyle(document.activeElement).left.startsWith('-') ? 1 : 0"); n != 0 {
		t.Error("what has the focus cannot be seen")
	}
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab))
	focused = ask(b, chromedp.Evaluate[string]("document.activeElement.name || ''"))
	if focused != "since" {
		t.Errorf("after the skip link comes %q", focused)
	}
	for _, page := range []string{"/", "/activity", "/policy"} {
		b.visit(page)
		if n := b.number("[...document.querySelectorAll('input,select')].filter(e => !e.labels.length).length"); n > 0 {
			t.Errorf("%s: %v fields without a label", page, n)
		}
	}
}

func TestTimeline(t *testing.T) {
	b := open(t)
	b.visit("/session?id=night-42")
	if n := b.number("document.querySelectorAll('.timeline > li').length"); n != 60 {
		t.Errorf("%v actions", n)
	}
	text := b.text()
	for _, want := range []string{"kubectl delete namespace prod", "Deletes a namespace. (kubectl-delete)", "Bash(kubectl:*)", "auto_approved", "denied", "carol", "burst", "exit 0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the timeline lacks %q", want)
		}
	}
	b.do(chromedp.Click("details summary"), chromedp.WaitVisible("details[open] mark"))
	if mark := ask(b, chromedp.Text("details[open] mark")); mark != "[REDACTED:password:k1:9169c262cd13be83]" {
		t.Errorf("marked %q", mark)
	}
	if n := b.number("document.querySelectorAll('svg.chart rect').length"); n != 60 {
		t.Errorf("%v columns", n)
	}
	b.picture("session")
}

// What a record holds is shown as text: markup, and escapes as pictures.
func TestHostile(t *testing.T) {
	b := open(t)
	for _, page := range []string{"/?session=hostile", "/session?id=hostile", "/policy", "/activity", "/policy?risk_above=0"} {
		b.visit(page)
		if strings.HasPrefix(page, "/policy") || page == "/activity" {
			continue
		}
		if text := b.text(); !strings.Contains(text, "<script>document.title='owned'</script>") || !strings.Contains(text, "␛[31mred") {
			t.Errorf("%s does not show the command as it is:\n%s", page, text)
		}
	}
	b.visit("/session?id=hostile")
	b.picture("hostile")
	b.do(chromedp.Click(".timeline > li a"), chromedp.WaitVisible("//h2[.='The document']"))
	b.unharmed()
}

func TestCharts(t *testing.T) {
	b := open(t)
	b.visit("/activity")
	for script, least := range map[string]float64{
		"document.querySelectorAll('svg.chart').length":                                                        3,
		"document.querySelectorAll('rect.decision-denied').length":                                             2, // key and column
		"document.querySelectorAll('rect.decision-auto_approved').length":                                      2,
		"document.querySelector('svg.chart rect').getBoundingClientRect().height":                              1,
		"[...document.querySelectorAll('svg.chart')].filter(s => s.querySelector('title').textContent).length": 3,
	} {
		if n := b.number(script); n < least {
			t.Errorf("%s is %v", script, n)
		}
	}
	if text := b.text(); !strings.Contains(text, "night-42") {
		t.Errorf("no sessions:\n%s", text)
	}
	b.picture("activity")
	b.visit("/policy")
	if text := b.text(); !strings.Contains(text, "1. Risk above 70, approved by no person: 9") || !strings.Contains(text, "2. Approved despite anomalies: 6") {
		t.Errorf("the report\n%.2000s", text)
	}
	b.picture("policy")
}

// In dark mode text is light on dark, in light mode dark on light, with enough contrast.
func TestDark(t *testing.T) {
	b := open(t)
	lightness := `(s => { const m = s.match(/[\d.]+/g).map(Number); return (0.2126*m[0] + 0.7152*m[1] + 0.0722*m[2]) / 255 })(getComputedStyle(document.body).%s)`
	for _, mode := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: mode}}})
		b.visit("/session?id=night-42")
		back, text := b.number(fmt.Sprintf(lightness, "backgroundColor")), b.number(fmt.Sprintf(lightness, "color"))
		if (mode == "dark") != (back < text) || max(back, text)-min(back, text) < 0.6 {
			t.Errorf("%s: background %.2f, text %.2f", mode, back, text)
		}
		b.picture(mode)
		b.visit("/activity")
		b.picture("activity-" + mode)
	}
}

// The links below a search give the same records as a file.
func TestExport(t *testing.T) {
	b := open(t)
	b.visit("/?decision=denied")
	for _, form := range []string{"json", "ndjson", "csv"} {
		href := ask(b, chromedp.AttributeValue(`//a[.="`+form+`"]`, "href")).Value
		u, err := url.Parse(href)
		if err != nil || u.Query().Get("decision") != "denied" || u.Query().Get("format") != form {
			t.Fatalf("%s leads to %q, %v", form, href, err)
		}
		body := b.fetch(u.String())
		if n := strings.Count(body, "kubectl get pods"); n < 6 || strings.Contains(body, "auto_approved") {
			t.Errorf("%s: %d of 6 records\n%.300s", form, n, body)
		}
	}
}

// fetch gets what a link leads to, as a program would.
func (b *browser) fetch(path string) string {
	b.Helper()
	answer, err := http.Get(b.site + path)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(answer.Status, err)
	}
	return string(body)
}
