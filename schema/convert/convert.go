// Package convert turns the logs of agents into fragments of actions: one file per format, and nothing else knows that
// format. A converter reads one record at a time, in the order of its log; what it must remember from line to line
// (the session, the working directory, running processes) is in its Source, which survives restarts.
package convert

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Record is one event as Fluent Bit or a log reader hands it over.
type Record struct {
	Time time.Time   // Fluent Bit's time of the event; zero when unknown
	Meta value.Value // Fluent Bit's metadata map, if any
	// Group is the body of the OTLP group marker the event stands behind: {resource, scope}.
	Group value.Value
	Body  value.Value // the event
	Tag   string      // Fluent Bit's tag
	// ID identifies the record when its source gives nothing better: digest of its chunk and index in it.
	ID schema.ID
}

// Input is a record without its wrapping, see Unwrap.
type Input struct {
	Body value.Value // the agent's own record: an object, or a String when the log is plain text
	// Known is what the wrapping says: time, tag, log path and offset, Kubernetes, container and host fields.
	Known schema.Action
	// Source identifies the log the record belongs to: tag and path.
	Source schema.ID

	// outer are the keys of Body that are wrapping, not the agent's own: set when both stand in one object.
	outer []string

	record  schema.ID   // Record.ID
	content string      // the text the record was, "" if it was parsed by somebody else
	whole   value.Value // Body as it was unwrapped
	id      schema.ID   // what ID has found

	sources lastSource

	spare *sync.Pool         // of *schema.Fragment, nil for none
	made  []*schema.Fragment // taken from it
}

// fragment takes one from the spare ones; it goes back when the record has been converted.
func (in *Input) fragment() *schema.Fragment {
	if in.spare == nil {
		return new(schema.Fragment)
	}
	f, ok := in.spare.Get().(*schema.Fragment)
	if !ok {
		f = new(schema.Fragment)
	}
	in.made = append(in.made, f)
	return f
}

// release gives the record's fragments back: none is valid after its emit has returned.
func (in *Input) release() {
	for _, f := range in.made {
		in.spare.Put(f)
	}
	in.made = in.made[:0]
}

// ID is the record's identity: path, offset and content when the wrapping has them, else Record.ID. Most records have an
// id of their own and never ask: hashing the text costs as much as reading it.
func (in *Input) ID() schema.ID {
	at := &in.Known.Infrastructure
	switch {
	case !in.id.IsZero():
	case at.LogPath == "" || !at.LogOffset.Set:
		in.id = in.record
	default:
		content := in.content
		if content == "" {
			content = string(in.whole.AppendJSON(nil))
		}
		in.id = schema.MakeID("offset", at.LogPath, schema.FormatInt(at.LogOffset), content)
	}
	return in.id
}

// Source is what is known of one log while its records come in. It is stored (scrubbed) with every chunk.
type Source struct {
	Format  string        // name of the recognised format, "" until one is
	Version string        // generation of the format, in the format's own terms
	Known   schema.Action // facts that hold for each following record: session, working directory, model, modes
	Links   []Link        // newest last, at most MaxLinks
	Records int64         // records read so far
	Partial Partial       // lines of a value that goes on in the next record
}

// Link remembers that something named in later records belongs to an action: a process left running, an event id.
type Link struct {
	Name   schema.ID // MakeID of the name, so that no text of the log is kept
	Action schema.ID // key of the action
}

// MaxLinks bounds what one source remembers.
const MaxLinks = 256

// Link remembers name for an action, forgetting the oldest beyond MaxLinks.
func (s *Source) Link(name string, action schema.ID) { s.link(schema.MakeID(name), action) }

func (s *Source) link(name, action schema.ID) {
	s.unlink(name)
	if len(s.Links) >= MaxLinks {
		s.Links = slices.Delete(s.Links, 0, len(s.Links)-MaxLinks+1)
	}
	s.Links = append(s.Links, Link{Name: name, Action: action})
}

// Linked returns the action that name was linked to.
func (s *Source) Linked(name string) (schema.ID, bool) { return s.linked(schema.MakeID(name)) }

func (s *Source) linked(name schema.ID) (schema.ID, bool) {
	for i := range s.Links {
		if l := &s.Links[i]; l.Name == name {
			return l.Action, true
		}
	}
	return schema.ID{}, false
}

// Unlink forgets name.
func (s *Source) Unlink(name string) { s.unlink(schema.MakeID(name)) }

func (s *Source) unlink(name schema.ID) {
	for i := range s.Links {
		if s.Links[i].Name == name { // once, see link
			s.Links = slices.Delete(s.Links, i, i+1)
			return
		}
	}
}

// Take is Linked, and then Unlink.
func (s *Source) Take(name string) (schema.ID, bool) {
	id := schema.MakeID(name)
	action, ok := s.linked(id)
	if ok {
		s.unlink(id)
	}
	return action, ok
}

// Emit receives a fragment. The fragment and its strings are valid only until it returns.
type Emit func(*schema.Fragment)

// Format reads one kind of log.
type Format interface {
	// Name as used by the `format` setting and in agent_audit.provenance.format.
	Name() string
	// Detect says from one record's structure whether it is of this format.
	Detect(body value.Value) bool
	// Convert emits the fragments of one record, none if it tells of no action. It returns false if the record is not of
	// this format after all; it has then emitted nothing.
	Convert(src *Source, in *Input, emit Emit) bool
}

// Mapping says which fields of a generic JSON log hold what: dotted document path of the schema (process.command_line)
// to dotted path in the log (cmd.text).
type Mapping map[string]string

// Options of a Converter.
type Options struct {
	Format  string  // name of a format, or "auto"
	Mapping Mapping // for generic JSON
	// Prompts keeps prompts and model text, which are left out by default.
	Prompts bool
}

// Converter recognises formats and dispatches to them. It is safe for concurrent use: all state is in the Source.
type Converter struct {
	formats  []*gate // in order of detection
	named    map[string]*gate
	fallback *gate // takes anything
	auto     bool
	spare    sync.Pool // of *schema.Fragment: 2 KB each that need not be made anew for every line
}

// New makes a converter. An unknown format is an error that lists the known ones, an unknown field in the mapping one
// that names the nearest.
func New(o Options) (*Converter, error) {
	all, err := formats(o)
	if err != nil {
		return nil, err
	}
	c := &Converter{named: map[string]*gate{}}
	for _, f := range all {
		c.fallback = newGate(f)
		c.formats = append(c.formats, c.fallback)
		c.named[f.Name()] = c.fallback
	}
	if o.Format == "" || o.Format == "auto" {
		c.auto = true
		return c, nil
	}
	if f := c.named[o.Format]; f != nil {
		c.formats = []*gate{f}
		return c, nil
	}
	return nil, fmt.Errorf("format %q is not known; known are auto, %s", o.Format, strings.Join(Names(), ", "))
}

// Names lists the formats, in order of detection.
func Names() []string {
	var names []string
	all, _ := formats(Options{}) // without a mapping there is no error
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

// Convert emits the fragments of one record. A source keeps its format as long as its records fit it; one that does not
// is recognised anew, so that mixed sources and logs begun in the middle work. Last resorts, which take much, are kept only
// as long as nothing else knows the record. A record that fits nothing is kept as a
// log action: nothing is dropped. It returns the name of the format that took the record, "" while it is
// held as a line of a value to come, see Partial.
func (c *Converter) Convert(src *Source, in *Input, emit Emit) string {
	src.Records++
	if (src.Partial.Text != "" || in.Body.Kind() == value.String) && c.hold(src, in, emit) {
		return ""
	}
	return c.dispatch(src, in, emit)
}

// dispatch finds the format of a record and has it converted.
func (c *Converter) dispatch(src *Source, in *Input, emit Emit) string {
	in.spare = &c.spare
	defer in.release()
	shape := shapeOf(in.Body)
	current := c.named[src.Format]
	if current != nil && current.last {
		current = nil
	}
	if current != nil && current.detect(in.Body, shape) && current.Convert(src, in, emit) {
		return src.Format
	}
	for _, f := range c.formats {
		if f == current || f == c.fallback || !f.detect(in.Body, shape) || !f.Convert(src, in, emit) {
			continue
		}
		src.Format = f.Name()
		return src.Format
	}
	c.fallback.Convert(src, in, emit) // which says nothing of the records to come
	return c.fallback.Name()
}
