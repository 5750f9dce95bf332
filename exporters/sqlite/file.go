package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite" // the driver "sqlite", and its errors
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/agentaudit/agentaudit/exporters"
)

// monthFile is the path of a month's file: the month goes before the base's extension.
func monthFile(base, month string) string {
	ext := filepath.Ext(base)
	return strings.TrimSuffix(base, ext) + "-" + month + ext
}

var isMonth = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])$`)

// Files lists the months' files of a base path, oldest first. There may be none.
func Files(base string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(filepath.Base(base), ext) + "-"
	var files []string
	for _, e := range entries {
		month, ok := strings.CutPrefix(e.Name(), stem)
		if !ok || !strings.HasSuffix(month, ext) || !isMonth.MatchString(strings.TrimSuffix(month, ext)) {
			continue
		}
		files = append(files, filepath.Join(filepath.Dir(base), e.Name()))
	}
	slices.Sort(files)
	return files, nil
}

// file is one month's file, opened for writing on one connection.
type file struct {
	path string
	db   *sql.DB
	info fs.FileInfo // of the file that was opened
}

// openFile opens a month's file, and makes it (0600) if need be.
func openFile(ctx context.Context, path string, busy time.Duration) (*file, error) {
	if err := create(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	// temp_store: an insert that fires a trigger keeps a journal of its own, which in a file takes half of the time.
	db, err := sql.Open("sqlite", dsn(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16384)", "temp_store(MEMORY)"},
	}))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	f := &file{path: path, db: db}
	if err := f.setUp(ctx); err != nil {
		_ = db.Close()
		return nil, classify(path, err)
	}
	if f.info, err = os.Stat(path); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return f, nil
}

// create makes an empty file that only its owner can read; SQLite gives the write-ahead log the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// dsn is the driver's name for a file. The path is escaped, so that no character of it is taken for an option.
func dsn(path string, options url.Values) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	return u.String()
}

// current says whether the path still leads to the file that was opened.
func (f *file) current() bool {
	info, err := os.Stat(f.path)
	return err == nil && os.SameFile(info, f.info)
}

func (f *file) close() error { return f.db.Close() }

// insert adds rows in one transaction. It returns those whose event.id is that of a different record.
func (f *file) insert(ctx context.Context, rows []row) ([]exporters.Refusal, error) {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	add, err := tx.PrepareContext(ctx, insertRow)
	if err != nil {
		return nil, err
	}
	var refused []exporters.Refusal
	var added []words
	rowCtx := context.WithoutCancel(ctx) // a context that can end costs a goroutine a statement
	for i, r := range rows {
		if err := ctx.Err(); i&255 == 0 && err != nil {
			return nil, err
		}
		res, err := add.ExecContext(rowCtx, r.values...)
		if isConstraint(err) {
			refusal, err := repeated(ctx, tx, r)
			if err != nil {
				return nil, err
			}
			if refusal != nil {
				refused = append(refused, *refusal)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		n, err := res.LastInsertId()
		if err != nil {
			return nil, err
		}
		added = append(added, words{n, r.words})
	}
	if err := insertIndex(rowCtx, tx, added); err != nil {
		return nil, err
	}
	return refused, tx.Commit()
}

// words are those of the command in row n.
type words struct {
	n    int64
	text string
}

// insertIndex adds words to the index, all in one go: between rows of the table, SQLite would write out what the index
// has gathered each time.
func insertIndex(ctx context.Context, tx *sql.Tx, added []words) error {
	index, err := tx.PrepareContext(ctx, insertWords)
	if err != nil {
		return err
	}
	for _, w := range added {
		if w.text == "" {
			continue
		}
		if _, err := index.ExecContext(ctx, w.n, w.text); err != nil {
			return err
		}
	}
	return nil
}

// repeated looks at the row that a record could not be added beside. The same record is done; another one is a refusal.
func repeated(ctx context.Context, tx *sql.Tx, r row) (*exporters.Refusal, error) {
	same, found, err := stored(ctx, tx, r)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("record %d does not fit the table", r.sequence)
	case same:
		return nil, nil
	}
	return &exporters.Refusal{Sequence: r.sequence, Reason: "another record with the event.id " + r.id + " is stored; it is kept"}, nil
}

// stored says whether a record with the row's id is there, and whether it is the same byte for byte.
func stored(ctx context.Context, tx *sql.Tx, r row) (same, found bool, _ error) {
	var record string
	err := tx.QueryRowContext(ctx, "SELECT record FROM audit_log WHERE id = ?", r.id).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	return record == r.values[len(r.values)-1], err == nil, err
}

// code is SQLite's primary result code of an error, 0 if it has none.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func isConstraint(err error) bool { return code(err) == sqlite3.SQLITE_CONSTRAINT }

// classify names the file, and marks what no retry mends: a file that is damaged or is no database. A full disk, a lock
// or a lost mount may go away.
func classify(path string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("sqlite: %s: %w", path, err)
	switch code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return exporters.Permanent(wrapped)
	}
	return wrapped
}
