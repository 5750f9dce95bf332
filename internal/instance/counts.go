package instance

import (
	"maps"
	"sync"

	"github.com/agentaudit/agentaudit/internal/journal"
)

// Counts are what an instance has done since it was opened.
type Counts struct {
	Flushes    uint64                   // chunks given to it
	Refused    uint64                   // of these, chunks not taken: Fluent Bit brings them again
	Refusing   bool                     // the last chunk was not taken
	Records    map[journal.Count]uint64 // records taken
	Redactions map[string]uint64        // redactions made, by kind, those of refused chunks too
}

// Counts of the instance.
func (i *Instance) Counts() Counts {
	return Counts{
		Flushes: i.flushes.Load(), Refused: i.refused.Load(), Refusing: i.refusing.Load(),
		Records: i.journal.Counts(), Redactions: i.redactions.all(),
	}
}

// tally counts by name. It is safe for concurrent use.
type tally struct {
	mu sync.Mutex
	n  map[string]uint64
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = make(map[string]uint64)
	}
	t.n[name]++
}

func (t *tally) all() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.n)
}
