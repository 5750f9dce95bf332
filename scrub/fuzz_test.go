package scrub

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// planted is a secret that fuzzing puts on a line of its own.
var planted = sample("gh¦p_") + alnum + "Q7xZ"

func seed(f *testing.F) {
	for _, s := range []string{
		"", "ls -la", "password=hunter2", "password=[REDACTED:]hunter2", "[REDACTED:password", "PASSWORD='it'\\''s'", `{"password":"x","a":["--token","y"]}`,
		`{\"api_key\":\"abc\"}`, "curl -u a:b https://c:d@e/?token=f", "-----BEGIN PRIVATE KEY-----\nAAAA", "\x1b[31mgh\"p_\"x", "a: ${X:-y}\xff\n", "mysql -p'x y' <<< z",
		"Authorization: Bearer x\nCookie: a=b", "token: string = 'x'", "name: TOKEN\nvalue: x", `"{\"a\":\"{\\\"token\\\":\\\"x\\\"}\"}"`,
	} {
		f.Add(s, uint(len(s)/2))
	}
}

func FuzzText(f *testing.F) {
	seed(f)
	e := newEngine(f)
	f.Fuzz(func(t *testing.T, s string, at uint) {
		at %= uint(len(s) + 1)
		for _, text := range []string{s, s[:at] + "\n" + planted + "\n" + s[at:]} {
			clean, n := e.Text(text)
			if !utf8.ValidString(clean) {
				t.Fatalf("%q: invalid UTF-8 %q", text, clean)
			}
			if strings.Contains(clean, planted) {
				t.Fatalf("%q: %q", text, clean)
			}
			if utf8.ValidString(text) && (n > 0) != (clean != text) {
				t.Fatalf("%q: %d redactions, %q", text, n, clean)
			}
			if again, k := e.Text(clean); again != clean || k != 0 {
				t.Fatalf("%q: %q, then %q", text, clean, again)
			}
			if strings.Contains(clean, failureLabel) && !strings.Contains(text, failureLabel) {
				t.Fatalf("%q: failed", text)
			}
			for _, name := range []string{"x", "password", "Authorization", "api_key", "key"} {
				v, _ := e.Value(name, text)
				if again, k := e.Value(name, v); again != v || k != 0 {
					t.Fatalf("%s: %q: %q, then %q", name, text, v, again)
				}
			}
			args, _ := e.Args(strings.Split(text, "|"))
			if again, k := e.Args(args); k != 0 {
				t.Fatalf("%q: %q, then %q", text, args, again)
			}
			e.Find(text)
		}
	})
}

func FuzzJSON(f *testing.F) {
	seed(f)
	e := newEngine(f)
	f.Fuzz(func(t *testing.T, s string, at uint) {
		quoted, _ := json.Marshal(s)
		at %= uint(len(s) + 1)
		inside, _ := json.Marshal(s[:at] + "\n" + planted + "\n" + s[at:])
		for _, text := range []string{s, string(quoted), `{"a":[` + string(inside) + `,1],` + string(quoted) + `:{"password":"` + planted + `"}}`} {
			clean, n := e.JSON(text)
			if json.Valid([]byte(text)) && !json.Valid([]byte(clean)) {
				t.Fatalf("%q: no JSON: %q", text, clean)
			}
			if strings.Contains(clean, planted) || !utf8.ValidString(clean) {
				t.Fatalf("%q: %q", text, clean)
			}
			if again, k := e.JSON(clean); again != clean || k != 0 {
				t.Fatalf("%q: %d, %q, then %q", text, n, clean, again)
			}
			if strings.Contains(clean, failureLabel) && !strings.Contains(text, failureLabel) {
				t.Fatalf("%q: failed", text)
			}
		}
	})
}

// FuzzPieces cuts a text in two, as records of one log and as writes to a stream: no planted secret survives, and the
// stream's output is valid and stays as it is.
func FuzzPieces(f *testing.F) {
	seed(f)
	e := newEngine(f)
	f.Fuzz(func(t *testing.T, s string, at uint) {
		text := s + "\n" + planted + "\n" + s
		at %= uint(len(text) + 1)
		for _, goesOn := range []bool{true, false} {
			if !goesOn && at > uint(len(s)) && at <= uint(len(s)+1+len(planted)) {
				continue // a token is not parted by a line's end
			}
			var c Carry
			first, _ := e.Continue(&c, text[:at], goesOn)
			second, _ := e.Continue(&c, text[at:], false)
			if strings.Contains(first+second, planted) || !utf8.ValidString(first) || !utf8.ValidString(second) {
				t.Fatalf("%q|%q: %q|%q", text[:at], text[at:], first, second)
			}
		}
		var out strings.Builder
		w := e.Writer(&out)
		_, _ = w.Write([]byte(text[:at]))
		_ = w.Flush()
		_, _ = w.Write([]byte(text[at:]))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		clean := out.String()
		if strings.Contains(clean, planted) || !utf8.ValidString(clean) {
			t.Fatalf("%q|%q: %q", text[:at], text[at:], clean)
		}
	})
}

// FuzzRules reads rule files: whatever they hold, they are refused or make an engine that scrubs in bounded time, keeps
// text valid, and loses no label. The built-in rules are left out: compiling them takes long.
func FuzzRules(f *testing.F) {
	for _, s := range []string{
		"rule: my-token\nmatch: mytok_[0-9a-f]{32}\nhit: mytok_9f2c1a7be04d5c669f2c1a7be04d5c66\nmiss: mytok_\n",
		"rule: near-token\nnear: acme\nwithin: 40\nalso: key token\nmatch: [a-z]{4}-[0-9]{4,8}\ncase: fold\ncheck: mixed, entropy 2\nhit: acme key: «abcd-12345»\nmiss: acme\n",
		"# comment\ndisable: jwt\n\nrule: named-one\nname: acme\nmatch: ([^\"]{8,})\"?\nglued: both\nexcept: x+\nhit: acme = \"«abcdefgh1»\"\nmiss: acme\n",
		"rule: peel-token\nmatch: kalo(?:a|b|[c-f]{1,3}x?){2,4}\\b$\nhit: kaloab\nmiss: kalo\n",
	} {
		f.Add(s, "see kaloabcd and mytok_9f2c1a7b, acme key: abcd-12345")
	}
	f.Fuzz(func(t *testing.T, file, text string) {
		rules, err := ParseRules("fuzz", file)
		if err != nil {
			return
		}
		tables, err := compileFiles([]*Rules{rules}, nil)
		if err != nil {
			return
		}
		e := &Engine{tables: tables}
		e.pool.New = func() any { return new(scan) }
		e.CheckSamples()
		for _, s := range []string{text, strings.Repeat(text, 20), text + "\npassword=hunter2\n"} {
			clean, _ := e.Text(s)
			if !utf8.ValidString(clean) {
				t.Fatalf("%q: %q", s, clean)
			}
			if again, k := e.Text(clean); again != clean || k != 0 {
				t.Fatalf("%q: %q, then %q", s, clean, again)
			}
		}
	})
}
