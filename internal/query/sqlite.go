package query

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
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
// record, so that sorting never has to hold documents. A month is asked only when the rows before it are through.
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
			m, err := first(ctx, months, &q)
			if m == nil && err == nil {
				return
			}
			var row Row
			if err == nil {
				row, err = m.take(ctx)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// start opens every file.
func (s *sqliteSource) start(ctx context.Context, q *Query) ([]*month, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	var months []*month
	for _, f := range files {
		m, err := openMonth(ctx, f, q)
		if m != nil {
			months = append(months, m)
		}
		if err != nil && !s.passOver(err) {
			return months, err
		}
	}
	return months, nil
}

// first is the month whose next row comes first, nil when all are through.
func first(ctx context.Context, months []*month, q *Query) (*month, error) {
	for {
		var best *month
		for _, m := range months {
			if !m.done && (best == nil || q.monthFirst(m, best)) {
				best = m
			}
		}
		if best == nil || best.begun {
			return best, nil
		}
		if err := best.begin(ctx); err != nil { // till now only the bound of its times was known
			return nil, err
		}
	}
}

// monthFirst says whether a month is looked at before another one: one of which only the bound is known, before one whose
// row has that time.
func (q *Query) monthFirst(a, b *month) bool {
	if a.at.time == b.at.time && a.begun != b.begun {
		return !a.begun
	}
	return q.goesFirst(a.at, b.at)
}
