package scrub

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unsafe"
)

// A view is the text without what splits its words: colour codes, line continuations, quotes inside words, NUL bytes.
// It is made only for texts that hold such a thing; most are found by the automaton on its way (viewKeywords), quotes
// by splitQuotes. What is found in the view is mapped back and covers what was left out.

// viewKeywords ask for a view. The escapes are those of JSON, Python, C and the shell.
var viewKeywords = []string{"\x1b", "\x00", "\\\n", "\\\r\n", `\u001b[`, `\x1b[`, `\033[`, `\e[`}

// verifyView asks for a view.
func verifyView(sc *scan, _, _ int, _ *rule) { sc.wantView = true }

// splitQuotes reports whether a quote stands inside a word: gh"p_", gh”p_. Apostrophes of English are none.
func splitQuotes(s string) bool {
	const (
		ones  = 0x0101010101010101
		mask  = ones * 0xFA // what the quotes have in common: of other bytes only # and & share it
		quote = ones * ('"' & 0xFA)
	)
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])&mask ^ quote
		for m := (x - ones) &^ x & (ones << 7); m != 0; m &= m - 1 { // zero bytes of x, and perhaps bytes above one
			if splitQuote(s, i+bits.TrailingZeros64(m)/8) > 0 {
				return true
			}
		}
	}
	for ; i < len(b); i++ {
		if splitQuote(s, i) > 0 {
			return true
		}
	}
	return false
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

// view makes the view of s in the scan's buffers.
func (sc *scan) view(s string) string {
	buf, from := sc.viewText[:0], sc.viewFrom[:0]
	for i := 0; i < len(s); {
		skip := 0
		switch s[i] {
		case 0x1b:
			skip = escapeSequence(s, i, 1)
		case 0:
			skip = 1
		case '"', '\'':
			skip = splitQuote(s, i)
		case '\\':
			skip = escapedSplit(s, i)
		}
		if skip > 0 {
			i += skip
			continue
		}
		buf, from = append(buf, s[i]), append(from, int32(i))
		i++
	}
	sc.viewText, sc.viewFrom = buf, append(from, int32(len(s)))
	return unsafe.String(unsafe.SliceData(buf), len(buf)) // buf is not written until the scan is released
}

// escapedSplit returns the length of a line continuation, an escaped colour code or an escaped quote inside a word
// at the backslash s[i].
func escapedSplit(s string, i int) int {
	rest := s[i:]
	switch {
	case strings.HasPrefix(rest, "\\\n"):
		return 2
	case strings.HasPrefix(rest, "\\\r\n"):
		return 3
	case len(rest) > 2 && isQuote(rest[1]) && i > 0 && is(s[i-1], ccWord) && is(rest[2], ccWord):
		return 2
	}
	for _, esc := range [...]string{`\u001b`, `\u001B`, `\x1b`, `\x1B`, `\033`, `\e`} {
		if strings.HasPrefix(rest, esc+"[") {
			return escapeSequence(s, i, len(esc))
		}
	}
	return 0
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
		sp.clean = strings.Clone(text[sp.start:sp.end])
		sp.start, sp.end = int(sc.viewFrom[sp.start]), int(sc.viewFrom[sp.end-1])+1
	}
	sc.s = s
	return sc
}
