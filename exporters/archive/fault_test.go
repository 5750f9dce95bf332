package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

var errFault = errors.New("injected fault")

// quickDisk leaves fsyncs out: what is tested here is what happens around them.
type quickDisk struct{ osDisk }

func (quickDisk) SyncDir(string) error { return nil }

func (d quickDisk) Create(path string, mode fs.FileMode) (file, error) {
	f, err := d.osDisk.Create(path, mode)
	return quickFile{f}, err
}

type quickFile struct{ file }

func (quickFile) Sync() error { return nil }

// faultyDisk makes one call fail, before it takes effect or after. When it crashes, all later calls fail too, without
// effect, and what was linked but not made durable may be lost.
type faultyDisk struct {
	quickDisk
	failAt  int
	applied bool // the failing call takes effect all the same
	crash   bool
	calls   int
	pending []string // linked since their folder was last fsynced
}

// call counts a call, and says whether it takes effect and what it returns.
func (d *faultyDisk) call(do func() error) error {
	d.calls++
	switch {
	case d.calls == d.failAt && d.applied:
		_ = do()
		return errFault
	case d.calls == d.failAt, d.crash && d.calls > d.failAt:
		return errFault
	}
	return do()
}

func (d *faultyDisk) MkdirAll(dir string) error {
	return d.call(func() error { return d.quickDisk.MkdirAll(dir) })
}

func (d *faultyDisk) Create(path string, mode fs.FileMode) (f file, err error) {
	err = d.call(func() error { f, err = d.quickDisk.Create(path, mode); return err })
	if err != nil {
		if f != nil {
			_ = f.Close()
		}
		return nil, err
	}
	return &faultyFile{f, d}, nil
}

func (d *faultyDisk) Link(old, new string) error {
	return d.call(func() error {
		err := d.quickDisk.Link(old, new)
		if err == nil {
			d.pending = append(d.pending, new)
		}
		return err
	})
}

func (d *faultyDisk) Remove(path string) error {
	return d.call(func() error { return d.quickDisk.Remove(path) })
}

func (d *faultyDisk) SyncDir(dir string) error {
	return d.call(func() error {
		kept := d.pending[:0]
		for _, p := range d.pending {
			if filepath.Dir(p) != dir {
				kept = append(kept, p)
			}
		}
		d.pending = kept
		return nil
	})
}

type faultyFile struct {
	file
	d *faultyDisk
}

// Write writes half when it fails with effect.
func (f *faultyFile) Write(b []byte) (n int, err error) {
	half := f.d.calls+1 == f.d.failAt
	err = f.d.call(func() error {
		if half {
			b = b[:len(b)/2]
		}
		n, err = f.file.Write(b)
		return err
	})
	return n, err
}
func (f *faultyFile) Sync() error  { return f.d.call(f.file.Sync) }
func (f *faultyFile) Close() error { return f.d.call(f.file.Close) }

// TestFaults lets every call of a short life fail once, in every way, and delivers the rest, cut otherwise. Afterwards
// the archive is whole and holds each record once, and nothing that was acknowledged before the fault has gone.
func TestFaults(t *testing.T) {
	for _, mode := range []struct {
		name                  string
		applied, crash, lossy bool
	}{
		{"fails without effect, then works", false, false, false},
		{"fails with effect, then works", true, false, false},
		{"crash before the call", false, true, false},
		{"crash after the call", true, true, false},
		{"power cut before the call", false, true, true},
		{"power cut after the call", true, true, true},
	} {
		t.Run(mode.name, func(t *testing.T) {
			step := 1
			if testing.Short() {
				step = 5
			}
			for n := 1; ; n += step {
				d := &faultyDisk{failAt: n, applied: mode.applied, crash: mode.crash}
				live(t, d, mode.lossy)
				if d.calls < n {
					if n < 35 {
						t.Errorf("only %d calls: the faults miss something", n)
					}
					return
				}
			}
		})
	}
}

// live delivers seven records on the faulty disk, restarting when it has crashed.
func live(t *testing.T, d *faultyDisk, lossy bool) {
	t.Helper()
	root := t.TempDir()
	all := exportertest.Records("s", 0, 7)
	acked := 0
	var disk disk = d
	var a *writer
	for round, size := 0, 3; acked < len(all); round++ {
		if round > 30 {
			t.Fatalf("fault at call %d: no progress after record %d", d.failAt, acked)
		}
		var err error
		if a == nil {
			a, err = open(t.Context(), settingsFor(t, root), disk)
		}
		if err == nil {
			batch := exportertest.Batch("s", all[acked:min(acked+size, len(all))])
			if _, _, err = a.Export(t.Context(), batch); err == nil {
				acked = int(batch.Last()) + 1
				continue
			}
		}
		if exporters.IsPermanent(err) {
			t.Fatalf("fault at call %d parks the exporter: %v", d.failAt, err)
		}
		size = 1 + (size+1)%4 // what comes again is cut otherwise
		if d.crash && disk == d {
			if a != nil {
				_ = a.Close()
			}
			a, disk = nil, quickDisk{}
			if lossy {
				for _, p := range d.pending {
					_ = os.Remove(p)
				}
			}
			if got, err := readBack(root, "s"); err == nil && len(got) < acked {
				t.Fatalf("fault at call %d: %d records were acknowledged, %d are left", d.failAt, acked, len(got))
			}
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	whole(t, d.failAt, root, all)
}

// whole checks that the archive holds the records once, in a chain of trees, and no other file.
func whole(t *testing.T, fault int, root string, want []exporters.Record) {
	t.Helper()
	dir := filepath.Join(root, "archive")
	got, err := readBack(root, "s")
	if err != nil {
		t.Fatalf("fault at call %d: %v", fault, err)
	}
	if len(got) != len(want) {
		t.Fatalf("fault at call %d: %d records, want %d", fault, len(got), len(want))
	}
	var tree merkle.Frontier
	for i := range want {
		if got[i].Sequence != want[i].Sequence || !bytes.Equal(got[i].JSON, want[i].JSON) {
			t.Fatalf("fault at call %d: record %d differs", fault, i)
		}
		tree.Append(merkle.LeafHash(got[i].JSON))
	}
	entries, err := os.ReadDir(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	r := FS(os.DirFS(dir))
	list, err := r.List(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	manifests, left := Manifests(list), 0
	var last *Manifest
	for _, at := range manifests {
		l, _, _, err := ReadLink(t.Context(), r, "s", at)
		if err != nil {
			t.Fatal(err)
		}
		last = l.(*Manifest)
		left += len(last.Abandoned)
	}
	if len(entries) != 2*len(manifests)+left {
		t.Fatalf("fault at call %d: files left over: %v", fault, entries)
	}
	if last.Tree.After.Root != Hex(tree.Root()) {
		t.Fatalf("fault at call %d: the last manifest has another tree: %v", fault, err)
	}
	top, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for _, e := range top {
		if strings.HasSuffix(e.Name(), ".pub") {
			keys++
		} else if !e.IsDir() {
			t.Fatalf("fault at call %d: %s is left over", fault, e.Name())
		}
	}
	if keys != 1 {
		t.Fatalf("fault at call %d: %d keys", fault, keys)
	}
}

// An object that a crash has left without manifest becomes part of the archive only if it is the very one that we would
// write of the same records. Whatever else stands there stays, and the manifest says so.
func TestLeftoverObject(t *testing.T) {
	all := exportertest.Records("s", 0, 12)
	for _, c := range []struct {
		name      string
		data      func(pack func(from, to int) []byte) []byte
		manifests int
		abandoned int
	}{
		{"the same", func(pack func(from, to int) []byte) []byte { return pack(4, 12) }, 2, 0},
		{"of fewer records", func(pack func(from, to int) []byte) []byte { return pack(4, 7) }, 3, 0},
		{"of other records", func(pack func(from, to int) []byte) []byte { return pack(5, 8) }, 2, 1},
		{"another", func(func(from, to int) []byte) []byte { return []byte("another object") }, 2, 1},
		{"empty", func(func(from, to int) []byte) []byte { return nil }, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			a, err := open(t.Context(), settingsFor(t, root), osDisk{})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if _, _, err := a.Export(t.Context(), exportertest.Batch("s", all[:4])); err != nil {
				t.Fatal(err)
			}
			left := c.data(func(from, to int) []byte {
				p, err := Pack(Input{Stream: "s", Origin: "o", Records: all[from:to], Tree: exportertest.Tree("s", uint64(from))})
				if err != nil {
					t.Fatal(err)
				}
				return p.Object
			})
			if err := os.WriteFile(filepath.Join(root, "archive", "s", ObjectName(4)), left, 0o400); err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.Export(t.Context(), exportertest.Batch("s", all[4:])); err != nil {
				t.Fatal(err)
			}
			whole(t, 0, root, all)
			r := FS(os.DirFS(filepath.Join(root, "archive")))
			list, err := r.List(t.Context(), "s")
			if err != nil {
				t.Fatal(err)
			}
			m, _, err := ReadManifest(t.Context(), r, "s", 4)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(Manifests(list)); n != c.manifests || len(m.Abandoned) != c.abandoned {
				t.Errorf("%d manifests, %d abandoned", n, len(m.Abandoned))
			}
		})
	}
}

// Deliveries that do not fit the archive park the exporter, and name what differs.
func TestDiverges(t *testing.T) {
	all := exportertest.Records("s", 0, 20)
	change := func(i int) []exporters.Record {
		c := append([]exporters.Record(nil), all...)
		c[i].JSON = bytes.Replace(c[i].JSON, []byte("/home/ann"), []byte("/home/bob"), 1)
		return c
	}
	for _, c := range []struct {
		name  string
		batch func() exporters.Batch
		want  string
	}{
		{"gap", func() exporters.Batch { return exportertest.Batch("s", all[12:]) }, "record 9 in the archive, but record 12"},
		{"other bytes", func() exporters.Batch { return exportertest.Batch("s", change(7)[5:]) }, "record 7 of stream s"},
		{"other bytes, all archived", func() exporters.Batch { return exportertest.Batch("s", change(7)[5:9]) }, "record 7 of stream s"},
		{"other history", func() exporters.Batch {
			b := exportertest.Batch("s", all[10:])
			b.Tree = merkle.Frontier{}
			for _, r := range change(2)[:10] {
				b.Tree.Append(merkle.LeafHash(r.JSON))
			}
			return b
		}, "another tree head"},
		{"tree of another place", func() exporters.Batch {
			b := exportertest.Batch("s", all[10:])
			b.Tree = exportertest.Tree("s", 9)
			return b
		}, "its tree has 9"},
		{"stream that leads out", func() exporters.Batch {
			b := exportertest.Batch("s", all[:1])
			b.Stream = "../s"
			return b
		}, "cannot name a folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			a, err := open(t.Context(), settingsFor(t, root), osDisk{})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			for _, part := range [][]exporters.Record{all[:6], all[6:10]} {
				if _, _, err := a.Export(t.Context(), exportertest.Batch("s", part)); err != nil {
					t.Fatal(err)
				}
			}
			acked, _, err := a.Export(t.Context(), c.batch())
			if !exporters.IsPermanent(err) || !strings.Contains(err.Error(), c.want) || acked != 0 {
				t.Errorf("acknowledged %d, error %v; want a permanent one with %q", acked, err, c.want)
			}
			whole(t, 0, root, all[:10])
		})
	}
}

// What was damaged in the folder is not built upon.
func TestDamagedHead(t *testing.T) {
	all := exportertest.Records("s", 0, 20)
	for name, damage := range map[string]func(dir string) error{
		"object changed": func(dir string) error {
			return rewrite(filepath.Join(dir, ObjectName(5)), func(b []byte) { b[len(b)/2] ^= 1 })
		},
		"object removed": func(dir string) error { return os.Remove(filepath.Join(dir, ObjectName(5))) },
		"manifest changed": func(dir string) error {
			return rewrite(filepath.Join(dir, ManifestName(5)), func(b []byte) { b[len(b)/2] ^= 1 })
		},
		"manifest removed": func(dir string) error { return os.Remove(filepath.Join(dir, ManifestName(5))) },
		"all removed":      os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for i, part := range [][]exporters.Record{all[:5], all[5:10], all[10:]} {
				a, err := open(t.Context(), settingsFor(t, root), osDisk{})
				if err != nil {
					t.Fatal(err)
				}
				if i == 2 {
					if err := damage(filepath.Join(root, "archive", "s")); err != nil {
						t.Fatal(err)
					}
				}
				_, _, err = a.Export(t.Context(), exportertest.Batch("s", part))
				_ = a.Close()
				switch {
				case i < 2 && err != nil:
					t.Fatal(err)
				case i == 2 && name == "all removed":
					if err != nil { // then the archive begins anew, and its manifest says where
						t.Fatal(err)
					}
				case i == 2 && !exporters.IsPermanent(err):
					t.Errorf("error %v, want a permanent one", err)
				}
			}
		})
	}
}

func rewrite(path string, change func([]byte)) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	change(b)
	return errors.Join(os.Remove(path), os.WriteFile(path, b, 0o400))
}

// One folder, one exporter.
func TestLock(t *testing.T) {
	root := t.TempDir()
	a, err := open(t.Context(), settingsFor(t, root), osDisk{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := open(t.Context(), settingsFor(t, root), osDisk{}); err == nil || exporters.IsPermanent(err) {
		t.Errorf("a second exporter: %v, %v; want an error that may go away", b, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := open(t.Context(), settingsFor(t, root), osDisk{})
	if err != nil {
		t.Fatal(err)
	}
	_ = b.Close()
}

func BenchmarkExport(b *testing.B) {
	records := exportertest.Records("s", 0, 20_000)
	bytes := 0
	for _, r := range records {
		bytes += len(r.JSON)
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		root := b.TempDir()
		a, err := open(b.Context(), settingsFor(b, root), osDisk{})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := a.Export(b.Context(), exporters.Batch{Stream: "s", Records: records}); err != nil {
			b.Fatal(err)
		}
		_ = a.Close()
	}
	b.ReportMetric(float64(len(records)*b.N)/b.Elapsed().Seconds(), "records/s")
}

func ExampleManifestName() {
	fmt.Println(ObjectName(5000), ManifestName(5000))
	// Output: 00000000000000005000.ndjson.gz 00000000000000005000.manifest.json
}
