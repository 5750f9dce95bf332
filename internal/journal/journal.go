// Package journal is the write line's one durable store: a Pebble database in the state folder. A chunk is one atomic,
// synced batch of everything it changed, so that a crash leaves it whole or undone.
//
//	h                       head: stream id, next sequence, bytes appended, Merkle frontier
//	r | sequence            record: canonical JSON
//	b | first sequence      block: bytes appended before it, records, tree head after it
//	p | action              pending action
//	s | session             session
//	a | agent, organisation what it usually does, in numbers
//	o | source              source
//	d | generation | id     seen: fragments and actions already taken, forgotten by generation
//	t                       Merkle frontier before the oldest record kept
//	c | exporter            cursor: next sequence, dead letters, Merkle frontier
//	x | exporter 0 sequence dead letter: reason, record
//
// Numbers are big-endian. Every text in a value has passed the scrubber: values are seal.Bytes.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Options of a journal.
type Options struct {
	// MaxBytes bounds the records that wait for delivery; a chunk beyond it gets ErrFull.
	MaxBytes int64
	// SeenFor is how long an identity is remembered, at least; reading a log again after that may add records again.
	SeenFor time.Duration
	// FS is where the files are; nil is the operating system's.
	FS vfs.FS
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Errors of a journal.
var (
	// ErrFull: the exporters are too far behind. Nothing of the chunk was taken.
	ErrFull = errors.New("journal is full: the exporters are too far behind")
	// ErrInUse: another process has the state folder.
	ErrInUse = errors.New("state folder is in use by another agent-audit instance")
	// ErrNewer: the state folder was written by a newer version.
	ErrNewer = errors.New("state folder was written by a newer version of agent-audit")
)

// Journal is safe for concurrent use; chunks, though, are built one at a time.
type Journal struct {
	db  *pebble.DB
	opt Options

	mu       sync.Mutex
	head     head
	trimmed  uint64        // records before it are gone
	base     int64         // head.bytes as it was at the record trimmed
	broken   error         // a failed write: nothing more is taken until reopened
	appended chan struct{} // closed and replaced when records are added
	count    map[Count]uint64
	batch    int // bytes of the last chunk's batch

	fatal  fatalLogger
	oldest atomic.Uint32 // generation of the oldest identity remembered
}

// head is the end of the stream.
type head struct {
	stream string
	next   uint64
	bytes  int64
	tree   merkle.Frontier
}

// Open opens or makes the journal in dir. A new one gets the stream id that newStream returns.
func Open(dir string, newStream func() string, o Options) (*Journal, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.FS == nil {
		o.FS = vfs.Default
		if err := os.MkdirAll(filepath.Join(dir, "journal"), 0o700); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
	}
	j := &Journal{opt: o, appended: make(chan struct{}), count: make(map[Count]uint64)}
	j.fatal.met = make(chan struct{})
	db, err := pebble.Open(filepath.Join(dir, "journal"), j.pebbleOptions())
	if err != nil {
		if isLocked(err) {
			return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("journal in %s: %w", dir, err)
	}
	j.db = db
	if err := j.load(newStream); err != nil {
		db.Close()
		return nil, fmt.Errorf("journal in %s: %w", dir, err)
	}
	return j, nil
}

func (j *Journal) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS: j.opt.FS,
		// Pebble takes its memtables out of the cache: this leaves at least 24 MiB for blocks, Bloom filters above all.
		CacheSize:                   72 << 20,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 3,
		L0CompactionThreshold:       4,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      &j.fatal,
		// A chunk is synced as one batch; what it replaces may go at leisure.
		WALBytesPerSync: 0,
		BytesPerSync:    1 << 20,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].FilterType = pebble.TableFilter
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	}
	// What is delivered and trimmed soon is not worth compressing; what stays is compressed on its way down.
	o.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	return o
}

// load reads the head, or writes the first one.
func (j *Journal) load(newStream func() string) error {
	if err := j.findOldest(); err != nil {
		return err
	}
	v, closer, err := j.db.Get([]byte{'h'})
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		j.head.stream = newStream()
		return j.db.Set([]byte{'h'}, j.head.marshal(), pebble.Sync)
	case err != nil:
		return err
	}
	defer closer.Close()
	if err := j.head.unmarshal(v); err != nil {
		return err
	}
	return j.findTrimmed()
}

// findTrimmed finds the oldest record still there, and the bytes before it.
func (j *Journal) findTrimmed() error {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'r'}, UpperBound: []byte{'r' + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	j.trimmed = j.head.next
	if it.First() {
		j.trimmed = binary.BigEndian.Uint64(it.Key()[1:])
	}
	if err := it.Error(); err != nil {
		return err
	}
	j.base = j.bytesBefore(j.trimmed)
	return nil
}

// bytesBefore is the number of bytes appended before the block that holds the sequence.
func (j *Journal) bytesBefore(seq uint64) int64 {
	if seq >= j.head.next {
		return j.head.bytes
	}
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'b'}, UpperBound: []byte{'b' + 1}})
	if err != nil {
		return 0
	}
	defer it.Close()
	if !it.SeekLT(key8('b', seq+1)) {
		return 0
	}
	return int64(binary.BigEndian.Uint64(it.Value()))
}

const headVersion = 1

func (h *head) marshal() []byte {
	tree, _ := h.tree.MarshalBinary()
	b := []byte{headVersion, byte(len(h.stream))}
	b = append(b, h.stream...)
	b = binary.BigEndian.AppendUint64(b, h.next)
	b = binary.BigEndian.AppendUint64(b, uint64(h.bytes))
	return append(b, tree...)
}

func (h *head) unmarshal(b []byte) error {
	if len(b) > 0 && b[0] > headVersion {
		return ErrNewer
	}
	if len(b) < 2 || len(b) < 2+int(b[1])+16 {
		return errors.New("head is damaged")
	}
	n := int(b[1])
	h.stream = string(b[2 : 2+n])
	b = b[2+n:]
	h.next, h.bytes = binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))
	if err := h.tree.UnmarshalBinary(b[16:]); err != nil {
		return err
	}
	if h.tree.Size() != h.next {
		return errors.New("head is damaged: tree and sequence differ")
	}
	return nil
}

// Stream is the id of the stream.
func (j *Journal) Stream() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head.stream
}

// Next is the sequence that the next record will get: the number of records accepted.
func (j *Journal) Next() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head.next
}

// Used is how many bytes of records the journal holds.
func (j *Journal) Used() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head.bytes - j.base
}

// Tree is the Merkle tree of all records accepted.
func (j *Journal) Tree() merkle.Frontier {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head.tree.Clone()
}

// Broken returns the error that stopped the journal, nil while it works.
func (j *Journal) Broken() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		return j.fatal.err()
	}
	return j.broken
}

// Appended returns a channel that is closed when records are added.
func (j *Journal) Appended() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.appended
}

// Close closes the database. Chunks not committed are gone. A broken journal is left as it is: Pebble may hold its locks.
func (j *Journal) Close() error {
	if j.fatal.err() != nil {
		return j.Broken()
	}
	return j.db.Close()
}

func key8(kind byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, seq)
}

func keyID(kind byte, id schema.ID) []byte {
	return append([]byte{kind}, id[:]...)
}

// get copies a value out; nil when there is none.
func (j *Journal) get(key []byte) ([]byte, error) {
	v, closer, err := j.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer closer.Close()
	return append([]byte(nil), v...), nil
}
