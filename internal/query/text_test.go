package query_test

import (
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/internal/query"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		in   string
		end  bool
		want string
	}{
		{"2026-03-01", false, "2026-03-01T00:00:00Z"},
		{"2026-03-01", true, "2026-03-02T00:00:00Z"},
		{"2026-03-01T10:00:00+02:00", false, "2026-03-01T08:00:00Z"},
		{"2026-03-01T10:00:00.5Z", true, "2026-03-01T10:00:00.5Z"},
		{"2026-03-01 10:00", true, "2026-03-01T10:00:00Z"},
		{"12h", false, "2026-03-15T00:00:00Z"},
		{"30d", false, "2026-02-13T12:00:00Z"},
		{"2w", true, "2026-03-01T12:00:00Z"},
		{"1h30m", false, "2026-03-15T10:30:00Z"},
		{"0.5d", false, "2026-03-15T00:00:00Z"},
	} {
		got, err := query.ParseTime(c.in, now, c.end)
		if err != nil || got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%q: %v %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"yesterday", "-1h", "-3d", "2026-13-01", "d", "1e300d", "nand"} {
		if got, err := query.ParseTime(in, now, false); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestParseRisk(t *testing.T) {
	for in, want := range map[string][2]int{"80-100": {80, 100}, "80-": {80, -1}, "-20": {-1, 20}, "95": {95, 95}, "0-0": {0, 0}} {
		low, high, err := query.ParseRisk(in)
		got := [2]int{-1, -1}
		if low != nil {
			got[0] = *low
		}
		if high != nil {
			got[1] = *high
		}
		if err != nil || got != want {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	for _, in := range []string{"-", "a", "1-2-3", "101", "50-200", "--"} {
		if _, _, err := query.ParseRisk(in); err == nil {
			t.Errorf("%q is accepted", in)
		}
	}
}
