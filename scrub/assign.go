package scrub

import "strings"

// assignment is a name and what binds a value to it.
type assignment struct {
	name       string
	start, end int  // of the name in the text
	quote      byte // that closes the name, or 0
	level      int  // backslashes before that quote: 1 in JSON inside a string
	op         byte // '=', ':', '>' for =>, ' ' for a flag and its value, '<' for XML
	spaced     bool // there is space around op
	comparison bool // == or !=: only a literal is a secret
	flag       bool // the name starts with a dash
	dollar     bool // the name starts with $
	value      int  // where the value starts, quote included
	element    bool // the name is the text of an element before that of the value: <key>N</key><value>V</value>
	strict     bool // only a value that looks like a secret is one: the name stands beside it, and does not bind it
	kind       string
	trust      trust
}

// verifyName judges the word around a keyword as a name, and its value.
func verifyName(sc *scan, start, end int, _ *rule) {
	if start < sc.wordEnd || start < sc.done {
		return
	}
	s := sc.s
	for end > start && !is(s[end-1], ccName) { // the keyword brought its operator
		end--
	}
	right := run(s, end, ccName, maxName)
	sc.wordEnd = right
	sc.steps += right - start
	a := assignment{end: right}
	bound := right < len(s) && (is(s[right], ccOperat) || strings.IndexByte("\n\r[!<-({", s[right]) >= 0) &&
		(sc.elementValue(&a, start) || sc.called(&a) || sc.operator(&a))
	sc.nameStart(&a, start)
	compared := sc.comparedLiteral(a.start)
	if !bound && compared < 0 {
		return
	}
	a.kind, a.trust = judgeName(a.name)
	if a.trust == trustNone {
		return
	}
	if compared >= 0 {
		sc.compare(&a, compared)
	}
	if bound && sc.accepts(&a) {
		sc.assign(&a)
	}
}

// nameStart finds where the name starts and what stands before it.
func (sc *scan) nameStart(a *assignment, start int) {
	s := sc.s
	left := runBack(s, start, ccName, maxName)
	sc.steps += start - left
	if left > 0 && s[left-1] == '\\' && left < start { // an escape: \n, \u0026
		switch {
		case s[left] == 'u' && run(s, left+1, ccHex|ccUpper, 4) == left+5:
			left += 5
		case s[left] == 'n' || s[left] == 't' || s[left] == 'r':
			left++
		}
	}
	for left < start && (s[left] == '-' || s[left] == '.') {
		a.flag = a.flag || s[left] == '-'
		left++
	}
	if dashes := runBack(s, left, ccURL, 4); a.flag && dashes > 1 && s[dashes-1] == '\\' && is(s[dashes-2], ccAlnum) {
		a.flag = false // a dash of a manual page: get\-credentials
	}
	b := sc.before(left)
	if b == '/' && left >= 2 && isSpace(s[left-2]) { // cmdkey /pass:x
		a.flag = true
	}
	a.dollar = b == '$' || b == '{' && left >= 2 && s[left-2] == '$'
	a.start, a.name = left, s[left:a.end]
}

// accepts filters names by what stands before them.
func (sc *scan) accepts(a *assignment) bool {
	if a.dollar && (a.op == ':' || a.op == ' ' && !sc.directive(a)) {
		return false // $TOKEN: is a use of it
	}
	if a.op == ' ' && sc.before(a.start) == '/' {
		return false
	}
	if a.op == ':' && a.spaced && a.name == "PASS" && a.quote == 0 {
		return false // what a test runner says
	}
	if a.op == ':' && !a.flag && a.quote == 0 && sc.before(a.start) == '/' && !sc.pairOfNames(a) {
		return false // a path and a line, /etc/passwd:12, or the user of a URL, https://x-token:…@
	}
	if a.op == ':' && !a.spaced && sc.before(a.start) == ':' && is(sc.at(a.value), ccLower|ccUpper) {
		return false // the fields of a file: name:password:uid
	}
	if a.quote != 0 && a.start >= 2 && sc.s[a.start-1] == ':' && sc.s[a.start-2] == ':' {
		return false // a module, 'Test2::Event::Pass' => '1.302'
	}
	if sc.closes(a) || sc.replaced(a.end-1) {
		return false
	}
	switch a.op {
	case '<':
		return sc.before(a.start) == '<' || a.element
	case ' ':
		return a.flag && a.start >= 1 || a.quote == 0 && !a.spacedFlagless(sc)
	}
	return true
}

// closes reports whether the quote behind the operator ends a string that is but a label, 'password:' in code or in the
// pattern of a search, and nothing is joined to it.
func (sc *scan) closes(a *assignment) bool {
	level, q := quoteAt(sc.s, a.value)
	if q == 0 || a.quote != 0 || a.op == ' ' {
		return false
	}
	if next := sc.at(a.value + level + 1); next != 0 && !isSpace(next) && strings.IndexByte(")]},;+.:|&<>", next) < 0 {
		return false
	}
	return sc.insideQuotes(a.start, q, level)
}

// maxLineBefore is how far back a line is read for what stands before a name.
const maxLineBefore = 256

// insideQuotes reports whether place i of its line lies within a string in quotes q behind level backslashes.
// Apostrophes of English open none.
func (sc *scan) insideQuotes(i int, q byte, level int) bool {
	s := sc.s
	low := max(0, i-maxLineBefore)
	inside := false
	for j := i - 1; j >= low && s[j] != '\n'; j-- {
		if s[j] != q || q == '\'' && j > 0 && is(s[j-1], ccAlnum) && is(s[j+1], ccAlnum) {
			continue
		}
		k := j
		for k > low && s[k-1] == '\\' {
			k--
		}
		if j-k == level {
			inside = !inside
		}
		j = k
	}
	return inside
}

// replaced reports whether a place lies in one of the last secrets found, such as a program's argument.
func (sc *scan) replaced(at int) bool {
	for _, f := range sc.spans[max(0, len(sc.spans)-4):] {
		if f.start <= at && at < f.end {
			return true
		}
	}
	return false
}

// spacedFlagless reports whether a name that only a space follows binds nothing. It binds in PASSWORD 'x' (SQL), in
// .netrc, and in "password is x".
func (a *assignment) spacedFlagless(sc *scan) bool {
	s := sc.s
	if sc.declared(a) || sc.directive(a) || sc.quotedLine(a) || sc.setting(a) {
		return false
	}
	if a.kind != kindPassword && a.kind != kindToken && a.kind != kindSecret {
		return true
	}
	if sc.at(a.value) == '\'' && a.kind == kindPassword && !foldEqual(a.name, "pass") {
		return false
	}
	if foldHas(s, a.value, "is ") || foldHas(s, a.value, "is: ") {
		v := a.value + strings.IndexByte(s[a.value:], ' ') + 1
		end := sc.bareEnd(v, min(len(s), v+maxJudged), false)
		if sh := shapeOf(s[v:end]); sh.n >= 6 && sh.digit > 0 && sh.lower+sh.upper > 0 {
			a.value = v
			return false
		}
		return true
	}
	if a.kind == kindPassword && (foldEqual(a.name, "password") || foldEqual(a.name, "passwd")) {
		if sc.netrc(a) {
			return false
		}
		if before := s[max(0, a.start-8):a.start]; a.name == "PASSWORD" && (strings.HasSuffix(before, "LOGIN ") || strings.HasSuffix(before, "WITH ")) {
			a.strict = true
			return false
		}
	}
	return true
}

// operator reads from the end of the name to the start of the value. It reports false when nothing binds a value.
func (sc *scan) operator(a *assignment) bool {
	s := sc.s
	i := a.end
	if level, q := quoteAt(s, i); q != 0 {
		a.quote, a.level = q, level
		i += level + 1
	}
	if a.quote != 0 && (sc.at(i) == ']' || sc.at(i) == ')' && sc.fallback(a, i+1)) {
		i++
	}
	if a.quote == 0 && sc.at(i) == '[' {
		if j := run(s, i+1, ccDigit, 8); sc.at(j) == ']' { // char password[16] =
			i, a.strict = j+1, true
		}
	}
	k := skipBlank(s, i)
	a.spaced = k > i
	if k == len(s) {
		return false
	}
	n := sc.operatorLength(a, k)
	if n <= 0 {
		return n == 0 && sc.otherBinding(a, k)
	}
	k += n
	if a.op == ':' && a.quote == 0 && s[k-1] == ':' {
		k = sc.annotated(a, k)
	}
	v := skipBlank(s, k)
	if a.quote != 0 && a.op == ':' {
		v = skipSpace(s, k)
	}
	a.spaced = a.spaced || v > k
	a.value = v
	return v < len(s)
}

// operatorLength reads an operator at k into a and returns its length; 0 where there is none, -1 where there is one that
// binds no value.
func (sc *scan) operatorLength(a *assignment, k int) int {
	s := sc.s
	b, c := s[k], sc.at(k+1)
	switch {
	case (b == '=' || b == '!') && c == '=':
		a.op, a.comparison, a.strict = '=', true, a.strict || b == '!'
		if sc.at(k+2) == '=' {
			return 3
		}
		return 2
	case b == '=' && c == '>':
		a.op = '>'
		return 2
	case b == '=' && c == '~', b == ':' && c == '/' && sc.at(k+2) == '/':
		return -1
	case b == '=':
		a.op = '='
		return 1
	case b == ':' && c == ':':
		if sc.at(k+2) != '=' && (sc.at(k+2) != ':' || sc.at(k+3) != '=') {
			return -1
		}
		a.op, a.spaced = '=', true // ::= and :::= of make
		return strings.IndexByte(s[k:], '=') + 1
	case b == ':' && c == '=':
		a.op, a.spaced = '=', true
		return 2
	case b == ':':
		a.op = ':'
		return 1
	case c == '=' && (b == '+' || b == '?' || b == '|' || b == '.'):
		a.op = '='
		return 2
	case b == '?' && c == ':' && (a.quote == 0 || !isQuote(sc.at(skipBlank(s, k+2)))):
		a.op = ':'
		return 2
	}
	return 0
}

// otherBinding reads what binds a value at k without an operator.
func (sc *scan) otherBinding(a *assignment, k int) bool {
	s := sc.s
	b, c := s[k], sc.at(k+1)
	switch {
	case a.quote != 0 && (b == '-' && c == '>' || b == 't' && c == 'o' && sc.at(k+2) == ' '): // of a map, in Scala and Kotlin
		a.op, a.strict, a.spaced = '>', b == 't', true
		a.value = skipBlank(s, k+2)
		return sc.at(a.value) == '"' || sc.at(a.value) == '\''
	case sc.fallback(a, k):
		return true
	case b == '>' && (a.quote == 0 || sc.attribute(a)):
		a.op, a.element, a.value = '<', a.quote != 0, k+1
		return true
	case sc.pairedValue(a, k), sc.attributeValue(a, k):
		return true
	case a.quote != 0 && b == '{': // variable "db_password" { default = "x" }
		a.op, a.spaced, a.value = '=', true, sc.memberValue(k)
		return a.value > 0
	case a.spaced && a.quote == 0:
		a.op, a.value = ' ', k
		return b != '\n' && b != '\r'
	}
	return false
}

// annotated steps over a type between a name and its value: token: string = "x". k stands after the colon.
func (sc *scan) annotated(a *assignment, k int) int {
	s := sc.s
	from := skipBlank(s, k)
	to := run(s, from, ccName, 40)
	if to == from || !is(s[from], ccLower|ccUpper) {
		return k
	}
	eq := skipBlank(s, to)
	if sc.at(eq) != '=' || sc.at(eq+1) == '=' || sc.at(eq+1) == '>' || eq == to && sc.at(eq+1) != ' ' {
		return k
	}
	a.op, a.spaced = '=', true
	return eq + 1
}

// pairedValue reads pairs whose name is a value itself: "name":"TOKEN","value":"x", name: TOKEN ⏎ value: x,
// key="Token" value="x"; and the argument vector "--token","x".
func (sc *scan) pairedValue(a *assignment, k int) bool {
	s := sc.s
	comma := s[k] == ','
	if comma && sc.argument(a, k) {
		return true
	}
	if !comma && s[k] != '\n' && s[k] != '\r' && (a.quote == 0 || !foldHas(s, k, "value=")) {
		return false
	}
	if comma {
		if a.quote == 0 {
			return false
		}
		k++
	}
	k = skipSpace(s, k)
	level, q := quoteAt(s, k)
	if q != 0 {
		k += level + 1
	}
	if foldHas(s, k, "value") {
		v := k + 5
		if l, q := quoteAt(s, v); q != 0 {
			v += l + 1
		}
		if v = skipBlank(s, v); sc.at(v) == ':' || sc.at(v) == '=' {
			a.op, a.spaced, a.value = s[v], false, skipBlank(s, v+1)
			return a.value < len(s)
		}
	}
	if comma && q != 0 && level == a.level && is(s[a.end-1], ccAlnum) {
		a.op, a.value = ' ', k-level-1
		return sc.flagBefore(a)
	}
	return false
}

// flagBefore reports whether the quoted name that ends at a.end starts with a dash.
func (sc *scan) flagBefore(a *assignment) bool {
	left := runBack(sc.s, a.end, ccName, maxName)
	return left < a.end && sc.s[left] == '-'
}

// maxJudged is how much of a value without quotes is read to judge it. One that is taken is then read to its end; one
// that is not is read again by the names inside it, at a bounded cost each.
const maxJudged = 512

// assign judges the value of a and reports it.
func (sc *scan) assign(a *assignment) {
	s := sc.s
	v := a.value
	if a.op == '<' {
		sc.element(a)
		return
	}
	if c := s[v]; v+1 < len(s) && isQuote(s[v+1]) && (lower(c) == 'b' || lower(c) == 'r' || lower(c) == 'f' || lower(c) == 'u' || c == '@' || c == '$') {
		v++
	}
	if a.op == ':' && (s[v] == '\n' || s[v] == '[' && sc.plural(a)) {
		sc.list(a, v)
		return
	}
	if a.op == ':' && a.quote != 0 && s[v] == '{' && a.trust == trustStrong {
		if v = sc.memberValue(v); v < 0 {
			return
		}
	}
	if s[v] == '[' && a.quote != 0 { // the first of "Authorization": ["Bearer x"]
		if first := skipSpace(s, v+1); first < len(s) && s[first] == s[a.end+a.level] {
			v = first
		}
	}
	a.value = v
	if sc.header(a) {
		return
	}
	level, q := quoteAt(s, v)
	if q != 0 {
		if a.name == "PASSWORD" && a.op == ':' && a.quote == 0 && s[v-1] == ':' && s[a.end] == ' ' {
			return // a variable of psql, :'name'
		}
		from := v + level + 1
		to := sc.quotedEnd(from, q, level)
		if sc.quotedSecret(a, s[from:to]) {
			sc.replace(from, sc.joined(a, to, level), a.kind)
		}
		return
	}
	if a.comparison {
		return
	}
	if a.op == ':' && a.spaced && yamlTag(s, v) || strings.HasPrefix(s[v:], "<%") {
		return // password: !vault |, <%= ENV["X"] %>
	}
	if a.op == ':' && (s[v] == '|' || s[v] == '>') { // a YAML block
		sc.block(a, v)
		return
	}
	if sc.bracketed(a, v) || a.isExpression(s[v:min(len(s), v+maxName)]) || strings.HasPrefix(s[v:], "$(") { // the last is a reference wherever it ends
		return
	}
	limit := min(len(s), v+maxJudged)
	to := sc.bareEnd(v, limit, a.op != ':')
	if a.op == ':' && to > v && (s[to-1] == ';' || s[to-1] == ',') {
		to--
	}
	if sc.bareSecret(a, v, to) {
		if to == limit {
			to = sc.bareEnd(v, len(s), a.op != ':')
		}
		sc.replace(v, to, a.kind)
	}
}

// replace reports a value, and keeps the names inside it from being judged.
func (sc *scan) replace(from, to int, kind string) {
	sc.add(from, to, kind)
	sc.done = max(sc.done, to)
}

// joined extends a quoted shell word over what is joined to it: 'it'\”s', "a"'b'.
func (sc *scan) joined(a *assignment, to, level int) int {
	s := sc.s
	if a.op != '=' && a.op != ' ' || a.spaced && a.op == '=' || level != 0 || to >= len(s) || !isQuote(s[to]) {
		return to
	}
	i := to + 1
	for range 8 {
		switch {
		case strings.HasPrefix(s[i:], `\'`):
			i += 2
		case i+1 < len(s) && isQuote(s[i]) && s[i] != '`' && i > to+1:
			end := sc.quotedEnd(i+1, s[i], 0)
			if end >= len(s) || s[end] == '\n' {
				return to
			}
			i, to = end+1, end
		case i < len(s) && (is(s[i], ccAlnum) || s[i] == '$'):
			return sc.bareEnd(i, len(s), true)
		case i+2 < len(s) && isQuote(s[i]) && is(s[i+1], ccAlnum):
			end := sc.quotedEnd(i+1, s[i], 0)
			i, to = min(end+1, len(s)), end
		default:
			return to
		}
	}
	return to
}
