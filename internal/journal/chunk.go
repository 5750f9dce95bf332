package journal

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Chunk collects everything one chunk changes. Nothing is visible or durable before Commit; a chunk that is not
// committed leaves no trace. Only one chunk is built at a time.
type Chunk struct {
	j     *Journal
	batch *pebble.Batch
	seen  map[schema.ID][]byte // by this chunk, with what is remembered
	old   *pebble.Iterator     // over what earlier chunks have seen, made when needed
	key   []byte
	head  head
	first uint64
	count map[Count]uint64
	buf   []byte
	err   error
}

// minBatch and maxBatch bound the bytes that a chunk's batch has room for at first. 2 MB of events come to some 10 MB of
// records: growing there by doubling, for each chunk anew, was a third of all memory allocated. Most chunks are as large as
// the one before.
const (
	minBatch = 64 << 10
	maxBatch = 32 << 20
)

// Begin starts a chunk.
func (j *Journal) Begin() *Chunk {
	j.mu.Lock()
	h := j.head
	h.tree = h.tree.Clone()
	room := min(max(j.batch+j.batch/8, minBatch), maxBatch)
	j.mu.Unlock()
	batch := j.db.NewBatch(pebble.WithInitialSizeBytes(room), pebble.WithMaxRetainedSizeBytes(16<<20))
	return &Chunk{j: j, batch: batch, seen: make(map[schema.ID][]byte), head: h, first: h.next, count: make(map[Count]uint64)}
}

// Seen says whether an identity was taken before, in this chunk or an earlier one.
func (c *Chunk) Seen(id schema.ID) (bool, error) {
	_, seen, err := c.Recall(id)
	return seen, err
}

// Recall says whether an identity was taken before, and returns what was remembered of it. That is valid until the next
// look-up.
func (c *Chunk) Recall(id schema.ID) (gist []byte, seen bool, err error) {
	if gist, ok := c.seen[id]; ok {
		return gist, true, nil
	}
	if c.old == nil {
		if c.old, err = c.j.seenIter(); err != nil {
			return nil, false, err
		}
	}
	for g := c.j.generation(); g >= c.j.oldest.Load(); g-- {
		c.key = appendSeenKey(c.key[:0], g, id)
		if c.old.SeekPrefixGE(c.key) {
			gist, err := c.old.ValueAndErr()
			if err != nil {
				return nil, false, fmt.Errorf("journal: %w", err)
			}
			return gist, true, nil
		}
		if err := c.old.Error(); err != nil {
			return nil, false, fmt.Errorf("journal: %w", err)
		}
	}
	return nil, false, nil
}

// See marks an identity as taken.
func (c *Chunk) See(id schema.ID) { c.Remember(id, seal.Bytes{}) }

// Remember marks an identity as taken, with something to recall.
func (c *Chunk) Remember(id schema.ID, gist seal.Bytes) {
	c.seen[id] = gist.Raw()
	c.key = appendSeenKey(c.key[:0], c.j.generation(), id)
	c.keep(c.batch.Set(c.key, gist.Raw(), nil))
}

// Append seals an action as the next record of the stream.
func (c *Chunk) Append(a *seal.Clean) {
	r := a.Seal(c.head.stream, c.head.next, c.buf[:0])
	doc := r.JSON.Raw()
	c.buf = doc[:0]
	c.keep(c.batch.Set(key8('r', r.Sequence), doc, nil))
	c.head.next++
	c.head.bytes += int64(len(doc))
	c.head.tree.Append(r.Leaf)
	c.count[countOf(a)]++
}

// PutPending stores an action that waits for more.
func (c *Chunk) PutPending(p *seal.Pending) {
	c.keep(c.batch.Set(keyID('p', p.Key), p.Bytes().Raw(), nil))
}

// DeletePending forgets a pending action: it was sealed.
func (c *Chunk) DeletePending(key schema.ID) { c.keep(c.batch.Delete(keyID('p', key), nil)) }

// PutSession stores a session.
func (c *Chunk) PutSession(id schema.ID, b seal.Bytes) {
	c.keep(c.batch.Set(keyID('s', id), b.Raw(), nil))
}

// DeleteSession forgets a session.
func (c *Chunk) DeleteSession(id schema.ID) { c.keep(c.batch.Delete(keyID('s', id), nil)) }

// PutBaseline stores numbers about an agent or an organisation.
func (c *Chunk) PutBaseline(id schema.ID, b seal.Bytes) {
	c.keep(c.batch.Set(keyID('a', id), b.Raw(), nil))
}

// DeleteBaseline forgets them.
func (c *Chunk) DeleteBaseline(id schema.ID) { c.keep(c.batch.Delete(keyID('a', id), nil)) }

// PutSource stores what is known of a source.
func (c *Chunk) PutSource(id schema.ID, b seal.Bytes) {
	c.keep(c.batch.Set(keyID('o', id), b.Raw(), nil))
}

// DeleteSource forgets a source.
func (c *Chunk) DeleteSource(id schema.ID) { c.keep(c.batch.Delete(keyID('o', id), nil)) }

func (c *Chunk) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Records is how many records the chunk appended.
func (c *Chunk) Records() int { return int(c.head.next - c.first) }

// Commit makes the chunk durable: it returns nil only after the log is synced. With ErrFull nothing was taken, and the
// same chunk may come again. After any other error the journal takes nothing more until it is opened again: after a
// failed sync nobody knows what is on the disk.
func (c *Chunk) Commit() error {
	defer c.Discard()
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	if c.head.next > c.first {
		// An empty journal takes any chunk: one larger than the bound would else be refused for ever.
		if used := j.head.bytes - j.base; used > 0 && j.opt.MaxBytes > 0 && c.head.bytes-j.base > j.opt.MaxBytes {
			return ErrFull
		}
		c.keep(c.batch.Set(key8('b', c.first), c.block(), nil))
		c.keep(c.batch.Set([]byte{'h'}, c.head.marshal(), nil))
	}
	if c.batch.Empty() {
		return c.err
	}
	j.batch = c.batch.Len()
	if c.err == nil {
		c.err = j.synced(c.batch)
	}
	if c.err != nil {
		j.broken = fmt.Errorf("journal: %w", c.err)
		return j.broken
	}
	if c.head.next > c.first {
		j.head = c.head
		for k, n := range c.count {
			j.count[k] += n
		}
		close(j.appended)
		j.appended = make(chan struct{})
	}
	return nil
}

// Discard drops a chunk that is not to be committed. Behind a fatal error of Pebble's its commit may still be under way:
// then nothing is touched.
func (c *Chunk) Discard() {
	if c.j.fatal.err() != nil {
		return
	}
	c.batch.Close()
	if c.old != nil {
		c.old.Close()
	}
}

// block describes the chunk's records: bytes before it, count, tree head after it.
func (c *Chunk) block() []byte {
	root := c.head.tree.Root()
	b := binary.BigEndian.AppendUint64(nil, uint64(c.j.head.bytes))
	b = binary.BigEndian.AppendUint64(b, c.head.next-c.first)
	return append(b, root[:]...)
}

// Heads calls visit with the tree's size and root after each block that ends behind from and at most at to.
func (j *Journal) Heads(from, to uint64, visit func(size uint64, root merkle.Hash)) error {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'b'}, UpperBound: key8('b', to)})
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer it.Close()
	for ok := it.SeekLT(key8('b', from+1)) || it.First(); ok; ok = it.Next() {
		first, v := binary.BigEndian.Uint64(it.Key()[1:]), it.Value()
		if len(v) != 48 {
			return fmt.Errorf("journal: block %d is damaged", first)
		}
		if size := first + binary.BigEndian.Uint64(v[8:]); size > from && size <= to {
			visit(size, merkle.Hash(v[16:48]))
		}
	}
	return it.Error()
}
