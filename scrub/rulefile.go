package scrub

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrRules is what every error about a rule file wraps.
var ErrRules = errors.New("scrub: rules")

// Rules are the rules of one file, in the format that rules/README.md describes: stanzas of "key: value" lines.
type Rules struct {
	name    string
	digest  [sha256.Size]byte
	rules   []ruleText
	disable []string
}

// Len is how many rules the file has.
func (r *Rules) Len() int { return len(r.rules) }

// ruleText is one stanza.
type ruleText struct {
	file   string
	line   int
	id     string
	kind   string
	match  []string
	near   []string
	within int
	also   []string
	names  []string
	checks []check
	except []string
	fold   bool
	glued  string
	hits   []string
	misses []string
}

func (r *ruleText) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s:%d: %s: %s", ErrRules, r.file, r.line, r.id, fmt.Sprintf(format, args...))
}

// ParseRules parses the text of a rule file; name is for error messages. Patterns are checked by New.
func ParseRules(name, text string) (*Rules, error) {
	f := &Rules{name: name, digest: sha256.Sum256([]byte(text))}
	var r *ruleText
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			if line == "" {
				r = nil
			}
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); !ok || value == "" {
			return nil, fmt.Errorf("%w: %s:%d: expected \"key: value\"", ErrRules, name, n)
		}
		switch {
		case key == "disable" && r == nil:
			f.disable = append(f.disable, strings.Fields(value)...)
			continue
		case key == "rule":
			if r != nil {
				return nil, fmt.Errorf("%w: %s:%d: an empty line must stand before a rule", ErrRules, name, n)
			}
			f.rules = append(f.rules, ruleText{file: name, line: n, id: value, kind: value})
			r = &f.rules[len(f.rules)-1]
			continue
		case r == nil:
			return nil, fmt.Errorf("%w: %s:%d: %q before \"rule\"", ErrRules, name, n, key)
		}
		if err := r.set(key, value); err != nil {
			return nil, fmt.Errorf("%w: %s:%d: %s: %w", ErrRules, name, n, r.id, err)
		}
	}
	for i := range f.rules {
		if err := f.rules[i].complete(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// set takes one line of a stanza.
func (r *ruleText) set(key, value string) (err error) {
	switch key {
	case "about", "source": // for readers
	case "kind":
		r.kind = value
	case "match":
		r.match = append(r.match, value)
	case "near":
		r.near = append(r.near, value)
	case "within":
		if r.within, err = strconv.Atoi(value); err == nil && (r.within < 1 || r.within > maxWithin) {
			err = fmt.Errorf("within must be 1 to %d", maxWithin)
		}
	case "also":
		r.also = append(r.also, strings.Fields(strings.ToLower(value))...)
	case "name":
		r.names = append(r.names, strings.Fields(strings.ToLower(value))...)
	case "check":
		for c := range strings.SplitSeq(value, ",") {
			parsed, err := parseCheck(strings.TrimSpace(c))
			if err != nil {
				return err
			}
			r.checks = append(r.checks, parsed)
		}
	case "except":
		r.except = append(r.except, value)
	case "case":
		if value != "fold" {
			err = errors.New(`case may only be "fold"`)
		}
		r.fold = true
	case "glued":
		if value != "start" && value != "end" && value != "both" {
			err = errors.New("glued must be start, end or both")
		}
		r.glued = value
	case "hit":
		r.hits = append(r.hits, unbroken(value))
	case "miss":
		r.misses = append(r.misses, unbroken(value))
	default:
		err = fmt.Errorf("key %q is not known", key)
	}
	return err
}

// unbroken undoes what keeps a sample from being taken for a secret by whoever scans the file: "¦" is nothing.
func unbroken(s string) string { return strings.ReplaceAll(s, "¦", "") }

// complete checks what a stanza must have.
func (r *ruleText) complete() error {
	switch {
	case !validKind(r.id):
		return r.errorf("a rule's name is 3 to 40 of a-z, 0-9 and '-'")
	case !validKind(r.kind):
		return r.errorf("kind %q: 3 to 40 of a-z, 0-9 and '-'", r.kind)
	case len(r.match) == 0:
		return r.errorf("no match")
	case len(r.near) > 0 && len(r.names) > 0:
		return r.errorf("near and name exclude each other")
	case (len(r.near) > 0) != (r.within > 0) || len(r.also) > 0 && r.within == 0:
		return r.errorf("near and within go together, and also with them")
	case len(r.hits) == 0 || len(r.misses) == 0:
		return r.errorf("at least one hit and one miss are needed")
	}
	for _, name := range r.names {
		if len(name) < minAnchor || run(name, 0, ccName, len(name)) != len(name) {
			return r.errorf("name %q: %d or more letters, digits, '_', '-', '.'", name, minAnchor)
		}
	}
	return nil
}

func validKind(s string) bool {
	return len(s) >= 3 && len(s) <= maxKind && run(s, 0, ccLower|ccDigit, 1) == 1 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// maxKind is the longest kind in bytes.
const maxKind = 40

// joinRules puts rule files one over the other: a rule replaces one of the same name, and disable removes some.
func joinRules(files []*Rules) ([]ruleText, error) {
	var all []ruleText
	index := func(id string) int {
		return slices.IndexFunc(all, func(r ruleText) bool { return r.id == id })
	}
	for _, f := range files {
		for _, id := range f.disable {
			i := index(id)
			if i < 0 {
				return nil, fmt.Errorf("%w: %s: disable: no rule %q", ErrRules, f.name, id)
			}
			all = slices.Delete(all, i, i+1)
		}
		for i := range f.rules {
			switch at := index(f.rules[i].id); {
			case at < 0:
				all = append(all, f.rules[i])
			case all[at].file == f.name:
				return nil, f.rules[i].errorf("the name stands twice")
			default:
				all[at] = f.rules[i]
			}
		}
	}
	return all, nil
}
