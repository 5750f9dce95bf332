package sigma

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// matcher compares one value of a rule with a field; any of its forms will do (windash and base64offset make several).
type matcher []form

// form is one way to write a value.
type form struct {
	pattern pattern
	re      *regexp.Regexp
	prefix  netip.Prefix
	number  *comparison
	other   string // fieldref: the field to be equal to
	cased   bool
}

type comparison struct {
	op string
	n  float64
}

func (m matcher) match(v *view, name, value string) bool {
	for i := range m {
		if m[i].match(v, name, value) {
			return true
		}
	}
	return false
}

func (f *form) match(v *view, name, value string) bool {
	switch {
	case f.re != nil:
		return f.re.MatchString(value)
	case f.prefix.IsValid():
		a, err := netip.ParseAddr(value)
		return err == nil && f.prefix.Contains(a.Unmap())
	case f.number != nil:
		return f.number.holds(value)
	case f.other != "":
		o, known := v.event.field(f.other)
		return known && strings.EqualFold(o, value)
	case f.cased:
		return f.pattern.match(value)
	}
	return f.pattern.match(v.folded(name, value))
}

func (c *comparison) holds(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return false
	}
	switch c.op {
	case "lt":
		return n < c.n
	case "lte":
		return n <= c.n
	case "gt":
		return n > c.n
	}
	return n >= c.n
}

// newMatchers applies the modifiers to one value, in their order: those that change the value first, as the
// specification wants, then the one that says how to compare.
func newMatchers(mods []string, item any) (matcher, error) {
	text, err := textOf(item)
	if err != nil {
		return nil, err
	}
	forms := []string{text}
	literal := false // the value has been encoded: * and ? are no wildcards
	how, flags, cased := "", "", false
	for _, m := range mods {
		switch m {
		case "contains", "startswith", "endswith", "re", "cidr", "lt", "lte", "gt", "gte", "fieldref":
			if how != "" {
				return nil, fmt.Errorf("%s and %s together", how, m)
			}
			how = m
		case "i", "m", "s":
			flags += m
		case "cased":
			cased = true
		case "windash":
			forms = dashes(forms)
		case "wide", "utf16le", "utf16be", "utf16", "base64", "base64offset":
			forms, literal = encode(m, forms, literal), true
			cased = cased || strings.HasPrefix(m, "base64")
		default:
			return nil, fmt.Errorf("the modifier %q is not known", m)
		}
	}
	var out matcher
	for _, f := range forms {
		one, err := newForm(how, flags, f, cased, literal)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func textOf(item any) (string, error) {
	switch v := item.(type) {
	case string:
		return v, nil
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	}
	return "", errors.New("a value is neither text nor number")
}

func newForm(how, flags, text string, cased, literal bool) (form, error) {
	switch how {
	case "re":
		if flags != "" {
			text = "(?" + flags + ")" + text
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return form{}, errors.New("a regular expression needs what linear time cannot give, or is none")
		}
		return form{re: re}, nil
	case "cidr":
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return form{}, errors.New("cidr: no network")
		}
		return form{prefix: p.Masked()}, nil
	case "lt", "lte", "gt", "gte":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return form{}, fmt.Errorf("%s: no number", how)
		}
		return form{number: &comparison{how, n}}, nil
	case "fieldref":
		return form{other: text}, nil
	}
	if !cased {
		text = strings.ToLower(text)
	}
	return form{pattern: newPattern(text, how, literal), cased: cased}, nil
}

// dashes are the ways in which Windows' programs take a flag: - / and three dashes of Unicode.
func dashes(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, s)
		for i := 0; i < len(s); i++ {
			if (s[i] == '-' || s[i] == '/') && (i == 0 || s[i-1] == ' ') {
				for _, d := range []string{"-", "/", "–", "—", "―"} {
					out = append(out, s[:i]+d+s[i+1:])
				}
				break
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// encode applies an encoding. base64offset gives the three texts of which one appears, however the value stands in what
// was encoded: with 0, 1 or 2 bytes before it, without the characters that its neighbours share.
func encode(how string, list []string, literal bool) []string {
	var out []string
	for _, s := range list {
		if !literal {
			s = unescape(s)
		}
		switch how {
		case "base64":
			out = append(out, base64.StdEncoding.EncodeToString([]byte(s)))
		case "base64offset":
			for pad := range 3 {
				b := base64.RawStdEncoding.EncodeToString(append(make([]byte, pad), s...))
				start := []int{0, 2, 3}[pad]
				end := len(b)
				if (pad+len(s))%3 != 0 {
					end--
				}
				out = append(out, b[min(start, end):end])
			}
		default:
			out = append(out, wide(s, how == "utf16be"))
		}
	}
	return out
}

func wide(s string, bigEndian bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// pattern is a value with its wildcards: pieces of literal text, of which the first stands at the beginning and the last
// at the end unless a * is there; ? is one character.
type pattern struct {
	pieces     []piece
	start, end bool // anchored
}

// piece is literal text; with wild, each byte any1 in it stands for any one byte.
type piece struct {
	text string
	wild bool
}

// any1 is the byte that stands for ? in a piece; it never occurs in UTF-8.
const any1 = 0xFF

func newPattern(s, how string, literal bool) pattern {
	p := pattern{start: how != "contains" && how != "endswith", end: how != "contains" && how != "startswith"}
	if literal {
		p.pieces = []piece{{text: s}}
		return p
	}
	var cur []byte
	wild := false
	flush := func() {
		if len(cur) > 0 {
			p.pieces = append(p.pieces, piece{string(cur), wild})
		}
		cur, wild = nil, false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`\*?`, s[i+1]) >= 0:
			i++
			cur = append(cur, s[i])
		case c == '*':
			if len(cur) == 0 && len(p.pieces) == 0 {
				p.start = false
			}
			flush()
			if i == len(s)-1 {
				p.end = false
			}
		case c == '?':
			cur, wild = append(cur, any1), true
		default:
			cur = append(cur, c)
		}
	}
	flush()
	return p
}

// unescape takes the backslashes off escaped wildcards, where the value is data to be encoded.
func unescape(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\*`, `*`, `\?`, `?`).Replace(s)
}

func (p *pattern) match(s string) bool {
	pieces := p.pieces
	if len(pieces) == 0 {
		return !p.start || !p.end || s == ""
	}
	if p.start {
		if !pieces[0].prefix(s) {
			return false
		}
		if s = s[len(pieces[0].text):]; len(pieces) == 1 {
			return !p.end || s == ""
		}
		pieces = pieces[1:]
	}
	for i := range pieces {
		if i == len(pieces)-1 && p.end {
			n := len(s) - len(pieces[i].text)
			return n >= 0 && pieces[i].prefix(s[n:])
		}
		at := pieces[i].index(s)
		if at < 0 {
			return false
		}
		s = s[at+len(pieces[i].text):]
	}
	return true
}

func (q *piece) prefix(s string) bool {
	if !q.wild {
		return strings.HasPrefix(s, q.text)
	}
	if len(s) < len(q.text) {
		return false
	}
	for i := 0; i < len(q.text); i++ {
		if q.text[i] != any1 && q.text[i] != s[i] {
			return false
		}
	}
	return true
}

func (q *piece) index(s string) int {
	if !q.wild {
		return strings.Index(s, q.text)
	}
	for i := 0; i+len(q.text) <= len(s); i++ {
		if q.prefix(s[i:]) {
			return i
		}
	}
	return -1
}
