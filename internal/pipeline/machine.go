package pipeline

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/schema"
)

// surroundings is what holds for every record that does not say otherwise: the configuration's fields and the machine's.
type surroundings struct {
	fill     schema.Action
	inferred []inferred
}

// inferred is a field filled in from elsewhere than the log, and where from.
type inferred struct {
	field *schema.Field
	note  string // "user.name: configuration"
}

// newSurroundings asks the configuration first, then the machine. A log read on this machine was written on it unless it
// says otherwise; who the user is the machine cannot know, unless it is told.
func newSurroundings(c *config.Config) (*surroundings, error) {
	s := &surroundings{}
	a := &s.fill
	a.Identity.OrganizationID, a.Identity.OrganizationName = c.Organization, c.Organization
	for path, text := range c.Fields {
		if err := setField(a, path, text); err != nil {
			return nil, err
		}
	}
	configured := *a
	machine := machineFields()
	a.Fill(&machine)
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
		if *f.Ref(&configured).(*string) != "" {
			from = "configuration"
		}
		s.inferred = append(s.inferred, inferred{f, f.Path + ": " + from})
	}
	return s, nil
}

// apply fills in what the fragment does not say, and notes identity fields that it did not say itself.
func (s *surroundings) apply(a *schema.Action) {
	for _, in := range s.inferred {
		p := in.field.Ref(a).(*string)
		if *p != "" {
			continue
		}
		*p = *in.field.Ref(&s.fill).(*string)
		if in.field.Group == "identity" && in.field.Path != "organization.id" && in.field.Path != "organization.name" {
			a.Identity.Inferred = append(a.Identity.Inferred[:len(a.Identity.Inferred):len(a.Identity.Inferred)], in.note)
		}
	}
}

// machineFields is what this machine knows of itself.
func machineFields() schema.Action {
	var a schema.Action
	a.Infrastructure.HostName, _ = os.Hostname()
	a.Infrastructure.HostArch = runtime.GOARCH
	a.Infrastructure.HostOS = runtime.GOOS
	if b, err := os.ReadFile("/etc/machine-id"); err == nil {
		a.Infrastructure.HostID = strings.TrimSpace(string(b))
	}
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		a.Infrastructure.OrchestratorType = "kubernetes"
	}
	return a
}

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
