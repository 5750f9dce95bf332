package evidence_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/evidence"
)

// collect proves three records of two streams, in objects of ten.
func collect(t *testing.T) (files fstest.MapFS, keys note.Verifiers) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "archive")
	e, err := archive.Open(t.Context(), fmt.Appendf(nil, `{"dir":%q,"key_file":%q}`, dir, filepath.Join(root, "key")))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, stream := range []string{"s", "t"} {
		for from := uint64(0); from < 30; from += 10 {
			if _, _, err := e.Export(t.Context(), exportertest.Batch(stream, exportertest.Records(stream, from, 10))); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, err := evidence.Collect(t.Context(), archive.FS(os.DirFS(dir)), []evidence.Place{{"t", 25}, {"s", 12}, {"s", 3}, {"s", 12}})
	if err != nil {
		t.Fatal(err)
	}
	files = make(fstest.MapFS)
	for name, data := range out {
		files[name] = &fstest.MapFile{Data: data}
		if archive.IsKeyName(name) {
			v, err := note.NewVerifier(strings.TrimSpace(string(data)))
			if err != nil {
				t.Fatal(err)
			}
			keys = note.VerifierList(v)
		}
	}
	if _, err := evidence.Collect(t.Context(), archive.FS(os.DirFS(dir)), []evidence.Place{{"s", 30}}); err == nil {
		t.Error("a record that is not there was proved")
	}
	return files, keys
}

func TestEvidence(t *testing.T) {
	files, keys := collect(t)
	r, err := evidence.Check(files, keys)
	if err != nil || r.Records != 3 || len(r.Problems) != 0 || len(r.Signed) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, f := range files {
		for _, other := range []string{"session-2", "agent-1"} { // of other records
			if bytes.Contains(f.Data, []byte(other+`"`)) && name == evidence.EvidenceFile {
				t.Errorf("%s tells of %s", name, other)
			}
		}
	}
	skey, vkey, err := note.GenerateKey(nil, "agent-audit")
	if err != nil || skey == "" {
		t.Fatal(err)
	}
	other, _ := note.NewVerifier(vkey)
	if r, err := evidence.Check(files, note.VerifierList(other)); err != nil || r.Records != 0 || len(r.Problems) == 0 {
		t.Errorf("with another key: %+v, %v", r, err)
	}
}

// What is changed is not proved any more.
func TestTampered(t *testing.T) {
	whole, keys := collect(t)
	lines := func(change func([][]byte) [][]byte) func(fstest.MapFS) {
		return func(f fstest.MapFS) {
			all := bytes.SplitAfter(bytes.TrimSuffix(f[evidence.RecordsFile].Data, []byte("\n")), []byte("\n"))
			f[evidence.RecordsFile] = &fstest.MapFile{Data: append(bytes.Join(change(all), nil), '\n')}
		}
	}
	proofs := func(change func(*evidence.Evidence)) func(fstest.MapFS) {
		return func(f fstest.MapFS) {
			var e evidence.Evidence
			if err := json.Unmarshal(f[evidence.EvidenceFile].Data, &e); err != nil {
				t.Fatal(err)
			}
			change(&e)
			data, _ := json.Marshal(&e)
			f[evidence.EvidenceFile] = &fstest.MapFile{Data: data}
		}
	}
	for name, do := range map[string]func(fstest.MapFS){
		"a word":             lines(func(l [][]byte) [][]byte { l[1] = bytes.Replace(l[1], []byte("ann"), []byte("bob"), 1); return l }),
		"a record less":      lines(func(l [][]byte) [][]byte { return l[:2] }),
		"records swapped":    lines(func(l [][]byte) [][]byte { l[0], l[1] = l[1], l[0]; return l }),
		"a record twice":     lines(func(l [][]byte) [][]byte { return slices.Insert(l, 1, l[0]) }),
		"another place":      proofs(func(e *evidence.Evidence) { e.Records[0].Sequence++ }),
		"another stream":     proofs(func(e *evidence.Evidence) { e.Records[0].Stream = "t" }),
		"another checkpoint": proofs(func(e *evidence.Evidence) { e.Records[0].Checkpoint = 1 }),
		"no checkpoint":      proofs(func(e *evidence.Evidence) { e.Records[0].Checkpoint = 7 }),
		"negative":           proofs(func(e *evidence.Evidence) { e.Records[0].Checkpoint = -1 }),
		"path shortened":     proofs(func(e *evidence.Evidence) { e.Records[0].Path = e.Records[0].Path[1:] }),
		"path of another":    proofs(func(e *evidence.Evidence) { e.Records[0].Path = e.Records[2].Path }),
		"path of nothing":    proofs(func(e *evidence.Evidence) { e.Records[0].Path[0] = "?" }),
		"checkpoint changed": proofs(func(e *evidence.Evidence) {
			e.Checkpoints[0] = strings.Replace(e.Checkpoints[0], "\n10\n", "\n11\n", 1)
		}),
		"nothing": proofs(func(e *evidence.Evidence) { e.Records = nil }),
	} {
		f := make(fstest.MapFS)
		for n, file := range whole {
			f[n] = &fstest.MapFile{Data: bytes.Clone(file.Data)}
		}
		do(f)
		if r, err := evidence.Check(f, keys); err == nil && len(r.Problems) == 0 {
			t.Errorf("%s: passes", name)
		}
	}
	if _, err := evidence.Check(fstest.MapFS{}, keys); err == nil {
		t.Error("an empty folder was checked")
	}
}
