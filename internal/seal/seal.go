// Package seal is the one gate between what was read and what is stored.
//
//	schema.Fragment ──Scrubber.Fragment──▶ Clean ──Merge, Place──▶ Clean ──Seal──▶ Record ──▶ journal
//
// The journal takes only this package's Bytes, and Bytes come only from what a Scrubber has passed: code that forgets to
// scrub does not compile. What Place adds later are numbers, times, constants of ours and texts of other Clean actions.
package seal

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/agentaudit/agentaudit/internal/privacy"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/scrub"
)

// Bytes are the JSON of something scrubbed: what the journal accepts.
type Bytes struct{ b []byte }

// Raw returns the bytes, for storing; they must not be changed.
func (b Bytes) Raw() []byte { return b.b }

// numbersVersion is the first byte of Numbers.
const numbersVersion = 1

// Numbers are numbers for the journal: digests, counts and times, in which no text can be.
func Numbers(words []uint64) Bytes {
	b := make([]byte, 1, 1+8*len(words))
	b[0] = numbersVersion
	for _, w := range words {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return Bytes{b}
}

// RestoreNumbers reads what Numbers wrote.
func RestoreNumbers(b []byte) ([]uint64, error) {
	if len(b)%8 != 1 || b[0] != numbersVersion {
		return nil, errStored
	}
	words := make([]uint64, 0, len(b)/8)
	for b = b[1:]; len(b) > 0; b = b[8:] {
		words = append(words, binary.BigEndian.Uint64(b))
	}
	return words, nil
}

// Limits of stored texts, in bytes. Longer ones are cut after scrubbing, at a character and outside of redactions.
type Limits struct {
	Output    int // stdout and stderr, each
	Original  int // what could not be understood
	Arguments int // JSON arguments of a tool call, fields without a place
	Text      int // any other text: command line, stdin, message …; keywords have schema.MaxKeyword besides
}

// DefaultLimits keep a record well below what a store takes.
var DefaultLimits = Limits{Output: 16 << 10, Original: 64 << 10, Arguments: 64 << 10, Text: 4 << 20}

// Scrubber turns raw fragments into clean ones.
type Scrubber struct {
	engine       *scrub.Engine
	limits       Limits
	names        *privacy.Names // nil: no pseudonyms
	organization string         // of texts that are no part of an action
}

// NewScrubber returns a gate that scrubs with engine.
func NewScrubber(engine *scrub.Engine, limits Limits) *Scrubber {
	return &Scrubber{engine: engine, limits: limits}
}

// Pseudonyms makes the gate also put pseudonyms in the place of persons. organization is that of texts without a record.
func (s *Scrubber) Pseudonyms(names *privacy.Names, organization string) {
	s.names, s.organization = names, organization
}

// Err is the first error of the pseudonyms' vault since it was last asked for: what passed since then must not be kept.
func (s *Scrubber) Err() error { return s.names.Err() }

// Fragment scrubs f in place and returns it as Clean. The texts may still point into f's memory: see Clean.Own.
func (s *Scrubber) Fragment(f *schema.Fragment) *Clean {
	c := &Clean{Role: f.Role, Key: f.Key, ID: f.ID, Session: sessionKey(&f.Action)}
	s.action(&f.Action)
	c.a = f.Action
	return c
}

// sessionKey identifies a session by what its source calls it, before scrubbing could make two names alike.
func sessionKey(a *schema.Action) schema.ID {
	if a.Session.ID == "" {
		return schema.ID{}
	}
	return schema.MakeID("session", a.Event.Provider, a.Session.ID)
}

// Text scrubs one text that is no part of an action: an error, a label.
func (s *Scrubber) Text(text string) string {
	clean, _ := s.engine.Text(text)
	return s.rename(clean)
}

// rename puts pseudonyms into a scrubbed text.
func (s *Scrubber) rename(text string) string { return s.names.Text(s.organization, text) }

// margin is how far beyond a limit text is scrubbed before it is cut, so that no secret loses its recognisable head.
const margin = 4 << 10

func (s *Scrubber) action(a *schema.Action) {
	total := int64(0)
	cutLong(&a.Execution.Stdout, s.limits.Output+margin)
	cutLong(&a.Execution.Stderr, s.limits.Output+margin)
	cutLong(&a.Event.Original, s.limits.Original+margin)
	cut := false
	args, n := s.engine.Args(a.Command.Args)
	a.Command.Args, total = args, int64(n)
	a.Texts(func(name, text string, isJSON bool) string {
		var n int
		switch {
		case isJSON:
			text, n = s.engine.JSON(text)
			text = s.shortenJSON(text)
		default:
			cutLong(&text, s.limits.Text+margin)
			if a.Execution.Truncated && (name == "stdout" || name == "stderr") {
				text, n = s.engine.Cut(text) // its source cut it, perhaps within a secret
			} else {
				text, n = s.engine.Text(text)
			}
			cut = cutClean(&text, s.limits.Text) || cut
		}
		total += int64(n)
		return text
	})
	s.names.Action(a)
	cut = bound(a) || cut
	if s.cutOutput(a) || cut {
		a.Execution.Truncated = true
	}
	cutClean(&a.Event.Original, s.limits.Original)
	a.Trail.Ruleset = s.engine.Ruleset()
	a.Trail.Redactions = schema.Some(a.Trail.Redactions.N + total)
}

func (s *Scrubber) cutOutput(a *schema.Action) bool {
	out := cutClean(&a.Execution.Stdout, s.limits.Output)
	err := cutClean(&a.Execution.Stderr, s.limits.Output)
	return out || err
}

// shortenJSON replaces JSON beyond the limit by an object that says so and holds its beginning as text.
func (s *Scrubber) shortenJSON(text string) string {
	if len(text) <= s.limits.Arguments {
		return text
	}
	head := text
	cutClean(&head, s.limits.Arguments/4)
	return string(appendTruncated(nil, len(text), head))
}

// cutLong shortens raw text to at most n bytes at a character.
func cutLong(text *string, n int) {
	if len(*text) <= n {
		return
	}
	for n > 0 && !utf8.RuneStart((*text)[n]) {
		n--
	}
	*text = (*text)[:n]
}

// cutClean shortens scrubbed text to at most n bytes, at a character and not inside a redaction.
func cutClean(text *string, n int) bool {
	if len(*text) <= n {
		return false
	}
	cutLong(text, n)
	if i := strings.LastIndex(*text, "[REDACTED"); i >= 0 && !strings.Contains((*text)[i:], "]") {
		*text = (*text)[:i] + "[REDACTED]"
	}
	return true
}
