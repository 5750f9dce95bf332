package e2e

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/agentaudit/agentaudit/test/host"
)

// freeAddress is a loopback address that nobody listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// scrape returns all values by series, agent_audit_records_total{format="text",outcome="log"} say, without the prefix.
func scrape(t *testing.T, address string) map[string]float64 {
	t.Helper()
	r, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Tr0ub4dor", "Winter-is-coming", "wJalrXUtnFEMI"} {
		if strings.Contains(string(text), secret) {
			t.Error("the metrics hold a secret")
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := strings.TrimPrefix(f.GetName(), "agent_audit_") + "{" + strings.Join(labels, ",") + "}"
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return all
}

// The page tells the truth while one store fails, and when it has caught up: for each exporter what was accepted is
// delivered, pending or a dead letter.
func TestMetrics(t *testing.T) {
	p := newPlace(t)
	month := filepath.Join(p.dir, "audit-"+time.Now().UTC().Format("2006-01")+".db")
	if err := os.Mkdir(month, 0o700); err != nil { // where the database's file should be: opening fails
		t.Fatal(err)
	}
	address, file := freeAddress(t), filepath.Join(p.dir, "agent_audit.prom")
	h := startHost(t)
	id := startInstance(t, h, p.keys("pair_window", "1s", "metrics_listen", address, "metrics_file", file))
	for _, f := range examples(t) {
		feedFile(t, h, id, f, host.FileOptions{Form: host.Form{PathKey: "path", OffsetKey: "offset"}})
	}
	waitFor(t, func() bool { return len(p.archiveRows(t)) == exampleRecords })
	m := scrape(t, address)
	equation(t, m, "sqlite")
	equation(t, m, "archive")
	if m["exporter_pending_records{exporter=sqlite}"] != exampleRecords || m["exporter_lag_seconds{exporter=sqlite}"] <= 0 {
		t.Errorf("sqlite fails, but: %v", m)
	}
	if m["chunks_total{result=taken}"] == 0 || m["records_total{format=claude-code,outcome=action}"] == 0 {
		t.Errorf("%v", m)
	}
	redactions := 0.0
	for name, n := range m {
		if strings.HasPrefix(name, "redactions_total{") {
			redactions += n
		}
	}
	if redactions == 0 {
		t.Errorf("no redaction is counted: %v", m)
	}
	if err := os.Remove(month); err != nil {
		t.Fatal(err)
	}
	p.delivered(t)
	m = scrape(t, address)
	equation(t, m, "sqlite")
	if m["exporter_delivered_records{exporter=sqlite}"] != exampleRecords || m["exporter_lag_seconds{exporter=sqlite}"] != 0 {
		t.Errorf("sqlite has caught up, but: %v", m)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), "agent_audit_stream_records") {
		t.Errorf("file: %v\n%s", err, b)
	}
	if err := h.Exit(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		t.Error("still listening after the end")
	}
}

func equation(t *testing.T, m map[string]float64, exporter string) {
	t.Helper()
	sum := 0.0
	for _, part := range []string{"exporter_delivered_records", "exporter_pending_records", "exporter_dead_letters"} {
		n, ok := m[part+"{exporter="+exporter+"}"]
		if !ok {
			t.Errorf("%s: no %s", exporter, part)
		}
		sum += n
	}
	if got := m["stream_records{}"]; got != sum {
		t.Errorf("%s: %v accepted, %v delivered, pending and dead letters", exporter, got, sum)
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited a minute in vain")
		}
	}
}
