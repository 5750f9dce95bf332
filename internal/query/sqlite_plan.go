package query

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
)

// How a file is asked. A first page has to come at once however many rows match, so that no way may sort them all:
//
//	walk    an index gives the rows in the order of their times: of a session, an agent, a decision. A name that may stand
//	        in several columns, several decisions, and a range of scores are several such walks, merged by SQLite
//	spans   full text gives the rows by their numbers: span by span, see spans
//	sort    a beginning of a command that few rows have is found by its index, and the few are sorted
//
// Which index is used is said in the statement: SQLite's planner knows nothing of how common a value is.

// Columns that a name is looked for in, and their indexes.
var (
	agentColumns = []string{"agent", "agent_id", "service"}
	userColumns  = []string{"user", "user_id", "user_email"}
)

// fewMatches is how many rows are found and sorted rather than walked to.
const fewMatches = 2000

// keys yields the rows' keys in order.
func (m *month) keys(ctx context.Context) iter.Seq2[key, error] {
	q := m.q
	if q.ID != "" || q.Session != "" {
		text, args := q.walk()
		return m.selectKeys(ctx, text, args)
	}
	if q.Command != "" {
		return m.spans(ctx, sqlite.Match(Phrases(q.Command)))
	}
	if q.head(1) != "" {
		few, err := m.atMost(ctx, fewMatches)
		if err != nil {
			return func(yield func(key, error) bool) { yield(key{}, err) }
		}
		if few {
			text, args := m.sorted()
			return m.selectKeys(ctx, text, args)
		}
		if words := firstWords(q.CommandPrefix); len(words) > 0 {
			return m.spans(ctx, "^ "+sqlite.Match([][]string{words}))
		}
	}
	text, args := q.walk()
	return m.selectKeys(ctx, text, args)
}

// headLetters is how many letters of a command its index holds, by the file's version.
var headLetters = map[int]int{1: 64, 2: 32}

// head adds the condition that audit_command_head answers: how the command begins.
func (m *month) head(w *where) {
	letters := headLetters[m.version]
	head := m.q.head(letters)
	w.between("command IS NOT NULL AND substr(command, 1, "+strconv.Itoa(letters)+")", head, successor(head))
}

// atMost says whether at most n commands begin with what the index holds of the beginning.
func (m *month) atMost(ctx context.Context, n int) (bool, error) {
	w := new(where)
	m.head(w)
	count := 0
	text := "SELECT count(*) FROM (SELECT 1 FROM audit_log INDEXED BY audit_command_head" + w.sql() + " LIMIT ?)"
	err := m.conn.QueryRowContext(ctx, text, append(w.args, n+1)...).Scan(&count)
	return count <= n, err
}

// arm is one walk: an index, and the condition that makes it give its rows in the order of their times.
type arm struct {
	index string
	where
}

func (a *arm) is(index, cond string, args ...any) *arm {
	a.index = index
	a.add(cond, args...)
	return a
}

// arms are the walks of the query, and what remains to be asked of each row. The walks are of what is likely to be rare.
func (q *Query) arms() (arms []*arm, rest Query, distinct bool) {
	rest = *q
	one := func(index, cond string, args ...any) { arms = append(arms, new(arm).is(index, cond, args...)) }
	names := func(columns []string, name string) {
		distinct = true // one row may have the name in several of them
		for _, c := range columns {
			one("audit_"+c, c+" = ?", name)
		}
	}
	switch decisions := slices.Compact(slices.Sorted(slices.Values(q.Decision))); {
	case q.ID != "":
		one("", "id = ?", q.ID)
		rest.ID = ""
	case q.Session != "":
		one("audit_session", "session_id = ?", q.Session)
		rest.Session = ""
	case q.AnyAnomaly || q.Anomaly != "":
		one("audit_anomaly", "anomalies IS NOT NULL")
	case q.Agent != "":
		names(agentColumns, q.Agent)
		rest.Agent = ""
	case q.User != "":
		names(userColumns, q.User)
		rest.User = ""
	case q.scores() && !(len(decisions) == 1 && decisions[0] == "denied"):
		arms = q.scoreArms()
		rest.RiskMin, rest.RiskMax = nil, nil
	case len(decisions) > 0 && decisions[0] != "": // "" is none, which no index has
		for _, d := range decisions {
			one("audit_decision", "decision = ?", d)
		}
		rest.Decision = nil
	default:
		one("audit_time", "1")
	}
	return arms, rest, distinct
}

// The scores that records have; others, should there be any, are found all the same.
const (
	lowestScore  = 0
	highestScore = 100
)

// scores says whether a range of scores narrows the rows down.
func (q *Query) scores() bool {
	return q.RiskMin != nil && *q.RiskMin > lowestScore || q.RiskMax != nil && *q.RiskMax < highestScore
}

// scoreArms are one walk a score: an index by score and time gives a range of scores in the order of the scores.
func (q *Query) scoreArms() (arms []*arm) {
	one := func(cond string, args ...any) { arms = append(arms, new(arm).is("audit_risk", cond, args...)) }
	low, high := lowestScore, highestScore
	if q.RiskMin == nil {
		one("risk_score < ?", lowestScore)
	} else if low = *q.RiskMin; low < lowestScore {
		one("risk_score >= ? AND risk_score < ?", low, lowestScore)
		low = lowestScore
	}
	if q.RiskMax == nil {
		one("risk_score > ? AND risk_score >= ?", highestScore, low)
	} else if high = *q.RiskMax; high > highestScore {
		one("risk_score > ? AND risk_score >= ? AND risk_score <= ?", highestScore, low, high)
		high = highestScore
	}
	for score := low; score <= high; score++ {
		one("risk_score = ?", score)
	}
	return arms
}

// walk writes the query as walks.
func (q *Query) walk() (text string, args []any) {
	arms, rest, distinct := q.arms()
	w := rest.where()
	if q.Command != "" {
		w.add("EXISTS (SELECT 1 FROM audit_command WHERE audit_command MATCH ? AND rowid = audit_log.n)", sqlite.Match(Phrases(q.Command)))
	}
	union := " UNION ALL "
	if distinct {
		union = " UNION "
	}
	var b strings.Builder
	for i, a := range arms {
		if i > 0 {
			b.WriteString(union)
		}
		b.WriteString("SELECT n, timestamp, id FROM audit_log")
		if a.index != "" {
			b.WriteString(" INDEXED BY " + a.index)
		}
		all := where{conds: append(a.conds, w.conds...), args: append(a.args, w.args...)}
		b.WriteString(all.sql())
		args = append(args, all.args...)
	}
	b.WriteString(q.orderBy())
	return q.limited(b.String(), args)
}

// sorted writes the query by the beginning of the command.
func (m *month) sorted() (text string, args []any) {
	w := m.q.where()
	m.head(w)
	return m.q.limited("SELECT n, timestamp, id FROM audit_log INDEXED BY audit_command_head"+w.sql()+m.q.orderBy(), w.args)
}

func (q *Query) orderBy() string {
	if q.Order == OldestFirst {
		return " ORDER BY timestamp, id, n"
	}
	return " ORDER BY timestamp DESC, id DESC, n DESC"
}

func (q *Query) limited(text string, args []any) (string, []any) {
	if q.Limit == 0 {
		return text, args
	}
	return text + " LIMIT ?", append(args, q.Limit)
}
