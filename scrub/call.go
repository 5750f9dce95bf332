package scrub

import "strings"

// callee is a function that takes a secret at a place of its own, not by a name: jwt.sign(payload, "x"),
// getConnection(url, "user", "x").
type callee struct {
	heads string // what a call starts with, in lower case, up to the bracket; "_" stands for a space
	arg   int    // which argument is the secret, from 0
	kind  string
	least int // bytes of the shortest secret
}

var callees = []callee{
	{"hmac256( hmac384( hmac512( .askey( hmac.new(", 0, kindSecret, 4},
	{"jwt.sign( jwt.verify( jwt.encode( jwt.decode( jwt.encode_ jwt.decode_ createhmac( createcipheriv(", 1, kindSecret, 4},
	{"hash_hmac( openssl_encrypt( openssl_decrypt(", 2, kindSecret, 4},
	{"credential( credentials( basicauth( digestauth( basic_auth( auth=( auth:_( .login(", 1, kindPassword, 3},
	{"getconnection( mysqli_connect( mysqli( mysql_connect( pdo( ftp_login( ldap_bind( odbc_connect(", 2, kindPassword, 3},
}

// heads are what triggers a callee.
func (c *callee) keywords() (k []string) {
	for head := range strings.FieldsSeq(c.heads) {
		if body, space := strings.CutSuffix(head, "_"); space {
			head = body + " "
		}
		k = append(k, head)
	}
	return k
}

const (
	maxCall      = 512 // bytes of a call that are read
	maxArguments = 4
)

// verifyCall takes the literal that stands where its callee has the secret.
func verifyCall(sc *scan, _, end int, r *rule) {
	if end < sc.done {
		return
	}
	c := &callees[r.index]
	from, to := sc.literalArgument(end, c.arg)
	if to-from < c.least {
		return
	}
	v := sc.s[from:to]
	if isReference(v) || sc.e.onlyLabels(v) || strings.IndexByte(v, ' ') >= 0 || isPath(v) || isPattern(v) || strings.Contains(v, "://") || isEnvName(v) && strings.IndexByte(v, '_') > 0 || algorithms.has([]byte(strings.ToLower(v))) {
		return
	}
	sc.replace(from, to, c.kind)
}

// algorithms are literals that stand where a secret could, in calls with other arguments.
var algorithms = words("utf8 utf-8 ascii latin1 base64 hex sha1 sha256 sha512 md5 hs256 hs384 hs512 rs256 es256 password admin username user")

// literalArgument returns the inside of the n-th argument of a call whose arguments start at i, if that is a literal and
// nothing else; to is 0 where it is not.
func (sc *scan) literalArgument(i, n int) (from, to int) {
	s := sc.s
	limit := min(len(s), i+maxCall)
	start := i
	defer func() { sc.steps += i - start }()
	depth := 0
	for first := true; i < limit; i++ {
		if first {
			i = skipSpace(s, i)
			if n == 0 {
				return sc.literalAt(i)
			}
			first = false
			if i >= limit {
				break
			}
		}
		switch b := s[i]; b {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth < 0 {
				return 0, 0
			}
		case ',':
			if depth == 0 {
				n--
				first = true
			}
		case '"', '\'', '`':
			i = sc.quotedEnd(i+1, b, 0)
		case '\\':
			if level, q := quoteAt(s, i); q != 0 {
				i = sc.quotedEnd(i+level+1, q, level) + level
			}
		case ';', '\n':
			if depth == 0 && b == ';' {
				return 0, 0
			}
		}
	}
	return 0, 0
}

// literalAt returns the inside of the literal at i, b'…' and the like too, behind which the argument ends.
func (sc *scan) literalAt(i int) (from, to int) {
	s := sc.s
	if c := lower(sc.at(i)); (c == 'b' || c == 'r' || c == 'u' || c == '@') && isQuote(sc.at(i+1)) {
		i++
	}
	level, q := quoteAt(s, i)
	if q == 0 {
		return 0, 0
	}
	from = i + level + 1
	to = sc.quotedEnd(from, q, level)
	next := skipSpace(s, min(len(s), to+level+1))
	if to >= len(s) || s[to] == '\n' || next < len(s) && strings.IndexByte("),;]", s[next]) < 0 && s[next-1] != '\n' {
		return 0, 0
	}
	return from, to
}

// called takes the literal that a name is called with: setPassword("x"), .password("x"), std::string secret("x"). Where the
// name does not say that it sets something, the literal must look like a secret.
func (sc *scan) called(a *assignment) bool {
	s := sc.s
	if sc.at(a.end) != '(' {
		return false
	}
	v := skipBlank(s, a.end+1)
	from, to := sc.literalAt(v)
	if to == 0 {
		return false
	}
	next := skipBlank(s, to+1)
	if sc.at(next) == ',' {
		return false
	}
	a.op, a.spaced, a.value = '(', true, v
	left := runBack(s, a.end, ccName, maxName)
	if dot := strings.LastIndexByte(s[left:a.end], '.'); dot >= 0 {
		left += dot + 1
	}
	name := s[left:a.end]
	a.strict = !foldHas(name, 0, "set") && !foldHas(name, 0, "with") || strings.IndexByte(s[from:to], ' ') >= 0
	return true
}
