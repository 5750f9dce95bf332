package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"
)

// TestMakeID holds that an ID is what its comment says, however long the parts are.
func TestMakeID(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 480, 500, 502, 503, 512, 1023, 1024, 1025, 5000} {
		for _, parts := range [][]string{{strings.Repeat("x", n)}, {"a", strings.Repeat("é", n), "", "b"}} {
			var all []byte
			for _, p := range parts {
				all = append(binary.AppendUvarint(all, uint64(len(p))), p...)
			}
			sum := sha256.Sum256(all)
			id := ID(sum[:16])
			if got := MakeID(parts...); got != id {
				t.Errorf("%d bytes: %s", n, got)
			}
			if got, want := id.Derive("line", parts...), MakeID(append([]string{id.String(), "line"}, parts...)...); got != want {
				t.Errorf("derived, %d bytes: %s, want %s", n, got, want)
			}
		}
	}
	if MakeID("ab", "c") == MakeID("a", "bc") {
		t.Error("parts run into each other")
	}
}
