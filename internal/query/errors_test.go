package query_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/query"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	foreign := filepath.Join(dir, "foreign.db")
	empty := filepath.Join(dir, "empty.db")
	newer := filepath.Join(dir, "newer.db")
	for path, content := range map[string]string{text: strings.Repeat("no database ", 100), empty: ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, statements := range map[string]string{
		foreign: "CREATE TABLE t (x)",
		newer:   "CREATE TABLE t (x); PRAGMA application_id = 1633776996; PRAGMA user_version = 99",
	} {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
	for url, want := range map[string]string{
		"":                                     "not of the form",
		"sqlite:":                              "not of the form",
		"ftp://host/":                          "unknown kind",
		"sqlite:" + dir:                        "is a folder",
		"sqlite:" + filepath.Join(dir, "x.db"): "no store at",
		"sqlite:" + filepath.Join(dir, "no", "x.db"): "no such file",
		"sqlite:" + text:                  "no SQLite database",
		"sqlite:" + foreign:               "no audit store",
		"sqlite:" + empty:                 "is empty",
		"sqlite:" + newer:                 "newer agent-audit",
		"dir:" + dir:                      "no archive",
		"dir:" + text:                     "is no folder",
		"dir:" + filepath.Join(dir, "no"): "no such file",
	} {
		s, err := query.Open(t.Context(), url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", url, err, want)
		}
		if s != nil {
			t.Errorf("%s: a source in spite of an error", url)
		}
	}
}

// Rows that are written while a source is open are found by its next query.
func TestWhileWriting(t *testing.T) {
	records := exportertest.Records("s", 0, 300)
	s, path := openSQLite(t, records[:100])
	defer s.Close()
	count := func() (n int) {
		for _, err := range s.Query(t.Context(), query.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if n := count(); n != 100 {
		t.Fatalf("%d rows", n)
	}
	e, err := sqlite.Open(t.Context(), []byte(`{"path":"`+path+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	rows := 0
	for _, err := range s.Query(t.Context(), query.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if rows == 50 { // in the middle of the answer
			if _, _, err := e.Export(t.Context(), exportertest.Batch("s", records[100:])); err != nil {
				t.Fatal(err)
			}
		}
		rows++
	}
	if rows != 100 {
		t.Errorf("a running query has %d rows, want its snapshot of 100", rows)
	}
	if n := count(); n != 300 {
		t.Errorf("%d rows afterwards", n)
	}
	files, err := sqlite.Files(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(strings.TrimSuffix(path, ".db")+"-2027-01.db", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 300 {
		t.Errorf("%d rows when a new month begins", n)
	}
	one, err := query.Open(t.Context(), "sqlite:"+files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
}

// A changed object is an error, not an answer.
func TestChangedObject(t *testing.T) {
	s, dir := openDir(t, exportertest.Records("s", 0, 10), 10)
	defer s.Close()
	path := filepath.Join(dir, "s", archive.ObjectName(0))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for row, err := range s.Query(t.Context(), query.Query{}) {
		if err == nil || !strings.Contains(err.Error(), "verify") {
			t.Errorf("row %v, error %v", row, err)
		}
	}
}

func TestPhrases(t *testing.T) {
	for in, want := range map[string][][]string{
		"":                     nil,
		"rm -rf":               {{"rm"}, {"rf"}},
		`"rm -rf"`:             {{"rm", "rf"}},
		"/etc/passwd cat":      {{"etc", "passwd"}, {"cat"}},
		`say "Hello World" ok`: {{"say"}, {"hello", "world"}, {"ok"}},
		`"open quote`:          {{"open", "quote"}},
		`--- " " ""`:           nil,
		"node_modules":         {{"node_modules"}},
		"ÉTÉ ſ ½":              {{"été"}, {"s"}, {"½"}},
	} {
		got := query.Phrases(in)
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
