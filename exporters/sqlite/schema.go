package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/exporters"
)

// applicationID marks our files (PRAGMA application_id): "aaud".
const applicationID = 0x61617564

// schemaVersion is the version of the tables (PRAGMA user_version). A file of a newer one is not touched. A change that
// older programs can neither read nor write needs a new version, and the code to bring older files to it. Version 2 has
// audit_span, which every writer has to keep; its indexes end with the time, where those of version 1 go on with the id;
// that of the commands' beginnings holds 32 letters instead of 64; and it has no index by sequence.
const schemaVersion = 2

// tables makes the tables of a new file. The words of audit_command are made by Words before they are stored; its own
// tokenizer only has to split at the spaces between them, and to fold the ASCII letters of what people type by hand:
//
//	SELECT l.* FROM audit_command c JOIN audit_log l ON l.n = c.rowid WHERE c.words MATCH '"kubectl delete"'
var tables = func() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE audit_log (\n  n INTEGER PRIMARY KEY,\n  id TEXT NOT NULL UNIQUE,\n")
	for _, c := range columns {
		b.WriteString("  " + c.name + " " + c.kind + ",\n")
	}
	b.WriteString("  record TEXT NOT NULL\n) STRICT;\n")
	b.WriteString(`
CREATE INDEX audit_time ON audit_log (timestamp);
CREATE INDEX audit_session ON audit_log (session_id, timestamp) WHERE session_id IS NOT NULL;
CREATE INDEX audit_agent ON audit_log (agent, timestamp) WHERE agent IS NOT NULL;
CREATE INDEX audit_agent_id ON audit_log (agent_id, timestamp) WHERE agent_id IS NOT NULL;
CREATE INDEX audit_service ON audit_log (service, timestamp) WHERE service IS NOT NULL;
CREATE INDEX audit_user ON audit_log (user, timestamp) WHERE user IS NOT NULL;
CREATE INDEX audit_user_id ON audit_log (user_id, timestamp) WHERE user_id IS NOT NULL;
CREATE INDEX audit_user_email ON audit_log (user_email, timestamp) WHERE user_email IS NOT NULL;
CREATE INDEX audit_risk ON audit_log (risk_score, timestamp) WHERE risk_score IS NOT NULL;
CREATE INDEX audit_decision ON audit_log (decision, timestamp) WHERE decision IS NOT NULL;
CREATE INDEX audit_anomaly ON audit_log (timestamp) WHERE anomalies IS NOT NULL;
` + headIndex + `CREATE VIRTUAL TABLE audit_command USING fts5(words, content='', columnsize=0, tokenize="ascii tokenchars '_'");
`)
	b.WriteString(spanTable)
	b.WriteString(`
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'audit_log is append-only: records are never changed');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'audit_log is append-only: records are never deleted; remove the file of a month that is past retention');
END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM audit_log WHERE n = NEW.n) BEGIN
  SELECT RAISE(ABORT, 'audit_log is append-only: a record with this id is stored already');
END;
`)
	b.WriteString("PRAGMA application_id = " + strconv.Itoa(applicationID) + ";\n")
	b.WriteString("PRAGMA user_version = " + strconv.Itoa(schemaVersion) + ";\n")
	return b.String()
}()

// headIndex finds commands by how they begin.
const headIndex = "CREATE INDEX audit_command_head ON audit_log (substr(command, 1, 32)) WHERE command IS NOT NULL;\n"

// insertRows is the statement that adds n rows.
func insertRows(n int) string {
	names := []string{"n", "id"}
	for _, c := range columns {
		names = append(names, c.name)
	}
	names = append(names, "record")
	values := "(?" + strings.Repeat(", ?", len(names)-1) + ")"
	return "INSERT INTO audit_log (" + strings.Join(names, ", ") + ") VALUES " + values + strings.Repeat(", "+values, n-1)
}

const insertWords = "INSERT INTO audit_command (rowid, words) VALUES (?, ?)"

// setUp checks the file, and makes the tables of a new one.
func (f *file) setUp(ctx context.Context) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	version, err := check(ctx, tx)
	switch {
	case errors.Is(err, ErrEmpty):
		_, err = tx.ExecContext(ctx, tables)
	case err == nil && version == 1:
		_, err = tx.ExecContext(ctx, spanTable+fillSpans+"DROP INDEX audit_command_head;\n"+headIndex+"PRAGMA user_version = 2;")
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// queryer is what *sql.DB, *sql.Conn and *sql.Tx have in common.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// check says whether a database is a store of ours that this program understands, and of which version. ErrEmpty if it
// is empty.
func check(ctx context.Context, q queryer) (version int64, _ error) {
	var id, objects int64
	if err := q.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return 0, err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, err
	}
	if err := q.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&objects); err != nil {
		return 0, err
	}
	switch {
	case id == 0 && version == 0 && objects == 0:
		return 0, ErrEmpty
	case id != applicationID:
		return 0, exporters.Permanent(errors.New("is a database, but no audit store"))
	case version > schemaVersion:
		return 0, exporters.Permanent(fmt.Errorf("was written by a newer agent-audit (schema %d, this one knows %d)", version, schemaVersion))
	case version < 1:
		return 0, exporters.Permanent(fmt.Errorf("has the unknown schema %d", version))
	}
	return version, nil
}
