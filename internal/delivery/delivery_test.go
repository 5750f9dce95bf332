package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/scrub"
)

// store is an exporter in memory. What it does with a batch is up to the test.
type store struct {
	mu      sync.Mutex
	got     map[uint64]string
	repeats int
	policy  exporters.BatchPolicy
	hook    func(s *store, b exporters.Batch) (uint64, []exporters.Refusal, error)
	opens   int
	batches int
}

func newStore() *store {
	return &store{got: map[uint64]string{}, policy: exporters.BatchPolicy{MaxRecords: 7, MaxBytes: 1 << 20, MaxWait: 5 * time.Millisecond}}
}

func (s *store) Policy() exporters.BatchPolicy { return s.policy }
func (s *store) Close() error                  { return nil }

func (s *store) Export(_ context.Context, b exporters.Batch) (uint64, []exporters.Refusal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches++
	if b.Tree.Size() != b.First() {
		return 0, nil, fmt.Errorf("tree of %d records before record %d", b.Tree.Size(), b.First())
	}
	if s.hook != nil {
		return s.hook(s, b)
	}
	return s.keep(b.Records), nil, nil
}

func (s *store) keep(rs []exporters.Record) uint64 {
	last := uint64(0)
	for _, r := range rs {
		if _, ok := s.got[r.Sequence]; ok {
			s.repeats++
		}
		s.got[r.Sequence], last = string(r.JSON), r.Sequence
	}
	return last
}

func (s *store) connect(context.Context) (exporters.Exporter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	return s, nil
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

func (s *store) repeated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repeats
}

func openJournal(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open("state", func() string { return "s" }, journal.Options{FS: vfs.NewMem(), SeenFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func add(t *testing.T, j *journal.Journal, n int) {
	t.Helper()
	e, err := scrub.New(scrub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := seal.NewScrubber(e, seal.DefaultLimits)
	c := j.Begin()
	for i := range n {
		f := schema.Fragment{}
		f.Message = fmt.Sprintf("record %d", i)
		c.Append(s.Fragment(&f))
	}
	if err := c.Commit(); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, j *journal.Journal, stores map[string]*store) *Delivery {
	t.Helper()
	var targets []Target
	for name, s := range stores {
		targets = append(targets, Target{Name: name, Connect: s.connect})
	}
	d, err := Start(j, targets, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	return d
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("never happened: " + what)
}

func balanced(t *testing.T, d *Delivery) {
	t.Helper()
	for _, s := range d.Status() {
		if s.Accepted != s.Delivered+s.Pending+s.DeadLetters {
			t.Errorf("%s: %d accepted ≠ %d delivered + %d pending + %d dead letters", s.Name, s.Accepted, s.Delivered, s.Pending, s.DeadLetters)
		}
	}
}

// One exporter fails all the while: the other has everything, and the first catches up when it works again.
func TestOneFailingExporterDoesNotDelayTheOther(t *testing.T) {
	j := openJournal(t)
	good, bad := newStore(), newStore()
	broken := true
	bad.hook = func(s *store, b exporters.Batch) (uint64, []exporters.Refusal, error) {
		if broken {
			return 0, nil, errors.New("connection refused")
		}
		return s.keep(b.Records), nil, nil
	}
	d := start(t, j, map[string]*store{"good": good, "bad": bad})
	for range 20 {
		add(t, j, 10)
	}
	eventually(t, "good store has all", func() bool { return good.count() == 200 })
	balanced(t, d)
	if bad.count() != 0 {
		t.Fatal("the failing store has records")
	}
	bad.mu.Lock()
	broken = false
	bad.mu.Unlock()
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if good.count() != 200 || bad.count() != 200 || good.repeated()+bad.repeated() != 0 {
		t.Errorf("good %d, bad %d, repeats %d", good.count(), bad.count(), good.repeated()+bad.repeated())
	}
	balanced(t, d)
}

// A partial answer moves the cursor just that far.
func TestPartialAcknowledgement(t *testing.T) {
	j := openJournal(t)
	s := newStore()
	s.hook = func(s *store, b exporters.Batch) (uint64, []exporters.Refusal, error) {
		if s.batches%2 == 1 && len(b.Records) > 2 {
			return s.keep(b.Records[:2]), nil, errors.New("reset by peer")
		}
		return s.keep(b.Records), nil, nil
	}
	d := start(t, j, map[string]*store{"s": s})
	add(t, j, 20)
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.count() != 20 || s.repeated() != 0 {
		t.Errorf("%d records, %d repeats", s.count(), s.repeated())
	}
}

func TestRefusalsBecomeDeadLetters(t *testing.T) {
	j := openJournal(t)
	s := newStore()
	s.hook = func(s *store, b exporters.Batch) (uint64, []exporters.Refusal, error) {
		var refused []exporters.Refusal
		for _, r := range b.Records {
			if r.Sequence%5 == 0 {
				refused = append(refused, exporters.Refusal{Sequence: r.Sequence, Reason: "mapping"})
				continue
			}
			s.keep([]exporters.Record{r})
		}
		return b.Last(), refused, nil
	}
	d := start(t, j, map[string]*store{"s": s})
	add(t, j, 20)
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	balanced(t, d)
	if st := d.Status()[0]; st.Delivered != 16 || st.DeadLetters != 4 {
		t.Errorf("%+v", st)
	}
	n := 0
	if err := j.DeadLetters("s", func(l journal.DeadLetter) bool {
		n++
		if l.Sequence%5 != 0 || l.Reason != "mapping" || len(l.JSON) == 0 {
			t.Errorf("dead letter %+v", l)
		}
		return true
	}); err != nil || n != 4 {
		t.Errorf("%d dead letters, %v", n, err)
	}
}

// An exporter that a person must mend is parked, and says why; a panic in one is an error like another.
func TestParkedAndPanic(t *testing.T) {
	j := openJournal(t)
	parked, wild := newStore(), newStore()
	parked.hook = func(*store, exporters.Batch) (uint64, []exporters.Refusal, error) {
		return 0, nil, exporters.Permanent(errors.New("bucket has no Object Lock"))
	}
	wild.hook = func(s *store, b exporters.Batch) (uint64, []exporters.Refusal, error) {
		if s.batches == 1 {
			s.mu.Unlock() // the deferred Unlock of Export runs while panicking
			s.mu.Lock()
			panic("index out of range")
		}
		return s.keep(b.Records), nil, nil
	}
	d := start(t, j, map[string]*store{"parked": parked, "wild": wild})
	add(t, j, 5)
	eventually(t, "wild store has all", func() bool { return wild.count() == 5 })
	eventually(t, "the other is parked", func() bool {
		for _, s := range d.Status() {
			if s.Name == "parked" {
				return s.State == Parked && s.Error != ""
			}
		}
		return false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := d.Drain(ctx); err == nil {
		t.Error("drained although an exporter is parked")
	}
}

// Records that do not give the tree head written with them are never delivered.
func TestDamagedRecordsAreNotDelivered(t *testing.T) {
	j := openJournal(t)
	add(t, j, 3)
	l, err := newLoop("s", nil, j, slog.New(slog.DiscardHandler), func() {})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := j.Read(0, 10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.check(merkle.Frontier{}, rs); err != nil {
		t.Fatal(err)
	}
	rs[1].JSON[10] ^= 1
	if _, err := l.check(merkle.Frontier{}, rs); err == nil {
		t.Error("a changed record passes")
	}
}

// Batches wait for the policy's limits, except when draining.
func TestBatchPolicy(t *testing.T) {
	j := openJournal(t)
	s := newStore()
	s.policy = exporters.BatchPolicy{MaxRecords: 10, MaxBytes: 1 << 20, MaxWait: time.Hour}
	d := start(t, j, map[string]*store{"s": s})
	add(t, j, 9)
	time.Sleep(50 * time.Millisecond)
	if s.count() != 0 {
		t.Fatal("a batch was cut before its limits")
	}
	add(t, j, 3)
	eventually(t, "full batch", func() bool { return s.count() == 10 })
	if err := d.Drain(t.Context()); err != nil || s.count() != 12 {
		t.Fatalf("%d records, %v", s.count(), err)
	}
}
