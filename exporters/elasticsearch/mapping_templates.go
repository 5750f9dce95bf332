package elasticsearch

import (
	"encoding/json"
	"fmt"

	"github.com/agentaudit/agentaudit/schema"
)

// Names of what setup creates. CustomComponent is never created by us: it is where people put settings and mappings of
// their own, which win over ours and survive upgrades.
const (
	IndexTemplate     = "logs-" + schema.Dataset
	MappingsComponent = schema.Dataset + "@mappings"
	SettingsComponent = schema.Dataset + "@settings"
	CustomComponent   = schema.Dataset + "@custom"
	LifecyclePolicy   = schema.Dataset
	IndexPattern      = "logs-" + schema.Dataset + "-*"
)

// TemplateVersion counts the changes of these documents. It is stored in their _meta.version and as their version;
// setup replaces older ones and leaves newer ones alone.
const TemplateVersion = 2

// templatePriority is above Elastic's own template for logs-*-* (100) and above those of its integrations (200).
const templatePriority = 260

// Owner is the value of _meta.managed_by by which setup knows its own documents.
const Owner = "agent-audit"

// TemplateOptions say which variant of the documents is wanted. The zero value is for a cluster of Elasticsearch 8.19 or
// later whose records are kept for ever.
type TemplateOptions struct {
	// RetentionDays is how long records are kept at least; 0 is for ever. An index is deleted as a whole, this long after
	// its last record, so the oldest records stay for up to a tenth of it longer.
	RetentionDays int
	// Serverless has the retention in the template (data stream lifecycle), for there is no ILM.
	Serverless bool
	// OldFailureStore leaves out the option that turns the failure store off, which servers before 8.19 and 9.1 do not
	// know. With a failure store a refused record would look stored; without one its refusal is told to the exporter.
	OldFailureStore bool
}

// TemplateDocument is a document that setup puts on the server.
type TemplateDocument struct {
	Name string
	// Path is where it is PUT: /_ilm/policy/…, /_component_template/… or /_index_template/….
	Path string
	Body json.RawMessage
}

// Templates returns the lifecycle policy (unless serverless), the component templates and the index template, in the
// order in which they must be put: each names only earlier ones.
func Templates(o TemplateOptions) []TemplateDocument {
	var docs []TemplateDocument
	if !o.Serverless {
		docs = append(docs, document("/_ilm/policy/", LifecyclePolicy, lifecycle(o.RetentionDays)))
	}
	return append(docs,
		document("/_component_template/", MappingsComponent, component(object{"mappings": mapping(), "settings": object{"index": object{"analysis": analysis()}}})),
		document("/_component_template/", SettingsComponent, component(object{"settings": settings(o)})),
		document("/_index_template/", IndexTemplate, indexTemplate(o)))
}

func document(path, name string, body object) TemplateDocument {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		panic(err) // maps of texts and numbers only
	}
	return TemplateDocument{Name: name, Path: path + name, Body: text}
}

func component(template object) object {
	return object{"template": template, "version": TemplateVersion, "_meta": meta()}
}

func meta() object {
	return object{
		"managed_by": Owner, "version": TemplateVersion, "ecs_version": schema.ECSVersion,
		"description": "audit trail of AI agents; made by agent-audit setup elasticsearch",
	}
}

// settings are the same everywhere but for the lifecycle. The index mode is named because newer servers take logsdb for
// logs-*-*, which does not give a record back byte for byte, so that it could not be verified. The index is not sorted:
// Elasticsearch 9.5 fails at searches in the other order that match all of an index ("minDoc must be >= 0"), such as a
// session's timeline in Kibana. Version 1 of these documents had it sorted by time, the newest first.
func settings(o TemplateOptions) object {
	index := object{
		"mode": "standard", "codec": "best_compression",
		"mapping": object{"total_fields": object{"limit": 500}},
	}
	if !o.Serverless {
		index["lifecycle"] = object{"name": LifecyclePolicy}
	}
	return object{"index": index}
}

func indexTemplate(o TemplateOptions) object {
	template := object{}
	if o.Serverless {
		template["lifecycle"] = object{"enabled": true}
		if o.RetentionDays > 0 {
			template["lifecycle"] = object{"enabled": true, "data_retention": days(o.RetentionDays)}
		}
	}
	if !o.OldFailureStore {
		template["data_stream_options"] = object{"failure_store": object{"enabled": false}}
	}
	return object{
		"index_patterns": []string{IndexPattern}, "data_stream": object{}, "priority": templatePriority,
		"composed_of":                        []string{MappingsComponent, SettingsComponent, CustomComponent},
		"ignore_missing_component_templates": []string{CustomComponent},
		"template":                           template, "version": TemplateVersion, "_meta": meta(),
	}
}

// lifecycle rolls over after a tenth of the retention, at least one day and at most 30, or at 50 GB.
func lifecycle(retention int) object {
	age := 30
	if retention > 0 {
		age = min(max(retention/10, 1), 30)
	}
	phases := object{"hot": object{"actions": object{
		"rollover": object{"max_age": days(age), "max_primary_shard_size": "50gb"},
	}}}
	if retention > 0 {
		phases["delete"] = object{"min_age": days(retention), "actions": object{"delete": object{}}}
	}
	return object{"policy": object{"phases": phases, "_meta": meta()}}
}

func days(n int) string { return fmt.Sprintf("%dd", n) }
