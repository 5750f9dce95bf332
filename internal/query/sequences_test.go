package query

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
)

// What a store lacks is named by its ranges, in the middle and at the end.
func TestStored(t *testing.T) {
	dir := t.TempDir()
	all := exportertest.Records("s", 0, 5000)
	fill := func(open exporters.Opener, settings string, runs ...[]exporters.Record) {
		t.Helper()
		e, err := open(t.Context(), []byte(settings))
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, run := range runs {
			if _, _, err := e.Export(t.Context(), exportertest.Batch("s", run)); err != nil {
				t.Fatal(err)
			}
		}
	}
	bad := slices.Clone(all[17:40])
	bad[3].JSON = []byte("{")
	fill(archive.Open, `{"dir":"`+dir+`/a","key_file":"`+dir+`/key"}`, bad)
	fill(sqlite.Open, `{"path":"`+dir+`/audit.db"}`, all[:2000], all[2100:])
	for url, want := range map[string][]Range{
		"dir:" + filepath.Join(dir, "a"):           {{0, 16}, {20, 20}, {40, 4999}},
		"sqlite:" + filepath.Join(dir, "audit.db"): {{2000, 2099}},
	} {
		source, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		got, err := Stored(t.Context(), source, "s")
		if err != nil {
			t.Fatal(err)
		}
		missing := got.Missing(5000)
		if !slices.Equal(missing, want) {
			t.Errorf("%s: %v, want %v", url, missing, want)
		}
		n := uint64(5000)
		for _, m := range missing {
			n -= m.Last - m.First + 1
		}
		if got.Len() != n {
			t.Errorf("%s: %d records", url, got.Len())
		}
		none, err := Stored(t.Context(), source, "another")
		if err != nil || none.Len() != 0 {
			t.Errorf("%s: %v, %v", url, none, err)
		}
	}
}
