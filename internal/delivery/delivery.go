// Package delivery brings the journal's records to the stores. Each exporter has a loop, a process and a cursor of its
// own: one that lags or fails never delays another. The journal is trimmed behind the slowest.
package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
)

// Target is an exporter to deliver to.
type Target struct {
	Name    string
	Connect Connect
}

// Delivery runs the loops of all exporters.
type Delivery struct {
	j      *journal.Journal
	log    *slog.Logger
	loops  []*loop
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	trimmed uint64
}

// Status is where one exporter stands. Accepted = Delivered + Pending + DeadLetters, always.
type Status struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Error       string `json:"error,omitempty"`
	Accepted    uint64 `json:"accepted"`
	Delivered   uint64 `json:"delivered"`
	Pending     uint64 `json:"pending"`
	DeadLetters uint64 `json:"dead_letters"`
	Starts      int    `json:"starts"`
	// OldestPending is when the oldest record that is pending was sealed; nil when none is.
	OldestPending *time.Time `json:"oldest_pending,omitempty"`
}

// Start begins to deliver.
func Start(j *journal.Journal, targets []Target, log *slog.Logger) (*Delivery, error) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &Delivery{j: j, log: log, cancel: cancel}
	for _, t := range targets {
		l, err := newLoop(t.Name, t.Connect, j, log, d.trim)
		if err != nil {
			cancel()
			return nil, fmt.Errorf("delivery: %w", err)
		}
		d.loops = append(d.loops, l)
	}
	for _, l := range d.loops {
		d.wg.Go(func() { l.run(ctx) })
	}
	return d, nil
}

// trimEvery is how many records are kept behind the slowest exporter, so that the journal is not trimmed for each batch.
const trimEvery = 4096

// trim drops what every exporter has.
func (d *Delivery) trim() {
	d.mu.Lock()
	defer d.mu.Unlock()
	slowest := d.loops[0].position()
	for _, l := range d.loops[1:] {
		if c := l.position(); c.Next < slowest.Next {
			slowest = c
		}
	}
	if slowest.Next < d.trimmed+trimEvery {
		return
	}
	if err := d.j.Trim(slowest); err != nil {
		d.log.Warn("journal was not trimmed", "error", err)
		return
	}
	d.trimmed = slowest.Next
}

// Status tells where each exporter stands.
func (d *Delivery) Status() []Status {
	var all []Status
	for _, l := range d.loops {
		l.mu.Lock()
		s := Status{Name: l.name, State: l.state, Error: l.errText, DeadLetters: l.cursor.Dead, Starts: l.starts}
		next := l.cursor.Next
		l.mu.Unlock()
		s.Accepted = d.j.Next() // after the cursor, which it is never behind
		s.Delivered, s.Pending = next-s.DeadLetters, s.Accepted-next
		if s.Pending > 0 {
			s.OldestPending = d.sealed(next)
		}
		all = append(all, s)
	}
	return all
}

// sealed is when a record was sealed; nil if it cannot be read, which its exporter's loop reports.
func (d *Delivery) sealed(sequence uint64) *time.Time {
	records, err := d.j.Read(sequence, 1, 0)
	if err != nil || len(records) == 0 {
		return nil
	}
	var doc struct {
		Event struct {
			Created *time.Time `json:"created"`
		} `json:"event"`
	}
	_ = json.Unmarshal(records[0].JSON, &doc)
	return doc.Event.Created
}

// Drain delivers without waiting for full batches, and returns when every exporter has everything accepted so far, or
// when the context ends. It is the end of an import, and is called once.
func (d *Delivery) Drain(ctx context.Context) error {
	for _, l := range d.loops {
		close(l.drain)
	}
	target := d.j.Next()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		behind := ""
		for _, l := range d.loops {
			if c := l.position(); c.Next < target {
				l.mu.Lock()
				behind = fmt.Sprintf("exporter %s has %d of %d records (%s) %s", l.name, c.Next, target, l.state, l.errText)
				l.mu.Unlock()
			}
		}
		if behind == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", behind, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Stop ends all loops and their processes. What was not delivered stays in the journal.
func (d *Delivery) Stop() {
	d.cancel()
	d.wg.Wait()
}
