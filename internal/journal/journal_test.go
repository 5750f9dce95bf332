package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/scrub"
)

func open(t *testing.T, fs vfs.FS, o Options) *Journal {
	t.Helper()
	o.FS = fs
	if o.SeenFor == 0 {
		o.SeenFor = 24 * time.Hour
	}
	j, err := Open("state", func() string { return "s" }, o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

var scrubber = func() *seal.Scrubber {
	e, err := scrub.New(scrub.Options{})
	if err != nil {
		panic(err)
	}
	return seal.NewScrubber(e, seal.DefaultLimits)
}()

func clean(text string) *seal.Clean {
	f := schema.Fragment{Key: schema.MakeID(text), ID: schema.MakeID(text)}
	f.Message = text
	return scrubber.Fragment(&f)
}

// put commits a chunk of n records and returns its error.
func put(j *Journal, n int) error {
	c := j.Begin()
	for range n {
		a := clean(fmt.Sprintf("record %d", c.head.next))
		c.See(a.ID)
		c.Append(a)
	}
	return c.Commit()
}

func read(t *testing.T, j *Journal, from uint64) []string {
	t.Helper()
	rs, err := j.Read(from, 1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, r := range rs {
		if r.Sequence != from+uint64(i) {
			t.Fatalf("record %d stands at %d", r.Sequence, from+uint64(i))
		}
		out = append(out, string(r.JSON))
	}
	return out
}

func TestCommitIsAllOrNothing(t *testing.T) {
	fs := vfs.NewMem()
	j := open(t, fs, Options{})
	c := j.Begin()
	c.Append(clean("lost"))
	c.See(schema.MakeID("lost"))
	c.Discard()
	if err := put(j, 3); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, fs, Options{})
	defer j.Close()
	if got := read(t, j, 0); len(got) != 3 || !strings.Contains(got[0], "record 0") {
		t.Fatalf("records: %v", got)
	}
	c = j.Begin()
	defer c.Discard()
	for id, want := range map[string]bool{"lost": false, "record 1": true, "record 3": false} {
		if got, err := c.Seen(schema.MakeID(id)); err != nil || got != want {
			t.Errorf("Seen(%s) = %v, %v", id, got, err)
		}
	}
	tree := j.Tree()
	var want merkle.Frontier
	for _, doc := range read(t, j, 0) {
		want.Append(merkle.LeafHash([]byte(doc)))
	}
	if tree.Root() != want.Root() || j.Next() != 3 {
		t.Errorf("tree of %d records is not that of the records", j.Next())
	}
}

// A power cut at any moment leaves exactly the chunks whose Commit had returned, or one more that was under way.
func TestPowerCut(t *testing.T) {
	for cut := range 40 {
		fs := vfs.NewCrashableMem()
		j := open(t, fs, Options{})
		committed := 0
		for i := range 3 + cut%5 {
			if err := put(j, 1+i%3); err != nil {
				t.Fatal(err)
			}
			committed += 1 + i%3
		}
		c := j.Begin() // under way
		c.Append(clean("under way"))
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: cut * 100 / 39, RNG: newRand(uint64(cut))})
		c.Discard()
		j.Close()

		j = open(t, crashed, Options{})
		if got := read(t, j, 0); len(got) != committed {
			t.Fatalf("cut %d: %d records, %d were committed", cut, len(got), committed)
		}
		if err := put(j, 2); err != nil {
			t.Fatal(err)
		}
		j.Close()
	}
}

func TestFull(t *testing.T) {
	fs := vfs.NewMem()
	j := open(t, fs, Options{MaxBytes: 2000})
	defer j.Close()
	n := 0
	var err error
	for ; err == nil && n < 100; n++ {
		err = put(j, 1)
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d chunks: %v", n, err)
	}
	accepted := j.Next()
	if used := j.Used(); used > 2000 {
		t.Fatalf("%d bytes used", used)
	}
	if err := j.Trim(Cursor{Next: accepted, Tree: j.Tree()}); err != nil {
		t.Fatal(err)
	}
	if err := put(j, 1); err != nil {
		t.Fatal("still full after trimming: ", err)
	}
	if got := read(t, j, accepted); len(got) != 1 {
		t.Fatalf("records: %v", got)
	}
}

func TestFullSurvivesReopen(t *testing.T) {
	fs := vfs.NewMem()
	j := open(t, fs, Options{MaxBytes: 2000})
	for put(j, 1) == nil {
	}
	used, next := j.Used(), j.Next()
	j.Close()
	j = open(t, fs, Options{MaxBytes: 2000})
	defer j.Close()
	if j.Used() != used || j.Next() != next {
		t.Fatalf("used %d → %d, next %d → %d", used, j.Used(), next, j.Next())
	}
	if err := put(j, 1); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
}

// Identities are forgotten after the window, not before.
func TestSeenWindow(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := Options{SeenFor: 40 * time.Hour, Now: func() time.Time { return now }}
	fs := vfs.NewMem()
	j := open(t, fs, o)
	if err := put(j, 1); err != nil {
		t.Fatal(err)
	}
	seen := func() bool {
		c := j.Begin()
		defer c.Discard()
		ok, err := c.Seen(schema.MakeID("record 0"))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for range 40 {
		if !seen() {
			t.Fatalf("forgotten at %v", now)
		}
		now = now.Add(time.Hour)
		if err := j.Forget(); err != nil {
			t.Fatal(err)
		}
		if now.Hour()%7 == 0 {
			j.Close()
			j = open(t, fs, o)
		}
	}
	now = now.Add(11 * time.Hour)
	if err := j.Forget(); err != nil {
		t.Fatal(err)
	}
	if seen() {
		t.Error("remembered beyond the window")
	}
	j.Close()
}

func TestCursorAndDeadLetters(t *testing.T) {
	fs := vfs.NewMem()
	j := open(t, fs, Options{})
	if err := put(j, 5); err != nil {
		t.Fatal(err)
	}
	c, err := j.Cursor("a")
	if err != nil || c.Next != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	docs := read(t, j, 0)
	for _, d := range docs[:3] {
		c.Tree.Append(merkle.LeafHash([]byte(d)))
	}
	c.Next, c.Dead = 3, 1
	if err := j.SaveCursor("a", c, []DeadLetter{{Sequence: 1, Reason: "mapping", JSON: []byte(docs[1])}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Trim(c); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j = open(t, fs, Options{})
	defer j.Close()
	if got, err := j.Cursor("a"); err != nil || got.Next != 3 || got.Dead != 1 || got.Tree.Root() != c.Tree.Root() {
		t.Errorf("cursor: %+v, %v", got, err)
	}
	// A new exporter begins with what is left, and can still tell the tree.
	if got, err := j.Cursor("b"); err != nil || got.Next != 3 || got.Tree.Root() != c.Tree.Root() {
		t.Errorf("new cursor: %+v, %v", got, err)
	}
	var letters []DeadLetter
	if err := j.DeadLetters("a", func(l DeadLetter) bool { letters = append(letters, l); return true }); err != nil {
		t.Fatal(err)
	}
	if len(letters) != 1 || letters[0].Sequence != 1 || letters[0].Reason != "mapping" || string(letters[0].JSON) != docs[1] {
		t.Errorf("dead letters: %+v", letters)
	}
	if names, err := j.Exporters(); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("exporters %v, %v", names, err)
	}
	if _, err := j.Read(0, 10, 1<<20); !errors.Is(err, ErrTrimmed) {
		t.Errorf("reading trimmed records: %v", err)
	}
	if n, b := j.Backlog(3); n != 2 || b <= 0 {
		t.Errorf("backlog %d records, %d bytes", n, b)
	}
}

// After a failed write or sync of its log the journal takes nothing more, and opening it again shows only what was
// synced before.
func TestFailedSync(t *testing.T) {
	for name, kinds := range map[string][]errorfs.OpKind{
		"write": {errorfs.OpFileWrite, errorfs.OpFileWriteAt},
		"sync":  {errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo},
	} {
		t.Run(name, func(t *testing.T) { failedLog(t, kinds) })
	}
}

func failedLog(t *testing.T, kinds []errorfs.OpKind) {
	mem := vfs.NewCrashableMem()
	fail := errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && slices.Contains(kinds, op.Kind) {
			return errorfs.ErrInjected
		}
		return nil
	})}
	j := open(t, errorfs.Wrap(mem, &fail), Options{})
	if err := put(j, 2); err != nil {
		t.Fatal(err)
	}
	fail.On()
	if err := put(j, 1); err == nil {
		t.Fatal("a failed write was acknowledged")
	}
	fail.Off()
	if err := put(j, 1); err == nil || j.Broken() == nil {
		t.Fatal("a broken journal takes chunks")
	}
	j = open(t, mem.CrashClone(vfs.CrashCloneCfg{}), Options{})
	defer j.Close()
	if got := read(t, j, 0); len(got) != 2 {
		t.Fatalf("%d records", len(got))
	}
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, func() string { return "s" }, Options{SeenFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := Open(dir, func() string { return "s" }, Options{SeenFor: time.Hour}); !errors.Is(err, ErrInUse) {
		t.Fatalf("second opening: %v", err)
	}
}

func TestNewerStateIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	j := open(t, fs, Options{})
	if err := j.db.Set([]byte{'h'}, []byte{headVersion + 1}, nil); err != nil {
		t.Fatal(err)
	}
	j.Close()
	if _, err := Open("state", func() string { return "s" }, Options{FS: fs, SeenFor: time.Hour}); !errors.Is(err, ErrNewer) {
		t.Fatal(err)
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }
