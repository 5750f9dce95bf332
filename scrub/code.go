package scrub

import (
	"bytes"
	"strings"
)

// Here is how code, prose and names are told from the secrets that could stand in their place.

// isCode reports whether a value without quotes is an expression or a type: a call, a member, an address, a number with a
// sign or a base, a repetition in a grammar (RFC 5234).
func (a *assignment) isCode(v string, sh shape) bool {
	word := is(v[0], ccLower|ccUpper)
	last := v[len(v)-1]
	switch {
	case isCall(v), strings.Contains(v, "this."), word && strings.Contains(v, "->"), last == '?' && isTypeName(v):
		return true
	case strings.IndexByte(v, '.') > 0 && isMember(strings.TrimRight(v, "!;")):
		return true
	case a.spaced && (isNumber(v) || strings.IndexByte("([{", last) >= 0 || strings.HasSuffix(v, "{}")):
		return true
	case is(v[0], ccDigit) && len(v) > 1 && v[1] == '*':
		return true
	case a.op != ' ' && a.spaced && len(v) > 1 && (v[0] == '&' || v[0] == '*') && is(v[1], ccLower|ccUpper) && sh.digit == 0:
		return true
	case a.kind == kindPassword:
		return a.op == ':' && foldEqual(a.name, "passwd") && databases.has([]byte(v))
	case len(v) < 4 && (a.op == '=' || a.op == ':') && !isEnvName(a.name):
		return true
	}
	return sh.digit == 0 && is(v[0], ccUpper) && sh.lower > 0 && isCodeName(a.kind, v) // CREDENTIALS=WorkloadIdentityCredential
}

// namesItself reports whether a value only says again what its name says, as constants do that name a field or a
// header: encodeUserPassword: "encodeUserPassword", csrfToken = "X-CSRF-Token". A name of one word may be its own
// (bad) password.
func namesItself(name, v string) bool {
	if len(v) > maxName || run(v, 0, ccName, len(v)) != len(v) {
		return false
	}
	var n, w nameParts
	n.split(name)
	w.split(v)
	if n.n < 2 || w.n < 2 || isEnvName(name) {
		return false
	}
	if foldSuffix(name, "password") && shapeOf(v).digit > shapeOf(name).digit {
		return false // AdminPassword=AdminPassword123
	}
	at := 0
	for i := range w.n {
		word := w.word(i)
		if i == 0 && len(word) == 1 && word[0] == 'x' {
			continue
		}
		for at < n.n && !sameWord(n.word(at), word) {
			at++
		}
		if at == n.n {
			return false
		}
	}
	return true
}

// sameWord compares two words without the numbers at their ends.
func sameWord(a, b []byte) bool {
	const digits = "0123456789"
	return bytes.Equal(bytes.TrimRight(a, digits), bytes.TrimRight(b, digits))
}

// isNotation reports whether v is a character or a colour rather than a text: \U0001f36a, 🍪, #f8f8f2.
func isNotation(v string) bool {
	if v[0] == '#' && (len(v) == 4 || len(v) == 7 || len(v) == 9) {
		return run(v, 1, ccHex|ccUpper, 8) == len(v)
	}
	if strings.Count(v, ".") > 1 && strings.Trim(v, "0123456789.") == "" { // an OID, a version, an address
		return true
	}
	if v[0] >= 0x80 && len(v) <= 16 {
		for i := range len(v) {
			if v[i] < 0x80 {
				return false
			}
		}
		return true
	}
	for i := 0; i < len(v); {
		if v[i] != '\\' || i+1 == len(v) || lower(v[i+1]) != 'u' {
			return false
		}
		j := run(v, i+2, ccHex|ccUpper, 8)
		if j < i+6 {
			return false
		}
		i = j
	}
	return true
}

// isCodeName reports whether v is the name of something in a program, made of words: ClientSecretCredential,
// "client-secret", "auth.google.serviceAccount". Tokens and keys never are; of passwords only what has three words and
// capitals is taken for one.
func isCodeName(kind, v string) bool {
	if run(v, 0, ccName, len(v)) != len(v) || len(v) < 6 || len(v) > 64 || !wordy(v) {
		return false
	}
	sh := shapeOf(v)
	if sh.digit > 2 || sh.digit > 0 && strings.IndexByte(v, '.') < 0 {
		return false
	}
	if kind != kindPassword {
		return true
	}
	var p nameParts
	p.split(v)
	return p.n >= 3 && sh.upper > 0 && sh.lower > 0 && sh.digit == 0 && strings.IndexByte(v, '-') < 0
}

// isSecretName reports whether v is the name under which a secret is kept: db-password.
func isSecretName(v string) bool {
	if !isCodeName(kindSecret, v) {
		return false
	}
	_, t := judgeName(v)
	return t != trustNone
}

// labels reports whether v is a word of the name with a capital letter: "auth.password": "Password", a translation.
func labels(name, v string) bool {
	if !is(v[0], ccUpper) || strings.IndexByte(name, '.') < 0 || run(v, 1, ccLower, len(v)) != len(v) {
		return false
	}
	return foldSuffix(name, strings.ToLower(v))
}

// isImport reports whether v is the path of a package: github.com/a/b/v2/c.
func isImport(v string) bool {
	host, path, ok := strings.Cut(v, "/")
	if !ok || strings.IndexByte(host, '.') <= 0 || run(v, 0, ccName|ccB64, len(v)) != len(v) || strings.IndexByte(v, '+') >= 0 {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if len(part) > 40 || looksRandom(part, 16) && !wordy(part) {
			return false
		}
	}
	return true
}

// isAddress reports whether v is a URL that holds nothing random: an endpoint, a page of documentation.
func isAddress(v string) bool {
	i := strings.Index(v, "://")
	if i <= 0 || run(v, 0, ccAlnum|ccURL, i) != i || strings.IndexByte(v, '@') >= 0 {
		return false
	}
	for part := range strings.FieldsFuncSeq(v[i+3:], func(r rune) bool { return strings.ContainsRune("/?&=#.", r) }) {
		if looksRandom(part, 16) && !wordy(part) || len(part) >= 32 {
			return false
		}
	}
	return true
}

// isPattern reports whether v is a regular expression or a format, which a value is still to be put into.
func isPattern(v string) bool {
	for i := 0; i+1 < len(v); i++ {
		switch v[i] {
		case '\\':
			if c := v[i+1]; c == 'w' || c == 'd' || c == 's' || c == 'W' || c == 'S' || c == '.' {
				return true
			}
		case '[':
			if v[i+1] == '^' {
				return true
			}
		case '(':
			if v[i+1] == '?' {
				return true
			}
		case '%':
			if c := v[i+1]; (c == 's' || c == 'd' || c == 'v' || c == 'q') && (i+2 == len(v) || !is(v[i+2], ccAlnum)) {
				return true
			}
		case '{':
			if v[i+1] == '}' || is(v[i+1], ccDigit) && i+2 < len(v) && v[i+2] == '}' {
				return true
			}
		}
	}
	return false
}

// isResource reports whether v is a path of words without a file: projects/*/secrets/*/versions/latest.
func isResource(v string) bool {
	if strings.Count(v, "/") < 2 {
		return false
	}
	for i := range len(v) {
		if !is(v[i], ccLower|ccURL|ccDot) && v[i] != '/' && v[i] != '*' {
			return false
		}
	}
	return true
}

// isProse reports whether a value without quotes is code or a word of a sentence: "token: couldn't be read",
// {"MNEMONIC": enc2080}, password = -join (…).
func (sc *scan) isProse(a *assignment, v string, to int) bool {
	if a.op == ' ' {
		return false
	}
	letters := run(v, 0, ccLower|ccUpper, len(v))
	switch last := v[len(v)-1]; {
	case a.op == ':' && (strings.HasPrefix(v, "//") || last == ':' || v[0] == ':' && len(v) > 1 && is(v[1], ccLower)):
		return true
	case a.op == ':' && a.spaced && a.kind == kindToken && len(v) < 8 && sc.at(to) == ' ' && is(sc.at(to+1), ccLower):
		return true // "token: ES256 is not supported"
	case a.op == ':' && letters > 0 && letters < len(v) && v[letters] == '\'' && run(v, letters+1, ccLower|ccUpper, len(v)) == len(v):
		return true
	case a.op == ':' && isPattern(v):
		return true
	case a.spaced && len(v) > 2 && v[0] == '-' && run(v, 1, ccLower|ccUpper, len(v)) == len(v):
		return true
	case len(v) > 1 && (v[0] == '*' && v[1] == '(' || v[0] == '+' && is(v[1], ccLower) && strings.IndexByte(v, '(') > 0):
		return true
	case a.quote != 0 && a.op == ':' && letters > 0 && run(v, 0, ccName, len(v)) == len(v) && !looksRandom(v, 12):
		return true // JSON has no words
	case a.kind != kindPassword && a.op == ':' && sc.at(to) == ',' && letters > 0 && run(v, 0, ccName, len(v)) == len(v) && wordy(v):
		return true
	}
	if !is(v[0], ccUpper) || run(v, 0, ccUpper, len(v)) != len(v) {
		return false
	}
	var p nameParts // AWS_SECRET_KEY=SECRET
	p.split(a.name)
	for i := range p.n {
		if strings.EqualFold(string(p.word(i)), v) {
			return true
		}
	}
	return false
}

// isNumber reports whether v is a number of a program with a sign or a base: -1000, 0x7f, -0x3f879678.
func isNumber(v string) bool {
	if signed := v[0] == '-' || v[0] == '+'; signed {
		v = v[1:]
		if len(v) > 0 && run(v, 0, ccDigit, len(v)) == len(v) {
			return true
		}
	}
	if len(v) > 1 && len(v) <= 9 && v[0] == '$' && run(v, 1, ccHex|ccUpper, 8) == len(v) { // Pascal
		return true
	}
	if len(v) > 2 && v[0] == '0' && lower(v[1]) == 'x' {
		return len(v) <= 10 && run(v, 2, ccHex|ccUpper, 8) == len(v)
	}
	return false
}

// databases are the sources of users that nsswitch.conf names after "passwd:".
var databases = words("compat files sss ldap systemd nis nisplus db winbind cache extrausers")

// wordy reports whether an identifier is made of words, as names in code are: its parts are long, and have vowels.
func wordy(v string) bool {
	var p nameParts
	p.split(v)
	good := 0
	all := 0
	for i := range p.n {
		w := p.word(i)
		all += len(w)
		if len(w) >= 3 && hasVowel(w) || len(w) == 2 && p.n <= 3 {
			good += len(w)
		}
	}
	return good*3 >= all*2
}

func hasVowel(w []byte) bool {
	for _, b := range w {
		switch b {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			return true
		}
	}
	return false
}

// isTypeName reports whether v is written as types are: SecretStr, AccessToken.
func isTypeName(v string) bool {
	return is(v[0], ccUpper) && shapeOf(v).lower > 0 && wordy(v)
}

// isCall reports whether v starts a call or an index: getenv("X"), tokens[0].
func isCall(v string) bool {
	i := run(v, 0, ccName, len(v))
	return i > 0 && i < len(v) && (v[i] == '(' || v[i] == '[' || v[i] == '{' && i+1 < len(v) && isQuote(v[i+1])) && !is(v[0], ccDigit)
}

// isMember reports whether v is a path of identifiers, some with digits: cfg.oauth2.token, hs.config.EncryptedKeys.
func isMember(v string) bool {
	if !is(v[0], ccLower|ccUpper) && v[0] != '_' || run(v, 0, ccName, len(v)) != len(v) || strings.IndexByte(v, '-') >= 0 {
		return false
	}
	parts := 0
	for part := range strings.SplitSeq(v, ".") {
		if part == "" || is(part[0], ccDigit) || looksRandom(part, 16) && (!wordy(part) || len(v) > len(part) && shapeOf(part).digit > 4) && (!isEnvName(part) || strings.IndexByte(part, '_') < 0) || len(part) > 48 {
			return false
		}
		parts++
	}
	if parts > 1 {
		return true
	}
	_, t := judgeName(v)
	return t != trustNone
}
