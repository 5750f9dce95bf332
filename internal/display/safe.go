package display

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe makes text from a log fit for a terminal, on one line: a control character, and with it every escape sequence, is
// shown as a picture (U+2400 block: ␛ for escape, ␊ for line feed), and what is invisible or turns the direction of
// writing as <U+202E>. Text without any is returned as it is.
func Safe(s string) string {
	if !strings.ContainsFunc(s, unsafeRune) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x20:
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune('\u2421')
		case unsafeRune(r):
			b.WriteString("<U+")
			b.WriteString(hex4(r))
			b.WriteByte('>')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// SafeLines is Safe for each line of a text: line feeds part lines, tabs become spaces.
func SafeLines(s string) []string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\t", "    ")
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = Safe(l)
	}
	return lines
}

// unsafeRune says whether a terminal may obey r rather than show it, or show nothing: C0 and C1 controls, line
// separators, and format characters (direction, zero width, tags).
func unsafeRune(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0xad && unicode.Is(unicode.Cf, r)
}

func hex4(r rune) string {
	const digits = "0123456789ABCDEF"
	var b []byte
	for shift := 20; shift >= 0; shift -= 4 {
		if d := r >> shift & 15; d != 0 || len(b) > 0 || shift < 16 {
			b = append(b, digits[d])
		}
	}
	return string(b)
}

// AppendSafeJSON appends JSON with the characters escaped that JSON lets stand and a terminal obeys. It is the same
// value, but not the canonical text.
func AppendSafeJSON(dst, doc []byte) []byte {
	start := 0 // of what is copied as it is
	for i := 0; i < len(doc); {
		if doc[i] < 0x7f { // below 0x20 there is only white space between values
			i++
			continue
		}
		r, n := utf8.DecodeRune(doc[i:])
		if unsafeRune(r) {
			dst = append(dst, doc[start:i]...)
			dst = appendEscape(dst, r)
			start = i + n
		}
		i += n
	}
	return append(dst, doc[start:]...)
}

func appendEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		return append(dst, `\u`+hex4(0xd800+r>>10)+`\u`+hex4(0xdc00+r&0x3ff)...)
	}
	return append(dst, `\u`+hex4(r)...)
}

// Width is how many cells of a terminal a Safe text takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// Cut shortens a Safe text to at most n cells, the last one being "…" when something is missing.
func Cut(s string, n int) string {
	if len(s) <= n || Width(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	cells := 1
	for i, r := range s {
		if cells += runeWidth(r); cells > n {
			return s[:i] + "…"
		}
	}
	return s
}

// runeWidth is by East Asian Width (Unicode Standard Annex 11), wide blocks taken whole; emoji are wide.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0x303e, r >= 0x3041 && r <= 0xa4cf, r >= 0xa960 && r <= 0xa97c,
		r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff01 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1f64f, r >= 0x1f680 && r <= 0x1f6ff, r >= 0x1f900 && r <= 0x1f9ff,
		r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}
