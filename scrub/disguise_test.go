package scrub

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
)

// disguises of a whole text, by name.
func disguised(s string) map[string]string {
	each := func(format string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, format, s[i])
		}
		return b.String()
	}
	quoted := func(s string) string { q, _ := json.Marshal(s); return string(q) }
	units := utf16.Encode([]rune(s))
	var little, big []byte
	for _, u := range units {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	return map[string]string{
		"plain":             s,
		"percent":           each("%%%02X"),
		"percent as needed": url.QueryEscape(s),
		"percent twice":     url.QueryEscape(url.QueryEscape(s)),
		"json escapes":      `{"x":"` + each(`\u%04x`) + `"}`,
		"hex escapes":       "$'" + each(`\x%02x`) + "'",
		"json in json":      quoted(quoted(quoted(`{"x":"` + s + `"}`))),
		"html":              each("&#%d;"),
		"html hex":          each("&#x%x;"),
		"utf-16 le":         string(little),
		"utf-16 be":         string(big),
		"utf-16 in json":    quoted(string(little)),
		"ansi":              "\x1b[31m" + s[:5] + "\x1b[0m\x1b[1;32m" + s[5:] + "\x1b[m",
		"ansi in json":      `"\u001b[31m` + s[:5] + `\u001b[0m` + s[5:] + `"`,
		"continuation":      "run " + s[:6] + "\\\n" + s[6:] + " now",
		"quotes":            "run " + s[:5] + `""` + s[5:8] + `"` + s[8:12] + `"` + s[12:],
		"base64 0":          base64.StdEncoding.EncodeToString([]byte(s + "\n")),
		"base64 1":          base64.StdEncoding.EncodeToString([]byte("=" + s)),
		"base64 2":          "echo " + base64.StdEncoding.EncodeToString([]byte("a "+s)) + " | base64 -d",
		"base64 url":        base64.RawURLEncoding.EncodeToString([]byte("?>~" + s)),
		"base64 in text":    `{"data":"` + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("hello there ", 30)+" "+s+" "+strings.Repeat("and more ", 40))) + `"}`,
		"base64 utf-16":     "powershell -enc " + base64.StdEncoding.EncodeToString(little),
		"base64 twice":      base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("x " + s)))),
		"base64 lines":      wrap(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("some text ", 20)+" "+s+" "+strings.Repeat("and more ", 20))), "\n"),
		"base64 json lines": `"` + wrap(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("some text ", 20)+" "+s+" "+strings.Repeat("and more ", 20))), `\n`) + `"`,
	}
}

func wrap(s, line string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + line)
		s = s[76:]
	}
	return b.String() + s
}

// TestDisguisedTokens holds that a token is found behind every disguise, with the fingerprint it has in plain sight.
func TestDisguisedTokens(t *testing.T) {
	e := newEngine(t)
	for _, token := range []string{planted, sample("gl¦pat-") + alnum[:20], sample("sk-¦ant-api03-") + alnum} {
		fp := e.Fingerprint(token)
		for name, text := range disguised(token) {
			if name == "base64 twice" || name == "base64 utf-16" {
				continue // names only: a token's own beginning is not looked for there
			}
			found := false
			for _, f := range e.Find(text) {
				found = found || f.Fingerprint == fp
			}
			clean, _ := e.Text(text)
			if !found {
				t.Errorf("%s: %q: found %v", name, text, e.Find(text))
			}
			if again, n := e.Text(clean); n > 0 {
				t.Errorf("%s: %q, then %q", name, clean, again)
			}
		}
	}
}

// TestDisguisedNames holds the same for a name and its value.
func TestDisguisedNames(t *testing.T) {
	e := newEngine(t)
	for name, text := range disguised("password=Xk29vQz81LpR7") {
		if name == "json escapes" || name == "base64 twice" {
			continue
		}
		if len(e.Find(text)) == 0 {
			t.Errorf("%s: %q: nothing found", name, text)
		}
	}
}

// TestUnview holds that what was found in a view covers all of the disguise, and no more.
func TestUnview(t *testing.T) {
	e := newEngine(t)
	for text, want := range map[string]string{
		"a \x1b[1mgh" + sample("p¦_") + alnum + "\x1b[0m b": "a \x1b[1m[]\x1b[0m b",
		"x=%67hp_" + alnum + "%20y":                         "x=[]%20y",
		`"password":"\u0068unter2\u0021 or so","b":1`:       `"password":"[]","b":1`,
	} {
		clean, _ := e.Text(text)
		if got := labelPattern.ReplaceAllString(clean, "[]"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestSplitQuotes holds the eight bytes at once against one at a time.
func TestSplitQuotes(t *testing.T) {
	for b := range 256 {
		if want := is(byte(b), ccWord); want && wordsIn(uint64(b))&0x80 == 0 {
			t.Errorf("wordsIn does not know %q", byte(b))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	const letters = `"'"'ab_-9. :{`
	for range 20000 {
		b := make([]byte, r.IntN(60))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		if s := string(b); splitQuotes(s) != splitQuotesIn(s, 0, len(s)) {
			t.Fatalf("%q: %v", s, splitQuotes(s))
		}
	}
}
