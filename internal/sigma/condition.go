package sigma

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// condition is a part of a rule's condition.
type condition interface {
	holds(v *view, r *Rule) bool
}

type (
	allOf  []condition
	anyOf  []condition
	negate struct{ condition }
	// named is one selection.
	named string
	// count holds when at least n of the selections do.
	count struct {
		n     int
		names []string
	}
)

func (c allOf) holds(v *view, r *Rule) bool {
	for _, part := range c {
		if !part.holds(v, r) {
			return false
		}
	}
	return true
}

func (c anyOf) holds(v *view, r *Rule) bool {
	for _, part := range c {
		if part.holds(v, r) {
			return true
		}
	}
	return false
}

func (c negate) holds(v *view, r *Rule) bool { return !c.condition.holds(v, r) }
func (c named) holds(v *view, r *Rule) bool  { return r.selections[string(c)].holds(v) }

func (c count) holds(v *view, r *Rule) bool {
	left := c.n
	for i, name := range c.names {
		if left <= 0 || left > len(c.names)-i {
			break
		}
		if r.selections[name].holds(v) {
			left--
		}
	}
	return left <= 0
}

// conditionParser reads, with the usual precedence (not, and, or):
//
//	or      = and { "or" and }
//	and     = not { "and" not }
//	not     = "not" not | "(" or ")" | ("all" | "1" | "any" | number) "of" ("them" | pattern) | selection
type conditionParser struct {
	tokens []string
	at     int
	depth  int
	rule   *Rule
}

const maxNesting = 64

func parseCondition(text string, r *Rule) (condition, error) {
	text = strings.NewReplacer("(", " ( ", ")", " ) ", "|", " | ").Replace(text)
	p := &conditionParser{tokens: strings.Fields(text), rule: r}
	c, err := p.or()
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("%q is not understood here", p.tokens[p.at])
	}
	return c, err
}

func (p *conditionParser) next() string {
	if p.at >= len(p.tokens) {
		return ""
	}
	return p.tokens[p.at]
}

func (p *conditionParser) word(w string) bool {
	if strings.EqualFold(p.next(), w) {
		p.at++
		return true
	}
	return false
}

func (p *conditionParser) or() (condition, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, fmt.Errorf("nests deeper than %d", maxNesting)
	}
	defer func() { p.depth-- }()
	first, err := p.and()
	list := anyOf{first}
	for err == nil && p.word("or") {
		var c condition
		c, err = p.and()
		list = append(list, c)
	}
	return list, err
}

func (p *conditionParser) and() (condition, error) {
	first, err := p.not()
	list := allOf{first}
	for err == nil && p.word("and") {
		var c condition
		c, err = p.not()
		list = append(list, c)
	}
	return list, err
}

func (p *conditionParser) not() (condition, error) {
	negative := false
	for p.word("not") {
		negative = !negative
	}
	c, err := p.primary()
	if negative {
		return negate{c}, err
	}
	return c, err
}

func (p *conditionParser) primary() (condition, error) {
	if p.word("(") {
		c, err := p.or()
		if err == nil && !p.word(")") {
			err = fmt.Errorf("a bracket is not closed")
		}
		return c, err
	}
	t := p.next()
	p.at++
	if strings.EqualFold(p.next(), "of") {
		return p.quantity(t)
	}
	if p.rule.selections[t] == nil {
		return nil, fmt.Errorf("there is no selection %q", t)
	}
	return named(t), nil
}

// quantity reads what follows `all`, `1`, `any` or a number.
func (p *conditionParser) quantity(how string) (condition, error) {
	p.at++
	pattern := p.next()
	p.at++
	c := count{}
	for _, name := range p.rule.names {
		if ok, _ := path.Match(pattern, name); ok || strings.EqualFold(pattern, "them") && !strings.HasPrefix(name, "_") {
			c.names = append(c.names, name)
		}
	}
	if len(c.names) == 0 {
		return nil, fmt.Errorf("no selection is called %q", pattern)
	}
	switch {
	case strings.EqualFold(how, "all"):
		c.n = len(c.names)
	case strings.EqualFold(how, "any"):
		c.n = 1
	default:
		n, err := strconv.Atoi(how)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q of is not understood", how)
		}
		c.n = n
	}
	return c, nil
}
