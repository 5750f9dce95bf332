package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Codex reads *.rules files (developers.openai.com/codex/rules), calls in the form of Starlark:
//
//	prefix_rule(
//	    pattern = ["git", ["push", "fetch"]],    # words that a command begins with; a list holds alternatives
//	    decision = "prompt",                     # allow (the default), prompt or forbidden
//	    match = ["git push origin"],             # samples that must match, not_match some that must not
//	)
//
// Calls of other functions are left alone; anything else in the file is an error.

// ParseCodex reads the rules of such a file.
func ParseCodex(text string) ([]Rule, error) {
	p := &starlark{text: text}
	var out []Rule
	for {
		name, args, err := p.call()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", 1+strings.Count(text[:p.at], "\n"), err)
		}
		if name == "" {
			return out, nil
		}
		if name != "prefix_rule" {
			continue
		}
		r, err := prefixRule(args)
		if err != nil {
			return nil, fmt.Errorf("rule %d: %w", len(out)+1, err)
		}
		out = append(out, *r)
	}
}

func prefixRule(args map[string]any) (*Rule, error) {
	var pattern [][]string
	list, _ := args["pattern"].([]any)
	for _, item := range list {
		switch item := item.(type) {
		case string:
			pattern = append(pattern, []string{item})
		case []any:
			pattern = append(pattern, textsOf(item))
		}
	}
	if len(pattern) == 0 || len(pattern) != len(list) {
		return nil, errors.New("pattern is not a list of words")
	}
	r := &Rule{agents: []string{"codex*"}}
	switch args["decision"] {
	case nil, "allow":
		r.Effect = Allow
	case "prompt":
		r.Effect = Ask
	case "forbidden":
		r.Effect = Deny
	default:
		return nil, errors.New("decision is not allow, prompt or forbidden")
	}
	var words []string
	for _, alternatives := range pattern {
		words = append(words, strings.Join(alternatives, "|"))
	}
	r.Name = "prefix_rule " + strings.Join(words, " ")
	r.match = func(_ *Subject, c *command) bool { return hasPrefix(c.argv, pattern) }
	return r, samples(args, pattern)
}

func hasPrefix(argv []string, pattern [][]string) bool {
	if len(argv) < len(pattern) {
		return false
	}
	for i, alternatives := range pattern {
		if !slices.Contains(alternatives, argv[i]) {
			return false
		}
	}
	return true
}

// samples runs match and not_match, texts or lists of words.
func samples(args map[string]any, pattern [][]string) error {
	for _, kind := range []string{"match", "not_match"} {
		list, _ := args[kind].([]any)
		for n, item := range list {
			argv := textsOf(item)
			if text, ok := item.(string); ok {
				if c, _ := split(text); len(c) > 0 {
					argv = c[0].argv
				}
			}
			if hasPrefix(argv, pattern) != (kind == "match") {
				return fmt.Errorf("sample %d of %s is not as it should be", n+1, kind)
			}
		}
	}
	return nil
}

func textsOf(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// starlark reads calls with keyword arguments, whose values are strings, lists, numbers and names.
type starlark struct {
	text  string
	at    int
	depth int
}

// space skips white space and comments.
func (p *starlark) space() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '#':
			if i := strings.IndexByte(p.text[p.at:], '\n'); i >= 0 {
				p.at += i
			} else {
				p.at = len(p.text)
			}
		case strings.IndexByte(" \t\r\n", c) >= 0:
			p.at++
		default:
			return
		}
	}
}

func (p *starlark) take(c byte) bool {
	if p.space(); p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *starlark) name() string {
	p.space()
	start := p.at
	for p.at < len(p.text) && (p.text[p.at] == '_' || p.text[p.at]|0x20 >= 'a' && p.text[p.at]|0x20 <= 'z' || p.text[p.at] >= '0' && p.text[p.at] <= '9') {
		p.at++
	}
	return p.text[start:p.at]
}

// call reads the next call; its name is "" at the end.
func (p *starlark) call() (string, map[string]any, error) {
	if p.space(); p.at >= len(p.text) {
		return "", nil, nil
	}
	name := p.name()
	if name == "" || !p.take('(') {
		return "", nil, errors.New("is no call of a function")
	}
	args := map[string]any{}
	for !p.take(')') {
		key := p.name()
		if key == "" || !p.take('=') {
			return "", nil, errors.New("an argument has no name")
		}
		v, err := p.value()
		if err != nil {
			return "", nil, err
		}
		args[key] = v
		if !p.take(',') {
			if !p.take(')') {
				return "", nil, errors.New("a call is not closed")
			}
			break
		}
	}
	return name, args, nil
}

const maxDepth = 16

func (p *starlark) value() (any, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("lists nest too deeply")
	}
	defer func() { p.depth-- }()
	if p.take('[') {
		list := []any{}
		for !p.take(']') {
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			if list = append(list, v); !p.take(',') {
				if !p.take(']') {
					return nil, errors.New("a list is not closed")
				}
				break
			}
		}
		return list, nil
	}
	if p.space(); p.at < len(p.text) && (p.text[p.at] == '"' || p.text[p.at] == '\'') {
		return p.quoted()
	}
	if name := p.name(); name != "" {
		return nil, nil // None, True, a number: no rule has them where we look
	}
	return nil, errors.New("is no value")
}

func (p *starlark) quoted() (any, error) {
	quote := p.text[p.at : p.at+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(p.text[p.at:], triple) {
		quote = triple
	}
	var b strings.Builder
	for p.at += len(quote); p.at < len(p.text); p.at++ {
		if strings.HasPrefix(p.text[p.at:], quote) {
			p.at += len(quote)
			return b.String(), nil
		}
		c := p.text[p.at]
		if c == '\\' && p.at+1 < len(p.text) {
			p.at++
			if c = p.text[p.at]; c == 'n' {
				c = '\n'
			} else if c == 't' {
				c = '\t'
			}
		}
		b.WriteByte(c)
	}
	return nil, errors.New("a text is not closed")
}
