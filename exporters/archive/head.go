package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// head is the end of a stream's archive.
type head struct {
	fsys   fs.FS
	stream string
	last   *Manifest // nil: nothing is archived yet
	file   []byte    // the last manifest's
	tree   merkle.Frontier
}

// next is the sequence of the record that comes next.
func (h *head) next() uint64 { return h.tree.Size() }

// link names the last manifest.
func (h *head) link() *Link {
	if h.last == nil {
		return nil
	}
	return &Link{Name: ManifestName(h.last.First), SHA256: Hex(sha256.Sum256(h.file))}
}

// head returns the end of a stream's archive, read from the folder the first time and after an error. The last object is
// read whole: what we sign next stands on it.
func (a *archive) head(stream string) (*head, error) {
	if h := a.heads[stream]; h != nil {
		return h, nil
	}
	dir := filepath.Join(a.dir, stream)
	if err := a.disk.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if err := sweep(a.disk, dir, entries); err != nil {
		return nil, err
	}
	// A name that was linked, but whose folder's fsync failed, is made durable now, before anything is built on it.
	if err := a.disk.SyncDir(dir); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	h := &head{fsys: os.DirFS(a.dir), stream: stream}
	if firsts := Manifests(entries); len(firsts) > 0 {
		if err := h.load(firsts[len(firsts)-1]); err != nil {
			return nil, err
		}
	}
	a.heads[stream] = h
	return h, nil
}

// sweep removes temporary files that a crash has left.
func sweep(d disk, dir string, entries []fs.DirEntry) error {
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) || e.IsDir() {
			continue
		}
		if err := d.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
	}
	return nil
}

// Manifests are the first sequences of the manifests in a stream's folder, in order.
func Manifests(entries []fs.DirEntry) []uint64 {
	var firsts []uint64
	for _, e := range entries {
		if first, ok := ParseManifestName(e.Name()); ok {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts
}

// load reads the last manifest and its object. Damage is a PermanentError: nothing more is built on it.
func (h *head) load(first uint64) error {
	m, file, err := ReadManifest(h.fsys, h.stream, first)
	if err != nil {
		return damaged(file != nil, err)
	}
	tree, err := h.treeAfter(m)
	if err != nil {
		return err
	}
	h.last, h.file, h.tree = m, file, tree
	return nil
}

// treeAfter continues the tree before an object by the object.
func (h *head) treeAfter(m *Manifest) (merkle.Frontier, error) {
	tree, err := m.Before()
	if err != nil {
		return tree, exporters.Permanent(err)
	}
	data, err := ReadObject(h.fsys, m)
	if err != nil {
		return tree, damaged(errors.Is(err, ErrSize) || errors.Is(err, ErrSHA256) || errors.Is(err, fs.ErrNotExist), err)
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
	entries, err := fs.ReadDir(h.fsys, h.stream)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	firsts := Manifests(entries)
	i, exact := slices.BinarySearch(firsts, b.First())
	if !exact {
		i--
	}
	if i < 0 {
		return nil, exporters.Permanent(fmt.Errorf("archive: stream %s begins with record %d in the archive, but record %d was delivered", h.stream, firsts[0], b.First()))
	}
	var refused []exporters.Refusal
	at := b.First()
	for ; i < len(firsts) && at <= b.Last() && at < h.next(); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, file, err := ReadManifest(h.fsys, h.stream, firsts[i])
		if err != nil {
			return nil, damaged(file != nil, err)
		}
		if m.First > at || m.Last < at {
			break
		}
		more, err := h.compareObject(b, m)
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
func (h *head) compareObject(b *exporters.Batch, m *Manifest) ([]exporters.Refusal, error) {
	data, err := ReadObject(h.fsys, m)
	if err != nil {
		return nil, damaged(errors.Is(err, ErrSize) || errors.Is(err, ErrSHA256) || errors.Is(err, fs.ErrNotExist), err)
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
			h.stream, h.last.Last, b.First())
	}
	if h.last.Origin != origin {
		return fmt.Errorf("archive: stream %s was archived with origin %q: with origin %q it needs another folder", h.stream, h.last.Origin, origin)
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
