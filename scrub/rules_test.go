package scrub

import (
	"errors"
	"strings"
	"testing"
)

// TestSamples runs the samples of every built-in rule, alone and in the places tokens stand in.
func TestSamples(t *testing.T) {
	e := newEngine(t)
	for _, err := range e.CheckSamples() {
		t.Error(err)
	}
	places := []string{
		"run @ now", `"@"`, `{\"x\":\"@\"}`, "x @.", "(@)", "line\n@\n", `\n@\n`, "a,@,b", "`@`", "<@>", "https://x.y/?q=@&b=1",
	}
	for i := range e.texts {
		r := &e.texts[i]
		for _, hit := range r.hits {
			if strings.Contains(hit, "«") {
				continue
			}
			for _, place := range places {
				text := strings.ReplaceAll(place, "@", hit)
				at := strings.Index(place, "@")
				if strings.Contains(place, "?") && strings.Contains(hit, "=") {
					continue
				}
				if !e.finds(r, text, at, at+len(hit)) {
					t.Errorf("%s: in %q found %v", r.id, text, e.Find(text))
				}
			}
		}
		for _, miss := range r.misses {
			for _, place := range []string{"run @ now", `"@"`} {
				text := strings.ReplaceAll(place, "@", miss)
				for _, f := range e.Find(text) {
					if f.Kind == r.kind {
						t.Errorf("%s: in %q found %v", r.id, text, f)
					}
				}
			}
		}
	}
}

func TestParseRulesRefuses(t *testing.T) {
	const good = "rule: my-token\nmatch: mytok_[0-9a-f]{32}\nhit: mytok_9f2c1a7be04d5c669f2c1a7be04d5c66\nmiss: mytok_\n"
	if _, err := ParseRules("x", good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no rule":        "match: abc\n",
		"unknown key":    good + "colour: red\n",
		"no hit":         "rule: my-token\nmatch: abc\nmiss: x\n",
		"no match":       "rule: my-token\nhit: abc\nmiss: x\n",
		"bad name":       "rule: My Token\nmatch: abc\nhit: abc\nmiss: x\n",
		"check":          good + "check: nice\n",
		"within alone":   good + "within: 30\n",
		"near and name":  good + "near: abc\nwithin: 9\nname: abc\n",
		"two in a row":   good + "rule: my-other\n",
		"no colon":       good + "hit\n",
		"within too far": good + "near: abc\nwithin: 9999\n",
	} {
		if _, err := ParseRules("x", text); !errors.Is(err, ErrRules) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPatternRefuses(t *testing.T) {
	for _, p := range []string{
		"[a-z]{5}", "ab", "(", ")", "abc(", "abc[", "abc{", "abc{2,1}", "abc(?:xyz)*", "abc(?=x)", `abc\q`, "abc(x)(y)", "abc[z-a]", "*abc", "^abc",
		"abc(?:[ab]|[bc])" + strings.Repeat("(?:[ab]|[bc])", 12),
	} {
		rules, err := ParseRules("x", "rule: my-token\nmatch: "+p+"\nhit: x\nmiss: y\n")
		if err == nil {
			_, err = New(Options{Rules: []*Rules{rules}})
		}
		if !errors.Is(err, ErrRules) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestOwnRules(t *testing.T) {
	rules, err := ParseRules("mine", `# Ours.
disable: rubygems-token rubygems-api-key

rule: acme-token
match: acme[0-9]_([0-9A-F]{8}(?:-[0-9A-F]{4}){3})_end
hit: acme1_«1A2B3C4D-00AB-11CD-22EF»_end
miss: acme_x

rule: slack-token
match: xoxz-[0-9a-z]{12,}
hit: xoxz-a1b2c3d4e5f6g7
miss: xoxz-
`)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{Rules: []*Rules{rules}})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range e.CheckSamples() {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"acme1_1A2B3C4D-00AB-11CD-22EF_end": "acme1_[REDACTED:acme-token]_end",
		"rubygems_" + hex32 + hex32[:16]:    "rubygems_" + hex32 + hex32[:16],
		"xoxb-123456789012-a1b2c3d4":        "xoxb-123456789012-a1b2c3d4",
	} {
		if clean, _ := e.Text(text); clean != want {
			t.Errorf("%q: %q", text, clean)
		}
		if again, n := e.Text(want); again != want || n != 0 {
			t.Errorf("%q: again %q", want, again)
		}
	}
	if name := e.Ruleset(); !strings.HasPrefix(name, Ruleset+"+") || len(name) != len(Ruleset)+9 {
		t.Errorf("ruleset %q", name)
	}
	unknown, _ := ParseRules("mine", "disable: no-such-rule\n")
	if _, err := New(Options{Rules: []*Rules{unknown}}); !errors.Is(err, ErrRules) {
		t.Errorf("disable of an unknown rule: %v", err)
	}
}

// TestPeel holds that a rule which finds one piece of a long word at a time takes all of it, and does not fail.
func TestPeel(t *testing.T) {
	rules, err := ParseRules("mine", "rule: peel-token\nmatch: kalo[a-z]{4}\\b\nglued: start\ncheck: distinct 2\nhit: kaloabcd\nmiss: kalo\n")
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{Rules: []*Rules{rules}})
	if err != nil {
		t.Fatal(err)
	}
	clean, n := e.Text("see " + strings.Repeat("kaloabcd", 60) + " here")
	if strings.Contains(clean, "kalo") || strings.Contains(clean, failureLabel) || !strings.HasPrefix(clean, "see [") || !strings.HasSuffix(clean, "] here") || n == 0 {
		t.Errorf("%d: %q", n, clean)
	}
}

// TestLanes holds that a text read in lanes yields what one lane yields, in the same order.
func TestLanes(t *testing.T) {
	e := newEngine(t)
	text := strings.Join(corpus(1<<17, true), "\n")
	for size := lanesFrom; size < len(text); size = size*5/4 + 1 {
		s := text[len(text)-size:]
		var got [lanes][]hit
		e.auto.lanes(s, 0, len(s), &got)
		var all []hit
		for _, h := range got {
			all = append(all, h...)
		}
		state, n := uint32(0), 0
		for i := range len(s) {
			if state = e.auto.step(state, s[i]); state < e.auto.accept {
				continue
			}
			if n >= len(all) || all[n] != (hit{i + 1, state}) {
				t.Fatalf("%d bytes: hit %d differs at %d", size, n, i)
			}
			n++
		}
		if n != len(all) {
			t.Fatalf("%d bytes: %d hits, one lane %d", size, len(all), n)
		}
	}
}
