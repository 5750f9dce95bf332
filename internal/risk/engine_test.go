package risk

import (
	"strings"
	"testing"
)

// subjectOf reads a sample: a command, or `tool: NAME {json}`, after an optional line `cwd: DIR`.
func subjectOf(s sample) Subject {
	var out Subject
	text := string(s)
	if rest, ok := strings.CutPrefix(text, "cwd: "); ok {
		out.Cwd, text, _ = strings.Cut(rest, "\n")
	}
	if rest, ok := strings.CutPrefix(text, "tool: "); ok {
		out.Tool, out.Arguments, _ = strings.Cut(rest, " ")
		return out
	}
	out.Command = text
	return out
}

// fired are the ids of all rules that fire, listed or not.
func fired(e *Engine, s Subject) []string {
	sc := scratches.Get().(*scratch)
	defer sc.release()
	e.fire(sc, s)
	var ids []string
	for _, n := range sc.fired {
		ids = append(ids, e.rules[n].id)
	}
	return ids
}

func mustNew(t testing.TB) *Engine {
	t.Helper()
	e, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSamples(t *testing.T) {
	e := mustNew(t)
	for i := range e.rules {
		r := &e.rules[i]
		if len(r.samples.Match) == 0 || len(r.samples.NoMatch) == 0 {
			t.Errorf("%s: wants samples of both kinds", r.id)
		}
		for _, s := range r.samples.Match {
			if ids := fired(e, subjectOf(s)); !contains(ids, r.id) {
				t.Errorf("%s does not fire on %q: %v", r.id, s, ids)
			}
		}
		for _, s := range r.samples.NoMatch {
			if ids := fired(e, subjectOf(s)); contains(ids, r.id) {
				t.Errorf("%s fires on %q", r.id, s)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
