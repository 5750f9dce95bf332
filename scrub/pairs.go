package scrub

import "strings"

// Here are the ways in which a name stands beside a secret without one of the usual operators between them.

// strictSecret judges a literal that stands beside a secret's name and is not bound by it: the argument after it, the
// other side of a comparison, a fallback. Words, sentences, paths and names of things are none.
func strictSecret(kind, v string) bool {
	if len(v) < 6 || isPath(v) || strings.Contains(v, "://") || strings.Contains(v, "%s") || strings.Contains(v, "%v") || strings.Contains(v, "{}") {
		return false
	}
	if v[len(v)-1] == ':' {
		return false
	}
	if isImport(v) || isPattern(v) || isResource(v) {
		return false
	}
	sh := shapeOf(v)
	if strings.IndexByte(v, ' ') >= 0 && (len(v) < 32 || sh.other*5 < sh.n) {
		return false
	}
	if kind == kindPassword {
		return passwordLiteral(v) || sh.digit > 0 && sh.lower+sh.upper > 0
	}
	return looksRandom(v, 12) || len(v) >= 16 && passwordLiteral(v)
}

// passwordLiteral reports whether a literal is mixed the way people mix passwords: letters with digits, or with signs
// that names and sentences do not have.
func passwordLiteral(v string) bool {
	if len(v) < 6 || strings.ContainsAny(v, " \t") {
		return false
	}
	sh := shapeOf(v)
	if sh.lower+sh.upper == 0 {
		return false
	}
	if sh.digit > 0 && run(v, 0, ccWord, len(v)) == len(v) {
		return sh.digit*10 >= sh.n && strings.IndexByte(v, '_') < 0
	}
	signs := 0
	for i := range len(v) {
		if strings.IndexByte("!@#$%^&*?~+|;", v[i]) >= 0 {
			signs++
		}
	}
	return signs > 0 && (sh.digit > 0 || signs*4 <= sh.n && sh.upper > 0 || signs > 2)
}

// netrc reports whether a password of .netrc stands here: login NAME password x, after "machine", "default" or alone on
// its line.
func (sc *scan) netrc(a *assignment) bool {
	before := sc.s[max(0, a.start-160):a.start]
	i := strings.LastIndex(before, "login ")
	if i < 0 {
		return false
	}
	fields := 0
	for range strings.FieldsSeq(before[i+len("login "):]) {
		fields++
	}
	head := strings.TrimRight(before[:i], " \t")
	return fields <= 3 && (head == "" || head[len(head)-1] == '\n' || strings.HasSuffix(head, `\n`) || strings.Contains(head, "machine ") || strings.HasSuffix(head, "default"))
}

// comparedLiteral returns where the closing quote of a literal stands that is compared with the name at i,
// "x" == password, or -1.
func (sc *scan) comparedLiteral(i int) int {
	s := sc.s
	j := i
	for j > 0 && j > i-4 && s[j-1] == ' ' {
		j--
	}
	if j < 4 || s[j-1] != '=' {
		return -1
	}
	for j--; j > 0 && (s[j-1] == '=' || s[j-1] == '!'); {
		j--
	}
	if s[j] == '=' && s[j+1] != '=' {
		return -1
	}
	for j > 0 && s[j-1] == ' ' {
		j--
	}
	if j < 3 || !isQuote(s[j-1]) {
		return -1
	}
	return j - 1
}

// compare reports the literal that ends before the quote at s[end], which is compared with a name.
func (sc *scan) compare(a *assignment, end int) {
	s := sc.s
	low := max(0, end-128)
	from := strings.LastIndexByte(s[low:end], s[end])
	if from < 0 {
		return
	}
	from += low + 1
	v := s[from:end]
	if a.trust != trustStrong || strings.IndexByte(v, '\n') >= 0 || from > 1 && is(s[from-2], ccAlnum) || isReference(v) || sc.e.onlyLabels(v) || !strictSecret(a.kind, v) {
		return
	}
	sc.add(from, end, a.kind)
}

// argument takes the argument after a name in a call: put("password", "x"), define('DB_PASSWORD', 'x'), getenv("TOKEN",
// "x"), setopt(CURLOPT_PASSWORD, "x"). k is the comma.
func (sc *scan) argument(a *assignment, k int) bool {
	s := sc.s
	v := skipSpace(s, k+1)
	if v < len(s) && lower(s[v]) == 'b' && isQuote(sc.at(v+1)) {
		v++
	}
	level, q := quoteAt(s, v)
	if q == 0 || q == '`' || level != a.level {
		return false
	}
	left := runBack(s, a.end, ccName, maxName)
	switch {
	case a.quote != 0:
		open := left - 1 - a.level
		if open < 0 || s[left-1] != a.quote {
			return false
		}
		for open > 0 && s[open-1] == ' ' {
			open--
		}
		if open == 0 || s[open-1] != '(' {
			return false
		}
	case !isEnvName(s[left:a.end]):
		return false
	}
	end := sc.quotedEnd(v+level+1, q, level)
	after := skipSpace(s, min(len(s), end+level+1))
	if end >= len(s) || s[end] == '\n' || after < len(s) && s[after] != ')' && s[after] != ',' {
		return false
	}
	a.op, a.spaced, a.strict, a.value = '=', true, !sc.sets(a, left), v
	return true
}

// setters are functions that bind the value to the name: define('DB_PASSWORD', 'x'), os.Setenv("TOKEN", "x").
var setters = words("define setenv putenv setproperty user_pref pref environ.set putstring setdefault")

// sets reports whether the call whose argument is the name at left binds what follows to it: a setter, and any with a
// constant of curl's.
func (sc *scan) sets(a *assignment, left int) bool {
	s := sc.s
	if a.quote == 0 {
		return strings.HasPrefix(s[left:a.end], "CURLOPT_")
	}
	open := left - 1 - a.level
	for open > 0 && (s[open-1] == ' ' || s[open-1] == '(') {
		open--
	}
	from := runBack(s, open, ccAlnum|ccURL, 20)
	var low [20]byte
	for j := from; j < open; j++ {
		low[j-from] = lower(s[j])
	}
	return setters.has(low[:open-from])
}

// fallback takes the literal that stands in for a missing secret: getenv("TOKEN") || "x", env.TOKEN ?? "x".
func (sc *scan) fallback(a *assignment, k int) bool {
	s := sc.s
	k = skipBlank(s, k)
	if k+3 >= len(s) {
		return false
	}
	switch s[k : k+2] {
	case "||", "??", "or", "?:":
	default:
		return false
	}
	v := skipBlank(s, k+2)
	level, q := quoteAt(s, v)
	if q == 0 || q == '`' || v == k+2 && s[k] == 'o' || level != a.level && a.quote != 0 {
		return false
	}
	a.op, a.spaced, a.strict, a.value = '=', true, true, v
	return true
}

// declared takes a value after a type: const token string = "x", var password: String = "x".
func (sc *scan) declared(a *assignment) bool {
	s := sc.s
	end := run(s, a.value, ccName|ccB64, 40)
	if end == a.value || !is(s[a.value], ccLower|ccUpper) {
		return false
	}
	eq := skipBlank(s, end)
	if sc.at(eq) != '=' || sc.at(eq+1) == '=' {
		return false
	}
	v := skipBlank(s, eq+1)
	if !isQuote(sc.at(v)) {
		return false
	}
	a.op, a.value = '=', v
	return true
}

// directives are the first words of lines that set a name to what follows it: of Dockerfile, nginx, Apache, csh, C, RPM.
var directives = words("env arg set setenv passenv define global proxy_set_header requestheader fastcgi_param uwsgi_param add_header")

// directive reports whether the line sets the name: ENV NAME x, set $name x;
func (sc *scan) directive(a *assignment) bool {
	s := sc.s
	i := a.start
	if i > 0 && s[i-1] == '$' {
		i--
	}
	end := i
	for end > 0 && i-end < 8 && (s[end-1] == ' ' || s[end-1] == '\t') {
		end--
	}
	if end == i {
		return false
	}
	from := runBack(s, end, ccAlnum|ccURL, 20)
	var low [20]byte
	for j := from; j < end; j++ {
		low[j-from] = lower(s[j])
	}
	if !directives.has(low[:end-from]) {
		return false
	}
	for from > 0 && (s[from-1] == ' ' || s[from-1] == '\t' || s[from-1] == '#' || s[from-1] == '%') && end-from < 40 {
		from--
	}
	if from > 0 && s[from-1] != '\n' {
		return false
	}
	end = sc.bareEnd(a.value, min(len(s), a.value+maxJudged), false)
	a.strict = !isEnvName(a.name) || !isDockerfile(low[:3]) || !a.wholeLine(s, end)
	return true
}

// isDockerfile reports whether a directive is ENV or ARG, given in lower case.
func isDockerfile(word []byte) bool { return string(word) == "env" || string(word) == "arg" }

// quotedLine reports whether a line is but a name and a value in quotes, as in Gradle's and Ruby's scripts and in .esmtprc:
// password "x".
func (sc *scan) quotedLine(a *assignment) bool {
	s := sc.s
	level, q := quoteAt(s, a.value)
	if q == 0 || q == '`' || level != 0 || !a.lineStart(s) || a.kind == kindCookie || a.kind == kindAuthorization {
		return false
	}
	end := sc.quotedEnd(a.value+1, q, 0) + 1
	if end < len(s) && (s[end] == ';' || s[end] == ',') {
		end++
	}
	if end < len(s) && !a.wholeLine(s, end) {
		return false
	}
	a.strict = a.kind != kindPassword
	return true
}

// settings are the names of passwords in configurations in which only a space stands before the value: of Redis and
// keepalived.
var settings = words("requirepass masterauth auth_pass")

// setting reports whether a line of such a configuration stands here.
func (sc *scan) setting(a *assignment) bool {
	s := sc.s
	if !settings.has([]byte(a.name)) || !a.lineStart(s) {
		return false
	}
	end := sc.bareEnd(a.value, min(len(s), a.value+maxJudged), false)
	return end > a.value && a.wholeLine(s, end)
}

// attribute reports whether the quoted name is that of an XML element: <property name="db.password">.
func (sc *scan) attribute(a *assignment) bool {
	left := runBack(sc.s, a.end, ccName, maxName) - 1 - a.level
	return left > 5 && (foldHas(sc.s, left-5, "name=") || foldHas(sc.s, left-4, "key="))
}

// pairOfNames reports whether the password of an account stands here, id/password:x, rather than a path and a line.
func (sc *scan) pairOfNames(a *assignment) bool {
	s := sc.s
	if a.start < 2 || s[a.start-2] == '/' || isSpace(s[a.start-2]) || !foldEqual(a.name, "pw") && !foldEqual(a.name, "pwd") && !foldEqual(a.name, "password") {
		return false
	}
	end := sc.bareEnd(a.value, min(len(s), a.value+64), false)
	return end-a.value >= 6 && mixedBody(s[a.value:end])
}

// attributeValue finds the value of an element whose name is one of its attributes, behind the other attributes: the
// attribute value="…", or the text after the tag.
func (sc *scan) attributeValue(a *assignment, k int) bool {
	s := sc.s
	if a.quote == 0 || !sc.attribute(a) {
		return false
	}
	end := strings.IndexAny(s[k:min(len(s), k+maxAttributes)], "<>\n")
	if end < 0 || s[k+end] != '>' {
		return false
	}
	if v := strings.Index(s[k:k+end], "value="); v > 0 && isSpace(s[k+v-1]) {
		a.op, a.spaced, a.value = '=', false, k+v+len("value=")
		return true
	}
	a.op, a.element, a.value = '<', true, k+end+1
	return s[k+end-1] != '/' && a.value < len(s)
}

// maxAttributes is how many bytes of attributes an element's name may have before its text.
const maxAttributes = 160

// elementValue finds the value of an XML element whose name has attributes, <Pass encoding="x">v</Pass>, and of the
// element after one whose text is the name, <key>N</key><value>v</value>.
func (sc *scan) elementValue(a *assignment, start int) bool {
	s := sc.s
	switch {
	case s[a.end] == ' ':
		left := runBack(s, start, ccName, maxName)
		if left == 0 || s[left-1] != '<' {
			return false
		}
		end := strings.IndexAny(s[a.end:min(len(s), a.end+maxAttributes)], "<>\n")
		if end < 0 || s[a.end+end] != '>' || s[a.end+end-1] == '/' {
			return false
		}
		a.op, a.value = '<', a.end+end+1
		return a.value < len(s)
	case s[a.end] == '<' && sc.at(a.end+1) == '/':
		end := strings.IndexByte(s[a.end:min(len(s), a.end+40)], '>')
		if end < 0 {
			return false
		}
		v := skipSpace(s, a.end+end+1)
		for _, tag := range [...]string{"<value>", "<string>", "<val>"} {
			if foldHas(s, v, tag) {
				a.op, a.element, a.value = '<', true, v+len(tag)
				return a.value < len(s)
			}
		}
	}
	return false
}

// element takes the text of an XML element.
func (sc *scan) element(a *assignment) {
	s := sc.s
	from := skipSpace(s, a.value)
	if foldHas(s, from, "<value>") {
		from = skipSpace(s, from+len("<value>"))
	}
	end := strings.IndexByte(s[from:min(len(s), from+maxJudged)], '<')
	if end <= 0 || sc.at(from+end+1) != '/' {
		return
	}
	v := strings.TrimRight(s[from:from+end], " \t\r\n")
	if strings.IndexByte(v, '\n') >= 0 || isReference(v) || sc.e.onlyLabels(v) || exempt(a.kind, a.name, v) {
		return
	}
	if a.trust == trustStrong || sc.weakSecret(a, v) {
		sc.replace(from, from+len(v), a.kind)
	}
}

// bracketed takes a value whose brackets do not match, which no code has: a password of a configuration file.
func (sc *scan) bracketed(a *assignment, v int) bool {
	s := sc.s
	if a.trust != trustStrong || a.op != ':' && a.op != '=' || !a.lineStart(s) || strings.HasPrefix(s[v:], labelStart) {
		return false
	}
	end, closes := v, false
	for end < len(s) && end < v+maxJudged && !isSpace(s[end]) {
		closes = closes || s[end] == ')' || s[end] == ']' || s[end] == '}'
		end++
	}
	if !closes {
		return false
	}
	word := strings.TrimRight(s[v:end], ",;:\"'`")
	if !mismatched(word) || strings.IndexByte(word, ';') >= 0 || isCall(word) || strings.Contains(word, labelStart) || !a.wholeLine(s, end) {
		return false
	}
	sc.replace(v, v+len(word), a.kind)
	return true
}

// mismatched reports whether a closing bracket in v closes another one than was opened. Brackets at its end may close
// what was opened before it.
func mismatched(v string) bool {
	var open [16]byte
	n := 0
	v = strings.TrimRight(v, ")]}")
	for i := range len(v) {
		switch b := v[i]; b {
		case '(', '[', '{':
			if n < len(open) {
				open[n] = b
				n++
			}
		case ')', ']', '}':
			if n == 0 || b != open[n-1]+1 && b != open[n-1]+2 {
				return true
			}
			n--
		}
	}
	return false
}

// block takes a YAML block scalar: the lines after its mark that are indented more than its name.
func (sc *scan) block(a *assignment, v int) {
	s := sc.s
	i := v + 1
	for i < len(s) && i < v+4 && (s[i] == '-' || s[i] == '+' || is(s[i], ccDigit)) {
		i++
	}
	if i = skipBlank(s, i); i >= len(s) || s[i] != '\n' || a.trust != trustStrong {
		return
	}
	from := skipSpace(s, i)
	to := sc.blockEnd(i, indentation(s, a.start))
	if from >= to || isReference(s[from:to]) || sc.e.onlyLabels(s[from:to]) {
		return
	}
	sc.replace(from, to, a.kind)
}

// blockEnd returns the end of the lines after the line break at i that are indented by more than indent; of the first
// of them at least.
func (sc *scan) blockEnd(i, indent int) int {
	s := sc.s
	end := i
	for first := true; i < len(s); first = false {
		line := i + 1
		next := strings.IndexByte(s[line:], '\n')
		if next < 0 {
			next = len(s)
		} else {
			next += line
		}
		text := skipIndent(s, line)
		if !first && text < next && text-line <= indent {
			break
		}
		if text < next {
			end = next
		}
		i = next
	}
	sc.steps += end - i
	for end > 0 && isSpace(s[end-1]) {
		end--
	}
	return end
}

// indentation returns how far the line of i is indented; a dash of a list counts.
func indentation(s string, i int) int {
	line := strings.LastIndexByte(s[max(0, i-maxLineBefore):i], '\n') + max(0, i-maxLineBefore) + 1
	if i < maxLineBefore && strings.IndexByte(s[:i], '\n') < 0 {
		line = 0
	}
	return skipIndent(s, line) - line
}

func skipIndent(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}
