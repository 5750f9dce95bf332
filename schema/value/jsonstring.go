package value

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Eight bytes are looked at as one word. (x - each) & ^x & high has a bit set at the lowest byte of x that is zero, and
// (x - each*n) & ^x & high at the lowest one below n; bits above the lowest may be wrong.
const (
	each = 0x0101010101010101 // times b: b in every byte
	high = 0x8080808080808080
)

// scanString is the index of the first quote, backslash or control character from i on, len(s) if there is none; and
// whether all before it is ASCII.
func scanString(s string, i int) (end int, ascii bool) {
	var seen uint64
	for len(s)-i >= 8 {
		w := load(s[i : i+8])
		quote, backslash := w^each*'"', w^each*'\\'
		special := (((quote - each) & ^quote) | ((backslash - each) & ^backslash) | ((w - each*0x20) & ^w)) & high
		if special != 0 {
			n := bits.TrailingZeros64(special) / 8
			seen |= w & (1<<(8*n) - 1)
			return i + n, seen&high == 0
		}
		seen |= w
		i += 8
	}
	for ; i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= 0x20; i++ {
		seen |= uint64(s[i])
	}
	return i, seen&high == 0
}

// load is the eight bytes of s as a word, the first one lowest. The compiler makes one instruction of it.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// escapes are the letters that may stand behind a backslash, and what they stand for; u aside.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape decodes the inside of a string token: valid UTF-8 in which a byte follows every backslash. It returns false
// at an escape that JSON does not have.
func (d *Doc) unescape(raw string) (text string, ok bool) {
	if len(raw) > shortText { // what is decoded is not longer than raw
		b, ok := appendUnescaped(make([]byte, 0, len(raw)), raw)
		return unsafe.String(unsafe.SliceData(b), len(b)), ok
	}
	b, ok := appendUnescaped(d.piece(len(raw)), raw)
	return d.keep(b), ok
}

func appendUnescaped(b []byte, raw string) ([]byte, bool) {
	for {
		i := strings.IndexByte(raw, '\\')
		if i < 0 {
			break
		}
		b = append(b, raw[:i]...)
		if c := escapes[raw[i+1]]; c != 0 {
			b = append(b, c)
			raw = raw[i+2:]
			continue
		}
		r, n := unescapeRune(raw[i:])
		if n == 0 {
			return b, false
		}
		b = utf8.AppendRune(b, r)
		raw = raw[i+n:]
	}
	return append(b, raw...), true
}

// unescapeRune reads \uXXXX, or two of them that are a surrogate pair, and returns the bytes taken, 0 if it is neither.
// A surrogate alone is U+FFFD.
func unescapeRune(s string) (r rune, n int) {
	if r = hex4(s); r < 0 {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low := hex4(s[6:]); low >= 0 {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 is the code unit of \uXXXX at the start of s, -1 if there is none.
func hex4(s string) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// validUTF8 is s with each byte that is no UTF-8 replaced.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for _, r := range s {
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}
