package archive

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Every record of every object can be proved, whatever the objects' ends and blocks; and a proof is for one record only.
func TestProve(t *testing.T) {
	signer, _ := testSigner(t)
	all := exportertest.Records("s", 0, 9000)
	all[4500].JSON = []byte("{")
	var tree merkle.Frontier
	for from := 0; from < len(all); {
		to := min(from+1+from*2, len(all)) // 1, 3, 9, … 6561, then the rest: objects within a block, and over several
		p, err := Pack(Input{Stream: "s", Origin: "o", Records: all[from:to], Tree: tree})
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Seal(File{}, signer)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "s"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "s", p.Manifest.Object.Name), s.Object, 0o600); err != nil {
			t.Fatal(err)
		}
		prove(t, FS(os.DirFS(dir)), p.Manifest, all)
		tree, from = p.Tree, to
	}
}

func prove(t *testing.T, r Reader, m *Manifest, all []exporters.Record) {
	t.Helper()
	var want []uint64
	for n := m.First; n <= m.Last; n += 1 + (m.Last-m.First)/50 {
		if n != 4500 {
			want = append(want, n)
		}
	}
	proofs, err := m.Prove(t.Context(), r, want)
	if err != nil {
		t.Fatal(err)
	}
	root, err := m.Tree.After.root()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range proofs {
		leaf := merkle.LeafHash(all[want[i]].JSON)
		if p.Sequence != want[i] || merkle.LeafHash(p.JSON) != leaf {
			t.Fatalf("record %d is another", want[i])
		}
		size := int64(m.Tree.After.Size)
		if err := tlog.CheckRecord(p.Path, size, root, int64(p.Sequence), leaf); err != nil {
			t.Fatalf("record %d of %d: %v", p.Sequence, size, err)
		}
		if tlog.CheckRecord(p.Path, size, root, int64(p.Sequence), tlog.Hash{1}) == nil {
			t.Fatalf("record %d: the proof proves another record", p.Sequence)
		}
	}
	if m.First <= 4500 && 4500 <= m.Last {
		if _, err := m.Prove(t.Context(), r, []uint64{4500}); err == nil {
			t.Error("a refused record was proved")
		}
	}
	if _, err := m.Prove(t.Context(), r, []uint64{m.Last + 1}); err == nil {
		t.Error("a record of another object was proved")
	}
}

func TestProveVersion1(t *testing.T) {
	r := FS(os.DirFS(filepath.Join("testdata", "v1")))
	m, _, err := ReadManifest(t.Context(), r, "s", 5)
	if err != nil {
		t.Fatal(err)
	}
	all := exportertest.Records("s", 0, 9)
	proofs, err := m.Prove(t.Context(), r, []uint64{5, 8})
	if err != nil {
		t.Fatal(err)
	}
	root, _ := m.Tree.After.root()
	for _, p := range proofs {
		if err := tlog.CheckRecord(p.Path, 9, root, int64(p.Sequence), merkle.LeafHash(all[p.Sequence].JSON)); err != nil {
			t.Error(err)
		}
	}
}
