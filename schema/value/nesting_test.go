package value

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestNesting cuts values that stand one behind the other, fed in pieces of every size.
func TestNesting(t *testing.T) {
	values := []string{`{"a":"}]\\\"{","b":[{},[]]}`, `[]`, `[{"x":"\\"}]`, `{"é":"\n"}`, "{\"ctrl\":\"\t\"}"}
	for _, v := range values {
		for size := 1; size <= len(v); size++ {
			var n Nesting
			for from := 0; from < len(v); from += size {
				piece := (v + "{")[from:min(from+size, len(v)+1)]
				end := n.Feed(piece)
				if want := len(v) - from; end != want && (end >= 0 || want <= len(piece)) {
					t.Fatalf("%s by %d: %d at %d, want %d", v, size, end, from, want)
				}
				if end >= 0 {
					break
				}
			}
		}
	}
}

func FuzzNesting(f *testing.F) {
	f.Add(`{"a":"}]\\\"{"}`, 3)
	f.Fuzz(func(t *testing.T, s string, at int) {
		var whole, parts Nesting
		end := whole.Feed(s)
		at = min(max(at, 0), len(s))
		got := parts.Feed(s[:at])
		if got < 0 {
			if got = parts.Feed(s[at:]); got >= 0 {
				got += at
			}
		}
		if got != end {
			t.Fatalf("%q: %d whole, %d in parts", s, end, got)
		}
		var v any
		if json.Unmarshal([]byte(s), &v) == nil && s[0] == '{' && end != len(strings.TrimRight(s, " \t\r\n")) {
			t.Fatalf("%q ends at %d", s, end)
		}
	})
}
