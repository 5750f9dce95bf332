package risk

import (
	"fmt"
	"strings"

	"github.com/agentaudit/agentaudit/internal/sigma"
)

// Rules of Sigma judge beside ours. Each simple command is an event, as if it were a process already; a text of several
// commands is one more, the shell that runs it. A rule that matches is on the record as sigma:ID, with its title and
// author as the reason, and has its level for a score.

// sigmaScores are the points of Sigma's levels.
var sigmaScores = map[string]int{"informational": 4, "low": 15, "medium": 45, "high": 72, "critical": 90}

// sigmaCategories are our categories for ATT&CK's tactics; the first tactic of a rule that is here counts.
var sigmaCategories = map[string]string{
	"impact": "destruction", "exfiltration": "exfiltration", "credential-access": "credential-access",
	"privilege-escalation": "privilege-escalation", "persistence": "persistence", "defense-evasion": "defense-evasion",
	"stealth": "defense-evasion", "defense-impairment": "defense-evasion", "execution": "remote-code",
	"initial-access": "remote-code", "command-and-control": "network", "lateral-movement": "network",
	"discovery": "read-only", "reconnaissance": "read-only", "collection": "read-only",
}

// addSigma appends the set's rules to the engine's; they have no clauses.
func (e *Engine) addSigma(set *sigma.Set) {
	e.sigma, e.firstSigma = set, len(e.rules)
	for i := range set.Rules {
		r := &set.Rules[i]
		author := r.Author
		if author == "" {
			author = "unknown author"
		}
		category := unknownTitle
		for _, t := range r.Tactics {
			if c := sigmaCategories[t]; c != "" {
				category = c
				break
			}
		}
		score := sigmaScores[r.Level]
		if score == 0 {
			score = sigmaScores["medium"]
		}
		e.rules = append(e.rules, rule{
			id: "sigma:" + r.ID, category: category, score: score, techniques: r.Techniques,
			reason: fmt.Sprintf("%s (Sigma rule by %s).", strings.TrimSuffix(r.Title, "."), author),
		})
	}
}

// fireSigma holds a subject's calls against the Sigma rules.
func (e *Engine) fireSigma(sc *scratch, s Subject) {
	visit := func(n int) { sc.add(e.firstSigma + n) }
	p, calls, several := &sc.plan, 0, false
	for i := range p.calls {
		c := &p.calls[i]
		several = several || len(c.redirs) > 0
		if c.program == "" || c.program == ":" {
			continue
		}
		calls++
		ev := sigma.Event{Image: c.path, CommandLine: c.line(), CurrentDirectory: s.Cwd}
		if ev.Image == "" {
			ev.Image = "/usr/bin/" + c.program
		}
		if c.marks&markRoot != 0 {
			ev.User = "root"
		}
		e.sigma.Match(&ev, visit)
	}
	for _, argv := range p.wraps { // sudo, nohup and the like are processes too
		c := call{program: p.eng.program(argv[0].text), words: argv[1:]}
		e.sigma.Match(&sigma.Event{Image: "/usr/bin/" + c.program, CommandLine: c.line(), CurrentDirectory: s.Cwd}, visit)
	}
	if s.Command != "" && len(s.Command) <= maxText && (calls > 1 || several) {
		e.sigma.Match(&sigma.Event{Image: "/bin/bash", CommandLine: "bash -c " + s.Command, CurrentDirectory: s.Cwd}, visit)
	}
}

// line is the command line of a call, as its process would have it, with what goes to files behind it: many rules look
// for that.
func (c *call) line() string {
	var b strings.Builder
	if c.path != "" {
		b.WriteString(c.path)
	} else {
		b.WriteString(c.program)
	}
	for i := range c.words {
		b.WriteByte(' ')
		b.WriteString(markersToShell(c.words[i].text))
	}
	for i := range c.redirs {
		if c.redirs[i].out {
			b.WriteString(" > ")
			b.WriteString(markersToShell(c.redirs[i].word.text))
		}
	}
	return b.String()
}
