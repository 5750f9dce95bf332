package value

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendJSON appends the value as canonical JSON (RFC 8785): keys sorted by UTF-16 code units, of duplicate keys the
// last one, shortest escapes, ECMAScript numbers. Integers whose digits a double cannot hold are written as strings, so
// that none is lost. Invalid UTF-8 becomes U+FFFD.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind() {
	case Missing, Null:
		return append(dst, "null"...)
	case Bool:
		return strconv.AppendBool(dst, v.node().num != 0)
	case Int:
		return AppendInt(dst, int64(v.node().num))
	case Uint:
		return appendLarge(dst, strconv.FormatUint(v.node().num, 10), float64(v.node().num))
	case Float:
		return AppendFloat(dst, v.float())
	case Number:
		return appendNumber(dst, v.node().str)
	case String:
		return AppendString(dst, v.node().str)
	case Array:
		return v.appendArray(dst)
	}
	return v.appendObject(dst)
}

// JSON is the value as canonical JSON text.
func (v Value) JSON() string {
	if v.doc == nil {
		return "null"
	}
	return v.Compose(v.AppendJSON)
}

func (v Value) appendArray(dst []byte) []byte {
	dst = append(dst, '[')
	for c, first := v.First(), true; c.Exists(); c, first = c.Next(), false {
		if !first {
			dst = append(dst, ',')
		}
		dst = c.AppendJSON(dst)
	}
	return append(dst, ']')
}

func (v Value) appendObject(dst []byte) []byte {
	children := make([]Value, 0, 16)
	for c := v.First(); c.Exists(); c = c.Next() {
		children = append(children, c)
	}
	if byKey := func(a, b Value) int { return compareKeys(a.Key(), b.Key()) }; !slices.IsSortedFunc(children, byKey) {
		slices.SortStableFunc(children, byKey)
	}
	dst = append(dst, '{')
	first := true
	for i, c := range children {
		if i+1 < len(children) && compareKeys(children[i+1].Key(), c.Key()) == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = AppendString(dst, c.Key())
		dst = append(dst, ':')
		dst = c.AppendJSON(dst)
	}
	return append(dst, '}')
}

// compareKeys orders by UTF-16 code units, invalid UTF-8 as the U+FFFD it is written as. In valid UTF-8 that differs from
// bytes only where surrogates meet U+E000 and above.
func compareKeys(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	var ca, cb byte // where they differ; 0 at the end, which is before everything
	if i < len(a) {
		ca = a[i]
	}
	if i < len(b) {
		cb = b[i]
	}
	if ca < utf8.RuneSelf && cb < utf8.RuneSelf || (ca < 0xee || cb < 0xee) && utf8.ValidString(a) && utf8.ValidString(b) {
		return cmp.Or(cmp.Compare(ca, cb), cmp.Compare(len(a), len(b)))
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

// AppendCanonical appends JSON text in canonical form; text that is not valid JSON is appended as a string.
func AppendCanonical(dst []byte, text string) []byte {
	var d Doc
	v, err := d.ParseJSON(text)
	if err != nil {
		return AppendString(dst, text)
	}
	return v.AppendJSON(dst)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string with the escapes of RFC 8785 3.2.2.2.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; ; {
		var ascii bool
		start := i
		if i, ascii = scanString(s, i); !ascii {
			if bad := invalidUTF8(s[start:i]); bad >= 0 {
				i = start + bad
			}
		}
		if i == len(s) {
			break
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscaped(dst, s[i])
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// invalidUTF8 is the index of the first byte of s that is no UTF-8, -1 if there is none.
func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\uFFFD"...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// maxExact is the largest integer up to which every integer is a double.
const maxExact = 1 << 53

// AppendInt appends an integer; one whose digits a double cannot hold becomes a string.
func AppendInt(dst []byte, n int64) []byte {
	if n > maxExact || n < -maxExact {
		return appendLarge(dst, strconv.FormatInt(n, 10), float64(n))
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendLarge appends an integer beyond maxExact: as the number f if that is written with the very same digits, else as
// a string. So the form of a double stays what it is when it is read again.
func appendLarge(dst []byte, digits string, f float64) []byte {
	start := len(dst)
	if dst = AppendFloat(dst, f); string(dst[start:]) == digits {
		return dst
	}
	return appendBig(dst[:start], digits)
}

func appendBig(dst []byte, digits string) []byte {
	dst = append(dst, '"')
	dst = append(dst, digits...)
	return append(dst, '"')
}

// appendNumber appends a JSON number given as text.
func appendNumber(dst []byte, text string) []byte {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return AppendInt(dst, n)
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return appendBig(dst, text)
	case math.Abs(f) > maxExact && isInteger(text):
		return appendLarge(dst, text, f)
	}
	return AppendFloat(dst, f)
}

func isInteger(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// AppendFloat appends f as ECMAScript's Number.prototype.toString does; NaN and infinities, which JSON lacks, as strings.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendBig(dst, strconv.FormatFloat(f, 'g', -1, 64))
	}
	if f == 0 {
		return append(dst, '0')
	}
	format := byte('f')
	if abs := math.Abs(f); abs < 1e-6 || abs >= 1e21 {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if n := len(dst); format == 'e' && n >= 4 && dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-09 → e-9
		dst = dst[:n-1]
	}
	return dst
}
