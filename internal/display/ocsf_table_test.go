package display_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema"
)

const (
	// ocsfFile holds what we use of the Open Cybersecurity Schema Framework 1.9.0-dev (github.com/ocsf/ocsf-schema): the
	// attributes of its classes and objects, each with its type.
	ocsfFile = "testdata/ocsf.csv"
	// ocsfWhole is a folder with that schema's own files, where it is at hand.
	ocsfWhole = "../../../shared/schema"
)

var ocsfClasses = map[string]int{schema.ActionShell: 1007, schema.ActionStdin: 1007, schema.ActionMCP: 6003, schema.ActionFileRead: 6003, schema.ActionLog: 0}

// markedAction has a value of its own in every field, and what that value looks like in OCSF.
func markedAction(action string) (a *schema.Action, looks map[string]string) {
	a, looks = new(schema.Action), map[string]string{}
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if f.Ref == nil {
			continue
		}
		marker := "marker-" + strings.ReplaceAll(f.Path, ".", "-")
		switch p := f.Ref(a).(type) {
		case *string:
			*p = marker
		case *[]string:
			*p = []string{marker}
		case *schema.JSON:
			*p = schema.JSON(`{"k":"` + marker + `"}`)
		case *schema.Int:
			*p, marker = schema.Some(int64(1000+i)), fmt.Sprint(1000+i)
		case *bool:
			*p, marker = true, "true"
		case *time.Time:
			*p = time.UnixMilli(int64(1772359201000 + i))
			marker = fmt.Sprint(p.UnixMilli())
			if f.OCSF == "" {
				marker = schema.FormatTime(*p)
			}
		case *[]schema.Preceding:
			*p = []schema.Preceding{{ID: marker, Command: marker}}
		case *[]schema.Conflict:
			*p = []schema.Conflict{{Field: marker, Value: marker}}
		}
		looks[f.Path] = marker
	}
	a.Event.Kind, a.Event.Action, a.Event.Outcome = schema.KindEvent, action, schema.OutcomeFailure
	a.Execution.Duration, a.Risk.Severity, a.Risk.Score = schema.Some(7_000_000), schema.Some(3), schema.Some(61)
	looks["event.kind"], looks["event.action"], looks["event.outcome"] = "event", action, "2"
	looks["event.duration"], looks["event.severity"], looks["event.risk_score"] = "7", "4", "61"
	return a, looks
}

// TestOCSFPlaces holds the table of the schema against the export: each field stands in the place that the table names
// for the class, else in unmapped.
func TestOCSFPlaces(t *testing.T) {
	for action, class := range ocsfClasses {
		a, looks := markedAction(action)
		e := ocsfOf(t, a)
		rest, _ := e["unmapped"].(map[string]any)
		for i := range schema.Fields {
			f := &schema.Fields[i]
			if f.Ref == nil {
				continue
			}
			place := f.OCSFPath(class)
			found, kept := rest[f.Path]
			if place != "" {
				found = ocsfAt(e, place)
			}
			text, _ := json.Marshal(found)
			look := looks[f.Path]
			if class == 0 && place == "" && f.OCSF != "" && !strings.HasPrefix(look, "marker") {
				look = "" // a time that this class keeps in our own form
			}
			if found == nil || !strings.Contains(string(text), look) {
				t.Errorf("%s in class %d: %s at %q, want %s", f.Path, class, text, place, looks[f.Path])
			}
			if place != "" && kept {
				t.Errorf("%s in class %d stands in unmapped as well", f.Path, class)
			}
		}
		checkShape(t, readOCSF(t), map[int]string{0: "base_event", 1007: "process_activity", 6003: "api_activity"}[class], e)
	}
}

// ocsfAt is what stands at a path; of a list, what stands in its first element.
func ocsfAt(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[name]
	}
	return v
}

// readOCSF is our table: type by object and attribute.
func readOCSF(t *testing.T) map[string]map[string]string {
	t.Helper()
	in, err := os.Open(ocsfFile)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	list, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]map[string]string{}
	for _, row := range list[1:] {
		if types[row[0]] == nil {
			types[row[0]] = map[string]string{}
		}
		types[row[0]][row[1]] = row[2]
	}
	return types
}

// checkShape holds that an object has only attributes that it may have, of their types, all the way down.
func checkShape(t *testing.T, types map[string]map[string]string, name string, o map[string]any) {
	t.Helper()
	for attribute, v := range o {
		typ, ok := types[name][attribute]
		if !ok {
			t.Errorf("%s has no attribute %s", name, attribute)
			continue
		}
		if element, isList := strings.CutSuffix(typ, "[]"); isList {
			list, ok := v.([]any)
			if !ok {
				t.Errorf("%s.%s is no list: %v", name, attribute, v)
				continue
			}
			for _, e := range list {
				checkValue(t, types, name+"."+attribute, element, e)
			}
			continue
		}
		checkValue(t, types, name+"."+attribute, typ, v)
	}
}

func checkValue(t *testing.T, types map[string]map[string]string, where, typ string, v any) {
	t.Helper()
	ok := true
	switch typ {
	case "integer_t", "long_t", "timestamp_t":
		_, ok = v.(float64)
	case "object":
		_, ok = v.(map[string]any)
	default:
		if strings.HasSuffix(typ, "_t") {
			_, ok = v.(string)
			break
		}
		var o map[string]any
		if o, ok = v.(map[string]any); ok {
			checkShape(t, types, typ, o)
		}
	}
	if !ok {
		t.Errorf("%s is %T, not %s", where, v, typ)
	}
}

// ocsfElsewhere are attributes that classes and objects have from parents and profiles of which there is no file.
var ocsfElsewhere = map[string]string{
	"process_activity": "base cloud host", "api_activity": "base cloud host container", "process": "process_entity container",
	"ai_agent": "entity", "ai_model": "entity", "message_context": "entity", "policy": "entity",
}

var ocsfParents = map[string]string{
	"base": `activity_id activity_name category_uid class_uid type_uid time severity_id status_id status status_detail start_time
		end_time duration message raw_data metadata unmapped`,
	"cloud": "cloud", "host": "device actor", "container": "container", "entity": "name uid", "process_entity": "uid cmd_line pid created_time",
}

// TestOCSFFile holds our table against the schema's dictionary and those of its classes and objects that are at hand.
func TestOCSFFile(t *testing.T) {
	if _, err := os.Stat(ocsfWhole); err != nil {
		t.Skipf("%s is not at hand", ocsfWhole)
	}
	var dictionary struct {
		Attributes map[string]struct {
			Type       string `json:"type"`
			ObjectType string `json:"object_type"`
			IsArray    bool   `json:"is_array"`
		}
	}
	readJSON(t, "ocsf_dictionary.json", &dictionary)
	for name, attributes := range readOCSF(t) {
		known := ocsfAttributes(t, name)
		for attribute, typ := range attributes {
			d := dictionary.Attributes[attribute]
			want := d.Type
			if d.ObjectType != "" {
				want = d.ObjectType
			}
			if d.IsArray {
				want += "[]"
			}
			if typ != want {
				t.Errorf("%s.%s is %s, in the dictionary %q", name, attribute, typ, want)
			}
			if known != nil && !slices.Contains(known, attribute) {
				t.Errorf("%s has no attribute %s", name, attribute)
			}
		}
	}
}

// ocsfAttributes are those that a class or object has, nil where its file is not at hand.
func ocsfAttributes(t *testing.T, name string) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(ocsfWhole, "ocsf_"+name+".json")); err != nil {
		return nil
	}
	files := []string{name}
	if strings.HasSuffix(name, "_activity") {
		files = append(files, "ai_operation", "security_control")
	}
	var known []string
	for _, file := range files {
		var o struct{ Attributes map[string]json.RawMessage }
		readJSON(t, "ocsf_"+file+".json", &o)
		for a := range o.Attributes {
			known = append(known, a)
		}
	}
	for parent := range strings.FieldsSeq(ocsfElsewhere[name]) {
		known = append(known, strings.Fields(ocsfParents[parent])...)
	}
	return known
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(ocsfWhole, file))
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
