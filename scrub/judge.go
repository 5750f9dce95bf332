package scrub

import "strings"

// Here it is judged whether what a name binds is a secret.

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
	if len(v) < 32 {
		return false
	}
	sh := shapeOf(v)
	return sh.lower > 2 && sh.upper > 2 && sh.digit > 2 && sh.other*8 >= sh.n && sh.changes*2 >= sh.n && sh.distinct >= 20
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
	first := strings.IndexByte(v, '\\')
	for i := max(0, first); first >= 0 && i+1 < len(v); i++ {
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
