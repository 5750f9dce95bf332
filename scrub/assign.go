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

// quotedSecret judges a value in quotes.
func (sc *scan) quotedSecret(a *assignment, v string) bool {
	if isReference(v) || sc.e.onlyLabels(v) || namesItself(a.name, v) || isNotation(v) {
		return false
	}
	if a.trust == trustWeak {
		return sc.weakSecret(a, v) || a.kind == kindPassword && !a.strict && passwordLiteral(v)
	}
	if a.strict || a.comparison && (a.kind != kindPassword || !foldSuffix(a.name, "password")) {
		return strictSecret(a.kind, v)
	}
	if len(v) == 1 && !is(v[0], ccAlnum) || len(v) < 3 && a.kind != kindPassword || exempt(a.kind, a.name, v) || isPattern(v) {
		return false
	}
	if foldEqual(a.name, "pass") && strings.Count(v, " ") > 1 {
		return false
	}
	if last := strings.TrimRight(v, " "); last[len(last)-1] == ':' && strings.IndexByte(last, ' ') > 0 || strings.HasPrefix(v, "required|") || strings.HasPrefix(v, "nullable|") {
		return false // a prompt; the rules of a validator
	}
	if a.op == ' ' && a.flag && a.kind == kindSecret && isSecretName(v) || labels(a.name, v) {
		return false
	}
	structured := a.quote != 0 || isEnvName(a.name) || a.op == ' '
	if a.kind == kindToken && a.op != ' ' && !isEnvName(a.name) && strings.IndexByte(v, ' ') > 0 && run(v, 0, ccLower, len(v)) > 0 && shapeOf(v).digit == 0 {
		return false // a sentence: tokens have no spaces
	}
	if !structured && isCodeName(a.kind, v) {
		return false
	}
	return a.op == ' ' || isEnvName(a.name) || !speaksAbout(v)
}

// exempt reports values that are no secrets although their name says so: paths to keys and credentials, and working
// directories.
func exempt(kind, name, v string) bool {
	if strings.Contains(v, "://") {
		return isAddress(v)
	}
	if strings.HasSuffix(v, "aws4_request") || strings.HasSuffix(v, "goog4_request") {
		return true // the scope of a signature
	}
	if isEnvName(v) && strings.IndexByte(v, '_') > 0 && shapeOf(v).digit == 0 {
		if _, t := judgeName(v); t == trustStrong {
			return true // the name of a variable
		}
	}
	switch kind {
	case kindPrivateKey, kindCredential, kindAPIKey, kindToken, kindSecret, kindCookie:
		return isPath(v) || isResource(v) || isImport(v)
	case kindPassword:
		return (foldSuffix(name, "pwd") || v != "" && (v[0] == '.' || v[0] == '~')) && isPath(v)
	}
	return false
}

// speaksAbout reports whether a text is a sentence about secrets: "Password is required".
func speaksAbout(v string) bool {
	if first, _, more := strings.Cut(v, " "); more && len(first) <= 10 && saysFirst.has([]byte(strings.ToLower(first))) {
		return true
	}
	if len(v) > 200 || run(v, 0, ccAlnum, 1) == 0 || strings.Count(v, " ") < 2 && (!is(v[0], ccUpper) || !strings.Contains(v, " ")) {
		return false
	}
	for i := range len(v) {
		switch lower(v[i]) {
		case 'p', 't', 's', 'r', 'i', 'm', 'e', 'y', 'k':
			for _, w := range [...]string{"password", "token", "secret", " key", "required", "invalid", "missing", "must ", "enter ", "your "} {
				if foldHas(v, i, w) {
					return true
				}
			}
		}
	}
	return false
}

// saysFirst are first words of what a program says about a secret.
var saysFirst = words("invalid missing wrong incorrect bad no enter forgot reset change confirm show hide your expired unknown unexpected unauthorized")

// yamlTag reports whether a tag of YAML stands at i: !vault, !Ref.
func yamlTag(s string, i int) bool {
	if s[i] != '!' {
		return false
	}
	end := run(s, i+1, ccLower|ccUpper, 20)
	return end > i+1 && (end == len(s) || isSpace(s[end]))
}

// weakSecret judges a value by itself, as its name says little.
func (sc *scan) weakSecret(a *assignment, v string) bool {
	if (a.kind == kindSecret || a.kind == kindAPIKey) && jumbled(v) {
		return true
	}
	if !isOpaque(v) && a.name != "PWD" {
		return false
	}
	switch a.kind {
	case kindSignature:
		b := sc.before(a.start)
		return (b == '?' || b == '&' || b == ';' || a.start >= 6 && sc.s[a.start-6] == '\\') && len(v) >= 16 && (looksRandom(v, 16) || strings.IndexByte(v, '%') > 0)
	case kindCredential:
		return looksRandom(v, 8) && shapeOf(v).digit > 0 && !isMember(v) || len(v) >= 12 && basicPair(v)
	case kindPassword:
		if a.name == "PWD" {
			return a.connection(sc) && len(v) > 2 && !isPath(v) || (a.op == ':' || a.spaced) && passwordLiteral(v) && !isPath(v)
		}
		return mixedBody(v) && len(v) >= 6 && !strings.ContainsAny(v, " (") && !wordy(v)
	}
	if isUUID(v) {
		return a.kind == kindSecret || isEnvName(a.name)
	}
	sh := shapeOf(v)
	if sh.hex && !isEnvName(a.name) && !(a.kind == kindAPIKey && len(v) >= 32 && keyOfWords(a.name)) || isPath(v) || sh.digit == 0 && wordy(v) || isMember(v) || strings.Count(v, "_") > 2 && sh.upper*4 < sh.n {
		return false
	}
	return looksRandom(v, 16)
}

// keyOfWords reports whether a name says of what it is the key: hockeyapp_key, but not key.
func keyOfWords(name string) bool {
	var p nameParts
	p.split(name)
	return p.n > 1
}

// jumbled reports whether v is long and mixed of letters, digits and signs as only generated secrets are.
func jumbled(v string) bool {
	sh := shapeOf(v)
	return sh.n >= 32 && sh.lower > 2 && sh.upper > 2 && sh.digit > 2 && sh.other*8 >= sh.n && sh.changes*2 >= sh.n && sh.distinct >= 20
}

// connection reports whether the name stands in a connection string: UID=sa;PWD=x;
func (a *assignment) connection(sc *scan) bool {
	if a.op != '=' || a.spaced || sc.s == "" {
		return false
	}
	b := sc.before(a.start)
	return b == ';' || b == ' ' && a.start >= 2 && sc.s[a.start-2] == ';'
}

// isOpaque reports whether v is of the characters of encodings, percent-encoded perhaps: no code, no path of names.
func isOpaque(v string) bool {
	v = strings.TrimRight(v, "=")
	for i := range min(len(v), maxJudged) {
		if !is(v[i], ccWord|ccStd64|ccDot) && v[i] != '%' && v[i] != '~' && v[i] != '!' && v[i] != '@' && v[i] != '$' {
			return false
		}
	}
	return true
}

// isEnvName reports whether a name is written as environment variables are.
func isEnvName(name string) bool {
	return len(name) > 1 && run(name, 0, ccUpper|ccDigit|ccURL, len(name)) == len(name)
}

// bareSecret judges a value without quotes, where code has expressions, types and calls.
func (sc *scan) bareSecret(a *assignment, from, to int) bool {
	s := sc.s
	v := s[from:to]
	if sc.onlyLabels(from, to) || isReference(v) || troff(v) {
		return false
	}
	if a.trust == trustWeak {
		return sc.weakSecret(a, v)
	}
	if exempt(a.kind, a.name, v) || namesItself(a.name, withoutStop(v)) || a.flag && a.kind == kindSecret && isSecretName(v) {
		return false
	}
	if a.strict {
		return !isCall(v) && (a.kind == kindPassword || strings.IndexByte(v, '_') < 0) && strictSecret(a.kind, v)
	}
	sh := shapeOf(v)
	if sh.digit == sh.n {
		return a.numberSecret(s, sh.n)
	}
	if a.isCode(v, sh) || sc.isProse(a, v, to) {
		return false
	}
	identifier := run(v, 0, ccName, len(v)) == len(v) && sh.digit == 0 && v[0] != '-'
	switch {
	case a.op == ' ':
		return a.flagValue(v, sh, s, to)
	case a.op == '=' && !a.spaced:
		return isEnvName(a.name) || !identifier || !sc.isArgument(a, v, to)
	case strings.ContainsAny(v, "([{") && is(v[0], ccLower|ccUpper) && !a.wholeLine(s, to):
		return false
	case identifier:
		return sc.identifierSecret(a, v, to)
	}
	return !isMember(v)
}

// identifierSecret judges a word that could as well be a name in code. Of configurations, which have one on a line, it
// takes passwords, and words that are not made of words.
func (sc *scan) identifierSecret(a *assignment, v string, to int) bool {
	s := sc.s
	if sc.isHeaderName(a) {
		return true
	}
	if !a.wholeLine(s, to) || !a.lineStart(s) || endsWith(a.name, v) {
		return false
	}
	if len(v) >= 12 && !wordy(v) && strings.Count(v, "_") < 2 {
		return true
	}
	return len(v) >= 4 && (a.kind == kindPassword || isEnvName(a.name)) && !isTypeName(v) && !strings.ContainsAny(v, "._") &&
		!foldSuffix(v, "password") && !codeWords.has([]byte(v)) && s[to-1] != ';' && sc.at(to) != ';'
}

// numberSecret judges a number of n digits.
func (a *assignment) numberSecret(s string, n int) bool {
	if a.op == '=' && a.spaced && n <= 5 && (isEnvName(a.name) || !a.lineStart(s)) {
		return false // const ERROR_INVALID_PASSWORD = 1324
	}
	return n >= 4 && (a.kind == kindPassword || isEnvName(a.name)) || n >= 6 && a.op != ':'
}

// isExpression reports whether a value without quotes that starts so is a list, an object or a group, and not the
// password of an environment variable that starts with a bracket.
func (a *assignment) isExpression(v string) bool {
	switch v[0] {
	case '(':
		return true
	case '{', '[':
		if end := run(v, 1, ccAlnum|ccURL, 16); v[0] == '{' && end > 1 && end+1 < len(v) && v[end] == '}' && is(v[end+1], ccAlnum|ccB64|ccDot) || strings.HasPrefix(v[min(end+1, len(v)):], "$") && v[0] == '{' {
			return false // {SSHA}…, {bcrypt}$2a$…
		}
		return !strings.HasPrefix(v, labelStart) && (a.spaced || !isEnvName(a.name) || len(v) < 2 || !is(v[1], ccAlnum))
	}
	return false
}

// isHeaderName reports whether an HTTP header stands here, whose value is never code.
func (sc *scan) isHeaderName(a *assignment) bool {
	return a.op == ':' && a.spaced && (foldHas(a.name, 0, "x-") || isQuote(sc.before(a.start)) && a.quote == 0 && strings.Contains(a.name, "-"))
}

// isArgument reports whether an identifier after name= is code: a keyword argument, a member, the name itself.
func (sc *scan) isArgument(a *assignment, v string, to int) bool {
	if b := sc.before(a.start); b == '?' || b == '&' {
		return false
	}
	if len(v) <= 2 || foldEqual(v, a.name) {
		return true
	}
	if i := strings.IndexByte(v, '.'); i > 0 {
		if _, t := judgeName(v); t != trustNone {
			return true
		}
		switch v[:i] {
		case "self", "this", "cfg", "config", "args", "opts", "options", "os", "process", "settings", "req", "request", "env", "ctx", "params":
			return true
		}
	}
	next := sc.at(to)
	return next == ')' || next == ',' && !is(sc.at(to+1), ccName) && run(v, 0, ccLower|ccURL, len(v)) == len(v)
}

// flagValue judges what follows a flag.
func (a *assignment) flagValue(v string, sh shape, s string, to int) bool {
	if !a.flag {
		return true
	}
	for _, p := range [...]string{"pass:", "env:", "file:", "fd:"} { // openssl's sources of passwords
		if strings.HasPrefix(v, p) {
			return false
		}
	}
	if v[0] == '-' || strings.HasPrefix(v, "id=") || strings.HasPrefix(v, "type=") || strings.HasPrefix(v, "src=") {
		return false
	}
	if run(v, 0, ccUpper|ccURL, len(v)) == len(v) && (endsWith(a.name, v) || strings.EqualFold(compact(a.name), compact(v))) { // --password PASSWORD, --access-key ACCESSKEY
		return false
	}
	if sh.digit == 0 && helpWords.has([]byte(withoutStop(v))) || a.kind != kindPassword && plainWord(withoutStop(v)) {
		return false
	}
	return !strings.HasPrefix(s[to:], "  ") || sh.digit > 0
}

// plainWord reports whether v is one word in small letters, as in prose after the name of a flag; no token is.
func plainWord(v string) bool {
	letters := run(v, 0, ccLower, len(v))
	return letters > 0 && letters <= 14 && wordy(v[:letters]) && (letters == len(v) || v[letters] == '\'' && len(v)-letters <= 3)
}

// troff reports whether a value is text of a manual page: \fIname\fR, \-, my\-key.
func troff(v string) bool {
	for i := 0; i+1 < len(v); i++ {
		if v[i] == '\\' && (v[i+1] == '-' || v[i+1] == 'e' && i+2 == len(v) || v[i+1] == 'f' && i+2 < len(v) && strings.IndexByte("RBIP5", v[i+2]) >= 0) {
			return true
		}
	}
	return false
}

// withoutStop leaves out the punctuation that v ends in.
func withoutStop(v string) string {
	for v != "" && (v[len(v)-1] == '.' || v[len(v)-1] == ',') {
		v = v[:len(v)-1]
	}
	return v
}

// compact leaves out what separates the words of a name.
func compact(name string) string { return strings.NewReplacer("-", "", "_", "", ".", "").Replace(name) }

// codeWords are identifiers that code assigns from.
var codeWords = words("value val values input arg args data result text line content str default body name user info form")

var helpWords = words(`to is the a an for flag flags option options string value text file or and if as in with on from so
	when argument not was you that this can must should may will are it its via using instead stringarray strings
	duration int bool parameter parameters field fields header headers`)

// lineStart reports whether only indentation, a list mark, or a declaration stands before the name.
func (a *assignment) lineStart(s string) bool {
	i := a.start
	for i > 0 && a.start-i < 40 {
		b := s[i-1]
		if b == '\n' {
			return true
		}
		if b != ' ' && b != '\t' && b != '-' && b != '+' && b != '"' && b != '\'' {
			return false
		}
		i--
	}
	return i == 0
}

// wholeLine reports whether the line ends after the value.
func (a *assignment) wholeLine(s string, to int) bool {
	to = skipBlank(s, to)
	return to == len(s) || s[to] == '\n' || s[to] == '\r' || s[to] == '#' || strings.HasPrefix(s[to:], `\n`)
}

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
	s := sc.s
	start := i
	depth := 0
	literal := false // an expansion does not end: what follows is read as it stands
	defer func() { sc.steps += i - start }()
	for i < limit {
		if plainByte[s[i]] { // most of it
			i = sc.plainEnd(i, limit)
			continue
		}
		switch b := s[i]; b {
		case ' ', '\t', '\n', '\r', 0, 0x1b, '`':
			return i
		case '<':
			if end := placeholderEnd(s, i); end > 0 {
				i = end
				continue
			}
			if shell {
				return i
			}
		case ';', '&', '|', '>':
			if shell {
				return i
			}
		case '$':
			if !literal {
				if end := expansionEnd(s, i); end > 0 {
					i = end
					continue
				}
				literal = i+1 < len(s) && (s[i+1] == '(' || s[i+1] == '{')
			}
		case '(', '{':
			depth++
		case '[':
			if end := sc.labelAt(i); end > 0 {
				i = end
				continue
			}
			depth++
		case ')', '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if i+1 == len(s) || isSpace(s[i+1]) || isQuote(s[i+1]) || s[i+1] == '\\' || s[i+1] == '}' || s[i+1] == ']' || sc.keyAt(i+1) {
				return i
			}
		case '"', '\'':
			if strings.HasPrefix(s[i:], `'\''`) {
				i += 4
				continue
			}
			if i+1 >= len(s) || !is(s[i+1], ccAlnum|ccURL) && s[i+1] != '$' {
				return i
			}
			if end := strings.IndexByte(s[i+1:min(len(s), i+256)], b); shell && end > 0 && strings.IndexByte(s[i+1:i+1+end], '\n') < 0 {
				i += end + 1
			}
		case '\\':
			if i+1 >= len(s) {
				return i
			}
			if _, q := quoteAt(s, i); q != 0 || s[i+1] == 'n' || s[i+1] == 't' || s[i+1] == 'r' || s[i+1] == '\n' || s[i+1] == 'u' {
				return i
			}
			i++
		}
		i++
	}
	return min(i, limit)
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
