package report

import (
	"fmt"
	"strings"
)

// Changes that a suggestion may ask for.
const (
	Ask    = "ask"    // a person instead of the rule
	Flag   = "flag"   // ask when there is an anomaly
	Review = "review" // look at the rule
	Remove = "remove" // the rule
	Allow  = "allow"  // a kind of command
)

// A rule is worth a look when at least this many, and this part, of what it let through failed.
const (
	manyFailures = 5
	oftenFails   = 0.3
)

// suggest draws the changes from the other sections. What has no rule of its own is not for a rule to change.
func suggest(p *Policy) []Suggestion {
	out := []Suggestion{}
	add := func(change, subject, why string, records []Evidence) {
		ids := make([]string, len(records))
		for i, e := range records {
			ids[i] = e.ID
		}
		out = append(out, Suggestion{change, subject, why, ids})
	}
	for _, g := range p.AutoApproved.ByRule {
		if g.Key != othersKey {
			add(Ask, g.Key, fmt.Sprintf("%s let through %s above risk %d, the highest at %d; no person saw them%s",
				subject(g.Key), count(g.Count, "action"), p.Above, score(g.Highest), inferredNote(g.Inferred)), g.Records)
		}
	}
	for _, g := range p.DespiteAnomalies.ByAnomaly {
		if g.Key != othersKey {
			add(Flag, g.Key, fmt.Sprintf("%s with this flag approved all the same", count(g.Count, "action")), g.Records)
		}
	}
	for _, r := range p.Failing {
		if r.Rule != othersKey && r.Failed >= manyFailures && float64(r.Failed) >= oftenFails*float64(r.LetThrough) {
			add(Review, r.Rule, fmt.Sprintf("%d of %s that %s let through failed%s", r.Failed, count(r.LetThrough, "action"), subject(r.Rule), inferredNote(r.Inferred)), r.Records)
		}
	}
	for _, r := range p.NeverFired {
		why := "it decided nothing in the period"
		if r.Last != nil {
			why += "; the last time was " + r.Last.Format("2006-01-02")
		}
		add(Remove, r.Rule, why, r.Records)
	}
	for _, k := range p.Approvals {
		if k.Candidate {
			risk := "without a risk score"
			if k.Highest != nil {
				risk = fmt.Sprintf("with a risk of at most %d", *k.Highest)
			}
			add(Allow, k.Kind, fmt.Sprintf("people approved it %s %s, and nobody refused it lately", times(k.Approved), risk), k.Records)
		}
	}
	return out
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// subject is how a sentence calls a rule.
func subject(rule string) string {
	if strings.HasPrefix(rule, "(no rule recorded") {
		return "what stands behind no recorded rule"
	}
	return "the rule"
}

func inferredNote(inferred bool) string {
	if inferred {
		return " (the log names no rule: this one would match)"
	}
	return ""
}
