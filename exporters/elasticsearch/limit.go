package elasticsearch

import "time"

// limit is how many requests may be in flight. It grows by one a round of successes and halves when the server is
// overloaded: when it says so (429, 503, time-outs), or when its answers slow down far beyond what is usual, which they
// do before it says so. It is used by one goroutine.
type limit struct {
	now, most float64
	mean, dev time.Duration // of the answers' times, smoothed
	cut       time.Time     // when it was last halved
}

// Starting point, and how answers are smoothed and judged.
const (
	firstLimit = 2
	smoothing  = 8 // an answer's time counts for an eighth
	slowBy     = 4 // deviations beyond the mean
)

func newLimit(most int) *limit {
	return &limit{now: min(firstLimit, float64(most)), most: float64(most)}
}

// allows says whether another request may go out.
func (l *limit) allows(inFlight int) bool { return inFlight < int(l.now) }

// atLeast says whether it cannot be lowered any more.
func (l *limit) atLeast() bool { return l.now < 2 }

// success notes an answer that came after some time. Only full requests are comparable.
func (l *limit) success(took time.Duration, full bool, now time.Time) {
	slow := l.mean > 0 && took > 2*l.mean+slowBy*l.dev
	if full {
		l.smooth(took)
	}
	if slow {
		l.overload(now)
		return
	}
	l.now = min(l.now+1/l.now, l.most)
}

func (l *limit) smooth(took time.Duration) {
	if l.mean == 0 {
		l.mean, l.dev = took, took/2
		return
	}
	off := took - l.mean
	l.mean += off / smoothing
	l.dev += (max(off, -off) - l.dev) / smoothing
}

// overload halves the limit, once for all answers of about the same moment.
func (l *limit) overload(now time.Time) {
	if now.Sub(l.cut) < l.mean {
		return
	}
	l.cut = now
	l.now = max(l.now/2, 1)
}
