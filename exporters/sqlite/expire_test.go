package sqlite

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/internal/retention"
	"github.com/agentaudit/agentaudit/schema"
)

// monthly is a store with a record on the first and last instant of each of so many months.
func monthly(t *testing.T, from time.Time, months int) *store {
	t.Helper()
	s := start(t, filepath.Join(t.TempDir(), "audit.db")).(*store)
	var records []exporters.Record
	for m := range months {
		first := from.AddDate(0, m, 0)
		for _, at := range []time.Time{first, first.AddDate(0, 1, 0).Add(-time.Nanosecond)} {
			records = append(records, record(uint64(len(records)), func(a *schema.Action) { a.Event.Created, a.Time = at, at }))
		}
	}
	deliver(t, s, records)
	return s
}

// For every preset, with a clock that moves by days: a record is there for as long as the preset says, and is gone within
// a month after.
func TestPresets(t *testing.T) {
	from := time.Date(2027, 11, 1, 0, 0, 0, 0, time.UTC) // 2028 has a 29 February
	for _, p := range retention.Presets() {
		t.Run(p.Preset, func(t *testing.T) {
			const months = 5
			s := monthly(t, from, months)
			s.retention = Retention{Keep: p.Online}
			for day := range int((p.Online + 200*retention.Day) / retention.Day) {
				now := from.AddDate(0, 0, day).Add(time.Hour)
				if err := s.expire(t.Context(), now); err != nil {
					t.Fatal(err)
				}
				got, err := readBack(t.Context(), s.base, "s")
				if err != nil {
					t.Fatal(err)
				}
				there := map[time.Time]bool{}
				for _, r := range got {
					a, err := schema.Parse(r.JSON)
					if err != nil {
						t.Fatal(err)
					}
					there[a.Time] = true
				}
				for m := range months - 1 { // the newest file stays
					first := from.AddDate(0, m, 0)
					for _, at := range []time.Time{first, first.AddDate(0, 1, 0).Add(-time.Nanosecond)} {
						age := now.Sub(at)
						if age < p.Online && !there[at] {
							t.Fatalf("day %d: the record of %v is gone, %v old", day, at, age)
						}
						if age > p.Online+31*retention.Day && there[at] {
							t.Fatalf("day %d: the record of %v is there, %v old", day, at, age)
						}
					}
				}
			}
			if left := files(t, s.base); len(left) != 1 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// A file goes when its longest-kept record may go, and only files with such records stay.
func TestRoutes(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "audit.db")).(*store)
	var records []exporters.Record
	for m, change := range []func(*schema.Action){
		func(a *schema.Action) {},
		func(a *schema.Action) { a.Risk.Score = schema.Some(90) },
		func(a *schema.Action) { a.Risk.Score = schema.Some(69) },
		func(a *schema.Action) { a.Identity.OrganizationName = "bank" },
		func(a *schema.Action) { a.Identity.ServiceName, a.Identity.AgentName = "codex", "Coder" },
		func(a *schema.Action) { a.Identity.OrganizationName, a.Risk.Score = "forever", schema.Some(50) },
		func(a *schema.Action) {},
	} {
		at := time.Date(2026, time.Month(1+m), 5, 0, 0, 0, 0, time.UTC)
		records = append(records, record(uint64(m), func(a *schema.Action) {
			*a = schema.Action{Event: schema.Event{ID: fmt.Sprintf("%032d", m), Created: at}, Trail: a.Trail, Time: at}
			change(a)
		}))
	}
	deliver(t, s, records)
	s.retention = Retention{Keep: 30 * retention.Day, Longer: []Route{
		{MinRisk: 70, Keep: 400 * retention.Day},
		{Organization: "bank", Keep: 500 * retention.Day},
		{Agent: "codex", Keep: 600 * retention.Day},
		{Organization: "forever", MinRisk: 50},
	}}
	left := func(now string) string {
		at, err := time.Parse(time.DateOnly, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.expire(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		var months []string
		for _, f := range files(t, s.base) {
			months = append(months, f[len(f)-5:len(f)-3])
		}
		return strings.Join(months, " ")
	}
	for _, c := range []struct{ now, want string }{
		{"2026-03-02", "01 02 03 04 05 06 07"},
		{"2026-03-03", "02 03 04 05 06 07"},
		{"2026-12-31", "02 04 05 06 07"},
		{"2027-04-04", "02 04 05 06 07"}, // 2026-03-01 and 400 days
		{"2027-04-05", "04 05 06 07"},
		{"2027-09-13", "05 06 07"},
		{"2099-01-01", "06 07"},
	} {
		if got := left(c.now); got != c.want {
			t.Errorf("%s: %s, want %s", c.now, got, c.want)
		}
	}
}

// A removal that was cut short anywhere is gone on with at the next start, and no old log meets a new file.
func TestExpiryCutShort(t *testing.T) {
	from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for stop := range 4 {
		s := monthly(t, from, 3)
		path := files(t, s.base)[0]
		if err := os.WriteFile(path+"-wal", []byte("left behind"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		steps := []func() error{
			func() error { return os.Rename(path, path+leaving) },
			func() error { return os.WriteFile(path+"-wal", []byte("left behind"), 0o600) },
			func() error { return os.Remove(path + "-wal") },
		}
		for _, step := range steps[:stop] {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		settings, err := json.Marshal(map[string]string{"path": s.base, "retention": "2160h"})
		if err != nil {
			t.Fatal(err)
		}
		e, err := Open(t.Context(), settings)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		entries, err := os.ReadDir(filepath.Dir(s.base))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range entries {
			if !strings.HasPrefix(n.Name(), "audit-2020-03.db") {
				t.Errorf("stopped after %d steps: %s is left", stop, n.Name())
			}
		}
	}
}

// Reading goes on over a file that goes meanwhile, and the exporter writes on.
func TestExpiryWhileInUse(t *testing.T) {
	now := time.Now().UTC()
	s := monthly(t, now.AddDate(-1, 0, 1-now.Day()).Truncate(24*time.Hour), 3)
	db := openRaw(t, files(t, s.base)[0])
	rows, err := db.Query("SELECT id FROM audit_log")
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	s.retention = Retention{Keep: 30 * retention.Day}
	s.expireNow(t.Context())
	if len(files(t, s.base)) != 1 || !rows.Next() {
		t.Errorf("%v, %v", files(t, s.base), rows.Err())
	}
	_ = rows.Close()
	deliver(t, s, []exporters.Record{record(99, func(a *schema.Action) { a.Event.Created = now })})
	if got, err := readBack(t.Context(), s.base, "s"); err != nil || !slices.ContainsFunc(got, func(r exporters.Record) bool { return r.Sequence == 99 }) {
		t.Error(got, err)
	}
}
