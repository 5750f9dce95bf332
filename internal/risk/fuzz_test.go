package risk

import (
	"slices"
	"testing"
)

// FuzzAssess holds for any input: no panic, a score in range, bounded time, the same answer twice, rule data only.
func FuzzAssess(f *testing.F) {
	for _, cmd := range slices.Concat(ordinary[:12], dangerous[:24]) {
		f.Add(cmd, "", "")
	}
	f.Add("", "Bash", `{"command":["bash","-lc","rm -rf /"]}`)
	f.Add("", "mcp__pg__query", `{"sql":"DROP TABLE x"}`)
	e := mustNew(f)
	known := map[string]bool{}
	for i := range e.rules {
		known[e.rules[i].id], known[e.rules[i].reason] = true, true
	}
	f.Fuzz(func(t *testing.T, cmd, tool, arguments string) {
		s := Subject{Command: cmd, Tool: tool, Arguments: arguments, Cwd: arguments}
		if len(cmd) < 4096 {
			if plain, parsed, ok := bothWays(e, cmd); ok && !slices.Equal(plain, parsed) {
				t.Fatalf("%q is read\n plain  %v\n parsed %v", cmd, plain, parsed)
			}
		}
		a, b := e.Assess(s), e.Assess(s)
		if a.Score < 0 || a.Score > 100 || a.Category == "" || len(a.Rules) != len(a.Reasons) {
			t.Fatalf("malformed assessment: %+v", a)
		}
		if a.Score != b.Score || !slices.Equal(a.Rules, b.Rules) || !slices.Equal(a.Techniques, b.Techniques) {
			t.Fatalf("two answers: %+v and %+v", a, b)
		}
		for _, s := range slices.Concat(a.Rules, a.Reasons) {
			if !known[s] {
				t.Fatal("the assessment holds text that is no rule's")
			}
		}
	})
}
