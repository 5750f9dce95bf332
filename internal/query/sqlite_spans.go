package query

import (
	"cmp"
	"container/heap"
	"context"
	"iter"
	"slices"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
)

// span is a run of rows, and between which times they lie.
type span struct {
	first, last    int64 // audit_log.n, both included
	oldest, newest string
}

// Steps of spans: the first is one span; one that finds few rows is followed by one twice as long.
const (
	mostSpans = 256
	fewRows   = 256
)

// spans searches the full text. It gives rows by their numbers, which is not quite the order of their times, so that
// the newest of a million matches cannot be told without the times of all. The spans (sqlite.SpanRows rows each) are
// searched in the order of their newest times (oldest first: of their oldest): what was found waits until no span that
// is left can hold a row that goes before it.
func (m *month) spans(ctx context.Context, match string) iter.Seq2[key, error] {
	return func(yield func(key, error) bool) {
		spans, err := m.listSpans(ctx)
		if err != nil {
			yield(key{}, err)
			return
		}
		w := &waitingKeys{q: m.q}
		for step := 1; len(spans) > 0; {
			now := spans[:min(step, len(spans))]
			spans = spans[len(now):]
			found, err := m.searchSpans(ctx, match, now, w)
			if err != nil {
				yield(key{}, err)
				return
			}
			for w.Len() > 0 && (len(spans) == 0 || m.q.timeFirst(w.keys[0].time, m.q.bound(spans[0]))) {
				if !yield(heap.Pop(w).(key), nil) {
					return
				}
			}
			if found < fewRows {
				step = min(2*step, mostSpans)
			} else {
				step = max(step/2, 1)
			}
		}
	}
}

// timeFirst says whether a row of time a goes before every row of time b.
func (q *Query) timeFirst(a, b string) bool {
	if q.Order == OldestFirst {
		return a < b
	}
	return a > b
}

// bound is the time that no row of the span goes before.
func (q *Query) bound(s span) string {
	if q.Order == OldestFirst {
		return s.oldest
	}
	return s.newest
}

// listSpans are the spans that may hold a row in the query's bounds of time, in the order in which they are searched.
// A file of version 1 has none: it is one span.
func (m *month) listSpans(ctx context.Context) ([]span, error) {
	if m.version == 1 {
		s := span{}
		err := m.conn.QueryRowContext(ctx, "SELECT coalesce(min(n), 0), coalesce(max(n), 0) FROM audit_log").Scan(&s.first, &s.last)
		return []span{s}, err
	}
	w := m.q.spanTimes()
	rows, err := m.conn.QueryContext(ctx, "SELECT span, oldest, newest FROM audit_span"+w.sql(), w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var spans []span
	for rows.Next() {
		var s span
		if err := rows.Scan(&s.first, &s.oldest, &s.newest); err != nil {
			return nil, err
		}
		s.first *= sqlite.SpanRows
		s.last = s.first + sqlite.SpanRows - 1
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int {
		c := cmp.Or(cmp.Compare(b.newest, a.newest), cmp.Compare(b.first, a.first))
		if m.q.Order == OldestFirst {
			c = cmp.Or(cmp.Compare(a.oldest, b.oldest), cmp.Compare(a.first, b.first))
		}
		return c
	})
	return spans, rows.Err()
}

// spanTimes are the conditions on spans.
func (q *Query) spanTimes() *where {
	w := new(where)
	if !q.Since.IsZero() {
		w.add("newest >= ?", sqlite.TimeText(q.Since))
	}
	if !q.Until.IsZero() {
		w.add("oldest < ?", sqlite.TimeText(q.Until))
	}
	if q.After != nil && q.Order == OldestFirst {
		w.add("newest >= ?", sqlite.TimeText(q.After.Time))
	} else if q.After != nil {
		w.add("oldest <= ?", sqlite.TimeText(q.After.Time))
	}
	return w
}

// searchSpans puts the matches in some spans among those waiting, and counts them. Spans that follow one another are
// searched at once.
func (m *month) searchSpans(ctx context.Context, match string, spans []span, w *waitingKeys) (found int, _ error) {
	spans = slices.SortedFunc(slices.Values(spans), func(a, b span) int { return cmp.Compare(a.first, b.first) })
	for len(spans) > 0 {
		run := spans[0]
		for spans = spans[1:]; len(spans) > 0 && spans[0].first == run.last+1; spans = spans[1:] {
			run.last = spans[0].last
		}
		text, args := m.q.inSpan(match, run)
		for k, err := range m.selectKeys(ctx, text, args) {
			if err != nil {
				return found, err
			}
			found++
			heap.Push(w, k)
		}
	}
	return found, nil
}

// inSpan writes the query of a run of rows.
func (q *Query) inSpan(match string, s span) (text string, args []any) {
	w := new(where)
	w.add("audit_command MATCH ?", match)
	w.add("c.rowid BETWEEN ? AND ?", s.first, s.last)
	rest := q.where()
	w.conds, w.args = append(w.conds, rest.conds...), append(w.args, rest.args...)
	return q.limited("SELECT n, timestamp, id FROM audit_command c CROSS JOIN audit_log l ON l.n = c.rowid"+w.sql()+q.orderBy(), w.args)
}

// waitingKeys is a heap of keys, the one that goes first on top.
type waitingKeys struct {
	q    *Query
	keys []key
}

func (w *waitingKeys) Len() int           { return len(w.keys) }
func (w *waitingKeys) Less(i, j int) bool { return w.q.goesFirst(w.keys[i], w.keys[j]) }
func (w *waitingKeys) Swap(i, j int)      { w.keys[i], w.keys[j] = w.keys[j], w.keys[i] }
func (w *waitingKeys) Push(x any)         { w.keys = append(w.keys, x.(key)) }

// Pop takes the last key.
func (w *waitingKeys) Pop() any {
	last := w.keys[len(w.keys)-1]
	w.keys = w.keys[:len(w.keys)-1]
	return last
}
