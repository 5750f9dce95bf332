package elasticsearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// Names of the roles: the writer may add records and nothing else, not even read them; the reader may read them.
const (
	WriterRole = "agent_audit_writer"
	ReaderRole = "agent_audit_reader"
)

// Role is a role that setup puts on the server.
type Role struct {
	Name string
	Body object
}

// Roles are the least rights that exporter and queries need, the writer's first.
func Roles(o SetupOptions) []Role {
	role := func(name string, privileges ...string) Role {
		return Role{name, object{
			"cluster": []string{}, "indices": []object{{"names": []string{IndexPattern}, "privileges": privileges}},
			"metadata": object{"managed_by": Owner, "version": TemplateVersion},
		}}
	}
	writer := []string{"create_doc"}
	if o.Lookup {
		writer = append(writer, LookupPrivileges...)
	}
	return []Role{role(WriterRole, writer...), role(ReaderRole, "read", "view_index_metadata")}
}

// setupRoles puts the roles. A server without security has none.
func (c *Client) setupRoles(ctx context.Context, o SetupOptions, report func(Step)) error {
	for _, r := range Roles(o) {
		path := "/_security/role/" + r.Name
		var there map[string]struct {
			Metadata documentMeta `json:"metadata"`
		}
		found, err := c.Call(ctx, http.MethodGet, path, nil, &there)
		if NoSecurity(err) {
			report(Step{"roles", "left out: the server has no security"})
			return nil
		}
		if err != nil {
			return fmt.Errorf("role %s: %w", r.Name, err)
		}
		step := Step{"role " + r.Name, "created"}
		if found {
			if m := there[r.Name].Metadata; m.ManagedBy != Owner {
				return fmt.Errorf("role %s %w (metadata.managed_by is %q): rename or remove it first", r.Name, ErrForeign, m.ManagedBy)
			}
			step.Result = "put again"
		}
		if _, err := c.Call(ctx, http.MethodPut, path, r.Body, nil); err != nil {
			return fmt.Errorf("role %s: %w", r.Name, err)
		}
		report(step)
	}
	return nil
}

// NoSecurity says whether an error is the answer of a server whose security is off: it does not know the request.
func NoSecurity(err error) bool {
	var e *apiError
	return errors.As(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotFound)
}

// CreateKey makes an API key with the rights of a role, and writes it to a file that only its owner may read. The key
// itself is nowhere else.
func CreateKey(ctx context.Context, c *Client, name string, role Role, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	body := object{
		"name": name, "metadata": object{"managed_by": Owner},
		"role_descriptors": object{role.Name: object{"cluster": role.Body["cluster"], "indices": role.Body["indices"]}},
	}
	var answer struct {
		Encoded string `json:"encoded"`
	}
	_, err = c.Call(ctx, http.MethodPost, "/_security/api_key", body, &answer)
	if err == nil && answer.Encoded == "" {
		err = errors.New("the server's answer holds no key")
	}
	if err == nil {
		_, err = fmt.Fprintln(f, answer.Encoded)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(file)
		return fmt.Errorf("API key %s: %w", name, err)
	}
	return nil
}

// Plan is everything that setup would put, as requests for a person to review (and to paste into Kibana's console).
func Plan(o SetupOptions, t TemplateOptions) string {
	text := ""
	for _, d := range Templates(t) {
		text += fmt.Sprintf("PUT %s\n%s\n\n", d.Path, d.Body)
	}
	text += fmt.Sprintf("PUT /_data_stream/%s\n\n", StreamName(o.Namespace))
	for _, r := range Roles(o) {
		b, err := json.MarshalIndent(r.Body, "", "  ")
		if err != nil {
			panic(err) // texts and numbers only
		}
		text += fmt.Sprintf("PUT /_security/role/%s\n%s\n\n", r.Name, b)
	}
	return text
}
