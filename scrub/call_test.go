package scrub

import (
	"os"
	"strings"
	"testing"
)

// TestForms holds that the secret of each line of testdata/forms.txt goes, whatever the program or dialect, and that none
// of testdata/noforms.txt does.
func TestForms(t *testing.T) {
	e := newEngine(t)
	for line := range formLines(t, "testdata/forms.txt") {
		for range strings.Count(line, "«") {
			from := strings.Index(line, "«")
			to := strings.Index(line, "»") - len("«")
			line = strings.Replace(strings.Replace(line, "«", "", 1), "»", "", 1)
			if clean, _ := e.Text(line); visible(clean, line[from:to]) > (to-from)/2 && strings.Contains(clean, line[from:to]) {
				t.Errorf("%q is kept in %q", line[from:to], clean)
			}
		}
	}
	for line := range formLines(t, "testdata/noforms.txt") {
		if clean, n := e.Text(line); n > 0 {
			t.Errorf("%q: %q", line, clean)
		}
	}
}

// formLines are the lines of a file; ⏎ stands for a line break in one.
func formLines(t *testing.T, name string) func(yield func(string) bool) {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string) bool) {
		for line := range strings.Lines(string(b)) {
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "⏎", "\n")
			if line != "" && !strings.HasPrefix(line, "#") && !yield(line) {
				return
			}
		}
	}
}

// TestJSONWebKey holds that the private members of a key go, and the public ones and other objects' members stay.
func TestJSONWebKey(t *testing.T) {
	e := newEngine(t)
	for text, want := range map[string]int{
		`{"keys":[{"kty":"EC","crv":"P-256","x":"` + alnum + `","d":"` + alnum + `"}]}`:        1,
		`{"kty":"RSA","n":"` + alnum + `","e":"AQAB","d":"` + alnum + `","p":"` + alnum + `"}`: 2,
		`{"kty":"RSA","n":"` + alnum + `","e":"AQAB"}`:                                         0,
		`{"d":{"kty":"EC","x":"` + alnum + `"},"k":"a plain text of some length"}`:             0,
	} {
		if clean, n := e.JSON(text); n != want {
			t.Errorf("JSON %s: %d: %s", text, n, clean)
		}
		if clean, n := e.Text(strings.ReplaceAll(text, `"`, `\"`)); n != want {
			t.Errorf("text %s: %d: %s", text, n, clean)
		}
	}
}
