package elasticsearch

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

// object is a JSON object to be written.
type object = map[string]any

// mapping is the mapping of every record, made of the table of the schema.
//
// Nothing that is not in the table is indexed, and nothing that is can be refused or left out silently: no field has
// ignore_malformed, and none ignore_above but the flattened ones, whose longer values agent_audit.long_values has.
// Records are sealed within the bounds that keywords and flattened fields have (schema.MaxKeyword and others); command
// lines, which may be 4 MiB, are a wildcard.
func mapping() object {
	root := object{}
	for i := range schema.Fields {
		f := &schema.Fields[i]
		place(root, f.Path, fieldMapping(f))
	}
	// Kibana's apps ask for these; the records, which are sealed, do not hold them.
	place(root, "data_stream.type", object{"type": "constant_keyword", "value": "logs"})
	place(root, "data_stream.dataset", object{"type": "constant_keyword", "value": schema.Dataset})
	place(root, "data_stream.namespace", object{"type": "constant_keyword"})
	return object{"dynamic": false, "date_detection": false, "_meta": meta(), "properties": root}
}

// fieldMapping is the mapping of one field.
func fieldMapping(f *schema.Field) object {
	m := object{"type": f.Type}
	switch {
	case f.Path == "event.original": // as in ECS: kept, not indexed; words are found in event.original.text
		m["index"], m["doc_values"] = false, false
	case f.Type == "flattened":
		m["ignore_above"], m["depth_limit"] = schema.MaxValue, schema.MaxNesting
	case f.Type == "object":
		m = objectMapping(f.Path)
	}
	if f.Text {
		m["fields"] = object{"text": object{"type": "match_only_text", "analyzer": wordsAnalyzer}}
	}
	return m
}

// objectMapping is the mapping of the lists of objects.
func objectMapping(path string) object {
	keyword, text := object{"type": "keyword"}, object{"type": "match_only_text"}
	switch path {
	case "agent_audit.session.preceding":
		return object{"properties": object{"id": keyword, "command": text}}
	case "agent_audit.provenance.conflicts":
		return object{"properties": object{"field": keyword, "value": text}}
	}
	panic("elasticsearch: no mapping for the object " + path)
}

// place puts a field's mapping under its dotted path, making the objects between.
func place(root object, path string, m object) {
	segments := strings.Split(path, ".")
	for _, name := range segments[:len(segments)-1] {
		parent, ok := root[name].(object)
		if !ok {
			parent = object{"properties": object{}}
			root[name] = parent
		}
		root = parent["properties"].(object)
	}
	root[segments[len(segments)-1]] = m
}
