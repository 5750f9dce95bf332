package scrub

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// A pattern is written as a regular expression, of the part of the language that reads a text in linear time without
// memory: bytes, classes, repeats of a class, alternatives, optional groups and groups of a small fixed count. It is
// parsed into a tree here, and compiled for matching in program.go.

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *byteSet) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

func (s *byteSet) addRange(from, to byte) {
	for b := int(from); b <= int(to); b++ {
		s.add(byte(b))
	}
}

func (s *byteSet) union(t byteSet) {
	for i := range s {
		s[i] |= t[i]
	}
}

func (s byteSet) size() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s byteSet) meets(t byteSet) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

// folded adds the other case of every ASCII letter.
func (s byteSet) folded() byteSet {
	for b := byte('a'); b <= 'z'; b++ {
		up := b - 'a' + 'A'
		if s.has(b) || s.has(up) {
			s.add(b)
			s.add(up)
		}
	}
	return s
}

func (s byteSet) inverted() byteSet {
	for i := range s {
		s[i] = ^s[i]
	}
	return s
}

type exprKind uint8

const (
	exprSet     exprKind = iota // one byte of set
	exprCat                     // all of sub, one after the other
	exprAlt                     // one of sub
	exprRepeat                  // sub[0], min to max times
	exprCapture                 // sub[0], the secret
	exprBound                   // \b
	exprEnd                     // $, \z
)

// unlimited is the most of a repeat without a limit.
const unlimited = 1 << 20

// expr is a node of a parsed pattern.
type expr struct {
	kind     exprKind
	set      byteSet
	sub      []*expr
	min, max int
}

var errPattern = errors.New("pattern")

// patternParser reads a pattern from left to right.
type patternParser struct {
	s        string
	i        int
	fold     bool
	captures int
	depth    int
}

// parsePattern parses a pattern; fold ignores the case of ASCII letters.
func parsePattern(s string, fold bool) (*expr, error) {
	p := &patternParser{s: s, fold: fold}
	e, err := p.alternatives()
	if err == nil && p.i < len(s) {
		err = p.fail("unexpected %q", s[p.i])
	}
	if err == nil && p.captures > 1 {
		err = p.fail("more than one group in ( ): use (?: )")
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (p *patternParser) fail(format string, args ...any) error {
	return fmt.Errorf("%w: at %d: %s", errPattern, p.i, fmt.Sprintf(format, args...))
}

func (p *patternParser) alternatives() (*expr, error) {
	if p.depth++; p.depth > 32 {
		return nil, p.fail("nested too deep")
	}
	defer func() { p.depth-- }()
	alt := &expr{kind: exprAlt}
	for {
		cat, err := p.sequence()
		if err != nil {
			return nil, err
		}
		alt.sub = append(alt.sub, cat)
		if p.i >= len(p.s) || p.s[p.i] != '|' {
			break
		}
		p.i++
	}
	if len(alt.sub) == 1 {
		return alt.sub[0], nil
	}
	return alt, nil
}

// sequence reads up to a "|" or a ")".
func (p *patternParser) sequence() (*expr, error) {
	cat := &expr{kind: exprCat}
	for p.i < len(p.s) && p.s[p.i] != '|' && p.s[p.i] != ')' {
		e, err := p.item()
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue // a flag
		}
		if e, err = p.repeated(e); err != nil {
			return nil, err
		}
		cat.sub = append(cat.sub, e)
	}
	return cat, nil
}

// item reads one byte, class or group; nil for a flag such as (?i), which holds up to the end of the group.
func (p *patternParser) item() (*expr, error) {
	b := p.s[p.i]
	p.i++
	switch b {
	case '(':
		return p.group()
	case '[':
		set, err := p.class()
		return &expr{kind: exprSet, set: p.folding(set)}, err
	case '.':
		var set byteSet
		set.add('\n')
		return &expr{kind: exprSet, set: set.inverted()}, nil
	case '$':
		return &expr{kind: exprEnd}, nil
	case '^', '*', '+', '?', '{':
		return nil, p.fail("%q has no meaning here", b)
	case '\\':
		switch {
		case p.i < len(p.s) && p.s[p.i] == 'b':
			p.i++
			return &expr{kind: exprBound}, nil
		case p.i < len(p.s) && p.s[p.i] == 'z':
			p.i++
			return &expr{kind: exprEnd}, nil
		}
		set, err := p.escape()
		return &expr{kind: exprSet, set: p.folding(set)}, err
	}
	var set byteSet
	set.add(b)
	return &expr{kind: exprSet, set: p.folding(set)}, nil
}

func (p *patternParser) folding(set byteSet) byteSet {
	if p.fold {
		return set.folded()
	}
	return set
}

// group reads what follows "(".
func (p *patternParser) group() (*expr, error) {
	fold, capture := p.fold, true
	if strings.HasPrefix(p.s[p.i:], "?") {
		colon := strings.IndexAny(p.s[p.i:], ":)")
		if colon < 0 {
			return nil, p.fail("( without )")
		}
		switch flags := p.s[p.i+1 : p.i+colon]; flags {
		case "":
		case "i":
			fold = true
		case "-i":
			fold = false
		default:
			return nil, p.fail("flag %q is not known", flags)
		}
		capture = false
		p.i += colon + 1
		if p.s[p.i-1] == ')' {
			p.fold = fold
			return nil, nil
		}
	}
	outer := p.fold
	p.fold = fold
	e, err := p.alternatives()
	p.fold = outer
	if err != nil {
		return nil, err
	}
	if p.i >= len(p.s) {
		return nil, p.fail("( without )")
	}
	p.i++
	if capture {
		p.captures++
		return &expr{kind: exprCapture, sub: []*expr{e}}, nil
	}
	return e, nil
}

// escape reads what follows a backslash, in a class or outside.
func (p *patternParser) escape() (set byteSet, err error) {
	if p.i >= len(p.s) {
		return set, p.fail("the pattern ends in a backslash")
	}
	b := p.s[p.i]
	p.i++
	switch b {
	case 'd':
		set.addRange('0', '9')
	case 'w':
		set = wordSet
	case 's':
		for _, c := range []byte(" \t\n\r\f\v") {
			set.add(c)
		}
	case 'n':
		set.add('\n')
	case 'r':
		set.add('\r')
	case 't':
		set.add('\t')
	case 'x':
		var v byte
		if _, err := fmt.Sscanf(p.s[p.i:min(len(p.s), p.i+2)], "%02x", &v); err != nil {
			return set, p.fail(`\x needs two hexadecimal digits`)
		}
		p.i += 2
		set.add(v)
	default:
		if is(b, ccAlnum) {
			return set, p.fail(`\%c is not known`, b)
		}
		set.add(b)
	}
	return set, nil
}

var wordSet = func() (set byteSet) {
	set.addRange('a', 'z')
	set.addRange('A', 'Z')
	set.addRange('0', '9')
	set.add('_')
	return set
}()

// class reads what follows "[".
func (p *patternParser) class() (set byteSet, err error) {
	negated := strings.HasPrefix(p.s[p.i:], "^")
	if negated {
		p.i++
	}
	for first := true; ; first = false {
		if p.i >= len(p.s) {
			return set, p.fail("[ without ]")
		}
		b := p.s[p.i]
		if b == ']' && !first {
			p.i++
			break
		}
		if strings.HasPrefix(p.s[p.i:], "[:alnum:]") {
			p.i += len("[:alnum:]")
			set.addRange('a', 'z')
			set.addRange('A', 'Z')
			set.addRange('0', '9')
			continue
		}
		p.i++
		if b == '\\' {
			one, err := p.escape()
			if err != nil {
				return set, err
			}
			set.union(one)
			continue
		}
		if p.i+1 < len(p.s) && p.s[p.i] == '-' && p.s[p.i+1] != ']' {
			to := p.s[p.i+1]
			p.i += 2
			if to < b || to == '\\' {
				return set, p.fail("range %c-%c", b, to)
			}
			set.addRange(b, to)
			continue
		}
		set.add(b)
	}
	if negated {
		set = p.folding(set).inverted()
	}
	return set, nil
}

// maxGroupCount is how often a group may be repeated. Classes may be repeated without a limit.
const maxGroupCount = 16

// repeated reads the repeat that may follow e. Lazy repeats mean the same: a match is as long as it can be.
func (p *patternParser) repeated(e *expr) (*expr, error) {
	if p.i >= len(p.s) {
		return e, nil
	}
	least, most := 0, 0
	switch p.s[p.i] {
	case '?':
		least, most = 0, 1
	case '*':
		least, most = 0, unlimited
	case '+':
		least, most = 1, unlimited
	case '{':
		end := strings.IndexByte(p.s[p.i:], '}')
		if end < 0 {
			return nil, p.fail("{ without }")
		}
		from, to, ranged := strings.Cut(p.s[p.i+1:p.i+end], ",")
		if _, err := fmt.Sscan(from, &least); err != nil {
			return nil, p.fail("{%s}", p.s[p.i+1:p.i+end])
		}
		if most = least; ranged && to == "" {
			most = unlimited
		} else if ranged {
			if _, err := fmt.Sscan(to, &most); err != nil {
				return nil, p.fail("{%s}", p.s[p.i+1:p.i+end])
			}
		}
		p.i += end
	default:
		return e, nil
	}
	p.i++
	if p.i < len(p.s) && p.s[p.i] == '?' {
		p.i++
	}
	switch {
	case least < 0 || most < least || most == 0 || least > 4096:
		return nil, p.fail("repeat of %d to %d", least, most)
	case e.kind != exprSet && most > maxGroupCount:
		return nil, p.fail("a group may be repeated %d times", maxGroupCount)
	case e.kind == exprCapture:
		return nil, p.fail("the secret's group may not be repeated")
	}
	return &expr{kind: exprRepeat, sub: []*expr{e}, min: least, max: most}, nil
}
