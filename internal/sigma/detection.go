package sigma

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// selection is a search identifier: alternatives (a list of maps, or of keywords), of which one must hold; of each, all
// parts must hold.
type selection struct{ alternatives [][]test }

func (s *selection) holds(v *view) bool {
	for _, all := range s.alternatives {
		if !slices.ContainsFunc(all, func(t test) bool { return !t.holds(v) }) {
			return true
		}
	}
	return false
}

// cost orders selections: those on the program alone, which is short and seldom the one, are tried first.
func (s *selection) cost() int {
	if len(s.alternatives) > 0 && len(s.alternatives[0]) > 0 && s.alternatives[0][0].field == "Image" {
		return 0
	}
	return 1
}

// test compares a field with values: one of them must be found, or with all every one.
type test struct {
	field  string // "" for keywords, which any field may hold
	values []matcher
	all    bool
	exists int // 1 the field must be there, -1 it must not, 0 no matter
	null   bool
}

func (t test) holds(v *view) bool {
	if t.field == "" {
		return t.keywords(v)
	}
	value, known := v.event.field(t.field)
	switch {
	case t.exists != 0:
		return known == (t.exists > 0)
	case !known:
		return t.null
	}
	return t.compare(func(m matcher) bool { return m.match(v, t.field, value) })
}

func (t test) keywords(v *view) bool {
	return t.compare(func(m matcher) bool {
		for _, name := range fields {
			if value, known := v.event.field(name); known && m.match(v, name, value) {
				return true
			}
		}
		return false
	})
}

func (t test) compare(holds func(matcher) bool) bool {
	if t.all {
		return len(t.values) > 0 && !slices.ContainsFunc(t.values, func(m matcher) bool { return !holds(m) })
	}
	return slices.ContainsFunc(t.values, holds)
}

func newSelection(part any) (*selection, error) {
	s := &selection{}
	switch part := part.(type) {
	case map[string]any:
		all, err := newTests(part)
		s.alternatives = [][]test{all}
		return s, err
	case []any:
		var words []any
		for _, item := range part {
			m, ok := item.(map[string]any)
			if !ok {
				words = append(words, item)
				continue
			}
			all, err := newTests(m)
			if err != nil {
				return nil, err
			}
			s.alternatives = append(s.alternatives, all)
		}
		if len(words) > 0 {
			t, err := newTest("|contains", words)
			if err != nil {
				return nil, err
			}
			s.alternatives = append(s.alternatives, []test{t})
		}
		if len(s.alternatives) == 0 {
			return nil, errors.New("is empty")
		}
		return s, nil
	case string, int, int64, uint64:
		t, err := newTest("|contains", part)
		s.alternatives = [][]test{{t}}
		return s, err
	}
	return nil, errors.New("is neither a map nor a list")
}

func newTests(m map[string]any) ([]test, error) {
	var out []test
	for key, value := range m {
		t, err := newTest(key, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, errors.New("is empty")
	}
	slices.SortFunc(out, func(a, b test) int { // Image before others, see cost
		return cmp.Or(cmp.Compare(b2i(b.field == "Image"), b2i(a.field == "Image")), strings.Compare(a.field, b.field))
	})
	return out, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// newTest reads `field|modifier|modifier: value or values`.
func newTest(key string, value any) (test, error) {
	parts := strings.Split(key, "|")
	t := test{field: parts[0]}
	mods := parts[1:]
	if i := slices.Index(mods, "all"); i >= 0 {
		t.all, mods = true, slices.Delete(slices.Clone(mods), i, i+1)
	}
	if t.field == "" && len(mods) == 0 {
		mods = []string{"contains"}
	}
	if slices.Contains(mods, "exists") {
		yes, ok := value.(bool)
		if t.exists = -1; yes {
			t.exists = 1
		}
		if !ok {
			return t, errors.New("exists wants true or false")
		}
		return t, nil
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, item := range list {
		if item == nil || item == "" {
			t.null = true
			continue
		}
		ms, err := newMatchers(mods, item)
		if err != nil {
			return t, err
		}
		t.values = append(t.values, ms)
	}
	return t, nil
}
