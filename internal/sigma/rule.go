package sigma

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// Rule is one rule, ready to be evaluated.
type Rule struct {
	ID         string // its uuid; the title in small letters when it has none
	Title      string
	Author     string // to be named where a match is shown (Detection Rule License 1.1)
	Level      string // informational, low, medium, high, critical
	Techniques []string
	Tactics    []string

	selections map[string]*selection
	names      []string // of the selections, in order, for 1 of them
	condition  condition
}

// file is the form of a rule file, as far as it is looked at.
type file struct {
	Title  string `yaml:"title"`
	ID     string `yaml:"id"`
	Author string `yaml:"author"`
	Status string `yaml:"status"`
	Level  string `yaml:"level"`

	Tags      []string       `yaml:"tags"`
	LogSource logSource      `yaml:"logsource"`
	Detection map[string]any `yaml:"detection"`
}

type logSource struct {
	Category string `yaml:"category"`
	Product  string `yaml:"product"`
	Service  string `yaml:"service"`
}

// Parse reads the rules of a file, which may hold several documents. other counts those for other log sources.
func Parse(text []byte) (rules []Rule, other int, err error) {
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, 0, errors.New("is no YAML")
	}
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		var f file
		if err := yaml.NodeToValue(doc.Body, &f); err != nil {
			return rules, other, errors.New("has not the form of a Sigma rule")
		}
		if f.LogSource.Category != "process_creation" || f.LogSource.Product != "" && f.LogSource.Product != "linux" {
			other++
			continue
		}
		r, err := f.compile()
		if err != nil {
			return rules, other, err
		}
		rules = append(rules, *r)
	}
	return rules, other, nil
}

// compile turns the file's parts into a rule.
func (f *file) compile() (*Rule, error) {
	r := &Rule{ID: f.ID, Title: f.Title, Author: f.Author, Level: f.Level, selections: map[string]*selection{}}
	if r.ID == "" {
		r.ID = strings.ReplaceAll(strings.ToLower(f.Title), " ", "-")
	}
	if r.ID == "" {
		return nil, errors.New("has neither id nor title")
	}
	for _, tag := range f.Tags {
		name, ok := strings.CutPrefix(strings.ToLower(tag), "attack.")
		if !ok {
			continue
		}
		if len(name) > 4 && name[0] == 't' && name[1] >= '0' && name[1] <= '9' {
			r.Techniques = append(r.Techniques, strings.ToUpper(name))
		} else {
			r.Tactics = append(r.Tactics, strings.ReplaceAll(name, "_", "-"))
		}
	}
	var conditions []string
	for name, part := range f.Detection {
		switch name {
		case "condition":
			var err error
			if conditions, err = texts(part); err != nil {
				return nil, err
			}
		case "timeframe":
			return nil, errors.New("needs a time frame, which one command has not")
		default:
			s, err := newSelection(part)
			if err != nil {
				return nil, fmt.Errorf("selection %s: %w", name, err)
			}
			r.selections[name] = s
			r.names = append(r.names, name)
		}
	}
	slices.SortFunc(r.names, func(a, b string) int {
		return cmp.Or(r.selections[a].cost()-r.selections[b].cost(), strings.Compare(a, b))
	})
	return r, r.conditions(conditions)
}

// conditions parses the condition, or several of which one must hold.
func (r *Rule) conditions(list []string) error {
	var all anyOf
	for _, text := range list {
		c, err := parseCondition(text, r)
		if err != nil {
			return fmt.Errorf("condition: %w", err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return errors.New("has no condition")
	}
	r.condition = all
	return nil
}

func texts(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case []any:
		var out []string
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, errors.New("condition is no text")
			}
			out = append(out, s)
		}
		return out, nil
	}
	return nil, errors.New("condition is no text")
}
