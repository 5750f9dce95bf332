package scrub

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Ruleset is the name and version of the built-in rules, recorded on every record they scrubbed.
const Ruleset = "agent-audit/2"

// Options configure an Engine.
type Options struct {
	// Key is the HMAC-SHA-256 key of an organisation's fingerprints, at least 16 bytes. Without a key labels carry no
	// fingerprint.
	Key []byte
	// KeyID is the version label of Key, 1 to 16 of a-z, 0-9, ".", "_" and "-", as in "k1". Required with Key.
	KeyID string
	// Rules are rule files of your own: they add to the built-in rules, replace those of the same name, and disable.
	Rules []*Rules
	// OnRedaction is called with the kind of each redaction that is made; it must be quick and safe for concurrent use. nil
	// is allowed.
	OnRedaction func(kind string)
}

// Engine scrubs text. It is immutable and safe for concurrent use.
type Engine struct {
	key         []byte
	keyID       string
	onRedaction func(kind string)
	*tables
	pool sync.Pool // of *scan
	macs sync.Pool // of *keyedHash
}

// New returns an engine with the built-in rules. It fails for a key under 16 bytes and for a malformed key id.
func New(o Options) (*Engine, error) {
	if len(o.Key) > 0 {
		if len(o.Key) < 16 {
			return nil, fmt.Errorf("scrub: key %q has %d bytes, needs 16", o.KeyID, len(o.Key))
		}
		if !validKeyID(o.KeyID) {
			return nil, errors.New("scrub: key id must be 1 to 16 of a-z, 0-9, '.', '_', '-'")
		}
	}
	e := &Engine{key: slices.Clone(o.Key), keyID: o.KeyID, onRedaction: o.OnRedaction}
	var err error
	if len(o.Rules) == 0 {
		e.tables, err = builtinTables()
	} else {
		e.tables, err = compileTables(o.Rules)
	}
	if err != nil {
		return nil, err
	}
	e.pool.New = func() any { return new(scan) }
	e.macs.New = func() any { return &keyedHash{mac: hmac.New(sha256.New, e.key)} }
	return e, nil
}

// Ruleset is the name and version of the rules: the constant Ruleset, and "+" and 8 hexadecimal digits of a digest where
// rule files were added.
func (e *Engine) Ruleset() string { return e.name }

func validKeyID(id string) bool {
	if len(id) == 0 || len(id) > 16 {
		return false
	}
	for i := range len(id) {
		if !is(id[i], ccLower|ccDigit|ccURL|ccDot) {
			return false
		}
	}
	return true
}

// Finding is a stretch of text that scrubbing replaces.
type Finding struct {
	Kind        string // as in the label
	Start, End  int    // byte offsets into the text
	Fingerprint string // "keyid:16 hex digits"; "" for values of low entropy
}

// maxPasses bounds how often a text is read again after labels were written into it. Every pass replaces bytes that
// were no label, so passes end by themselves; real text needs two.
const (
	maxPasses  = 16
	manyPasses = 4 // from then on a rule may be at work that peels a long word piece by piece: the rest of it goes at once
)

// Text returns s without its secrets, and the number of redactions. Without any, it returns s itself and allocates
// nothing. The result is valid UTF-8: invalid bytes become U+FFFD.
func (e *Engine) Text(s string) (clean string, n int) {
	defer rescue(&clean, &n)
	split, ascii := inspect(s)
	if !ascii {
		s = validText(s)
		split, _ = inspect(s)
	}
	return e.textIn(s, split)
}

// rescue turns a panic into the loss of the field: nothing unscrubbed leaves.
func rescue(clean *string, n *int) {
	if recover() != nil {
		*clean, *n = failureLabel, 1
	}
}

func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// text is Text of valid UTF-8, which it repeats until nothing more is found.
func (e *Engine) text(s string) (string, int) {
	split, _ := inspect(s)
	return e.textIn(s, split)
}

// textIn is text where it is known whether quotes split words.
func (e *Engine) textIn(s string, split bool) (string, int) {
	n := 0
	for i := range maxPasses {
		next, k := e.pass(s, split, i >= manyPasses)
		if k == 0 {
			return s, n
		}
		s, n = next, n+k
		split, _ = inspect(s)
	}
	return failureLabel, n + 1
}

// pass replaces what one reading finds; with whole, also the rest of the words in which it was found.
func (e *Engine) pass(s string, split, whole bool) (string, int) {
	sc := e.findIn(s, split, 0)
	if sc == nil {
		return s, 0
	}
	defer e.release(sc)
	if len(sc.spans) == 0 {
		return s, 0
	}
	if whole {
		sc.takeWords()
	}
	var b strings.Builder
	b.Grow(len(s) + 24*len(sc.spans))
	at := 0
	label := make([]byte, 0, maxLabel)
	for i := range sc.spans {
		sp := &sc.spans[i]
		b.WriteString(s[at:sp.start])
		if i == 0 || sp.kind != sc.spans[i-1].kind || sp.value(s) != sc.spans[i-1].value(s) {
			label = e.appendLabel(label[:0], sp.kind, sp.value(s))
		}
		b.Write(label)
		at = sp.end
	}
	b.WriteString(s[at:])
	return b.String(), len(sc.spans)
}

// Find lists what Text replaces in its first reading of s, in order and without overlaps. s need not be valid UTF-8.
// After a panic inside, it reports the whole of s as a "scrub-failure".
func (e *Engine) Find(s string) (found []Finding) {
	defer func() {
		if recover() != nil {
			found = []Finding{{Kind: "scrub-failure", End: len(s)}}
		}
	}()
	sc := e.find(s)
	if sc == nil {
		return nil
	}
	defer e.release(sc)
	for i := range sc.spans {
		sp := &sc.spans[i]
		found = append(found, Finding{sp.kind, sp.start, sp.end, e.Fingerprint(sp.value(s))})
	}
	return found
}
