// Package exportertest is the suite that every exporter has to pass: whatever is repeated, cut anew or interrupted,
// each record is stored once, byte for byte, and what was acknowledged is there after a restart.
package exportertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema"
)

// Store is an empty store to test an exporter on.
type Store struct {
	// Open starts an exporter on the store. The suite closes it before it opens another.
	Open func(ctx context.Context) (exporters.Exporter, error)
	// Stored reads back all records of a stream, in any order, without the exporter's help.
	Stored func(ctx context.Context, stream string) ([]exporters.Record, error)
}

// Run runs the suite; newStore makes a fresh store for each test.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		run  func(*bench)
	}{
		{"policy", (*bench).policy},
		{"single", (*bench).single},
		{"in order", (*bench).inOrder},
		{"repeat whole", (*bench).repeatWhole},
		{"repeat after restart", (*bench).repeatAfterRestart},
		{"repeat from the middle", (*bench).repeatMiddle},
		{"repeat of many batches", (*bench).repeatMany},
		{"overlap", (*bench).overlap},
		{"cut anew at random", (*bench).cutAnew},
		{"two streams", (*bench).twoStreams},
		{"empty and huge", (*bench).emptyAndHuge},
		{"bad documents", (*bench).badDocuments},
		{"bad document repeated", (*bench).badRepeated},
		{"cancelled", (*bench).cancelled},
		{"close twice opened", (*bench).reopenIdle},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{T: t, store: newStore(t)}
			defer b.close()
			b.open()
			c.run(b)
		})
	}
}

const stream = "stream-1"

// bench is one store under test.
type bench struct {
	*testing.T
	store Store
	e     exporters.Exporter
}

func (b *bench) open() {
	b.Helper()
	b.close()
	e, err := b.store.Open(b.Context())
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	b.e = e
}

func (b *bench) close() {
	b.Helper()
	if b.e == nil {
		return
	}
	if err := b.e.Close(); err != nil {
		b.Fatalf("close: %v", err)
	}
	b.e = nil
}

// export delivers records and checks that all are acknowledged and none refused.
func (b *bench) export(records []exporters.Record) {
	b.Helper()
	acked, refused, err := b.e.Export(b.Context(), Batch(stream, records))
	if err != nil || len(refused) > 0 {
		b.Fatalf("export %d–%d: refused %v, error %v", records[0].Sequence, records[len(records)-1].Sequence, refused, err)
	}
	if last := records[len(records)-1].Sequence; acked != last {
		b.Fatalf("export %d–%d: acknowledged %d", records[0].Sequence, last, acked)
	}
}

// want restarts and checks that exactly these records are stored.
func (b *bench) want(name string, want []exporters.Record) {
	b.Helper()
	b.open()
	got, err := b.store.Stored(b.Context(), name)
	if err != nil {
		b.Fatalf("read back: %v", err)
	}
	slices.SortFunc(got, func(x, y exporters.Record) int { return int(int64(x.Sequence) - int64(y.Sequence)) })
	if len(got) != len(want) {
		b.Fatalf("stored %d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Sequence != want[i].Sequence {
			b.Fatalf("stored sequence %d, want %d", got[i].Sequence, want[i].Sequence)
		}
		if !bytes.Equal(got[i].JSON, want[i].JSON) {
			b.Fatalf("record %d was changed:\n got %.300q\nwant %.300q", want[i].Sequence, got[i].JSON, want[i].JSON)
		}
	}
}

func (b *bench) policy() {
	if p := b.e.Policy(); p.MaxRecords < 1 || p.MaxBytes < 1 || p.MaxWait <= 0 {
		b.Fatalf("policy %+v has no limits", p)
	}
}

func (b *bench) single() {
	all := Records(stream, 0, 1)
	b.export(all)
	b.want(stream, all)
}

func (b *bench) inOrder() {
	all := Records(stream, 0, 100)
	for from := 0; from < 100; from += 25 {
		b.export(all[from : from+25])
	}
	b.want(stream, all)
}

func (b *bench) repeatWhole() {
	all := Records(stream, 0, 40)
	for range 3 {
		b.export(all)
	}
	b.want(stream, all)
}

func (b *bench) repeatAfterRestart() {
	all := Records(stream, 0, 40)
	for from := 0; from < 40; from += 10 {
		b.export(all[from : from+10])
		b.open()
		b.export(all[from : from+10])
	}
	b.want(stream, all)
}

// repeatMiddle repeats a run of records that begins and ends inside what was one batch.
func (b *bench) repeatMiddle() {
	all := Records(stream, 0, 40)
	b.export(all)
	b.export(all[13:27])
	b.open()
	b.export(all[39:])
	b.want(stream, all)
}

func (b *bench) repeatMany() {
	all := Records(stream, 0, 60)
	for from := 0; from < 60; from += 5 {
		b.export(all[from : from+5])
	}
	b.export(all[3:58])
	b.export(all)
	b.want(stream, all)
}

// overlap repeats the end of one batch at the start of the next.
func (b *bench) overlap() {
	all := Records(stream, 0, 50)
	b.export(all[:20])
	b.export(all[15:35])
	b.open()
	b.export(all[0:50])
	b.want(stream, all)
}

// cutAnew loses acknowledgements at random: batches begin anywhere before the end of what is stored, and restarts fall
// between them.
func (b *bench) cutAnew() {
	rng := rand.New(rand.NewPCG(1, 2))
	all := Records(stream, 0, 200)
	stored := 0
	for stored < len(all) {
		from := rng.IntN(stored + 1)
		if rng.IntN(2) == 0 {
			from = stored
		}
		to := min(from+1+rng.IntN(30), len(all))
		b.export(all[from:to])
		stored = max(stored, to)
		if rng.IntN(4) == 0 {
			b.open()
		}
	}
	b.want(stream, all)
}

func (b *bench) twoStreams() {
	one, two := Records(stream, 0, 30), Records("stream-2", 0, 30)
	for from := 0; from < 30; from += 10 {
		b.export(one[from : from+10])
		acked, refused, err := b.e.Export(b.Context(), Batch("stream-2", two[from:from+10]))
		if err != nil || len(refused) > 0 || acked != uint64(from+9) {
			b.Fatalf("stream-2: acknowledged %d, refused %v, error %v", acked, refused, err)
		}
	}
	b.want(stream, one)
	b.want("stream-2", two)
}

// emptyAndHuge stores a record of which almost nothing is known, and a command of a megabyte.
func (b *bench) emptyAndHuge() {
	var all []exporters.Record
	for i, line := range []string{"", strings.Repeat("head -c 1 /dev/zero; ", 50_000), strings.Repeat("A", 1<<20), strings.Repeat("é世🚀", 30_000)} {
		a := schema.Action{Time: Start}
		a.Event.ID = schema.MakeID("huge", fmt.Sprint(i)).String()
		a.Trail.Stream, a.Trail.Sequence = stream, schema.Some(int64(i))
		a.Command.Line = line
		all = append(all, exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)})
	}
	b.export(all)
	b.want(stream, all)
}

// damaged are records of which one is no document.
func damaged() (all []exporters.Record, good []exporters.Record, bad int) {
	all = Records(stream, 0, 9)
	bad = 4
	all[bad].JSON = []byte(`{"@timestamp":"2026-11-29T23:59:00Z","event":{"id":"`)
	return all, append(slices.Clone(all[:bad]), all[bad+1:]...), bad
}

// badDocuments refuses what is no document, names it, and stores the rest.
func (b *bench) badDocuments() {
	all, good, bad := damaged()
	acked, refused, err := b.e.Export(b.Context(), Batch(stream, all))
	if err != nil || acked != 8 {
		b.Fatalf("acknowledged %d, error %v", acked, err)
	}
	if len(refused) != 1 || refused[0].Sequence != uint64(bad) || refused[0].Reason == "" {
		b.Fatalf("refused %v, want record %d with a reason", refused, bad)
	}
	b.want(stream, good)
}

// badRepeated refuses the same record again when it comes again.
func (b *bench) badRepeated() {
	all, good, bad := damaged()
	for _, from := range []int{0, 0, 2} {
		acked, refused, err := b.e.Export(b.Context(), Batch(stream, all[from:]))
		if err != nil || acked != 8 || len(refused) != 1 || refused[0].Sequence != uint64(bad) {
			b.Fatalf("acknowledged %d, refused %v, error %v", acked, refused, err)
		}
		b.open()
	}
	b.want(stream, good)
}

// cancelled gives up, and takes the same batch afterwards. What it did acknowledge must be stored.
func (b *bench) cancelled() {
	all := Records(stream, 0, 30)
	b.export(all[:10])
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	acked, _, err := b.e.Export(ctx, Batch(stream, all[10:]))
	if err == nil && acked != 29 {
		b.Fatalf("acknowledged %d of a batch that ends at 29, without an error", acked)
	}
	if err != nil && exporters.IsPermanent(err) {
		b.Fatalf("a cancelled call parks the exporter: %v", err)
	}
	b.open()
	b.export(all[10:])
	b.want(stream, all)
}

func (b *bench) reopenIdle() {
	b.open()
	b.open()
	all := Records(stream, 0, 3)
	b.export(all)
	b.open()
	b.want(stream, all)
}
