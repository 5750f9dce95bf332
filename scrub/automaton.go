package scrub

// automaton is a dense Aho-Corasick DFA over ASCII-folded keywords. A state is the index of its row in next, so that a
// step is one addition and one load; accepting states are numbered last, so that a hit is one comparison.
type automaton struct {
	class  [256]uint8 // byte → column; bytes in no keyword share column 0
	next   []uint32   // state + column → state
	accept uint32     // states from here on end at least one keyword
	out    [][]keywordHit
	stride uint32
	warmUp int // bytes before a place after which the state there no longer depends on more
}

// keywordHit is a keyword whose first bytes, all or maxAnchor of them, end in a state.
type keywordHit struct {
	rule   uint16 // index into Engine.rules
	length uint16 // of what the automaton read
	rest   string // of the keyword after that
	exact  string // what must stand there in just this case, or ""
}

// maxAnchor is how many bytes of a keyword the automaton reads; a verifier's hit compares the rest.
const maxAnchor = 12

// keyword binds a folded keyword to the rule it triggers.
type keyword struct {
	text  string
	rule  uint16
	exact string // the keyword in the case it must have, or "" for any
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// trieNode is a state while the automaton is being built.
type trieNode struct {
	child map[byte]int
	fail  int
	hits  []keywordHit
}

// newAutomaton builds the DFA. Keywords must be lower case.
func newAutomaton(words []keyword) *automaton {
	a := &automaton{stride: 1}
	for _, w := range words {
		depth := min(len(w.text), maxAnchor)
		a.warmUp = max(a.warmUp, depth-1)
		for i := range depth {
			if a.class[w.text[i]] == 0 {
				a.class[w.text[i]] = uint8(a.stride)
				a.stride++
			}
		}
	}
	nodes := buildTrie(words)
	order := linkFailures(nodes)
	a.number(nodes, order)
	for b := byte('A'); b <= 'Z'; b++ {
		a.class[b] = a.class[lower(b)]
	}
	return a
}

func buildTrie(words []keyword) []trieNode {
	nodes := []trieNode{{child: map[byte]int{}}}
	for _, w := range words {
		at := 0
		depth := min(len(w.text), maxAnchor)
		for i := range depth {
			to, ok := nodes[at].child[w.text[i]]
			if !ok {
				to = len(nodes)
				nodes = append(nodes, trieNode{child: map[byte]int{}})
				nodes[at].child[w.text[i]] = to
			}
			at = to
		}
		nodes[at].hits = append(nodes[at].hits, keywordHit{w.rule, uint16(depth), w.text[depth:], w.exact})
	}
	return nodes
}

// linkFailures sets the failure links and inherits the hits of suffixes; it returns the states breadth first.
func linkFailures(nodes []trieNode) []int {
	order := []int{0}
	for i := 0; i < len(order); i++ {
		at := order[i]
		for b := range 256 {
			to, ok := nodes[at].child[byte(b)]
			if !ok {
				continue
			}
			order = append(order, to)
			if at == 0 {
				continue
			}
			f := nodes[at].fail
			for {
				if t, ok := nodes[f].child[byte(b)]; ok {
					nodes[to].fail = t
					break
				}
				if f == 0 {
					break
				}
				f = nodes[f].fail
			}
			nodes[to].hits = append(nodes[to].hits, nodes[nodes[to].fail].hits...)
		}
	}
	return order
}

// number gives every state its row, accepting states last, and fills the rows.
func (a *automaton) number(nodes []trieNode, order []int) {
	row := make([]uint32, len(nodes))
	n := uint32(0)
	for _, accepting := range []bool{false, true} {
		if accepting {
			a.accept = n * a.stride
		}
		for _, at := range order {
			if (len(nodes[at].hits) > 0) == accepting {
				row[at] = n * a.stride
				n++
				if accepting {
					a.out = append(a.out, nodes[at].hits)
				}
			}
		}
	}
	a.next = make([]uint32, n*a.stride)
	for _, at := range order { // breadth first: the failure state's row is complete
		if at != 0 {
			copy(a.next[row[at]:row[at]+a.stride], a.next[row[nodes[at].fail]:])
		}
		for b, to := range nodes[at].child {
			a.next[row[at]+uint32(a.class[b])] = row[to]
		}
	}
}

// in reports whether s holds a keyword.
func (a *automaton) in(s string) bool {
	state := uint32(0)
	for i := range len(s) {
		if state = a.next[state+uint32(a.class[s[i]])]; state >= a.accept {
			return true
		}
	}
	return false
}

// state returns the state at s[at], having read only what it may depend on.
func (a *automaton) state(s string, at int) uint32 {
	state := uint32(0)
	for i := max(0, at-a.warmUp); i < at; i++ {
		state = a.next[state+uint32(a.class[s[i]])]
	}
	return state
}

// lanes reads s[from:to] in four parts at once and lists the hits of each, in order.
func (a *automaton) lanes(s string, from, to int, hits *[lanes][]hit) {
	n := (to - from) / lanes
	at := [lanes]int{from, from + n, from + 2*n, from + 3*n}
	h0, h1, h2, h3 := hits[0][:0], hits[1][:0], hits[2][:0], hits[3][:0]
	q0, q1, q2, q3 := a.state(s, at[0]), a.state(s, at[1]), a.state(s, at[2]), a.state(s, at[3])
	s0, s1, s2, s3 := s[at[0]:at[0]+n], s[at[1]:at[1]+n], s[at[2]:at[2]+n], s[at[3]:at[3]+n]
	next, accept, class := a.next, a.accept, &a.class
	for i := range n {
		q0 = next[q0+uint32(class[s0[i]])]
		q1 = next[q1+uint32(class[s1[i]])]
		q2 = next[q2+uint32(class[s2[i]])]
		q3 = next[q3+uint32(class[s3[i]])]
		if max(q0, q1, q2, q3) < accept {
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
		if q3 = next[q3+uint32(class[s[i]])]; q3 >= accept {
			h3 = append(h3, hit{i + 1, q3})
		}
	}
	*hits = [lanes][]hit{h0, h1, h2, h3}
}

// hits returns the keywords that end in an accepting state.
func (a *automaton) hits(state uint32) []keywordHit { return a.out[(state-a.accept)/a.stride] }
