package scrub

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unsafe"
)

// A view is the text without what disguises its words: colour codes, line continuations, quotes inside words, NUL bytes
// (UTF-16), and escapes, read as what they stand for: \u0041, \x41, %41, &quot;. It is made only for texts that hold such
// a thing; the automaton finds most of them on its way (viewKeywords), splitQuotes the quotes. What is found in the view
// is mapped back and covers what was left out.

// viewKeywords ask for a view. The escapes are those of JSON, Python, C, the shell, URLs and HTML.
var viewKeywords = []string{
	"\x1b", "\x00", "\\\n", "\\\r\n", `\033[`, `\e[`,
	`\u00`, `\x0`, `\x1`, `\x2`, `\x3`, `\x4`, `\x5`, `\x6`, `\x7`,
	"%2", "%3", "%4", "%5", "%6", "%7",
	"&quot;", "&apos;", "&amp;", "&#",
}

// verifyView asks for a view if something would be read differently in it.
func verifyView(sc *scan, start, _ int, _ *rule) {
	if !sc.wantView {
		_, n := undisguise(sc.s, start)
		sc.wantView = n > 0
	}
}

// viewPart maps the bytes of a view from at on to the text from offset from on. The byte of a part with a length stands
// for that much text as a whole. Texts full of disguises have millions of parts: they are kept small.
type viewPart struct{ at, from, length uint32 }

// view makes the view of s in the scan's buffers. It panics where offsets do not fit a viewPart.
func (sc *scan) view(s string) string {
	if len(s) > math.MaxUint32 {
		panic(errTooLong)
	}
	buf, parts := slices.Grow(sc.viewText[:0], len(s)), append(sc.viewParts[:0], viewPart{})
	from := 0 // of what was not copied yet
	for i := 0; i < len(s); {
		if !disguises[s[i]] {
			i++
			continue
		}
		b, n := undisguise(s, i)
		if n == 0 {
			i++
			continue
		}
		buf = append(buf, s[from:i]...)
		if cap(parts)-len(parts) < 2 {
			parts = growParts(parts, i, len(s))
		}
		if b != 0 {
			parts = addPart(parts, len(buf), i, n)
			buf = append(buf, b)
		}
		i += n
		from = i
		parts = addPart(parts, len(buf), i, 0)
	}
	buf = append(buf, s[from:]...)
	sc.viewText, sc.viewParts = buf, parts
	return unsafe.String(unsafe.SliceData(buf), len(buf)) // buf is not written until the scan is released
}

// growParts makes room for parts in the rest of a text of size bytes, of which i were read: for as many as there were so
// far in as much text, but at once for no more than three times what there is.
func growParts(parts []viewPart, i, size int) []viewPart {
	expected := float64(len(parts)) * 1.1 * float64(size-i) / float64(i+1)
	return slices.Grow(parts, 64+int(min(expected, float64(3*len(parts)))))
}

// addPart adds a part. It takes the place of one that starts at the same byte: what was left out lies before it.
func addPart(parts []viewPart, at, from, length int) []viewPart {
	p := viewPart{uint32(at), uint32(from), uint32(length)}
	if last := len(parts) - 1; parts[last].at == p.at {
		parts[last] = p
		return parts
	}
	return append(parts, p)
}

// partAt returns how the view's byte i maps to the text: part from at on, to the text from offset from on.
func (sc *scan) partAt(i int) (at, from, length int) {
	n, found := slices.BinarySearchFunc(sc.viewParts, uint32(i), func(p viewPart, i uint32) int { return cmp.Compare(p.at, i) })
	if !found {
		n--
	}
	p := sc.viewParts[n]
	return int(p.at), int(p.from), int(p.length)
}

// unview maps a stretch of the view to the text.
func (sc *scan) unview(start, end int) (int, int) {
	at, from, _ := sc.partAt(start)
	start = from + start - at
	at, from, length := sc.partAt(end - 1)
	if length > 0 {
		return start, from + length
	}
	return start, from + end - at
}

// readView reads the view of s and adds what it finds.
func (e *Engine) readView(sc *scan, s string) *scan {
	if sc == nil {
		sc = e.acquire(s)
	}
	text := sc.view(s)
	mark := len(sc.spans)
	sc.reset(text)
	e.read(sc, text)
	for i := range sc.spans[mark:] {
		sp := &sc.spans[mark+i]
		if sp.clean == "" {
			sp.clean = strings.Clone(text[sp.start:sp.end])
		}
		sp.start, sp.end = sc.unview(sp.start, sp.end)
	}
	sc.s = s
	return sc
}

// disguises are the bytes that undisguise knows.
var disguises = func() (t [256]bool) {
	for _, b := range []byte("\x00\x1b\"'%&\\") {
		t[b] = true
	}
	return t
}()

// undisguise reads the disguise at s[i]: n is its length, 0 where there is none, and b what it stands for, 0 for nothing.
func undisguise(s string, i int) (b byte, n int) {
	switch s[i] {
	case 0x1b:
		return 0, escapeSequence(s, i, 1)
	case 0:
		return 0, 1
	case '"', '\'':
		return 0, splitQuote(s, i)
	case '%':
		return percent(s, i)
	case '&':
		return entity(s, i)
	case '\\':
		return backslash(s, i)
	}
	return 0, 0
}

// printable keeps what a text is made of: ASCII and line breaks.
func printable(v int) byte {
	if v >= 0x20 && v < 0x7f || v == '\n' || v == '\t' {
		return byte(v)
	}
	return 0
}

// percent reads %41, also encoded again: %2541.
func percent(s string, i int) (b byte, n int) {
	at := i + 1
	for strings.HasPrefix(s[at:], "25") && hexAt(s, at+2, 2) >= 0 && at-i < maxEscape {
		at += 2
	}
	if b = printable(hexAt(s, at, 2)); b == 0 || b == '%' {
		return 0, 0
	}
	return b, at + 2 - i
}

// entities are those of HTML that matter inside names and values.
var entities = [...]struct {
	text string
	b    byte
}{{"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}}

func entity(s string, i int) (b byte, n int) {
	for _, e := range entities {
		if strings.HasPrefix(s[i:], e.text) {
			return e.b, len(e.text)
		}
	}
	if !strings.HasPrefix(s[i:], "&#") {
		return 0, 0
	}
	at, v := i+2, 0
	if at < len(s) && lower(s[at]) == 'x' {
		if v = hexAt(s, at+1, 2); v < 0 {
			return 0, 0
		}
		at += 3
	} else {
		end := run(s, at, ccDigit, 3)
		for ; at < end; at++ {
			v = v*10 + int(s[at]-'0')
		}
	}
	if b = printable(v); b == 0 || at >= len(s) || s[at] != ';' {
		return 0, 0
	}
	return b, at + 1 - i
}

// hexAt reads n hexadecimal digits at i, -1 where there are not so many.
func hexAt(s string, i, n int) int {
	if i+n > len(s) {
		return -1
	}
	v := 0
	for _, b := range []byte(s[i : i+n]) {
		switch b = lower(b); {
		case is(b, ccDigit):
			v = v<<4 | int(b-'0')
		case is(b, ccHex):
			v = v<<4 | int(b-'a'+10)
		default:
			return -1
		}
	}
	return v
}

// backslash reads a line continuation, an escaped quote inside a word, and the escapes of a byte. Further backslashes
// before an escape are those of strings in strings.
func backslash(s string, i int) (b byte, n int) {
	at := i + 1
	switch {
	case strings.HasPrefix(s[at:], "\n"):
		return 0, 2
	case strings.HasPrefix(s[at:], "\r\n"):
		return 0, 3
	case at+1 < len(s) && isQuote(s[at]) && i > 0 && is(s[i-1], ccWord) && is(s[at+1], ccWord):
		return 0, 2
	case i > 0 && s[i-1] == '\\': // the first of them reads all
		return 0, 0
	}
	for at < len(s) && s[at] == '\\' && at-i < maxEscape {
		at++
	}
	v := -1
	switch {
	case at >= len(s):
	case s[at] == 'u':
		v = hexAt(s, at+1, 4)
		at += 5
	case s[at] == 'x':
		v = hexAt(s, at+1, 2)
		at += 3
	case strings.HasPrefix(s[at:], "033["):
		return 0, escapeSequence(s, i, at+3-i)
	case strings.HasPrefix(s[at:], "e["):
		return 0, escapeSequence(s, i, at+1-i)
	}
	switch {
	case v == 0:
		return 0, at - i
	case v == 0x1b:
		return 0, escapeSequence(s, i, at-i)
	}
	if b = printable(v); b == 0 {
		return 0, 0
	}
	return b, at - i
}

const maxEscape = 64

// escapeSequence returns the length of the terminal control sequence (ECMA-48) that s[i:i+intro] introduces.
func escapeSequence(s string, i, intro int) int {
	at := i + intro
	if at >= len(s) {
		return intro
	}
	end := min(len(s), at+maxEscape)
	switch s[at] {
	case '[':
		for j := at + 1; j < end; j++ {
			if s[j] >= 0x40 && s[j] <= 0x7e {
				return j + 1 - i
			}
		}
	case ']':
		for j := at + 1; j < end; j++ {
			if s[j] == 7 {
				return j + 1 - i
			}
			if s[j] == 0x1b && j+1 < end && s[j+1] == '\\' {
				return j + 2 - i
			}
		}
	}
	return intro
}

// splitQuotes reports whether a quote stands inside a word: gh"p_", gh”p_. Apostrophes of English are none.
//
// Quotes are frequent, and quotes between letters rare: so eight bytes are looked at at once, and without a branch for
// each quote.
func splitQuotes(s string) bool {
	split, _ := inspect(s)
	return split
}

// inspect is splitQuotes; ascii tells whether all of the text is ASCII, if not split.
func inspect(s string) (split, ascii bool) {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	if len(b) < 16 {
		return splitQuotesIn(s, 0, len(s)), false
	}
	before := uint64(0) // words in the eight bytes before
	x := binary.LittleEndian.Uint64(b)
	all := x
	word, quote := wordsIn(x), quotesIn(x)
	i := 0
	for ; i+16 <= len(b); i += 8 {
		x = binary.LittleEndian.Uint64(b[i+8:])
		all |= x
		nextWord, nextQuote := wordsIn(x), quotesIn(x)
		found := quote & (word<<8 | before>>56) & ((word|quote)>>8 | (nextWord|nextQuote)<<56)
		if found != 0 && splitQuotesIn(s, i, i+8) {
			return true, false
		}
		before, word, quote = word, nextWord, nextQuote
	}
	all |= binary.LittleEndian.Uint64(b[len(b)-8:])
	return splitQuotesIn(s, i, len(s)), all&highs == 0
}

func splitQuotesIn(s string, from, to int) bool {
	for i := from; i < to; i++ {
		if splitQuote(s, i) > 0 {
			return true
		}
	}
	return false
}

const (
	ones  = 0x0101010101010101 // each byte of a word 1
	highs = ones << 7
)

// quotesIn sets the high bit of each byte of x that is a quote, and perhaps of others.
func quotesIn(x uint64) uint64 {
	x = x&(ones*0xFA) ^ ones*('"'&0xFA) // what the quotes have in common: of other bytes only # and & share it
	return (x - ones) &^ x & highs
}

// wordsIn sets the high bit of each byte of x that is a letter, a digit, "_" or "-", and perhaps of others.
func wordsIn(x uint64) uint64 {
	x &= ones * 0x7f
	letter := x | ones*0x20
	letter = (letter + ones*(0x80-'a')) &^ (letter + ones*(0x80-'z'-1))
	digit := (x + ones*(0x80-'-')) &^ (x + ones*(0x80-'9'-1))
	under := x ^ ones*'_'
	return (letter | digit | (under-ones)&^under) & highs
}

// splitQuote returns how many bytes from i on are quotes inside a word, 0 for none.
func splitQuote(s string, i int) int {
	if i == 0 || i+1 >= len(s) || !is(s[i-1], ccWord) || s[i] != '"' && s[i] != '\'' {
		return 0
	}
	if b := lower(s[i-1]); (b == 'b' || b == 'f' || b == 'r' || b == 'u') && (i == 1 || !is(s[i-2], ccWord)) {
		return 0 // a string of Python, f"…"
	}
	switch next := s[i+1]; {
	case is(next, ccWord):
		if s[i] == '\'' && isApostrophe(s, i) {
			return 0
		}
		return 1
	case next == s[i] && i+2 < len(s) && is(s[i+2], ccWord):
		return 2
	}
	return 0
}

// isApostrophe recognises the contractions of English at i: don't, it's, we're.
func isApostrophe(s string, i int) bool {
	if !is(s[i-1], ccLower|ccUpper) {
		return false
	}
	end := run(s, i+1, ccWord, 4)
	switch s[i+1 : end] {
	case "s", "t", "d", "m", "re", "ve", "ll", "S", "T", "D", "M", "RE", "VE", "LL":
		return true
	}
	return false
}
