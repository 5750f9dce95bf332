package anomaly

import (
	"fmt"
	"slices"

	"github.com/agentaudit/agentaudit/schema"
)

// session is what a session has just done.
type session struct {
	last     int64 // seconds of the latest action
	failures uint64
	denied   []denial // the latest, oldest first
}

// denial is a denied action, as far as another wording of it can be told by.
type denial struct {
	id       schema.ID
	at       int64
	whole    uint64 // digest of the text
	category uint64 // digest of the risk's category, 0 for one that only reads
	names    []uint64
}

const (
	maxDenied     = 4
	maxNames      = 8         // of a denied action
	retriedFor    = 3600      // seconds for which a denial is remembered
	silentFor     = 48 * 3600 // seconds after which a session counts as silent: one that goes on daily is not
	streakFirst   = 5
	streakFurther = 10
)

// resume notes the action's time, and returns for how many seconds the session was silent if that was long.
func (s *session) resume(at int64) int64 {
	gap := at - s.last
	known := s.last != 0
	s.last = max(s.last, at)
	if known && gap >= silentFor {
		return gap
	}
	return 0
}

// outcome counts failures in a row; it returns their number when that is to be told: 5, 10, 20, 30 …
func (s *session) outcome(outcome string) uint64 {
	switch outcome {
	case schema.OutcomeSuccess:
		s.failures = 0
	case schema.OutcomeFailure:
		if s.failures++; s.failures == streakFirst || s.failures%streakFurther == 0 {
			return s.failures
		}
	}
	return 0
}

// retried returns the denied action that this one is another wording of: the same text; or the same category of risk
// and a name in common; or, where it only reads, all names in common.
func (s *session) retried(d *denial) *denial {
	for i := len(s.denied) - 1; i >= 0; i-- {
		old := &s.denied[i]
		if d.at-old.at > retriedFor || d.id == old.id {
			continue
		}
		common := 0
		for _, n := range d.names {
			if slices.Contains(old.names, n) {
				common++
			}
		}
		switch {
		case d.whole == old.whole,
			d.category != 0 && d.category == old.category && common > 0,
			d.category == 0 && old.category == 0 && common > 0 && common == len(old.names):
			return old
		}
	}
	return nil
}

func (s *session) deny(d *denial) {
	if len(s.denied) >= maxDenied {
		s.denied = slices.Delete(s.denied, 0, len(s.denied)-maxDenied+1)
	}
	s.denied = append(s.denied, *d)
}

// words are the stored form: last, failures, then for each denial its parts and the number of its names.
func (s *session) words() []uint64 {
	w := []uint64{uint64(s.last), s.failures}
	for _, d := range s.denied {
		hi, lo := halves(d.id)
		w = append(w, hi, lo, uint64(d.at), d.whole, d.category, uint64(len(d.names)))
		w = append(w, d.names...)
	}
	return w
}

func parseSession(w []uint64) (*session, error) {
	s := &session{}
	if len(w) == 0 {
		return s, nil
	}
	if len(w) < 2 {
		return nil, errDamaged
	}
	s.last, s.failures = int64(w[0]), w[1]
	for w = w[2:]; len(w) > 0; {
		if len(w) < 6 || w[5] > maxNames || uint64(len(w)) < 6+w[5] || len(s.denied) >= maxDenied {
			return nil, errDamaged
		}
		n := int(w[5])
		s.denied = append(s.denied, denial{
			id: joined(w[0], w[1]), at: int64(w[2]), whole: w[3], category: w[4], names: slices.Clone(w[6 : 6+n]),
		})
		w = w[6+n:]
	}
	return s, nil
}

var errDamaged = fmt.Errorf("anomaly: stored state is damaged")
