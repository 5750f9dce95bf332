package retention

import "testing"

func TestIrreversible(t *testing.T) {
	dir := t.TempDir()
	if before, err := Remembered(dir); before != nil || err != nil {
		t.Fatal(before, err)
	}
	for i, c := range []struct {
		lock Lock
		want bool
	}{
		{Lock{Governance, 90 * Day}, false},
		{Lock{Governance, 900 * Day}, false},
		{Lock{Compliance, 30 * Day}, true},
		{Lock{Compliance, 30 * Day}, false},
		{Lock{Compliance, 31 * Day}, true},
		{Lock{Compliance, 7 * Day}, false},
		{Lock{Governance, 99 * Day}, false},
	} {
		before, err := Remembered(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.lock.Irreversible(before); (got != "") != c.want {
			t.Errorf("%d: %q", i, got)
		}
		if err := Remember(dir, c.lock); err != nil {
			t.Fatal(err)
		}
	}
	if (Lock{Compliance, Day}).Irreversible(nil) == "" {
		t.Error("the first lock binds too")
	}
}

// The presets are whole, in order, and long enough for their clauses.
func TestPresets(t *testing.T) {
	least := map[string][2]int{
		"internal": {90, 90}, "soc2": {366, 366}, "hipaa": {0, 6 * 365}, "pci": {366, 2 * 365}, "gdpr": {0, 0}, "financial": {0, 7 * 365}, "eu-ai-act": {0, 184},
	}
	for _, p := range Presets() {
		l, ok := least[p.Preset]
		if !ok || p.Online.Hours() < float64(l[0]*24) || p.Archive.Hours() < float64(l[1]*24) || p.Clause == "" {
			t.Errorf("%+v", p)
		}
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", p.Preset, err)
		}
		delete(least, p.Preset)
	}
	if len(least) > 0 {
		t.Errorf("missing: %v", least)
	}
}
