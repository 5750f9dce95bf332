package scrub

import (
	"strings"
	"unicode/utf8"
)

// JSON scrubs every key and value of a JSON text, keeping its structure and the layout between its values: a string is
// judged by the key it stands under, also through arrays; an array of strings as an argument vector; a string that
// holds JSON as JSON again. A number under the name of a password becomes a string. Text that is not valid JSON is
// treated as Text.
func (e *Engine) JSON(s string) (clean string, n int) {
	defer rescueJSON(&clean, &n)
	s = validText(s)
	for i := range maxPasses {
		next, k, ok := e.jsonPass(s, 0)
		if !ok {
			next, k = e.pass(s, splitQuotes(s), i >= manyPasses) // what this leaves may be JSON
		}
		s, n = next, n+k
		if k == 0 {
			return s, n
		}
	}
	return `"` + failureLabel + `"`, n + 1
}

func rescueJSON(clean *string, n *int) {
	if recover() != nil {
		*clean, *n = `"`+failureLabel+`"`, 1
	}
}

const (
	maxJSONDepth  = 512 // of values in values
	maxJSONNested = 6   // of JSON in strings in JSON
)

// jsonPass scrubs s once; ok is false when s is no JSON text.
func (e *Engine) jsonPass(s string, nested int) (clean string, n int, ok bool) {
	w := jsonWalk{e: e, s: s, nested: nested, kindAt: -1, ktyAt: -1}
	w.space()
	if w.i == len(s) || !w.value(jsonName{}, 0) {
		return s, 0, false
	}
	w.space()
	if w.i != len(s) {
		return s, 0, false
	}
	if w.copied == 0 {
		return s, w.n, true
	}
	w.out.WriteString(s[w.copied:])
	return w.out.String(), w.n, true
}

// jsonName is what a value stands under.
type jsonName struct {
	text  string
	kind  string
	trust trust
	all   bool // whatever is under it is secret: data of a Kubernetes Secret
}

func nameOf(text string) jsonName {
	kind, t := judgeName(text)
	return jsonName{text: text, kind: kind, trust: t}
}

// jsonWalk reads a JSON text and copies it, with replacements, only once there is one.
type jsonWalk struct {
	e      *Engine
	s      string
	i      int
	out    strings.Builder
	copied int // s before this offset is in out
	kindAt int // offset of the next "kind", if not before i
	ktyAt  int // of the next "kty"
	n      int
	nested int
}

func (w *jsonWalk) space() {
	for w.i < len(w.s) && isSpace(w.s[w.i]) {
		w.i++
	}
}

// put replaces s[from:to].
func (w *jsonWalk) put(from, to int, text string) {
	w.out.WriteString(w.s[w.copied:from])
	w.out.WriteString(text)
	w.copied = to
}

// value reads one value; false means that the text is no JSON.
func (w *jsonWalk) value(name jsonName, depth int) bool {
	if w.i >= len(w.s) || depth > maxJSONDepth {
		return false
	}
	switch b := w.s[w.i]; {
	case b == '"':
		from := w.i
		v, changed, ok := w.literal()
		if !ok {
			return false
		}
		w.replaceString(from, v, changed, name)
		return true
	case b == '{':
		return w.object(name, depth)
	case b == '[':
		return w.array(name, depth)
	case b == '-' || is(b, ccDigit):
		from := w.i
		if !w.number() {
			return false
		}
		if name.all || name.trust == trustStrong && (name.kind == kindPassword || name.kind == kindSecret) {
			v := w.s[from:w.i]
			w.put(from, w.i, `"`+w.e.label(w.kindOf(name), v)+`"`)
			w.n++
		}
		return true
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(w.s[w.i:], word) {
			w.i += len(word)
			return true
		}
	}
	return false
}

func (w *jsonWalk) kindOf(name jsonName) string {
	if name.kind == "" {
		return kindSecret
	}
	return name.kind
}

// replaceString scrubs the string v whose literal is s[from:w.i]; changed means that the literal must be rewritten
// anyway.
func (w *jsonWalk) replaceString(from int, v string, changed bool, name jsonName) {
	clean, n := w.e.jsonString(v, name, w.nested)
	if n > 0 || changed {
		w.put(from, w.i, quoteJSON(clean))
		w.n += n
	}
}

// jsonString scrubs one decoded string.
func (e *Engine) jsonString(v string, name jsonName, nested int) (string, int) {
	if name.all && !isReference(v) && !e.onlyLabels(v) {
		return e.label(kindSecret, v), 1
	}
	if name.trust != trustStrong && nested < maxJSONNested && holdsJSON(v) {
		if clean, n, ok := e.jsonPass(v, nested+1); ok {
			return clean, n
		}
	}
	if name.trust == trustNone {
		return e.text(v)
	}
	return e.value(name.text, v)
}

// holdsJSON is a cheap look whether v may be a JSON object or array.
func holdsJSON(v string) bool {
	v = strings.Trim(v, " \t\r\n")
	return len(v) >= 2 && (v[0] == '{' && v[len(v)-1] == '}' || v[0] == '[' && v[len(v)-1] == ']')
}

// object reads an object. Under a secret name its values are judged by their own names; {"name": N, "value": V} is
// judged as N: V.
func (w *jsonWalk) object(under jsonName, depth int) bool {
	secretData, jwk := w.kubernetesSecret(), w.jsonWebKey()
	w.i++
	var pair string
	for first := true; ; first = false {
		w.space()
		if w.i >= len(w.s) {
			return false
		}
		if w.s[w.i] == '}' && first {
			w.i++
			return true
		}
		from := w.i
		key, changed, ok := w.literal()
		if !ok {
			return false
		}
		if clean, n := w.e.text(key); n > 0 || changed {
			w.put(from, w.i, quoteJSON(clean))
			w.n += n
		}
		w.space()
		if w.i >= len(w.s) || w.s[w.i] != ':' {
			return false
		}
		w.i++
		w.space()
		name := w.memberName(key, pair, under, secretData, jwk)
		at := w.i
		if !w.value(name, depth+1) {
			return false
		}
		if isNameKey(key) && w.s[at] == '"' {
			pair = w.s[at+1 : w.i-1]
		}
		w.space()
		if w.i >= len(w.s) {
			return false
		}
		w.i++
		switch w.s[w.i-1] {
		case '}':
			return true
		case ',':
		default:
			return false
		}
	}
}

func (w *jsonWalk) memberName(key, pair string, under jsonName, secretData, jwk bool) jsonName {
	name := nameOf(key)
	switch {
	case under.all:
		name.all = true
	case secretData && (key == "data" || key == "stringData"):
		name.all = true
	case jwk && jwkMembers.has([]byte(key)):
		name = jsonName{text: "private_key", kind: kindPrivateKey, trust: trustStrong}
	case pair != "" && (foldEqual(key, "value") || foldEqual(key, "val")):
		name = nameOf(pair)
	case under.trust == trustStrong && foldEqual(key, "value"): // "db_password": {"sensitive": true, "value": "x"}, Terraform's
		name = under
	case under.trust == trustStrong && under.kind == kindSecret && name.trust == trustNone && foldSuffix(under.text, "s"): // "secrets": {"x": …}
		name = under
	}
	return name
}

func isNameKey(key string) bool {
	return foldEqual(key, "name") || foldEqual(key, "key") || foldEqual(key, "header") || foldEqual(key, "variable")
}

// kubernetesSecret reports whether the first "kind" from the object at w.i on is "Secret".
func (w *jsonWalk) kubernetesSecret() bool {
	const member = `"kind"`
	if w.kindAt < w.i {
		at := strings.Index(w.s[w.i:], member)
		if at < 0 {
			at = len(w.s)
		}
		w.kindAt = w.i + at
	}
	if w.kindAt >= len(w.s) {
		return false
	}
	i := skipSpace(w.s, w.kindAt+len(member))
	if i >= len(w.s) || w.s[i] != ':' {
		return false
	}
	return strings.HasPrefix(w.s[skipSpace(w.s, i+1):], `"Secret"`)
}

// jsonWebKey reports whether the object at w.i is a JSON Web Key: whether it names its type before it holds another
// object or ends.
func (w *jsonWalk) jsonWebKey() bool {
	const member = `"kty"`
	if w.ktyAt < w.i {
		at := strings.Index(w.s[w.i:], member)
		if at < 0 {
			at = len(w.s)
		}
		w.ktyAt = w.i + at
	}
	return w.ktyAt < len(w.s) && w.ktyAt-w.i < maxJWK && !strings.ContainsAny(w.s[w.i+1:w.ktyAt], "{}")
}

// array reads an array. All strings are an argument vector, unless the name above already makes them secrets.
func (w *jsonWalk) array(name jsonName, depth int) bool {
	if name.trust != trustStrong && !name.all {
		if done, ok := w.vector(); done {
			return ok
		}
	}
	w.i++
	for first := true; ; first = false {
		w.space()
		if w.i >= len(w.s) {
			return false
		}
		if w.s[w.i] == ']' && first {
			w.i++
			return true
		}
		if !w.value(name, depth+1) {
			return false
		}
		w.space()
		if w.i >= len(w.s) {
			return false
		}
		w.i++
		switch w.s[w.i-1] {
		case ']':
			return true
		case ',':
		default:
			return false
		}
	}
}

// vector reads an array of two strings or more; done is false, and nothing is read, for every other array.
func (w *jsonWalk) vector() (done, ok bool) {
	start := w.i
	type literal struct{ from, to int }
	var at []literal
	var args []string
	w.i++
	for {
		w.space()
		from := w.i
		v, _, ok := w.literal()
		if !ok {
			break
		}
		at, args = append(at, literal{from, w.i}), append(args, v)
		w.space()
		if w.i < len(w.s) && w.s[w.i] == ',' {
			w.i++
			continue
		}
		if w.i >= len(w.s) || w.s[w.i] != ']' || len(args) < 2 {
			break
		}
		w.i++
		clean, n := w.e.args(args)
		w.n += n
		for i := range clean {
			if clean[i] == args[i] {
				continue
			}
			w.put(at[i].from, at[i].to, quoteJSON(clean[i]))
		}
		return true, true
	}
	w.i = start
	return false, true
}

// literal reads a string literal and decodes it. changed means that it held what has no Unicode meaning (half a
// surrogate pair), now U+FFFD.
func (w *jsonWalk) literal() (v string, changed, ok bool) {
	s := w.s
	if w.i >= len(s) || s[w.i] != '"' {
		return "", false, false
	}
	from := w.i + 1
	for i := from; i < len(s); i++ {
		switch b := s[i]; {
		case b == '"':
			w.i = i + 1
			return s[from:i], false, true
		case b < 0x20:
			return "", false, false
		case b == '\\':
			return w.escaped(from, i)
		}
	}
	return "", false, false
}

// escaped decodes a literal from its first escape, at i, on.
func (w *jsonWalk) escaped(from, i int) (v string, changed, ok bool) {
	s := w.s
	buf := make([]byte, 0, i-from+64)
	buf = append(buf, s[from:i]...)
	for i < len(s) {
		b := s[i]
		switch {
		case b == '"':
			w.i = i + 1
			return string(buf), changed, true
		case b < 0x20:
			return "", false, false
		case b != '\\':
			buf = append(buf, b)
			i++
			continue
		}
		if i+1 >= len(s) {
			return "", false, false
		}
		if s[i+1] == 'u' {
			r, n := unicodeEscape(s, i)
			if n == 0 {
				return "", false, false
			}
			changed = changed || r == utf8.RuneError
			buf = utf8.AppendRune(buf, r)
			i += n
			continue
		}
		c := strings.IndexByte(`"\/bfnrt`, s[i+1])
		if c < 0 {
			return "", false, false
		}
		buf = append(buf, "\"\\/\b\f\n\r\t"[c])
		i += 2
	}
	return "", false, false
}

// unicodeEscape reads \uXXXX or a surrogate pair at i; n is 0 where there is none.
func unicodeEscape(s string, i int) (r rune, n int) {
	hex := func(i int) rune {
		if len(s)-i < 6 || s[i] != '\\' || s[i+1] != 'u' {
			return -1
		}
		r := rune(0)
		for _, b := range []byte(s[i+2 : i+6]) {
			d := strings.IndexByte("0123456789abcdef", lower(b))
			if d < 0 {
				return -1
			}
			r = r<<4 | rune(d)
		}
		return r
	}
	r = hex(i)
	switch {
	case r < 0:
		return 0, 0
	case r >= 0xD800 && r < 0xDC00:
		if low := hex(i + 6); low >= 0xDC00 && low < 0xE000 {
			return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, 12
		}
		return utf8.RuneError, 6
	case r >= 0xDC00 && r < 0xE000:
		return utf8.RuneError, 6
	}
	return r, 6
}

// number reads a number by the grammar of RFC 8259.
func (w *jsonWalk) number() bool {
	s := w.s
	i := w.i
	if s[i] == '-' {
		i++
	}
	digits := func() bool {
		j := run(s, i, ccDigit, len(s))
		ok := j > i
		i = j
		return ok
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	w.i = i
	return true
}

// quoteJSON returns v, valid UTF-8, as a JSON string.
func quoteJSON(v string) string {
	const hex = "0123456789abcdef"
	buf := make([]byte, 0, len(v)+16)
	buf = append(buf, '"')
	for i := range len(v) {
		switch b := v[i]; {
		case b == '"' || b == '\\':
			buf = append(buf, '\\', b)
		case b >= 0x20:
			buf = append(buf, b)
		case b == '\n':
			buf = append(buf, '\\', 'n')
		case b == '\t':
			buf = append(buf, '\\', 't')
		case b == '\r':
			buf = append(buf, '\\', 'r')
		default:
			buf = append(buf, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	return string(append(buf, '"'))
}
