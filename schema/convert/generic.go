package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// generic reads JSON objects of any shape by a mapping: document path → dotted path in the log, or "=text" for a value
// that is the same for every record.
//
//	mapping:
//	  process.command_line: payload.cmd.text
//	  agent_audit.session.id: ctx.run
//	  event.duration: took_ms            the key names the unit: _ms, _us, _s, else nanoseconds
//	  event.id: id                       the record's own id
//	  service.name: =deployer
//
// Keys of the log may be nested or have dots in them; a number selects from an array (args.0). Values take the type of
// their field: times from RFC 3339 or since 1970 in seconds to nanoseconds, numbers also from text, decisions as in the
// native event. A record without a command or tool is kept as a log action. What is not mapped is in agent_audit.fields.
type generic struct {
	named  bool // chosen by name: takes any object
	fields []mapped
}

// mapped is one line of the mapping.
type mapped struct {
	field    *schema.Field
	path     string // in the log
	constant string // instead of a path
	isConst  bool
}

const genericName = "generic"

// sealedFields are set by agent-audit itself.
var sealedFields = set(`event.sequence event.created event.kind event.original agent_audit.stream agent_audit.fields
	agent_audit.provenance.format agent_audit.provenance.tag agent_audit.provenance.lanes agent_audit.provenance.complete
	agent_audit.provenance.follows agent_audit.provenance.conflicts agent_audit.scrub.ruleset agent_audit.scrub.redactions
	agent_audit.session.ordinal agent_audit.session.preceding agent_audit.risk.source agent_audit.identity.inferred
	agent_audit.long_values`)

// newGeneric checks a mapping.
func newGeneric(m Mapping) (*generic, error) {
	g := new(generic)
	for path, from := range m {
		f := schema.FieldByPath(path)
		switch {
		case f == nil:
			return nil, fmt.Errorf("mapping: %q is no field of the document; did you mean %q?", path, nearestField(path))
		case f.Ref == nil || sealedFields[path]:
			return nil, fmt.Errorf("mapping: %q is set by agent-audit itself", path)
		case strings.Trim(from, " .") == "":
			return nil, fmt.Errorf("mapping: %q has no path in the log", path)
		}
		e := mapped{field: f, path: from}
		e.constant, e.isConst = strings.CutPrefix(from, "=")
		g.fields = append(g.fields, e)
	}
	slices.SortFunc(g.fields, func(a, b mapped) int { return strings.Compare(a.field.Path, b.field.Path) })
	return g, nil
}

// nearestField is the document's path that takes the fewest edits from path.
func nearestField(path string) string {
	best, least := "", 1<<30
	for i := range schema.Fields {
		p := schema.Fields[i].Path
		if sealedFields[p] || schema.Fields[i].Ref == nil {
			continue
		}
		d := schema.EditDistance(path, p)
		if strings.HasSuffix(p, "."+path) || path != "" && strings.HasSuffix(path, "."+p) {
			d = 1
		}
		if d < least {
			best, least = p, d
		}
	}
	return best
}

func (*generic) Name() string { return genericName }

func (g *generic) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	for _, m := range g.fields {
		if !m.isConst && lookup(v, m.path).Exists() {
			return true
		}
	}
	return g.named
}

func (g *generic) Convert(src *Source, in *Input, emit Emit) bool {
	f := newFragment(in, genericName, genericName, schema.Whole)
	setTime(f, parseTime(first(in.Body, "@timestamp", "timestamp", "time", "ts")))
	doc := docOf(in.Body)
	taken := map[string]bool{}
	for _, m := range g.fields {
		v, name := lookup(in.Body, m.path), m.path
		if m.isConst {
			v, name = doc.Text(m.constant), ""
		}
		if assign(&f.Action, m.field, name, v) && !m.isConst {
			taken[m.path] = true
		}
	}
	addFields(&f.Trail.Fields, leftover(in.Body, "", func(path string) bool { return taken[path] || in.isOuter(path) }))
	settle(f)
	if f.Session.ConversationID == "" {
		f.Session.ConversationID = f.Session.ID
	}
	if f.Identity.ServiceName != "" {
		f.Event.Provider = f.Identity.ServiceName
	}
	if id := f.Event.ID; id != "" {
		f.Event.ID = "" // the record's identity is derived from it
		identify(f, callKey(genericName, f.Session.ID, id), string(without(in.Body, in.isOuter)))
	} else {
		identifyByInput(f, in, 0)
	}
	emit(f)
	return true
}

// leftover is the object v as JSON, less the paths for which skip says so and the objects that are empty without them.
func leftover(v value.Value, path string, skip func(path string) bool) schema.JSON {
	var b []byte
	for c := v.First(); c.Exists(); c = c.Next() {
		p := path + c.Key()
		if skip(p) {
			continue
		}
		rest := jsonOf(c)
		if c.Kind() == value.Object && c.First().Exists() {
			if rest = leftover(c, p+".", skip); rest == "" {
				continue
			}
		} else if rest == "" {
			rest = "null"
		}
		b = append(appendKey(b, c.Key()), rest...)
	}
	return closed(b)
}

// lookup follows a dotted path through objects in which keys may be nested, dotted or both, and arrays by number.
func lookup(v value.Value, path string) value.Value {
	if v.Kind() == value.Array {
		head, rest, more := strings.Cut(path, ".")
		i, err := strconv.Atoi(head)
		if err != nil || i < 0 {
			return value.Value{}
		}
		if v = v.At(i); more {
			v = lookup(v, rest)
		}
		return v
	}
	if c := v.Get(path); c.Exists() {
		return c
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if c := v.Get(path[:i]); c.Exists() {
			if c = lookup(c, path[i+1:]); c.Exists() {
				return c
			}
		}
	}
	return value.Value{}
}
