package scrub

import "strings"

const maxUserinfo = 512

// verifyURL finds userinfo after "://": user:password@host, and a token alone before the host.
func verifyURL(sc *scan, _, end int, _ *rule) {
	s := sc.s
	colon, at := -1, -1
	slash, sep := -1, -1
	first := -1 // an @ before the colon: https://user@example.com:password@host
	limit := min(len(s), end+maxUserinfo)
	i := end
scan:
	for ; i < limit; i++ {
		switch b := s[i]; b {
		case '@':
			at = i
			if slash < 0 {
				break
			}
			break scan
		case ':':
			if strings.HasPrefix(s[i:], "://") {
				break scan
			}
			if colon < 0 {
				colon, first = i, at
			}
		case '/', '?', '#':
			if at > colon || colon < 0 || portAt(s, colon+1, i) {
				break scan
			}
			if b == '/' {
				sep = i
			}
			slash = i // a password with a slash in it, if an @ follows
		case '[':
			if e := sc.e.labelAt(s, i); e > 0 {
				i = e - 1
			}
		case ' ', '\t', '\n', '\r', '"', '\'', '`', '<', '>', '\\', '|', 0, 0x1b:
			if b == '<' && i == colon+1 { // <password>
				continue
			}
			break scan
		}
	}
	sc.steps += i - end
	if at < 0 && i == len(s) && slash < 0 && colon > end && sc.depth == 0 && is(s[end], ccAlnum) && mixedBody(s[colon+1:]) {
		sc.addCut(colon+1, kindURLPassword) // no port is like that: the text ends in a password
	}
	if at < 0 || at == end {
		return
	}
	if first >= 0 && (at == first || sep >= 0) {
		colon, at = -1, first
	}
	sc.userinfo(end, colon, at)
}

func portAt(s string, from, to int) bool { return to > from && run(s, from, ccDigit, 6) == to }

// userinfo reports the secret in s[from:at], which stands before an @.
func (sc *scan) userinfo(from, colon, at int) {
	s := sc.s
	if colon < 0 || colon > at {
		user := s[from:at]
		if looksRandom(user, 16) && !sc.e.onlyLabels(user) && !isReference(user) {
			sc.add(from, at, kindURLPassword)
		}
		return
	}
	user, pass := s[from:colon], s[colon+1:at]
	if looksRandom(user, 20) && !isReference(user) && !sc.e.onlyLabels(user) {
		sc.add(from, colon, kindURLPassword)
		if strings.HasPrefix(pass, "x-oauth") {
			return
		}
	}
	if from > 0 && strings.HasSuffix(pass, "]") && strings.IndexByte(s[max(0, from-maxUserinfo):colon+1], '[') >= 0 {
		return // a synopsis: [user[:password]@]host
	}
	if pass == "" || isPlaceholder(user, pass, s[at+1:min(len(s), at+33)]) || isReference(pass) || sc.e.onlyLabels(pass) || strings.HasPrefix(pass, "$") && strings.HasSuffix(pass, "}") && isReference(pass) {
		return
	}
	sc.add(colon+1, at, kindURLPassword)
}

var (
	someone    = words("user username usr me login name abc foo admin")
	something  = words("pass password passwd pwd pw secret xyz bar mypassword")
	placeHosts = [...]string{"host", "hostname", "server", "proxy.server", "proxy", "domain", "endpoint"}
)

// isPlaceholder reports whether user and password are those of documentation, at a host of documentation:
// http://user:pass@host.
func isPlaceholder(user, pass, host string) bool {
	if len(user) > 16 || len(pass) > 16 || !someone.has([]byte(strings.ToLower(user))) || !something.has([]byte(strings.ToLower(pass))) {
		return false
	}
	for _, h := range placeHosts {
		if foldHas(host, 0, h) && (len(host) == len(h) || !is(host[len(h)], ccName)) {
			return true
		}
	}
	return false
}
