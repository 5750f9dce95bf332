package risk

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/internal/sigma"
)

// Options of an Engine.
type Options struct {
	// Rules are files of rules of the user's own, in the form of rules.yaml, laid over the built-in ones in this order:
	//
	//	rules       a rule with the id of an earlier one takes its place, any other is added
	//	disable     ids of earlier rules that are left out
	//	lists, classes, harmless, sensitive, guarded, startup, followed, mounts, write_tools   what they hold is added
	//	programs    a program's words are read as the last file says
	//
	// A file needs no `ruleset`: the built-in rules' name and a digest of the files go on the record.
	Rules []string
	// Sigma is a folder of Sigma rules, or one such file, to be judged by as well.
	Sigma string
}

// New returns an engine with the built-in rules, the user's and Sigma's. Errors name file and rule.
func New(o Options) (*Engine, error) {
	e, err := withOwn(o.Rules)
	if err != nil || o.Sigma == "" {
		return e, err
	}
	set, err := sigma.Load(o.Sigma)
	if err != nil {
		return nil, fmt.Errorf("risk.sigma: %w", err)
	}
	both := *e // the built-in engine is shared
	both.rules = slices.Clone(e.rules)
	both.addSigma(set)
	both.ruleset += "+sigma." + set.Digest()
	return &both, nil
}

// SigmaProblems are the files of Sigma rules that could not be used; each error names one, and why.
func (e *Engine) SigmaProblems() []error {
	if e.sigma == nil {
		return nil
	}
	return e.sigma.Problems
}

func withOwn(files []string) (*Engine, error) {
	if len(files) == 0 {
		return builtin()
	}
	f, err := parseFile(builtinYAML)
	if err != nil {
		return nil, fmt.Errorf("built-in risk rules: %w", err)
	}
	digest := sha256.New()
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("risk.rules: %w", err)
		}
		own, err := parseFile(text)
		if err == nil {
			err = f.lay(own)
		}
		if err == nil {
			_, err = compile(f) // the first file with a mistake is the one to name
		}
		if err != nil {
			return nil, fmt.Errorf("risk.rules: %s: %w", path, err)
		}
		fmt.Fprintf(digest, "%d:%s", len(text), text)
	}
	e, err := compile(f)
	if err != nil {
		return nil, fmt.Errorf("risk.rules: %w", err)
	}
	e.ruleset += "+" + hex.EncodeToString(digest.Sum(nil)[:6])
	return e, nil
}

// lay puts a user's file over f.
func (f *ruleFile) lay(own *ruleFile) error {
	if own.Ruleset != "" && own.Ruleset != Ruleset {
		return fmt.Errorf("ruleset %q: these rules are %q", own.Ruleset, Ruleset)
	}
	f.Lists = joined(f.Lists, own.Lists)
	f.Classes = joined(f.Classes, own.Classes)
	f.Harmless = append(f.Harmless, own.Harmless...)
	f.Sensitive = append(f.Sensitive, own.Sensitive...)
	f.Guarded = append(f.Guarded, own.Guarded...)
	f.Startup = append(f.Startup, own.Startup...)
	f.Followed = append(f.Followed, own.Followed...)
	f.Mounts = append(f.Mounts, own.Mounts...)
	f.WriteTools = append(f.WriteTools, own.WriteTools...)
	f.layPrograms(own.Programs)
	for _, id := range own.Disable {
		i := f.find(id)
		if i < 0 {
			return fmt.Errorf("disable: there is no rule %q", id)
		}
		f.Rules = slices.Delete(f.Rules, i, i+1)
	}
	before := len(f.Rules)
	for _, r := range own.Rules {
		if i := f.find(r.ID); i >= 0 && i < before {
			f.Rules[i] = r
			continue
		}
		f.Rules = append(f.Rules, r)
	}
	return nil
}

func (f *ruleFile) find(id string) int {
	return slices.IndexFunc(f.Rules, func(r ruleSpec) bool { return r.ID == id })
}

// joined is a with b's entries behind those of the same name.
func joined(a, b map[string][]string) map[string][]string {
	out := maps.Clone(a)
	for name, entries := range b {
		out[name] = append(slices.Clip(out[name]), entries...)
	}
	return out
}

// layPrograms takes the user's programs out of the groups they are in, and adds them as the user has them.
func (f *ruleFile) layPrograms(own map[string]programSpec) {
	taken := map[string]bool{}
	for names := range own {
		for _, n := range strings.Fields(names) {
			taken[n] = true
		}
	}
	out := map[string]programSpec{}
	for names, spec := range f.Programs {
		left := slices.DeleteFunc(strings.Fields(names), func(n string) bool { return taken[n] })
		if len(left) > 0 {
			out[strings.Join(left, " ")] = spec
		}
	}
	maps.Copy(out, own)
	f.Programs = out
}

// CheckSamples holds every rule against its samples: one that must fire and does not, or the other way round, is an
// error that names rule and sample.
func (e *Engine) CheckSamples() []error {
	var errs []error
	for i := range e.rules {
		r := &e.rules[i]
		for n, s := range r.samples.Match {
			if !e.fires(i, s.subject()) {
				errs = append(errs, fmt.Errorf("rule %s does not fire on its sample match %d", r.id, n+1))
			}
		}
		for n, s := range r.samples.NoMatch {
			if e.fires(i, s.subject()) {
				errs = append(errs, fmt.Errorf("rule %s fires on its sample no_match %d", r.id, n+1))
			}
		}
	}
	return errs
}

// fires tells whether a rule fires on a subject, listed or not.
func (e *Engine) fires(rule int, s Subject) bool {
	sc := scratches.Get().(*scratch)
	defer sc.release()
	e.fire(sc, s)
	return slices.Contains(sc.fired, rule)
}

// subject reads a sample.
func (s sample) subject() Subject {
	var out Subject
	text := string(s)
	if rest, ok := strings.CutPrefix(text, "cwd: "); ok {
		out.Cwd, text, _ = strings.Cut(rest, "\n")
	}
	if rest, ok := strings.CutPrefix(text, "tool: "); ok {
		out.Tool, out.Arguments, _ = strings.Cut(rest, " ")
		return out
	}
	out.Command = text
	return out
}
