// Package logfile reads log files that already exist and hands them over as Fluent Bit's tail input would: chunks of
// events with the line, its path and its offset. Reading a file again gives the same events. Stores of agents in SQLite are
// read as well, see stores.go.
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

	"github.com/agentaudit/agentaudit/schema/value"
)

// ChunkBytes is about how large a chunk is, Fluent Bit's own average under load.
const ChunkBytes = 2 << 20

// maxDocument is how long a JSON value may be that is printed over several lines.
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
	head, err := r.Peek(int(min(info.Size(), 128<<10)))
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", file, err)
	}
	if bytes.HasPrefix(head, sqliteMagic) {
		return w.database(path)
	}
	if isDocuments(head) {
		if bytes.HasPrefix(head, bom) {
			n, _ := r.Discard(len(bom)) // peeked
			w.offset += int64(n)
		}
		return w.documents(r)
	}
	return w.lines(r)
}

var bom = []byte("\ufeff")

// isDocuments says whether a file holds JSON values that are printed over several lines, one or one behind the other.
// head is its beginning.
func isDocuments(head []byte) bool {
	start := bytes.TrimLeft(bytes.TrimPrefix(head, bom), " \t\r\n")
	if len(start) == 0 || (start[0] != '{' && start[0] != '[') {
		return false
	}
	first, _, _ := bytes.Cut(start, []byte("\n"))
	return !json.Valid(first)
}

// documents reads JSON values one behind the other, whatever lines they are printed over; each is an event. What is no
// JSON is read by lines, and so is a value longer than maxDocument.
func (w *writer) documents(r io.Reader) error {
	var (
		buf      []byte // read, and not an event yet
		eof      bool
		nesting  value.Nesting // of the value that begins buf
		scanned  int           // bytes of buf that it has seen
		wasted   int           // bytes scanned for values that were none: bounded, or it could be all of the file for each line
		blockLen = 1 << 20
	)
	for {
		blank := len(buf) - len(bytes.TrimLeft(buf, " \t\r\n"))
		if scanned == 0 && blank > 0 {
			w.offset += int64(blank)
			buf = buf[blank:]
		}
		end := 0
		if len(buf) > 0 && (buf[0] == '{' || buf[0] == '[') && wasted < maxDocument {
			more := nesting.Feed(string(buf[scanned:]))
			if more < 0 && !eof && len(buf) < maxDocument {
				scanned = len(buf)
			} else if end = scanned + more; more < 0 || !json.Valid(buf[:end]) {
				wasted += len(buf)
				end = lineEnd(buf, eof)
			}
		} else {
			end = lineEnd(buf, eof)
		}
		if end > 0 {
			w.line(buf[:end])
			buf, scanned, nesting = buf[end:], 0, value.Nesting{}
			if err := w.flushLong(); err != nil {
				return err
			}
			continue
		}
		if eof {
			return w.flush()
		}
		var err error
		if buf, err = readBlock(r, buf, blockLen); errors.Is(err, io.EOF) {
			eof = true
		} else if err != nil {
			return err
		}
	}
}

// lineEnd is the index behind the first line of buf; of one that has no end yet 0, and all of it at the end of the file.
func lineEnd(buf []byte, eof bool) int {
	if i := bytes.IndexByte(buf, '\n'); i >= 0 {
		return i + 1
	}
	if eof {
		return len(buf)
	}
	return 0
}

// readBlock appends up to n bytes of r to buf, at least one without an error.
func readBlock(r io.Reader, buf []byte, n int) ([]byte, error) {
	buf = slices.Grow(buf, n)
	got, err := io.ReadAtLeast(r, buf[len(buf):len(buf)+n], 1)
	return buf[:len(buf)+got], err
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
		if flushErr := w.flushLong(); flushErr != nil {
			return flushErr
		}
		if err != nil {
			return w.flush()
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

// flushLong hands on a chunk that has grown long.
func (w *writer) flushLong() error {
	if len(w.chunk) < ChunkBytes {
		return nil
	}
	return w.flush()
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
