package kibana

import (
	"bytes"
	"encoding/json"
)

// fields is a JSON object.
type fields = map[string]any

// Versions of the saved objects' models that Kibana 8.19 knows. Kibana brings older models up to its own and refuses
// newer ones, so these serve 8.19 and all later ones.
const (
	coreVersion      = "8.8.0"
	viewVersion      = "8.0.0"
	searchVersion    = "10.3.0"
	dashboardVersion = "10.2.0"
)

// object is a saved object as the import API takes it.
type object struct {
	Type                 string      `json:"type"`
	ID                   string      `json:"id"`
	Attributes           fields      `json:"attributes"`
	References           []reference `json:"references"`
	CoreMigrationVersion string      `json:"coreMigrationVersion"`
	TypeMigrationVersion string      `json:"typeMigrationVersion"`
	Managed              bool        `json:"managed"`
}

// reference names another saved object that an object needs. Name is what the object calls it.
type reference struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// objects are all saved objects: what is referred to comes first.
func objects() []object {
	all := []object{view()}
	for _, s := range searches {
		all = append(all, s.object())
	}
	for _, d := range dashboards() {
		all = append(all, d.object())
	}
	return all
}

// exportSummary ends an NDJSON file of saved objects.
type exportSummary struct {
	ExportedCount        int      `json:"exportedCount"`
	MissingRefCount      int      `json:"missingRefCount"`
	MissingReferences    []string `json:"missingReferences"`
	ExcludedObjectsCount int      `json:"excludedObjectsCount"`
	ExcludedObjects      []string `json:"excludedObjects"`
}

// SavedObjects is the NDJSON of the data view, the saved searches and the dashboards, as Kibana's saved objects import
// takes it. It is the same for every call.
func SavedObjects() []byte {
	all := objects()
	var lines []any
	for _, o := range all {
		lines = append(lines, o)
	}
	return ndjson(append(lines, exportSummary{ExportedCount: len(all), MissingReferences: []string{}, ExcludedObjects: []string{}}))
}

func ndjson(lines []any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			panic(err) // data of this package only
		}
	}
	return b.Bytes()
}

// text is v as JSON text: many attributes of saved objects are.
func text(v any) string { return string(bytes.TrimSpace(ndjson([]any{v}))) }

// searchSource is the attribute that holds an object's KQL query and, by a reference, its data view.
func searchSource(kql string, refersToView bool) fields {
	source := fields{"query": fields{"query": kql, "language": "kuery"}, "filter": []any{}}
	if refersToView {
		source["indexRefName"] = viewReference.Name
	}
	return fields{"searchSourceJSON": text(source)}
}
