package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/schema"
)

var update = flag.Bool("update", false, "write testdata anew")

func start(t testing.TB, base string) exporters.Exporter {
	t.Helper()
	e, err := Open(t.Context(), settingsFor(t, base))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// deliver exports records and fails on errors; it returns what was refused.
func deliver(t testing.TB, e exporters.Exporter, records []exporters.Record) []exporters.Refusal {
	t.Helper()
	acked, refused, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records})
	if err != nil || acked != records[len(records)-1].Sequence {
		t.Fatalf("acknowledged %d, error %v", acked, err)
	}
	return refused
}

func record(seq uint64, change func(*schema.Action)) exporters.Record {
	a := exportertest.Action("s", seq)
	change(a)
	return exporters.Record{Sequence: seq, JSON: a.AppendJSON(nil)}
}

func openRaw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func files(t testing.TB, base string) []string {
	t.Helper()
	f, err := Files(base)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSettings(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                  "path is missing",
		`{"pth":"x"}`:                         "unknown field",
		`{"path":"x"} {}`:                     "text after",
		`{"path":"x","busy_timeout":"a lot"}`: "busy_timeout",
		`{"path":"x","busy_timeout":"-1s"}`:   "busy_timeout",
		`"x"`:                                 "cannot unmarshal",
	} {
		if _, err := Open(t.Context(), []byte(text)); !exporters.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a permanent error with %q", text, err, want)
		}
	}
}

// A record's month is its own, whenever it is stored.
func TestMonths(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	at := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	var records []exporters.Record
	for i, c := range []struct{ created, time string }{
		{"2026-11-30T23:59:59.999999999Z", "2026-01-01T00:00:00Z"},
		{"2026-12-01T00:00:00Z", "2026-01-01T00:00:00Z"},
		{"2026-12-01T01:00:00+02:00", "2026-01-01T00:00:00Z"}, // November in UTC
		{"", "2026-10-05T00:00:00Z"},
		{"2027-01-01T00:00:00Z", ""},
	} {
		records = append(records, record(uint64(i), func(a *schema.Action) {
			a.Event.Created, a.Time = time.Time{}, time.Time{}
			if c.created != "" {
				a.Event.Created = at(c.created)
			}
			if c.time != "" {
				a.Time = at(c.time)
			}
		}))
	}
	for range 2 {
		if refused := deliver(t, e, records); len(refused) > 0 {
			t.Fatal(refused)
		}
	}
	var got []string
	for _, f := range files(t, base) {
		var n int
		if err := openRaw(t, f).QueryRow("SELECT count(*) FROM audit_log").Scan(&n); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(filepath.Base(f), " ", n))
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if info, err := os.Stat(f + suffix); err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s%s has mode %v", f, suffix, info.Mode())
			}
		}
	}
	want := []string{"audit-2026-10.db 1", "audit-2026-11.db 2", "audit-2026-12.db 1", "audit-2027-01.db 1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// More months in a batch than files may be open, in no order.
func TestManyMonths(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit")
	e := start(t, base)
	var records []exporters.Record
	for i := range uint64(40) {
		records = append(records, record(i, func(a *schema.Action) {
			a.Event.Created = time.Date(2026, time.Month(1+i*7%12), 3, 0, 0, 0, 0, time.UTC)
		}))
	}
	deliver(t, e, records)
	deliver(t, e, records[5:])
	got, err := readBack(t.Context(), base, "s")
	if err != nil || len(got) != len(records) || len(files(t, base)) != 12 {
		t.Errorf("%d records in %d files, %v", len(got), len(files(t, base)), err)
	}
}

// When a month fails, what was stored before it is acknowledged, and no more.
func TestPartly(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	if err := os.WriteFile(monthFile(base, "2026-05"), []byte(strings.Repeat("no database ", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(monthFile(base, "2027-01"), nil, 0o600); err != nil { // cut short while it was made
		t.Fatal(err)
	}
	e := start(t, base)
	var records []exporters.Record
	for i, month := range []time.Month{3, 4, 3, 5, 4, 3} {
		records = append(records, record(uint64(i), func(a *schema.Action) {
			a.Event.Created = time.Date(2026, month, 3, 0, 0, 0, 0, time.UTC)
			if i == 1 {
				a.Event.ID = ""
			}
			if i == 4 {
				a.Event.ID = ""
			}
		}))
	}
	acked, refused, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records})
	if acked != 2 || !exporters.IsPermanent(err) || len(refused) != 1 || refused[0].Sequence != 1 {
		t.Errorf("acknowledged %d, refused %v, error %v", acked, refused, err)
	}
	acked, refused, err = e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records[3:]})
	if acked != 0 || !exporters.IsPermanent(err) || len(refused) != 0 {
		t.Errorf("acknowledged %d, refused %v, error %v", acked, refused, err)
	}
}

func TestRefusals(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	unknown := []byte(strings.Replace(string(record(6, func(*schema.Action) {}).JSON), `"host":{`, `"host":{"unheard_of":1,`, 1))
	records := []exporters.Record{
		record(0, func(*schema.Action) {}),
		record(1, func(a *schema.Action) { a.Event.ID = "" }),
		record(2, func(a *schema.Action) { a.Trail.Stream = "other" }),
		record(3, func(a *schema.Action) { a.Trail.Sequence = schema.Some(4) }),
		record(4, func(a *schema.Action) { a.Event.Created, a.Time = time.Time{}, time.Time{} }),
		record(5, func(a *schema.Action) { *a = *exportertest.Action("s", 0); a.Trail.Sequence = schema.Some(5) }),
		{Sequence: 6, JSON: unknown},
		{Sequence: 7, JSON: []byte("\xff\x00")},
		record(8, func(*schema.Action) {}),
	}
	want := []string{
		"", "1: document has no event.id", "2: document is not of stream s", "3: document has not the event.sequence 3",
		"4: document has neither", "5: another record with the event.id", "6: schema: document has", "7: schema: document:",
	}[1:]
	for range 2 {
		refused := deliver(t, e, records)
		if len(refused) != len(want) {
			t.Fatalf("refused %v", refused)
		}
		for i, r := range refused {
			if got := fmt.Sprintf("%d: %s", r.Sequence, r.Reason); !strings.HasPrefix(got, want[i]) {
				t.Errorf("%q, want %q", got, want[i])
			}
		}
	}
	if got, err := readBack(t.Context(), base, "s"); err != nil || len(got) != 2 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// Whoever connects with the usual tools is told that records do not change.
func TestAppendOnly(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	records := exportertest.Records("s", 0, 3)
	deliver(t, e, records)
	db := openRaw(t, files(t, base)[0])
	for _, statement := range []string{
		"UPDATE audit_log SET decision = 'approved'",
		"UPDATE audit_log SET n = n + 100",
		"UPDATE OR REPLACE audit_log SET id = 'x' WHERE n = 1",
		"DELETE FROM audit_log",
		"DELETE FROM audit_log WHERE n = 2",
		"INSERT OR REPLACE INTO audit_log (id, stream, sequence, timestamp, record) SELECT id, 'x', 0, '', '' FROM audit_log LIMIT 1",
		"INSERT OR REPLACE INTO audit_log (n, id, stream, sequence, timestamp, record) VALUES (1, 'new', 'x', 0, '', '')",
		"INSERT INTO audit_log (id, stream, sequence, timestamp, record) SELECT id, stream, sequence, timestamp, '' FROM audit_log LIMIT 1 ON CONFLICT (id) DO UPDATE SET record = ''",
	} {
		if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if got, err := readBack(t.Context(), base, "s"); err != nil || len(got) != 3 || !slices.EqualFunc(got, records, func(a, b exporters.Record) bool { return string(a.JSON) == string(b.JSON) }) {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// Files that are not ours park the exporter; a lock does not.
func TestForeign(t *testing.T) {
	created := exportertest.Start.Format("2006-01")
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"text":    {func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("text ", 500)), 0o600) }, "not a database"},
		"foreign": {sqlFile("CREATE TABLE t (x)"), "no audit store"},
		"newer":   {sqlFile(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, schemaVersion+1)), "newer agent-audit"},
		"older":   {sqlFile(fmt.Sprintf("PRAGMA application_id = %d", applicationID)), "unknown schema"},
	} {
		t.Run(name, func(t *testing.T) {
			base := filepath.Join(t.TempDir(), "audit.db")
			if err := c.make(monthFile(base, created)); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), settingsFor(t, base)); !exporters.IsPermanent(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want a permanent error with %q", err, c.want)
			}
		})
	}
}

func sqlFile(statements string) func(string) error {
	return func(path string) error {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			return err
		}
		_, err = db.Exec(statements)
		return errors.Join(err, db.Close())
	}
}

func TestLocked(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	settings, _ := json.Marshal(map[string]string{"path": base, "busy_timeout": "50ms"})
	e, err := Open(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	records := exportertest.Records("s", 0, 2)
	deliver(t, e, records[:1])
	db := openRaw(t, files(t, base)[0])
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records}); err == nil || exporters.IsPermanent(err) {
		t.Errorf("a locked file: %v, want an error that may go away", err)
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	deliver(t, e, records)
}

// A file that was removed while it was open is made anew: rows must not go to a file that nobody can find.
func TestRemovedWhileOpen(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	records := exportertest.Records("s", 0, 2)
	deliver(t, e, records[:1])
	path := files(t, base)[0]
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + suffix)
	}
	deliver(t, e, records[1:])
	if got, err := readBack(t.Context(), base, "s"); err != nil || len(got) != 1 || got[0].Sequence != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// What a person types by hand finds commands.
func TestFullTextByHand(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	var records []exporters.Record
	for i, line := range []string{"rm -rf ./node_modules", "kubectl delete pod", "delete kubectl", "echo Grüße"} {
		records = append(records, record(uint64(i), func(a *schema.Action) { a.Command.Line = line }))
	}
	deliver(t, e, records)
	db := openRaw(t, files(t, base)[0])
	for search, want := range map[string]string{
		"rm": "0", "RM": "0", "node_modules": "0", `"kubectl delete"`: "1", "kubectl delete": "1 2", "grüße": "3", "node*": "0", "modules": "",
	} {
		rows, err := db.Query("SELECT l.sequence FROM audit_command c JOIN audit_log l ON l.n = c.rowid WHERE c.words MATCH ? ORDER BY 1", search)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for rows.Next() {
			var n string
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			got = append(got, n)
		}
		if rows.Err() != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q, %v", search, got, want, rows.Err())
		}
	}
}

// TestSchemaGolden holds the tables still: a change needs a new version.
func TestSchemaGolden(t *testing.T) {
	path := filepath.Join("testdata", fmt.Sprintf("schema-%d.sql", schemaVersion))
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(tables), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != tables {
		t.Errorf("the tables are not those of %s (%v): give them a new version", path, err)
	}
}

// Every row says in columns what its document says.
func TestColumns(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	deliver(t, e, exportertest.Records("s", 0, 50))
	db := openRaw(t, files(t, base)[0])
	for column, path := range map[string]string{
		"id": "event.id", "stream": "agent_audit.stream", "sequence": "event.sequence", "organization": "organization.name",
		"agent_id": "gen_ai.agent.id", "service": "service.name", "user": "user.name", "user_email": "user.email",
		"session_id": "agent_audit.session.id", "host": "host.name", "kind": "event.kind", "action": "event.action", "tool": "gen_ai.tool.name",
		"risk_score": "event.risk_score", "decision": "agent_audit.authorization.decision", "outcome": "event.outcome", "cwd": "process.working_directory",
	} {
		var bad int
		if err := db.QueryRow("SELECT count(*) FROM audit_log WHERE "+column+" IS NOT json_extract(record, ?)", "$."+path).Scan(&bad); err != nil || bad > 0 {
			t.Errorf("%s: %d rows differ from %s, %v", column, bad, path, err)
		}
	}
	var integrity string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Error(integrity, err)
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"rm -rf ./node_modules":           "rm rf node_modules",
		"KUBECTL delete":                  "kubectl delete",
		"a.b/c-d":                         "a b c d",
		"e\u0301":                         "e",
		"世界,½":                            "世界 ½",
		"ſ\u212a":                         "sk",
		"\xff\x00x":                       "x",
		strings.Repeat("é", 200) + " end": strings.Repeat("é", 128) + " end",
	} {
		if got := strings.Join(Words(in), " "); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzWords holds Words to what the index makes of it: words of its own, split at spaces only.
func FuzzWords(f *testing.F) {
	f.Add("rm -rf ./node_modules")
	f.Add("ſtraße \u212a\x00\xff 世界")
	f.Fuzz(func(t *testing.T, text string) {
		words := Words(text)
		again := Words(strings.Join(words, " "))
		if !slices.Equal(words, again) {
			t.Fatalf("%q: %q is split again to %q", text, words, again)
		}
		for _, w := range words {
			if w == "" || strings.ContainsAny(w, " \"\x00") || len(w) > 2*maxWord {
				t.Fatalf("%q: word %q", text, w)
			}
		}
	})
}

func BenchmarkExport(b *testing.B) {
	const batch = 5000
	records := exportertest.Records("s", 0, 20_000)
	for b.Loop() {
		e := start(b, filepath.Join(b.TempDir(), "audit.db"))
		for run := range slices.Chunk(records, batch) {
			deliver(b, e, run)
		}
		_ = e.Close()
	}
	b.ReportMetric(float64(len(records)*b.N)/b.Elapsed().Seconds(), "records/s")
}

// A full disk is an error that goes away, and leaves nothing behind.
func TestFull(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	records := exportertest.Records("s", 0, 2000)
	deliver(t, e, records[:1])
	f := e.(*store).open[0]
	limit := func(pages int) {
		if _, err := f.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(100)
	acked, _, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records})
	if acked != 0 || err == nil || exporters.IsPermanent(err) {
		t.Fatalf("acknowledged %d, error %v, want one that may go away", acked, err)
	}
	if got, err := readBack(t.Context(), base, "s"); err != nil || len(got) != 1 {
		t.Errorf("%d records, %v", len(got), err)
	}
	limit(1 << 30)
	deliver(t, e, records)
}

// Where no shared-memory file can be made, a file that nobody writes to is read all the same.
func TestReadOnlyPlace(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e := start(t, base)
	deliver(t, e, exportertest.Records("s", 0, 5))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	path := files(t, base)[0]
	if err := os.Mkdir(path+"-shm", 0o700); err != nil { // in its place
		t.Fatal(err)
	}
	if got, err := readBack(t.Context(), base, "s"); err != nil || len(got) != 5 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// A file of version 1 is brought to version 2 when it is written to, and read as it is before that.
func TestUpgrade(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	records := exportertest.Records("s", 0, 60)
	path := monthFile(base, exportertest.Start.Format("2006-01"))
	old, err := os.ReadFile("testdata/schema-1.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlFile(string(old))(path); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, path)
	for i, r := range records[:40] {
		row, _, err := makeRow("s", r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(insertRows(1), append([]any{i + 1}, row.values...)...); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := readBack(t.Context(), base, "s"); err != nil || len(got) != 40 {
		t.Fatalf("%d records of version 1, %v", len(got), err)
	}
	deliver(t, start(t, base), records)
	if got, err := readBack(t.Context(), base, "s"); err != nil || len(got) != len(records) {
		t.Errorf("%d records, %v", len(got), err)
	}
	var version, wrong int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != schemaVersion {
		t.Errorf("version %d, %v", version, err)
	}
	if err := db.QueryRow("SELECT count(*) FROM audit_log l LEFT JOIN audit_span s ON s.span = l.n / 4096 WHERE l.timestamp NOT BETWEEN coalesce(s.oldest, 'x') AND s.newest").Scan(&wrong); err != nil || wrong > 0 {
		t.Errorf("%d rows are outside of their span, %v", wrong, err)
	}
}
