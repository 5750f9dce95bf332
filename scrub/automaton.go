package scrub

import (
	"fmt"
	"math/bits"
	"slices"
)

// automaton is a dense Aho-Corasick DFA over ASCII-folded keywords: one row a state, one column a class of bytes. Rows are
// of two bytes a column and numbered breadth first, so that the part of the table that text visits stays in the cache.
// Accepting states are numbered last, from a power of two on, so that one comparison tells whether there is a hit, for
// several states at once.
type automaton struct {
	class  [256]uint8 // byte → column; bytes in no keyword share column 0
	next   []uint16   // state << rowShift + column → state
	accept uint32     // states from here on end at least one keyword
	out    [][]keywordHit
	warmUp int // bytes before a place after which the state there no longer depends on more
}

const (
	rowShift  = 6
	columns   = 1 << rowShift
	maxStates = 1 << 15 // 4 MiB
)

// maxAnchor is how many bytes of a keyword the automaton reads; a verifier's hit compares the rest.
const maxAnchor = 12

// keyword binds a folded keyword to the rule it triggers.
type keyword struct {
	text  string
	rule  uint16
	exact string // the keyword in the case it must have, or "" for any
	apart bool   // it must not stand inside a word
}

// keywordHit is a keyword whose first bytes, all or maxAnchor of them, end in a state.
type keywordHit struct {
	rule   uint16 // index into Engine.rules
	length uint16 // of what the automaton read
	rest   string // of the keyword after that
	exact  string // as in keyword
	apart  bool
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// newAutomaton builds the DFA. Keywords must be lower case and not empty. It fails when they need more than 4 MiB.
func newAutomaton(words []keyword) (*automaton, error) {
	a := &automaton{}
	a.classes(words)
	t := &trie{next: make([]uint16, columns), hits: make([][]keywordHit, 1)}
	for i := range words {
		w := &words[i]
		depth := a.depth(w.text)
		if depth == 0 || len(t.hits) >= maxStates/2 {
			return nil, fmt.Errorf("%w: keywords need too large a table", ErrRules)
		}
		a.warmUp = max(a.warmUp, depth-1)
		at := t.insert(w.text[:depth], &a.class)
		t.hits[at] = append(t.hits[at], keywordHit{w.rule, uint16(depth), w.text[depth:], w.exact, w.apart})
	}
	a.number(t, t.complete())
	if len(a.next) > maxStates<<rowShift {
		return nil, fmt.Errorf("%w: keywords need too large a table", ErrRules)
	}
	for b := byte('A'); b <= 'Z'; b++ {
		a.class[b] = a.class[lower(b)]
	}
	return a, nil
}

// classes gives the bytes of keywords a column, as many as there are: those that keywords start with first, then the
// most frequent ones. A keyword is read up to a byte without.
func (a *automaton) classes(words []keyword) {
	var count [256]int
	for i := range words {
		for j, b := range []byte(words[i].text) {
			if j < minAnchor {
				count[b] += len(words)
			}
			count[b]++
		}
	}
	order := make([]int, 0, 256)
	for b, n := range count {
		if n > 0 {
			order = append(order, b)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return count[y] - count[x] })
	for i, b := range order[:min(len(order), columns-1)] {
		a.class[b] = uint8(i + 1)
	}
}

// depth returns how many bytes of a keyword the automaton reads.
func (a *automaton) depth(word string) int {
	n := 0
	for n < len(word) && n < maxAnchor && a.class[word[n]] != 0 {
		n++
	}
	return n
}

// trie is the automaton while it is built: a row a state, in which 0, the root, stands for "no child".
type trie struct {
	next []uint16
	hits [][]keywordHit
}

func (t *trie) insert(word string, class *[256]uint8) int {
	at := 0
	for i := range len(word) {
		to := &t.next[at<<rowShift+int(class[word[i]])]
		if *to == 0 {
			*to = uint16(len(t.hits))
			at = int(*to)
			t.hits = append(t.hits, nil)
			t.next = append(t.next, make([]uint16, columns)...)
			continue
		}
		at = int(*to)
	}
	return at
}

// complete fills the rows with what follows where there is no child: what the longest suffix that is a state has. A
// state inherits that suffix's hits. It returns the states breadth first.
func (t *trie) complete() (order []int) {
	fail := make([]int, len(t.hits))
	order = append(make([]int, 0, len(t.hits)), 0)
	for i := 0; i < len(order); i++ {
		at := order[i]
		row, failRow := t.next[at<<rowShift:][:columns], t.next[fail[at]<<rowShift:][:columns]
		for c, to := range row {
			switch {
			case to == 0:
				row[c] = failRow[c] // of the root, 0
			case at == 0:
				order = append(order, int(to))
			default:
				order = append(order, int(to))
				fail[to] = int(failRow[c])
				t.hits[to] = append(t.hits[to], t.hits[fail[to]]...)
			}
		}
	}
	return order
}

// number gives every state of t its row, accepting states last.
func (a *automaton) number(t *trie, order []int) {
	row := make([]uint16, len(order))
	n := 0
	for _, at := range order {
		if len(t.hits[at]) == 0 {
			row[at] = uint16(n)
			n++
		}
	}
	a.accept = 1 << bits.Len(uint(n))
	for _, at := range order {
		if len(t.hits[at]) > 0 {
			row[at] = uint16(int(a.accept) + len(a.out))
			a.out = append(a.out, t.hits[at])
		}
	}
	a.next = make([]uint16, (int(a.accept)+len(a.out))<<rowShift)
	for _, at := range order {
		to := a.next[int(row[at])<<rowShift:]
		for c, next := range t.next[at<<rowShift:][:columns] {
			to[c] = row[next]
		}
	}
}

// step returns the state after one byte.
func (a *automaton) step(state uint32, b byte) uint32 {
	return uint32(a.next[state<<rowShift+uint32(a.class[b])])
}

// in reports whether s holds a keyword.
func (a *automaton) in(s string) bool {
	state := uint32(0)
	for i := range len(s) {
		if state = a.step(state, s[i]); state >= a.accept {
			return true
		}
	}
	return false
}

// lanes reads s[from:to] in four parts at once and lists the hits of each, in order. The state at the start of a part
// is that after the bytes before it which it may depend on.
func (a *automaton) lanes(s string, from, to int, hits *[lanes][]hit) {
	n := (to - from) / lanes
	at := [lanes]int{from, from + n, from + 2*n, from + 3*n}
	q := a.states(s, at)
	q0, q1, q2, q3 := q[0], q[1], q[2], q[3]
	s0 := s[at[0]:at[1]]
	s1, s2, s3 := s[at[1]:][:len(s0)], s[at[2]:][:len(s0)], s[at[3]:][:len(s0)]
	h0, h1, h2, h3 := hits[0][:0], hits[1][:0], hits[2][:0], hits[3][:0]
	next, accept, class := a.next, a.accept, &a.class
	for i := range len(s0) {
		q0 = uint32(next[q0<<rowShift+uint32(class[s0[i]])])
		q1 = uint32(next[q1<<rowShift+uint32(class[s1[i]])])
		q2 = uint32(next[q2<<rowShift+uint32(class[s2[i]])])
		q3 = uint32(next[q3<<rowShift+uint32(class[s3[i]])])
		if q0|q1|q2|q3 < accept {
			continue
		}
		if q0 >= accept {
			h0 = append(h0, hit{at[0] + i + 1, q0})
		}
		if q1 >= accept {
			h1 = append(h1, hit{at[1] + i + 1, q1})
		}
		if q2 >= accept {
			h2 = append(h2, hit{at[2] + i + 1, q2})
		}
		if q3 >= accept {
			h3 = append(h3, hit{at[3] + i + 1, q3})
		}
	}
	for i := at[3] + n; i < to; i++ {
		if q3 = a.step(q3, s[i]); q3 >= accept {
			h3 = append(h3, hit{i + 1, q3})
		}
	}
	*hits = [lanes][]hit{h0, h1, h2, h3}
}

// states returns the states at four places.
func (a *automaton) states(s string, at [lanes]int) (q [lanes]uint32) {
	for back := a.warmUp; back > 0; back-- {
		for k := range q {
			if i := at[k] - back; i >= 0 {
				q[k] = a.step(q[k], s[i])
			}
		}
	}
	return q
}

// hits returns the keywords that end in an accepting state.
func (a *automaton) hits(state uint32) []keywordHit { return a.out[state-a.accept] }
