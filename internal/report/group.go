package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/schema"
)

// What is held at most.
const (
	mostGroups   = 5000 // of a table
	evidenceKept = 10   // records of a group
	whatCells    = 160  // of what a record did
)

// othersKey is the group of all that did not get one of their own.
const othersKey = "(others)"

// name is what the records of a group have in common.
type name struct {
	key      string
	inferred bool
}

// groups count records by name.
type groups struct {
	by map[name]*Group
}

func newGroups() *groups { return &groups{by: map[name]*Group{}} }

func (g *groups) add(n name, a *schema.Action) {
	group := g.by[n]
	if group == nil {
		if len(g.by) >= mostGroups {
			n = name{key: othersKey}
		}
		if group = g.by[n]; group == nil {
			group = &Group{Key: n.key, Inferred: n.inferred}
			g.by[n] = group
		}
	}
	group.Count++
	if a.Time.After(group.Last) {
		group.Last = a.Time.UTC()
	}
	group.Highest = highest(group.Highest, a)
	group.Records = keep(group.Records, a)
}

func (g *groups) has(n name) bool { return g.by[n] != nil }

func (g *groups) count(n name) int64 {
	if group := g.by[n]; group != nil {
		return group.Count
	}
	return 0
}

// list are the groups, the largest first. It is never nil.
func (g *groups) list() []Group {
	out := make([]Group, 0, len(g.by))
	for _, group := range g.by {
		out = append(out, *group)
	}
	slices.SortFunc(out, func(a, b Group) int {
		inferred := 0
		if a.Inferred != b.Inferred {
			inferred = 1
			if b.Inferred {
				inferred = -1
			}
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Key, b.Key), inferred)
	})
	return out
}

func highest(so *int64, a *schema.Action) *int64 {
	if n := a.Risk.Score.N; a.Risk.Score.Set && (so == nil || n > *so) {
		return &n
	}
	return so
}

// keep puts a record among those kept: the most dangerous, of those the newest.
func keep(kept []Evidence, a *schema.Action) []Evidence {
	e := Evidence{ID: a.Event.ID, Time: a.Time.UTC(), Risk: highest(nil, a)}
	i, _ := slices.BinarySearchFunc(kept, e, compareEvidence)
	if i >= evidenceKept {
		return kept
	}
	e.Session, e.Agent = a.Session.ID, display.Agent(a)
	e.What = display.Cut(display.Safe(display.What(a)), whatCells)
	if kept = slices.Insert(kept, i, e); len(kept) > evidenceKept {
		kept = kept[:evidenceKept]
	}
	return kept
}

func compareEvidence(a, b Evidence) int {
	return cmp.Or(cmp.Compare(score(b.Risk), score(a.Risk)), b.Time.Compare(a.Time), strings.Compare(a.ID, b.ID))
}

// score is a score to compare by: none is less than any.
func score(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}
