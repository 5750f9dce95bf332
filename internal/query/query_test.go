package query_test

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/query/querytest"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// fill delivers records in batches of some size.
func fill(t testing.TB, open exporters.Opener, settings map[string]any, stream string, records []exporters.Record, size int) {
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
	var tree merkle.Frontier
	for len(records) > 0 {
		n := min(size, len(records))
		if _, refused, err := e.Export(t.Context(), exporters.Batch{Stream: stream, Records: records[:n], Tree: tree.Clone()}); err != nil || len(refused) > 0 {
			t.Fatal(err, refused)
		}
		for _, r := range records[:n] {
			tree.Append(merkle.LeafHash(r.JSON))
		}
		records = records[n:]
	}
}

func openSQLite(t testing.TB, records []exporters.Record) (query.Source, string) {
	path := filepath.Join(t.TempDir(), "audit.db")
	fill(t, sqlite.Open, map[string]any{"path": path}, "s", records, 100)
	s, err := query.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func openDir(t testing.TB, records []exporters.Record, size int) (query.Source, string) {
	dir := t.TempDir()
	fill(t, archive.Open, map[string]any{"dir": filepath.Join(dir, "archive"), "key_file": filepath.Join(dir, "key")}, "s", records, size)
	s, err := query.Open(t.Context(), "dir:"+filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	return s, filepath.Join(dir, "archive")
}

const many = 320

func TestSQLite(t *testing.T) {
	records := querytest.Records("s", many)
	s, _ := openSQLite(t, records)
	defer s.Close()
	querytest.Run(t, s, records)
}

// Files of version 1 have no spans.
func TestSQLiteVersion1(t *testing.T) {
	records := querytest.Records("s", many)
	s, path := openSQLite(t, records)
	defer s.Close()
	files, err := sqlite.Files(path)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		db, err := sql.Open("sqlite", f)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("DROP TABLE audit_span; DROP INDEX audit_command_head; PRAGMA user_version = 1;" +
			"CREATE INDEX audit_command_head ON audit_log (substr(command, 1, 64)) WHERE command IS NOT NULL"); err != nil {
			t.Fatal(err)
		}
	}
	querytest.Run(t, s, records)
}

func TestDir(t *testing.T) {
	records := querytest.Records("s", many)
	for _, size := range []int{9, many} {
		s, _ := openDir(t, records, size)
		querytest.Run(t, s, records)
		_ = s.Close()
	}
}
