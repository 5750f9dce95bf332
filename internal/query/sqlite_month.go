package query

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/schema"
)

// key is a row's place in a file (audit_log.n) and in the order.
type key struct {
	n        int64
	time, id string // as the columns have them: texts that sort as times do
}

// goesFirst says whether a row goes before another one.
func (q *Query) goesFirst(a, b key) bool {
	if q.Order == NewestFirst {
		a, b = b, a
	}
	return a.time < b.time || a.time == b.time && (a.id < b.id || a.id == b.id && a.n < b.n)
}

// month is a query in one file, standing before its next row.
type month struct {
	path    string
	q       *Query
	db      *sql.DB
	conn    *sql.Conn
	version int // of the tables
	record  *sql.Stmt
	next    func() (key, error, bool)
	stop    func()

	begun bool // before that, at only has the time that no row of the file goes before
	done  bool
	at    key
}

// openMonth opens a file, and begins its snapshot.
func openMonth(ctx context.Context, path string, q *Query) (*month, error) {
	m := &month{path: path, q: q}
	var err error
	if m.db, err = sqlite.OpenReadOnly(ctx, path); err != nil {
		return nil, err
	}
	if m.conn, err = m.db.Conn(ctx); err != nil {
		return m, m.wrap(err)
	}
	if _, err = m.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return m, m.wrap(err)
	}
	if err = m.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&m.version); err != nil {
		return m, m.wrap(err)
	}
	bound := "max"
	if q.Order == OldestFirst {
		bound = "min"
	}
	var at sql.NullString
	if err = m.conn.QueryRowContext(ctx, "SELECT "+bound+"(timestamp) FROM audit_log").Scan(&at); err != nil {
		return m, m.wrap(err)
	}
	m.at.time, m.done = at.String, !at.Valid
	return m, nil
}

func (m *month) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlite: %s: %w", m.path, err)
}

// begin asks the query.
func (m *month) begin(ctx context.Context) (err error) {
	if m.record, err = m.conn.PrepareContext(ctx, "SELECT record FROM audit_log WHERE n = ?"); err != nil {
		return m.wrap(err)
	}
	m.begun = true
	m.next, m.stop = iter.Pull2(m.keys(ctx))
	return m.advance()
}

// advance goes on to the next row.
func (m *month) advance() error {
	at, err, ok := m.next()
	m.at, m.done = at, !ok
	return m.wrap(err)
}

// take reads the record of the next row and goes on.
func (m *month) take(ctx context.Context) (Row, error) {
	var row Row
	err := ctx.Err()
	if err == nil { // a context that can end costs goroutines a row
		err = m.record.QueryRowContext(context.WithoutCancel(ctx), m.at.n).Scan(&row.JSON)
	}
	if err != nil {
		return row, m.wrap(err)
	}
	if row.Action, err = schema.Parse(row.JSON); err != nil {
		return row, fmt.Errorf("sqlite: %s: record %s: %w", m.path, m.at.id, err)
	}
	return row, m.advance()
}

// close ends the snapshot with its connection.
func (m *month) close() {
	if m.stop != nil {
		m.stop()
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

// selectKeys yields the keys that a statement finds, in its order.
func (m *month) selectKeys(ctx context.Context, text string, args []any) iter.Seq2[key, error] {
	return func(yield func(key, error) bool) {
		rows, err := m.conn.QueryContext(ctx, text, args...)
		if err != nil {
			yield(key{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var k key
			if err := rows.Scan(&k.n, &k.time, &k.id); err != nil {
				yield(key{}, err)
				return
			}
			if !yield(k, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(key{}, err)
		}
	}
}
