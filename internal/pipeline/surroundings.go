package pipeline

import (
	"fmt"
	"os"
	"slices"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/schema"
)

// surroundings is what a record gets that its log does not tell. In this order, the first that knows a field fills it:
//
//	the wrapping       Fluent Bit's kubernetes filter and its like, by schema/convert
//	the log's place    whose home folder it is in, or whose file it is; the container it is the output of   place.go
//	the configuration  organization, fields
//	the machine        name, id, system, cloud                                                              machine.go
//
// Each field so filled is noted in agent_audit.identity.inferred, with where it came from; a lane that does tell it
// displaces it (schema.Action.Merge).
type surroundings struct {
	fill     schema.Action
	inferred []inferred
	places   places
}

// inferred is a field filled in from elsewhere than the log, and where from.
type inferred struct {
	field *schema.Field
	note  string // "user.name: configuration"
}

// newSurroundings asks the configuration first, then the machine. A log read on this machine was written on it unless it
// says otherwise.
func newSurroundings(c *config.Config, m machine) (*surroundings, error) {
	s := &surroundings{places: places{passwd: m.root + "/etc/passwd"}}
	a := &s.fill
	a.Identity.OrganizationID, a.Identity.OrganizationName = c.Organization, c.Organization
	for path, text := range c.Fields {
		if err := setField(a, path, text); err != nil {
			return nil, err
		}
	}
	configured := *a
	of, notes := m.fields()
	a.Fill(&of)
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if f.Ref == nil {
			continue
		}
		p, ok := f.Ref(a).(*string)
		if !ok || *p == "" {
			continue
		}
		from := "machine"
		switch {
		case *f.Ref(&configured).(*string) != "":
			from = "configuration"
		case notes[f.Path] != "":
			from = notes[f.Path]
		}
		s.inferred = append(s.inferred, inferred{f, f.Path + ": " + from})
	}
	return s, nil
}

// apply fills in what a fragment does not say, and notes it.
func (s *surroundings) apply(a *schema.Action) {
	notes := slices.Clip(a.Identity.Inferred) // shared with other fragments of the record
	notes = s.places.apply(a, notes)
	for _, in := range s.inferred {
		p := in.field.Ref(a).(*string)
		if *p == "" {
			*p = *in.field.Ref(&s.fill).(*string)
			notes = append(notes, in.note)
		}
	}
	a.Identity.Inferred = notes
}

// thisMachine is the machine we run on.
func thisMachine() machine { return machine{getenv: os.Getenv, hostname: os.Hostname} }

// setField sets a text field of the schema by its path.
func setField(a *schema.Action, path, text string) error {
	f := schema.FieldByPath(path)
	if f == nil || f.Ref == nil {
		return fmt.Errorf("fields: %q is not a field of the schema%s", path, config.DidYouMean(path, textFields()))
	}
	p, ok := f.Ref(a).(*string)
	if !ok {
		return fmt.Errorf("fields: %q is not a text field", path)
	}
	*p = text
	return nil
}

func textFields() []string {
	var paths []string
	for i := range schema.Fields {
		if f := &schema.Fields[i]; f.Ref != nil {
			if _, ok := f.Ref(new(schema.Action)).(*string); ok {
				paths = append(paths, f.Path)
			}
		}
	}
	return paths
}
