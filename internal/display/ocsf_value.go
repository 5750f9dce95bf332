package display

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// kept is a value that prune leaves alone although it is 0 or empty.
type kept struct{ v any }

func keep(v any) kept { return kept{v} }

// MarshalJSON writes the value itself.
func (k kept) MarshalJSON() ([]byte, error) { return json.Marshal(k.v) }

// number is a present integer, or nil.
func number(i schema.Int) any {
	if !i.Set {
		return nil
	}
	return keep(i.N)
}

// prune removes what is nil, 0, empty or an object of nothing else, at every depth.
func prune(o object) object {
	for k, v := range o {
		switch v := v.(type) {
		case nil:
			delete(o, k)
		case string:
			if v == "" {
				delete(o, k)
			}
		case int64:
			if v == 0 {
				delete(o, k)
			}
		case object:
			if len(prune(v)) == 0 {
				delete(o, k)
			}
		case []string:
			if len(v) == 0 {
				delete(o, k)
			}
		case []object:
			if v = slices.DeleteFunc(v, func(e object) bool { return len(prune(e)) == 0 }); len(v) == 0 {
				delete(o, k)
			} else {
				o[k] = v
			}
		}
	}
	return o
}

// rest are the fields that have no place, by class, with their paths taken apart.
var rest = map[int][]restField{
	baseEvent:       restOf(baseEvent),
	processActivity: restOf(processActivity),
	apiActivity:     restOf(apiActivity),
}

type restField struct {
	path     string
	segments []string
}

func restOf(class int) []restField {
	var fields []restField
	for i := range schema.Fields {
		if f := &schema.Fields[i]; f.OCSFPath(class) == "" {
			fields = append(fields, restField{f.Path, strings.Split(f.Path, ".")})
		}
	}
	return fields
}

// unmapped are the fields of a record that have no place.
func unmapped(doc value.Value, class int) object {
	o := object{}
	for _, f := range rest[class] {
		if v := doc.Get(f.segments...); v.Exists() {
			o[f.path] = json.RawMessage(v.AppendJSON(nil))
		}
	}
	return o
}
