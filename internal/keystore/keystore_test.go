package keystore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/keystore/keystoretest"
)

// TestMain serves a folder when it is run as the program of TestProcess.
func TestMain(m *testing.M) {
	if dir := os.Getenv("KEYSTORE_TEST_FOLDER"); dir != "" {
		files, err := keystore.OpenFolder(dir)
		if err == nil {
			err = keystore.Serve(context.Background(), files, os.Stdin, os.Stdout)
		}
		if err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func folder(t *testing.T) (string, keystore.Files) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "names")
	f, err := keystore.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, f
}

func TestFolder(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) (keystore.Files, func() keystore.Files) {
		dir, f := folder(t)
		return f, func() keystore.Files {
			again, err := keystore.OpenFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			return again
		}
	})
}

func TestProcess(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) (keystore.Files, func() keystore.Files) {
		dir, _ := folder(t)
		start := func() keystore.Files {
			p := keystore.StartProcess([]string{os.Args[0]}, []string{"KEYSTORE_TEST_FOLDER=" + dir})
			t.Cleanup(func() { _ = p.Close() })
			return p
		}
		return start(), start
	})
}

// A program that ends, or is none, is an error, and the next request starts it anew.
func TestProcessEnds(t *testing.T) {
	p := keystore.StartProcess([]string{"/nowhere/agent-audit"}, nil)
	if _, _, err := p.Read(t.Context(), "subjects/x.json"); err == nil || errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("%v", err)
	}
	sh, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	p = keystore.StartProcess([]string{sh}, nil)
	for range 2 {
		if _, _, err := p.Read(t.Context(), "subjects/x.json"); err == nil || !strings.Contains(err.Error(), "has ended") {
			t.Errorf("%v", err)
		}
	}
	if err := keystore.Serve(t.Context(), nil, strings.NewReader("{\"op\":\"drop\"}\n"), io.Discard); err != nil {
		t.Error(err)
	}
}

func TestVault(t *testing.T) {
	dir, f := folder(t)
	keys := keystoretest.Keys(t)
	v := keystore.NewVault(f, keys)
	const alice, bob = "user:k1:0000000000000aaa", "user:k1:0000000000000bbb"
	sealed := map[string]string{}
	for subject, name := range map[string]string{alice: "alice", bob: "bob"} {
		s, err := v.Keep(subject, name)
		if err != nil || s == "" {
			t.Fatal(s, err)
		}
		if again, err := keystore.NewVault(f, keys).Keep(subject, name); again != s || err != nil {
			t.Errorf("after a restart it is another: %v", err)
		}
		if got, err := v.Reveal(t.Context(), subject, s); got != name || err != nil {
			t.Error(got, err)
		}
		sealed[subject] = s
	}
	if _, err := v.Reveal(t.Context(), bob, sealed[alice]); err == nil {
		t.Error("bob's key opens what is alice's")
	}
	if _, err := keystore.NewVault(f, keystoretest.Keys(t)).Reveal(t.Context(), bob, ""); err == nil {
		t.Error("another organisation's key opens it")
	}
	if none(t, dir, "alice", "bob") == 0 {
		t.Error("nothing is in the key store")
	}
	entry, err := v.Entry(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(filepath.Join(dir, "subjects", strings.ReplaceAll(alice, ":", ".")+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()

	if err := v.Hold(t.Context(), keystore.Hold{Subject: alice, By: "counsel"}); err == nil {
		t.Error("a hold without a reason")
	}
	if err := v.Hold(t.Context(), keystore.Hold{Subject: alice, By: "counsel", Reason: "case 12"}); err != nil {
		t.Fatal(err)
	}
	ask := keystore.Erasure{Subjects: []string{alice}, Basis: "Art. 17(1)(a)", By: "dpo"}
	if _, err := v.Erase(t.Context(), ask); !errors.Is(err, keystore.ErrHeld) || !strings.Contains(err.Error(), "case 12") {
		t.Errorf("%v", err)
	}
	if was, err := v.Release(t.Context(), alice); !was || err != nil {
		t.Fatal(was, err)
	}
	if was, err := v.Release(t.Context(), alice); was || err != nil {
		t.Fatal(was, err)
	}
	e, err := v.Erase(t.Context(), ask)
	if err != nil || e.Done == nil {
		t.Fatal(e, err)
	}
	for _, again := range []*keystore.Vault{v, keystore.NewVault(f, keys)} {
		for _, s := range []string{"", sealed[alice]} {
			if got, err := again.Reveal(t.Context(), alice, s); !errors.Is(err, keystore.ErrErased) {
				t.Errorf("%q, %v", got, err)
			}
		}
		if s, err := again.Keep(alice, "alice"); s != "" || err != nil {
			t.Errorf("who was erased is kept again: %q, %v", s, err)
		}
		if got, err := again.Reveal(t.Context(), bob, sealed[bob]); got != "bob" || err != nil {
			t.Error(got, err)
		}
	}
	wrapped := base64.StdEncoding.EncodeToString(entry.Wrapped)
	none(t, dir, wrapped, string(entry.Wrapped), sealed[alice], base64.StdEncoding.EncodeToString([]byte(sealed[alice])))
	if b, err := io.ReadAll(open); err != nil || bytes.Contains(b, []byte(wrapped)) {
		t.Errorf("the file that was there still holds the key: %v", err)
	}
	if open, err := v.Open(t.Context()); len(open) != 1 || err != nil {
		t.Error(open, err)
	}
	if err := v.Certify(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if open, err := v.Open(t.Context()); len(open) != 0 || err != nil {
		t.Error(open, err)
	}
}

// none checks that texts are in no file of a folder; it returns how many files there are.
func none(t *testing.T, dir string, texts ...string) (files int) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for _, text := range texts {
			if bytes.Contains(b, []byte(text)) {
				t.Errorf("%q is in %s", text, path)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

// failing fails after so many changes, before or after the change that it fails.
type failing struct {
	keystore.Files
	left  int
	after bool
}

var errFails = errors.New("the power is gone")

func (f *failing) change(do func() error) error {
	f.left--
	if f.left < 0 || f.left == 0 && !f.after {
		return errFails
	}
	if err := do(); err != nil {
		return err
	}
	if f.left == 0 {
		return errFails
	}
	return nil
}

func (f *failing) Create(ctx context.Context, name string, data []byte) (there []byte, err error) {
	err = f.change(func() (err error) { there, err = f.Files.Create(ctx, name, data); return err })
	return there, err
}

func (f *failing) Replace(ctx context.Context, name, tag string, data []byte) error {
	return f.change(func() error { return f.Files.Replace(ctx, name, tag, data) })
}

// An erasure that stops anywhere is undone, or is seen and gone on with.
func TestErasureCutShort(t *testing.T) {
	subjects := []string{"user:k1:0000000000000001", "user:k1:0000000000000002", "email:k1:0000000000000003"}
	stops := 0
	for stop := 1; ; stop++ {
		ended := false
		for _, after := range []bool{false, true} {
			_, files := folder(t)
			keys := keystoretest.Keys(t)
			v := keystore.NewVault(files, keys)
			for _, s := range subjects {
				if _, err := v.Keep(s, "name"); err != nil {
					t.Fatal(err)
				}
			}
			cut := keystore.NewVault(&failing{files, stop, after}, keys)
			_, err := cut.Erase(t.Context(), keystore.Erasure{Subjects: subjects, Basis: "Art. 17", By: "dpo"})
			if err == nil {
				ended = true
				continue
			}
			stops++
			erased := 0
			for _, s := range subjects {
				if _, err := v.Reveal(t.Context(), s, ""); errors.Is(err, keystore.ErrErased) {
					erased++
				} else if err != nil {
					t.Fatal(err)
				}
			}
			open, err := v.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(open) == 0 {
				if erased > 0 {
					t.Errorf("stop %d, %v: %d erased, and nothing says so", stop, after, erased)
				}
				continue
			}
			if err := v.Resume(t.Context(), open[0]); err != nil || open[0].Done == nil {
				t.Fatalf("stop %d, %v: %v", stop, after, err)
			}
			for _, s := range subjects {
				if _, err := v.Reveal(t.Context(), s, ""); !errors.Is(err, keystore.ErrErased) {
					t.Errorf("stop %d, %v: %s after resuming: %v", stop, after, s, err)
				}
			}
		}
		if ended {
			break
		}
	}
	if stops < 8 {
		t.Errorf("only %d places to stop at", stops)
	}
}

func TestRotation(t *testing.T) {
	_, files := folder(t)
	file := filepath.Join(t.TempDir(), "privacy.key")
	keys, err := keystore.LoadKeys(file, "")
	if err != nil {
		t.Fatal(err)
	}
	v := keystore.NewVault(files, keys)
	const alice = "user:k1:0000000000000aaa"
	sealed, err := v.Keep(alice, "alice")
	if err != nil {
		t.Fatal(err)
	}
	old, err := keystore.ParseKeys(keys.String())
	if err != nil {
		t.Fatal(err)
	}
	if !keys.AddWrap() || keys.AddWrap() {
		t.Error("a second new key before the first has wrapped everything")
	}
	if err := keys.Save(file); err != nil {
		t.Fatal(err)
	}
	for want := 1; want >= 0; want-- {
		if n, err := v.Rewrap(t.Context()); n != want || err != nil {
			t.Fatal(n, err)
		}
	}
	keys.Retire()
	if err := keys.Save(file); err != nil {
		t.Fatal(err)
	}
	if keys, err = keystore.LoadKeys(file, ""); err != nil || keys.Current() != "w2" {
		t.Fatal(keys.Current(), err)
	}
	if got, err := keystore.NewVault(files, keys).Reveal(t.Context(), alice, sealed); got != "alice" || err != nil {
		t.Error(got, err)
	}
	if _, err := keystore.NewVault(files, old).Reveal(t.Context(), alice, sealed); err == nil {
		t.Error("the retired key still opens it")
	}
}

func TestKeys(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for text, want := range map[string]string{
		"":                    "is missing",
		"pseudonym k1 " + hex: "is missing",
		"wrap w1 " + hex:      "is missing",
		"pseudonym k1 0a":     "line 1",
		"key k1 " + hex:       "line 1",
		"pseudonym k1 " + hex + "\npseudonym k2 " + hex + "\nwrap w1 " + hex: "a second",
	} {
		if _, err := keystore.ParseKeys(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0a0a") {
			t.Errorf("%q: %v", text, err)
		}
	}
	t.Setenv("KEYS", "pseudonym k7 "+hex+"; wrap w1 "+hex)
	if k, err := keystore.LoadKeys("", "KEYS"); err != nil || k.PseudonymID != "k7" {
		t.Error(k, err)
	}
	file := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(file, []byte("pseudonym k1 "+hex+"\nwrap w1 "+hex), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.LoadKeys(file, ""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
}
