package scrub

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/test/scrubcorpus"
)

// TestPlantedSecrets holds that no secret of the corpus survives, whatever it is written in.
func TestPlantedSecrets(t *testing.T) {
	e := newEngine(t)
	planted := 0
	for _, rec := range scrubcorpus.Records(2<<20, 3) {
		forms := map[string]func(string) (string, int){
			"text": e.Text, "JSON": e.JSON,
			"JSON in JSON": func(s string) (string, int) {
				b, _ := json.Marshal(map[string]string{"line": s})
				return e.JSON(string(b))
			},
			"JSON in JSON as text": func(s string) (string, int) {
				b, _ := json.Marshal(map[string]string{"line": s})
				return e.Text(string(b))
			},
			"coloured": func(s string) (string, int) { return e.Text("\x1b[32m" + s + "\x1b[0m") },
		}
		for _, secret := range rec.Secrets {
			planted++
			for name, scrub := range forms {
				clean, n := scrub(rec.Text)
				if strings.Contains(clean, secret) || n == 0 {
					t.Errorf("%s: %q kept in %q", name, secret, clean)
				}
				if again, k := scrub(clean); k > 0 && name == "text" {
					t.Errorf("%s: again %d: %q", name, k, again)
				}
			}
		}
		if len(rec.Secrets) == 0 {
			for name, scrub := range forms {
				if clean, n := scrub(rec.Text); n > 0 {
					t.Errorf("%s: nothing planted, %d redacted: %q", name, n, clean)
				}
			}
		}
	}
	if planted < 500 {
		t.Errorf("%d planted", planted)
	}
}

// TestEncodedTokens holds that a token is found in every encoding that people's programs give it.
func TestEncodedTokens(t *testing.T) {
	e := newEngine(t)
	token := sample("gh¦p_") + alnum + "Q7xZ"
	utf16 := func(s string) string {
		var b bytes.Buffer
		for i := range len(s) {
			b.WriteByte(s[i])
			b.WriteByte(0)
		}
		return b.String()
	}
	hex := func(prefix string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for i := range len(s) {
				fmt.Fprintf(&b, "%s%02x", prefix, s[i])
			}
			return b.String()
		}
	}
	for name, encode := range map[string]func(string) string{
		"base64 1": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 2": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s)) },
		"base64 3": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("xy" + s + "\n")) },
		"percent":  func(s string) string { return url.QueryEscape(s) }, "all percent": hex("%"),
		"unicode": hex(`\u00`), "hexadecimal escapes": hex(`\x`), "UTF-16": utf16,
		"quotes": func(s string) string { return s[:2] + `""` + s[2:10] + `"` + s[10:] + `"` },
		"lines":  func(s string) string { return s[:9] + "\\\n" + s[9:] },
		"colour": func(s string) string { return s[:3] + "\x1b[1;31m" + s[3:8] + "\x1b[0m" + s[8:] },
	} {
		for _, around := range []string{"@", "see @ here", `{"v":"@"}`, "x=@\n", "'@'"} {
			text := strings.ReplaceAll(around, "@", encode(token))
			if name == "quotes" && strings.Contains(around, `"`) {
				continue
			}
			if clean, n := e.Text(text); n == 0 || strings.Contains(clean, encode(token)) {
				t.Errorf("%s: in %q: %q", name, around, clean)
			}
		}
	}
}

// TestEveryField holds that a planted secret survives under no key and in no kind of value.
func TestEveryField(t *testing.T) {
	e := newEngine(t)
	token := sample("gh¦p_") + alnum + "Q7xZ"
	for _, doc := range []string{
		`{"a":"@"}`, `{"@":1}`, `["@"]`, `[["x","@"]]`, `{"a":{"b":[{"c":"x @ y"}]}}`, `"@"`, `{"argv":["curl","-H","Authorization: token @"]}`,
		`{"a":"{\"b\":\"@\"}"}`, `{"a":"[\"@\"]"}`, `{"env":{"X":"@"}}`, `{"env":["X=@"]}`, `{"a":"line\n@\nline"}`, `{"a":null,"b":"@","c":1.5e3}`,
	} {
		text := strings.ReplaceAll(doc, "@", token)
		clean, n := e.JSON(text)
		if n == 0 || strings.Contains(clean, token) || !json.Valid([]byte(clean)) {
			t.Errorf("%s: %s", doc, clean)
		}
	}
}

// TestAdversarial holds the work of verifiers on each adversarial text against its length: twice the text, twice the
// work. How long it takes is for make bench-scrub to tell.
func TestAdversarial(t *testing.T) {
	e := newEngine(t)
	if n := len(scrubcorpus.Adversarial); n < 15 {
		t.Fatalf("%d generators", n)
	}
	for _, g := range scrubcorpus.Adversarial {
		steps := func(n int) int {
			sc := e.find(g.Make(n))
			if sc == nil {
				return 0
			}
			defer e.release(sc)
			return sc.steps
		}
		const size = 1 << 16
		once, twice := steps(size), steps(2*size)
		if twice > 160*2*size+4096 || once > size && float64(twice) > 2.3*float64(once) {
			t.Errorf("%s: %d steps for %d bytes, %d for twice as many", g.Name, once, size, twice)
		}
		if clean, _ := e.Text(g.Make(4096)); strings.Contains(clean, failureLabel) {
			t.Errorf("%s: failed", g.Name)
		}
	}
}
