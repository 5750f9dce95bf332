package scrub

import (
	"strings"
	"testing"
)

var testKey = []byte("an organisation's key")

func newEngine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Options{Key: testKey, KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNew(t *testing.T) {
	for _, o := range []Options{
		{Key: []byte("short"), KeyID: "k1"},
		{Key: testKey},
		{Key: testKey, KeyID: "K 1"},
		{Key: testKey, KeyID: strings.Repeat("k", 17)},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%q) accepted", o.KeyID)
		}
	}
	if _, err := New(Options{}); err != nil {
		t.Error(err)
	}
}

func TestLabels(t *testing.T) {
	token := "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
	e := newEngine(t)
	fp := e.Fingerprint(token)
	if !strings.HasPrefix(fp, "k1:") || len(fp) != len("k1:")+16 {
		t.Fatalf("fingerprint %q", fp)
	}
	clean, n := e.Text("use " + token + " now")
	if want := "use [REDACTED:github-token:" + fp + "] now"; clean != want || n != 1 {
		t.Errorf("got %q, %d", clean, n)
	}
	if clean, _ = e.Text("password=hunter2"); clean != "password=[REDACTED:password]" {
		t.Errorf("low entropy: %q", clean)
	}
	bare, _ := New(Options{})
	if clean, _ = bare.Text(token); clean != "[REDACTED:github-token]" {
		t.Errorf("no key: %q", clean)
	}
}

// TestPanic holds that a defect inside loses the field and never lets it through.
func TestPanic(t *testing.T) {
	e := newEngine(t)
	broken := &Engine{tables: &tables{auto: e.auto, rules: make([]rule, len(e.rules))}}
	broken.pool.New = func() any { return new(scan) }
	for i := range broken.rules {
		broken.rules[i].verify = func(*scan, int, int, *rule) { panic("defect") }
	}
	const s = `{"password":"hunter2"}`
	if clean, n := broken.Text(s); clean != failureLabel || n != 1 {
		t.Errorf("Text: %q, %d", clean, n)
	}
	if clean, n := broken.JSON(s); clean != `"`+failureLabel+`"` || n != 1 {
		t.Errorf("JSON: %q, %d", clean, n)
	}
	if clean, n := broken.Value("x", s); clean != failureLabel || n != 1 {
		t.Errorf("Value: %q, %d", clean, n)
	}
	if clean, n := broken.Args([]string{"a", s}); len(clean) != 1 || clean[0] != failureLabel || n != 1 {
		t.Errorf("Args: %q, %d", clean, n)
	}
	if found := broken.Find(s); len(found) != 1 || found[0].End != len(s) {
		t.Errorf("Find: %v", found)
	}
}

func TestConcurrent(t *testing.T) {
	e := newEngine(t)
	texts := corpus(1<<16, true)
	var want []string
	for _, s := range texts {
		clean, _ := e.Text(s)
		want = append(want, clean)
	}
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for i, s := range texts {
				if clean, _ := e.Text(s); clean != want[i] {
					t.Fatalf("%q: %q, alone %q", s, clean, want[i])
				}
			}
		})
	}
}

func TestInvalidUTF8(t *testing.T) {
	e := newEngine(t)
	clean, n := e.Text("a\xff password=hunter2\xc3")
	if clean != "a\uFFFD password=[REDACTED:password]" || n != 1 {
		t.Errorf("%q, %d", clean, n)
	}
}

// TestBudget holds that a reading that would take too long loses the field, as a panic does.
func TestBudget(t *testing.T) {
	e := newEngine(t)
	slow := &Engine{tables: &tables{auto: e.auto, rules: make([]rule, len(e.rules))}}
	slow.pool.New = func() any { return new(scan) }
	for i := range slow.rules {
		slow.rules[i].verify = func(sc *scan, _, _ int, _ *rule) { sc.steps += maxSteps*len(sc.s) + minSteps + 1 }
	}
	if clean, n := slow.Text("password=hunter2"); clean != failureLabel || n != 1 {
		t.Errorf("%q, %d", clean, n)
	}
}
