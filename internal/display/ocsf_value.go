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

// Paths that have a place in every event, in those of actions, and in those of one class.
const (
	mappedAlways = `@timestamp message error.message event.id event.action event.provider event.created event.original
		event.outcome event.sequence event.duration event.severity agent_audit.session.id process.start process.end
		cloud.provider cloud.region cloud.account.id`
	mappedAction = `gen_ai.agent.id gen_ai.agent.name gen_ai.provider.name gen_ai.request.model gen_ai.conversation.id
		service.name service.version user.id user.name user.email organization.id organization.name
		agent_audit.identity.credential_hash event.risk_score agent_audit.risk.reasons threat.technique.id
		agent_audit.authorization.decision agent_audit.authorization.source agent_audit.authorization.rule
		agent_audit.authorization.reason agent_audit.session.start host.name host.id container.id container.name
		container.image.name cloud.instance.id`
	mappedProcess = `process.command_line process.executable process.working_directory process.env_vars process.exit_code
		process.pid user.effective.name`
	mappedAPI = `gen_ai.tool.name gen_ai.tool.call.id error.type source.ip`
)

// rest are the fields that have no place, by class, with their paths taken apart.
var rest = map[int][]restField{
	baseEvent:       restOf(mappedAlways),
	processActivity: restOf(mappedAlways, mappedAction, mappedProcess),
	apiActivity:     restOf(mappedAlways, mappedAction, mappedAPI),
}

type restField struct {
	path     string
	segments []string
}

func restOf(lists ...string) []restField {
	mapped := strings.Fields(strings.Join(lists, " "))
	var fields []restField
	for i := range schema.Fields {
		if path := schema.Fields[i].Path; !slices.Contains(mapped, path) {
			fields = append(fields, restField{path, strings.Split(path, ".")})
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
