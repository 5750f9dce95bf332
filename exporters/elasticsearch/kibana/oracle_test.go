package kibana

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
)

// where keeps the records that a predicate holds for.
func where(all []record, keep predicate) []record {
	var kept []record
	for i := range all {
		if keep(&all[i]) {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// grouped is one group of records, by the values of its key.
type grouped struct {
	key     []any
	records []record
}

// groupBy groups records by key, in order of appearance. A "" is no value: nil.
func groupBy(all []record, key func(r *record) []any) []grouped {
	var groups []grouped
	place := map[string]int{}
	for i := range all {
		k := key(&all[i])
		for j, v := range k {
			if v == "" {
				k[j] = nil
			}
		}
		name := fmt.Sprintf("%q", k)
		at, ok := place[name]
		if !ok {
			at = len(groups)
			place[name] = at
			groups = append(groups, grouped{key: k})
		}
		groups[at].records = append(groups[at].records, all[i])
	}
	return groups
}

// perValue repeats a record for each of its values, as STATS … BY does with a field of several values.
func perValue(all []record, values func(r *record) []string) (repeated []record, value map[int]string) {
	value = map[int]string{}
	for i := range all {
		for _, v := range distinctOf(values(&all[i])) {
			value[len(repeated)] = v
			repeated = append(repeated, all[i])
		}
	}
	return repeated, value
}

func (g *grouped) count(p predicate) int { return len(where(g.records, p)) }

// maxRisk is the highest score, nil when there is none.
func (g *grouped) maxRisk() any {
	var highest any
	for _, r := range g.records {
		if r.Risk.Score.Set && (highest == nil || r.Risk.Score.N > highest.(int64)) {
			highest = r.Risk.Score.N
		}
	}
	return highest
}

func (g *grouped) times(of func(r *record) time.Time) (first, last time.Time) {
	for i := range g.records {
		at := of(&g.records[i])
		if at.IsZero() {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last
}

func (g *grouped) lastTime() time.Time {
	_, last := g.times(actionTime)
	return last
}

func actionTime(r *record) time.Time { return r.Time }
func sealedTime(r *record) time.Time { return r.Event.Created }

// distinct counts the values that records have, "" aside.
func distinct(records []record, value func(r *record) string) int {
	return len(distinctOf(valuesOf(records, value)))
}

func valuesOf(records []record, value func(r *record) string) []string {
	var values []string
	for i := range records {
		values = append(values, value(&records[i]))
	}
	return values
}

// distinctOf are the values, each once, sorted, without "".
func distinctOf(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.DeleteFunc(slices.Compact(values), func(s string) bool { return s == "" })
}

func session(r *record) string  { return r.Session.ID }
func software(r *record) string { return r.Identity.ServiceName }
func userName(r *record) string { return r.Identity.UserName }
func failed(r *record) bool     { return r.Event.Outcome == schema.OutcomeFailure }
func decided(r *record) bool    { return letThrough(r) || isDenied(r) }

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func agent(r *record) string { return firstOf(r.Identity.ServiceName, r.Event.Provider, "unknown") }
func what(r *record) string  { return firstOf(r.Command.Line, r.Command.Tool) }

func program(r *record) string {
	word, _, _ := strings.Cut(strings.TrimFunc(r.Command.Line, func(c rune) bool { return c <= ' ' }), " ")
	return word
}

// order sorts rows by columns: "2 desc", "0". Nil comes last; two times that print alike are equal.
func order(list rows, by ...string) rows {
	slices.SortStableFunc(list, func(a, b []any) int {
		for _, spec := range by {
			var i int
			var direction string
			fmt.Sscan(spec, &i, &direction)
			switch {
			case a[i] == nil && b[i] == nil:
			case a[i] == nil:
				return 1
			case b[i] == nil:
				return -1
			default:
				if c := compareValues(a[i], b[i]); c != 0 {
					if direction == "desc" {
						return -c
					}
					return c
				}
			}
		}
		return 0
	})
	return list
}

func compareValues(a, b any) int {
	switch a := a.(type) {
	case int:
		return cmp.Compare(a, b.(int))
	case int64:
		return cmp.Compare(a, b.(int64))
	case time.Time:
		return cmp.Compare(millis(a), millis(b.(time.Time)))
	}
	return cmp.Compare(a.(string), b.(string))
}

func limit(list rows, n int) rows { return list[:min(n, len(list))] }

// day is the start of a record's day: what BUCKET cuts the tests' time range into.
func day(r *record) time.Time { return r.Time.UTC().Truncate(24 * time.Hour) }

// textOrNil is a text, or nil for "".
func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func numberOrNil(n schema.Int) any {
	if !n.Set {
		return nil
	}
	return n.N
}
