package risk

import "testing"

func mustNew(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSamples(t *testing.T) {
	e := mustNew(t)
	for i := range e.rules {
		if r := &e.rules[i]; len(r.samples.Match) == 0 || len(r.samples.NoMatch) == 0 {
			t.Errorf("%s: wants samples of both kinds", r.id)
		}
	}
	for _, err := range e.CheckSamples() {
		t.Error(err)
	}
}
