package elasticsearch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// SetupOptions say what is to be set up.
type SetupOptions struct {
	Namespace     string
	RetentionDays int // 0: for ever
	// Lookup also gives the writer's role LookupPrivileges, so that a record sent again after a rollover is not stored twice.
	Lookup bool
}

// Step is one thing that setup did, or found done.
type Step struct {
	What   string `json:"what"`   // such as "index template logs-agent_audit.action"
	Result string `json:"result"` // created, updated, unchanged …
}

// ErrForeign is returned where a document of ours by name belongs to somebody else, or another template would win over
// ours: nothing is changed then.
var ErrForeign = errors.New("belongs to somebody else")

// Setup makes the server ready for the exporter: lifecycle, templates, data stream, roles. It may be repeated: what is
// older is brought up to date, and a data stream begins a new index then, since templates only shape new ones. It calls
// report after each step.
func Setup(ctx context.Context, c *Client, o SetupOptions, report func(Step)) error {
	server, err := c.Server(ctx)
	if err != nil {
		return err
	}
	report(Step{server.String(), "found"})
	if server.Serverless && o.Lookup {
		return errors.New("elasticsearch: Serverless knows no rights for single actions: leave out the right to look up")
	}
	options, err := server.TemplateOptions(o.RetentionDays)
	if err != nil {
		return err
	}
	docs := Templates(options)
	versions, err := c.examine(ctx, docs, StreamName(o.Namespace))
	if err != nil {
		return err
	}
	upgraded, err := c.putDocuments(ctx, docs, versions, TemplateVersion, report)
	if err != nil {
		return err
	}
	if err := c.setupStream(ctx, StreamName(o.Namespace), upgraded, options, report); err != nil {
		return err
	}
	return c.setupRoles(ctx, o, report)
}

// putDocuments puts the documents of our version over those of the versions that are there. It says whether any was
// older.
func (c *Client) putDocuments(ctx context.Context, docs []TemplateDocument, there []int, ours int, report func(Step)) (upgraded bool, err error) {
	for i, d := range docs {
		step := Step{d.kind() + " " + d.Name, "created"}
		switch v := there[i]; {
		case v > ours:
			step.Result = fmt.Sprintf("left as it is: version %d is of a newer agent-audit", v)
			report(step)
			continue
		case v == ours:
			step.Result = fmt.Sprintf("put again, version %d", v)
		case v > 0:
			step.Result, upgraded = fmt.Sprintf("updated from version %d to %d", v, ours), true
		}
		if _, err := c.Call(ctx, http.MethodPut, d.Path, d.Body, nil); err != nil {
			return upgraded, fmt.Errorf("%s %s: %w", d.kind(), d.Name, err)
		}
		report(step)
	}
	return upgraded, nil
}

// Server is what setup and doctor know of a server.
type Server struct {
	Version    string
	Serverless bool
	major      int
	minor      int
}

func (s *Server) String() string {
	if s.Serverless {
		return "Elasticsearch Serverless"
	}
	return "Elasticsearch " + s.Version
}

// Server asks the server for its version.
func (c *Client) Server(ctx context.Context) (*Server, error) {
	var answer struct {
		Version struct {
			Number      string `json:"number"`
			BuildFlavor string `json:"build_flavor"`
		} `json:"version"`
	}
	if _, err := c.Call(ctx, http.MethodGet, "/", nil, &answer); err != nil {
		return nil, err
	}
	s := &Server{Version: answer.Version.Number, Serverless: answer.Version.BuildFlavor == "serverless"}
	parts := strings.SplitN(s.Version, ".", 3)
	if len(parts) < 2 {
		return nil, fmt.Errorf("elasticsearch: version %q is of no known form", s.Version)
	}
	s.major, _ = strconv.Atoi(parts[0])
	s.minor, _ = strconv.Atoi(parts[1])
	return s, nil
}

// TemplateOptions is the variant of the templates that suits the server.
func (s *Server) TemplateOptions(retention int) (TemplateOptions, error) {
	o := TemplateOptions{RetentionDays: retention, Serverless: s.Serverless}
	switch {
	case s.Serverless:
		return o, nil
	case s.major < 8:
		return o, fmt.Errorf("%s is too old: 8.0 is the least, 8.19 the least we test", s)
	case s.major == 8 && s.minor < 19, s.major == 9 && s.minor < 1:
		o.OldFailureStore = true
	}
	return o, nil
}

// kind is what the document is, in words.
func (d *TemplateDocument) kind() string {
	switch {
	case strings.HasPrefix(d.Path, "/_ilm/"):
		return "lifecycle policy"
	case strings.HasPrefix(d.Path, "/_component_template/"):
		return "component template"
	}
	return "index template"
}

// examine looks before anything is changed: it returns the version of each document that is there already, 0 for none,
// and ErrForeign where one is not ours.
func (c *Client) examine(ctx context.Context, docs []TemplateDocument, stream string) ([]int, error) {
	versions := make([]int, len(docs))
	for i, d := range docs {
		m, found, err := c.meta(ctx, &d)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", d.kind(), d.Name, err)
		}
		if !found {
			continue
		}
		if m.ManagedBy != Owner {
			return nil, fmt.Errorf("%s %s %w (_meta.managed_by is %q): rename or remove it first", d.kind(), d.Name, ErrForeign, m.ManagedBy)
		}
		versions[i] = max(m.Version, 1)
	}
	return versions, c.checkPrecedence(ctx, stream)
}

// documentMeta is the part of _meta by which we know our own.
type documentMeta struct {
	ManagedBy string `json:"managed_by"`
	Version   int    `json:"version"`
}

// meta reads a document's _meta from the server.
func (c *Client) meta(ctx context.Context, d *TemplateDocument) (m documentMeta, found bool, err error) {
	type holder struct {
		Meta documentMeta `json:"_meta"`
	}
	if d.kind() == "lifecycle policy" {
		var answer map[string]struct{ Policy holder }
		found, err = c.Call(ctx, http.MethodGet, d.Path, nil, &answer)
		return answer[d.Name].Policy.Meta, found, err
	}
	type template struct { // one of the two
		Component holder `json:"component_template"`
		Index     holder `json:"index_template"`
	}
	var answer struct {
		Components []template `json:"component_templates"`
		Indices    []template `json:"index_templates"`
	}
	_, err = c.Call(ctx, http.MethodGet, d.Path, nil, &answer)
	for _, t := range append(answer.Components, answer.Indices...) {
		return cmp.Or(t.Component.Meta, t.Index.Meta), true, err
	}
	return m, false, err
}

// checkPrecedence refuses when another template would shape our data stream.
func (c *Client) checkPrecedence(ctx context.Context, stream string) error {
	winner, err := c.winner(ctx, stream, IndexTemplate)
	if err != nil || winner == nil || winner.Priority < templatePriority {
		return err
	}
	return fmt.Errorf("index template %s %w, has priority %d against our %d, and would shape %s: narrow its index_patterns",
		winner.Name, ErrForeign, winner.Priority, templatePriority, stream)
}

// Winner is the name of the index template that shapes a data stream's next index, "" for none.
func (c *Client) Winner(ctx context.Context, stream string) (string, error) {
	best, err := c.winner(ctx, stream, "")
	if err != nil || best == nil {
		return "", err
	}
	return best.Name, nil
}

// rival is an index template that matches a name.
type rival struct {
	Name     string
	Priority int
}

// winner is the template of the highest priority that matches the name, one aside; nil if there is none.
func (c *Client) winner(ctx context.Context, stream, aside string) (*rival, error) {
	var answer struct {
		All []struct {
			Name     string `json:"name"`
			Template struct {
				Patterns patterns `json:"index_patterns"`
				Priority int      `json:"priority"`
			} `json:"index_template"`
		} `json:"index_templates"`
	}
	if _, err := c.Call(ctx, http.MethodGet, "/_index_template", nil, &answer); err != nil {
		return nil, fmt.Errorf("index templates: %w", err)
	}
	var best *rival
	for _, t := range answer.All {
		if t.Name != aside && t.Template.Patterns.match(stream) && (best == nil || t.Template.Priority > best.Priority) {
			best = &rival{t.Name, t.Template.Priority}
		}
	}
	return best, nil
}

// patterns is one pattern or a list of them.
type patterns []string

// UnmarshalJSON reads either form.
func (p *patterns) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*p = patterns{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(p))
}

func (p patterns) match(name string) bool {
	return slices.ContainsFunc(p, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // names have no slashes; only * is special in both
		return ok
	})
}

// setupStream makes the data stream, or has it begin a new index after an upgrade.
func (c *Client) setupStream(ctx context.Context, stream string, upgraded bool, o TemplateOptions, report func(Step)) error {
	step := Step{"data stream " + stream, "created"}
	found, err := c.Call(ctx, http.MethodGet, "/_data_stream/"+stream, nil, nil)
	if err != nil {
		return fmt.Errorf("data stream %s: %w", stream, err)
	}
	switch {
	case !found:
		_, err = c.Call(ctx, http.MethodPut, "/_data_stream/"+stream, nil, nil)
	case upgraded:
		step.Result = "rolled over, so that new records have the new mapping"
		_, err = c.Call(ctx, http.MethodPost, "/"+stream+"/_rollover", nil, nil)
	default:
		step.Result = "unchanged"
	}
	if err != nil {
		return fmt.Errorf("data stream %s: %w", stream, err)
	}
	report(step)
	if !found || !o.Serverless {
		return nil
	}
	// A template's retention is for new data streams; this one has its own.
	lifecycle := object{}
	if o.RetentionDays > 0 {
		lifecycle["data_retention"] = days(o.RetentionDays)
	}
	if _, err := c.Call(ctx, http.MethodPut, "/_data_stream/"+stream+"/_lifecycle", lifecycle, nil); err != nil {
		return fmt.Errorf("lifecycle of %s: %w", stream, err)
	}
	report(Step{"lifecycle of " + stream, "put again"})
	return nil
}
