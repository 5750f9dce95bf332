package value

import "errors"

// Errors name no input: it may hold secrets.
var (
	errSyntax = errors.New("not valid JSON")
	errAfter  = errors.New("text after the JSON value")
)

// ParseJSON adds the value that text holds, white space around it allowed, as RFC 8259 has it. Duplicate keys are kept,
// invalid UTF-8 and lone surrogates become U+FFFD. Strings without escapes point into text. Errors say nothing of the
// input.
func (d *Doc) ParseJSON(text string) (Value, error) {
	start := len(d.nodes)
	v, rest, err := d.ParseJSONPrefix(text)
	if err == nil && skipSpace(rest, 0) < len(rest) {
		d.nodes = d.nodes[:start]
		return Value{}, errAfter
	}
	return v, err
}

// ParseJSONPrefix adds the value at the start of text, behind white space, and returns what follows it. So values that
// stand one behind the other are read one by one. After an error nothing is added and rest is text.
func (d *Doc) ParseJSONPrefix(text string) (v Value, rest string, err error) {
	start := len(d.nodes)
	if i := skipSpace(text, 0); d.nodes == nil && i < len(text) && (text[i] == '{' || text[i] == '[') {
		d.nodes = make([]node, 0, min(4+len(text)/24, 64)) // a guess, that saves growing from one node
	}
	p := jsonParser{doc: d, text: text, up: -1}
	if err := p.read(); err != nil {
		d.nodes = d.nodes[:start]
		return Value{}, text, err
	}
	return Value{d, int32(start)}, text[p.at:], nil
}

// jsonParser reads one text, from front to back. It goes down into arrays and objects by moving up, which the nodes
// remember, and so needs no stack of its own.
type jsonParser struct {
	doc   *Doc
	text  string
	at    int    // next byte
	up    int32  // the array or object that is being read, -1 outside of any
	depth int    // how many are open
	key   string // under which the next value stands
}

// skipSpace is the index of the first byte from i on that is no white space.
func skipSpace(s string, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// next skips white space and returns the byte behind it, which stays to be read; 0 at the end.
func (p *jsonParser) next() byte {
	p.at = skipSpace(p.text, p.at)
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// read reads one value with all that is in it.
func (p *jsonParser) read() error {
	for {
		opened, err := p.value()
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		if more, err := p.follow(); err != nil || !more {
			return err
		}
	}
}

// value reads a scalar, or the opening of an array or object that is not empty: what is opened then goes on with its
// first value.
func (p *jsonParser) value() (opened bool, err error) {
	if err := p.doc.room(p.depth); err != nil {
		return false, err
	}
	switch c := p.next(); c {
	case '"':
		s, ok := p.string()
		if !ok {
			return false, errSyntax
		}
		p.add(String, s, 0)
	case '{', '[':
		return p.open(c)
	case 'n':
		return false, p.word("null", Null, 0)
	case 't':
		return false, p.word("true", Bool, 1)
	case 'f':
		return false, p.word("false", Bool, 0)
	default:
		end, ok := scanNumber(p.text, p.at)
		if !ok {
			return false, errSyntax
		}
		p.add(Number, p.text[p.at:end], 0)
		p.at = end
	}
	return false, nil
}

// add appends a node under what is being read.
func (p *jsonParser) add(kind Kind, s string, num uint64) {
	p.doc.add(kind, p.up, p.key, s, num)
}

// word reads null, true or false.
func (p *jsonParser) word(w string, kind Kind, num uint64) error {
	if len(p.text)-p.at < len(w) || p.text[p.at:p.at+len(w)] != w {
		return errSyntax
	}
	p.at += len(w)
	p.add(kind, "", num)
	return nil
}

// open goes down into an array or object, unless it is empty.
func (p *jsonParser) open(bracket byte) (opened bool, err error) {
	kind, end := Array, byte(']')
	if bracket == '{' {
		kind, end = Object, '}'
	}
	i := p.doc.add(kind, p.up, p.key, "", 0)
	p.at++
	c := p.next()
	if c == end {
		p.at++
		return false, nil
	}
	p.up, p.key = i, ""
	p.depth++
	if kind == Object {
		return true, p.member(c)
	}
	return true, nil
}

// member reads a key and its colon. c is the byte at which it begins.
func (p *jsonParser) member(c byte) error {
	if c != '"' {
		return errSyntax
	}
	key, ok := p.string()
	if !ok || p.next() != ':' {
		return errSyntax
	}
	p.at++
	p.key = key
	p.doc.nodes[p.up].num |= keyBit(key)
	return nil
}

// follow reads what stands behind a value: a comma, behind which another follows, or the ends of what is open. It
// returns false when nothing is open any more.
func (p *jsonParser) follow() (more bool, err error) {
	for p.up >= 0 {
		n := &p.doc.nodes[p.up]
		switch c := p.next(); {
		case c == ',' && n.kind == Array:
			p.at++
			return true, nil
		case c == ',':
			p.at++
			return true, p.member(p.next())
		case c == '}' && n.kind == Object, c == ']' && n.kind == Array:
			p.at++
			p.doc.close(p.up)
			p.up, p.key = n.up, ""
			p.depth--
		default:
			return false, errSyntax
		}
	}
	return false, nil
}

// scanNumber is the end of the number at i: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func scanNumber(s string, i int) (end int, ok bool) {
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := i
	if i = digits(s, i); i == whole || s[whole] == '0' && i > whole+1 {
		return i, false
	}
	if i < len(s) && s[i] == '.' {
		fraction := i + 1
		if i = digits(s, fraction); i == fraction {
			return i, false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		exponent := i + 1
		if exponent < len(s) && (s[exponent] == '+' || s[exponent] == '-') {
			exponent++
		}
		if i = digits(s, exponent); i == exponent {
			return i, false
		}
	}
	return i, true
}

// digits is the index of the first byte from i on that is no digit.
func digits(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// string reads a string token: a part of the text when it needs no change, else a copy. It returns false if
// the string does not end or holds what a JSON string cannot.
func (p *jsonParser) string() (string, bool) {
	from := p.at + 1
	escaped, ascii := false, true
	for i := from; ; {
		var plain bool
		i, plain = scanString(p.text, i)
		ascii = ascii && plain
		if i == len(p.text) {
			return "", false
		}
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			raw := p.text[from:i]
			if !ascii {
				raw = validUTF8(raw)
			}
			if escaped {
				return p.doc.unescape(raw)
			}
			return raw, true
		case c != '\\' || i+1 == len(p.text):
			return "", false // a control character
		}
		escaped = true
		i += 2
	}
}
