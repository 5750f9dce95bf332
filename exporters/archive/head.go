package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// head is the end of a stream's archive.
type head struct {
	store  Reader
	stream string
	last   Link   // nil: nothing is archived yet
	file   []byte // the last link's
	stored File   // what the store knows of it
	tree   merkle.Frontier
}

// next is the sequence of the record that comes next.
func (h *head) next() uint64 { return h.tree.Size() }

// link names the last link.
func (h *head) link() *Previous {
	if h.last == nil {
		return nil
	}
	return previous(h.last, h.file, h.stored)
}

// head returns the end of a stream's archive, read from the store the first time and after an error. The last object is
// read whole: what we sign next stands on it.
func (w *writer) head(ctx context.Context, stream string) (*head, error) {
	if h := w.heads[stream]; h != nil {
		return h, nil
	}
	list, err := w.Store.List(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	h := &head{store: w.Store, stream: stream}
	if err := h.load(ctx, list); err != nil {
		return nil, err
	}
	w.heads[stream] = h
	return h, nil
}

// load reads the last link, and the last manifest and its object. Damage is a PermanentError: nothing more is built on it.
func (h *head) load(ctx context.Context, list []Listed) error {
	chain, manifests := Chain(list), Manifests(list)
	if len(chain) == 0 {
		return nil
	}
	if len(manifests) == 0 {
		return exporters.Permanent(fmt.Errorf("archive: stream %s has heartbeats, but no manifest", h.stream))
	}
	m, err := h.manifest(ctx, manifests[len(manifests)-1])
	if err != nil {
		return err
	}
	tree, err := h.treeAfter(ctx, m)
	if err != nil {
		return err
	}
	last, file, stored, err := ReadLink(ctx, h.store, h.stream, chain[len(chain)-1])
	if err != nil {
		return damaged(file != nil, err)
	}
	if last.After() != m.After() {
		return exporters.Permanent(fmt.Errorf("archive: %s/%s has another tree than the last manifest", h.stream, last.Name()))
	}
	h.last, h.file, h.stored, h.tree = last, file, stored, tree
	return nil
}

// manifest reads a manifest of a listing.
func (h *head) manifest(ctx context.Context, at Listed) (*Manifest, error) {
	l, file, _, err := ReadLink(ctx, h.store, h.stream, at)
	if err != nil {
		return nil, damaged(file != nil, err)
	}
	return l.(*Manifest), nil
}

// treeAfter continues the tree before an object by the object.
func (h *head) treeAfter(ctx context.Context, m *Manifest) (merkle.Frontier, error) {
	tree, err := m.Before()
	if err != nil {
		return tree, exporters.Permanent(err)
	}
	data, err := ReadObject(ctx, h.store, m)
	if err != nil {
		return tree, damaged(errors.Is(err, ErrSize) || errors.Is(err, ErrSHA256) || gone(err), err)
	}
	leaves := m.Leaves(&tree, nil)
	for r, err := range m.Records(data) {
		if err != nil {
			return tree, exporters.Permanent(fmt.Errorf("archive: %s/%s: %w", h.stream, m.Object.Name, err))
		}
		leaves.Add(r)
	}
	leaves.Finish()
	if Hex(tree.Root()) != m.Tree.After.Root {
		return tree, exporters.Permanent(fmt.Errorf("archive: %s/%s: records do not give the tree head in their manifest", h.stream, m.Object.Name))
	}
	return tree, nil
}

// damaged marks an error of which reading again changes nothing.
func damaged(is bool, err error) error {
	if is {
		return exporters.Permanent(err)
	}
	return err
}

// compare checks the part of the batch that is archived already, byte by byte, and names again what was refused of it.
func (h *head) compare(ctx context.Context, b *exporters.Batch) ([]exporters.Refusal, error) {
	if h.last == nil || b.First() >= h.next() {
		return nil, nil
	}
	list, err := h.store.List(ctx, h.stream)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	manifests := Manifests(list)
	// The last manifest that begins at or before the batch.
	i := sort.Search(len(manifests), func(i int) bool { return manifests[i].Name > ManifestName(b.First()) }) - 1
	if i < 0 {
		return nil, exporters.Permanent(fmt.Errorf("archive: stream %s begins with %s in the archive, but record %d was delivered", h.stream, manifests[0].Name, b.First()))
	}
	var refused []exporters.Refusal
	at := b.First()
	for ; i < len(manifests) && at <= b.Last() && at < h.next(); i++ {
		m, err := h.manifest(ctx, manifests[i])
		if err != nil {
			return nil, err
		}
		if m.First > at || m.Last < at {
			break
		}
		more, err := h.compareObject(ctx, b, m)
		if err != nil {
			return nil, err
		}
		refused = append(refused, more...)
		at = m.Last + 1
	}
	if at <= b.Last() && at < h.next() {
		return nil, exporters.Permanent(fmt.Errorf("archive: stream %s: record %d is missing from the archive, which has later ones", h.stream, at))
	}
	return refused, nil
}

// compareObject compares the batch with one object, as far as they overlap.
func (h *head) compareObject(ctx context.Context, b *exporters.Batch, m *Manifest) ([]exporters.Refusal, error) {
	data, err := ReadObject(ctx, h.store, m)
	if err != nil {
		return nil, damaged(errors.Is(err, ErrSize) || errors.Is(err, ErrSHA256) || gone(err), err)
	}
	differs := func(sequence uint64) error {
		return exporters.Permanent(fmt.Errorf("archive: record %d of stream %s was delivered with other bytes than %s/%s has archived",
			sequence, h.stream, h.stream, m.Object.Name))
	}
	for r, err := range m.Records(data) {
		if err != nil {
			return nil, exporters.Permanent(fmt.Errorf("archive: %s/%s: %w", h.stream, m.Object.Name, err))
		}
		if r.Sequence < b.First() || r.Sequence > b.Last() {
			continue
		}
		if !bytes.Equal(r.JSON, b.Records[r.Sequence-b.First()].JSON) {
			return nil, differs(r.Sequence)
		}
	}
	var refused []exporters.Refusal
	for _, o := range m.Omitted {
		if o.Sequence < b.First() || o.Sequence > b.Last() {
			continue
		}
		if Hex(merkle.LeafHash(b.Records[o.Sequence-b.First()].JSON)) != o.Leaf {
			return nil, differs(o.Sequence)
		}
		refused = append(refused, exporters.Refusal{Sequence: o.Sequence, Reason: o.Reason})
	}
	return refused, nil
}

// continues says whether the batch goes on where the archive ends: same tree, no gap.
func (h *head) continues(b *exporters.Batch, origin string) error {
	if b.Tree.Size() != b.First() {
		return fmt.Errorf("archive: stream %s: batch begins with record %d, but its tree has %d", h.stream, b.First(), b.Tree.Size())
	}
	if h.last == nil {
		return nil // the archive begins here
	}
	if b.First() > h.next() {
		return fmt.Errorf("archive: stream %s ends with record %d in the archive, but record %d was delivered next: records in between are missing",
			h.stream, h.next()-1, b.First())
	}
	if was := h.last.Common().Origin; was != origin {
		return fmt.Errorf("archive: stream %s was archived with origin %q: with origin %q it needs another folder", h.stream, was, origin)
	}
	tree := b.Tree.Clone()
	for _, r := range b.Records[:h.next()-b.First()] {
		tree.Append(merkle.LeafHash(r.JSON))
	}
	if tree.Root() != h.tree.Root() {
		return fmt.Errorf("archive: stream %s: the first %d records have another tree head in the archive than in the journal: one of them was changed", h.stream, h.next())
	}
	return nil
}

// rest is the part of the batch that is not archived yet.
func (h *head) rest(b *exporters.Batch) []exporters.Record {
	if h.last == nil {
		return b.Records
	}
	return b.Records[h.next()-b.First():]
}
