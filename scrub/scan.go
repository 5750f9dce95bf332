package scrub

import (
	"slices"
	"strings"
)

// rule is what a keyword triggers.
type rule struct {
	kind   string
	verify func(sc *scan, start, end int, r *rule) // reads around the keyword sc.s[start:end], reports by sc.add
	token  *tokenRule                              // for verifyToken
	prog   *program                                // for verifyProgram
	index  int                                     // of the program, for scan.progDone
}

// span is a stretch of text to replace.
type span struct {
	start, end int
	kind       string
	clean      string // the value where the text disguises it; "" means the stretch itself
}

func (sp *span) value(s string) string {
	if sp.clean != "" {
		return sp.clean
	}
	return s[sp.start:sp.end]
}

// scan is one reading of a text. Its verifiers stay linear by these rules: a token's verifier reads at most its
// longest token; a name's value is read once, because names inside a replaced value are skipped (done) and a value
// that is not replaced was judged by a bounded prefix; a program's arguments are read once per program (progDone).
type scan struct {
	e        *Engine
	s        string
	spans    []span
	wordEnd  int // names before this offset were judged
	done     int // values before this offset are replaced
	lastEnd  int // end of the last line of a private key
	jwtEnd   int // tokens of base64url before this offset were read
	progDone [maxPrograms]int
	cmd      command
	args     [maxWords]string
	argStart [maxWords]int
	argEnd   [maxWords]int
	viewText []byte
	viewFrom []int32 // offset in the text of each byte of viewText, and of its end
	wantView bool
	steps    int  // bytes read by verifiers; tests hold it against the length of the text
	dirty    bool // progDone is in use
}

func (sc *scan) add(start, end int, kind string) {
	if start < end {
		sc.spans = append(sc.spans, span{start: start, end: end, kind: kind})
	}
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
	sc.wantView = false
	if cap(sc.viewText) > maxPooled {
		sc.viewText, sc.viewFrom = nil, nil
	}
	e.pool.Put(sc)
}

// maxPooled is the largest buffer in bytes that a scan keeps for its next text.
const maxPooled = 1 << 20

// reset makes sc ready to read another text, keeping its spans.
func (sc *scan) reset(s string) {
	sc.s, sc.wordEnd, sc.done, sc.lastEnd, sc.jwtEnd, sc.steps = s, 0, 0, 0, 0, 0
	if sc.dirty {
		clear(sc.progDone[:])
		sc.dirty = false
	}
}

// find reads s; it returns nil when there is nothing to verify, else a scan whose spans are in order, apart, and none
// of them a mere label. The caller releases it.
func (e *Engine) find(s string) *scan {
	sc := e.read(nil, s)
	if sc != nil && sc.wantView || splitQuotes(s) {
		sc = e.readView(sc, s)
	}
	if sc != nil && len(sc.spans) > 0 {
		sc.settle()
	}
	return sc
}

// read runs the automaton over s and the verifiers over its hits. It takes a scan from the pool only once there is a
// hit.
func (e *Engine) read(sc *scan, s string) *scan {
	a := e.auto
	next, accept := a.next, a.accept
	state := uint32(0)
	for i := 0; i < len(s); i++ {
		state = next[state+uint32(a.class[s[i]])]
		if state < accept {
			continue
		}
		if sc == nil {
			sc = e.acquire(s)
		}
		for _, h := range a.hits(state) {
			r := &e.rules[h.rule]
			start := i + 1 - int(h.length)
			if r.verify == nil { // a label: step over it
				if end := e.labelAt(s, start); end > 0 {
					i, state = end-1, 0
					break
				}
				continue
			}
			r.verify(sc, start, i+1, r)
		}
	}
	return sc
}

// settle sorts and merges the spans, widens them over labels they cut, and drops those that are labels already.
func (sc *scan) settle() {
	slices.SortFunc(sc.spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	kept := sc.spans[:0]
	for _, sp := range sc.spans {
		if n := len(kept); n > 0 && sp.start < kept[n-1].end {
			if sp.end > kept[n-1].end {
				kept[n-1].end, kept[n-1].clean = sp.end, ""
			}
			continue
		}
		kept = append(kept, sp)
	}
	all := kept
	kept = all[:0]
	for _, sp := range all {
		sc.widen(&sp)
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
