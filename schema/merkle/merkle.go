// Package merkle keeps the RFC 6962 Merkle tree of a stream of records in constant space.
//
//	leaf hash  SHA-256(0x00 || canonical document)
//	node hash  SHA-256(0x01 || left || right)
//
// Hashing is that of golang.org/x/mod/sumdb/tlog, so that its proofs (ProveRecord, CheckTree …) apply.
package merkle

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of a leaf, a node or a tree.
type Hash = tlog.Hash

// LeafHash of a canonical document.
func LeafHash(document []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(document)
	var out Hash
	h.Sum(out[:0])
	return out
}

// Frontier is a tree of which only the right edge is kept: enough to append leaves and to tell the root. It holds the
// roots of the perfect subtrees that the size's binary digits stand for, largest first. The zero Frontier is the empty
// tree.
type Frontier struct {
	size  uint64
	edges []Hash
}

// Size is the number of leaves.
func (f *Frontier) Size() uint64 { return f.size }

// Append adds a leaf hash.
func (f *Frontier) Append(leaf Hash) {
	f.edges = append(f.edges, leaf)
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.edges) - 1
		f.edges[last-1] = tlog.NodeHash(f.edges[last-1], f.edges[last])
		f.edges = f.edges[:last]
	}
	f.size++
}

// Root is the tree head. That of the empty tree is SHA-256 of nothing.
func (f *Frontier) Root() Hash {
	if len(f.edges) == 0 {
		return Hash(sha256.Sum256(nil))
	}
	root := f.edges[len(f.edges)-1]
	for i := len(f.edges) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.edges[i], root)
	}
	return root
}

// Clone returns an independent copy.
func (f *Frontier) Clone() Frontier {
	return Frontier{size: f.size, edges: append([]Hash(nil), f.edges...)}
}

// MarshalBinary writes the size (8 bytes, big-endian) and the subtree roots (32 bytes each).
func (f *Frontier) MarshalBinary() ([]byte, error) {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+32*len(f.edges)), f.size)
	for _, h := range f.edges {
		b = append(b, h[:]...)
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (f *Frontier) UnmarshalBinary(b []byte) error {
	if len(b) < 8 {
		return errors.New("merkle: frontier is too short")
	}
	size := binary.BigEndian.Uint64(b)
	want := 0
	for n := size; n > 0; n &= n - 1 {
		want++
	}
	if b = b[8:]; len(b) != want*tlog.HashSize {
		return errors.New("merkle: frontier does not fit its size")
	}
	edges := make([]Hash, want)
	for i := range edges {
		copy(edges[i][:], b[i*tlog.HashSize:])
	}
	*f = Frontier{size: size, edges: edges}
	return nil
}
