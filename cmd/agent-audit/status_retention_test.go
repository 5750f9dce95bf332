package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/config"
)

// What a store holds, under a clock that moves: what goes next, and what should be gone.
func TestHoldings(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	e, err := sqlite.Open(t.Context(), []byte(`{"path":"`+base+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, _, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: exportertest.Records("s", 0, 400)}); err != nil { // of November and December
		t.Fatal(err)
	}
	c := &config.SQLite{Path: base, Retention: config.Duration(90 * 24 * time.Hour)}
	for now, want := range map[string]string{
		"2026-12-15": "next to go: " + strings.TrimSuffix(base, ".db") + "-2026-11.db on 2027-03-01",
		"2027-03-02": "HOLDS MORE than the retention says",
	} {
		at, err := time.Parse(time.DateOnly, now)
		if err != nil {
			t.Fatal(err)
		}
		h, err := sqliteHolding(t.Context(), c, at)
		if err != nil || !strings.Contains(h.String(), want) || !strings.Contains(h.String(), "oldest record 2026-11-2") {
			t.Errorf("%s: %v, %v; want %q", now, h, err, want)
		}
	}
	c.Retention = 0
	if h, err := sqliteHolding(t.Context(), c, time.Now()); err != nil || !strings.Contains(h.String(), "nothing expires") {
		t.Error(h, err)
	}
}
