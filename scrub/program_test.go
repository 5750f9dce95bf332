package scrub

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"
)

// TestProgram holds what programs match against the regular expressions of the standard library.
func TestProgram(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, pattern := range []string{
		"abc", "a[bc]+d", "a(?:b|cd|)e?", "a{2,3}b?", "[ab]{1,4}b", "[a-c]*c", "(?:ab|a)(?:bc|c)", "a(?:b(?:c|d){2}){1,2}", "ab(?:c|[ab]{0,3}d)?c",
		"(?i)aB[^c]d", "a(?i:b)c", `a\b.b`, `a\bb?`, "[^a]?b(?:a|b){0,3}", "a?a?a?aaa", "(?:a|b|ab)(?:c|bcd)(?:d*)", "[[:alnum:]]{2}.", `a\.b|a\db|\wc`, "(?:a[ab]{0,2}){1,3}b",
	} {
		want := regexp.MustCompile("^(?:" + pattern + ")")
		e, err := parsePattern(pattern, false)
		if err != nil {
			t.Fatalf("%q: %v", pattern, err)
		}
		c := patternCompiler{slots: map[byteSet]uint16{}}
		p, err := c.compile(e, false)
		if err != nil {
			t.Fatalf("%q: %v", pattern, err)
		}
		for range 3000 {
			b := make([]byte, r.IntN(9))
			for i := range b {
				b[i] = "aabbccdeABC1. "[r.IntN(14)]
			}
			sc := scan{s: string(b)}
			got := sc.forward(p.steps, p.start, 0)
			if got == openMatch {
				got = -1
			}
			end := -1
			if at := want.FindIndex(b); at != nil {
				end = at[1]
			}
			if got != end {
				t.Fatalf("%q in %q: %d, want %d", pattern, b, got, end)
			}
		}
	}
}

// TestCutMatch holds that the end of the text is told from what does not match.
func TestCutMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		open          bool
	}{
		{"abc", "ab", true},
		{"abc", "abd", false},
		{"a[bc]{3}", "abc", true},
		{"a[bc]{3}", "abd", false},
		{"ab[cd]", "ab", true},
		{"a[ab]{1,4}c", "aaab", true},
		{"a(?:bc|d)e", "ab", true},
		{"a(?:bc|d)e", "ad", true},
		{"a(?:bcd|b)", "ab", false},
		{"a(?:bc|d)e", "ae", false},
	} {
		e, err := parsePattern(c.pattern, false)
		if err != nil {
			t.Fatal(err)
		}
		compiler := patternCompiler{slots: map[byteSet]uint16{}}
		p, err := compiler.compile(e, false)
		if err != nil {
			t.Fatal(err)
		}
		sc := scan{s: c.text}
		if got := sc.forward(p.steps, p.start, 0) == openMatch; got != c.open {
			t.Errorf("%q in %q: open %v", c.pattern, c.text, got)
		}
	}
}

// TestAnchors holds which literals a pattern is found by.
func TestAnchors(t *testing.T) {
	for pattern, want := range map[string]string{
		"gh[pousr]_[0-9a-z]{8,}":       "[gho_ ghp_ ghr_ ghs_ ghu_] true",
		"[0-9a-f]{32}-us[0-9]{1,2}":    "[-us0 -us1 -us2 -us3 -us4 -us5 -us6 -us7 -us8 -us9] true",
		"(?i)AGE-1[a-z]{4}":            "[age-1] false",
		"(?:abc|abd)x?y":               "[abcxy abcy abdxy abdy] true",
		"[a-z]{14}\\.atlasv1\\.[a-z]+": "[.atlasv1.] true",
	} {
		e, err := parsePattern(pattern, false)
		if err != nil {
			t.Fatal(err)
		}
		c := patternCompiler{slots: map[byteSet]uint16{}}
		p, err := c.compile(e, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(p.anchors, p.cased); got != want {
			t.Errorf("%q: %s, want %s", pattern, got, want)
		}
	}
}

// TestCutToken holds that a token whose end was cut off with its text is told by its beginning, at the end of the text only.
func TestCutToken(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		text string
		n    int
	}{
		{sample("key AK¦IAQ7XW2ZK5RJ"), 1},
		{sample("gl¦pat-aB3dE6gH9"), 1},
		{sample("xox¦b-123456789012-1234"), 1},
		{"https://robin:s3cretPw", 1},
		{sample("key AK¦IAQ7XW2ZK5RJ and"), 0},
		{sample("key AK¦IA"), 0},
		{"pull from http://localhost:8080", 0},
		{"sk-learn", 0},
		{"see https://host:port", 0},
		{"neighbor 192.0.2.1 password", 0},
	} {
		if clean, n := e.Text(c.text); n != c.n {
			t.Errorf("%q: %d redactions: %q", c.text, n, clean)
		}
	}
}
