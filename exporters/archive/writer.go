package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Options of a writer.
type Options struct {
	Store Store
	Key   *Key
	// PreviousKey is the key that signed before, when a stream's last link may still be by it: it vouches for Key.
	PreviousKey *Key
	Origin      string // "": the key's name
	Compression string
	MaxBytes    int
	MaxWait     time.Duration
	Heartbeat   time.Duration // 0: none
	Stream      string
}

// maxRecords bounds an object of tiny records.
const maxRecords = 100_000

// writer is the exporter. Export and heartbeats take turns.
type writer struct {
	Options
	now func() time.Time

	mu    sync.Mutex
	heads map[string]*head // of the streams met so far; dropped on any error, and then read anew

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// NewWriter starts an exporter on a store, and puts its public key there.
func NewWriter(ctx context.Context, o Options) (exporters.Exporter, error) { return newWriter(ctx, o) }

func newWriter(ctx context.Context, o Options) (*writer, error) {
	if o.Origin == "" {
		o.Origin = o.Key.Name()
	}
	w := &writer{Options: o, now: time.Now, heads: make(map[string]*head)}
	name := KeyName(o.Key.KeyHash())
	_, there, err := createOnce(ctx, o.Store, name, []byte(o.Key.Public+"\n"), o.Store.Lock(w.now()))
	if there != nil {
		return nil, exporters.Permanent(fmt.Errorf("archive: %s is not the public key of the one that signs: it was changed", name))
	}
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	w.startHeartbeats()
	return w, nil
}

// Policy says how batches are cut: a batch becomes an object.
func (w *writer) Policy() exporters.BatchPolicy {
	return exporters.BatchPolicy{MaxRecords: maxRecords, MaxBytes: w.MaxBytes, MaxWait: w.MaxWait}
}

// Close ends the heartbeats and lets go of the store.
func (w *writer) Close() error {
	w.stop()
	w.wg.Wait()
	return w.Store.Close()
}

// Export archives the batch as one object, less what is archived already. Records that are no canonical document of
// this stream are refused: the object has their leaf hashes only.
func (w *writer) Export(ctx context.Context, b exporters.Batch) (acked uint64, refused []exporters.Refusal, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() {
		if err != nil {
			delete(w.heads, b.Stream)
		}
	}()
	if err := CheckStream(b.Stream); err != nil {
		return 0, nil, exporters.Permanent(err)
	}
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	h, err := w.head(ctx, b.Stream)
	if err != nil {
		return 0, nil, err
	}
	refused, err = h.compare(ctx, &b)
	if err != nil {
		return 0, nil, err
	}
	if h.last != nil && b.Last() < h.next() {
		return b.Last(), refused, nil
	}
	if err := h.continues(&b, w.Origin); err != nil {
		return 0, nil, exporters.Permanent(err)
	}
	for rest := h.rest(&b); len(rest) > 0; {
		n, more, err := w.add(ctx, h, &b, rest)
		if err != nil {
			return 0, nil, err
		}
		refused, rest = append(refused, more...), rest[n:]
	}
	return b.Last(), refused, nil
}

// add writes records as the next object of the stream, and moves its head. It returns how many the object holds: fewer
// than there are when an object of that many is there already.
func (w *writer) add(ctx context.Context, h *head, b *exporters.Batch, records []exporters.Record) (int, []exporters.Refusal, error) {
	e, err := w.entry(h)
	if err != nil {
		return 0, nil, err
	}
	tree := h.tree
	if h.last == nil {
		tree = b.Tree
	}
	p, f, err := w.place(ctx, Input{
		Stream: e.Stream, Origin: e.Origin, Records: records, Tree: tree, Previous: e.Previous, Created: e.Created,
		Lock: e.Lock, KeyChange: e.KeyChange, Compression: w.Compression,
	})
	if err != nil {
		return 0, nil, err
	}
	s, err := p.Seal(f, w.Key)
	if err != nil {
		return 0, nil, err
	}
	// If we were to crash here, the object would lie there without a manifest: see the package comment.
	if f, err = w.commit(ctx, s.Manifest, s.File); err != nil {
		return 0, nil, err
	}
	h.last, h.file, h.stored, h.tree = s.Manifest, s.File, f, s.Tree
	return int(s.Manifest.Last-s.Manifest.First) + 1, s.Refused, nil
}

// entry is what the next link of a stream begins with.
func (w *writer) entry(h *head) (Entry, error) {
	now := w.now().UTC()
	e := Entry{
		Version: Version, Origin: w.Origin, Stream: h.stream, Created: now, Lock: w.Store.Lock(now), Previous: h.link(),
	}
	var err error
	e.KeyChange, err = w.keyChange(h, &e)
	return e, err
}

// commit writes a link's file.
func (w *writer) commit(ctx context.Context, l Link, file []byte) (File, error) {
	e := l.Common()
	name := e.Stream + "/" + l.Name()
	f, there, err := createOnce(ctx, w.Store, name, file, e.Lock)
	if there != nil {
		// Ours, when the answer to an earlier try was lost: then it is found when the head is read anew.
		return f, fmt.Errorf("archive: %s is there already, and is another: reading the archive anew", name)
	}
	if err != nil {
		return f, fmt.Errorf("archive: %w", err)
	}
	return f, locked(name, f, e.Lock)
}

// locked refuses a file that the store holds under a weaker lock than it was told to.
func locked(name string, f File, want *Lock) error {
	if f.Lock.Holds(want) {
		return nil
	}
	have := "no lock"
	if f.Lock != nil {
		have = f.Lock.Mode + " until " + f.Lock.Until.Format(time.RFC3339)
	}
	return exporters.Permanent(fmt.Errorf("archive: %s was stored under %s, not %s until %s as asked: the store does not keep what it is given",
		name, have, want.Mode, want.Until.Format(time.RFC3339)))
}

// slack is how much earlier than a new object's the lock of one may end that is there already: its exporter has crashed
// that long before.
const slack = 24 * time.Hour

// place writes the object of records, or of the first of them if an object of just those is there. Where something else
// has its name, it gets another.
func (w *writer) place(ctx context.Context, in Input) (*Packed, File, error) {
	p, err := Pack(in)
	if err != nil {
		return nil, File{}, err
	}
	for n := range maxOther + 1 {
		m := p.Manifest
		m.Object.Name = otherName(m.First, n, suffixOf(in.Compression))
		name := m.Stream + "/" + m.Object.Name
		f, there, err := createOnce(ctx, w.Store, name, p.Object, in.Lock)
		if there != nil {
			if q := adopt(in, there); q != nil {
				q.Manifest.Object.Name, q.Manifest.Abandoned = m.Object.Name, m.Abandoned
				p, err, there = q, nil, nil
			}
		}
		switch {
		case there != nil:
		case err != nil:
			return nil, f, fmt.Errorf("archive: %w", err)
		case f.Lock.Holds(in.Lock):
			return p, f, nil
		case in.Lock != nil && f.Lock.Holds(&Lock{Mode: in.Lock.Mode, Until: in.Lock.Until.Add(-slack)}):
			p.Manifest.Lock = f.Lock // that of an earlier try
			return p, f, nil
		default:
			return nil, f, locked(name, f, in.Lock)
		}
		m.Abandoned = append(m.Abandoned, Abandoned{Name: m.Object.Name, SHA256: Hex(sha256.Sum256(there))})
	}
	return nil, File{}, exporters.Permanent(fmt.Errorf("archive: %d other files stand where the object of record %d of stream %s belongs: who writes to the archive beside its exporter?",
		maxOther+1, in.Records[0].Sequence, in.Stream))
}

// adopt packs as many of the records as an object holds that a crash has left; nil if they do not give the very same.
func adopt(in Input, object []byte) *Packed {
	left := lines(object, suffixOf(in.Compression), in.Records)
	var doc value.Doc
	for i, r := range in.Records {
		doc.Reset()
		if _, err := CheckDocument(&doc, in.Stream, r.Sequence, r.JSON); err == nil {
			left--
		}
		if left != 0 {
			continue
		}
		in.Records = in.Records[:i+1]
		if p, err := Pack(in); err == nil && bytes.Equal(p.Object, object) {
			return p
		}
		return nil
	}
	return nil
}

// lines counts the lines of an object, as far as it is not larger than records would make it; -1 if it is no object.
func lines(object []byte, suffix string, records []exporters.Record) int {
	limit := int64(1)
	for _, r := range records {
		limit += int64(len(r.JSON)) + 1
	}
	zip, err := decompress(suffix, object)
	if err != nil {
		return -1
	}
	defer zip.Close()
	n, buf := 0, make([]byte, 64<<10)
	for in := io.LimitReader(zip, limit); ; {
		read, err := in.Read(buf)
		n += bytes.Count(buf[:read], []byte{'\n'})
		if err == io.EOF {
			return n
		}
		if err != nil {
			return -1
		}
	}
}

// gone says that a file is not there.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
