// Package report tells from the trail which rules of authorisation let through what, and which of them to change. Its
// first two sections are the two questions of a review: what was dangerous and approved by no person, and what was
// approved despite an anomaly. Every number names records behind it.
//
// Records stream by; what is held is bounded: at most mostGroups rules, agents and kinds of command a table (the rest is
// counted together), and evidenceKept records each.
package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// Options say what is reported on.
type Options struct {
	// Query narrows the records down; Since (included) and Until (not included) are the period. Order and Limit are not
	// looked at.
	Query query.Query
	// Above is the risk score from which on, itself not included, an action is dangerous.
	Above int
	// Before is how long before the period rules and refusals are looked for: a rule that decided then, and in the period
	// no more, never fires.
	Before time.Duration
	// Unrefused is for how long before Until nobody may have refused a kind of command that could be allowed.
	Unrefused time.Duration
	// Approvals is how often a person must have approved a kind of command that could be allowed.
	Approvals int
	// Known are names of rules that are configured: those that decided nothing in the period never fire.
	Known []string
	// MaxRecords, if not 0, is how many records are read at most, newest first; Policy.Cut tells when there were more.
	MaxRecords int
	// Redact is what each record passes before it is looked at.
	Redact func(query.Row) query.Row
}

// Check says what is wrong with the options.
func (o *Options) Check() error {
	switch {
	case o.Above < 0 || o.Above > 100:
		return fmt.Errorf("%d is no risk score from 0 to 100", o.Above)
	case o.Query.Until.IsZero(), o.Query.Since.IsZero():
		return errors.New("a report is of a period: its beginning and end are needed")
	case !o.Query.Since.Before(o.Query.Until):
		return errors.New("the period ends before it begins")
	case o.Query.Until.Year() > 9999 || o.Query.Since.Year() < 1:
		return errors.New("the period is outside of the years 1 to 9999")
	case o.Before < 0, o.Unrefused < 0, o.Approvals < 0, o.MaxRecords < 0:
		return errors.New("durations and numbers may not be negative")
	}
	return o.Query.Check()
}

// Policy is the report.
type Policy struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	Above int       `json:"risk_above"`

	Records   int64            `json:"records"` // in the period
	Cut       bool             `json:"cut"`     // only the newest were read
	Decisions map[string]int64 `json:"decisions"`
	Risk      [11]int64        `json:"risk"` // records by score: 0–9, 10–19 … 100
	NoRisk    int64            `json:"without_risk"`
	Days      []Day            `json:"days"`
	Agents    []Group          `json:"agents"`

	// AutoApproved are the records above the risk that a rule, a mode or a classifier approved.
	AutoApproved Section `json:"auto_approved_above_risk"`
	// DespiteAnomalies are the records with an anomaly flag that a person or a rule approved.
	DespiteAnomalies Section `json:"approved_despite_anomalies"`
	// NeverFired are rules that decided nothing in the period.
	NeverFired []SilentRule `json:"rules_never_fired"`
	// Failing are rules that let through what failed.
	Failing []FailingRule `json:"rules_let_through_failures"`
	// Approvals are the kinds of command that people decided about.
	Approvals   []Kind       `json:"human_decisions"`
	Suggestions []Suggestion `json:"suggestions"`
}

// Section is an answer, by rule, agent, anomaly and day.
type Section struct {
	Count     int64      `json:"count"`
	ByRule    []Group    `json:"by_rule"`
	ByAgent   []Group    `json:"by_agent"`
	ByAnomaly []Group    `json:"by_anomaly,omitempty"` // a record with two counts in both
	ByDay     []Group    `json:"by_day"`
	Records   []Evidence `json:"records"` // the most dangerous ones
}

// Group is a number of records that have something in common.
type Group struct {
	Key      string     `json:"key"`
	Inferred bool       `json:"inferred,omitempty"` // a rule that would match; the log does not say that it decided
	Count    int64      `json:"count"`
	Highest  *int64     `json:"highest_risk"`
	Last     time.Time  `json:"last"`
	Records  []Evidence `json:"records"`
}

// Day is the decisions of one day in UTC.
type Day struct {
	Day       string           `json:"day"` // 2026-11-20
	Decisions map[string]int64 `json:"decisions"`
}

// Evidence names a record.
type Evidence struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	Session string    `json:"session,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Risk    *int64    `json:"risk"`
	What    string    `json:"what"` // the command or tool, cut
}

// SilentRule is a rule that decided nothing in the period.
type SilentRule struct {
	Rule       string     `json:"rule"`
	Configured bool       `json:"configured"`     // it was named as one that is configured
	Last       *time.Time `json:"last,omitempty"` // when it last decided something, as far as was looked back
	Records    []Evidence `json:"records"`        // of then
}

// FailingRule is a rule, and what came of what it let through.
type FailingRule struct {
	Rule       string     `json:"rule"`
	Inferred   bool       `json:"inferred,omitempty"`
	LetThrough int64      `json:"let_through"`
	Failed     int64      `json:"failed"`
	Records    []Evidence `json:"records"` // that failed
}

// Kind is a kind of command, such as "git push", and what people decided about it.
type Kind struct {
	Kind       string     `json:"kind"`
	Approved   int64      `json:"approved"` // by a person, in the period
	Denied     int64      `json:"denied"`   // by anybody, in the period and what was looked at before it
	LastDenied *time.Time `json:"last_denied,omitempty"`
	Highest    *int64     `json:"highest_risk"` // of those approved
	Anomalies  int64      `json:"with_anomalies"`
	Candidate  bool       `json:"candidate"` // could be allowed
	Records    []Evidence `json:"records"`
	Refused    []Evidence `json:"denied_records"`
}

// Suggestion is a change to a policy, and the records that speak for it.
type Suggestion struct {
	Change  string   `json:"change"` // ask, flag, review, remove or allow
	Subject string   `json:"subject"`
	Why     string   `json:"why"`
	Records []string `json:"records"`
}

// Build reads the trail and makes the report.
func Build(ctx context.Context, source query.Source, o Options) (*Policy, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	c := newCollector(&o)
	q := o.Query
	q.Since, q.Order, q.Limit = o.Query.Since.Add(-o.Before), query.NewestFirst, 0
	if q.Since.Year() < 1 {
		q.Since = time.Time{}
	}
	if o.MaxRecords > 0 {
		q.Limit = o.MaxRecords + 1
	}
	read := 0
	for row, err := range source.Query(ctx, q) {
		if err != nil {
			return nil, err
		}
		if read++; o.MaxRecords > 0 && read > o.MaxRecords {
			c.p.Cut = true
			break
		}
		if o.Redact != nil {
			row = o.Redact(row)
		}
		c.add(row.Action)
	}
	return c.policy(), nil
}

// collector gathers what the report tells.
type collector struct {
	o          *Options
	p          *Policy
	days       map[string]map[string]int64
	agents     *groups
	auto       sectionGroups
	despite    sectionGroups
	fired      *groups // what each rule let through in the period
	firedOnce  *groups // what each rule decided before it
	letThrough *groups
	failed     *groups
	kinds      *kinds
}

// sectionGroups are the groups of a section.
type sectionGroups struct {
	all                               *groups
	byRule, byAgent, byAnomaly, byDay *groups
}

func newSection() sectionGroups {
	return sectionGroups{newGroups(), newGroups(), newGroups(), newGroups(), newGroups()}
}

func newCollector(o *Options) *collector {
	return &collector{
		o: o, p: &Policy{Since: o.Query.Since.UTC(), Until: o.Query.Until.UTC(), Above: o.Above, Decisions: map[string]int64{}},
		days: map[string]map[string]int64{}, agents: newGroups(), auto: newSection(), despite: newSection(),
		fired: newGroups(), firedOnce: newGroups(), letThrough: newGroups(), failed: newGroups(), kinds: newKinds(),
	}
}

// add takes a record.
func (c *collector) add(a *schema.Action) {
	decision := a.Authorization.Decision
	rule := ruleOf(a)
	c.kinds.add(a, !a.Time.Before(c.o.Query.Since), c.o.Query.Until.Add(-c.o.Unrefused))
	if a.Time.Before(c.o.Query.Since) {
		if a.Authorization.Rule != "" {
			c.firedOnce.add(rule, a)
		}
		return
	}
	c.overview(a)
	c.fire(a)
	if decision == schema.AutoApproved {
		c.letThrough.add(rule, a)
		if a.Event.Outcome == schema.OutcomeFailure {
			c.failed.add(rule, a)
		}
		if a.Risk.Score.Set && a.Risk.Score.N > int64(c.o.Above) {
			c.auto.add(rule, a)
		}
	}
	if len(a.Risk.Anomalies) > 0 && (decision == schema.AutoApproved || decision == schema.Approved) {
		c.despite.add(rule, a)
		for _, x := range slices.Compact(slices.Sorted(slices.Values(a.Risk.Anomalies))) {
			c.despite.byAnomaly.add(name{key: x}, a)
		}
	}
}

// fire notes which rules decided, or would have: a rule that matches is not one that never fires.
func (c *collector) fire(a *schema.Action) {
	if rule := a.Authorization.Rule; rule != "" {
		c.fired.add(name{key: rule}, a)
		return
	}
	for _, rule := range a.Authorization.Rules {
		c.fired.add(name{key: rule, inferred: true}, a)
	}
}

// firedLately says whether a rule decided something in the period, or would have.
func (c *collector) firedLately(rule string) bool {
	return c.fired.has(name{key: rule}) || c.fired.has(name{key: rule, inferred: true})
}

func (s *sectionGroups) add(rule name, a *schema.Action) {
	s.all.add(name{}, a)
	s.byRule.add(rule, a)
	s.byAgent.add(name{key: agentOf(a)}, a)
	s.byDay.add(name{key: a.Time.UTC().Format(time.DateOnly)}, a)
}

// overview counts a record of the period.
func (c *collector) overview(a *schema.Action) {
	c.p.Records++
	decision := cmp.Or(a.Authorization.Decision, "none")
	c.p.Decisions[decision]++
	if !a.Risk.Score.Set {
		c.p.NoRisk++
	} else {
		c.p.Risk[min(max(a.Risk.Score.N, 0), 100)/10]++
	}
	c.agents.add(name{key: agentOf(a)}, a)
	day := a.Time.UTC().Format(time.DateOnly)
	if c.days[day] == nil {
		if len(c.days) >= mostGroups {
			return
		}
		c.days[day] = map[string]int64{}
	}
	c.days[day][decision]++
}

// ruleOf names the rule that decided: as the log has it, else one that would match, else what there is instead of one.
func ruleOf(a *schema.Action) name {
	z := &a.Authorization
	switch {
	case z.Rule != "":
		return name{key: z.Rule}
	case len(z.Rules) > 0:
		return name{key: z.Rules[0], inferred: true}
	case z.Mode != "":
		return name{key: "(no rule recorded; mode " + z.Mode + ")"}
	case z.Source != "":
		return name{key: "(no rule recorded; source " + z.Source + ")"}
	}
	return name{key: "(no rule recorded)"}
}

func agentOf(a *schema.Action) string { return cmp.Or(display.Agent(a), "(unknown)") }

// policy is the finished report.
func (c *collector) policy() *Policy {
	p := c.p
	p.Agents = c.agents.list()
	p.AutoApproved, p.DespiteAnomalies = c.auto.section(), c.despite.section()
	p.DespiteAnomalies.ByAnomaly = c.despite.byAnomaly.list()
	p.Days = []Day{}
	for day, decisions := range c.days {
		p.Days = append(p.Days, Day{day, decisions})
	}
	slices.SortFunc(p.Days, func(a, b Day) int { return strings.Compare(a.Day, b.Day) })
	p.NeverFired = c.neverFired()
	p.Failing = c.failing()
	p.Approvals = c.kinds.list(c.o)
	p.Suggestions = suggest(p)
	return p
}

func (s *sectionGroups) section() Section {
	out := Section{ByRule: s.byRule.list(), ByAgent: s.byAgent.list(), ByDay: s.byDay.list(), Records: []Evidence{}}
	slices.SortFunc(out.ByDay, func(a, b Group) int { return strings.Compare(a.Key, b.Key) })
	for _, g := range s.all.list() {
		out.Count, out.Records = g.Count, g.Records
	}
	return out
}

// neverFired are the rules that are configured, or decided something before the period, and nothing in it.
func (c *collector) neverFired() []SilentRule {
	silent := []SilentRule{}
	known := slices.Compact(slices.Sorted(slices.Values(c.o.Known)))
	before := c.firedOnce.list()
	for _, rule := range known {
		if c.firedLately(rule) {
			continue
		}
		s := SilentRule{Rule: rule, Configured: true, Records: []Evidence{}}
		if i := slices.IndexFunc(before, func(g Group) bool { return g.Key == rule }); i >= 0 {
			s.Last, s.Records = &before[i].Last, before[i].Records
		}
		silent = append(silent, s)
	}
	for i, g := range before {
		if !slices.Contains(known, g.Key) && g.Key != othersKey && !c.firedLately(g.Key) {
			silent = append(silent, SilentRule{Rule: g.Key, Last: &before[i].Last, Records: g.Records})
		}
	}
	slices.SortFunc(silent, func(a, b SilentRule) int { return strings.Compare(a.Rule, b.Rule) })
	return silent
}

// failing are the rules that let through what failed, the worst first.
func (c *collector) failing() []FailingRule {
	out := []FailingRule{}
	for _, g := range c.failed.list() {
		all := c.letThrough.count(name{g.Key, g.Inferred})
		out = append(out, FailingRule{Rule: g.Key, Inferred: g.Inferred, LetThrough: all, Failed: g.Count, Records: g.Records})
	}
	return out
}
