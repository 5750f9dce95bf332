// Package e2e runs the whole product through the plugin's C ABI: logs are fed as Fluent Bit feeds them, and what comes
// out is read from the stores.
package e2e

import (
	"bufio"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/test/host"
)

// What TestMain built.
var root, plugin, companion, hostProgram string

func TestMain(m *testing.M) {
	os.Exit(setup(m))
}

func setup(m *testing.M) int {
	var err error
	if root, err = filepath.Abs("../.."); err != nil {
		panic(err)
	}
	build := exec.Command(filepath.Join(root, "test", "scripts", "build.sh"))
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	plugin, companion = filepath.Join(root, "bin", "out_agent_audit.so"), filepath.Join(root, "bin", "agent-audit")
	dir, err := os.MkdirTemp("", "agent-audit-e2e")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if hostProgram, err = host.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, "test host:", err)
		return 1
	}
	return m.Run()
}

// place is one state folder with both embedded stores.
type place struct{ dir string }

func newPlace(t testing.TB) *place { return &place{t.TempDir()} }

func (p *place) state() string   { return filepath.Join(p.dir, "state") }
func (p *place) sqlite() string  { return filepath.Join(p.dir, "audit.db") }
func (p *place) archive() string { return filepath.Join(p.dir, "archive") }

// keys are the output's configuration, as Fluent Bit would pass it.
func (p *place) keys(more ...string) map[string]string {
	m := map[string]string{
		"state_dir": p.state(), "sqlite_path": p.sqlite(), "archive_dir": p.archive(),
		"archive_max_wait": "200ms", "organization": "example",
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func startHost(t testing.TB) *host.Host {
	t.Helper()
	h, err := host.Start(context.Background(), hostProgram, plugin, host.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Kill() })
	return h
}

func startInstance(t testing.TB, h *host.Host, keys map[string]string) host.ID {
	t.Helper()
	id, err := h.Instance(keys)
	if err != nil {
		t.Fatalf("%v\n%s", err, h.Stderr())
	}
	return id
}

// feedFile gives a log file to an instance, in chunks, and requires each to be taken.
func feedFile(t testing.TB, h *host.Host, id host.ID, file string, o host.FileOptions) {
	t.Helper()
	for c, err := range host.FromFile(file, o) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := h.Flush(id, "agents", c.Data)
		if err != nil || r != host.OK {
			t.Fatalf("flush: %v, %v\n%s", r, err, h.Stderr())
		}
	}
}

// delivered waits until both exporters have everything that was accepted.
func (p *place) delivered(t testing.TB) *instance.Status {
	t.Helper()
	var last string
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(p.state(), "status.json"))
		if err != nil {
			continue
		}
		var s instance.Status
		if json.Unmarshal(b, &s) != nil || time.Since(s.Updated) > 5*time.Second && !s.Running {
			continue
		}
		last = string(b)
		done := len(s.Exporters) > 0 && s.PendingPairs == 0
		for _, e := range s.Exporters {
			done = done && e.Pending == 0 && e.Accepted == s.Accepted && s.Accepted > 0
		}
		if done {
			return &s
		}
	}
	t.Fatalf("never delivered; last status:\n%s", last)
	return nil
}

// sqliteRows returns event id → record of all monthly files.
func (p *place) sqliteRows(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "audit-*.db"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, f := range files {
		db, err := sql.Open("sqlite", "file:"+f+"?mode=ro")
		if err != nil {
			t.Fatal(err)
		}
		readRows(t, db, rows)
		db.Close()
	}
	return rows
}

func readRows(t testing.TB, db *sql.DB, into map[string]string) {
	t.Helper()
	rs, err := db.Query("SELECT id, record FROM audit_log")
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	for rs.Next() {
		var id, record string
		if err := rs.Scan(&id, &record); err != nil {
			t.Fatal(err)
		}
		if _, twice := into[id]; twice {
			t.Errorf("record %s stands twice in SQLite", id)
		}
		into[id] = record
	}
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
}

// archiveRows returns event id → record of all objects, each required to be there once.
func (p *place) archiveRows(t testing.TB) map[string]string {
	t.Helper()
	rows := map[string]string{}
	objects, err := filepath.Glob(filepath.Join(p.archive(), "*", "*.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(objects)
	for _, o := range objects {
		if _, err := os.Stat(strings.TrimSuffix(o, ".ndjson.gz") + ".manifest.json"); err != nil {
			continue // not committed
		}
		readObject(t, o, rows)
	}
	return rows
}

func readObject(t testing.TB, object string, into map[string]string) {
	t.Helper()
	f, err := os.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var d struct {
			Event struct {
				ID string `json:"id"`
			} `json:"event"`
		}
		if err := json.Unmarshal(s.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if _, twice := into[d.Event.ID]; twice {
			t.Errorf("record %s stands twice in the archive", d.Event.ID)
		}
		into[d.Event.ID] = s.Text()
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

// same requires both stores to hold the same n records, byte for byte.
func (p *place) same(t testing.TB, n int) map[string]string {
	t.Helper()
	a, b := p.sqliteRows(t), p.archiveRows(t)
	if len(a) != n || len(b) != n {
		t.Errorf("SQLite has %d records, the archive %d; want %d", len(a), len(b), n)
	}
	for id, record := range a {
		if b[id] != record {
			t.Fatalf("record %s differs between the stores", id)
		}
	}
	return a
}

// verified requires `agent-audit verify` to find nothing.
func (p *place) verified(t testing.TB) {
	t.Helper()
	out, err := exec.Command(companion, "verify", p.archive()).CombinedOutput()
	if err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
}
