package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/test/host"
)

const perChunk = 100 // actions

// The host is killed at random moments while records come in, started again, and fed as Fluent Bit would feed it: the
// chunk whose FLB_OK it has not seen comes again. Afterwards every record is there once, in both stores, and the archive
// verifies. AGENT_AUDIT_LONG=1 makes it 100 kills and 50,000 records.
func TestKill(t *testing.T) {
	kills, records := 8, 4_000
	if os.Getenv("AGENT_AUDIT_LONG") != "" {
		kills, records = 100, 50_000
	}
	p := newPlace(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d: %d kills, %d records", seed, kills, records)
	r := rand.New(rand.NewPCG(seed, 0))
	chunks := records/perChunk + 1 // the last one brings the last results
	next, killed := 0, 0
	for next < chunks {
		h, err := host.Start(context.Background(), hostProgram, plugin, host.Options{Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if killed < kills {
			// A moment spread over start-up, load and delivery, so that all kills fall before the end.
			limit := chunks * (killed + 1) / (kills + 1)
			next = feedUntilKilled(t, h, p, next, limit, records, time.Duration(r.IntN(400))*time.Millisecond)
			killed++
			continue
		}
		id := startInstance(t, h, p.keys())
		for ; next < chunks; next++ {
			if res, err := h.Flush(id, "load", pairedChunk(next, perChunk, records)); err != nil || res != host.OK {
				t.Fatalf("flush: %v, %v\n%s", res, err, h.Stderr())
			}
		}
		p.delivered(t)
		if err := h.Exit(); err != nil {
			t.Fatal(err)
		}
	}
	commands := map[string]bool{}
	for _, record := range p.same(t, records) {
		a, err := schema.Parse([]byte(record))
		if err != nil || !a.Trail.Complete || a.Execution.Stdout == "" {
			t.Fatalf("record is not whole: %v\n%s", err, record)
		}
		commands[a.Command.Line] = true
	}
	for i := range records {
		if !commands[fmt.Sprintf("step %d", i)] {
			t.Fatalf("action %d was lost", i)
		}
	}
	p.verified(t)
	t.Logf("%d kills: 0 of %d records lost, 0 twice, verified", killed, records)
}

// feedUntilKilled feeds chunks from next up to limit, kills the host after a while at the latest, and returns the first
// chunk that was not acknowledged.
func feedUntilKilled(t *testing.T, h *host.Host, p *place, next, limit, records int, after time.Duration) int {
	t.Helper()
	var exporters []int
	timer := time.AfterFunc(after, func() {
		exporters = exportersOf(t, h.Pid())
		_ = h.Kill()
	})
	defer func() {
		timer.Stop()
		_ = h.Kill()
		requireGone(t, exporters)
	}()
	id, err := h.Instance(p.keys())
	var init *host.InitError
	if errors.As(err, &init) {
		t.Fatalf("start after a kill: %v\n%s", err, h.Stderr())
	}
	if err != nil {
		return next // killed meanwhile
	}
	for ; next < limit; next++ {
		res, err := h.Flush(id, "load", pairedChunk(next, perChunk, records))
		if err != nil {
			return next
		}
		if res != host.OK {
			t.Fatalf("flush: %v\n%s", res, h.Stderr())
		}
	}
	_ = h.Wait()
	return next
}

// pairedChunk holds the results of the chunk before and the requests of this one: whenever the host dies, actions wait on
// the disk for results that come later.
func pairedChunk(number, n, records int) []byte {
	var e host.Encoder
	ts := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	event := func(k int, format string, args ...any) {
		if k < 0 || k >= records {
			return
		}
		at := ts.Add(time.Duration(k) * time.Millisecond)
		e.Event(at, nil, host.M("log", fmt.Sprintf(`{"call_id":"kill-test-call-%08d","timestamp":%q,"session_id":"s-%d","agent_id":"loader",`,
			k, at.Format(time.RFC3339Nano), k%11)+fmt.Sprintf(format, args...)+"}"))
	}
	for i := range n {
		event((number-1)*n+i, `"phase":"result","exit_code":0,"stdout":"done %d"`, i)
	}
	for i := range n {
		event(number*n+i, `"phase":"request","command":"step %d"`, number*n+i)
	}
	return e.Take()
}
