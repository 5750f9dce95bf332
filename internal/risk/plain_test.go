package risk

import (
	"fmt"
	"slices"
	"testing"
)

// bothWays flattens text by the plain reader and by the parser; ok is false when the plain reader leaves it.
func bothWays(e *Engine, src string) (plain, parsed []string, ok bool) {
	show := func(read func(*plan) bool) ([]string, bool) {
		p := &plan{parser: newParser()}
		p.reset(e, "/work")
		ok := read(p)
		var out []string
		for i := range p.calls {
			c := &p.calls[i]
			out = append(out, fmt.Sprintf("%s %+v %q %v %v %v %v %v %q", c.program, c.words, c.env, c.from, c.subst, c.marks, c.reads, c.writes, c.code))
		}
		return append(out, fmt.Sprint(p.cut, p.cwd)), ok
	}
	plain, ok = show(func(p *plan) bool { return p.plain(src, site{}) })
	if !ok {
		return nil, nil, false
	}
	parsed, _ = show(func(p *plan) bool {
		file := p.parse(src)
		if file == nil {
			return false
		}
		p.stmts(file.Stmts, site{})
		return true
	})
	return plain, parsed, true
}

// TestPlainAgrees holds that the plain reader and the parser see the same commands.
func TestPlainAgrees(t *testing.T) {
	e := mustNew(t)
	texts := slices.Concat(ordinary, dangerous, []string{
		"a 'b c'd\"e f\"", "a | b | c && d || e; f", "a\nb\n", "a;", "a ''", "ls *.go ?x", "env A=1 b", "a | b\n c | d",
		"a=b", "if a; then b; fi", "a &&", "| a", "a; ; b", "a & b", "a |& b", "'if' x", "a 'b", "a ~/x",
	})
	for i := range e.rules {
		for _, s := range slices.Concat(e.rules[i].samples.Match, e.rules[i].samples.NoMatch) {
			texts = append(texts, s.subject().Command)
		}
	}
	taken := 0
	for _, src := range texts {
		plain, parsed, ok := bothWays(e, src)
		if !ok {
			continue
		}
		if taken++; !slices.Equal(plain, parsed) {
			t.Errorf("%q is read\n plain  %v\n parsed %v", src, plain, parsed)
		}
	}
	if taken < len(texts)/3 {
		t.Errorf("the plain reader took %d of %d texts", taken, len(texts))
	}
}
