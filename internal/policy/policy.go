// Package policy holds actions against the user's own rules of authorisation: which of them would let an action through,
// have it asked about, or deny it. That says nothing of what was decided: a log may show an approval, a rule that would
// match is no evidence of one.
//
//	claude.go  permissions of Claude Code's settings.json: "Bash(git push:*)"
//	codex.go   .rules files of Codex: prefix_rule(pattern = ["git", "push"], decision = "allow")
//	own.go     our YAML: exact, glob and regex, with expiry
//	shell.go   the simple commands of a shell text
package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Effect is what a rule does with what it matches.
type Effect string

// Effects.
const (
	Allow Effect = "allow"
	Ask   Effect = "ask"
	Deny  Effect = "deny"
)

// Rule is one rule.
type Rule struct {
	Name   string // as its owner writes it, or calls it
	Effect Effect
	Until  time.Time // it holds before that; zero for ever
	agents []string  // globs over the log's format, the agent's name and id; empty for all
	// match says whether the rule matches one simple command, or a call of a tool.
	match func(s *Subject, c *command) bool
}

// Subject is an action.
type Subject struct {
	Command   string   // shell text
	Args      []string // argv, where there is no text
	Tool      string
	Arguments string // JSON of the tool's arguments
	Format    string // kind of log, "claude"
	Agent     string // the agent's name or id
	Time      time.Time
}

// Verdict are the rules that match: those that deny or ask, and, where all of the action is allowed, those that allow it.
type Verdict struct{ Allow, Ask, Deny []string }

// Set is a user's rules. It is immutable and safe for concurrent use; a nil one matches nothing.
type Set struct{ Rules []Rule }

const maxFile = 4 << 20

// Load reads files of rules, by their names: *.json is Claude Code's settings, *.rules is Codex's, *.yaml and *.yml
// are ours. Errors name the file, and quote no rule.
func Load(files []string) (*Set, error) {
	s := &Set{}
	for _, file := range files {
		info, err := os.Stat(file)
		if err == nil && info.Size() > maxFile {
			err = fmt.Errorf("larger than %d bytes", maxFile)
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(file)
		}
		var rules []Rule
		if err == nil {
			rules, err = parse(filepath.Ext(file), text)
		}
		if err != nil {
			return nil, fmt.Errorf("authorization.rules: %s: %w", file, err)
		}
		s.Rules = append(s.Rules, rules...)
	}
	return s, nil
}

func parse(ext string, text []byte) ([]Rule, error) {
	switch ext {
	case ".json":
		return ParseClaude(text)
	case ".rules":
		return ParseCodex(string(text))
	case ".yaml", ".yml":
		return ParseOwn(text)
	}
	return nil, errors.New("want *.json (Claude Code), *.rules (Codex) or *.yaml (ours)")
}

// Check holds an action against the rules. Of a shell text every simple command counts: one that is denied or asked about
// is enough for all, while each must be allowed, be it by several rules.
func (s *Set) Check(x *Subject) Verdict {
	var v Verdict
	if s == nil || len(s.Rules) == 0 {
		return v
	}
	commands, whole := x.commands()
	allowed := whole && len(commands) > 0
	for i := range commands {
		some := false
		for n := range s.Rules {
			r := &s.Rules[n]
			if !r.holds(x) || !r.match(x, &commands[i]) {
				continue
			}
			switch r.Effect {
			case Deny:
				v.Deny = put(v.Deny, r.Name)
			case Ask:
				v.Ask = put(v.Ask, r.Name)
			default:
				some = true
				v.Allow = put(v.Allow, r.Name)
			}
		}
		allowed = allowed && some
	}
	if !allowed || len(v.Deny)+len(v.Ask) > 0 {
		v.Allow = nil
	}
	return v
}

// holds says whether the rule is in force for the action.
func (r *Rule) holds(x *Subject) bool {
	if !r.Until.IsZero() && !x.Time.Before(r.Until) {
		return false
	}
	return len(r.agents) == 0 || slices.ContainsFunc(r.agents, func(g string) bool { return glob(g, x.Format) || glob(g, x.Agent) })
}

func put(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// glob matches a whole text; * stands for anything, also for slashes.
func glob(pattern, s string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return len(s) >= len(last) && strings.HasSuffix(s, last)
}
