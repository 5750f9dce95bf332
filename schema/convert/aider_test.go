package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func aiderLog(t testing.TB) []string {
	b, err := os.ReadFile("testdata/aider/history.md")
	if err != nil {
		t.Fatal(err)
	}
	return lines(string(b))
}

func TestAider(t *testing.T) {
	var got []string
	for _, f := range fragments(testConverter(t, "aider"), new(Source), aiderLog(t)) {
		checkFragment(t, &f)
		a := f.Authorization
		got = append(got, strings.Join([]string{
			f.Trail.Format, f.Event.Action, f.Command.Tool, f.Command.Line + f.Message, a.Decision, a.Source, f.Identity.Model, f.Session.ID,
		}, "|"))
	}
	want := strings.Split(strings.TrimSpace(`
text|log||before any mark||||
text|log||||||
aider|file-change|edit||||m-1|2026-03-01 10:00:00
aider|shell-command|shell|make|approved|user|m-1|2026-03-01 10:00:00
aider|shell-command|shell|make install|denied|user|m-1|2026-03-01 10:00:00
aider|shell-command|shell|cd x|approved|user|m-1|2026-03-01 10:00:00
aider|shell-command|shell|ls|approved|user|m-1|2026-03-01 10:00:00
aider|shell-command|user_shell|pytest -q||||2026-03-01 10:00:00
aider|shell-command|user_shell|ls -l||||2026-03-01 10:00:00
aider|shell-command|user_shell|git status||||2026-03-01 10:00:00
aider|shell-command|shell|rm -rf x|denied|config||2026-03-01 11:00:00`), "\n")
	for i := range max(len(got), len(want)) {
		if at(got, i) != at(want, i) {
			t.Errorf("fragment %d\nwant %s\ngot  %s", i, at(want, i), at(got, i))
		}
	}
}

// TestAiderTakesItsOwn holds that no line of another log is taken for aider's.
func TestAiderTakesItsOwn(t *testing.T) {
	paths, _ := filepath.Glob(samplesDir + "/*/*")
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil || filepath.Base(filepath.Dir(p)) == "aider" {
			continue
		}
		for _, line := range recordsOf(string(b)) {
			in := input(line)
			a := new(aider)
			if a.Detect(in.Body) && a.Convert(new(Source), &in, func(*schema.Fragment) {}) {
				t.Errorf("%s: %.200s", p, line)
			}
		}
	}
}

func FuzzAider(f *testing.F) {
	all := aiderLog(f)
	for i := range all {
		f.Add(all[max(0, i-1)], all[i])
	}
	c := testConverter(f, "aider")
	f.Fuzz(func(t *testing.T, a, b string) {
		src := &Source{Format: aiderName}
		feed(c, src, []string{a, b, a}, func(f *schema.Fragment) { checkFragment(t, f) })
	})
}
