package value

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// Errors name no input: it may hold secrets.
var (
	errSyntax = errors.New("not valid JSON")
	errAfter  = errors.New("text after the JSON value")
)

// ParseJSON adds the value that text holds, white space around it allowed. Duplicate keys are kept, invalid UTF-8 is
// replaced. Strings without escapes point into text. Errors say nothing of the input.
func (d *Doc) ParseJSON(text string) (Value, error) {
	start := len(d.nodes)
	p := jsonParser{doc: d, text: text}
	p.dec = jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	err := p.value(-1, "", 0)
	if err == nil {
		if _, tail := p.dec.ReadToken(); tail != io.EOF {
			err = errAfter
		}
	}
	if err != nil {
		d.nodes = d.nodes[:start]
		return Value{}, err
	}
	return Value{d, int32(start)}, nil
}

type jsonParser struct {
	doc  *Doc
	dec  *jsontext.Decoder
	text string
}

func (p *jsonParser) value(up int32, key string, depth int) error {
	if err := p.doc.room(depth); err != nil {
		return err
	}
	switch k := p.dec.PeekKind(); k {
	case '{':
		return p.object(up, key, depth)
	case '[':
		return p.array(up, key, depth)
	case '"':
		s, err := p.string()
		if err != nil {
			return err
		}
		p.doc.add(node{kind: String, key: key, str: s, up: up})
		return nil
	default:
		return p.scalar(up, key, k)
	}
}

func (p *jsonParser) object(up int32, key string, depth int) error {
	if _, err := p.dec.ReadToken(); err != nil {
		return errSyntax
	}
	i := p.doc.add(node{kind: Object, key: key, up: up})
	for p.dec.PeekKind() == '"' {
		name, err := p.string()
		if err != nil {
			return err
		}
		if err := p.value(i, name, depth+1); err != nil {
			return err
		}
	}
	p.doc.close(i)
	if _, err := p.dec.ReadToken(); err != nil {
		return errSyntax
	}
	return nil
}

func (p *jsonParser) array(up int32, key string, depth int) error {
	if _, err := p.dec.ReadToken(); err != nil {
		return errSyntax
	}
	i := p.doc.add(node{kind: Array, key: key, up: up})
	for k := p.dec.PeekKind(); k != ']'; k = p.dec.PeekKind() {
		if err := p.value(i, "", depth+1); err != nil {
			return err
		}
	}
	p.doc.close(i)
	if _, err := p.dec.ReadToken(); err != nil {
		return errSyntax
	}
	return nil
}

// string reads a string token: a part of the text when it has no escapes, else unescaped beside it.
func (p *jsonParser) string() (string, error) {
	raw, err := p.dec.ReadValue()
	if err != nil {
		return "", errSyntax
	}
	end := int(p.dec.InputOffset())
	raw = raw[1 : len(raw)-1]
	ascii := true
	for _, c := range raw {
		if c == '\\' {
			return p.unescape(end, len(raw)), nil
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && !utf8.Valid(raw) {
		return p.unescape(end, len(raw)), nil
	}
	return p.text[end-1-len(raw) : end-1], nil
}

// unescape decodes the string of n raw bytes that ends, quote included, at end. The decoder has checked its syntax; the
// only error left is invalid UTF-8, which is replaced.
func (p *jsonParser) unescape(end, n int) string {
	from := len(p.doc.text)
	p.doc.text, _ = jsontext.AppendUnquote(p.doc.text, p.text[end-n-2:end])
	b := p.doc.text[from:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (p *jsonParser) scalar(up int32, key string, k jsontext.Kind) error {
	raw, err := p.dec.ReadValue()
	if err != nil {
		return errSyntax
	}
	n := node{key: key, up: up}
	switch k {
	case 'n':
		n.kind = Null
	case 't':
		n.kind, n.num = Bool, 1
	case 'f':
		n.kind = Bool
	default:
		end := int(p.dec.InputOffset())
		n.kind, n.str = Number, p.text[end-len(raw):end]
	}
	p.doc.add(n)
	return nil
}
