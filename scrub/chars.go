package scrub

import "strings"

// Character classes, as bits of charClass.
const (
	ccLower  uint8 = 1 << iota // a-z
	ccUpper                    // A-Z
	ccDigit                    // 0-9
	ccHex                      // 0-9 a-f
	ccURL                      // _ -
	ccB64                      // + /
	ccDot                      // .
	ccOperat                   // what may follow a name before its value
)

const (
	ccAlnum = ccLower | ccUpper | ccDigit
	ccWord  = ccAlnum | ccURL // base64url, and what tokens are made of
	ccName  = ccAlnum | ccURL | ccDot
	ccStd64 = ccAlnum | ccB64
)

var charClass = func() (t [256]uint8) {
	for b := 'a'; b <= 'z'; b++ {
		t[b] |= ccLower
		t[b-'a'+'A'] |= ccUpper
	}
	for b := '0'; b <= '9'; b++ {
		t[b] |= ccDigit | ccHex
	}
	for b := 'a'; b <= 'f'; b++ {
		t[b] |= ccHex
	}
	for _, b := range "_-" {
		t[b] |= ccURL
	}
	for _, b := range "+/" {
		t[b] |= ccB64
	}
	t['.'] |= ccDot
	for _, b := range "\"'`\\]) \t=:>?+|,%" {
		t[b] |= ccOperat
	}
	return t
}()

func is(b, class uint8) bool { return charClass[b]&class != 0 }

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

func isQuote(b byte) bool { return b == '"' || b == '\'' || b == '`' }

// run returns the end of the run of class bytes at i, at most limit bytes on.
func run(s string, i int, class uint8, limit int) int {
	end := min(len(s), i+limit)
	for i < end && charClass[s[i]]&class != 0 {
		i++
	}
	return i
}

// runBack returns the start of the run of class bytes that ends at i, at most limit bytes back.
func runBack(s string, i int, class uint8, limit int) int {
	end := max(0, i-limit)
	for i > end && charClass[s[i-1]]&class != 0 {
		i--
	}
	return i
}

// foldHas reports whether s holds word (lower case) at i, ignoring ASCII case.
func foldHas(s string, i int, word string) bool {
	if i < 0 || len(s)-i < len(word) {
		return false
	}
	for j := range len(word) {
		if lower(s[i+j]) != word[j] {
			return false
		}
	}
	return true
}

func foldEqual(s, word string) bool { return len(s) == len(word) && foldHas(s, 0, word) }

func foldSuffix(s, word string) bool { return foldHas(s, len(s)-len(word), word) }

// endsWith is foldSuffix for any word.
func endsWith(s, word string) bool {
	return len(word) <= len(s) && strings.EqualFold(s[len(s)-len(word):], word)
}

// shape counts what a value is made of; at most the first 256 bytes.
type shape struct {
	n, lower, upper, digit, other int
	changes                       int // places where the class changes
	distinct                      int
	hex                           bool // only 0-9a-f
}

func shapeOf(v string) shape {
	sh := shape{hex: true}
	var seen [4]uint64
	last := uint8(0)
	v = v[:min(len(v), 256)]
	sh.n = len(v)
	for i := range len(v) {
		b := v[i]
		c := charClass[b] & ccAlnum
		switch c {
		case ccLower:
			sh.lower++
		case ccUpper:
			sh.upper++
		case ccDigit:
			sh.digit++
		default:
			sh.other++
		}
		if !is(b, ccHex) {
			sh.hex = false
		}
		if i > 0 && c != last {
			sh.changes++
		}
		last = c
		if seen[b>>6]&(1<<(b&63)) == 0 {
			seen[b>>6] |= 1 << (b & 63)
			sh.distinct++
		}
	}
	return sh
}

// looksRandom reports whether v has at least least bytes and is mixed the way generated secrets are, and words, paths,
// identifiers and numbers are not.
func looksRandom(v string, least int) bool {
	if len(v) < least {
		return false
	}
	sh := shapeOf(v)
	if sh.distinct < 6 || sh.other*3 > sh.n {
		return false
	}
	if sh.digit > 0 && sh.lower+sh.upper > 0 {
		return sh.changes*100 >= 22*sh.n
	}
	return sh.lower > 0 && sh.upper > 0 && sh.changes*100 >= 35*sh.n
}

// isUUID reports whether v is 8-4-4-4-12 hexadecimal digits.
func isUUID(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if v[i] != '-' {
				return false
			}
		} else if !is(lower(v[i]), ccHex) {
			return false
		}
	}
	return true
}
