package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Proof shows that a record is in the tree of a checkpoint: the hashes beside its way to the root, from the leaf up
// (RFC 6962, 2.1.1).
type Proof struct {
	Sequence uint64
	JSON     []byte // the record
	Path     []merkle.Hash
}

// Prove proves records of an object, in order, against the checkpoint of its manifest. It reads the blocks that hold them
// and no others.
func (m *Manifest) Prove(ctx context.Context, r Reader, sequences []uint64) ([]Proof, error) {
	t := &proofTree{known: make(map[[2]int64]merkle.Hash)}
	edges, err := m.Before()
	if err != nil {
		return nil, err
	}
	t.cover(0, m.First, edges.Edges())
	for i := range m.Blocks {
		roots := make([]merkle.Hash, len(m.Blocks[i].Subtrees))
		for j, text := range m.Blocks[i].Subtrees {
			if roots[j], err = hash(text); err != nil {
				return nil, err
			}
		}
		t.cover(m.Blocks[i].First, m.end(i), roots)
	}
	var proofs []Proof
	read := -1
	var records map[uint64][]byte
	for _, n := range sequences {
		if n < m.First || n > m.Last {
			return nil, fmt.Errorf("archive: record %d is not in %s/%s", n, m.Stream, m.Object.Name)
		}
		if at := max(m.BlockOf(n), 0); at != read {
			if records, err = t.leaves(ctx, r, m, at); err != nil {
				return nil, err
			}
			read = at
		}
		json, ok := records[n]
		if !ok {
			return nil, fmt.Errorf("archive: record %d of stream %s was refused by the archive, which has its hash only", n, m.Stream)
		}
		path, err := tlog.ProveRecord(int64(m.Tree.After.Size), int64(n), t)
		if err != nil {
			return nil, fmt.Errorf("archive: proof of record %d of stream %s: %w", n, m.Stream, err)
		}
		proofs = append(proofs, Proof{Sequence: n, JSON: json, Path: path})
	}
	return proofs, nil
}

// proofTree knows the nodes of a tree that a manifest has, and those of the blocks that were read. It gives the proofs of
// tlog the hashes that they ask for.
type proofTree struct {
	known map[[2]int64]merkle.Hash // by level and place
}

// cover takes in the roots of the subtrees that cover leaves from first up to next.
func (t *proofTree) cover(first, next uint64, roots []merkle.Hash) {
	for i, level := range merkle.Levels(first, next) {
		if i < len(roots) {
			t.known[[2]int64{int64(level), int64(first >> level)}] = roots[i]
		}
		first += 1 << level
	}
}

// leaves reads a block and takes in its leaves. Objects of version 1 are one block.
func (t *proofTree) leaves(ctx context.Context, r Reader, m *Manifest, block int) (map[uint64][]byte, error) {
	part := m
	var data []byte
	var err error
	if len(m.Blocks) > 0 {
		part, data, err = ReadBlock(ctx, r, m, block)
	} else {
		data, err = ReadObject(ctx, r, m)
	}
	if err != nil {
		return nil, err
	}
	records := make(map[uint64][]byte)
	for rec, err := range part.Records(data) {
		if err != nil {
			return nil, fmt.Errorf("archive: %s/%s: %w", m.Stream, m.Object.Name, err)
		}
		records[rec.Sequence] = bytes.Clone(rec.JSON)
		t.known[[2]int64{0, int64(rec.Sequence)}] = merkle.LeafHash(rec.JSON)
	}
	for _, o := range part.Omitted {
		if t.known[[2]int64{0, int64(o.Sequence)}], err = hash(o.Leaf); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// ReadHashes is tlog.HashReader.
func (t *proofTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		h, ok := t.node(level, n)
		if !ok {
			return nil, errors.New("the manifest lacks a subtree")
		}
		out[i] = h
	}
	return out, nil
}

func (t *proofTree) node(level int, n int64) (merkle.Hash, bool) {
	if h, ok := t.known[[2]int64{int64(level), n}]; ok || level == 0 {
		return h, ok
	}
	left, ok1 := t.node(level-1, 2*n)
	right, ok2 := t.node(level-1, 2*n+1)
	if !ok1 || !ok2 {
		return merkle.Hash{}, false
	}
	h := tlog.NodeHash(left, right)
	t.known[[2]int64{int64(level), n}] = h
	return h, true
}
