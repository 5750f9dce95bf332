package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

func parse(t testing.TB, s string) Value {
	t.Helper()
	var d Doc
	v, err := d.ParseJSON(s)
	if err != nil {
		t.Fatalf("%v: %s", err, s)
	}
	return v
}

// TestNumbers holds the vectors of RFC 8785, appendix B. Integers whose digits a double cannot hold differ on
// purpose: they become strings.
func TestNumbers(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0", 0x8000000000000000: "0", 0x0000000000000001: "5e-324", 0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308", 0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992", 0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000", 0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23", 0x44b52d02c7e14af7: "1.0000000000000001e+23", 0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000", 0x444b1ae4d6e2ef50: "1e+21", 0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001", 0x41b3de4355555553: "333333333.3333332", 0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333", 0x41b3de4355555556: "333333333.3333334", 0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333", 0x43143ff3c1cb0959: "1424953923781206.2",
		0x7fffffffffffffff: `"NaN"`, 0x7ff0000000000000: `"+Inf"`,
	} {
		if got := string(AppendFloat(nil, math.Float64frombits(bits))); got != want {
			t.Errorf("%x: got %s, want %s", bits, got, want)
		}
	}
	for text, want := range map[string]string{
		"1": "1", "-0": "0", "1.0": "1", "1e2": "100", "9007199254740992": "9007199254740992", "0.1": "0.1", "1E400": `"1E400"`,
		"9007199254740993": `"9007199254740993"`, "123456789012345678901234567890": `"123456789012345678901234567890"`,
		"-9007199254740993": `"-9007199254740993"`, "9007199254740994": "9007199254740994", "4611686018427387904": `"4611686018427387904"`,
		"4611686018427388000": "4611686018427388000", "99e18": "99000000000000000000", "99000000000000000000": "99000000000000000000", "1.5e300": "1.5e+300", "100000000000000000000.5": "100000000000000000000",
	} {
		if got := string(AppendCanonical(nil, text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestCanonical holds the examples of RFC 8785, 3.2.2 to 3.2.4.
func TestCanonical(t *testing.T) {
	for text, want := range map[string]string{
		`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`:                                        `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`: "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		`{"a":1,"b":2,"a":3}`: `{"a":3,"b":2}`,
		` [ ] `:               `[]`,
		`"\u2028<>&\u007f"`:   "\"\u2028<>&\u007f\"",
		`"\ud800"`:            `"�"`,
		"\"a\xffb\"":          `"a�b"`,
		`not JSON`:            `"not JSON"`,
	} {
		if got := string(AppendCanonical(nil, text)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestRead(t *testing.T) {
	v := parse(t, `{"a":{"b":[1,"2",3.5,true,null,{"c":"x"}]},"d":"1","d":"2","n":"12","f":1.0,"t":"true","big":18446744073709551615}`)
	if v.Len() != 7 || v.Get("a", "b").Len() != 6 || v.Get("a", "b").At(5).Get("c").String() != "x" {
		t.Error("structure")
	}
	if v.Get("d").String() != "2" {
		t.Error("of duplicates the last one counts")
	}
	if n, ok := v.Get("n").Int(); !ok || n != 12 {
		t.Error("an integer in a string")
	}
	if n, ok := v.Get("f").Int(); !ok || n != 1 {
		t.Error("an integer written as a fraction")
	}
	if _, ok := v.Get("big").Int(); ok {
		t.Error("an integer that does not fit")
	}
	if !v.Get("t").Bool() || v.Get("nothing").Bool() {
		t.Error("bool")
	}
	for _, missing := range []Value{{}, v.Get("x"), v.Get("a", "b", "c"), v.Get("a", "b").At(9), v.Next(), v.Get("d").First()} {
		if missing.Exists() || missing.Kind() != Missing || missing.String() != "" || missing.Key() != "" || missing.Len() != 0 || missing.Next().Exists() {
			t.Error("a missing value")
		}
		if string(missing.AppendJSON(nil)) != "null" {
			t.Error("a missing value is written as null")
		}
	}
	if _, ok := v.Get("a", "b").At(3).Float(); ok {
		t.Error("a bool is no number")
	}
}

// TestWatch holds that what Get finds is told, by its path, and nothing else.
func TestWatch(t *testing.T) {
	v := parse(t, `{"a":{"b":[{"c":1}]},"d":2}`)
	var seen []string
	v.Doc().Watch(func(v Value) { seen = append(seen, v.Path()) })
	v.Get("a", "b").At(0).Get("c")
	v.Get("a", "x")
	v.Get("e")
	v.Doc().Watch(nil)
	v.Get("d")
	if !slices.Equal(seen, []string{"a.b", "a.b[].c"}) || v.Path() != "" {
		t.Error(seen)
	}
}

func TestBounds(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	var d Doc
	if _, err := d.ParseJSON(deep(MaxDepth)); err != nil {
		t.Error(err)
	}
	if _, err := d.ParseJSON(deep(MaxDepth + 2)); err == nil {
		t.Error("too deep")
	}
	if _, err := d.ParseJSON("[" + strings.Repeat("0,", MaxNodes) + "0]"); err == nil {
		t.Error("too many")
	}
	d.Reset()
	if _, err := d.ParseJSON("[1]"); err != nil {
		t.Error("after too many", err)
	}
	// Headers that promise more than there is must not reserve it.
	for _, b := range [][]byte{{0xdf, 0xff, 0xff, 0xff, 0xff}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0xdb, 0xff, 0xff, 0xff, 0xff, 1}, {0xc6, 0x7f, 0xff, 0xff, 0xff}, {0xc9, 0xff, 0xff, 0xff, 0xff, 0}, {0xc1}, {}} {
		var d Doc
		if _, _, err := d.ParseMsgpack(b); err == nil {
			t.Errorf("accepted %x", b)
		}
	}
	nested := bytes.Repeat([]byte{0x91}, MaxDepth+5)
	if _, _, err := d.ParseMsgpack(append(nested, 0xc0)); err == nil {
		t.Error("too deep")
	}
	keys := bytes.Repeat([]byte{0x81}, MaxDepth+5) // maps whose keys are maps
	if _, _, err := d.ParseMsgpack(append(keys, 0xc0)); err == nil {
		t.Error("too deep in keys")
	}
}

func TestMsgpack(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 5, time.UTC)
	b := msgp.AppendMapHeader(nil, 9)
	for _, key := range [][]byte{
		msgp.AppendString(nil, "s"), msgp.AppendInt(nil, 7), msgp.AppendNil(nil), msgp.AppendBool(nil, true),
		msgp.AppendBytes(nil, []byte("bin")), msgp.AppendFloat64(nil, 1.5),
		{0x92, 1, 2},
		{0x81, 0xa1, 'k', 1},
	} {
		b = append(append(b, key...), 0xa1, 'v')
	}
	b = append(msgp.AppendString(b, "time"), 0xd7, 0)
	b = append(b, byte(at.Unix()>>24), byte(at.Unix()>>16), byte(at.Unix()>>8), byte(at.Unix()), 0, 0, 0, 5)
	b = append(b, "rest"...)
	var d Doc
	v, rest, err := d.ParseMsgpack(b)
	if err != nil || string(rest) != "rest" {
		t.Fatal(err, rest)
	}
	for _, key := range []string{"s", "7", "null", "true", "bin", "1.5", "[1,2]", `{"k":1}`} {
		if v.Get(key).String() != "v" {
			t.Errorf("key %s: %s", key, v.AppendJSON(nil))
		}
	}
	if got := v.Get("time").String(); got != "2026-03-01T10:00:00.000000005Z" {
		t.Error(got)
	}
	for _, c := range []struct {
		raw  []byte
		json string
	}{
		{[]byte{0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, `"18446744073709551615"`},
		{[]byte{0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0}, `"-9223372036854775808"`},
		{[]byte{0xca, 0x3f, 0x80, 0, 0}, "1"},
		{[]byte{0xc4, 1, 0xff}, `"�"`},
		{[]byte{0xd4, 5, 0x41}, `"�\u0005A"`},
		{[]byte{0x82, 0xa1, 'a', 1, 0xa1, 'a', 2}, `{"a":2}`},
	} {
		var d Doc
		v, _, err := d.ParseMsgpack(c.raw)
		if err != nil || string(v.AppendJSON(nil)) != c.json {
			t.Errorf("%x: %s %v, want %s", c.raw, v.AppendJSON(nil), err, c.json)
		}
	}
}

// walk reads everything of a value in every way there is.
func walk(v Value) int {
	n := 1
	_, _ = v.Int()
	_, _ = v.Float()
	_, _, _, _ = v.Str, v.Bool(), v.Len(), v.String()
	for c := v.First(); c.Exists(); c = c.Next() {
		v.Get(c.Key())
		n += walk(c)
	}
	return n
}

// tokens is what json.Decoder.Token gives for the value: keys, duplicates too, and values in their order.
func tokens(list []json.Token, v Value) []json.Token {
	switch v.Kind() {
	case Null:
		return append(list, nil)
	case Bool:
		return append(list, v.Bool())
	case Number:
		return append(list, json.Number(v.String()))
	case String:
		return append(list, v.String())
	case Array:
		list = append(list, json.Delim('['))
		for c := v.First(); c.Exists(); c = c.Next() {
			list = tokens(list, c)
		}
		return append(list, json.Delim(']'))
	}
	list = append(list, json.Delim('{'))
	for c := v.First(); c.Exists(); c = c.Next() {
		list = tokens(append(list, c.Key()), c)
	}
	return append(list, json.Delim('}'))
}

// standard is how encoding/json reads valid JSON text.
func standard(t *testing.T, text string) []json.Token {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var list []json.Token
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		list = append(list, token)
	}
}

// compareWithStandard holds that text is accepted when encoding/json accepts it, and is read as the same.
func compareWithStandard(t *testing.T, text string) {
	t.Helper()
	var d Doc
	v, err := d.ParseJSON(text)
	switch valid := json.Valid([]byte(text)); {
	case errors.Is(err, errDepth) || errors.Is(err, errNodes):
	case valid != (err == nil):
		t.Fatalf("%v, encoding/json says valid is %v: %q", err, valid, text)
	case valid:
		if got, want := tokens(nil, v), standard(t, text); !slices.Equal(got, want) {
			t.Fatalf("%q\ngot  %q\nwant %q", text, got, want)
		}
	}
}

// TestStringsByWord puts every kind of byte at every place of the words by which strings are scanned.
func TestStringsByWord(t *testing.T) {
	for _, s := range []string{
		`"`, `\`, "\x00", "\x1f", "\x20", "\x7f", "\x80", "\xff", "é", "😀", "\xed\xa0\x80", `\"`, `\\`, `\/`, `\b\f\n\r\t`, `\u0000`, `\u00e9`,
		`\uD83D\uDE00`, `\ud83d`, `\ude00`, `\ud83d\ud83d\ude00`, `\ud83d\n`, `\ud83dx`, `\u12`, `\u12g4`, `\x`, `\ `, "\n", "\r",
	} {
		for before := range 18 {
			for _, after := range []int{0, 1, 7, 8, 9} {
				text := strings.Repeat("a", before) + s + strings.Repeat("z", after)
				compareWithStandard(t, `"`+text+`"`)
				compareWithStandard(t, `{"`+text+`":["`+text+`",1],"`+text+`" : {}}`)
				compareWithStandard(t, `"`+text)
			}
		}
	}
}

// TestSyntax holds what JSON is and is not, where parsers go wrong.
func TestSyntax(t *testing.T) {
	for _, s := range []string{
		"", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[]", "[ ]", "{}", "{ }", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`,
		`{"a":1 "b":2}`, `{a:1}`, `{1:1}`, `{"a":1}}`, `[]]`, "nul", "null", "nulll", "tru", "true", "false", "fals", "NaN", "Infinity",
		"0", "-0", "00", "01", "-", "-a", "1.", ".1", "1.0", "1e", "1e+", "1e+1", "1E-01", "+1", "0x1", "1 ", "\t1\r\n", "1\v", "\u00a01", "\ufeff1",
		`"`, `""`, `"\`, `"\"`, `"\u`, `"\u123`, "1 2", `{}{}`, `"a""b"`, "// c\n1", "'a'", "[1]x", "\x00", "1\x00",
	} {
		compareWithStandard(t, s)
		compareWithStandard(t, "["+s+"]")
		compareWithStandard(t, `{"k": `+s+` }`)
	}
}

// TestPrefix reads values that stand one behind the other.
func TestPrefix(t *testing.T) {
	var d Doc
	text, got := " {\n \"a\": 1\n}\n[2]{}\"x\"3 true", ""
	for skipSpace(text, 0) < len(text) {
		v, rest, err := d.ParseJSONPrefix(text)
		if err != nil {
			t.Fatal(err)
		}
		got, text = got+string(v.AppendJSON(nil))+" ", rest
	}
	if got != `{"a":1} [2] {} "x" 3 true ` {
		t.Error(got)
	}
	if _, rest, err := d.ParseJSONPrefix(`{"a":[1`); err == nil || rest != `{"a":[1` {
		t.Error("an unfinished value", rest, err)
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e3,"x\u20ac",null,true],"a":{"b":{}}}`, `"\ud83d\ude00\ud800"`, "\"\xff\"", `[1e999,123456789012345678901]`, ` {} `, `[`, `{"a"}`,
		`"12345678\n12345678\u00e9\\"`, "\"123456\xc3\xa9\x1f\"", `["\ud83d\ud83d\ude00\/"]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		compareWithStandard(t, s)
		var d Doc
		d.Text("before")
		v, err := d.ParseJSON(s)
		if err != nil {
			return
		}
		if walk(v) > len(s)+1 {
			t.Fatalf("more values than bytes: %q", s)
		}
		once := v.AppendJSON(nil)
		if !json.Valid(once) || !utf8.Valid(once) {
			t.Fatalf("%q becomes %q", s, once)
		}
		if again := AppendCanonical(nil, string(once)); !bytes.Equal(once, again) {
			t.Fatalf("canonical form is not stable: %q, %q", once, again)
		}
	})
}

func FuzzMsgpack(f *testing.F) {
	for _, b := range [][]byte{{0x82, 0xa1, 'a', 1, 1, 0x93, 1, 0xc0, 0xc3}, {0xd7, 0, 1, 2, 3, 4, 5, 6, 7, 8}, {0xdf, 0, 0, 0, 1, 0xc4, 1, 0xff, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, {0x81, 0x81, 1, 2, 3}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Doc
		v, rest, err := d.ParseMsgpack(b)
		if err != nil {
			if len(rest) != len(b) {
				t.Fatal("an error takes nothing")
			}
			return
		}
		if len(rest) >= len(b) || walk(v) > len(b) {
			t.Fatalf("%x: %d left, %d values", b, len(rest), walk(v))
		}
		once := v.AppendJSON(nil)
		if !json.Valid(once) || !utf8.Valid(once) {
			t.Fatalf("%x becomes %q", b, once)
		}
		// Keys that are not UTF-8 may become equal; then the canonical form is that of the text.
		canonical := AppendCanonical(nil, string(once))
		if again := AppendCanonical(nil, string(canonical)); !bytes.Equal(canonical, again) {
			t.Fatalf("canonical form is not stable: %q, %q", canonical, again)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add("a", "é", "\uffff\U0001F600")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareKeys(a, b) != -compareKeys(b, a) || compareKeys(a, a) != 0 {
			t.Fatalf("%q %q", a, b)
		}
		if compareKeys(a, b) <= 0 && compareKeys(b, c) <= 0 && compareKeys(a, c) > 0 {
			t.Fatalf("%q %q %q", a, b, c)
		}
	})
}

// BenchmarkParseJSON reads one line of a log: what its text is made of decides how fast.
func BenchmarkParseJSON(b *testing.B) {
	const line = `{"type":"assistant","sessionId":"0b9f3c52","message":{"content":[{"type":"tool_use","id":"toolu_1","input":{"command":"ls -la\n","timeout":1000}}]},"long":"`
	for name, s := range map[string]string{
		"fields":  `{"type":"assistant","sessionId":"0b9f3c52","message":{"content":[{"type":"tool_use","id":"toolu_1","input":{"command":"ls -la","timeout":1000}}]}}`,
		"plain":   line + strings.Repeat("x", 4000) + `"}`,
		"escaped": line + strings.Repeat(`-rw-r--r-- 1 alice alice 1822 Mar  3 10:11 \"main.go\"\n`, 70) + `"}`,
		"unicode": line + strings.Repeat(`Straßenbahn über die Brücke — zwölf Uhr\n`, 90) + `"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			var d Doc
			for b.Loop() {
				d.Reset()
				if _, err := d.ParseJSON(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
