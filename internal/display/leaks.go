package display

import (
	"regexp"

	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// Leak is a secret that is stored: what the rules of today find and those of its day did not.
type Leak struct {
	Field string // path in the document
	Kind  string // as in a label
	// Start and End are bytes into the field's text; both 0 where the field holds JSON or a list, of which names and
	// neighbours tell.
	Start, End int
}

// argsField holds the argument vector, which is judged as a whole.
const argsField = "process.args"

// Leaks reports what Row would redact, field by field. The record stays as it is.
func (r *Redactor) Leaks(row query.Row, report func(Leak)) {
	a := row.Action.Clone()
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if f.Path == argsField {
			if clean, n := r.engine.Args(a.Command.Args); n > 0 {
				for j := range clean {
					r.newLabels(f.Path, a.Command.Args[min(j, len(a.Command.Args)-1)], clean[j], report)
				}
				continue
			}
		}
		f.Texts(a, func(_, text string, isJSON bool) string {
			if isJSON {
				clean, n := r.engine.JSON(text)
				if n > 0 {
					r.newLabels(f.Path, text, clean, report)
				}
				return text
			}
			for _, found := range r.engine.Find(text) {
				report(Leak{Field: f.Path, Kind: found.Kind, Start: found.Start, End: found.End})
			}
			return text
		})
	}
}

var labelled = regexp.MustCompile(`\[REDACTED:([a-z0-9-]+)`)

// newLabels reports the labels of clean that text does not have.
func (r *Redactor) newLabels(field, text, clean string, report func(Leak)) {
	had := map[string]int{}
	for _, m := range labelled.FindAllStringSubmatch(text, -1) {
		had[m[1]]++
	}
	for _, m := range labelled.FindAllStringSubmatch(clean, -1) {
		if had[m[1]]--; had[m[1]] < 0 {
			report(Leak{Field: field, Kind: m[1]})
		}
	}
}
