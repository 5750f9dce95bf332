package scrub

import (
	"math"
	"strings"
)

// classRun remembers the last run of a class that was read, so that overlapping matches read it once.
type classRun struct{ from, to int }

// minRemembered is the length from which on a run is worth remembering.
const minRemembered = 24

// openMatch stands for the end of a match that the end of the text has cut off.
const openMatch = math.MaxInt

// match tries p with its anchor at i. It returns the stretch that matches, and the secret in it; to is openMatch where the
// text ends before the match does.
func (sc *scan) match(p *pattern, i int) (from, to, secret, end int, ok bool) {
	sc.capFrom, sc.capTo, sc.loose = -1, -1, 0
	to = sc.forward(p.steps, p.start, i)
	if to < 0 {
		return 0, 0, 0, 0, false
	}
	from = i
	for k := range p.before {
		b := &p.before[k]
		switch b.op {
		case opFrom:
			sc.capFrom = from
		case opTo:
			sc.capTo = from
		default:
			low := max(0, from-b.max)
			j := from
			for j > low && b.set[sc.s[j-1]] {
				j--
			}
			sc.steps += from - j
			if from-j < b.min {
				return 0, 0, 0, 0, false
			}
			from = j
		}
	}
	if sc.capFrom < 0 || sc.capTo < 0 {
		return from, to, from, to, true
	}
	return from, to, sc.capFrom, sc.capTo, true
}

// forward runs the steps from n on at i; it returns the end of the match, openMatch where the text ends in it and there is
// no other, or -1.
func (sc *scan) forward(steps []step, n int32, i int) int {
	s := sc.s
	for {
		st := &steps[n]
		switch st.op {
		case opMatch:
			return i
		case opLiteral:
			if !strings.HasPrefix(s[i:], st.text) {
				if strings.HasPrefix(st.text, s[i:]) {
					return openMatch
				}
				return -1
			}
			i += len(st.text)
		case opSet:
			if i >= len(s) {
				return openMatch
			}
			if !st.set[s[i]] {
				return -1
			}
			i++
		case opRun:
			end := sc.classRun(st, i)
			sc.loose += end - i
			if end-i < st.min {
				if end == len(s) {
					return openMatch
				}
				return -1
			}
			if st.giveBack {
				return sc.givingBack(steps, st, i, end)
			}
			i = end
		case opAlt:
			end := sc.forward(steps, st.alt, i)
			if end == openMatch {
				if other := sc.forward(steps, st.next, i); other >= 0 {
					return other
				}
			}
			if end >= 0 {
				return end
			}
		case opFrom:
			end := sc.forward(steps, st.next, i)
			if end >= 0 {
				sc.capFrom = i
			}
			return end
		case opTo:
			end := sc.forward(steps, st.next, i)
			if end >= 0 {
				sc.capTo = i
			}
			return end
		case opBound:
			if (i > 0 && isWordByte(s[i-1])) == (i < len(s) && isWordByte(s[i])) {
				return -1
			}
		case opEnd:
			if i < len(s) && s[i] != '\n' {
				return -1
			}
		}
		n = st.next
	}
}

func isWordByte(b byte) bool { return is(b, ccAlnum) || b == '_' }

// givingBack tries what follows a run after each of its possible lengths, the longest first.
func (sc *scan) givingBack(steps []step, st *step, from, end int) int {
	open := -1
	for j := end; j >= from+st.min; j-- {
		sc.steps++
		switch to := sc.forward(steps, st.next, j); {
		case to == openMatch:
			open = to
		case to >= 0:
			return to
		}
	}
	return open
}

// classRun returns the end of the run of st's class at i, at most st.max bytes on.
func (sc *scan) classRun(st *step, i int) int {
	s := sc.s
	limit := min(len(s), i+st.max)
	r := &sc.runs[st.slot]
	j := i
	if r.from <= i && i < r.to {
		j = min(r.to, limit)
	}
	first := j
	for j < limit && st.set[s[j]] {
		j++
	}
	sc.steps += j - first
	if j-i >= minRemembered && j > r.to {
		if i > r.to || i < r.from {
			r.from = i
		}
		r.to = j
		sc.runsDirty = true
	}
	return j
}
