package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Connect starts an exporter. It is called again whenever the exporter was lost.
type Connect func(context.Context) (exporters.Exporter, error)

// States of an exporter.
const (
	Starting = "starting"
	Running  = "running"
	Retrying = "retrying" // an error that may go away
	Parked   = "parked"   // an error that a person must mend
)

// Waits between tries: doubling from the first to the last, with jitter. A parked exporter is tried rarely.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 30 * time.Second
	parkWait  = time.Minute
	// exportTimeout is how long one batch may take before the exporter is taken to hang.
	exportTimeout = 2 * time.Minute
)

// loop delivers one stream to one exporter: journal → batch → exporter → cursor. It is the only user of its cursor.
type loop struct {
	name    string
	connect Connect
	j       *journal.Journal
	log     *slog.Logger
	moved   func() // called after the cursor has moved

	mu      sync.Mutex
	cursor  journal.Cursor
	state   string
	errText string
	starts  int
	drain   chan struct{} // closed: cut batches at once
}

func newLoop(name string, connect Connect, j *journal.Journal, log *slog.Logger, moved func()) (*loop, error) {
	cursor, err := j.Cursor(name)
	if err != nil {
		return nil, err
	}
	return &loop{
		name: name, connect: connect, j: j, log: log.With("exporter", name), moved: moved,
		cursor: cursor, state: Starting, drain: make(chan struct{}),
	}, nil
}

// run delivers until the context ends.
func (l *loop) run(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		before := l.position().Next
		err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if l.position().Next > before {
			wait = firstWait
		}
		pause := wait/2 + rand.N(wait)
		state := Retrying
		if exporters.IsPermanent(err) {
			state, pause = Parked, parkWait
		}
		l.report(state, err)
		wait = min(2*wait, lastWait)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// session connects and delivers until something fails. A panic is an error like any other.
func (l *loop) session(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	e, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer e.Close()
	l.mu.Lock()
	l.starts++
	l.mu.Unlock()
	l.report(Running, nil)
	for {
		if err := l.await(ctx, e.Policy()); err != nil {
			return err
		}
		if err := l.batch(ctx, e); err != nil {
			return err
		}
	}
}

// await returns when a batch is due: enough records or bytes, or the oldest has waited long enough.
func (l *loop) await(ctx context.Context, p exporters.BatchPolicy) error {
	var due <-chan time.Time
	drain := l.drain
	for {
		appended := l.j.Appended()
		records, bytes := l.j.Backlog(l.position().Next)
		if records >= uint64(p.MaxRecords) || bytes >= int64(p.MaxBytes) {
			return nil
		}
		if records > 0 {
			select {
			case <-drain:
				return nil
			default:
			}
			if due == nil {
				due = time.After(p.MaxWait)
			}
		}
		idle := drain
		if records == 0 {
			idle = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-appended:
		case <-idle:
		case <-due:
			return nil
		}
	}
}

// batch delivers the next batch and moves the cursor past what the exporter has stored.
func (l *loop) batch(ctx context.Context, e exporters.Exporter) error {
	cursor, p := l.position(), e.Policy()
	records, err := l.j.Read(cursor.Next, p.MaxRecords, p.MaxBytes)
	if err != nil || len(records) == 0 {
		return err
	}
	leaves, err := l.check(cursor.Tree, records)
	if err != nil {
		return exporters.Permanent(err)
	}
	b := exporters.Batch{Stream: l.j.Stream(), Records: records, Tree: cursor.Tree.Clone()}
	timeout, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	acked, refused, err := e.Export(timeout, b)
	if acked < b.First() || (acked == 0 && err != nil) {
		return errors.Join(err, errors.New("nothing of the batch was stored"))
	}
	return errors.Join(l.advance(cursor, &b, leaves, acked, refused), err)
}

// advance moves the cursor behind acked, and puts what was refused before it to the dead letters.
func (l *loop) advance(c journal.Cursor, b *exporters.Batch, leaves []merkle.Hash, acked uint64, refused []exporters.Refusal) error {
	done := b.Records[:acked-b.First()+1]
	c.Tree = c.Tree.Clone()
	for _, leaf := range leaves[:len(done)] {
		c.Tree.Append(leaf)
	}
	c.Next = acked + 1
	var letters []journal.DeadLetter
	for _, r := range refused {
		if r.Sequence <= acked {
			letters = append(letters, journal.DeadLetter{Sequence: r.Sequence, Reason: r.Reason, JSON: done[r.Sequence-b.First()].JSON})
		}
	}
	c.Dead += uint64(len(letters))
	if err := l.j.SaveCursor(l.name, c, letters); err != nil {
		return err
	}
	if len(letters) > 0 {
		l.log.Error("exporter refused records; they are in its dead letters", "records", len(letters), "reason", letters[0].Reason)
	}
	l.mu.Lock()
	l.cursor = c
	l.mu.Unlock()
	l.report(Running, nil)
	l.moved()
	return nil
}

// check compares the records with the tree heads that the journal wrote with them: what was changed on the disk since is
// not delivered as if it were true. It returns the records' leaf hashes.
func (l *loop) check(tree merkle.Frontier, records []exporters.Record) ([]merkle.Hash, error) {
	tree = tree.Clone()
	heads := make(map[uint64]merkle.Hash)
	last := records[len(records)-1].Sequence + 1
	if err := l.j.Heads(tree.Size(), last, func(size uint64, root merkle.Hash) { heads[size] = root }); err != nil {
		return nil, err
	}
	leaves := make([]merkle.Hash, 0, len(records))
	for _, r := range records {
		leaf := merkle.LeafHash(r.JSON)
		leaves = append(leaves, leaf)
		tree.Append(leaf)
		if want, ok := heads[tree.Size()]; ok && tree.Root() != want {
			return nil, fmt.Errorf("journal is damaged: records up to %d do not give the tree head written with them", r.Sequence)
		}
	}
	return leaves, nil
}

func (l *loop) position() journal.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

// report notes the state, and logs when it or the error changes.
func (l *loop) report(state string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	l.mu.Lock()
	changed := l.state != state || l.errText != text
	was := l.state
	l.state, l.errText = state, text
	l.mu.Unlock()
	switch {
	case !changed:
	case state == Parked:
		l.log.Error("exporter is parked until this is mended", "error", text)
	case state == Retrying:
		l.log.Warn("exporter failed and will be tried again", "error", text)
	case was == Retrying || was == Parked:
		l.log.Info("exporter works again")
	}
}
