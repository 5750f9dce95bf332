package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/agentaudit/agentaudit/exporters"
)

// ErrEmpty says that a file has no tables yet: the exporter is about to make them, or was cut short before it could.
var ErrEmpty = errors.New("is empty: no audit store yet")

// OpenReadOnly opens a month's file for queries, also while the exporter writes to it. A file that is no store of ours,
// or a newer version's, is an error that says so; one that holds nothing yet is ErrEmpty.
//
// Reading in write-ahead mode needs a shared-memory file beside the database. Where that cannot be made (a read-only
// mount, a copy of evidence), a file without a log waiting is opened as one that does not change.
func OpenReadOnly(ctx context.Context, path string) (*sql.DB, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("sqlite: %s is no file", path)
	}
	options := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}}
	db, err := openChecked(ctx, path, options)
	if c := code(err); c == sqlite3.SQLITE_CANTOPEN || c == sqlite3.SQLITE_READONLY {
		if wal, werr := os.Stat(path + "-wal"); werr == nil && wal.Size() > 0 {
			return nil, fmt.Errorf("%w (its write-ahead log can be read only where %s-shm can be made)", err, path)
		}
		options.Set("immutable", "1")
		db, err = openChecked(ctx, path, options)
	}
	return db, err
}

func openChecked(ctx context.Context, path string, options url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, options))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	if err := checkOne(ctx, db); err != nil {
		_ = db.Close()
		if code(err) == sqlite3.SQLITE_NOTADB {
			return nil, exporters.Permanent(fmt.Errorf("sqlite: %s is no SQLite database", path))
		}
		return nil, classify(path, err)
	}
	return db, nil
}

// checkOne checks in one snapshot: a new file's tables may come between one look and the next.
func checkOne(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	_, err = check(ctx, tx)
	return err
}
