package elasticsearch

import (
	"testing"
	"time"
)

// The limit grows while answers come as usual, up to its bound, and halves when the server is overloaded: once a moment,
// however many answers say so, and never below one.
func TestLimit(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLimit(8)
	usual := func(n int) {
		for range n {
			now = now.Add(time.Second)
			l.success(100*time.Millisecond, true, now)
		}
	}
	is := func(want int, when string) {
		t.Helper()
		if !l.allows(want-1) || l.allows(want) {
			t.Errorf("%s: %v, want %d", when, l.now, want)
		}
	}
	is(2, "at first")
	usual(100)
	is(8, "after a hundred answers")
	for range 5 {
		l.overload(now)
	}
	is(4, "overloaded")
	now = now.Add(time.Second)
	l.success(2*time.Second, true, now)
	is(2, "an answer twenty times slower than usual")
	for range 10 {
		now = now.Add(10 * time.Second)
		l.overload(now)
	}
	is(1, "overloaded again and again")
	if !l.atLeast() {
		t.Error("it could be lowered further")
	}
	usual(100)
	is(8, "recovered")
}

// Answers to small requests say nothing of what is usual.
func TestLimitSmall(t *testing.T) {
	l := newLimit(8)
	for i := range 50 {
		l.success(time.Millisecond, false, time.Unix(int64(i), 0))
	}
	l.success(time.Second, true, time.Unix(100, 0))
	if l.allows(8) || !l.allows(7) {
		t.Errorf("%v", l.now)
	}
}
