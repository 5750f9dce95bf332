package journal

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
)

// Pending calls visit for every action that waits.
func (j *Journal) Pending(visit func(*seal.Pending)) error {
	return j.each('p', func(id schema.ID, v []byte) error {
		p, err := seal.RestorePending(id, v)
		if err == nil {
			visit(p)
		}
		return err
	})
}

// Session returns what is stored of a session, nil if nothing.
func (j *Journal) Session(id schema.ID) ([]byte, error) { return j.get(keyID('s', id)) }

// Source returns what is stored of a source, nil if nothing.
func (j *Journal) Source(id schema.ID) ([]byte, error) { return j.get(keyID('o', id)) }

// Sessions calls visit with the id and bytes of every session; the bytes are valid until it returns.
func (j *Journal) Sessions(visit func(schema.ID, []byte) error) error { return j.each('s', visit) }

// Baselines calls visit with the numbers of each baseline.
func (j *Journal) Baselines(visit func([]uint64) error) error {
	return j.each('a', func(_ schema.ID, b []byte) error {
		words, err := seal.RestoreNumbers(b)
		if err != nil {
			return err
		}
		return visit(words)
	})
}

// Sources calls visit with the id of every source.
func (j *Journal) Sources(visit func(schema.ID, []byte) error) error { return j.each('o', visit) }

func (j *Journal) each(kind byte, visit func(schema.ID, []byte) error) error {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if len(it.Key()) != 17 {
			return errors.New("journal: a key is damaged")
		}
		if err := visit(schema.ID(it.Key()[1:]), it.Value()); err != nil {
			return err
		}
	}
	return it.Error()
}

// isLocked recognises Pebble's refusal to open a folder that another process has open.
func isLocked(err error) bool {
	s := err.Error()
	return strings.Contains(s, "resource temporarily unavailable") || strings.Contains(s, "lock held by current process")
}

// synced commits a batch and waits for the log to be synced. Pebble answers a failed write of its log with Fatalf, which
// must not return: the commit runs on a goroutine of its own, which Fatalf ends, and the failure is told here.
func (j *Journal) synced(b *pebble.Batch) error {
	done := make(chan struct{})
	err := errors.New("commit did not end")
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("commit panicked: %v", r)
			}
		}()
		err = b.Commit(pebble.Sync)
	}()
	select {
	case <-done:
	case <-j.fatal.met: // elsewhere in Pebble, which may hold the lock that the commit waits for
		return j.fatal.err()
	}
	if fatal := j.fatal.err(); fatal != nil {
		return fatal
	}
	return err
}

// fatalLogger drops Pebble's information (what matters comes back as errors) and remembers what Pebble takes to be the
// end: Fluent Bit must not end with it.
type fatalLogger struct {
	text atomic.Pointer[string]
	met  chan struct{} // closed by the first Fatalf
}

func (l *fatalLogger) Infof(string, ...any)  {}
func (l *fatalLogger) Errorf(string, ...any) {}

// Fatalf ends the goroutine that met the error; the journal is broken from then on.
func (l *fatalLogger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if l.text.CompareAndSwap(nil, &text) {
		close(l.met)
	}
	runtime.Goexit()
}

func (l *fatalLogger) err() error {
	if text := l.text.Load(); text != nil {
		return errors.New(*text)
	}
	return nil
}
