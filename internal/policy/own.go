package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// Our own form:
//
//	rules:
//	  - name: builds
//	    effect: allow              # the default; or ask, deny
//	    exact: [make, make test]   # simple commands; at least one of exact, glob, regex and tool
//	    glob: ["go test *"]        # * stands for anything
//	    regex: ["^npm (ci|test)$"]
//	    tool: ["mcp__github__*"]   # calls of tools, by name
//	    agents: ["claude*"]        # for these only, by kind of log, name or id
//	    until: 2027-01-31          # through that day, UTC; or a time of RFC 3339
type ownFile struct {
	Rules []ownRule `yaml:"rules"`
}

type ownRule struct {
	Name   string   `yaml:"name"`
	Effect Effect   `yaml:"effect"`
	Exact  []string `yaml:"exact"`
	Glob   []string `yaml:"glob"`
	Regex  []string `yaml:"regex"`
	Tool   []string `yaml:"tool"`
	Agents []string `yaml:"agents"`
	Until  string   `yaml:"until"`
}

// ParseOwn reads a file of our own form.
func ParseOwn(text []byte) ([]Rule, error) {
	var f ownFile
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	var out []Rule
	for i := range f.Rules {
		r, err := f.Rules[i].rule()
		if err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		out = append(out, *r)
	}
	return out, nil
}

func (o *ownRule) rule() (*Rule, error) {
	r := &Rule{Name: o.Name, Effect: o.Effect, agents: o.Agents}
	if r.Effect == "" {
		r.Effect = Allow
	}
	switch {
	case o.Name == "":
		return nil, errors.New("has no name")
	case r.Effect != Allow && r.Effect != Ask && r.Effect != Deny:
		return nil, errors.New("effect is not allow, ask or deny")
	case len(o.Exact)+len(o.Glob)+len(o.Regex)+len(o.Tool) == 0:
		return nil, errors.New("has none of exact, glob, regex and tool")
	}
	var err error
	if r.Until, err = expiry(o.Until); err != nil {
		return nil, err
	}
	var patterns []*regexp.Regexp
	for _, text := range o.Regex {
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, errors.New("regex: is none that can be matched in linear time")
		}
		patterns = append(patterns, re)
	}
	r.match = func(x *Subject, c *command) bool {
		if c.text == "" {
			return slices.ContainsFunc(o.Tool, func(g string) bool { return glob(g, x.Tool) })
		}
		return slices.Contains(o.Exact, c.text) || slices.ContainsFunc(o.Glob, func(g string) bool { return glob(g, c.text) }) ||
			slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(c.text) })
	}
	return r, nil
}

// expiry is the time from which a rule no longer holds.
func expiry(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, errors.New("until is neither a day nor a time of RFC 3339")
	}
	return t, nil
}
