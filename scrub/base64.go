package scrub

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf16"
	"unsafe"
)

// Encoded secrets are found by what base64 makes of the beginnings of secrets and of names, in each of the three places
// they may have in a group of three bytes. Only around such a hit is text decoded, and what is found in it mapped back
// to the groups it stands in.

// base64Words are names and beginnings that are looked for in encoded text, besides the literals that tokens start with.
var base64Words = []string{
	"password", "Password", "PASSWORD", "passwd", "PASSWD", "secret", "Secret", "SECRET", "token", "Token", "TOKEN",
	"api_key", "API_KEY", "apiKey", "PRIVATE KEY", "postgres:", "mysql://", "mongodb", "redis://", "amqp://",
	"Authorization", "authorization", "Bearer ",
}

// base64Wide are looked for as UTF-16, too, as in powershell -EncodedCommand.
var base64Wide = []string{"password", "Password", "secret", "Secret", "token", "Token"}

const (
	minEncodedWord = 4 // bytes of a word that is looked for
	maxEncodedWord = 6 // bytes of it that are
	maxEncodedBack = 2048
	maxEncoded     = 16 << 10 // bytes that are decoded after a hit
	minEncodedLine = 16       // bytes of a line of encoded text that goes on in the next
	maxDepth       = 3        // of encoded text in encoded text
)

// encodings returns what base64 makes of a word that starts at each place in a group, as far as only the word tells. The
// n-th starts base64Offset[n] bytes into the group's four.
func encodings(word string) (e [3]string) {
	word = word[:min(len(word), maxEncodedWord)]
	for n := range e {
		text := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:n] + word))
		e[n] = text[base64Offset[n] : 8*(n+len(word))/6]
	}
	return e
}

var base64Offset = [3]int{0, 2, 3}

// wide returns the bytes of word in UTF-16, little endian.
func wide(word string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(word)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

// addBase64 adds the rules that find encoded words.
func (b *tableBuilder) addBase64(words []string) {
	slices.Sort(words)
	words = slices.Compact(words)
	for n := range base64Offset {
		r := rule{verify: verifyBase64, index: n}
		for _, w := range words {
			b.keyword(encodings(w)[n], true)
		}
		b.rules = append(b.rules, r)
	}
}

// heads returns the literals that matches of the steps from n on start with, in their case.
func heads(steps []step, n int32, before string) (words []string) {
	for len(before) < maxEncodedWord {
		st := &steps[n]
		switch st.op {
		case opLiteral:
			before += st.text
		case opAlt:
			words = append(words, heads(steps, st.alt, before)...)
		case opSet:
			for _, b := range fewBytes(st.set) {
				words = append(words, heads(steps, st.next, before+string([]byte{b}))...)
			}
			if len(words) > 0 {
				return words
			}
			return wordOf(before)
		case opRun, opMatch, opEnd:
			return append(words, wordOf(before)...)
		}
		n = st.next
	}
	return append(words, wordOf(before)...)
}

func wordOf(s string) []string {
	if len(s) < minEncodedWord || strings.HasPrefix(s, "http") || strings.HasPrefix(s, "sha256") { // too common
		return nil
	}
	return []string{s[:min(len(s), maxEncodedWord)]}
}

// fewBytes returns the bytes of a small set, none of a large one; of a letter in both cases only the lower.
func fewBytes(set *[256]bool) (few []byte) {
	for b, ok := range set {
		if ok && !(is(byte(b), ccUpper) && set[lower(byte(b))]) {
			few = append(few, byte(b))
		}
	}
	if len(few) > enumerableSet {
		return nil
	}
	return few
}

// verifyBase64 decodes the encoded text around a hit and reads it.
func verifyBase64(sc *scan, start, _ int, r *rule) {
	phase := (start - base64Offset[r.index]) & 3
	if start < sc.base64Done[phase] || sc.depth >= maxDepth {
		return
	}
	from := sc.encodedStart(start, phase)
	to := sc.encodedText(from)
	sc.base64Done[phase] = to
	sc.runsDirty = true
	sc.steps += to - from
	if text := sc.decoded(); len(text) >= minEncodedWord {
		sc.addDecoded(text)
	}
}

// decoded decodes sc.base64Text, whose last group may be cut.
func (sc *scan) decoded() string {
	text := sc.base64Text
	if len(text)&3 == 1 { // one digit is no byte
		text = text[:len(text)-1]
	}
	buf := slices.Grow(sc.base64Out[:0], len(text))[:len(text)]
	sc.base64Out = buf
	n, err := base64.RawStdEncoding.Decode(buf, text)
	if err != nil { // bits are left in the last group: it is cut
		n, err = base64.RawStdEncoding.Decode(buf, text[:len(text)&^3])
	}
	if err != nil {
		return ""
	}
	return unsafe.String(unsafe.SliceData(buf), n) // buf is not written until the text was read
}

// encodedStart goes back from a hit to where the groups of its phase start.
func (sc *scan) encodedStart(start, phase int) int {
	low := max(sc.base64Done[phase], start-maxEncodedBack)
	from := start
	for from > low && isBase64(sc.s[from-1]) {
		from--
	}
	sc.steps += start - from
	return from + (phase-from)&3
}

func isBase64(b byte) bool { return is(b, ccStd64|ccURL) }

// encodedPart maps the bytes of collected text from at on to the text from offset from on.
type encodedPart struct{ at, from int }

// encodedText collects the encoded text from i on in sc.base64Text, over line breaks between lines of some length. It
// returns its end.
func (sc *scan) encodedText(i int) (end int) {
	s := sc.s
	text, parts := sc.base64Text[:0], sc.base64Parts[:0]
	for limit := min(len(s), i+maxEncoded); i < limit; {
		line := i
		parts = append(parts, encodedPart{at: len(text), from: i})
		for i < limit && isBase64(s[i]) {
			b := s[i]
			switch b {
			case '-':
				b = '+'
			case '_':
				b = '/'
			}
			text = append(text, b)
			i++
		}
		end = i
		next := i
		for next < len(s) && next < i+8 && (isSpace(s[next]) || s[next] == '\\' && next+1 < len(s) && (s[next+1] == 'n' || s[next+1] == 'r')) {
			if s[next] == '\\' {
				next++
			}
			next++
		}
		if next == i || i-line < minEncodedLine || next+minEncodedLine > len(s) || run(s, next, ccStd64|ccURL, minEncodedLine) < next+minEncodedLine {
			break
		}
		i = next
	}
	sc.base64Text, sc.base64Parts = text, parts
	return end
}

// addDecoded reads decoded text and adds what is found, mapped to the encoded groups.
func (sc *scan) addDecoded(text string) {
	sub := sc.e.findIn(text, splitQuotes(text), sc.depth+1)
	if sub == nil {
		return
	}
	for i := range sub.spans {
		sp := &sub.spans[i]
		from := sc.encodedAt(sp.start / 3 * 4)
		to := sc.encodedAt((sp.end+2)/3*4-1) + 1
		for to < len(sc.s) && sc.s[to] == '=' {
			to++
		}
		sc.spans = append(sc.spans, span{start: from, end: to, kind: sp.kind, clean: strings.Clone(sp.value(text)), rank: sc.rank})
	}
	sc.e.release(sub)
}

// encodedAt returns the offset in the text of the n-th byte of encoded text.
func (sc *scan) encodedAt(n int) int {
	n = min(n, len(sc.base64Text)-1)
	i, found := slices.BinarySearchFunc(sc.base64Parts, n, func(p encodedPart, n int) int { return p.at - n })
	if !found {
		i--
	}
	return sc.base64Parts[i].from + n - sc.base64Parts[i].at
}
