package scrub

import (
	"encoding/base64"
	"strings"
)

// schemes are the first words of an Authorization value; they are kept, what follows is the secret.
var schemes = words("bearer basic token digest negotiate ntlm apikey api-key bot aws4-hmac-sha256 hawk splunk key pat oauth sharedkey sharedaccesssignature genie")

// header handles names whose value may hold spaces: Authorization, Cookie, Set-Cookie. It reports whether it did.
func (sc *scan) header(a *assignment) bool {
	if a.kind != kindAuthorization && a.kind != kindCookie || a.op == ' ' {
		return false
	}
	s := sc.s
	v := a.value
	level, q := quoteAt(s, v)
	limit := min(len(s), v+maxJudged)
	var end int
	switch {
	case q != 0:
		v += level + 1
		end = sc.quotedEnd(v, q, level)
	case a.op != ':' || a.quote != 0:
		return false
	default:
		end = sc.lineEnd(v, limit)
	}
	from, to := sc.headerSecret(a, v, end)
	for to > from && isSpace(s[to-1]) {
		to--
	}
	if from < to && q == 0 && isCall(s[from:to]) {
		return true
	}
	if from >= to || isReference(s[from:to]) || sc.e.onlyLabels(s[from:to]) || isNotation(s[from:to]) || namesItself(a.name, s[from:to]) {
		return true
	}
	if a.kind == kindCookie && !cookiePairs(s[from:to]) {
		return true
	}
	if a.kind == kindAuthorization && (from == v && !sc.plainAuthorization(a, s[from:to], q != 0) || strings.IndexByte(s[from:to], '<') >= 0) {
		return true
	}
	if to == limit && q == 0 {
		_, to = sc.headerSecret(a, v, sc.lineEnd(v, len(s)))
	}
	sc.replace(from, to, a.kind)
	return true
}

// lineEnd returns the end of an unquoted header: the quote that opened around it, the end of the line, or limit.
func (sc *scan) lineEnd(i, limit int) int {
	s := sc.s
	start := i
	if sc.line.from <= i && i < sc.line.to { // read before, for a header further left
		i = min(sc.line.to, limit)
	}
	first := i
	defer func() {
		sc.steps += i - first
		sc.line = stretch{start, i}
	}()
	backslashes := 0
	for ; i < limit; i++ {
		switch s[i] {
		case '\n', '\r', 0x1b:
			return i
		case '"', '\'', '`':
			if next := sc.at(i + 1); !is(next, ccAlnum) {
				return i - backslashes
			}
		case '\\':
			if n := sc.at(i + 1); n == 'n' || n == 'r' {
				return i
			}
			backslashes++
			continue
		}
		backslashes = 0
	}
	return i
}

// headerSecret cuts the scheme off the value of an Authorization header, and for schemes of one word what follows it.
func (sc *scan) headerSecret(a *assignment, from, to int) (int, int) {
	if a.kind != kindAuthorization {
		return from, to
	}
	s := sc.s
	word := from + schemeLength(s[from:to])
	if word == from {
		return from, to
	}
	from = word
	if end := strings.IndexAny(s[from:to], " \t"); end > 0 {
		switch lower(s[a.value]) {
		case 'a', 'd', 'h': // AWS4, Digest, Hawk: lists with spaces
		default:
			if a.quote == 0 {
				to = from + end
			}
		}
	}
	return from, to
}

// schemeLength returns the length of a scheme and the spaces after it at the start of v, 0 where there is none.
func schemeLength(v string) int {
	i := 0
	var low [32]byte
	for i < len(v) && i < len(low) && (is(v[i], ccAlnum) || v[i] == '-') {
		low[i] = lower(v[i])
		i++
	}
	if i == 0 || i >= len(v) || v[i] != ' ' || !schemes.has(low[:i]) {
		return 0
	}
	for i < len(v) && v[i] == ' ' {
		i++
	}
	return i
}

// plainAuthorization judges a value without a scheme, which in prose is a word and in code the name of the header.
func (sc *scan) plainAuthorization(a *assignment, v string, quoted bool) bool {
	if !quoted && isQuote(sc.before(a.start)) {
		return true
	}
	first, _, more := strings.Cut(v, " ")
	if mixedBody(first) && !wordy(first) && is(first[0], ccAlnum) {
		return true
	}
	return !more && len(v) >= 6 && (!quoted || a.quote != 0) && !isCodeName(a.kind, strings.TrimRight(v, ",;"))
}

// basicPair reports whether v is base64 of "user:password".
func basicPair(v string) bool {
	if len(v) > 512 || run(v, 0, ccStd64, len(v)) < len(v)-2 {
		return false
	}
	var buf [400]byte
	n, err := base64.StdEncoding.Decode(buf[:], []byte(v))
	if err != nil {
		return false
	}
	for i := range n {
		if buf[i] < 0x20 || buf[i] > 0x7e {
			return false
		}
	}
	return strings.IndexByte(string(buf[:n]), ':') > 0
}

// cookiePairs reports whether v is what a Cookie header holds, name=value, or one opaque value, and no code.
func cookiePairs(v string) bool {
	name := 0
	for name < len(v) && (is(v[name], ccName) || strings.IndexByte("!#$%&'*+^|~", v[name]) >= 0) {
		name++
	}
	if name == len(v) {
		return looksRandom(v, 8)
	}
	return name > 0 && v[name] == '=' && name+1 < len(v) && v[name+1] != '=' && v[name+1] != ';'
}
