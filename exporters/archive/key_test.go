package archive

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

func TestSettings(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(dir, dir+"-link"); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir + "-link")
	for text, want := range map[string]string{
		`{}`:                    "dir is missing",
		`{"dir":"` + dir + `"}`: "key_file is missing",
		`{"dri":"x"}`:           "unknown field",
		`{"dir":"x"} {}`:        "text after",
		`[]`:                    "cannot unmarshal",
		`{"dir":"` + dir + `","key_file":"` + dir + `/key"}`:                         "lies in the archive",
		`{"dir":"` + dir + `","key_file":"` + dir + `-link/key"}`:                    "lies in the archive",
		`{"dir":"` + dir + `","key_file":"` + dir + `/../x/../k","max_wait":"soon"}`: "max_wait",
		`{"dir":"` + dir + `","key_file":"` + dir + `-key","max_wait":"-5m"}`:        "max_wait",
		`{"dir":"` + dir + `","key_file":"` + dir + `-key","max_bytes":0}`:           "max_bytes",
		`{"dir":"` + dir + `","key_file":"` + dir + `-key","origin":"two words"}`:    "origin",
		`{"dir":"` + dir + `","key_file":"` + dir + `-key","origin":"a+b"}`:          "origin",
		`{"dir":"` + dir + `","key_file":"` + dir + `-key","origin":"line\nfeed"}`:   "origin",
	} {
		a, err := Open(t.Context(), []byte(text))
		if !exporters.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a permanent error with %q", text, err, want)
			if err == nil {
				_ = a.Close()
			}
		}
	}
}

func TestKeyFile(t *testing.T) {
	root := t.TempDir()
	key := filepath.Join(root, "key")
	start := func() error {
		a, err := open(t.Context(), settingsFor(t, root), osDisk{})
		if err == nil {
			_ = a.Close()
		}
		return err
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file %v, %v", info.Mode(), err)
	}
	first, _ := os.ReadFile(key)
	keys, err := ReadKeys(t.Context(), FS(os.DirFS(filepath.Join(root, "archive"))))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if _, err := note.NewVerifier(strings.TrimSpace(keys[0].Text)); err != nil {
		t.Fatal(err)
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(key); string(again) != string(first) {
		t.Error("the key was made anew")
	}

	refused := func(what, want string) {
		t.Helper()
		err := start()
		if !exporters.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a permanent error with %q", what, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error has the key in it", what)
		}
	}
	_ = os.Chmod(key, 0o640)
	refused("key readable by others", "chmod 600")
	_ = os.Chmod(key, 0o600)
	_ = os.WriteFile(key, first[:len(first)/2], 0o600)
	refused("half a key", "no note signing key")
	_ = os.WriteFile(key, nil, 0o600)
	refused("empty key", "no note signing key")
	_ = os.Remove(key)
	refused("lost key", "restore it")
	_ = os.Mkdir(key, 0o700)
	refused("a folder", "no key file")
	_ = os.Remove(key)
	_ = os.WriteFile(key, first, 0o600)
	pub := filepath.Join(root, "archive", keys[0].Name)
	if err := rewrite(pub, func(b []byte) { b[2] ^= 1 }); err != nil {
		t.Fatal(err)
	}
	refused("public key changed", "was changed")
	_ = os.Remove(pub)
	if err := start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(pub); err != nil {
		t.Error("the public key was not written again")
	}
}

// A new key follows on the old one only with a note of the old one's, and in every link that note is needed once.
func TestKeyChange(t *testing.T) {
	root := t.TempDir()
	all := exportertest.Records("s", 0, 20)
	key := func(name string) string {
		skey, _, err := note.GenerateKey(nil, name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(skey), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two, three := key("one"), key("two"), key("three")
	export := func(from, to int, key, before string) error {
		settings, _ := json.Marshal(map[string]any{
			"dir": filepath.Join(root, "archive"), "key_file": key, "previous_key_file": before, "origin": "example.com/audit",
		})
		a, err := Open(t.Context(), settings)
		if err != nil {
			return err
		}
		defer a.Close()
		_, _, err = a.Export(t.Context(), exportertest.Batch("s", all[from:to]))
		return err
	}
	if err := export(0, 5, one, ""); err != nil {
		t.Fatal(err)
	}
	if err := export(5, 10, two, ""); !exporters.IsPermanent(err) || !strings.Contains(err.Error(), "previous_key_file") {
		t.Fatalf("a key that nobody vouches for: %v", err)
	}
	if err := export(5, 10, two, three); !exporters.IsPermanent(err) {
		t.Fatalf("a key that another vouches for: %v", err)
	}
	for from := 5; from < 15; from += 5 {
		if err := export(from, from+5, two, one); err != nil {
			t.Fatal(err)
		}
	}
	if err := export(15, 20, two, ""); err != nil {
		t.Fatal(err)
	}
	checkKeyChange(t, FS(os.DirFS(filepath.Join(root, "archive"))))
	a, err := Open(t.Context(), settingsFor(t, root)) // with the key's name as origin
	if err == nil {
		_ = a.Close()
	}
	if !exporters.IsPermanent(err) {
		t.Errorf("a new key beside others: %v", err)
	}
}

// checkKeyChange checks that the second of four manifests has the key change, and that it is good in its place only.
func checkKeyChange(t *testing.T, r Reader) {
	t.Helper()
	keys, err := ReadKeys(t.Context(), r)
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	var verifiers []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(strings.TrimSpace(k.Text))
		if err != nil {
			t.Fatal(err)
		}
		verifiers = append(verifiers, v)
	}
	for _, first := range []uint64{0, 5, 10, 15} {
		m, _, err := ReadManifest(t.Context(), r, "s", first)
		if err != nil {
			t.Fatal(err)
		}
		if changed := m.KeyChange != ""; changed != (first == 5) {
			t.Errorf("record %d: key change %q", first, m.KeyChange)
		}
		if first != 5 {
			continue
		}
		if v, err := NewKey(m, note.VerifierList(verifiers...)); err != nil || v.Name() != "two" {
			t.Errorf("%v, %v", v, err)
		}
		m.First, m.Tree.Before.Size = 6, 6
		if _, err := NewKey(m, note.VerifierList(verifiers...)); err == nil {
			t.Error("a key change passes in another place")
		}
	}
}

func TestCheckStream(t *testing.T) {
	for _, bad := range []string{"", ".", "..", "../x", "a/b", "a\\b", "-x", ".x", "a b", "a\n", "ä", "a\x00", strings.Repeat("a", 129)} {
		if CheckStream(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, good := range []string{"a", "s-1.2_3", "20261101T000000Z-ab12", strings.Repeat("a", 128)} {
		if err := CheckStream(good); err != nil {
			t.Error(err)
		}
	}
}
