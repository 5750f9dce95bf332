package host

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"
)

// ChunkSize is where Fluent Bit closes a chunk (FLB_INPUT_CHUNK_FS_MAX_SIZE): the record that reaches it is the last.
const ChunkSize = 2_048_000

// FileOptions are all optional.
type FileOptions struct {
	Form
	Old   bool          // records in the old form
	Size  int           // of a chunk; 0: ChunkSize
	Path  string        // what PathKey tells; "": the file's own name
	Start time.Time     // time-stamp of the first line; zero: 2026-01-01 00:00 UTC
	Step  time.Duration // from one line to the next; 0: 1 ms
}

// Chunk is what one flush hands over.
type Chunk struct {
	Data    []byte
	Records int
}

// FromFile cuts a log file into chunks as tail does when it reads a file that exists already. The same file and options
// always give the same chunks. As with tail, a carriage return before the newline goes, empty lines are skipped, and a
// last line without a newline isn't read. Fluent Bit's limit on the length of a line (Buffer_Max_Size) is not imitated.
func FromFile(path string, o FileOptions) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Chunk{}, err)
			return
		}
		defer func() { _ = f.Close() }()
		if o.Path == "" {
			o.Path = path
		}
		for c, err := range FromReader(f, o) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// FromReader is FromFile for text that is no file.
func FromReader(r io.Reader, o FileOptions) iter.Seq2[Chunk, error] {
	if o.Size == 0 {
		o.Size = ChunkSize
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Step == 0 {
		o.Step = time.Millisecond
	}
	return func(yield func(Chunk, error) bool) {
		e := Encoder{Old: o.Old}
		in := bufio.NewReaderSize(r, 1<<16)
		ts, offset := o.Start, int64(0)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				if n := e.Records(); n > 0 && !yield(Chunk{Records: n, Data: e.Take()}, nil) {
					return
				}
				if !errors.Is(err, io.EOF) {
					yield(Chunk{}, err)
				}
				return
			}
			text := strings.TrimSuffix(line[:len(line)-1], "\r")
			if text != "" {
				e.Event(ts, nil, o.Body(text, o.Path, offset))
				ts = ts.Add(o.Step)
			}
			offset += int64(len(line))
			if n := e.Records(); e.Len() >= o.Size && !yield(Chunk{Records: n, Data: e.Take()}, nil) {
				return
			}
		}
	}
}
