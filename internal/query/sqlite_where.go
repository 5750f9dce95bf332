package query

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
)

// where collects conditions; values go in as arguments only.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

// any adds "one of the columns is value"; value is given once for each column.
func (w *where) any(value string, columns ...string) {
	if value == "" {
		return
	}
	var b strings.Builder
	b.WriteByte('(')
	for i, c := range columns {
		if i > 0 {
			b.WriteString(" OR ")
		}
		b.WriteString(c + " = ?")
		w.args = append(w.args, value)
	}
	b.WriteByte(')')
	w.conds = append(w.conds, b.String())
}

// between adds "the column is at least low and less than high"; high may be "".
func (w *where) between(column, low, high string) {
	w.add(column+" >= ?", low)
	if high != "" {
		w.add(column+" < ?", high)
	}
}

func (w *where) sql() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// where collects the query's conditions, but for the words of the command.
func (q *Query) where() *where {
	w := new(where)
	w.any(q.ID, "id")
	w.any(q.Session, "session_id")
	w.any(q.Agent, agentColumns...)
	w.any(q.User, userColumns...)
	w.any(q.Organization, "organization_id", "organization")
	w.any(q.Host, "host", "host_id")
	w.any(q.Tool, "tool")
	if q.RiskMin != nil {
		w.add("risk_score >= ?", *q.RiskMin)
	}
	if q.RiskMax != nil {
		w.add("risk_score <= ?", *q.RiskMax)
	}
	if len(q.Decision) > 0 {
		var list []any
		for _, d := range q.Decision {
			list = append(list, d)
		}
		column := "decision"
		if slices.Contains(q.Decision, "") { // records that have none
			column = "coalesce(decision, '')"
		}
		w.add(column+" IN (?"+strings.Repeat(", ?", len(list)-1)+")", list...)
	}
	if q.AnyAnomaly {
		w.add("anomalies IS NOT NULL")
	}
	if q.Anomaly != "" {
		w.add("anomalies IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(anomalies) WHERE json_each.value = ?)", q.Anomaly)
	}
	if q.CommandPrefix != "" {
		w.between("command", q.CommandPrefix, successor(q.CommandPrefix))
	}
	q.sqlTime(w)
	return w
}

func (q *Query) sqlTime(w *where) {
	if !q.Since.IsZero() {
		w.add("timestamp >= ?", sqlite.TimeText(q.Since))
	}
	if !q.Until.IsZero() {
		w.add("timestamp < ? AND timestamp <> ''", sqlite.TimeText(q.Until))
	}
	if q.After != nil {
		op := "<"
		if q.Order == OldestFirst {
			op = ">"
		}
		at := sqlite.TimeText(q.After.Time)
		w.add("timestamp "+op+"= ? AND (timestamp, id) "+op+" (?, ?)", at, at, q.After.ID) // the first is for the index
	}
}

// head is the part of CommandPrefix that is in an index of so many letters, which ends at a NUL as SQLite's substr does.
// "" if there is none.
func (q *Query) head(letters int) string {
	head, _, _ := strings.Cut(validPrefix(q.CommandPrefix), "\x00")
	if utf8.RuneCountInString(head) > letters {
		head = string([]rune(head)[:letters])
	}
	return head
}

// firstWords are the words with which every command begins that begins with prefix; without the last one if it may go on.
func firstWords(prefix string) []string {
	prefix = validPrefix(prefix)
	if prefix == "" {
		return nil
	}
	words := sqlite.Words(prefix)
	if last := sqlite.Words(prefix[strings.LastIndexFunc(prefix, func(r rune) bool { return len(sqlite.Words(string(r))) == 0 })+1:]); len(last) > 0 {
		words = words[:len(words)-1]
	}
	return words
}

// successor is the least text that is greater than all that begin with prefix, "" if there is none.
func successor(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 {
		if last := len(b) - 1; b[last] < 0xff {
			b[last]++
			return string(b)
		}
		b = b[:len(b)-1]
	}
	return ""
}
