package kibana

import "github.com/agentaudit/agentaudit/schema"

const (
	viewID = "agent-audit"
	// indices are the data streams of all namespaces.
	indices = "logs-" + schema.Dataset + "-*"
)

// viewReference is how searches refer to the data view.
var viewReference = reference{Type: "index-pattern", ID: viewID, Name: "kibanaSavedObjectMeta.searchSourceJSON.index"}

// view is the data view. Its fields are those of the mapping, which Kibana reads itself.
func view() object {
	duration := fields{"id": "duration", "params": fields{"inputFormat": "nanoseconds", "outputFormat": "humanizePrecise", "outputPrecision": 1}}
	size := fields{"id": "bytes"}
	plain := fields{"id": "number", "params": fields{"pattern": "0"}} // no thousands separators
	return object{
		Type: "index-pattern", ID: viewID, References: []reference{},
		CoreMigrationVersion: coreVersion, TypeMigrationVersion: viewVersion,
		Attributes: fields{
			"title": indices, "name": "Agent audit", "timeFieldName": "@timestamp", "allowNoIndex": true,
			"fields": "[]", "sourceFilters": "[]", "runtimeFieldMap": "{}", "typeMeta": "{}",
			"fieldAttrs": text(fields{
				"agent_audit.session.id":             fields{"customLabel": "Session"},
				"agent_audit.authorization.decision": fields{"customLabel": "Decision"},
				"event.risk_score":                   fields{"customLabel": "Risk"},
			}),
			"fieldFormatMap": text(fields{
				"event.duration": duration, "agent_audit.execution.stdout_bytes": size, "agent_audit.execution.stderr_bytes": size,
				"event.sequence": plain, "process.pid": plain, "process.exit_code": plain, "event.risk_score": plain,
			}),
		},
	}
}
