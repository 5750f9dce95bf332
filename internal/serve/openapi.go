package serve

import (
	"net/http"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

// object is a JSON object to be written.
type object = map[string]any

// openAPI is the document of the API (OpenAPI 3.0.3), made of the tables that requests are read by.
func (s *Server) openAPI(*http.Request) (*answer, error) {
	return &answer{kind: jsonType, body: encode(Document(s.o.Version))}, nil
}

// Document describes the API.
func Document(version string) map[string]any {
	return object{
		"openapi": "3.0.3",
		"info": object{
			"title": "agent-audit", "version": version,
			"description": "Reads the audit trail of AI agents. It only reads, and each read is itself a record (event.action: audit-read).",
		},
		"security": []object{{"bearer": []string{}}, {"basic": []string{}}, {}},
		"paths": object{
			"/api/v1/records": operation("The records that match, a page at a time; the Link header leads to the next", nil, recordsParams, object{
				jsonType: content(ref("Records")), ndjsonType: textContent("a canonical record a line"), "text/csv": textContent("RFC 4180"),
			}),
			"/api/v1/records/{id}":  operation("One record", []string{"id"}, nil, object{jsonType: content(ref("Record"))}),
			"/api/v1/sessions":      operation("The sessions of the newest records that match", nil, sessionsParams, object{jsonType: content(ref("Sessions"))}),
			"/api/v1/sessions/{id}": operation("A session: its summary, and its records, oldest first", []string{"id"}, sessionParams, object{jsonType: content(ref("Session"))}),
			"/api/v1/report/policy": operation("Which rules let through what; 30 days, the newest 200,000 records at most", nil, reportParams, object{
				jsonType: content(ref("Policy")), "text/csv": textContent("one table"), "text/plain": textContent("for a terminal"), "text/html": textContent("a page that stands alone"),
			}),
			"/api/v1/openapi.json": operation("This document", nil, nil, object{jsonType: content(object{"type": "object"})}),
		},
		"components": object{
			"schemas":         schemas(),
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer"}, "basic": object{"type": "http", "scheme": "basic"}},
		},
	}
}

func operation(summary string, inPath []string, params []param, answers object) object {
	list := []object{}
	for _, name := range inPath {
		list = append(list, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string", "minLength": 1}})
	}
	for _, p := range params {
		list = append(list, p.document())
	}
	failed := func(what string) object {
		return object{"description": what, "content": object{jsonType: content(ref("Error"))}}
	}
	return object{"get": object{
		"summary": summary, "parameters": list,
		"responses": object{
			"200": object{"description": "OK", "content": answers},
			"400": failed("a parameter is wrong"), "401": failed("a token is needed"), "403": failed("a request of another site"),
			"404": failed("there is no such thing"), "502": failed("the store could not be read"),
			"503": failed("busy, or the read could not be recorded"), "504": failed("the store took too long"),
		},
	}}
}

func (p *param) document() object {
	s := object{"type": "string", "maxLength": longestParam}
	switch {
	case p.high > 0:
		s = object{"type": "integer", "minimum": p.low, "maximum": p.high}
	case p.enum != nil:
		s = object{"type": "string", "enum": p.enum}
	}
	d := object{"name": p.name, "in": "query", "description": p.doc, "schema": s, "allowEmptyValue": true}
	if p.example != "" {
		d["example"] = p.example
	}
	return d
}

func ref(name string) object           { return object{"$ref": "#/components/schemas/" + name} }
func content(schema object) object     { return object{"schema": schema} }
func textContent(what string) object   { return content(object{"type": "string", "description": what}) }
func array(of object) object           { return object{"type": "array", "items": of} }
func nullable(kind string) object      { return object{"type": kind, "nullable": true} }
func exactly(properties object) object { return closed(properties, keys(properties)...) }
func closed(p object, req ...string) object {
	return object{"type": "object", "properties": p, "required": req, "additionalProperties": false}
}

func keys(o object) []string {
	var names []string
	for name := range o {
		names = append(names, name)
	}
	return names
}

// Kinds of values.
var (
	aString  = object{"type": "string"}
	aNumber  = object{"type": "integer"}
	aBoolean = object{"type": "boolean"}
	aTime    = object{"type": "string", "format": "date-time"}
	counts   = object{"type": "object", "additionalProperties": aNumber}
)

func schemas() object {
	evidence := closed(object{"id": aString, "time": aTime, "session": aString, "agent": aString, "risk": nullable("integer"), "what": aString}, "id", "time", "risk", "what")
	group := closed(object{
		"key": aString, "inferred": aBoolean, "count": aNumber, "highest_risk": nullable("integer"), "last": aTime, "records": array(ref("Evidence")),
	}, "key", "count", "highest_risk", "last", "records")
	groups := array(ref("Group"))
	section := closed(object{
		"count": aNumber, "by_rule": groups, "by_agent": groups, "by_anomaly": groups, "by_day": groups, "records": array(ref("Evidence")),
	}, "count", "by_rule", "by_agent", "by_day", "records")
	strings := array(aString)
	summary := closed(object{
		"id": aString, "parent_id": aString, "type": aString, "agents": strings, "software": strings, "models": strings, "users": strings,
		"organizations": strings, "hosts": strings, "working_directories": strings, "start": aTime, "end": aTime, "records": aNumber,
		"actions": aNumber, "decisions": counts, "failed": aNumber, "highest_risk": nullable("integer"), "anomalies": strings,
	}, "id", "agents", "start", "end", "records", "actions", "decisions", "failed", "highest_risk", "anomalies")
	recent := exactly(object{"id": aString, "agent": aString, "user": aString, "last": aTime, "records": aNumber, "highest_risk": nullable("integer"), "denied": aNumber})
	return object{
		"Error":    exactly(object{"error": aString}),
		"Record":   recordSchema(),
		"Records":  exactly(object{"records": array(ref("Record")), "next": nullable("string")}),
		"Sessions": exactly(object{"sessions": array(recent), "records_looked_at": aNumber}),
		"Summary":  summary,
		"Session":  exactly(object{"session": ref("Summary"), "records": array(ref("Record")), "next": nullable("string")}),
		"Evidence": evidence, "Group": group, "Section": section,
		"Policy": policySchema(groups),
	}
}

func policySchema(groups object) object {
	evidence := array(ref("Evidence"))
	return exactly(object{
		"since": aTime, "until": aTime, "risk_above": aNumber, "records": aNumber, "cut": aBoolean, "decisions": counts,
		"risk": array(aNumber), "without_risk": aNumber, "days": array(exactly(object{"day": aString, "decisions": counts})), "agents": groups,
		"auto_approved_above_risk": ref("Section"), "approved_despite_anomalies": ref("Section"),
		"rules_never_fired":          array(closed(object{"rule": aString, "configured": aBoolean, "last": aTime, "records": evidence}, "rule", "configured", "records")),
		"rules_let_through_failures": array(closed(object{"rule": aString, "inferred": aBoolean, "let_through": aNumber, "failed": aNumber, "records": evidence}, "rule", "let_through", "failed", "records")),
		"human_decisions": array(closed(object{
			"kind": aString, "approved": aNumber, "denied": aNumber, "last_denied": aTime, "highest_risk": nullable("integer"), "with_anomalies": aNumber,
			"candidate": aBoolean, "records": evidence, "denied_records": evidence,
		}, "kind", "approved", "denied", "highest_risk", "with_anomalies", "candidate", "records", "denied_records")),
		"suggestions": array(exactly(object{
			"change": object{"type": "string", "enum": []string{"ask", "flag", "review", "remove", "allow"}}, "subject": aString, "why": aString, "records": array(aString),
		})),
	})
}

// recordSchema is the document of a record, by the table of fields: objects nested by the dots of their names.
func recordSchema() object {
	root := object{}
	for i := range schema.Fields {
		f := &schema.Fields[i]
		at, names := root, strings.Split(f.Path, ".")
		for _, name := range names[:len(names)-1] {
			if at[name] == nil {
				at[name] = object{"type": "object", "properties": object{}, "additionalProperties": false}
			}
			at = at[name].(object)["properties"].(object)
		}
		at[names[len(names)-1]] = fieldSchema(f)
	}
	return object{"type": "object", "properties": root, "additionalProperties": false, "required": []string{"event"}}
}

func fieldSchema(f *schema.Field) object {
	if f.Ref == nil {
		return aString
	}
	switch f.Ref(new(schema.Action)).(type) {
	case *[]string:
		return array(aString)
	case *schema.Int:
		return aNumber
	case *bool:
		return aBoolean
	case *schema.JSON:
		return object{"nullable": true} // any value
	case *[]schema.Preceding, *[]schema.Conflict:
		return array(object{"type": "object"})
	}
	return aString
}
