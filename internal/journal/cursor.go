package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Cursor says how far an exporter has come.
type Cursor struct {
	Next uint64          // the first record it has not taken
	Dead uint64          // dead letters it has now
	Tree merkle.Frontier // the stream's tree before Next
}

// DeadLetter is a record that an exporter refused for good.
type DeadLetter struct {
	Sequence uint64
	Reason   string
	JSON     []byte
}

// ErrTrimmed: the records an exporter wants are gone, or were damaged.
var ErrTrimmed = errors.New("journal: records are missing")

// Cursor returns an exporter's cursor. A new exporter begins with the oldest record that is still there.
func (j *Journal) Cursor(exporter string) (Cursor, error) {
	v, err := j.get(append([]byte{'c'}, exporter...))
	if err != nil {
		return Cursor{}, err
	}
	if v == nil {
		return j.firstCursor()
	}
	var c Cursor
	if len(v) < 8 || c.Tree.UnmarshalBinary(v[8:]) != nil {
		return c, fmt.Errorf("journal: cursor of %s is damaged", exporter)
	}
	c.Dead, c.Next = binary.BigEndian.Uint64(v), c.Tree.Size()
	return c, nil
}

// Exporters lists those that have a cursor, by name.
func (j *Journal) Exporters() ([]string, error) {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'c'}, UpperBound: []byte{'c' + 1}})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer it.Close()
	var names []string
	for ok := it.First(); ok; ok = it.Next() {
		names = append(names, string(it.Key()[1:]))
	}
	return names, it.Error()
}

// firstCursor is the cursor of an exporter that has taken nothing. The trimmed tree is kept with every trim.
func (j *Journal) firstCursor() (Cursor, error) {
	v, err := j.get([]byte{'t'})
	if err != nil || v == nil {
		return Cursor{}, err
	}
	var c Cursor
	if err := c.Tree.UnmarshalBinary(v); err != nil {
		return c, err
	}
	c.Next = c.Tree.Size()
	return c, nil
}

// SaveCursor stores an exporter's cursor and its new dead letters, synced. The letters must lie before the cursor.
func (j *Journal) SaveCursor(exporter string, c Cursor, letters []DeadLetter) error {
	b := j.db.NewBatch()
	defer b.Close()
	tree, _ := c.Tree.MarshalBinary()
	v := append(binary.BigEndian.AppendUint64(nil, c.Dead), tree...)
	err := b.Set(append([]byte{'c'}, exporter...), v, nil)
	for _, l := range letters {
		v := binary.BigEndian.AppendUint32(nil, uint32(len(l.Reason)))
		v = append(append(v, l.Reason...), l.JSON...)
		err = errors.Join(err, b.Set(deadKey(exporter, l.Sequence), v, nil))
	}
	if err = errors.Join(err, b.Commit(pebble.Sync)); err != nil {
		return fmt.Errorf("journal: cursor of %s: %w", exporter, err)
	}
	return nil
}

func deadKey(exporter string, seq uint64) []byte {
	k := append([]byte{'x'}, exporter...)
	return binary.BigEndian.AppendUint64(append(k, 0), seq)
}

// DeadLetters calls visit for each dead letter of an exporter, in order, until it returns false.
func (j *Journal) DeadLetters(exporter string, visit func(DeadLetter) bool) error {
	prefix := append(append([]byte{'x'}, exporter...), 0)
	end := append(append([]byte{'x'}, exporter...), 1)
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: end})
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v := it.Value()
		if len(v) < 4 || len(v) < 4+int(binary.BigEndian.Uint32(v)) {
			return fmt.Errorf("journal: a dead letter of %s is damaged", exporter)
		}
		n := 4 + int(binary.BigEndian.Uint32(v))
		l := DeadLetter{
			Sequence: binary.BigEndian.Uint64(it.Key()[len(prefix):]),
			Reason:   string(v[4:n]), JSON: append([]byte(nil), v[n:]...),
		}
		if !visit(l) {
			break
		}
	}
	return it.Error()
}

// Read returns records from a sequence on, at least one if there is one, at most the limits. The documents are copies.
func (j *Journal) Read(from uint64, maxRecords, maxBytes int) ([]exporters.Record, error) {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: key8('r', from), UpperBound: []byte{'r' + 1}})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer it.Close()
	var out []exporters.Record
	size := 0
	for ok := it.First(); ok && len(out) < maxRecords; ok = it.Next() {
		seq := binary.BigEndian.Uint64(it.Key()[1:])
		if want := from + uint64(len(out)); seq != want {
			return nil, fmt.Errorf("%w: %d to %d", ErrTrimmed, want, seq-1)
		}
		if size += len(it.Value()); size > maxBytes && len(out) > 0 {
			break
		}
		out = append(out, exporters.Record{Sequence: seq, JSON: append([]byte(nil), it.Value()...)})
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return out, nil
}

// Backlog is how many records wait from a sequence on, and about how many bytes (counted from the start of its block).
func (j *Journal) Backlog(from uint64) (records uint64, bytes int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if from >= j.head.next {
		return 0, 0
	}
	return j.head.next - from, j.head.bytes - j.bytesBefore(from)
}

// Trim drops the records before a cursor that every exporter has passed.
func (j *Journal) Trim(c Cursor) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.Next <= j.trimmed {
		return nil
	}
	tree, _ := c.Tree.MarshalBinary()
	b := j.db.NewBatch()
	defer b.Close()
	err := errors.Join(
		b.Set([]byte{'t'}, tree, nil),
		b.DeleteRange(key8('r', 0), key8('r', c.Next), nil),
	)
	base := j.bytesBefore(c.Next)
	if first, ok := j.blockOf(c.Next); ok {
		err = errors.Join(err, b.DeleteRange(key8('b', 0), key8('b', first), nil))
	}
	if err = errors.Join(err, b.Commit(pebble.NoSync)); err != nil {
		return fmt.Errorf("journal: trim: %w", err)
	}
	j.trimmed, j.base = c.Next, base
	return nil
}

// blockOf is the first sequence of the block that holds seq, or of the last block.
func (j *Journal) blockOf(seq uint64) (uint64, bool) {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'b'}, UpperBound: []byte{'b' + 1}})
	if err != nil {
		return 0, false
	}
	defer it.Close()
	if !it.SeekLT(key8('b', seq+1)) {
		return 0, false
	}
	return binary.BigEndian.Uint64(it.Key()[1:]), true
}
