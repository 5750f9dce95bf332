package scrub

// tokenRule is a rule of a rule file: secrets recognised by their own shape, alone, soon after a word, or as the value
// of a name.
type tokenRule struct {
	kind   string
	match  []*pattern
	within int      // bytes after near
	also   []string // one of these words must stand between the two, in lower case
	checks []check
	except []*pattern // whole secrets that are none
	start  bool       // the match must not start inside a word
	end    bool       // and not end inside one
}

// maxWithin is the furthest a secret may stand from the word before it.
const maxWithin = 256

// verifyToken reports the token whose anchor starts at start.
func verifyToken(sc *scan, start, end int, r *rule) { sc.token(r.token, r.pattern, start, end) }

// token tries one pattern of t with its anchor at i. Checks are made of what follows the anchor, which ends at body,
// where the secret starts with it.
func (sc *scan) token(t *tokenRule, p *pattern, i, body int) bool {
	from, to, secret, end, ok := sc.match(p, i)
	if !ok || t.start && !sc.tokenStart(from) {
		return false
	}
	if to == openMatch {
		if p.grouped && sc.capFrom < 0 {
			return false
		} else if p.grouped {
			secret = sc.capFrom
			body = max(body, secret)
		}
		return sc.cutToken(t, secret, body)
	}
	s := sc.s
	if p.elastic { // punctuation that ends a sentence is no part of it
		for to > from && (s[to-1] == '.' || s[to-1] == ',' || s[to-1] == '/') {
			if to--; end > to {
				end = to
			}
		}
	}
	if t.end && !p.open && to < len(s) && is(s[to], ccAlnum) && to > 0 && is(s[to-1], ccAlnum) {
		return false // a longer word is something else
	}
	if secret != i {
		body = secret
	}
	if secret >= end {
		return false
	}
	var j *judgement
	if p.elastic {
		if j = sc.judge(p, from, to); to <= j.replaced {
			return false
		}
	}
	if (j == nil || j.nested <= maxNested) && !passes(t.checks, s[min(body, end):end]) {
		return false
	}
	for _, x := range t.except {
		if sc.isWhole(x, secret, end) {
			return false
		}
	}
	if j != nil {
		j.replaced = to
	}
	sc.add(secret, end, t.kind)
	return true
}

// leastCut is how many bytes of a token that are no fixed text must be there for its kind to be told at the end of a text.
const leastCut = 5

// cutToken reports the beginning of a token that the end of the text has cut off: whoever keeps outputs shortens them, and
// may not say so. What is recognised without an anchor of its own (near a word, by a name) could be anything.
func (sc *scan) cutToken(t *tokenRule, from, body int) bool {
	s := sc.s
	if sc.beginning && sc.depth == 0 && len(s) > body {
		sc.addCut(from, t.kind)
		return true
	}
	if sc.depth > 0 || sc.loose < leastCut || !mixedBody(s[body:]) || len(s)-body >= 8 && !looksRandom(s[body:], 8) {
		return false
	}
	sc.addCut(from, t.kind)
	return true
}

// judgement is what was made of the last matches of a pattern of no fixed length.
type judgement struct {
	to       int     // where they ended
	replaced int     // where the last that was replaced ended
	nested   int     // how many in a row started in one before
	failed   stretch // where verifyNear found nothing
	used     bool
}

// maxNested is how many matches of one pattern in a row may start in one before and be judged each. No text is like that
// by itself: what follows is replaced without being judged.
const maxNested = 16

// judge takes note of a match of p.
func (sc *scan) judge(p *pattern, from, to int) *judgement {
	j := sc.judgementOf(p)
	if from < j.to {
		j.nested++
	} else {
		j.nested = 0
	}
	j.to = max(j.to, to)
	return j
}

// judgementOf returns what is known of p in this text.
func (sc *scan) judgementOf(p *pattern) *judgement {
	if len(sc.judged) == 0 {
		sc.judged = make([]judgement, sc.e.patterns)
	}
	j := &sc.judged[p.index]
	if !j.used {
		j.used = true
		sc.wereJudged = append(sc.wereJudged, p.index)
	}
	return j
}

// isWhole reports whether p matches exactly s[from:to].
func (sc *scan) isWhole(p *pattern, from, to int) bool {
	return sc.forward(p.steps, p.start, from) == to
}

// verifyNear reports the token that stands soon after what near describes.
func verifyNear(sc *scan, start, _ int, r *rule) {
	if sc.insideWord(start) {
		return
	}
	_, at, _, _, ok := sc.match(r.pattern, start)
	if !ok || at == openMatch {
		return
	}
	s := sc.s
	t := r.token
	inside := false // a word goes on
	limit := min(len(s), at+t.within)
	failed := &sc.judgementOf(t.match[0]).failed
	sc.steps += max(0, limit-at-max(0, failed.to-at))
	for i := at; i < limit; i++ {
		if i > at && failed.from <= i && i < failed.to { // tried after another such word
			i = min(failed.to, limit) - 1
			inside = isWordByte(s[i])
			continue
		}
		word := isWordByte(s[i])
		if word && inside {
			continue
		}
		inside = word
		for _, p := range t.match {
			mark := len(sc.spans)
			if !p.first.has(s[i]) || !sc.token(t, p, i, i) {
				continue
			}
			if len(t.also) > 0 && !foldHasOne(s[at:sc.spans[mark].start], t.also) {
				sc.spans = sc.spans[:mark]
				continue
			}
			return
		}
	}
	if len(t.also) == 0 && limit > at {
		failed.extend(at, limit)
	}
}

// insideWord reports whether a word that starts at i would only be the rest of a longer one: "key" in "monkey", but not
// in "apiKey" and API_KEY.
func (sc *scan) insideWord(i int) bool {
	return i > 0 && is(sc.s[i-1], ccLower|ccUpper) && (is(sc.s[i-1], ccUpper) || !is(sc.s[i], ccUpper))
}

// foldHasOne reports whether s holds one of the words, ignoring ASCII case.
func foldHasOne(s string, words []string) bool {
	for i := range len(s) {
		for _, w := range words {
			if foldHas(s, i, w) {
				return true
			}
		}
	}
	return false
}

const (
	maxShortName = 8  // bytes of a word that must not be the rest of a longer one
	maxNameRest  = 20 // bytes of a name after the word that a rule gives
	maxAround    = 8  // quotes, spaces and escapes on each side of the operator
)

// verifyNamed reports the value of a name that holds a rule's word: adafruit_key = "…", "adafruitKey": "…".
func verifyNamed(sc *scan, start, end int, r *rule) {
	s := sc.s
	if end-start <= maxShortName && sc.insideWord(start) {
		return
	}
	i := end
	for limit := min(len(s), end+maxNameRest); i < limit && (is(s[i], ccName) || s[i] == ' ' || s[i] == '\t'); {
		i++
	}
	i = skipAround(s, i)
	at := i
	for i < len(s) && i < at+3 && (s[i] == '=' || s[i] == ':' || s[i] == '>' || s[i] == '|' || s[i] == '?' || s[i] == ',') {
		i++
	}
	if i == at {
		return
	}
	i = skipAround(s, i)
	sc.steps += i - end
	for _, p := range r.token.match {
		if sc.token(r.token, p, i, i) {
			return
		}
	}
}

// skipAround skips the quotes, escapes and spaces that may stand around an operator.
func skipAround(s string, i int) int {
	for limit := min(len(s), i+maxAround); i < limit && (isSpace(s[i]) || isQuote(s[i]) || s[i] == '\\'); {
		i++
	}
	return i
}

// tokenStart reports whether a token may start at i: at no letter, digit or "_", unless that ends an escape such as \n,
// %3D or \u003d.
func (sc *scan) tokenStart(i int) bool {
	s := sc.s
	if i == 0 || !is(s[i-1], ccAlnum) && s[i-1] != '_' && s[i-1] != '-' {
		return true
	}
	switch b := s[i-1]; {
	case i >= 2 && s[i-2] == '\\' && (b == 'n' || b == 't' || b == 'r' || b == 'f' || b == 'b'):
		return true
	case i >= 3 && s[i-3] == '%' && is(lower(s[i-2]), ccHex) && is(lower(b), ccHex):
		return true
	case b == '-': // a flag: -ptoken is one word, but --token is not
		return i >= 2 && (s[i-2] == '-' || isSpace(s[i-2]))
	}
	return i >= 6 && s[i-6] == '\\' && s[i-5] == 'u' && run(s, i-4, ccHex|ccUpper, 4) == i
}

// mixedBody accepts bodies with a digit, or of both cases.
func mixedBody(body string) bool {
	sh := shapeOf(body)
	return sh.digit > 0 && sh.lower+sh.upper > 0 || sh.lower > 0 && sh.upper > 0 && sh.changes*5 >= sh.n
}

const maxJWT = 16 << 10

// verifyJWT takes header, payload and, where there is one, signature (also the five parts of an encrypted token). What
// has no second part is base64 of any JSON, and no token.
func verifyJWT(sc *scan, start, end int, r *rule) {
	s := sc.s
	if start < sc.jwtEnd || s[start:end] != "eyJ" {
		return
	}
	at := run(s, end, ccWord, maxJWT)
	sc.jwtEnd = at
	parts := 1
	to := at
	for parts < 5 && to < len(s) && s[to] == '.' {
		next := run(s, to+1, ccWord, maxJWT)
		if next-to-1 < 4 {
			break
		}
		to = next
		parts++
	}
	sc.steps += to - end
	sc.jwtEnd = to
	if parts < 2 || at-end < 8 || to-at < 9 {
		return
	}
	if sc.at(at+1) == 'e' || looksRandom(s[at+1:min(to, at+65)], 8) {
		sc.add(start, to, r.kind)
	}
}

// verifyBearer takes the token after "Bearer " wherever it stands.
func verifyBearer(sc *scan, start, end int, r *rule) {
	s := sc.s
	if !sc.tokenStart(start) {
		return
	}
	for end < len(s) && s[end] == ' ' && end < len(s)-1 {
		end++
	}
	to := run(s, end, ccWord|ccStd64|ccDot, maxOpenRun)
	for to < len(s) && (s[to] == '=' || s[to] == '~') {
		to++
	}
	sc.steps += to - end
	for to > end && s[to-1] == '.' {
		to--
	}
	v := s[end:to]
	if sh := shapeOf(v); len(v) < 8 || sh.digit == 0 && len(v) < 24 || isReference(v) {
		return
	}
	sc.add(end, to, r.kind)
}
