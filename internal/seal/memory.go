package seal

import (
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/scrub"
)

// Memory is what scrubbing remembers of one log, so that a secret which two of its records share goes from both: the end
// of its last line, and the ends of outputs that come in pieces. It holds nothing raw, is bounded, and is stored with the
// source. The zero Memory is that of a log not read yet.
type Memory struct {
	Lines   scrub.Carry `json:"lines,omitzero"` // of a log of text
	Running []output    `json:"running,omitempty"`
	Ended   []output    `json:"ended,omitempty"`
}

// output is the end of what was seen of one output.
type output struct {
	Of     schema.ID   `json:"of"`
	Stdout scrub.Carry `json:"stdout,omitzero"`
	Stderr scrub.Carry `json:"stderr,omitzero"`
	Start  string      `json:"start,omitempty"` // what a result began with
	// What they were before the last piece, which may be told again.
	BeforeStdout scrub.Carry `json:"before_stdout,omitzero"`
	BeforeStderr scrub.Carry `json:"before_stderr,omitzero"`
}

// mapTexts is a copy with other texts.
func (m *Memory) mapTexts(f func(string) string) Memory {
	c := *m
	c.Lines.Tail = f(c.Lines.Tail)
	outputs := func(list []output) []output {
		list = slices.Clone(list)
		for i := range list {
			o := &list[i]
			for _, text := range []*string{&o.Stdout.Tail, &o.Stderr.Tail, &o.Start, &o.BeforeStdout.Tail, &o.BeforeStderr.Tail} {
				*text = f(*text)
			}
		}
		return list
	}
	c.Running, c.Ended = outputs(c.Running), outputs(c.Ended)
	return c
}

// How many outputs of a source are remembered: of processes that run, and of calls that have ended, whose result may come
// in two fragments. Beyond these the one without news for longest is forgotten.
const (
	maxRunning = 24
	maxEnded   = 8
	maxStart   = 64 // bytes
)

// take removes the output of an id from a list and returns it, a new one if there is none.
func take(list *[]output, of schema.ID) (o output, found bool) {
	i := slices.IndexFunc(*list, func(o output) bool { return o.Of == of })
	if i < 0 {
		return output{Of: of}, false
	}
	o = (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return o, true
}

// put adds an output to a list as its newest.
func put(list *[]output, o output, most int) {
	if len(*list) >= most {
		*list = slices.Delete(*list, 0, len(*list)-most+1)
	}
	*list = append(*list, o)
}

// Line is Fragment for a line of a log of text, whose secrets may go on in the next line. goesOn says that the line itself
// goes on in the next record.
func (s *Scrubber) Line(f *schema.Fragment, m *Memory, goesOn bool) *Clean {
	clean, n := s.engine.Continue(&m.Lines, f.Message, goesOn)
	f.Message = clean
	f.Trail.Redactions = schema.Some(f.Trail.Redactions.N + int64(n))
	return s.Fragment(f)
}

// Output is Fragment for one that may hold a piece of an output. A secret may have begun in the piece before and go on in
// the one after: the end of a running process's piece is taken away where it could be the beginning of a secret.
func (s *Scrubber) Output(f *schema.Fragment, m *Memory) *Clean {
	if f.Execution.Stdout == "" && f.Execution.Stderr == "" || f.Role == schema.Request || f.Role == schema.Whole && f.Piece.Of.IsZero() {
		return s.Fragment(f)
	}
	if f.Piece.Of.IsZero() {
		return s.result(f, m)
	}
	o, running := take(&m.Running, f.Piece.Of)
	if !running {
		o, _ = take(&m.Ended, f.Piece.Of)
	}
	if f.Piece.Again {
		o.Stdout, o.Stderr = o.BeforeStdout, o.BeforeStderr
	} else {
		o.BeforeStdout, o.BeforeStderr = o.Stdout, o.Stderr
	}
	s.piece(f, &f.Execution.Stdout, &o.Stdout, !f.Piece.Last)
	s.piece(f, &f.Execution.Stderr, &o.Stderr, !f.Piece.Last)
	if f.Piece.Last {
		put(&m.Ended, o, maxEnded)
	} else {
		put(&m.Running, o, maxRunning)
	}
	return s.Fragment(f)
}

// piece scrubs one piece of an output in place. Of a long one the beginning is stored, but its end is what goes on.
func (s *Scrubber) piece(f *schema.Fragment, text *string, c *scrub.Carry, goesOn bool) {
	if *text == "" {
		return
	}
	raw, most := *text, s.limits.Output+margin
	cutLong(text, most)
	clean, n := s.engine.Continue(c, *text, goesOn || len(raw) > most)
	if len(raw) > most && goesOn {
		end := raw[len(raw)-margin:] // of one part with the text before it is cut off with it
		*c = scrub.Carry{}
		s.engine.Continue(c, end, true)
	}
	*text = clean
	f.Trail.Redactions = schema.Some(f.Trail.Redactions.N + int64(n))
}

// result scrubs what a call gave back. It is a whole text as far as its log tells; a second one of the same call is read
// as its continuation, unless it is the same again.
func (s *Scrubber) result(f *schema.Fragment, m *Memory) *Clean {
	o, more := take(&m.Ended, f.Key)
	if more && (o.Start == "" || !strings.HasPrefix(f.Execution.Stdout, o.Start)) {
		s.piece(f, &f.Execution.Stdout, &o.Stdout, false)
		s.piece(f, &f.Execution.Stderr, &o.Stderr, false)
	}
	c := s.Fragment(f)
	if text := c.a.Execution.Stdout; text != "" {
		o.Stdout = s.engine.After(text)
		cutLong(&text, maxStart)
		o.Start = strings.Clone(text)
	}
	if text := c.a.Execution.Stderr; text != "" {
		o.Stderr = s.engine.After(text)
	}
	o.BeforeStdout, o.BeforeStderr = scrub.Carry{}, scrub.Carry{}
	put(&m.Ended, o, maxEnded)
	return c
}
