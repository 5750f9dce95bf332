package verify

import (
	"errors"
	"fmt"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// expectation is a checkpoint that the archive must contain. It is of one stream only, whose walk alone writes to it.
type expectation struct {
	*archive.Checkpoint
	text   string
	stream *stream // nil: it is not there
	placed bool    // a link was met in whose tree it ends
	proved bool    // guarded by verifier.mu
}

// readExpected takes the expected checkpoints apart, and checks their co-signatures. Whether a key of the archive has
// signed them is settled when the stream's keys are known.
func (v *verifier) readExpected() error {
	for _, text := range v.options.Expected {
		c, err := archive.ParseCheckpoint(text)
		if err != nil {
			return fmt.Errorf("verify: expected %w", err)
		}
		v.witnessed(c)
		v.expected = append(v.expected, &expectation{Checkpoint: c, text: text})
	}
	return nil
}

// witnessed checks a checkpoint's co-signatures.
func (v *verifier) witnessed(c *archive.Checkpoint) {
	found := false
	for _, w := range v.witnesses {
		at, err := w.Time(c)
		switch {
		case err == nil:
			found = true
			v.report.Witnessed = append(v.report.Witnessed, Witnessed{Witness: w.Name(), Origin: c.Origin, Size: c.Size, Time: at})
		case !errors.Is(err, archive.ErrNotWitnessed):
			v.add(Finding{Kind: BadWitness, Text: fmt.Sprintf("checkpoint %s of %d records: %v", c.Origin, c.Size, err)})
		}
	}
	if len(v.witnesses) > 0 && !found {
		v.add(Finding{Kind: BadWitness, Text: fmt.Sprintf("checkpoint %s of %d records: none of the witnesses has co-signed it", c.Origin, c.Size)})
	}
}

// expect sees whether an expected checkpoint's tree ends at or within a link.
func (s *stream) expect(e *expectation, l *link, isFirst bool) {
	if e.Origin != l.l.Common().Origin+"/"+s.name {
		return
	}
	e.stream = s
	m := l.manifest()
	first, root := begins(l.l)
	switch {
	case e.placed:
	case m != nil && e.Size > m.First && e.Size <= m.Last+1:
		e.placed = true
		l.expected = append(l.expected, e)
	case isFirst && e.Size == first:
		e.placed = true
		if archive.Hex(e.Root) != root {
			s.add(Unexpected, l.at.Name, nil, "the archive begins with another tree than that of the expected checkpoint")
			return
		}
		s.met(e)
	}
}

// settle says what has come of the expected checkpoints.
func (v *verifier) settle() {
	all := make(keyring)
	for _, ring := range []keyring{v.keys, v.adopted} {
		for vkey, k := range ring {
			all[vkey] = k
		}
	}
	for _, e := range v.expected {
		err := e.Verify(all)
		switch {
		case err != nil:
			v.add(Finding{Kind: Unexpected, Text: "the expected checkpoint proves nothing: " + err.Error()})
		case e.stream == nil:
			v.add(Finding{Kind: Truncated, Text: fmt.Sprintf("the archive has no stream of the expected checkpoint %s", e.Origin)})
		case !e.placed:
			e.stream.unmet(e)
		case e.proved:
			v.report.Proved = append(v.report.Proved, e.text)
		}
	}
}

// unmet says of an expected checkpoint of the stream that no link has met, why.
func (s *stream) unmet(e *expectation) {
	if last := s.total.Last.Size; e.Size > last {
		s.add(Truncated, "", &e.Size, "the archive ends with record %d, but a checkpoint of %d records was signed: records %d to %d are missing",
			int64(last)-1, e.Size, last, e.Size-1)
		return
	}
	s.add(Unexpected, "", &e.Size, "the expected checkpoint of %d records cannot be checked: the objects that hold them are not here", e.Size)
}

// met notes that the archive contains an expected checkpoint's tree.
func (s *stream) met(e *expectation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.proved = true
}

// day writes a time for a finding.
func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }
