package convert

import (
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Explanation says what was recognised in a log, and by what. It holds names of fields, never their values.
type Explanation struct {
	Records int             `json:"records"`
	Held    int             `json:"held"`    // of these, lines of values printed over several
	Formats []FormatFinding `json:"formats"` // in the order in which they were met
	Unknown []Shape         `json:"unknown"` // records that fell through to text or generic, by shape; the first few
}

// FormatFinding is what one format took of a log.
type FormatFinding struct {
	Format    string `json:"format"`
	Records   int    `json:"records"`
	Silent    int    `json:"silent"` // of these, records that tell of no action: no fragment came of them
	Fragments int    `json:"fragments"`
	Actions   int    `json:"actions"`
	// Evidence are the fields by which its records were recognised: those that its detection looked for and found.
	Evidence []string `json:"evidence"`
}

// Shape is what records look like that no format knows.
type Shape struct {
	Keys    []string `json:"keys"` // of an object; "[]" for an array, "text" for a line
	Records int      `json:"records"`
}

// Bounds of what is told of one log.
const (
	maxEvidence  = 12
	maxShapes    = 5
	maxShapeKeys = 16
)

// Explainer converts records as its converter does and keeps account of why. Its zero value is not ready, see Explain.
type Explainer struct {
	c       *Converter
	found   Explanation
	actions map[schema.ID]bool
}

// Explain begins the account of one log.
func (c *Converter) Explain() *Explainer {
	return &Explainer{c: c, actions: map[schema.ID]bool{}}
}

// Convert converts a record like Converter.Convert and takes note of it.
func (e *Explainer) Convert(src *Source, in *Input) {
	var keys []schema.ID
	fragments := 0
	name := e.c.Convert(src, in, func(f *schema.Fragment) {
		fragments++
		if f.Event.Action != schema.ActionLog && !e.actions[f.Key] {
			e.actions[f.Key] = true
			keys = append(keys, f.Key)
		}
	})
	e.found.Records++
	if name == "" {
		e.found.Held++
		return
	}
	f := e.format(name)
	f.Records++
	f.Fragments += fragments
	f.Actions += len(keys)
	if fragments == 0 {
		f.Silent++
	}
	if name == e.c.fallback.Name() || name == genericName {
		e.unknown(in.Body)
		return
	}
	for _, field := range e.c.evidence(name, in.Body) {
		if len(f.Evidence) < maxEvidence && !slices.Contains(f.Evidence, field) {
			f.Evidence = append(f.Evidence, field)
		}
	}
}

// Found is the account so far.
func (e *Explainer) Found() Explanation { return e.found }

func (e *Explainer) format(name string) *FormatFinding {
	for i := range e.found.Formats {
		if e.found.Formats[i].Format == name {
			return &e.found.Formats[i]
		}
	}
	e.found.Formats = append(e.found.Formats, FormatFinding{Format: name, Evidence: []string{}})
	return &e.found.Formats[len(e.found.Formats)-1]
}

// evidence has a format look at a record again and returns what it finds there. What it passes over in an array it has
// no use for; texts are not told, only that it is one.
func (c *Converter) evidence(name string, body value.Value) []string {
	if body.Kind() == value.String {
		if t, ok := c.named[name].Format.(textual); ok {
			return []string{t.Looks()}
		}
		return []string{"a line of text"}
	}
	var fields []string
	body.Doc().Watch(func(v value.Value) {
		path := strings.TrimPrefix(v.Path(), body.Path()+".")
		if !slices.Contains(fields, path) {
			fields = append(fields, strings.Clone(path)) // the document is used again
		}
	})
	defer body.Doc().Watch(nil)
	c.named[name].Detect(body)
	return fields
}

// textual is a format that recognises lines of plain text, and says what they look like.
type textual interface{ Looks() string }

func (e *Explainer) unknown(body value.Value) {
	var keys []string
	switch body.Kind() {
	case value.Object:
		for c := body.First(); c.Exists() && len(keys) < maxShapeKeys; c = c.Next() {
			keys = append(keys, strings.Clone(c.Key()))
		}
	case value.Array:
		keys = []string{"[]"}
	default:
		keys = []string{"text"}
	}
	for i := range e.found.Unknown {
		if slices.Equal(e.found.Unknown[i].Keys, keys) {
			e.found.Unknown[i].Records++
			return
		}
	}
	if len(e.found.Unknown) < maxShapes {
		e.found.Unknown = append(e.found.Unknown, Shape{Keys: keys, Records: 1})
	}
}
