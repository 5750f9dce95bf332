// Package risk judges what an agent did: a shell command or a tool call gets a score from 0 to 100, a category, and the
// ids and reasons of the rules that fired.
//
//	Subject → flatten (command.go, unwrap.go, tool.go) → calls → match rules (match.go) → Assessment
//
// A command is parsed as bash and flattened into the simple commands it would run, however they are wrapped: sudo,
// bash -c, ssh, find -exec, heredocs, substitutions, base64 on its way to a shell. Text in quotes that nothing runs is
// data. Every call is held against the rules of rules.yaml, whose head documents their form.
//
// The score is
//
//	min(100, highest rule's score + breadth + amplifiers)
//
// where breadth is 4 for each further category that fired with a score of 40 or more, at most 8, and amplifiers are the
// `add` of the rules that have one (as root, on another host, on production, forced …), at most 15 together, counted
// once each and only where a call scored 20 or more: `sudo ls` does not become dangerous by sudo.
//
// Bounds: 64 KiB of text, 256 calls, nesting of 8 texts and 100 brackets (see command.go). What lies beyond is not
// judged, but scores as unparsed-command.
package risk

import (
	"cmp"
	"slices"
	"sync"

	"github.com/agentaudit/agentaudit/internal/sigma"
)

// Ruleset names the built-in rules and the formula; it is recorded on every record, so that a score can be read years
// later. It changes whenever the same input could score differently.
const Ruleset = "agent-audit-risk/2"

// Subject is what is judged: a shell command, or a tool call by name and JSON arguments.
type Subject struct {
	Command   string   // shell text, "" for tool calls
	Args      []string // argv when the source gives one and no text
	Tool      string   // tool name: Bash, Edit, mcp__github__create_issue, web_fetch …
	Arguments string   // JSON text of the tool's arguments
	Cwd       string   // working directory, "" when unknown; lets relative paths be classified
}

// Assessment is the judgement of one subject. Everything in it is rule data: no part of the input, which may hold
// secrets, is ever copied into it.
type Assessment struct {
	Score      int      // 0–100
	Category   string   // of the highest-scoring rule; "unknown" when no rule knows the subject
	Rules      []string // ids, highest score first, stable order
	Reasons    []string // one plain sentence a rule, in the order of Rules
	Techniques []string // MITRE ATT&CK technique ids, sorted, unique
}

// Parts of the score formula.
const (
	breadthScore  = 40 // a further category counts from this score on
	breadthAdd    = 4
	breadthMost   = 8
	amplifyFrom   = 20 // amplifiers count for calls that scored this much
	amplifyMost   = 15
	listedFrom    = 6 // rules below are listed only when nothing scores higher
	maxListed     = 16
	scoreMost     = 100
	unknownTitle  = "unknown"
	maxScratchCap = 1024 // words and calls kept between assessments
)

// Engine judges subjects by a fixed set of rules. It is immutable after New and safe for concurrent use.
type Engine struct {
	ruleset   string
	rules     []rule
	clauses   []clause
	byProgram map[string][]int32 // clauses by program
	forTools  []int32            // clauses that name tools
	general   []int32            // clauses for any call
	fallback  []int              // rules for calls that no other rule knows
	programs  map[string]*programInfo
	paths     *pathIndex
	harmless  classSet // classes that make a place no more sensitive
	mountable classSet // classes that must not be mounted into a container

	sensitive  classSet // classes that count when a path is only a literal in program text
	guarded    classSet // classes that program text writes to when it has such a path and writes files
	startup    classSet // classes of files whose text is run by itself later
	followed   classSet // classes of which a command's own files and pipes are followed
	nullDevice classSet // /dev/null and the like
	writeTools []glob
	sigma      *sigma.Set // nil without; its rules stand in rules from firstSigma on
	firstSigma int
	fetchers   map[string]bool // programs that download
	packers    map[string]bool // programs that put what they read into the files they name
	runners    map[string]bool // shells and interpreters: their first operand is a program
}

// Ruleset names the rules the engine judges by: Ruleset, and with rules of users a digest of those behind it.
func (e *Engine) Ruleset() string { return e.ruleset }

// scratch is what one assessment needs besides the engine.
type scratch struct {
	plan  plan
	fired []int // rules that fired, each once
	best  []int // highest score by call
}

var scratches = sync.Pool{New: func() any { return &scratch{plan: plan{parser: newParser()}} }}

// Assess judges one subject. It never fails, and bounds its work whatever the input.
func (e *Engine) Assess(s Subject) Assessment {
	sc := scratches.Get().(*scratch)
	defer sc.release()
	e.fire(sc, s)
	return e.verdict(sc.fired)
}

func (sc *scratch) release() {
	if cap(sc.plan.arena) > maxScratchCap || cap(sc.plan.calls) > maxScratchCap {
		return // one giant must not stay in memory
	}
	sc.plan.reset(sc.plan.eng, "") // no input outlives its assessment
	sc.plan.reader.Reset("")
	scratches.Put(sc)
}

// flatten takes a subject apart into the calls of sc.plan.
func (e *Engine) flatten(sc *scratch, s Subject) {
	p := &sc.plan
	p.reset(e, s.Cwd)
	switch {
	case s.Command != "":
		p.text(s.Command, site{})
	case len(s.Args) > 0:
		p.argv(s.Args)
	case s.Tool != "":
		p.toolCall(s)
	}
}

// fire collects the rules that fire on a subject into sc.fired.
func (e *Engine) fire(sc *scratch, s Subject) {
	e.flatten(sc, s)
	p := &sc.plan
	sc.fired, sc.best = sc.fired[:0], sc.best[:0]
	if p.cut {
		p.calls = append(p.calls, call{program: ":", marks: markUnparsed})
	}
	for i := range p.calls {
		sc.best = append(sc.best, e.fireCall(sc, &p.calls[i]))
	}
	if e.sigma != nil {
		e.fireSigma(sc, s)
	}
	for i := range p.calls {
		if sc.best[i] >= amplifyFrom {
			e.fireList(sc, &p.calls[i], e.general, true)
			e.fireList(sc, &p.calls[i], e.byProgram[p.calls[i].program], true)
		}
	}
}

// fireCall holds one call against the scoring rules, and returns the highest score.
func (e *Engine) fireCall(sc *scratch, c *call) int {
	best := e.fireList(sc, c, e.general, false)
	if c.program != "" {
		best = max(best, e.fireList(sc, c, e.byProgram[c.program], false))
	}
	if c.tool != "" {
		best = max(best, e.fireList(sc, c, e.forTools, false))
	}
	if best == 0 && (c.program != ":" && c.program != "" || c.tool != "") {
		for _, n := range e.fallback {
			best = max(best, e.rules[n].score)
			sc.add(n)
		}
	}
	return best
}

func (e *Engine) fireList(sc *scratch, c *call, list []int32, amplifiers bool) int {
	best := 0
	for _, n := range list {
		cl := &e.clauses[n]
		r := &e.rules[cl.rule]
		if (r.add > 0) != amplifiers || !sc.plan.holds(cl, c) {
			continue
		}
		best = max(best, r.score)
		sc.add(cl.rule)
	}
	return best
}

func (sc *scratch) add(rule int) {
	if !slices.Contains(sc.fired, rule) {
		sc.fired = append(sc.fired, rule)
	}
}

// verdict applies the formula to the rules that fired.
func (e *Engine) verdict(fired []int) Assessment {
	if len(fired) == 0 {
		return Assessment{Category: unknownTitle}
	}
	slices.SortFunc(fired, func(a, b int) int {
		x, y := &e.rules[a], &e.rules[b]
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(y.add, x.add), cmp.Compare(x.id, y.id))
	})
	top := &e.rules[fired[0]]
	a := Assessment{Score: top.score, Category: top.category}
	breadth, amplified := 0, 0
	listed := min(len(fired), maxListed)
	a.Rules, a.Reasons = make([]string, 0, listed), make([]string, 0, listed)
	for i, n := range fired {
		r := &e.rules[n]
		if r.score > 0 && r.score < listedFrom && i > 0 && top.score >= listedFrom {
			continue
		}
		if r.score >= breadthScore && e.newCategory(fired[:i], r.category) && i > 0 {
			breadth = min(breadth+breadthAdd, breadthMost)
		}
		amplified = min(amplified+r.add, amplifyMost)
		if len(a.Rules) < maxListed {
			a.Rules = append(a.Rules, r.id)
			a.Reasons = append(a.Reasons, r.reason)
			a.Techniques = append(a.Techniques, r.techniques...)
		}
	}
	a.Score = min(scoreMost, a.Score+breadth+amplified)
	if len(a.Techniques) > 1 {
		slices.Sort(a.Techniques)
		a.Techniques = slices.Compact(a.Techniques)
	}
	return a
}

func (e *Engine) newCategory(before []int, category string) bool {
	return !slices.ContainsFunc(before, func(n int) bool { return e.rules[n].category == category })
}
