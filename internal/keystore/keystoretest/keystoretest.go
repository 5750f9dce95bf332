// Package keystoretest is the suite that every key store passes.
package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"

	"github.com/agentaudit/agentaudit/internal/keystore"
)

// Run runs the suite. open opens an empty key store; again opens the same one as another machine or process would.
func Run(t *testing.T, open func(t *testing.T) (first keystore.Files, again func() keystore.Files)) {
	t.Run("files", func(t *testing.T) {
		first, again := open(t)
		files(t, first, again())
	})
	t.Run("fleet", func(t *testing.T) {
		_, again := open(t)
		fleet(t, again)
	})
	t.Run("erase while others write", func(t *testing.T) {
		first, again := open(t)
		eraseWhileRewrapped(t, first, again)
	})
}

// Keys makes keys of an organisation.
func Keys(t testing.TB) *keystore.Keys {
	t.Helper()
	k, err := keystore.LoadKeys(filepath.Join(t.TempDir(), "privacy.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func files(t *testing.T, a, b keystore.Files) {
	ctx := t.Context()
	if _, _, err := a.Read(ctx, "subjects/x.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	if there, err := a.Create(ctx, "subjects/x.json", []byte("1")); there != nil || err != nil {
		t.Fatal(there, err)
	}
	if there, err := b.Create(ctx, "subjects/x.json", []byte("2")); string(there) != "1" || err != nil {
		t.Fatalf("the second writer gets %q, %v", there, err)
	}
	data, tag, err := b.Read(ctx, "subjects/x.json")
	if string(data) != "1" || err != nil {
		t.Fatal(string(data), err)
	}
	if err := a.Replace(ctx, "subjects/x.json", tag, []byte("3")); err != nil {
		t.Fatal(err)
	}
	if err := b.Replace(ctx, "subjects/x.json", tag, []byte("4")); !errors.Is(err, keystore.ErrChanged) {
		t.Errorf("replaced what is another by now: %v", err)
	}
	if data, _, err := b.Read(ctx, "subjects/x.json"); string(data) != "3" || err != nil {
		t.Error(string(data), err)
	}
	if _, err := a.Create(ctx, "subjects/w.json", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if names, err := b.List(ctx, "subjects"); fmt.Sprint(names) != "[subjects/w.json subjects/x.json]" || err != nil {
		t.Error(names, err)
	}
	if names, err := b.List(ctx, "holds"); len(names) > 0 || err != nil {
		t.Error(names, err)
	}
}

// Of the fleet.
const (
	writers  = 8
	subjects = 1000
)

// fleet lets 8 writers make keys for the same 1,000 subjects at once: there are 1,000 keys, and all writers have the same.
func fleet(t *testing.T, again func() keystore.Files) {
	keys := Keys(t)
	sealed := make([]map[string]string, writers)
	var wg sync.WaitGroup
	for w := range writers {
		v := keystore.NewVault(again(), keys)
		wg.Go(func() {
			sealed[w] = map[string]string{}
			for i := range subjects {
				n := (i + w*subjects/writers) % subjects // each begins elsewhere, and all meet
				if w%2 == 1 {
					n = i
				}
				s, err := v.Keep(subject(n), fmt.Sprintf("person %d", n))
				if err != nil {
					t.Error(err)
					return
				}
				sealed[w][subject(n)] = s
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	v, count, distinct := keystore.NewVault(again(), keys), 0, map[string]bool{}
	if err := v.Subjects(t.Context(), func(e *keystore.Entry) error {
		count++
		distinct[string(e.Wrapped)] = true
		for w := range writers {
			if sealed[w][e.Subject] != string(e.Original) {
				t.Errorf("writer %d has another original of %s", w, e.Subject)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if count != subjects || len(distinct) != subjects {
		t.Errorf("%d entries, %d keys, want %d", count, len(distinct), subjects)
	}
	for _, n := range []int{0, 1, subjects - 1} {
		if got, err := v.Reveal(t.Context(), subject(n), sealed[n%writers][subject(n)]); got != fmt.Sprintf("person %d", n) || err != nil {
			t.Error(got, err)
		}
	}
}

func subject(n int) string { return fmt.Sprintf("user:k1:%016d", n) }

// eraseWhileRewrapped holds an erasure against a rotation of keys that goes on at the same time: neither brings back what
// the other has changed.
func eraseWhileRewrapped(t *testing.T, first keystore.Files, again func() keystore.Files) {
	keys := Keys(t)
	v := keystore.NewVault(first, keys)
	var erase []string
	for n := range 20 {
		if _, err := v.Keep(subject(n), "person"); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			erase = append(erase, subject(n))
		}
	}
	keys.AddWrap()
	var wg sync.WaitGroup
	for range 3 {
		other := keystore.NewVault(again(), keys)
		wg.Go(func() {
			if _, err := other.Rewrap(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := v.Erase(t.Context(), keystore.Erasure{Subjects: erase, Basis: "Art. 17", By: "dpo"}); err != nil {
		t.Error(err)
	}
	wg.Wait()
	keys.Retire()
	for n := range 20 {
		_, err := v.Reveal(t.Context(), subject(n), "")
		if erased := n%2 == 0; errors.Is(err, keystore.ErrErased) != erased || !erased && err != nil {
			t.Errorf("%s: %v", subject(n), err)
		}
	}
}
