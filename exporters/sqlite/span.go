package sqlite

import (
	"context"
	"database/sql"
	"strconv"
)

// SpanRows is how many rows (values of audit_log.n) a span has.
const SpanRows = 4096

// spanTable tells of every span of rows between which times they lie. Rows are numbered as they come, which is nearly
// the order of their times, but logs may come late and all at once. A search that finds rows by number (full text) and
// wants the newest of them goes through the spans in the order of their newest times, and stops when no span that is
// left can hold a newer row than those it has found.
const spanTable = `CREATE TABLE audit_span (
  span INTEGER PRIMARY KEY, -- rows span * 4096 to span * 4096 + 4095
  oldest TEXT NOT NULL,
  newest TEXT NOT NULL
) STRICT;
`

// fillSpans makes the spans of the rows that a file of version 1 holds.
var fillSpans = "INSERT INTO audit_span SELECT n / " + strconv.Itoa(SpanRows) + ", min(timestamp), max(timestamp) FROM audit_log GROUP BY 1;\n"

const insertSpan = `INSERT INTO audit_span VALUES (?, ?, ?)
ON CONFLICT (span) DO UPDATE SET oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest)`

// insertSpans widens the spans of rows that were added, which are in the order of n.
func insertSpans(ctx context.Context, tx *sql.Tx, rows []added) error {
	for len(rows) > 0 {
		span, n := rows[0].n/SpanRows, 1
		oldest, newest := rows[0].time, rows[0].time
		for n < len(rows) && rows[n].n/SpanRows == span {
			oldest, newest = min(oldest, rows[n].time), max(newest, rows[n].time)
			n++
		}
		if _, err := tx.ExecContext(ctx, insertSpan, span, oldest, newest); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
