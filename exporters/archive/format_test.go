package archive

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

var update = flag.Bool("update", false, "write testdata anew")

// testSigner is always the same key.
func testSigner(t testing.TB) (note.Signer, string) {
	t.Helper()
	seed := sha256.Sum256([]byte("agent-audit test key"))
	key := ed25519.NewKeyFromSeed(seed[:])
	vkey, err := note.NewEd25519VerifierKey("agent-audit", key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(vkey, "+")[1]
	s, err := note.NewSigner("PRIVATE+KEY+agent-audit+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	if err != nil {
		t.Fatal(err)
	}
	return s, vkey
}

// sample builds two objects, the second with an omitted record.
func sample(t testing.TB) (sealed []*Sealed, vkey string) {
	t.Helper()
	signer, vkey := testSigner(t)
	all := exportertest.Records("s", 0, 9)
	all[6].JSON = []byte("{")
	in := Input{Stream: "s", Origin: "agent-audit", Created: time.Date(2026, 11, 30, 12, 0, 0, 5e6, time.UTC)}
	for _, run := range [][]exporters.Record{all[:5], all[5:]} {
		in.Records = run
		s, err := Build(in, signer)
		if err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, s)
		in.Tree = s.Tree.Clone()
		in.Previous = previous(s.Manifest, s.File, File{})
	}
	return sealed, vkey
}

// TestGolden holds the format still: archives are read for as long as the law asks.
func TestGolden(t *testing.T) {
	sealed, vkey := sample(t)
	dir := filepath.Join("testdata", "v2")
	signer, _ := testSigner(t)
	files := map[string][]byte{KeyName(signer.KeyHash()): []byte(vkey + "\n")}
	for _, s := range sealed {
		files[filepath.Join("s", s.Manifest.Object.Name)] = s.Object
		files[filepath.Join("s", ManifestName(s.Manifest.First))] = s.File
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, want) {
			t.Errorf("%s is written otherwise than before (a change of the compressor shows here too):\n got %.2000s\nwant %.2000s", name, data, want)
		}
	}
}

// TestGoldenRead reads the archives in testdata as they are, of each version.
func TestGoldenRead(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) { goldenRead(t, FS(os.DirFS(filepath.Join("testdata", version)))) })
	}
}

func goldenRead(t *testing.T, r Reader) {
	keys, err := ReadKeys(t.Context(), r)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	v, err := note.NewVerifier(strings.TrimSpace(keys[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, first := range []uint64{0, 5} {
		m, _, err := ReadManifest(t.Context(), r, "s", first)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCheckpoint(m.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Verify(note.VerifierList(v)); err != nil {
			t.Error(err)
		}
		if err := c.Fits(m); err != nil {
			t.Error(err)
		}
		data, err := ReadObject(t.Context(), r, m)
		if err != nil {
			t.Fatal(err)
		}
		tree, _ := m.Before()
		leaves := m.Leaves(&tree, nil)
		for rec, err := range m.Records(data) {
			if err != nil {
				t.Fatal(err)
			}
			leaves.Add(rec)
			n++
		}
		leaves.Finish()
		if Hex(tree.Root()) != m.Tree.After.Root {
			t.Errorf("object %d has another root", first)
		}
	}
	if n != 8 {
		t.Errorf("%d records", n)
	}
}

// A reader knows by one word what an object cannot hold.
func TestZone(t *testing.T) {
	signer, _ := testSigner(t)
	var records []exporters.Record
	for i := range uint64(maxZoneValues + 5) {
		a := exportertest.Action("s", i)
		a.Session.ID = fmt.Sprintf("session %d", i)
		if i == 3 {
			a.Identity.UserName = strings.Repeat("u", maxZoneValue+1)
		}
		records = append(records, exporters.Record{Sequence: i, JSON: a.AppendJSON(nil)})
	}
	s, err := Build(Input{Stream: "s", Origin: "o", Records: records}, signer)
	if err != nil {
		t.Fatal(err)
	}
	z := s.Manifest.Zone
	if len(z.Sessions) != maxZoneSessions || strings.Join(z.Truncated, " ") != "users sessions" {
		t.Errorf("%d sessions, truncated %q", len(z.Sessions), z.Truncated)
	}
	for _, c := range []struct {
		list, value string
		may         bool
	}{
		{"sessions", "any", true},
		{"users", "any", true},
		{"agents", "codex", true},
		{"agents", "nobody", false},
		{"decisions", "denied", true},
		{"decisions", "allowed", false},
		{"anomalies", `odd "name"`, true},
		{"hosts", "any", true},
	} {
		if got := z.May(c.list, c.value); got != c.may {
			t.Errorf("%s %s: %v", c.list, c.value, got)
		}
	}
}

// Times at the edge of what a time can be do not keep a record from being archived.
func TestOddTimes(t *testing.T) {
	signer, _ := testSigner(t)
	for _, at := range []time.Time{
		{}, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	} {
		a := exportertest.Action("s", 0)
		a.Time = at
		if _, err := Build(Input{Stream: "s", Origin: "o", Records: []exporters.Record{{JSON: a.AppendJSON(nil)}}, Created: at}, signer); err != nil {
			t.Errorf("%v: %v", at, err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	sealed, _ := sample(f)
	for _, s := range sealed {
		f.Add(s.File)
	}
	beat := &Heartbeat{
		Entry: Entry{Version: Version, Origin: "o", Stream: "s", Lock: &Lock{Mode: Compliance, Until: time.Unix(1e9, 0).UTC()}, Previous: sealed[1].Manifest.Previous},
		Tree:  sealed[1].Manifest.Tree.After,
	}
	file, err := Marshal(beat)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"first":0,"last":18446744073709551615,"count":0}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, name := range []string{ManifestName(0), HeartbeatName(0, time.Time{})} {
			l, err := ParseLink(name, file)
			if err != nil {
				continue
			}
			if again, err := Marshal(l); err != nil || !bytes.Equal(again, file) {
				t.Fatalf("read as it is not written: %v\n%s\n%s", err, file, again)
			}
		}
		l, err := ParseLink(ManifestName(0), file)
		if err != nil {
			return
		}
		m := l.(*Manifest)
		for range m.Records(sealed[0].Object) {
		}
		for i := range m.Blocks {
			_ = m.part(i)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	sealed, vkey := sample(f)
	v, err := note.NewVerifier(vkey)
	if err != nil {
		f.Fatal(err)
	}
	genuine := map[string]bool{}
	for _, s := range sealed {
		f.Add(s.Manifest.Checkpoint)
		genuine[s.Manifest.Checkpoint] = true
	}
	f.Add("o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— o AAAAAAA=\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err != nil {
			return
		}
		if c.Verify(note.VerifierList(v)) == nil && !genuine[text] && strings.Count(text, "— ") == 1 {
			t.Fatalf("a note nobody has signed verifies: %q", text)
		}
	})
}

func FuzzObject(f *testing.F) {
	sealed, _ := sample(f)
	for _, s := range sealed {
		f.Add(s.Object)
	}
	m := sealed[0].Manifest
	f.Fuzz(func(t *testing.T, data []byte) {
		next := m.First
		for r, err := range m.Records(data) {
			if err != nil {
				return
			}
			if r.Sequence != next || next > m.Last {
				t.Fatalf("record %d after %d", r.Sequence, next)
			}
			next++
		}
		if next != m.Last+1 {
			t.Fatalf("ended before record %d without an error", next)
		}
	})
}
