package scrub

import (
	"fmt"
	"slices"
	"strings"
)

// A program matches a pattern at a place, without memory: a list of steps, each naming the next. Only an alternative
// and a repeat that may have to give back branch, and how often that can happen is bounded when it is compiled.

type opcode uint8

const (
	opMatch   opcode = iota
	opSet            // one byte of set
	opLiteral        // exactly text
	opRun            // min to max bytes of set, as many as there are
	opAlt            // alt, else next
	opFrom           // the secret starts
	opTo             // the secret ends
	opBound          // \b
	opEnd            // end of the text
)

type step struct {
	op       opcode
	giveBack bool // opRun: what follows may need bytes that the run could take
	slot     uint16
	set      *[256]bool
	text     string
	min, max int
	next     int32
	alt      int32
}

// backStep is a step of what stands before a pattern's anchor, read from right to left.
type backStep struct {
	op       opcode // opRun, opFrom or opTo
	set      *[256]bool
	min, max int
}

// pattern is a compiled pattern. It is found by an anchor, one of a few literals, read forward from the anchor's first
// byte, and backward for what stands before.
type pattern struct {
	index   uint16 // among the patterns of an engine
	steps   []step
	start   int32
	first   byteSet    // what a match may start with at its anchor
	before  []backStep // nearest first
	anchors []string   // as in the text, or in lower case where case is folded; empty where the place is given
	cased   bool       // anchors are in the case they have in every match
	elastic bool       // it ends in a run of no fixed length
	open    bool       // nor of a limit: what follows is outside of the run's class
	grouped bool       // the secret is a group in it
}

const (
	maxAnchors     = 40
	minAnchor      = 3   // bytes
	maxGiveBack    = 512 // bytes that a run may give back
	maxBranches    = 2048
	maxBefore      = 64 // bytes before an anchor, of each step
	maxClasses     = 256
	maxOpenRun     = 8192 // bytes of a run without a limit
	enumerableSet  = 16
	preferredBytes = 6
)

// patternCompiler interns the classes of all patterns of an engine.
type patternCompiler struct {
	slots map[byteSet]uint16
	sets  []*[256]bool
	steps []step
	count uint16 // of patterns compiled
}

// set returns the table of a class, and its slot in scan.runs.
func (c *patternCompiler) set(b byteSet) (*[256]bool, uint16) {
	if i, ok := c.slots[b]; ok {
		return c.sets[i], i
	}
	t := new([256]bool)
	for i := range t {
		t[i] = b.has(byte(i))
	}
	i := uint16(len(c.sets))
	c.slots[b], c.sets = i, append(c.sets, t)
	return t, i
}

// compile compiles e; anchored patterns must hold a literal to be found by.
func (c *patternCompiler) compile(e *expr, anchored bool) (*pattern, error) {
	items := flatten(nil, e)
	p := &pattern{index: c.count}
	c.count++
	at := 0
	if anchored {
		if at, p.anchors, p.cased = bestAnchor(items); len(p.anchors) == 0 {
			return nil, fmt.Errorf("%w: no literal of %d bytes or more to find it by", errPattern, minAnchor)
		}
	}
	for _, item := range slices.Backward(items[:at]) {
		if item.kind == exprBound {
			continue // a token stands apart anyway
		}
		p.before = append(p.before, c.back(item))
	}
	c.steps = c.steps[:0]
	end := c.emit(step{op: opMatch})
	p.start = end
	for _, item := range slices.Backward(items[at:]) {
		p.start = c.build(item, p.start)
	}
	if n := branches(c.steps, p.start); n > maxBranches || len(c.steps) > 512 || len(c.sets) > maxClasses {
		return nil, fmt.Errorf("%w: too many ways to match", errPattern)
	}
	p.steps = slices.Clone(c.steps)
	var empty bool
	if p.first, empty = c.first(p.start, 0); empty {
		p.first = byteSet{}.inverted()
	}
	p.grouped = slices.ContainsFunc(p.steps, func(s step) bool { return s.op == opFrom })
	if r := lastRepeat(items); r != nil {
		p.elastic, p.open = r.max > r.min, r.max == unlimited
	}
	return p, nil
}

// lastRepeat returns the repeat of a class that the items end in, nil where they end otherwise. Padding, ={0,2}, is
// passed over.
func lastRepeat(items []*expr) *expr {
	for _, item := range slices.Backward(items) {
		switch {
		case item.kind == exprCapture || item.kind == exprBound:
		case item.kind != exprRepeat:
			return nil
		case item.sub[0].kind == exprSet && item.sub[0].set.size() > 2:
			return item
		case item.min > 0:
			return nil
		}
	}
	return nil
}

// flatten lists the parts of a concatenation; a group of the secret becomes two marks around its parts.
func flatten(items []*expr, e *expr) []*expr {
	switch e.kind {
	case exprCat:
		for _, sub := range e.sub {
			items = flatten(items, sub)
		}
		return items
	case exprCapture:
		items = append(items, &expr{kind: exprCapture, min: 0})
		items = flatten(items, e.sub[0])
		return append(items, &expr{kind: exprCapture, min: 1})
	}
	return append(items, e)
}

// isMark tells the marks that flatten makes.
func isMark(e *expr) bool { return e.kind == exprCapture && len(e.sub) == 0 }

func (c *patternCompiler) back(item *expr) backStep {
	switch {
	case isMark(item) && item.min == 0:
		return backStep{op: opFrom}
	case isMark(item):
		return backStep{op: opTo}
	case item.kind == exprRepeat:
		set, _ := c.set(item.sub[0].set)
		return backStep{op: opRun, set: set, min: item.min, max: min(item.max, maxBefore)}
	}
	set, _ := c.set(item.set)
	return backStep{op: opRun, set: set, min: 1, max: 1}
}

func (c *patternCompiler) emit(s step) int32 {
	c.steps = append(c.steps, s)
	return int32(len(c.steps) - 1)
}

// build emits the steps of e before next, and returns the first.
func (c *patternCompiler) build(e *expr, next int32) int32 {
	switch e.kind {
	case exprCat:
		for _, sub := range slices.Backward(e.sub) {
			next = c.build(sub, next)
		}
		return next
	case exprAlt:
		first := c.build(e.sub[len(e.sub)-1], next)
		for _, sub := range slices.Backward(e.sub[:len(e.sub)-1]) {
			first = c.emit(step{op: opAlt, alt: c.build(sub, next), next: first})
		}
		return first
	case exprCapture:
		if isMark(e) {
			return c.emit(step{op: opFrom + opcode(e.min), next: next})
		}
		return c.emit(step{op: opFrom, next: c.build(e.sub[0], c.emit(step{op: opTo, next: next}))})
	case exprBound:
		return c.emit(step{op: opBound, next: next})
	case exprEnd:
		return c.emit(step{op: opEnd, next: next})
	case exprRepeat:
		return c.repeat(e, next)
	}
	return c.one(e.set, next)
}

// one emits a step for one byte, and joins it to a literal that follows.
func (c *patternCompiler) one(set byteSet, next int32) int32 {
	if set.size() != 1 {
		table, slot := c.set(set)
		return c.emit(step{op: opSet, set: table, slot: slot, next: next})
	}
	b := byte(0)
	for !set.has(b) {
		b++
	}
	text, after := string([]byte{b}), next
	if n := &c.steps[next]; n.op == opLiteral {
		text, after = text+n.text, n.next
	}
	return c.emit(step{op: opLiteral, text: text, next: after})
}

func (c *patternCompiler) repeat(e *expr, next int32) int32 {
	sub := e.sub[0]
	if sub.kind == exprSet {
		table, slot := c.set(sub.set)
		most := min(e.max, maxOpenRun)
		first, _ := c.first(next, 0)
		give := e.max > e.min && first.meets(sub.set)
		if give {
			most = min(most, e.min+maxGiveBack)
		}
		return c.emit(step{op: opRun, set: table, slot: slot, min: e.min, max: most, giveBack: give, next: next})
	}
	end := next // after every repeat that may be left out
	for i := e.max; i > 0; i-- {
		one := c.build(sub, next)
		if i > e.min {
			one = c.emit(step{op: opAlt, alt: one, next: end})
		}
		next = one
	}
	return next
}

// first returns the bytes that a match from step i on may start with.
func (c *patternCompiler) first(i int32, depth int) (set byteSet, empty bool) {
	s := &c.steps[i]
	if depth > 64 {
		return set.inverted(), true
	}
	switch s.op {
	case opSet:
		return c.setOf(s.slot), false
	case opLiteral:
		set.add(s.text[0])
		return set, false
	case opRun:
		set = c.setOf(s.slot)
		if s.min > 0 {
			return set, false
		}
		rest, empty := c.first(s.next, depth+1)
		set.union(rest)
		return set, empty
	case opAlt:
		set, a := c.first(s.alt, depth+1)
		rest, b := c.first(s.next, depth+1)
		set.union(rest)
		return set, a || b
	case opMatch, opEnd:
		return set, true
	}
	return c.first(s.next, depth+1)
}

func (c *patternCompiler) setOf(slot uint16) (set byteSet) {
	for b, ok := range c.sets[slot] {
		if ok {
			set.add(byte(b))
		}
	}
	return set
}

// branches bounds how many ways a match from step i on can take.
func branches(steps []step, i int32) int {
	s := &steps[i]
	switch {
	case s.op == opMatch:
		return 1
	case s.op == opAlt:
		return min(1<<20, branches(steps, s.alt)+branches(steps, s.next))
	case s.giveBack:
		return min(1<<20, (s.max-s.min+1)*branches(steps, s.next))
	}
	return branches(steps, s.next)
}

// bestAnchor chooses the part of a pattern that is found first: the longest literals of its possible places.
func bestAnchor(items []*expr) (at int, anchors []string, cased bool) {
	best := 0
	for i := range items {
		if i > 0 && !isSimple(items[i-1]) {
			break
		}
		if isMark(items[i]) {
			continue
		}
		words, _ := literals(items[i:], false)
		if len(words) == 0 || len(words) > maxAnchors {
			continue
		}
		score := preferredBytes
		for _, w := range words {
			score = min(score, len(w))
		}
		if score >= minAnchor && score > best {
			best, at, anchors = score, i, words
		}
	}
	if best > 0 {
		all, _ := literals(items[at:], true)
		cased = slices.Equal(all, anchors)
	}
	return at, anchors, cased
}

// isSimple reports whether an item may stand before an anchor: a byte, a repeat of a class, a mark.
func isSimple(e *expr) bool {
	switch e.kind {
	case exprSet, exprBound:
		return true
	case exprRepeat:
		return e.sub[0].kind == exprSet
	}
	return isMark(e)
}

// literals returns words of which every match of the items starts with one; whole means that such a word is all of the
// match. Where either case of a letter matches, the word has the lower, or there are both.
func literals(items []*expr, both bool) (words []string, whole bool) {
	words, whole = []string{""}, true
	for _, item := range items {
		more, all := startsOf(item, both)
		if len(more) == 0 || len(more)*len(words) > maxAnchors {
			whole = false
			break
		}
		var next []string
		for _, w := range words {
			for _, m := range more {
				joined := w + m
				if len(joined) > maxAnchor {
					joined, all = joined[:maxAnchor], false
				}
				next = append(next, joined)
			}
		}
		if words = next; !all {
			whole = false
			break
		}
	}
	slices.Sort(words)
	return slices.Compact(words), whole
}

// startsOf returns words of which every match of e starts with one, none where there are too many; whole means that
// such a word is all of the match. Where either case of a letter matches, the word has the lower, or there are both.
func startsOf(e *expr, both bool) (words []string, whole bool) {
	switch e.kind {
	case exprSet:
		for b := range 256 {
			if e.set.has(byte(b)) && (both || !is(byte(b), ccUpper) || !e.set.has(lower(byte(b)))) {
				words = append(words, string([]byte{byte(b)}))
			}
		}
		if len(words) > enumerableSet {
			return nil, false
		}
		return words, true
	case exprCat:
		return literals(e.sub, both)
	case exprAlt:
		whole = true
		for _, sub := range e.sub {
			w, all := literals(flatten(nil, sub), both)
			words, whole = append(words, w...), whole && all
		}
		return words, whole
	case exprRepeat:
		return startsOfRepeat(e, both)
	}
	return []string{""}, true // marks and bounds take no bytes
}

func startsOfRepeat(e *expr, both bool) (words []string, whole bool) {
	one, whole := startsOf(e.sub[0], both)
	switch {
	case len(one) == 0 && e.min == 0 || e.min == 0 && e.max > 1:
		return []string{""}, false
	case e.min == 0:
		return append([]string{""}, one...), whole
	case len(one) != 1 || !whole:
		return one, whole && e.max == 1
	}
	return []string{strings.Repeat(one[0], min(e.min, maxAnchor))}, e.min == e.max && e.min <= maxAnchor
}
