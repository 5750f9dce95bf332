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
	// wal_autocheckpoint: 32 MiB, so that pages that most batches change are brought to the database once for several.
	db, err := sql.Open("sqlite", dsn(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-32768)", "wal_autocheckpoint(8192)", "temp_store(MEMORY)"},
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

// rowsAStatement is how many rows one statement adds: what a statement costs by itself is paid once for all of them.
const rowsAStatement = 32

// insert adds rows in one transaction. It returns those whose event.id is that of a different record.
func (f *file) insert(ctx context.Context, rows []row) ([]exporters.Refusal, error) {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	in := &inserting{tx: tx}
	if err := in.prepare(ctx); err != nil {
		return nil, err
	}
	for run := range slices.Chunk(rows, rowsAStatement) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := in.add(context.WithoutCancel(ctx), run); err != nil { // a context that can end costs a goroutine a statement
			return nil, err
		}
	}
	if err := in.index(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	return in.refused, tx.Commit()
}

// inserting is a transaction that adds rows.
type inserting struct {
	tx        *sql.Tx
	many, one *sql.Stmt // add rowsAStatement rows, or one
	last      int64     // n of the last row
	values    []any     // of the statement being built
	added     []added
	refused   []exporters.Refusal
}

// added is a row that was added, as far as the indexes beside the table need it.
type added struct {
	n     int64
	time  string
	words string // of the command
}

func (in *inserting) prepare(ctx context.Context) (err error) {
	if err = in.tx.QueryRowContext(ctx, "SELECT coalesce(max(n), 0) FROM audit_log").Scan(&in.last); err != nil {
		return err
	}
	if in.many, err = in.tx.PrepareContext(ctx, insertRows(rowsAStatement)); err != nil {
		return err
	}
	in.one, err = in.tx.PrepareContext(ctx, insertRows(1))
	return err
}

// add adds rows: all at once, or, where one of them is stored already and the statement has left no trace, one by one.
func (in *inserting) add(ctx context.Context, rows []row) error {
	if len(rows) == rowsAStatement {
		err := in.exec(ctx, in.many, rows)
		if err == nil || !isConstraint(err) {
			return err
		}
	}
	for i, r := range rows {
		err := in.exec(ctx, in.one, rows[i:i+1])
		if isConstraint(err) {
			var refusal *exporters.Refusal
			if refusal, err = repeated(ctx, in.tx, r); refusal != nil {
				in.refused = append(in.refused, *refusal)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (in *inserting) exec(ctx context.Context, add *sql.Stmt, rows []row) error {
	in.values = in.values[:0]
	for i, r := range rows {
		in.values = append(append(in.values, in.last+1+int64(i)), r.values...)
	}
	if _, err := add.ExecContext(ctx, in.values...); err != nil {
		return err
	}
	for _, r := range rows {
		in.last++
		in.added = append(in.added, added{in.last, r.time, r.words})
	}
	return nil
}

// index adds what was added to the full text and to the spans, all in one go: between rows of the table, SQLite would
// write out what the full text has gathered each time.
func (in *inserting) index(ctx context.Context) error {
	words, err := in.tx.PrepareContext(ctx, insertWords)
	if err != nil {
		return err
	}
	for _, a := range in.added {
		if a.words == "" {
			continue
		}
		if _, err := words.ExecContext(ctx, a.n, a.words); err != nil {
			return err
		}
	}
	return insertSpans(ctx, in.tx, in.added)
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
