package merkle

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// The root must be that of tlog's full tree at every size, and survive marshalling at every size.
func TestFrontierAgainstFullTree(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var f Frontier
	if got, want := f.Root(), Hash(sha256.Sum256(nil)); got != want {
		t.Fatalf("empty tree: %v, want %v", got, want)
	}
	for n := range 300 {
		doc := fmt.Appendf(nil, "record %d", n)
		if LeafHash(doc) != tlog.RecordHash(doc) {
			t.Fatal("leaf hash differs from tlog's")
		}
		hashes, err := tlog.StoredHashes(int64(n), doc, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		f.Append(LeafHash(doc))
		want, err := tlog.TreeHash(int64(n+1), reader)
		if err != nil {
			t.Fatal(err)
		}
		if f.Root() != want {
			t.Fatalf("size %d: root %v, want %v", n+1, f.Root(), want)
		}
		b, _ := f.MarshalBinary()
		var g Frontier
		if err := g.UnmarshalBinary(b); err != nil || g.Root() != want || g.Size() != f.Size() {
			t.Fatalf("size %d does not survive marshalling: %v", n+1, err)
		}
		f = g
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, 7), make([]byte, 9), append(make([]byte, 7), 3), append(make([]byte, 7), 1, 2)} {
		var f Frontier
		if err := f.UnmarshalBinary(b); err == nil {
			t.Errorf("%x was taken", b)
		}
	}
}
