// Package storetest is the suite that every archive.Store has to pass: what was made is there, whole, once, and stays.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Run runs the suite; open opens the store, which is empty the first time, again.
func Run(t *testing.T, open func(t *testing.T) archive.Store) {
	for _, c := range []struct {
		name string
		run  func(*bench)
	}{
		{"make and read", (*bench).makeAndRead},
		{"never replaced", (*bench).neverReplaced},
		{"parts", (*bench).parts},
		{"listings", (*bench).listings},
		{"not there", (*bench).notThere},
		{"cancelled", (*bench).cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{T: t, dir: fmt.Sprint("dir-", time.Now().UnixNano())}
			b.Store = open(t)
			defer func() {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}()
			c.run(b)
		})
	}
}

// bench is a store under test, and a folder in it that no other test uses.
type bench struct {
	*testing.T
	archive.Store
	dir string
}

func (b *bench) name(n string) string { return b.dir + "/" + n }

// make makes a file that must not be there.
func (b *bench) make(name string, data []byte) archive.File {
	b.Helper()
	lock := b.Lock(time.Now())
	f, err := b.Create(b.Context(), b.name(name), data, lock)
	if err != nil {
		b.Fatalf("make %s: %v", name, err)
	}
	if !f.Lock.Holds(lock) {
		b.Errorf("%s is locked %+v, not %+v", name, f.Lock, lock)
	}
	return f
}

func (b *bench) makeAndRead() {
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("text\n"), "nul": {0, 1, 0}, "large": bytes.Repeat([]byte("0123456789abcdef"), 1<<17),
	} {
		f := b.make(name, data)
		for _, version := range []string{"", f.Version} {
			got, g, err := b.Read(b.Context(), b.name(name), version)
			if err != nil || !bytes.Equal(got, data) || g.Version != f.Version {
				b.Errorf("%s, version %q: %d bytes of version %q, %v; want %d of %q", name, version, len(got), g.Version, err, len(data), f.Version)
			}
			if !g.Lock.Holds(f.Lock) {
				b.Errorf("%s: read under another lock than it was made under: %+v, %+v", name, g.Lock, f.Lock)
			}
		}
	}
}

func (b *bench) neverReplaced() {
	b.make("x", []byte("first"))
	for _, data := range []string{"second", "first", ""} {
		if _, err := b.Create(b.Context(), b.name("x"), []byte(data), b.Lock(time.Now())); !errors.Is(err, fs.ErrExist) {
			b.Errorf("made again: %v, want %v", err, fs.ErrExist)
		}
	}
	if got, _, err := b.Read(b.Context(), b.name("x"), ""); err != nil || string(got) != "first" {
		b.Errorf("%q, %v", got, err)
	}
	list, err := b.List(b.Context(), b.dir)
	if err != nil || len(list) != 1 || list[0].Replaced != 0 || list[0].Hidden {
		b.Errorf("%+v, %v", list, err)
	}
}

func (b *bench) parts() {
	f := b.make("x", []byte("0123456789"))
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 10, "0123456789"}, {3, 4, "3456"}, {9, 1, "9"}, {5, 0, ""}} {
		got, err := b.ReadRange(b.Context(), b.name("x"), f.Version, c.offset, c.length)
		if err != nil || string(got) != c.want {
			b.Errorf("%d+%d: %q, %v", c.offset, c.length, got, err)
		}
	}
	for _, c := range [][2]int64{{5, 6}, {10, 1}, {100, 1}} {
		if got, err := b.ReadRange(b.Context(), b.name("x"), f.Version, c[0], c[1]); err == nil {
			b.Errorf("%d+%d: %q beyond the end", c[0], c[1], got)
		}
	}
}

func (b *bench) listings() {
	var want []string
	for i := range 30 {
		name := fmt.Sprintf("%020d.ndjson.gz", i*7)
		f := b.make(name, make([]byte, i))
		want = append(want, name)
		list, err := b.List(b.Context(), b.dir)
		if err != nil || len(list) != i+1 {
			b.Fatalf("%d files, %v; want %d", len(list), err, i+1)
		}
		if last := list[i]; last.Name != name || last.Size != int64(i) || last.Version != f.Version || last.Dir {
			b.Errorf("%+v, made as %s, %+v", last, name, f)
		}
	}
	list, err := b.List(b.Context(), b.dir)
	if err != nil || !slices.IsSortedFunc(list, func(x, y archive.Listed) int { return bytes.Compare([]byte(x.Name), []byte(y.Name)) }) {
		b.Errorf("%+v, %v", list, err)
	}
	top, err := b.List(b.Context(), "")
	if err != nil || !slices.ContainsFunc(top, func(l archive.Listed) bool { return l.Name == b.dir && l.Dir }) {
		b.Errorf("the folder is not listed: %+v, %v", top, err)
	}
	for i, l := range list {
		if l.Name != want[i] {
			b.Errorf("%s, want %s", l.Name, want[i])
		}
	}
}

func (b *bench) notThere() {
	if _, _, err := b.Read(b.Context(), b.name("x"), ""); !errors.Is(err, fs.ErrNotExist) {
		b.Errorf("read: %v, want %v", err, fs.ErrNotExist)
	}
	if list, err := b.List(b.Context(), b.dir); err != nil || len(list) != 0 {
		b.Errorf("%+v, %v", list, err)
	}
}

func (b *bench) cancelled() {
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	if _, err := b.Create(ctx, b.name("x"), []byte("x"), b.Lock(time.Now())); err == nil {
		b.Error("a cancelled call made a file")
	}
	if _, _, err := b.Read(ctx, b.name("x"), ""); err == nil {
		b.Error("a cancelled call read a file")
	}
}
