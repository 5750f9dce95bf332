// Package sqlite stores the audit trail in SQLite files, one a month, that any SQLite program can read:
//
//	/var/lib/agent-audit/audit.db           the configured path names the base; no such file is written
//	/var/lib/agent-audit/audit-2026-11.db   records read in November 2026 (event.created, else @timestamp; UTC)
//	/var/lib/agent-audit/audit-2026-12.db
//
// Retention is removing old files. A record's file follows from the record alone, so that the same record, sent again
// at any later time, meets itself. Each file holds
//
//	audit_log      a row a record: plain columns to query by, and the canonical document, byte for byte
//	audit_command  full text of the commands (FTS5), by audit_log.n; see Words for what a word is
//	audit_span     the oldest and newest time of each SpanRows rows: where a search for the newest matches may stop
//
// Rows are only ever added: triggers refuse UPDATE, DELETE and REPLACE with a sentence. They guard against mistakes, not
// against someone who may write the file; that is what the archive's signed checkpoints are for.
//
// # Crashes
//
// A batch is one transaction in each month's file that it touches (nearly always one), in write-ahead mode with
// synchronous=FULL: a commit has been fsynced when it returns. Whatever is cut short leaves no trace, and is sent again.
// If the process ends between two files' commits, the rows of the first meet themselves by event.id the second time. A
// new file that was cut short before its tables were committed is empty, and is set up as if it were new.
package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
)

// settings are the exporter's section of the configuration.
type settings struct {
	// Path is the base: "/var/lib/agent-audit/audit.db" makes files named audit-2026-11.db beside it.
	Path string `json:"path"`
	// BusyTimeout is how long to wait for another program that has locked a file; default 5s.
	BusyTimeout string `json:"busy_timeout"`
	// Retention is for how long records are kept at least, "" for ever, and Longer which are kept longer.
	Retention string          `json:"retention"`
	Longer    []routeSettings `json:"longer"`
}

type routeSettings struct {
	Organization string `json:"organization"`
	Agent        string `json:"agent"`
	MinRisk      int    `json:"min_risk"`
	Retention    string `json:"retention"`
}

// parse reads the durations. What is kept longer and has no duration is kept for ever.
func (c *settings) parse() (r Retention, err error) {
	duration := func(name, text string) (d time.Duration) {
		if text == "" || err != nil {
			return 0
		}
		if d, err = time.ParseDuration(text); err == nil && d < 0 {
			err = errors.New("is negative")
		}
		if err != nil {
			err = fmt.Errorf("%s %.40q is no duration such as 2160h: %w", name, text, err)
		}
		return d
	}
	r.Keep = duration("retention", c.Retention)
	for _, l := range c.Longer {
		r.Longer = append(r.Longer, Route{l.Organization, l.Agent, l.MinRisk, duration("longer.retention", l.Retention)})
	}
	return r, err
}

// Batches are large, because a commit costs an fsync whatever its size, and short of wait, because people query what
// has just happened.
var policy = exporters.BatchPolicy{MaxRecords: 5000, MaxBytes: 8 << 20, MaxWait: time.Second}

// openFiles is how many months' files are held open at most.
const openFiles = 4

// store is the exporter.
type store struct {
	base      string
	busy      time.Duration
	retention Retention

	mu   sync.Mutex // Export and the expiry of files take turns
	open []*file    // most recently used last
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// Open starts the exporter. It makes the folder if need be (0700). A newest file that is no store of ours, or a newer
// version's, is a PermanentError.
func Open(ctx context.Context, data []byte) (exporters.Exporter, error) {
	var c settings
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, exporters.Permanent(fmt.Errorf("sqlite: settings: %w", err))
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, exporters.Permanent(errors.New("sqlite: settings: text after the object"))
	}
	if c.Path == "" {
		return nil, exporters.Permanent(errors.New("sqlite: settings: path is missing"))
	}
	s := &store{base: c.Path, busy: 5 * time.Second}
	if c.BusyTimeout != "" {
		busy, err := time.ParseDuration(c.BusyTimeout)
		if err != nil || busy < 0 {
			return nil, exporters.Permanent(fmt.Errorf("sqlite: settings: busy_timeout %q is no duration such as 5s", c.BusyTimeout))
		}
		s.busy = busy
	}
	var err error
	if s.retention, err = c.parse(); err != nil {
		return nil, exporters.Permanent(fmt.Errorf("sqlite: settings: %w", err))
	}
	if err := os.MkdirAll(filepath.Dir(s.base), 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := errors.Join(finishAll(s.base), s.expire(ctx, time.Now())); err != nil {
		return nil, err
	}
	files, err := Files(s.base)
	if err != nil {
		return nil, err
	}
	if len(files) > 0 {
		f, err := openFile(ctx, files[len(files)-1], s.busy)
		if err != nil {
			return nil, err
		}
		s.open = append(s.open, f)
	}
	s.startExpiry()
	return s, nil
}

// Policy says how batches are cut.
func (s *store) Policy() exporters.BatchPolicy { return policy }

// Close closes all files.
func (s *store) Close() error {
	s.stop()
	s.wg.Wait()
	var all error
	for _, f := range s.open {
		all = errors.Join(all, f.close())
	}
	s.open = nil
	return all
}

// Export stores the batch: the rows of each month's file in one transaction. Records that are stored already are left
// as they are. A record that is no document of this schema, or has the event.id of another record, is refused.
func (s *store) Export(ctx context.Context, b exporters.Batch) (uint64, []exporters.Refusal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refused []exporters.Refusal
	months := make(map[string][]row)
	for _, r := range b.Records {
		row, month, err := makeRow(b.Stream, r)
		if err != nil {
			refused = append(refused, exporters.Refusal{Sequence: r.Sequence, Reason: err.Error()})
			continue
		}
		months[month] = append(months[month], row)
	}
	for len(months) > 0 {
		month := firstMonth(months)
		more, err := s.store(ctx, month, months[month])
		if err != nil {
			acked := months[month][0].sequence // all before it is stored or refused
			if acked == b.First() {
				return 0, nil, err
			}
			return acked - 1, upTo(refused, acked-1), err
		}
		refused = append(refused, more...)
		delete(months, month)
	}
	return b.Last(), upTo(refused, b.Last()), nil
}

// firstMonth is the month whose rows begin earliest in the batch, so that what is left always ends the batch.
func firstMonth(months map[string][]row) string {
	first := ""
	for m, rows := range months {
		if first == "" || rows[0].sequence < months[first][0].sequence {
			first = m
		}
	}
	return first
}

// upTo orders refusals and leaves out those after last.
func upTo(refused []exporters.Refusal, last uint64) []exporters.Refusal {
	refused = slices.DeleteFunc(refused, func(r exporters.Refusal) bool { return r.Sequence > last })
	slices.SortFunc(refused, func(a, b exporters.Refusal) int { return int(int64(a.Sequence) - int64(b.Sequence)) })
	return refused
}

// store adds rows to a month's file, and names those that cannot be added.
func (s *store) store(ctx context.Context, month string, rows []row) ([]exporters.Refusal, error) {
	f, err := s.file(ctx, month)
	if err != nil {
		return nil, err
	}
	refused, err := f.insert(ctx, rows)
	if err != nil {
		return nil, classify(f.path, err)
	}
	return refused, nil
}

// file returns the month's file, opened. A file that was removed or replaced since it was opened is opened anew: rows
// written to a file without a name would be lost.
func (s *store) file(ctx context.Context, month string) (*file, error) {
	path := monthFile(s.base, month)
	for i, f := range s.open {
		if f.path != path {
			continue
		}
		s.open = slices.Delete(s.open, i, i+1)
		if f.current() {
			s.open = append(s.open, f)
			return f, nil
		}
		_ = f.close()
		break
	}
	if len(s.open) >= openFiles {
		oldest := s.open[0]
		s.open = slices.Delete(s.open, 0, 1)
		if err := oldest.close(); err != nil {
			return nil, classify(oldest.path, err)
		}
	}
	f, err := openFile(ctx, path, s.busy)
	if err != nil {
		return nil, err
	}
	s.open = append(s.open, f)
	return f, nil
}
