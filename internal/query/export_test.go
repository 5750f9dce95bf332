package query

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Plan is how SQLite would answer the query as a walk, by the few commands of a beginning, or by words.
func Plan(ctx context.Context, db *sql.DB, q Query) string {
	text, args := q.walk()
	switch {
	case q.Command != "":
		text, args = q.inSpan("rm", span{first: 1, last: 100})
	case q.CommandPrefix != "":
		m := &month{q: &q, version: 2}
		text, args = m.sorted()
	}
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return err.Error()
		}
		plan = append(plan, detail)
	}
	return fmt.Sprint(strings.Join(plan, "; "), rows.Err())
}
