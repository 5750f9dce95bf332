package merkle

import (
	"fmt"
	"slices"
	"testing"
)

// Ranges that follow one another make up the tree, wherever it is cut.
func TestRange(t *testing.T) {
	const n = 70
	var leaves []Hash
	for i := range n {
		leaves = append(leaves, LeafHash(fmt.Append(nil, i)))
	}
	for a := range n {
		for b := a; b <= n; b++ {
			var want, got Frontier
			for _, l := range leaves {
				want.Append(l)
			}
			cut := uint64(0)
			for _, next := range []uint64{uint64(a), uint64(b), n} {
				r := NewRange(cut)
				for _, l := range leaves[cut:next] {
					r.Append(l)
				}
				levels := Levels(cut, next)
				if len(levels) != len(r.Roots()) {
					t.Fatalf("%d to %d: %d roots, %d levels", cut, next, len(r.Roots()), len(levels))
				}
				for i, root := range r.Roots() {
					if !got.AppendTree(levels[i], root) {
						t.Fatalf("%d to %d: subtree %d of level %d does not fit", cut, next, i, levels[i])
					}
				}
				cut = next
			}
			if got.Root() != want.Root() || got.Size() != n || !slices.Equal(got.Edges(), want.Edges()) {
				t.Fatalf("cut at %d and %d: another tree", a, b)
			}
		}
	}
}

func TestAppendTreeMisplaced(t *testing.T) {
	var f Frontier
	f.Append(Hash{})
	if f.AppendTree(1, Hash{}) || f.AppendTree(-1, Hash{}) || f.AppendTree(63, Hash{}) || f.Size() != 1 {
		t.Error("a subtree was taken where it cannot stand")
	}
}
