package verify_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/verify"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// kit is an archive in memory, and what an attacker has: everything but the private key.
type kit struct {
	t    testing.TB
	fsys fstest.MapFS
	key  string // the genuine public key
	own  note.Signer
	dir  string
}

// newKit archives records of stream s in objects of size records, one of them refused, and of a second stream.
func newKit(t testing.TB, records, size int) *kit {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "archive")
	settings, err := json.Marshal(map[string]any{"dir": dir, "key_file": filepath.Join(root, "key")})
	if err != nil {
		t.Fatal(err)
	}
	e, err := archive.Open(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, stream := range []string{"s", "t"} {
		all := exportertest.Records(stream, 0, records)
		all[records-1].JSON = []byte(`{"not":"canonical" }`)
		tree := merkle.Frontier{}
		for run := range slices.Chunk(all, size) {
			if _, _, err := e.Export(t.Context(), exporters.Batch{Stream: stream, Records: run, Tree: tree.Clone()}); err != nil {
				t.Fatal(err)
			}
			for _, r := range run {
				tree.Append(merkle.LeafHash(r.JSON))
			}
		}
	}
	k := &kit{t: t, fsys: load(t, dir), dir: dir}
	for name, f := range k.fsys {
		if archive.IsKeyName(name) {
			k.key = strings.TrimSpace(string(f.Data))
		}
	}
	skey, _, err := note.GenerateKey(rand.Reader, "agent-audit")
	if err != nil {
		t.Fatal(err)
	}
	if k.own, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	return k
}

// copy is an archive of its own to tamper with.
func (k *kit) copy(t testing.TB) *kit {
	c := *k
	c.t, c.fsys = t, make(fstest.MapFS)
	for name, f := range k.fsys {
		c.fsys[name] = &fstest.MapFile{Data: bytes.Clone(f.Data), Mode: f.Mode}
	}
	return &c
}

func load(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	m := make(fstest.MapFS)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		m[name] = &fstest.MapFile{Data: data, Mode: 0o400}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (k *kit) verify() *verify.Report {
	k.t.Helper()
	r, err := verify.Verify(k.t.Context(), archive.FS(k.fsys), verify.Options{Keys: []string{k.key}})
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

func object(first uint64) string   { return "s/" + archive.ObjectName(first) }
func manifest(first uint64) string { return "s/" + archive.ManifestName(first) }

func (k *kit) manifest(first uint64) *archive.Manifest {
	k.t.Helper()
	m, _, err := archive.ReadManifest(k.t.Context(), archive.FS(k.fsys), "s", first)
	if err != nil {
		k.t.Fatal(err)
	}
	return m
}

func (k *kit) put(name string, data []byte) { k.fsys[name] = &fstest.MapFile{Data: data, Mode: 0o400} }

// lines changes the lines of an object.
func (k *kit) lines(first uint64, change func([][]byte) [][]byte) {
	k.t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(k.fsys[object(first)].Data))
	if err != nil {
		k.t.Fatal(err)
	}
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(zip); err != nil {
		k.t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(raw.Bytes(), []byte("\n")), []byte("\n"))
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	for _, l := range change(lines) {
		_, _ = w.Write(append(l, '\n'))
	}
	_ = w.Close()
	k.put(object(first), out.Bytes())
}

// edit changes a manifest and leaves its checkpoint as it is.
func (k *kit) edit(first uint64, change func(*archive.Manifest)) {
	k.t.Helper()
	m := k.manifest(first)
	change(m)
	data, err := archive.Marshal(m)
	if err != nil {
		k.t.Fatal(err)
	}
	k.put(manifest(first), data)
}

// forge replaces an object and its manifest by others, made just as ours but signed with the attacker's key.
func (k *kit) forge(first uint64, change func([]exporters.Record) []exporters.Record) {
	k.t.Helper()
	m := k.manifest(first)
	data, err := archive.ReadObject(k.t.Context(), archive.FS(k.fsys), m)
	if err != nil {
		k.t.Fatal(err)
	}
	var records []exporters.Record
	for r, err := range m.Records(data) {
		if err != nil {
			k.t.Fatal(err)
		}
		records = append(records, exporters.Record{Sequence: r.Sequence, JSON: bytes.Clone(r.JSON)})
	}
	tree, err := m.Before()
	if err != nil {
		k.t.Fatal(err)
	}
	s, err := archive.Build(archive.Input{
		Stream: "s", Origin: m.Origin, Records: change(records), Tree: tree, Previous: m.Previous, Created: m.Created,
	}, k.own)
	if err != nil {
		k.t.Fatal(err)
	}
	k.put(object(first), s.Object)
	k.put(manifest(first), s.File)
}

func swapText(old, new string) func([][]byte) [][]byte {
	return func(lines [][]byte) [][]byte {
		lines[1] = bytes.Replace(lines[1], []byte(old), []byte(new), 1)
		return lines
	}
}

// tamperings are what an attacker without the key may do, and the finding that has to name it.
var tamperings = []struct {
	name   string
	do     func(*kit)
	kind   verify.Kind
	object string // "" for any
	record int    // -1 for any
}{
	{"change a word of a record", func(k *kit) { k.lines(3, swapText(`"stream":"s"`, `"stream":"S"`)) }, verify.BadDocument, object(3), 4},
	{"flip a bit of an object", func(k *kit) { k.fsys[object(3)].Data[30] ^= 1 }, verify.ObjectHash, object(3), -1},
	{"change a record, well formed", func(k *kit) { k.lines(3, swapText(`/home/ann`, `/home/bob`)) }, verify.BadTree, object(3), -1},
	{"drop a record", func(k *kit) {
		k.lines(3, func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) })
	}, verify.BadDocument, object(3), 4},
	{"drop the last record", func(k *kit) { k.lines(3, func(l [][]byte) [][]byte { return l[:2] }) }, verify.BadObject, object(3), 5},
	{"duplicate a record", func(k *kit) {
		k.lines(3, func(l [][]byte) [][]byte { return slices.Insert(l, 1, bytes.Clone(l[0])) })
	}, verify.BadDocument, object(3), 4},
	{"add a record at the end", func(k *kit) {
		k.lines(3, func(l [][]byte) [][]byte { return append(l, bytes.Clone(l[0])) })
	}, verify.BadObject, object(3), -1},
	{"swap two records", func(k *kit) {
		k.lines(3, func(l [][]byte) [][]byte { l[0], l[1] = l[1], l[0]; return l })
	}, verify.BadDocument, object(3), 3},
	{"compress again", func(k *kit) {
		var out bytes.Buffer
		w, _ := gzip.NewWriterLevel(&out, gzip.NoCompression)
		zip, _ := gzip.NewReader(bytes.NewReader(k.fsys[object(3)].Data))
		_, _ = zip.WriteTo(w)
		_ = w.Close()
		k.put(object(3), out.Bytes())
	}, verify.ObjectSize, object(3), -1},
	{"truncate an object", func(k *kit) { k.put(object(3), k.fsys[object(3)].Data[:100]) }, verify.ObjectSize, object(3), -1},
	{"empty an object", func(k *kit) { k.put(object(3), nil) }, verify.BadObject, object(3), 3},
	{"append to an object", func(k *kit) { k.put(object(3), append(k.fsys[object(3)].Data, 0)) }, verify.ObjectSize, object(3), -1},
	{"no gzip", func(k *kit) { k.put(object(3), []byte("text")) }, verify.BadObject, object(3), -1},
	{"delete an object", func(k *kit) { delete(k.fsys, object(3)) }, verify.MissingObject, object(3), 3},
	{"delete a manifest", func(k *kit) { delete(k.fsys, manifest(3)) }, verify.OrphanObject, object(3), 3},
	{"delete the last manifest", func(k *kit) { delete(k.fsys, manifest(9)) }, verify.OrphanObject, object(9), 9},
	{"delete object and manifest", func(k *kit) { delete(k.fsys, object(3)); delete(k.fsys, manifest(3)) }, verify.Gap, manifest(6), 3},
	{"delete the first object and manifest", func(k *kit) {
		delete(k.fsys, object(0))
		delete(k.fsys, manifest(0))
	}, verify.MissingRecords, manifest(3), -1},
	{"delete all of a stream", func(k *kit) {
		for name := range k.fsys {
			if strings.HasPrefix(name, "s/") {
				delete(k.fsys, name)
			}
		}
		k.fsys["s"] = &fstest.MapFile{Mode: fs.ModeDir | 0o700}
	}, verify.MissingRecords, "", -1},
	{"rename an object", func(k *kit) {
		k.put(object(4), k.fsys[object(3)].Data)
		delete(k.fsys, object(3))
	}, verify.OrphanObject, object(4), 4},
	{"rename object and manifest", func(k *kit) {
		k.put(object(4), k.fsys[object(3)].Data)
		k.put(manifest(4), k.fsys[manifest(3)].Data)
		delete(k.fsys, object(3))
		delete(k.fsys, manifest(3))
	}, verify.BadManifest, manifest(4), -1},
	{"swap two objects", func(k *kit) {
		k.fsys[object(0)], k.fsys[object(3)] = k.fsys[object(3)], k.fsys[object(0)]
	}, verify.BadDocument, object(0), 0},
	{"move a whole stream", func(k *kit) {
		for name, f := range k.fsys {
			if rest, ok := strings.CutPrefix(name, "s/"); ok {
				k.fsys["u/"+rest] = f
			}
		}
	}, verify.BadManifest, "u/" + archive.ManifestName(0), -1},
	{"extra file", func(k *kit) { k.put("s/notes.txt", []byte("hi")) }, verify.ExtraFile, "s/notes.txt", -1},
	{"extra file at the top", func(k *kit) { k.put("notes.txt", []byte("hi")) }, verify.ExtraFile, "notes.txt", -1},
	{"temporary file", func(k *kit) { k.put("s/.tmp-x", nil) }, verify.ExtraFile, "s/.tmp-x", -1},
	{"planted object", func(k *kit) { k.put(object(10), k.fsys[object(9)].Data) }, verify.OrphanObject, object(10), 10},
	{"count in the manifest", func(k *kit) { k.edit(3, func(m *archive.Manifest) { m.Count-- }) }, verify.BadManifest, manifest(3), -1},
	{"risk in the manifest", func(k *kit) { k.edit(3, func(m *archive.Manifest) { m.Zone.RiskMax = new(int64) }) }, verify.Altered, manifest(3), -1},
	{"sessions in the manifest", func(k *kit) { k.edit(3, func(m *archive.Manifest) { m.Zone.Sessions = nil }) }, verify.Altered, manifest(3), -1},
	{"time in the manifest", func(k *kit) {
		k.edit(3, func(m *archive.Manifest) { m.Time.Max = m.Time.Max.Add(time.Hour) })
	}, verify.Altered, manifest(3), -1},
	{"date of the manifest", func(k *kit) {
		k.edit(3, func(m *archive.Manifest) { m.Created = m.Created.Add(-time.Hour) })
	}, verify.Altered, manifest(3), -1},
	{"root in the manifest", func(k *kit) {
		k.edit(3, func(m *archive.Manifest) { m.Tree.After.Root = m.Tree.Before.Root })
	}, verify.BadManifest, manifest(3), -1},
	{"frontier in the manifest", func(k *kit) {
		k.edit(3, func(m *archive.Manifest) { m.Tree.Before.Frontier[0] = m.Tree.After.Root })
	}, verify.BadManifest, manifest(3), -1},
	{"object hash in the manifest", func(k *kit) {
		k.lines(3, swapText("ann", "bob"))
		k.edit(3, func(m *archive.Manifest) {
			data := k.fsys[object(3)].Data
			m.Object.Bytes, m.Object.SHA256 = int64(len(data)), archive.Hex(sha256.Sum256(data))
		})
	}, verify.Altered, manifest(3), -1},
	{"previous in the manifest", func(k *kit) { k.edit(3, func(m *archive.Manifest) { m.Previous = nil }) }, verify.BadChain, manifest(3), -1},
	{"omission in the manifest", func(k *kit) {
		k.edit(9, func(m *archive.Manifest) { m.Omitted[0].Reason = "never mind" })
	}, verify.Altered, manifest(9), -1},
	{"spaces in the manifest", func(k *kit) {
		k.put(manifest(3), bytes.Replace(k.fsys[manifest(3)].Data, []byte(`,"count"`), []byte(`, "count"`), 1))
	}, verify.BadManifest, manifest(3), -1},
	{"a member twice in the manifest", func(k *kit) {
		k.put(manifest(3), bytes.Replace(k.fsys[manifest(3)].Data, []byte(`"count":3`), []byte(`"count":2,"count":3`), 1))
	}, verify.BadManifest, manifest(3), -1},
	{"a member of a newer version", func(k *kit) {
		k.put(manifest(3), bytes.Replace(k.fsys[manifest(3)].Data, []byte(`"version":2`), []byte(`"version":3`), 1))
	}, verify.BadManifest, manifest(3), -1},
	{"empty manifest", func(k *kit) { k.put(manifest(3), nil) }, verify.BadManifest, manifest(3), -1},
	{"huge manifest", func(k *kit) { k.put(manifest(3), make([]byte, 5<<20)) }, verify.BadManifest, manifest(3), -1},
	{"no checkpoint", func(k *kit) { k.edit(3, func(m *archive.Manifest) { m.Checkpoint = "" }) }, verify.BadCheckpoint, manifest(3), -1},
	{"checkpoint of another object", func(k *kit) {
		k.edit(3, func(m *archive.Manifest) { m.Checkpoint = k.manifest(0).Checkpoint })
	}, verify.BadCheckpoint, manifest(3), -1},
	{"checkpoint without signature", func(k *kit) {
		k.edit(3, func(m *archive.Manifest) { m.Checkpoint, _, _ = strings.Cut(m.Checkpoint, "— ") })
	}, verify.BadCheckpoint, manifest(3), -1},
	{"forged checkpoint", func(k *kit) {
		k.edit(3, func(m *archive.Manifest) { m.Checkpoint = strings.Replace(m.Checkpoint, "\n6\n", "\n7\n", 1) })
	}, verify.BadSignature, manifest(3), -1},
	{"signature of another note", func(k *kit) {
		other := k.manifest(0).Checkpoint
		k.edit(3, func(m *archive.Manifest) {
			body, _, _ := strings.Cut(m.Checkpoint, "— ")
			m.Checkpoint = body + other[strings.Index(other, "— "):]
		})
	}, verify.BadSignature, manifest(3), -1},
	{"signed with another key", func(k *kit) {
		k.forge(3, func(r []exporters.Record) []exporters.Record { return r })
	}, verify.BadSignature, manifest(3), -1},
	{"object and manifest replaced", func(k *kit) {
		k.forge(3, func(r []exporters.Record) []exporters.Record {
			r[1].JSON = bytes.Replace(r[1].JSON, []byte("/home/ann"), []byte("/home/bob"), 1)
			return r
		})
	}, verify.BadSignature, manifest(3), -1},
	{"object and manifest replaced, seen by the next", func(k *kit) {
		k.forge(3, func(r []exporters.Record) []exporters.Record {
			r[1].JSON = bytes.Replace(r[1].JSON, []byte("/home/ann"), []byte("/home/bob"), 1)
			return r
		})
	}, verify.BadTree, manifest(6), 6},
	{"object and manifest replaced, seen by the chain", func(k *kit) {
		k.forge(3, func(r []exporters.Record) []exporters.Record { return r })
	}, verify.BadChain, manifest(6), -1},
	{"shortened object and manifest", func(k *kit) {
		k.forge(3, func(r []exporters.Record) []exporters.Record { return r[:2] })
	}, verify.Gap, manifest(6), 5},
	{"lengthened object and manifest", func(k *kit) {
		k.forge(3, func(r []exporters.Record) []exporters.Record {
			return append(r, exportertest.Records("s", 6, 1)...)
		})
	}, verify.Overlap, manifest(6), 6},
	{"another key planted", func(k *kit) {
		skey, vkey, _ := note.GenerateKey(rand.Reader, "agent-audit")
		s, _ := note.NewSigner(skey)
		k.put(archive.KeyName(s.KeyHash()), []byte(vkey+"\n"))
	}, verify.BadKeyFile, "", -1},
	{"key changed", func(k *kit) {
		for name, f := range k.fsys {
			if archive.IsKeyName(name) {
				f.Data = bytes.ToUpper(f.Data)
			}
		}
	}, verify.BadKeyFile, "", -1},
	{"everything removed", func(k *kit) { clear(k.fsys); k.fsys["."] = &fstest.MapFile{Mode: fs.ModeDir} }, verify.Empty, "", -1},
}

func TestTamperings(t *testing.T) {
	whole := newKit(t, 11, 3)
	if r := whole.verify(); !r.OK() {
		t.Fatalf("before: %v", r.Findings)
	}
	for _, c := range tamperings {
		t.Run(c.name, func(t *testing.T) {
			k := whole.copy(t)
			c.do(k)
			r := k.verify()
			for _, f := range r.Findings {
				at := f.Object
				if f.Stream != "" {
					at = f.Stream + "/" + f.Object
				}
				if f.Kind == c.kind && (c.object == "" || at == c.object) && (c.record < 0 || f.Sequence != nil && *f.Sequence == uint64(c.record)) {
					if f.Text == "" {
						t.Error("a finding says nothing")
					}
					return
				}
			}
			t.Errorf("no finding %s at %s, record %d:\n%s", c.kind, c.object, c.record, show(r))
		})
	}
}

func show(r *verify.Report) string {
	b, _ := json.MarshalIndent(r.Findings, "", "  ")
	return string(b)
}

// TestWhole checks the figures of an archive without fault.
func TestWhole(t *testing.T) {
	k := newKit(t, 11, 3)
	calls := 0
	r, err := verify.Verify(t.Context(), archive.FS(os.DirFS(k.dir)), verify.Options{Keys: []string{k.key + "\n"}, Progress: func(p verify.Progress) {
		calls++
		if p.Objects != calls || p.Total != 8 {
			t.Errorf("progress %+v at call %d", p, calls)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || len(r.Streams) != 2 || r.Objects != 8 || r.Records != 20 || r.KeysFromArchive || calls != 8 {
		t.Fatalf("%+v", r)
	}
	s := r.Streams[0]
	if s.Begins != 0 || s.Records != 10 || s.Omitted != 1 || s.Last.Size != 11 || s.Last.Note == "" || s.Last.Created.IsZero() {
		t.Errorf("%+v", s)
	}
}

// TestFlips changes single bytes of every file: not one may pass.
func TestFlips(t *testing.T) {
	k := newKit(t, 5, 3)
	rng := mrand.New(mrand.NewPCG(1, 1))
	step := 1
	if testing.Short() {
		step = 17
	}
	for name, f := range k.fsys {
		if strings.HasPrefix(name, "t/") {
			continue // as s/
		}
		for i := 0; i < len(f.Data); i += step {
			for _, bit := range []byte{1 << rng.IntN(8), 0x20} { // 0x20: upper and lower case
				f.Data[i] ^= bit
				r, err := verify.Verify(t.Context(), archive.FS(k.fsys), verify.Options{Keys: []string{k.key}})
				if err != nil {
					t.Fatal(err)
				}
				if r.OK() {
					t.Errorf("%s: byte %d xor %#x passes", name, i, bit)
				}
				f.Data[i] ^= bit
			}
		}
	}
	if r := k.verify(); !r.OK() {
		t.Fatal(r.Findings)
	}
}

// The end cut off is whole: nothing in the archive tells. A checkpoint kept elsewhere does.
func TestExpected(t *testing.T) {
	k := newKit(t, 11, 3)
	last, middle := k.manifest(9).Checkpoint, k.manifest(3).Checkpoint
	expect := func(want verify.Kind, notes ...string) *verify.Report {
		t.Helper()
		r, err := verify.Verify(t.Context(), archive.FS(k.fsys), verify.Options{Keys: []string{k.key}, Expected: notes})
		if err != nil {
			t.Fatal(err)
		}
		if want == "" && !r.OK() || want != "" && !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Kind == want }) {
			t.Errorf("want %q: %s", want, show(r))
		}
		return r
	}
	if r := expect("", last, middle); len(r.Proved) != 2 {
		t.Errorf("%d proved", len(r.Proved))
	}
	delete(k.fsys, object(9))
	delete(k.fsys, manifest(9))
	r := expect("")
	if r.Streams[0].Last.Size != 9 {
		t.Errorf("last checkpoint has size %d", r.Streams[0].Last.Size)
	}
	expect(verify.Truncated, last)
	if r := expect("", middle); len(r.Proved) != 1 {
		t.Errorf("%d proved", len(r.Proved))
	}
	forged, err := note.Sign(&note.Note{Text: "agent-audit/s\n6\n" + strings.Repeat("A", 43) + "=\n"}, k.own)
	if err != nil {
		t.Fatal(err)
	}
	expect(verify.Unexpected, string(forged))
	for name := range k.fsys {
		if strings.HasPrefix(name, "s/") {
			delete(k.fsys, name)
		}
	}
	expect(verify.Truncated, middle)
	if _, err := verify.Verify(t.Context(), archive.FS(k.fsys), verify.Options{Expected: []string{"no note"}}); err == nil {
		t.Error("an expected checkpoint that is none was taken")
	}
}

// A checkpoint within an object is proved too, and one of another history is not.
func TestExpectedWithin(t *testing.T) {
	root := t.TempDir()
	open := func(dir string) exporters.Exporter {
		e, err := archive.Open(t.Context(), fmt.Appendf(nil, `{"dir":%q,"key_file":%q}`, filepath.Join(root, dir), filepath.Join(root, "key")))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	deliver := func(dir string, records []exporters.Record) string {
		e := open(dir)
		defer e.Close()
		if _, _, err := e.Export(t.Context(), exportertest.Batch("s", records)); err != nil {
			t.Fatal(err)
		}
		m, _, err := archive.ReadManifest(t.Context(), archive.FS(os.DirFS(filepath.Join(root, dir))), "s", 0)
		if err != nil {
			t.Fatal(err)
		}
		return m.Checkpoint
	}
	all := exportertest.Records("s", 0, 10)
	deliver("long", all)
	short := deliver("short", all[:4])
	other := slices.Clone(all[:4])
	other[2].JSON = bytes.Replace(other[2].JSON, []byte("/home/ann"), []byte("/home/bob"), 1)
	rewritten := deliver("other", other)
	r, err := verify.Verify(t.Context(), archive.FS(os.DirFS(filepath.Join(root, "long"))), verify.Options{Expected: []string{short, rewritten}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Proved) != 1 || len(r.Findings) != 1 || r.Findings[0].Kind != verify.Unexpected || !r.KeysFromArchive {
		t.Errorf("%+v", r)
	}
}

// An archive that begins later than its stream says so, and is whole.
func TestBegins(t *testing.T) {
	root := t.TempDir()
	e, err := archive.Open(t.Context(), fmt.Appendf(nil, `{"dir":%q,"key_file":%q}`, filepath.Join(root, "a"), filepath.Join(root, "key")))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 30)[17:])); err != nil {
		t.Fatal(err)
	}
	r, err := verify.Verify(t.Context(), archive.FS(os.DirFS(filepath.Join(root, "a"))), verify.Options{})
	if err != nil || !r.OK() || r.Streams[0].Begins != 17 || r.Records != 13 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestErrors(t *testing.T) {
	k := newKit(t, 3, 3)
	if _, err := verify.Verify(t.Context(), archive.FS(k.fsys), verify.Options{Keys: []string{"no key"}}); err == nil {
		t.Error("a key that is none was taken")
	}
	if _, err := verify.Verify(t.Context(), archive.FS(os.DirFS("/nowhere")), verify.Options{}); err == nil {
		t.Error("a folder that is not there was verified")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify.Verify(ctx, archive.FS(k.fsys), verify.Options{}); err == nil {
		t.Error("a cancelled run verified something")
	}
}

// What an exporter is about to finish is no finding.
func TestGrace(t *testing.T) {
	k := newKit(t, 6, 3)
	path := filepath.Join(k.dir, "s", archive.ManifestName(3))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(100 * time.Millisecond)
		_ = os.WriteFile(path, data, 0o600)
	}()
	r, err := verify.Verify(t.Context(), archive.FS(os.DirFS(k.dir)), verify.Options{Grace: 5 * time.Second})
	<-done
	if err != nil || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
}

// An archive that is being written verifies at any time.
func TestWhileWriting(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a")
	e, err := archive.Open(t.Context(), fmt.Appendf(nil, `{"dir":%q,"key_file":%q}`, dir, filepath.Join(root, "key")))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	all := exportertest.Records("s", 0, 120)
	written := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		var tree merkle.Frontier
		for i, run := range slices.Collect(slices.Chunk(all, 2)) {
			if _, _, err := e.Export(context.Background(), exporters.Batch{Stream: "s", Records: run, Tree: tree.Clone()}); err != nil {
				written <- err
				return
			}
			for _, r := range run {
				tree.Append(merkle.LeafHash(r.JSON))
			}
			if i == 0 {
				close(started)
			}
		}
		written <- nil
	}()
	<-started
	for done := false; !done; {
		select {
		case err := <-written:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
		r, err := verify.Verify(t.Context(), archive.FS(os.DirFS(dir)), verify.Options{Grace: 5 * time.Second})
		if err != nil || !r.OK() {
			t.Fatalf("%v, %v", err, r)
		}
		if done && r.Records != uint64(len(all)) {
			t.Fatalf("%d records", r.Records)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	k := newKit(b, 20_000, 10_000)
	var records uint64
	for b.Loop() {
		r, err := verify.Verify(b.Context(), archive.FS(k.fsys), verify.Options{Keys: []string{k.key}})
		if err != nil || !r.OK() {
			b.Fatal(err, r)
		}
		records += r.Records
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}
