package assemble

import (
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/convert"
)

// Several logs may tell of one action: a transcript and an OpenTelemetry stream, hooks, a gateway. These lanes meet by the
// action's call id. One is seldom as fast as another (OpenTelemetry exports every five seconds), and a record is immutable;
// so an action that is complete by one lane is held for LaneWindow, if another lane may have more to tell:
//
//	for the first minute in which lanes are seen at all    any lane that could: who feeds us is not known yet
//	later                                                  those that were seen within the last hour
//
// An instance that one lane feeds so holds for its first minute only. What comes later still is a record of its own: late.

const (
	laneTrial  = time.Minute
	laneMemory = time.Hour
	// heldShare of MaxPending may be held: they are complete, and come at the pace of the log.
	heldShare = 10
)

// lanes are the kinds of log seen, and when last. They are not stored: after a restart there is a first minute again.
type lanes struct {
	trial time.Duration
	since time.Time // when the first was seen, after a time without any
	last  time.Time
	seen  map[string]time.Time
}

func (l *lanes) see(names []string, now time.Time) {
	for _, n := range names {
		if !convert.IsLane(n) {
			continue
		}
		if l.seen == nil || now.Sub(l.last) > laneMemory {
			l.seen, l.since = make(map[string]time.Time), now
		}
		l.last = now
		l.seen[n] = now
	}
}

// more says whether a lane that feeds us may have more to tell of an action that those have told of.
func (l *lanes) more(have []string, now time.Time) bool {
	if now.Sub(l.since) < l.trial {
		return slices.ContainsFunc(have, convert.IsLane)
	}
	for n, at := range l.seen {
		if now.Sub(at) < laneMemory && slices.ContainsFunc(have, func(h string) bool { return convert.AreSiblings(h, n) }) {
			return true
		}
	}
	return false
}

// holds says whether a complete action waits for other lanes. One without a call id cannot be told of by any.
func (a *Assembler) holds(p *seal.Pending, now time.Time) bool {
	_, follows := p.Follows()
	return !follows && a.opt.LaneWindow > 0 && p.HasCall() && a.lanes.more(p.Lanes(), now)
}

// late gives a fragment whose action is sealed to a record that names that one and tells what this lane says: the record is
// put together from the lane's fragments, as any other. When that one is sealed as well, each further fragment is a record.
func (a *Assembler) late(c *journal.Chunk, f *seal.Clean) error {
	sealed, err := c.Seen(sealedID(f.Key))
	if err != nil || !sealed {
		return err
	}
	key := schema.MakeID("late", string(f.Key[:]), strings.Join(f.Lanes(), " "))
	if sealed, err = c.Seen(sealedID(key)); err != nil {
		return err
	}
	if sealed {
		key = schema.MakeID("late", string(key[:]), string(f.ID[:]))
	}
	f.Follow(f.Key, key)
	return nil
}
