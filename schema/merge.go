package schema

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Merge adds to a what b says of the same action. It is commutative and associative, so that fragments may arrive in
// any order and in any lane. Where both speak and differ, the choice is fixed (below) and the other value is kept in
// Trail.Conflicts:
//
//	texts                 the longer one; of equal length the greater
//	numbers               the greater one
//	@timestamp, starts    the earlier
//	ends, decided_at      the later
//	lists of names        the union, sorted (categories, rules, lanes, inferred …)
//	argv, env, preceding  the longer one
//	decision              denied > approved > auto_approved > unrecorded
//	outcome               failure > success > unknown
//
// Before that, a text that one of them only has from elsewhere (Identity.Inferred) yields to one that a log tells; two that
// are both inferred are no conflict.
func (a *Action) Merge(b *Action) {
	inferred := a.Identity.Inferred
	if !slices.Equal(inferred, b.Identity.Inferred) {
		told := *b
		told.yield(a)
		a.yield(b)
		b, inferred = &told, append(slices.Clip(a.Identity.Inferred), told.Identity.Inferred...)
	}
	conflicts := append(slices.Clone(a.Trail.Conflicts), b.Trail.Conflicts...)
	for i := range Fields {
		f := &Fields[i]
		if f.Ref == nil || f.Path == conflictsPath {
			continue
		}
		if lost, ok := f.merge(f.Ref(a), f.Ref(b)); ok && !noted(inferred, f.Path) {
			conflicts = append(conflicts, Conflict{Field: f.Path, Value: lost})
		}
	}
	slices.SortFunc(conflicts, func(x, y Conflict) int {
		return cmp.Or(cmp.Compare(x.Field, y.Field), cmp.Compare(x.Value, y.Value))
	})
	a.Trail.Conflicts = slices.Compact(conflicts)
}

// yield takes from a what it has only inferred and b tells.
func (a *Action) yield(b *Action) {
	var kept []string
	for i, note := range a.Identity.Inferred {
		path, _, _ := strings.Cut(note, ": ")
		if told := b.text(path); told == nil || *told == "" || noted(b.Identity.Inferred, path) {
			if kept != nil {
				kept = append(kept, note)
			}
			continue
		}
		*a.text(path) = ""
		if kept == nil {
			kept = append(make([]string, 0, len(a.Identity.Inferred)), a.Identity.Inferred[:i]...)
		}
	}
	if kept != nil {
		a.Identity.Inferred = kept
	}
}

// text is the text field of that path, nil if there is none.
func (a *Action) text(path string) *string {
	f := FieldByPath(path)
	if f == nil || f.Ref == nil {
		return nil
	}
	p, _ := f.Ref(a).(*string)
	return p
}

// noted says whether notes ("path: where from") have one for a path.
func noted(notes []string, path string) bool {
	return slices.ContainsFunc(notes, func(n string) bool {
		return len(n) > len(path) && n[len(path)] == ':' && strings.HasPrefix(n, path)
	})
}

const conflictsPath = "agent_audit.provenance.conflicts"

// quiet are fields in which fragments differ by nature: a difference is merged and says nothing.
var quiet = map[string]bool{
	"@timestamp": true, "event.created": true, "event.original": true, "message": true,
	"log.file.path": true, "agent_audit.provenance.offset": true, "agent_audit.provenance.tag": true,
	"agent_audit.provenance.format": true, "agent_audit.fields": true, "agent_audit.scrub.redactions": true,
	"agent_audit.session.turn": true, "event.action": true, "event.provider": true, "gen_ai.tool.type": true,
	"event.risk_score": true, "event.severity": true, "agent_audit.risk.category": true, "agent_audit.risk.source": true,
	"event.duration": true, "agent_audit.execution.stdout_bytes": true, "agent_audit.execution.stderr_bytes": true,
	"agent_audit.execution.stdout": true, "agent_audit.execution.stderr": true, "error.message": true, "error.type": true,
	"agent_audit.authorization.raw": true, "agent_audit.authorization.source": true, "agent_audit.session.ordinal": true,
	"gen_ai.tool.call.arguments": true, "service.version": true, "agent_audit.session.type": true,
}

// merge brings src into dst and returns the value that was not chosen, if that is a conflict.
func (f *Field) merge(dst, src any) (lost string, conflict bool) {
	switch d := dst.(type) {
	case *string:
		return f.mergeText(d, *src.(*string))
	case *JSON:
		s := src.(*JSON)
		if compareText(string(*s), string(*d)) > 0 {
			*d = *s
		}
	case *Int:
		return f.mergeInt(d, *src.(*Int))
	case *bool:
		*d = *d || *src.(*bool)
	case *time.Time:
		f.mergeTime(d, *src.(*time.Time))
	case *[]string:
		f.mergeList(d, *src.(*[]string))
	case *[]Preceding:
		s := *src.(*[]Preceding)
		if cmp.Or(cmp.Compare(len(s), len(*d)), slices.CompareFunc(s, *d, comparePreceding)) > 0 {
			*d = s
		}
	}
	return "", false
}

func comparePreceding(a, b Preceding) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Command, b.Command))
}

func (f *Field) mergeText(d *string, s string) (string, bool) {
	if s == "" || s == *d {
		return "", false
	}
	if *d == "" {
		*d = s
		return "", false
	}
	lost := s
	if f.compare(s, *d) > 0 {
		lost, *d = *d, s
	}
	return lost, !quiet[f.Path] && rank(f.Path, lost) != 0
}

// compare orders two texts of a field: by rank where the field has one, else by length, then bytes.
func (f *Field) compare(a, b string) int {
	if ra, rb := rank(f.Path, a), rank(f.Path, b); ra != rb {
		return cmp.Compare(ra, rb)
	}
	return compareText(a, b)
}

func compareText(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// rank orders values that stand for more or less knowledge. 0 is "not known", which contradicts nothing.
func rank(path, v string) int {
	switch path {
	case "agent_audit.authorization.decision":
		return slices.Index([]string{Unrecorded, AutoApproved, Approved, Denied}, v)
	case "event.outcome":
		return slices.Index([]string{OutcomeUnknown, OutcomeSuccess, OutcomeFailure}, v)
	}
	return 1
}

func (f *Field) mergeInt(d *Int, s Int) (string, bool) {
	if !s.Set || *d == s {
		return "", false
	}
	if !d.Set {
		*d = s
		return "", false
	}
	lost := s
	if s.N > d.N {
		lost, *d = *d, s
	}
	return FormatInt(lost), !quiet[f.Path]
}

// later are times of which the last one counts; of all others the first.
var later = map[string]bool{"process.end": true, "agent_audit.authorization.decided_at": true}

func (f *Field) mergeTime(d *time.Time, s time.Time) {
	switch {
	case s.IsZero():
	case d.IsZero(), later[f.Path] == s.After(*d):
		*d = s
	}
}

// whole are lists that belong together and are not mixed.
var whole = map[string]bool{"process.args": true, "process.env_vars": true}

func (f *Field) mergeList(d *[]string, s []string) {
	if len(s) == 0 && (whole[f.Path] || len(*d) == 0) {
		return
	}
	if whole[f.Path] {
		if cmp.Or(cmp.Compare(len(s), len(*d)), slices.Compare(s, *d)) > 0 {
			*d = s
		}
		return
	}
	all := append(slices.Clone(*d), s...) // sorted even when s is empty: the order must not tell who merged with whom
	slices.Sort(all)
	*d = slices.Compact(all)
}

// Fill sets the fields of a that are absent from b: what the head of a log, the machine or the configuration say.
func (a *Action) Fill(b *Action) {
	for i := range Fields {
		f := &Fields[i]
		if f.Ref == nil {
			continue
		}
		switch d := f.Ref(a).(type) {
		case *string:
			if *d == "" {
				*d = *f.Ref(b).(*string)
			}
		case *JSON:
			if *d == "" {
				*d = *f.Ref(b).(*JSON)
			}
		case *Int:
			if !d.Set {
				*d = *f.Ref(b).(*Int)
			}
		case *bool:
			*d = *d || *f.Ref(b).(*bool)
		case *time.Time:
			if d.IsZero() {
				*d = *f.Ref(b).(*time.Time)
			}
		case *[]string:
			if len(*d) == 0 {
				*d = *f.Ref(b).(*[]string)
			}
		}
	}
}

// Texts calls visit for every text of the action, with the name it stands under (the last part of its path); what visit
// returns takes its place. JSON texts are visited as one, with isJSON set. Scrubbing and copying are built on it.
func (a *Action) Texts(visit func(name, text string, isJSON bool) string) {
	for i := range Fields {
		Fields[i].Texts(a, visit)
	}
}

// Texts is Action.Texts for one field.
func (f *Field) Texts(a *Action, visit func(name, text string, isJSON bool) string) {
	if f.Ref == nil {
		return
	}
	name := f.segments[len(f.segments)-1]
	switch p := f.Ref(a).(type) {
	case *string:
		if *p != "" {
			*p = visit(name, *p, false)
		}
	case *JSON:
		if *p != "" {
			*p = JSON(visit(name, string(*p), true))
		}
	case *[]string:
		visitList(p, func(s string) string { return visit(name, s, false) })
	case *[]Preceding:
		for i := range *p {
			c := &(*p)[i]
			c.ID, c.Command = visit("id", c.ID, false), visit("command", c.Command, false)
		}
	case *[]Conflict:
		for i := range *p {
			c := &(*p)[i]
			c.Field, c.Value = visit("field", c.Field, false), visit("value", c.Value, false)
		}
	}
}

// visitList replaces the texts of a list, copying it first if any changes: lists may be shared between actions.
func visitList(list *[]string, visit func(string) string) {
	copied := false
	for i, s := range *list {
		c := visit(s)
		if c == s {
			continue
		}
		if !copied {
			*list, copied = slices.Clone(*list), true
		}
		(*list)[i] = c
	}
}

// Clone returns a copy that shares no memory with a.
func (a *Action) Clone() *Action {
	c := *a
	for i := range Fields {
		if Fields[i].Ref == nil {
			continue
		}
		switch p := Fields[i].Ref(&c).(type) {
		case *string:
			*p = strings.Clone(*p)
		case *JSON:
			*p = JSON(strings.Clone(string(*p)))
		case *[]string:
			*p = slices.Clone(*p)
			for i, s := range *p {
				(*p)[i] = strings.Clone(s)
			}
		case *[]Preceding:
			*p = slices.Clone(*p)
			for i, c := range *p {
				(*p)[i] = Preceding{ID: strings.Clone(c.ID), Command: strings.Clone(c.Command)}
			}
		case *[]Conflict:
			*p = slices.Clone(*p)
			for i, c := range *p {
				(*p)[i] = Conflict{Field: strings.Clone(c.Field), Value: strings.Clone(c.Value)}
			}
		}
	}
	return &c
}
