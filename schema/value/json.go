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
	p := jsonParser{doc: d, text: text}
	if err := p.value(-1, "", 0); err != nil {
		d.nodes = d.nodes[:start]
		return Value{}, text, err
	}
	return Value{d, int32(start)}, text[p.at:], nil
}

// jsonParser reads one text, from front to back.
type jsonParser struct {
	doc  *Doc
	text string
	at   int // next byte
}

// skipSpace is the index of the first byte from i on that is no white space.
func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
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

func (p *jsonParser) value(up int32, key string, depth int) error {
	if err := p.doc.room(depth); err != nil {
		return err
	}
	n := node{key: key, up: up}
	switch p.next() {
	case '{':
		return p.object(n, depth)
	case '[':
		return p.array(n, depth)
	case '"':
		s, ok := p.string()
		if !ok {
			return errSyntax
		}
		n.kind, n.str = String, s
	case 'n':
		n.kind = Null
		return p.word("null", n)
	case 't':
		n.kind, n.num = Bool, 1
		return p.word("true", n)
	case 'f':
		n.kind = Bool
		return p.word("false", n)
	default:
		end, ok := scanNumber(p.text, p.at)
		if !ok {
			return errSyntax
		}
		n.kind, n.str = Number, p.text[p.at:end]
		p.at = end
	}
	p.doc.add(n)
	return nil
}

// word reads null, true or false.
func (p *jsonParser) word(w string, n node) error {
	if len(p.text)-p.at < len(w) || p.text[p.at:p.at+len(w)] != w {
		return errSyntax
	}
	p.at += len(w)
	p.doc.add(n)
	return nil
}

func (p *jsonParser) object(n node, depth int) error {
	n.kind = Object
	i := p.doc.add(n)
	p.at++
	c := p.next()
	if c == '}' {
		p.at++
		return nil
	}
	for {
		if c != '"' {
			return errSyntax
		}
		key, ok := p.string()
		if !ok || p.next() != ':' {
			return errSyntax
		}
		p.at++
		p.doc.nodes[i].num |= keyBit(key)
		if err := p.value(i, key, depth+1); err != nil {
			return err
		}
		c = p.next()
		p.at++
		if c != ',' {
			break
		}
		c = p.next()
	}
	if c != '}' {
		return errSyntax
	}
	p.doc.close(i)
	return nil
}

func (p *jsonParser) array(n node, depth int) error {
	n.kind = Array
	i := p.doc.add(n)
	p.at++
	if p.next() == ']' {
		p.at++
		return nil
	}
	for {
		if err := p.value(i, "", depth+1); err != nil {
			return err
		}
		c := p.next()
		p.at++
		if c == ']' {
			break
		}
		if c != ',' {
			return errSyntax
		}
	}
	p.doc.close(i)
	return nil
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
