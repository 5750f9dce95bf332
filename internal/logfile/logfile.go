// Package logfile reads log files that already exist and hands them over as Fluent Bit's tail input would: chunks of
// events with the line, its path and its offset. Reading a file again gives the same events.
package logfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// ChunkBytes is about how large a chunk is, Fluent Bit's own average under load.
const ChunkBytes = 2 << 20

// maxDocument is how large a file may be that is one JSON document over several lines.
const maxDocument = 64 << 20

// Files lists the regular files of the arguments, folders walked, in a stable order.
func Files(args []string) ([]string, error) {
	var files []string
	for _, a := range args {
		err := filepath.WalkDir(a, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Type().IsRegular() || (p == a && !d.IsDir()) {
				files = append(files, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// Chunks reads a file and calls emit with each chunk and the bytes of the file read so far. The events carry the file's
// time of change: its lines are not younger.
func Chunks(file string, emit func(chunk []byte, read int64) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	w := writer{path: path, time: info.ModTime(), emit: emit}
	r := bufio.NewReaderSize(f, 256<<10)
	if whole, err := document(r, f, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	} else if whole != nil {
		w.line(whole)
		return w.flush()
	}
	return w.lines(r)
}

// document returns the whole file when it is one JSON document over several lines, and nil when it is read by lines.
func document(r *bufio.Reader, f io.ReaderAt, size int64) ([]byte, error) {
	head, err := r.Peek(int(min(size, 128<<10)))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	start := bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf")
	if size > maxDocument || len(start) == 0 || (start[0] != '{' && start[0] != '[') {
		return nil, nil
	}
	if first, _, more := bytes.Cut(start, []byte("\n")); more && json.Valid(first) {
		return nil, nil
	}
	whole := make([]byte, size)
	if _, err := f.ReadAt(whole, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if whole = bytes.TrimSpace(bytes.TrimPrefix(whole, []byte("\ufeff"))); !json.Valid(whole) {
		return nil, nil
	}
	return whole, nil
}

// writer collects events into chunks.
type writer struct {
	path   string
	time   time.Time
	offset int64
	chunk  []byte
	emit   func([]byte, int64) error
}

func (w *writer) lines(r *bufio.Reader) error {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(line) > 0 {
			w.line(line)
			line = line[:0]
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(w.chunk) >= ChunkBytes || err != nil {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// line adds one event: [[time, {}], {"log": …, "path": …, "offset": …}]. Empty lines only move the offset.
func (w *writer) line(line []byte) {
	offset := w.offset
	w.offset += int64(len(line))
	text := bytes.TrimRight(line, "\r\n")
	if len(bytes.TrimSpace(text)) == 0 {
		return
	}
	b := append(w.chunk, 0x92, 0x92)
	b = AppendEventTime(b, w.time)
	b = append(b, 0x80)
	b = msgp.AppendMapHeader(b, 3)
	b = msgp.AppendStringFromBytes(msgp.AppendString(b, "log"), text)
	b = msgp.AppendString(msgp.AppendString(b, "path"), w.path)
	w.chunk = msgp.AppendInt64(msgp.AppendString(b, "offset"), offset)
}

func (w *writer) flush() error {
	if len(w.chunk) == 0 {
		return nil
	}
	err := w.emit(w.chunk, w.offset)
	w.chunk = w.chunk[:0]
	return err
}

// AppendEventTime appends Fluent Bit's event time: fixext 8 of type 0, seconds and nanoseconds, big-endian.
func AppendEventTime(b []byte, t time.Time) []byte {
	sec, nsec := uint32(t.Unix()), uint32(t.Nanosecond())
	return append(b, 0xd7, 0,
		byte(sec>>24), byte(sec>>16), byte(sec>>8), byte(sec),
		byte(nsec>>24), byte(nsec>>16), byte(nsec>>8), byte(nsec))
}
