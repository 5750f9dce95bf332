package merkle

import (
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Range is a run of leaves anywhere in a tree, kept as the roots of the largest perfect subtrees that cover it exactly,
// from left to right. Ranges that follow one another make up the tree, whoever computed them. The zero Range is empty
// and begins at leaf 0.
type Range struct {
	first uint64
	next  uint64
	nodes []subtree
}

// subtree is the root of a perfect subtree of 2^level leaves.
type subtree struct {
	level int
	root  Hash
}

// NewRange is an empty range that begins at a leaf.
func NewRange(first uint64) *Range { return &Range{first: first, next: first} }

// Len is the number of leaves.
func (r *Range) Len() uint64 { return r.next - r.first }

// Append adds the next leaf's hash.
func (r *Range) Append(leaf Hash) {
	r.nodes = append(r.nodes, subtree{0, leaf})
	r.next++
	for n := len(r.nodes); n >= 2 && r.nodes[n-1].level == r.nodes[n-2].level; n-- {
		level := r.nodes[n-1].level
		if r.next&(2<<level-1) != 0 {
			return // the two are no siblings: the left one is a right child
		}
		r.nodes[n-2] = subtree{level + 1, tlog.NodeHash(r.nodes[n-2].root, r.nodes[n-1].root)}
		r.nodes = r.nodes[:n-1]
	}
}

// Roots are the roots of the subtrees; Levels tells their sizes.
func (r *Range) Roots() []Hash {
	roots := make([]Hash, len(r.nodes))
	for i, n := range r.nodes {
		roots[i] = n.root
	}
	return roots
}

// Levels are the levels of the subtrees that cover the leaves from first up to, not including, next.
func Levels(first, next uint64) []int {
	var levels []int
	for first < next {
		level := bits.Len64(next-first) - 1
		if first != 0 {
			level = min(level, bits.TrailingZeros64(first))
		}
		levels = append(levels, level)
		first += 1 << level
	}
	return levels
}

// AppendTree adds the root of a perfect subtree of 2^level leaves, which may stand here only if Size is a multiple of
// that; else it says false and adds nothing.
func (f *Frontier) AppendTree(level int, root Hash) bool {
	if level < 0 || level > 62 || f.size&(1<<level-1) != 0 {
		return false
	}
	f.edges = append(f.edges, root)
	for n := f.size >> level; n&1 == 1; n >>= 1 {
		last := len(f.edges) - 1
		f.edges[last-1] = tlog.NodeHash(f.edges[last-1], f.edges[last])
		f.edges = f.edges[:last]
	}
	f.size += 1 << level
	return true
}

// Edges are the roots of the perfect subtrees that make up the tree, largest first.
func (f *Frontier) Edges() []Hash { return append([]Hash(nil), f.edges...) }
