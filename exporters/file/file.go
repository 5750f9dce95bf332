// Package file appends records to a file, one canonical document a line, for programs that follow a file: Fluent Bit's
// tail, which routes them to where people already look, or a SIEM's agent.
//
//	/var/lib/agent-audit/alerts.ndjson     the newest records
//	/var/lib/agent-audit/alerts.ndjson.1   those before, and so on; Keep old files are kept
//
// It is no store: old files are removed. With MinRisk only records with that score or a higher one are written.
//
// # Crashes
//
// A batch is written and fsynced before it is acknowledged. A line that was cut short is taken off when the file is opened
// again. What is written of a stream is told by its last line in the files, and records up to it are passed over: a
// repeated batch adds nothing. (Once the last line of a stream has gone with an old file, so has that knowledge; the
// delivery's cursor repeats only what was not acknowledged.)
package file

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema"
)

// settings are the exporter's section of the configuration.
type settings struct {
	// Path of the file.
	Path string `json:"path"`
	// MinRisk: records with a lower score, or none, are not written. Default: all are.
	MinRisk *int64 `json:"min_risk"`
	// MaxBytes after which the file becomes .1 and a new one is begun; default 64 MiB.
	MaxBytes int64 `json:"max_bytes"`
	// Keep is how many old files are kept; default 3.
	Keep *int `json:"keep"`
}

const (
	defaultMaxBytes = 64 << 20
	defaultKeep     = 3
)

// Alerts are wanted soon.
var policy = exporters.BatchPolicy{MaxRecords: 1000, MaxBytes: 4 << 20, MaxWait: 200 * time.Millisecond}

// file is the exporter.
type file struct {
	settings
	keep int
	f    *os.File
	size int64
	last map[string]int64 // highest sequence written, by stream
}

// Open starts the exporter. It makes the folder (0700) and the file (0600) if need be.
func Open(_ context.Context, data []byte) (exporters.Exporter, error) {
	e := &file{keep: defaultKeep, last: map[string]int64{}}
	e.MaxBytes = defaultMaxBytes
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&e.settings); err != nil {
		return nil, exporters.Permanent(fmt.Errorf("file: settings: %w", err))
	}
	if e.Keep != nil {
		e.keep = *e.Keep
	}
	switch {
	case e.Path == "":
		return nil, exporters.Permanent(errors.New("file: settings: path is missing"))
	case e.MaxBytes < 1 || e.keep < 0:
		return nil, exporters.Permanent(errors.New("file: settings: keep may not be negative, and max_bytes has to be positive"))
	}
	if err := os.MkdirAll(filepath.Dir(e.Path), 0o700); err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	for n := e.keep; n > 0; n-- {
		if err := e.look(e.old(n)); err != nil {
			return nil, err
		}
	}
	return e, e.begin()
}

// old is the name of the n-th old file.
func (e *file) old(n int) string { return e.Path + "." + strconv.Itoa(n) }

// look learns from an old file what was written.
func (e *file) look(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	defer f.Close()
	_, err = e.read(f)
	return err
}

// read learns from lines, and returns where the last whole one ends.
func (e *file) read(r io.Reader) (end int64, _ error) {
	b := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := b.ReadBytes('\n')
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return end, fmt.Errorf("file: %s: %w", e.Path, err)
		}
		end += int64(len(line))
		if a, err := schema.Parse(bytes.TrimSuffix(line, []byte("\n"))); err == nil { // another's line tells nothing
			e.wrote(a)
		}
	}
}

func (e *file) wrote(a *schema.Action) {
	if last, ok := e.last[a.Trail.Stream]; !ok || a.Trail.Sequence.N > last {
		e.last[a.Trail.Stream] = a.Trail.Sequence.N
	}
}

// begin opens the file at the end of its last whole line.
func (e *file) begin() error {
	f, err := os.OpenFile(e.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	end, err := e.read(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err = errors.Join(err, syncFolder(e.Path)); err != nil {
		_ = f.Close()
		return fmt.Errorf("file: %w", err)
	}
	e.f, e.size = f, end
	return nil
}

func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Policy says how batches are cut.
func (e *file) Policy() exporters.BatchPolicy { return policy }

// Close closes the file.
func (e *file) Close() error {
	if e.f == nil {
		return nil
	}
	return e.f.Close()
}

// Export appends the batch. A record that is no document of this stream and place is refused.
func (e *file) Export(ctx context.Context, b exporters.Batch) (uint64, []exporters.Refusal, error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	if err := e.ready(); err != nil {
		return 0, nil, err
	}
	var refused []exporters.Refusal
	var lines []byte
	var written []*schema.Action
	for _, r := range b.Records {
		a, err := schema.Parse(r.JSON)
		if err == nil && (a.Trail.Stream != b.Stream || !a.Trail.Sequence.Set || a.Trail.Sequence.N < 0 || uint64(a.Trail.Sequence.N) != r.Sequence) {
			err = fmt.Errorf("document is not record %d of stream %s", r.Sequence, b.Stream)
		}
		if err != nil {
			refused = append(refused, exporters.Refusal{Sequence: r.Sequence, Reason: err.Error()})
			continue
		}
		if last, ok := e.last[b.Stream]; ok && a.Trail.Sequence.N <= last || !e.wanted(a) {
			continue
		}
		lines = append(append(lines, r.JSON...), '\n')
		written = append(written, a)
	}
	if err := e.write(lines); err != nil {
		return 0, nil, err
	}
	for _, a := range written {
		e.wrote(a)
	}
	return b.Last(), refused, nil
}

// wanted says whether a record is to be written.
func (e *file) wanted(a *schema.Action) bool {
	return e.MinRisk == nil || a.Risk.Score.Set && a.Risk.Score.N >= *e.MinRisk
}

// ready opens the file where it is not open, was removed or replaced, or is full.
func (e *file) ready() error {
	if e.f != nil {
		here, err := e.f.Stat()
		there, thereErr := os.Stat(e.Path)
		switch {
		case err != nil || thereErr != nil || !os.SameFile(here, there):
			_ = e.f.Close()
			e.f = nil
		case e.size >= e.MaxBytes:
			return e.rotate()
		}
	}
	if e.f == nil {
		return e.begin()
	}
	return nil
}

// rotate makes the file an old one. After a crash in between a name is missing, which the next rotation passes over.
func (e *file) rotate() error {
	_ = e.f.Close() // all of it was synced
	e.f = nil
	if e.keep == 0 {
		if err := os.Remove(e.Path); err != nil {
			return fmt.Errorf("file: %w", err)
		}
		return e.begin()
	}
	for n := e.keep; n > 0; n-- {
		from := e.Path
		if n > 1 {
			from = e.old(n - 1)
		}
		if err := os.Rename(from, e.old(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("file: %w", err)
		}
	}
	return e.begin()
}

// write appends lines durably, or not at all: what is left of them after an error is taken off again.
func (e *file) write(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := e.f.Write(lines)
	if err = errors.Join(err, e.f.Sync()); err != nil {
		_ = e.f.Truncate(e.size)
		_ = e.f.Close()
		e.f = nil // opened anew, which looks at what is there
		return fmt.Errorf("file: %s: %w", e.Path, err)
	}
	e.size += int64(len(lines))
	return nil
}
