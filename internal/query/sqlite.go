package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/schema"
)

// sqliteSource reads a SQLite store, read-only. Files are listed and opened for each query, so that a source may stay
// open while months come and go.
type sqliteSource struct {
	path   string
	single bool // path is one file, else the base of all months
}

// OpenSQLite opens a SQLite store by the base path in the configuration, or one of its files.
func OpenSQLite(ctx context.Context, path string) (Source, error) {
	s := &sqliteSource{path: path}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("sqlite: %s is a folder: name the store in it, such as %s/audit.db", path, path)
	case err == nil:
		s.single = true
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		db, err := sqlite.OpenReadOnly(ctx, f)
		if s.passOver(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		_ = db.Close()
	}
	return s, nil
}

// passOver says whether an error only means that a new month has just begun.
func (s *sqliteSource) passOver(err error) bool { return !s.single && errors.Is(err, sqlite.ErrEmpty) }

func (s *sqliteSource) files() ([]string, error) {
	if s.single {
		return []string{s.path}, nil
	}
	files, err := sqlite.Files(s.path)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("sqlite: there is no store at %s yet", s.path)
	}
	return files, nil
}

// Close lets go of nothing: files are open only while a query runs.
func (s *sqliteSource) Close() error { return nil }

// Query merges the months' answers. Each month is read in one snapshot: first the keys in order, then row by row the
// record, so that sorting never has to hold documents.
func (s *sqliteSource) Query(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		months, err := s.start(ctx, &q)
		defer func() {
			for _, m := range months {
				m.close()
			}
		}()
		if err != nil {
			yield(Row{}, err)
			return
		}
		for n := 0; q.Limit == 0 || n < q.Limit; n++ {
			m := first(months, &q)
			if m == nil {
				return
			}
			row, err := m.take(ctx)
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// start begins the query in every file.
func (s *sqliteSource) start(ctx context.Context, q *Query) ([]*month, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	text, args := q.sql()
	var months []*month
	for _, f := range files {
		m, err := startMonth(ctx, f, text, args)
		if m != nil {
			months = append(months, m)
		}
		if err != nil && !s.passOver(err) {
			return months, fmt.Errorf("sqlite: %s: %w", f, err)
		}
	}
	return months, nil
}

// first is the month whose next row comes first, nil when all are through.
func first(months []*month, q *Query) *month {
	var best *month
	for _, m := range months {
		if m.done {
			continue
		}
		if best == nil || q.Order == OldestFirst && m.less(best) || q.Order == NewestFirst && best.less(m) {
			best = m
		}
	}
	return best
}

// month is a query in one file, standing before its next row.
type month struct {
	path   string
	db     *sql.DB
	conn   *sql.Conn
	rows   *sql.Rows
	record *sql.Stmt
	n      int64
	time   string
	id     string
	done   bool
}

func startMonth(ctx context.Context, path, text string, args []any) (*month, error) {
	m := &month{path: path}
	var err error
	if m.db, err = sqlite.OpenReadOnly(ctx, path); err != nil {
		return nil, err
	}
	if m.conn, err = m.db.Conn(ctx); err != nil {
		return m, err
	}
	if _, err = m.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return m, err
	}
	if m.record, err = m.conn.PrepareContext(ctx, "SELECT record FROM audit_log WHERE n = ?"); err != nil {
		return m, err
	}
	if m.rows, err = m.conn.QueryContext(ctx, text, args...); err != nil {
		return m, err
	}
	return m, m.next()
}

func (m *month) next() error {
	if !m.rows.Next() {
		m.done = true
		return m.rows.Err()
	}
	return m.rows.Scan(&m.n, &m.time, &m.id)
}

func (m *month) less(o *month) bool { return m.time < o.time || m.time == o.time && m.id < o.id }

// take reads the record of the next row and goes on.
func (m *month) take(ctx context.Context) (Row, error) {
	var row Row
	err := ctx.Err()
	if err == nil { // a context that can end costs goroutines a row
		err = m.record.QueryRowContext(context.WithoutCancel(ctx), m.n).Scan(&row.JSON)
	}
	if err != nil {
		return row, fmt.Errorf("sqlite: %s: %w", m.path, err)
	}
	if row.Action, err = schema.Parse(row.JSON); err != nil {
		return row, fmt.Errorf("sqlite: %s: record %s: %w", m.path, m.id, err)
	}
	if err := m.next(); err != nil {
		return row, fmt.Errorf("sqlite: %s: %w", m.path, err)
	}
	return row, nil
}

// close ends the snapshot with its connection.
func (m *month) close() {
	if m.rows != nil {
		_ = m.rows.Close()
	}
	if m.record != nil {
		_ = m.record.Close()
	}
	if m.conn != nil {
		_, _ = m.conn.ExecContext(context.Background(), "ROLLBACK")
		_ = m.conn.Close()
	}
	_ = m.db.Close()
}

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

// rareRisk is the score from which on records are taken to be rare.
const rareRisk = 70

// Columns that a name is looked for in.
var (
	agentColumns = []string{"agent", "agent_id", "service"}
	userColumns  = []string{"user", "user_id", "user_email"}
)

// sql writes the query for one file.
func (q *Query) sql() (text string, args []any) {
	rest := *q
	var arms []string
	name := ""
	switch selective := q.ID != "" || q.Session != "" || q.Command != "" || q.CommandPrefix != ""; {
	case selective:
	case q.Agent != "":
		arms, name, rest.Agent = agentColumns, q.Agent, ""
	case q.User != "":
		arms, name, rest.User = userColumns, q.User, ""
	}
	w := rest.where()
	order := " ORDER BY timestamp DESC, id DESC, n DESC"
	if q.Order == OldestFirst {
		order = " ORDER BY timestamp, id, n"
	}
	if arms == nil {
		text, args = "SELECT n, timestamp, id FROM audit_log"+w.sql(), w.args
	}
	// A name in any of several columns: one query a column, each in the order of that column's index, merged. An OR would
	// have to find and sort all rows of that name for the newest fifty.
	for i, column := range arms {
		arm := where{conds: append([]string{column + " = ?"}, w.conds...)}
		if i > 0 {
			text += " UNION "
		}
		text += "SELECT n, timestamp, id FROM audit_log" + arm.sql()
		args = append(append(args, name), w.args...)
	}
	text += order
	if q.Limit > 0 {
		text += " LIMIT ?"
		args = append(args, q.Limit)
	}
	return text, args
}

func (w *where) sql() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// where collects the query's conditions.
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
		cond := "risk_score >= ?"
		if *q.RiskMin >= rareRisk {
			cond = "likelihood(" + cond + ", 0.005)" // else SQLite takes a quarter of all to match, and reads them all
		}
		w.add("risk_score IS NOT NULL AND "+cond, *q.RiskMin)
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
	q.sqlText(w)
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
		w.add("(timestamp, id) "+op+" (?, ?)", sqlite.TimeText(q.After.Time), q.After.ID)
	}
}

// headLetters is how many letters of a command its index holds.
const headLetters = 64

func (q *Query) sqlText(w *where) {
	if q.Command != "" {
		w.add("n IN (SELECT rowid FROM audit_command WHERE audit_command MATCH ?)", sqlite.Match(Phrases(q.Command)))
	}
	if q.CommandPrefix == "" {
		return
	}
	w.add("command >= ?", q.CommandPrefix)
	if end := successor(q.CommandPrefix); end != "" {
		w.add("command < ?", end)
	}
	// The index narrows it down: it holds the first letters, and, as SQLite's substr does, ends at a NUL.
	head, _, _ := strings.Cut(validPrefix(q.CommandPrefix), "\x00")
	if utf8.RuneCountInString(head) > headLetters {
		head = string([]rune(head)[:headLetters])
	}
	if head != "" {
		w.add("substr(command, 1, 64) >= ?", head)
		if end := successor(head); end != "" {
			w.add("substr(command, 1, 64) < ?", end)
		}
	}
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
