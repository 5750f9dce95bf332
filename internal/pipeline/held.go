package pipeline

import (
	"bytes"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
)

// Sources may hold lines of a JSON value that is printed over several (convert.Partial). They are stored with the source,
// so that nothing is lost when it stops there; and when its rest has not come within pair_window they become lines of text.

// isHolding says whether a stored source holds lines; it may say so of one that does not.
func isHolding(stored []byte) bool { return bytes.Contains(stored, []byte(`"partial":{`)) }

// held notes whether a source holds lines after a record.
func (p *Pipeline) held(s *source, now time.Time) {
	if s.Partial.Text == "" {
		delete(p.holding, s.id)
	} else {
		p.holding[s.id] = now
	}
}

// heldDue says whether a source has held lines for too long.
func (p *Pipeline) heldDue(now time.Time) bool {
	for _, since := range p.holding {
		if now.Sub(since) >= time.Duration(p.opt.Config.PairWindow) {
			return true
		}
	}
	return false
}

// releaseHeld lets go what has been held for at least window.
func (p *Pipeline) releaseHeld(c *journal.Chunk, now time.Time, window time.Duration) {
	for id, since := range p.holding {
		if now.Sub(since) >= window {
			p.release(c, id, now)
		}
	}
}

// release takes the lines that a source holds down the line, as lines of text.
func (p *Pipeline) release(c *journal.Chunk, id schema.ID, now time.Time) {
	src, err := p.source(id)
	if err != nil {
		p.keep(err)
		return
	}
	src.touched = true
	p.converter.Flush(&src.Source, func(f *schema.Fragment) {
		p.fragment(c, f, now, func(f *schema.Fragment) *seal.Clean { return p.scrubber.Line(f, &src.memory, false) })
	})
	delete(p.holding, id)
}
