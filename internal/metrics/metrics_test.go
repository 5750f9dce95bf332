package metrics

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/delivery"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/journal"
)

// fake is an instance with one exporter that works and one that lags.
type fake struct {
	status instance.Status
	counts instance.Counts
}

func (f *fake) Status() instance.Status { return f.status }
func (f *fake) Counts() instance.Counts { return f.counts }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newFake() *fake {
	oldest := noon.Add(-90 * time.Second)
	return &fake{
		status: instance.Status{
			Accepted: 100, PendingPairs: 3, JournalBytes: 4096, JournalMax: 1 << 20,
			Exporters: []delivery.Status{
				{Name: "sqlite", State: delivery.Running, Accepted: 100, Delivered: 99, DeadLetters: 1, Starts: 1},
				{Name: "s3", State: delivery.Parked, Accepted: 100, Delivered: 60, Pending: 40, Starts: 7, OldestPending: &oldest},
			},
		},
		counts: instance.Counts{
			Flushes: 12, Refused: 2,
			Records:    map[journal.Count]uint64{{Format: "claude-code", Outcome: journal.AsAction}: 90, {Format: "text", Outcome: journal.AsLog}: 10},
			Redactions: map[string]uint64{"github-token": 5},
		},
	}
}

func TestCollector(t *testing.T) {
	c := &collector{i: newFake(), now: func() time.Time { return noon }}
	for name, want := range map[string]string{
		"agent_audit_chunks_total":               `agent_audit_chunks_total{result="refused"} 2` + "\n" + `agent_audit_chunks_total{result="taken"} 10`,
		"agent_audit_records_total":              `agent_audit_records_total{format="claude-code",outcome="action"} 90` + "\n" + `agent_audit_records_total{format="text",outcome="log"} 10`,
		"agent_audit_redactions_total":           `agent_audit_redactions_total{kind="github-token"} 5`,
		"agent_audit_exporter_pending_records":   `agent_audit_exporter_pending_records{exporter="s3"} 40` + "\n" + `agent_audit_exporter_pending_records{exporter="sqlite"} 0`,
		"agent_audit_exporter_delivered_records": `agent_audit_exporter_delivered_records{exporter="s3"} 60` + "\n" + `agent_audit_exporter_delivered_records{exporter="sqlite"} 99`,
		"agent_audit_exporter_dead_letters":      `agent_audit_exporter_dead_letters{exporter="s3"} 0` + "\n" + `agent_audit_exporter_dead_letters{exporter="sqlite"} 1`,
		"agent_audit_exporter_lag_seconds":       `agent_audit_exporter_lag_seconds{exporter="s3"} 90` + "\n" + `agent_audit_exporter_lag_seconds{exporter="sqlite"} 0`,
	} {
		got, err := testutil.CollectAndFormat(c, expfmt.TypeTextPlain, name)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(got)) {
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		if text := strings.Join(lines, "\n"); text != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, text, want)
		}
	}
	if n := testutil.CollectAndCount(c, "agent_audit_exporter_state"); n != 2*len(states) {
		t.Errorf("%d series of states", n)
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", []promlint.Problem(problems), err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// Liveness fails when only a new start helps, readiness also while chunks are refused.
func TestPage(t *testing.T) {
	f := newFake()
	w, err := Start(config.Metrics{Listen: "127.0.0.1:0"}, f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + w.Addr()
	if code, text := get(t, base+"/metrics"); code != 200 || !strings.Contains(text, "agent_audit_stream_records 100") || !strings.Contains(text, "go_goroutines") {
		t.Errorf("%d\n%s", code, text)
	}
	for _, c := range []struct {
		name          string
		set           func()
		health, ready int
	}{
		{"well", func() {}, 200, 200},
		{"full", func() { f.counts.Refusing = true }, 200, 503},
		{"broken", func() { f.status.Broken = "journal: write /secret/path: input/output error" }, 503, 503},
		{"refusing no more", func() { f.counts.Refusing = false }, 503, 503},
	} {
		c.set()
		if code, text := get(t, base+"/healthz"); code != c.health || strings.Contains(text, "secret") {
			t.Errorf("%s: /healthz %d %s", c.name, code, text)
		}
		if code, _ := get(t, base+"/readyz"); code != c.ready {
			t.Errorf("%s: /readyz %d", c.name, code)
		}
	}
	if code, _ := get(t, base+"/debug/pprof/"); code != 404 {
		t.Errorf("/debug/pprof/ %d", code)
	}
	if _, err := Start(config.Metrics{Listen: w.Addr()}, f, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "metrics.listen") {
		t.Errorf("an address in use: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(base + "/metrics"); err == nil {
		t.Error("still served after Close")
	}
}

func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent_audit.prom")
	w, err := Start(config.Metrics{File: file}, newFake(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if b, err = os.ReadFile(file); err == nil {
			break
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(b), "agent_audit_stream_records 100\n") || strings.Contains(string(b), "go_goroutines") {
		t.Errorf("%s", b)
	}
}

// names of all our metrics.
func names(t *testing.T) map[string]bool {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(&collector{i: newFake(), now: time.Now})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, f := range families {
		all[f.GetName()] = true
	}
	return all
}

const examples = "../../examples/prometheus/"

var metricName = regexp.MustCompile(`\bagent_audit_[a-z_]+\b`)

// The dashboard and the alert rules name metrics that there are, and the dashboard shows each of ours.
func TestDashboardNames(t *testing.T) {
	all := names(t)
	for _, file := range []string{"grafana-dashboard.json", "alerts.yaml"} {
		b, err := os.ReadFile(examples + file)
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		for _, name := range metricName.FindAllString(string(b), -1) {
			if used[name] = true; !all[name] {
				t.Errorf("%s: there is no %s", file, name)
			}
		}
		if len(used) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for name := range all {
			if file == "grafana-dashboard.json" && !used[name] {
				t.Errorf("the dashboard does not show %s", name)
			}
		}
	}
}

// Panels have ids of their own and do not overlap; queries use the variables that are declared.
func TestDashboardPanels(t *testing.T) {
	b, err := os.ReadFile(examples + "grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	ids, cells := map[int]bool{}, map[string]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || len(p.Targets) == 0 {
			t.Errorf("%s: id %d, %d queries", p.Title, p.ID, len(p.Targets))
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				at := fmt.Sprint(x, ",", y)
				if other := cells[at]; other != "" || x >= 24 {
					t.Fatalf("%s and %s overlap at %s", p.Title, other, at)
				}
				cells[at] = p.Title
			}
		}
		for _, q := range p.Targets {
			for _, m := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !variables[m[1]] {
					t.Errorf("%s: variable $%s is not declared", p.Title, m[1])
				}
			}
		}
	}
}

// The rules fire as their tests say, by Prometheus's own promtool.
func TestAlerts(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if promtool, err = filepath.Abs("../../bin/promtool"); err == nil {
			_, err = os.Stat(promtool)
		}
	}
	if err != nil {
		t.Fatal("promtool is not on PATH: `make test` puts it into bin")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		c := exec.Command(promtool, args...)
		c.Dir = examples
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// Every alert has a test that it fires.
func TestAlertsAreTested(t *testing.T) {
	rules, err := os.Open(examples + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer rules.Close()
	tests, err := os.ReadFile(examples + "alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for sc := bufio.NewScanner(rules); sc.Scan(); {
		if name, ok := strings.CutPrefix(strings.TrimSpace(sc.Text()), "- alert: "); ok {
			n++
			if !strings.Contains(string(tests), "alertname: "+name+"\n") {
				t.Errorf("%s is not tested", name)
			}
		}
	}
	if n == 0 {
		t.Error("no alert: " + strconv.Itoa(n))
	}
}
