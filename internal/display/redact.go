// Package display shows records to people and programs: as a table, JSON, NDJSON, CSV and OCSF. Whatever the form, each
// record goes through Redactor first, and nothing of a log reaches a terminal as a control character.
package display

import (
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/scrub"
)

// Redactor scrubs records once more before they are shown: they were stored under the rules of their day, and the rules
// of today may know more secrets. What is stored does not change.
type Redactor struct {
	engine *scrub.Engine
	// Changed counts the records in which something more was found.
	Changed int
}

// NewRedactor returns a Redactor with today's rules, and with rules of the user's own. Its redactions carry no
// fingerprints, for it has no key.
func NewRedactor(rules ...*scrub.Rules) (*Redactor, error) {
	e, err := scrub.New(scrub.Options{Rules: rules})
	if err != nil {
		return nil, err
	}
	return &Redactor{engine: e}, nil
}

// Row returns the row as it may be shown. A row in which nothing is found keeps its JSON byte for byte, so that it can be
// verified; of another one the JSON is written anew.
func (r *Redactor) Row(row query.Row) query.Row {
	a := row.Action.Clone()
	args, found := r.engine.Args(a.Command.Args)
	a.Command.Args = args
	a.Texts(func(_, text string, isJSON bool) string {
		scrubText := r.engine.Text
		if isJSON {
			scrubText = r.engine.JSON
		}
		clean, n := scrubText(text)
		found += n
		return clean
	})
	if found == 0 {
		return row
	}
	r.Changed++
	return query.Row{Action: a, JSON: a.AppendJSON(nil)}
}

// Text returns a text as it may be shown.
func (r *Redactor) Text(s string) string {
	clean, _ := r.engine.Text(s)
	return clean
}
