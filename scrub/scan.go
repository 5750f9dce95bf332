package scrub

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unsafe"
)

// rule is what a keyword triggers.
type rule struct {
	kind    string
	verify  func(sc *scan, start, end int, r *rule) // reads around the keyword sc.s[start:end], reports by sc.add
	token   *tokenRule                              // of a rule file
	pattern *pattern                                // the keyword is an anchor of
	prog    *program                                // for verifyProgram
	index   int                                     // of the program, for scan.progDone
}

// span is a stretch of text to replace.
type span struct {
	start, end int
	kind       string
	clean      string // the value where the text disguises it; "" means the stretch itself
	cut        bool   // the end of the text cuts it off: nothing if something whole lies in it
	rank       int    // of equal stretches that of the highest rank is kept: the index of its rule
}

func (sp *span) value(s string) string {
	if sp.clean != "" {
		return sp.clean
	}
	return s[sp.start:sp.end]
}

// stretch is a part of the text, from before to.
type stretch struct{ from, to int }

// extend joins another stretch to r where they meet, else r becomes that one.
func (r *stretch) extend(from, to int) {
	if from < r.from || from > r.to {
		r.from, r.to = from, to
		return
	}
	r.to = max(r.to, to)
}

// scan is one reading of a text. Its verifiers stay linear by these rules: a token's verifier reads at most its
// longest token; a name's value is read once, because names inside a replaced value are skipped (done) and a value
// that is not replaced was judged by a bounded prefix; a program's arguments are read once per program (progDone).
type scan struct {
	e           *Engine
	s           string
	spans       []span
	wordEnd     int  // names before this offset were judged
	done        int  // values before this offset are replaced
	labelled    bool // the text holds a label
	rank        int  // of the rule whose hit is being verified
	skipTo      int  // hits before this offset are inside a label
	lastEnd     int  // end of the last line of a private key
	manifestEnd int  // manifests before this offset were read
	jwtEnd      int  // tokens of base64url before this offset were read
	jwkEnd      int  // keys before this offset were read
	progDone    [maxPrograms]int
	cmd         command
	args        [maxWords]string
	argStart    [maxWords]int
	argEnd      [maxWords]int
	capFrom     int // the secret's group of the last match, -1 for none
	capTo       int
	loose       int                  // bytes that the last match took by classes rather than by literals
	runs        [maxClasses]classRun // by the slot of a class
	hits        [lanes][]hit
	judged      []judgement // by the index of a pattern
	wereJudged  []uint16    // the patterns that were
	bare        stretch     // what bareEnd passed over
	line        stretch     // what lineEnd did
	label       stretch     // the last label that was read
	viewText    []byte
	viewParts   []viewPart
	base64Done  [4]int // encoded text before this offset was decoded, by the phase of its groups
	base64Text  []byte // encoded, without its line breaks
	base64Out   []byte // decoded
	base64Parts []encodedPart
	depth       int // of decoded text in decoded text
	wantView    bool
	beginning   bool // the text is the beginning of one
	steps       int  // bytes read by verifiers; tests hold it against the length of the text
	dirty       bool // progDone is in use
	runsDirty   bool // runs or base64Done are
}

func (sc *scan) add(start, end int, kind string) {
	if start < end {
		sc.spans = append(sc.spans, span{start: start, end: end, kind: kind, rank: sc.rank})
	}
}

// addCut adds what the end of the text cuts off.
func (sc *scan) addCut(start int, kind string) {
	sc.add(start, len(sc.s), kind)
	sc.spans[len(sc.spans)-1].cut = true
}

func (e *Engine) acquire(s string) *scan {
	sc := e.pool.Get().(*scan)
	sc.e, sc.s = e, s
	return sc
}

func (e *Engine) release(sc *scan) {
	clear(sc.spans)
	sc.spans = sc.spans[:0]
	if sc.dirty {
		clear(sc.args[:])
		clear(sc.cmd.found)
		sc.cmd = command{found: sc.cmd.found[:0]}
	}
	sc.reset("")
	sc.wantView, sc.depth, sc.labelled, sc.beginning = false, 0, false, false
	if cap(sc.viewText)+cap(sc.viewParts)*int(unsafe.Sizeof(viewPart{})) > maxPooled {
		sc.viewText, sc.viewParts = nil, nil
	}
	e.pool.Put(sc)
}

// maxPooled is how many bytes of a view's buffers a scan keeps for its next text.
const maxPooled = 16 << 20

// reset makes sc ready to read another text, keeping its spans.
func (sc *scan) reset(s string) {
	sc.s, sc.wordEnd, sc.done, sc.skipTo, sc.lastEnd, sc.manifestEnd, sc.jwtEnd, sc.jwkEnd, sc.steps = s, 0, 0, 0, 0, 0, 0, 0, 0
	if sc.dirty {
		clear(sc.progDone[:])
		sc.dirty = false
	}
	for _, i := range sc.wereJudged {
		sc.judged[i] = judgement{}
	}
	sc.wereJudged = sc.wereJudged[:0]
	sc.bare, sc.line, sc.label = stretch{}, stretch{}, stretch{}
	if sc.runsDirty {
		clear(sc.runs[:])
		clear(sc.base64Done[:])
		sc.runsDirty = false
	}
}

// find reads s; it returns nil when there is nothing to verify, else a scan whose spans are in order, apart, and none
// of them a mere label. The caller releases it.
func (e *Engine) find(s string) *scan { return e.findIn(s, splitQuotes(s), 0) }

// findIn is find in text that was decoded depth times; split tells whether quotes split its words.
func (e *Engine) findIn(s string, split bool, depth int) *scan {
	var sc *scan
	if depth > 0 {
		sc = e.acquire(s)
		sc.depth = depth
	}
	sc = e.read(sc, s)
	if sc != nil && sc.wantView || split {
		sc = e.readView(sc, s)
	}
	if sc != nil && len(sc.spans) > 0 {
		sc.settle()
	}
	return sc
}

// findCut is find in the beginning of a text: what its end cuts off counts whatever it looks like.
func (e *Engine) findCut(s string) *scan {
	sc := e.acquire(s)
	sc.beginning = true
	sc = e.read(sc, s)
	if sc.wantView || splitQuotes(s) {
		sc = e.readView(sc, s)
	}
	sc.settle()
	return sc
}

// hit is an accepting state of the automaton and the offset it was reached at.
type hit struct {
	end   int
	state uint32
}

// lanes is how many parts of a text are read at once: a step of the automaton waits for the step before, but not for
// another lane's.
const (
	lanes     = 4
	lanesFrom = 64      // shortest text that is read in lanes
	block     = 1 << 14 // bytes that are read before their hits are verified, in order
)

// read runs the automaton over s and the verifiers over its hits, in the order of their ends. It takes a scan from the
// pool only once there is a hit.
func (e *Engine) read(sc *scan, s string) *scan {
	if len(s) >= lanesFrom {
		return e.readLanes(sc, s)
	}
	a := e.auto
	state := uint32(0)
	for i := range len(s) {
		if state = a.step(state, s[i]); state < a.accept {
			continue
		}
		if sc == nil {
			sc = e.acquire(s)
		}
		sc.verify(i+1, state)
	}
	return sc
}

// readLanes is read for long texts.
func (e *Engine) readLanes(sc *scan, s string) *scan {
	if sc == nil {
		sc = e.acquire(s)
	}
	for from := 0; from < len(s); from += block {
		e.auto.lanes(s, from, min(len(s), from+block), &sc.hits)
		for i := range sc.hits {
			for _, h := range sc.hits[i] {
				sc.verify(h.end, h.state)
			}
		}
	}
	return sc
}

// verify runs the verifiers of the keywords that end at end.
func (sc *scan) verify(end int, state uint32) {
	e := sc.e
	hits := e.auto.hits(state)
	for i := range hits {
		h := &hits[i]
		start, end := end-int(h.length), end
		if start < sc.skipTo {
			continue
		}
		if h.rest != "" {
			if !foldHas(sc.s, end, h.rest) {
				continue
			}
			end += len(h.rest)
		}
		if h.exact != "" && sc.s[start:end] != h.exact || h.apart && !sc.tokenStart(start) {
			continue
		}
		sc.rank = int(h.rule)
		r := &e.rules[h.rule]
		if r.verify == nil { // a label: step over it
			if to := sc.labelAt(start); to > 0 {
				sc.skipTo, sc.labelled = to, true
				return
			}
			continue
		}
		r.verify(sc, start, end, r)
	}
	if sc.steps > maxSteps*len(sc.s)+minSteps {
		panic(errBudget)
	}
}

// A reading that takes more steps than these for each byte, and these for any text, is given up, and the text replaced:
// verifiers are linear, so it is a defect.
const (
	maxSteps = 400
	minSteps = 1 << 16
)

var (
	errBudget  = errors.New("scrub: work budget exceeded")
	errTooLong = errors.New("scrub: text of more than 4 GiB needs a view")
)

// settle sorts and merges the spans, widens them over labels they cut, and drops those that are labels already.
func (sc *scan) settle() {
	slices.SortFunc(sc.spans, func(a, b span) int {
		return cmp.Or(a.start-b.start, b.end-a.end, b.rank-a.rank)
	})
	kept := sc.spans[:0]
	for _, sp := range sc.spans {
		if n := len(kept); n > 0 && sp.start < kept[n-1].end {
			switch {
			case sp.cut:
			case kept[n-1].cut:
				kept[n-1] = sp
			case sp.end > kept[n-1].end:
				kept[n-1].end, kept[n-1].clean = sp.end, ""
			}
			continue
		}
		kept = append(kept, sp)
	}
	all := kept
	kept = all[:0]
	for _, sp := range all {
		if sc.labelled {
			sc.widen(&sp)
		}
		if n := len(kept); n > 0 && sp.start < kept[n-1].end {
			kept[n-1].end, kept[n-1].clean = max(kept[n-1].end, sp.end), ""
			continue
		}
		if !sc.e.onlyLabels(sc.s[sp.start:sp.end]) {
			kept = append(kept, sp)
		}
	}
	sc.spans = kept
}

// takeWords grows the spans over the rest of the words that they are parts of.
func (sc *scan) takeWords() {
	const class = ccWord | ccStd64 | ccDot
	kept := sc.spans[:0]
	end := 0
	for _, sp := range sc.spans {
		sp.start = max(end, runBack(sc.s, sp.start, class, len(sc.s)))
		sp.end = run(sc.s, sp.end, class, len(sc.s))
		sp.clean = ""
		if sp.start < sp.end {
			kept = append(kept, sp)
			end = sp.end
		}
	}
	sc.spans = kept
}

// maxLabel is more than the longest label.
const maxLabel = 96

// widen grows a span over labels that its ends cut.
func (sc *scan) widen(sp *span) {
	s := sc.s
	for _, edge := range [2]int{sp.start, sp.end} {
		from := max(0, edge-maxLabel)
		i := strings.LastIndex(s[from:edge], labelStart[:1])
		if i < 0 {
			continue
		}
		if end := sc.e.labelAt(s, from+i); end > edge {
			sp.start, sp.end = min(sp.start, from+i), max(sp.end, end)
			sp.clean = ""
		}
	}
}

// before returns the byte before i, or 0.
func (sc *scan) before(i int) byte {
	if i == 0 {
		return 0
	}
	return sc.s[i-1]
}

func (sc *scan) at(i int) byte {
	if i >= len(sc.s) {
		return 0
	}
	return sc.s[i]
}
