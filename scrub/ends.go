package scrub

import "strings"

// Here is found where values end, with quotes and without.

// verifyQuoted takes the quoted value after a keyword: IDENTIFIED BY 'x' (SQL).
func verifyQuoted(sc *scan, _, end int, r *rule) {
	s := sc.s
	level, q := quoteAt(s, end)
	if q == 0 && end >= sc.done && lower(s[end-2]) != s[end-2] {
		if to := sc.bareEnd(end, min(len(s), end+maxJudged), true); to-end >= 6 && mixedBody(s[end:to]) {
			sc.replace(end, to, r.kind)
		}
	}
	if q == 0 || end < sc.done || q != '\'' && lower(s[end-2]) == s[end-2] { // in prose: identified by "x"
		return
	}
	from := end + level + 1
	to := sc.quotedEnd(from, q, level)
	if !isReference(s[from:to]) && !sc.e.onlyLabels(s[from:to]) {
		sc.replace(from, to, r.kind)
	}
}

// quoteAt reads backslashes and a quote at i; q is 0 where there is none.
func quoteAt(s string, i int) (level int, q byte) {
	for j := i; j < len(s) && j-i <= 15; j++ {
		if s[j] == '\\' {
			continue
		}
		if isQuote(s[j]) {
			return j - i, s[j]
		}
		break
	}
	return 0, 0
}

// quotedEnd returns where the quoted value at i ends: at its closing quote, at a quote of an outer level, at the end
// of the line when no quote closes it, or at the end of the text. level counts the backslashes before its quotes.
func (sc *scan) quotedEnd(i int, q byte, level int) int {
	s := sc.s
	start := i
	defer func() { sc.steps += i - start }()
	backslashes := 0
	period := 2 * (level + 1)
	for ; i < len(s); i++ {
		switch b := s[i]; {
		case b == '\\':
			backslashes++
			continue
		case b == q && (backslashes%period == level || backslashes < level):
			return i - min(backslashes, level)
		case b == '"' && level > 0 && backslashes < level:
			return i - backslashes
		case b == '\n' || b == '\r' && sc.at(i+1) == '\n':
			return i
		case level > 0 && b == 'n' && backslashes%period == 1 && q != '`' && level == 1:
			return i - 1
		}
		backslashes = 0
	}
	return i
}

// bareEnd returns where the value without quotes at i ends, at limit at the latest. In a shell, operators end it, too.
func (sc *scan) bareEnd(i, limit int, shell bool) int {
	start := i
	defer func() { sc.steps += i - start }()
	b := bareValue{sc: sc, shell: shell}
	for i < limit {
		if plainByte[sc.s[i]] { // most of it
			i = sc.plainEnd(i, limit)
			continue
		}
		next := b.step(i)
		if next < 0 {
			return i
		}
		i = next
	}
	return min(i, limit)
}

// bareValue is a value without quotes while its end is looked for.
type bareValue struct {
	sc      *scan
	shell   bool
	depth   int  // of brackets
	literal bool // an expansion does not end: what follows is read as it stands
}

// step reads a byte that may end the value, and what belongs to it; it returns the offset behind, -1 where the value ends.
func (b *bareValue) step(i int) int {
	s := b.sc.s
	switch c := s[i]; c {
	case ' ', '\t', '\n', '\r', 0, 0x1b, '`':
		return -1
	case '<':
		if end := placeholderEnd(s, i); end > 0 {
			return end
		}
		if b.shell {
			return -1
		}
	case ';', '&', '|', '>':
		if b.shell {
			return -1
		}
	case '$':
		if b.literal {
			break
		}
		if end := expansionEnd(s, i); end > 0 {
			return end
		}
		b.literal = i+1 < len(s) && (s[i+1] == '(' || s[i+1] == '{')
	case '(', '{', '[':
		if end := b.sc.labelAt(i); c == '[' && end > 0 {
			return end
		}
		b.depth++
	case ')', '}', ']':
		if b.depth--; b.depth < 0 {
			return -1
		}
	case ',':
		if i+1 == len(s) || isSpace(s[i+1]) || isQuote(s[i+1]) || s[i+1] == '\\' || s[i+1] == '}' || s[i+1] == ']' || b.sc.keyAt(i+1) {
			return -1
		}
	case '"', '\'':
		return b.quote(i)
	case '\\':
		return bareEscape(s, i)
	}
	return i + 1
}

// quote reads a quote inside a value.
func (b *bareValue) quote(i int) int {
	s := b.sc.s
	if strings.HasPrefix(s[i:], `'\''`) {
		return i + 4
	}
	if i+1 >= len(s) || !is(s[i+1], ccAlnum|ccURL) && s[i+1] != '$' {
		return -1
	}
	if end := strings.IndexByte(s[i+1:min(len(s), i+256)], s[i]); b.shell && end > 0 && strings.IndexByte(s[i+1:i+1+end], '\n') < 0 {
		i += end + 1
	}
	return i + 1
}

// bareEscape reads a backslash inside a value.
func bareEscape(s string, i int) int {
	if i+1 >= len(s) {
		return -1
	}
	if _, q := quoteAt(s, i); q != 0 || s[i+1] == 'n' || s[i+1] == 't' || s[i+1] == 'r' || s[i+1] == '\n' || s[i+1] == 'u' {
		return -1
	}
	return i + 2
}

// plainByte tells the bytes that mean nothing to bareEnd.
var plainByte = func() (t [256]bool) {
	for b := range t {
		t[b] = strings.IndexByte(" \t\n\r\x00\x1b`<;&|>$({[)}],\"'\\", byte(b)) < 0
	}
	return t
}()

// plainEnd returns the end of the plain bytes at i. What was read for one value is not read again for one inside it.
func (sc *scan) plainEnd(i, limit int) int {
	from := i
	if sc.bare.from <= i && i < sc.bare.to {
		i = min(sc.bare.to, limit)
	}
	for i < limit && plainByte[sc.s[i]] {
		i++
	}
	if i > sc.bare.to {
		if from < sc.bare.from || from > sc.bare.to {
			sc.bare.from = from
		}
		sc.bare.to = i
	}
	return i
}

// placeholderEnd returns the end of <placeholder> at i, 0 where there is none.
func placeholderEnd(s string, i int) int {
	for j := i + 1; j < len(s) && j-i < 64; j++ {
		switch s[j] {
		case '>':
			if j > i+1 {
				return j + 1
			}
			return 0
		case '<', '\n', '"', '\'', ' ', '/':
			return 0
		}
	}
	return 0
}

// expansionEnd returns the end of ${…}, ${{ … }} or $(…) at i, 0 where there is none or it is long.
func expansionEnd(s string, i int) int {
	if i+1 >= len(s) || s[i+1] != '{' && s[i+1] != '(' {
		return 0
	}
	depth := 0
	for j := i + 1; j < len(s) && j-i < 256; j++ {
		if !nests[s[j]] { // most of it
			continue
		}
		switch s[j] {
		case '{', '(':
			depth++
		case '}', ')':
			if depth--; depth == 0 {
				return j + 1
			}
		case '\n':
			return 0
		}
	}
	return 0
}

// nests are the bytes that mean something to expansionEnd.
var nests = [256]bool{'{': true, '(': true, '}': true, ')': true, '\n': true}

// keyAt reports whether another name and "=" or ":" stand at i.
func (sc *scan) keyAt(i int) bool {
	j := run(sc.s, i, ccName, 32)
	return j > i && (sc.at(j) == '=' || sc.at(j) == ':')
}

// skipBlank skips spaces and tabs, a line of them at most.
func skipBlank(s string, i int) int {
	for end := min(len(s), i+32); i < end && (s[i] == ' ' || s[i] == '\t'); {
		i++
	}
	return i
}

func skipSpace(s string, i int) int {
	for end := min(len(s), i+64); i < end && isSpace(s[i]); {
		i++
	}
	return i
}
