package journal

import (
	"maps"

	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
)

// Count says of what kind records are that are counted together.
type Count struct {
	Format  string // what read them: a name of schema/convert
	Outcome string // one of those below
}

// Outcomes: what became of an event.
const (
	AsAction = "action"
	AsLog    = "log"   // not understood, kept as it is
	AsError  = "error" // not readable, kept as far as it could be
)

func countOf(a *seal.Clean) Count {
	n := Count{Format: a.Format(), Outcome: AsAction}
	switch {
	case a.Kind() == schema.KindPipelineError:
		n.Outcome = AsError
	case !a.IsAction():
		n.Outcome = AsLog
	}
	return n
}

// Counts are the records taken since the journal was opened.
func (j *Journal) Counts() map[Count]uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.count)
}
