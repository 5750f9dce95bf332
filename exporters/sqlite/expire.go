package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Retention is for how long records are kept. A month's file goes as a whole, when its last record can have been kept long
// enough: a record is kept for Keep at least, and a month more at most.
type Retention struct {
	Keep   time.Duration // 0: for ever
	Longer []Route
}

// Route is which records are kept longer than others. A file goes when that of its longest-kept record has come. What is
// empty matches all.
type Route struct {
	Organization, Agent string
	MinRisk             int // 0 matches records without a score too
	Keep                time.Duration
}

// Month is the month that a file is of, in UTC.
func Month(base, path string) (time.Time, error) {
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(filepath.Base(base), ext) + "-"
	t, err := time.Parse("2006-01", strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), stem), ext))
	if err != nil {
		return t, fmt.Errorf("sqlite: %s is no month's file of %s", path, base)
	}
	return t, nil
}

// End is when a month's file may go; zero is never. It looks into the file only if that matters at the time now.
func (r *Retention) End(ctx context.Context, base, path string, now time.Time) (time.Time, error) {
	month, err := Month(base, path)
	if err != nil || r.Keep == 0 {
		return time.Time{}, err
	}
	last := month.AddDate(0, 1, 0)
	end := last.Add(r.Keep)
	if now.Before(end) || len(r.Longer) == 0 {
		return end, nil
	}
	db, err := OpenReadOnly(ctx, path)
	if errors.Is(err, ErrEmpty) {
		return end, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer db.Close()
	for _, l := range r.Longer {
		var there bool
		query, args := l.query()
		if err := db.QueryRowContext(ctx, query, args...).Scan(&there); err != nil {
			return time.Time{}, classify(path, err)
		}
		switch {
		case !there:
		case l.Keep == 0:
			return time.Time{}, nil
		case last.Add(l.Keep).After(end):
			end = last.Add(l.Keep)
		}
	}
	return end, nil
}

// query asks whether a file has a record of the route.
func (l *Route) query() (string, []any) {
	where, args := []string{"1"}, []any{}
	if l.Organization != "" {
		where, args = append(where, "? IN (organization_id, organization)"), append(args, l.Organization)
	}
	if l.Agent != "" {
		where, args = append(where, "? IN (agent_id, agent, service)"), append(args, l.Agent)
	}
	if l.MinRisk > 0 {
		where, args = append(where, "risk_score >= ?"), append(args, l.MinRisk)
	}
	return "SELECT EXISTS (SELECT 1 FROM audit_log WHERE " + strings.Join(where, " AND ") + ")", args
}

// leaving is what a file is named while it goes.
const leaving = ".expired"

// expire removes the files whose time has come. The newest stays: that of a clock gone wrong is the one that is written to.
//
// A file is renamed first, then its write-ahead log is removed, then itself. If we were to stop in between, a log without
// its file must not meet a new file of that month: finish takes it away before any file is opened.
func (s *store) expire(ctx context.Context, now time.Time) error {
	if s.retention.Keep == 0 {
		return nil
	}
	files, err := Files(s.base)
	if err != nil || len(files) == 0 {
		return err
	}
	for _, path := range files[:len(files)-1] {
		end, err := s.retention.End(ctx, s.base, path, now)
		if err != nil {
			return err
		}
		if end.IsZero() || now.Before(end) {
			continue
		}
		if i := slices.IndexFunc(s.open, func(f *file) bool { return f.path == path }); i >= 0 {
			f := s.open[i]
			s.open = slices.Delete(s.open, i, i+1)
			if err := f.close(); err != nil {
				return classify(path, err)
			}
		}
		if err := os.Rename(path, path+leaving); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
		if err := finish(path); err != nil {
			return err
		}
		slog.Info("sqlite: a month's file is past its retention and was removed", "file", path, "kept", s.retention.Keep.String())
	}
	return nil
}

// finish removes what is left of a file that was renamed to go.
func finish(path string) error {
	for _, name := range []string{path + "-wal", path + "-shm", path + leaving} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
	return nil
}

// finishAll goes on with removals that were cut short.
func finishAll(base string) error {
	left, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(base)), "*"+leaving))
	if err != nil {
		return err
	}
	for _, name := range left {
		path := strings.TrimSuffix(name, leaving)
		if _, err := Month(base, path); err != nil {
			continue // somebody else's
		}
		if err := finish(path); err != nil {
			return err
		}
	}
	return nil
}

// escapeGlob makes a folder's name a pattern that matches it alone.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// expireEvery is how often files are looked at.
const expireEvery = time.Hour

// startExpiry removes files for as long as the exporter runs, whether records come or not.
func (s *store) startExpiry() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if s.retention.Keep == 0 {
		return
	}
	s.wg.Go(func() {
		tick := time.NewTicker(expireEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.expireNow(ctx)
			}
		}
	})
}

// expireNow tells of what goes wrong; it is tried again at the next tick.
func (s *store) expireNow(ctx context.Context) {
	defer func() {
		if r := recover(); r != nil {
			slog.Error("sqlite: expiry: internal error", "error", fmt.Sprint(r))
		}
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.expire(ctx, time.Now()); err != nil && ctx.Err() == nil {
		slog.Warn("sqlite: files past their retention were not removed, and are tried again", "error", err)
	}
}
