package elasticsearch

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

// TestMappingHasEveryField walks the mapping by each path of the table and finds the field's type there.
func TestMappingHasEveryField(t *testing.T) {
	properties := mapping()["properties"].(object)
	for i := range schema.Fields {
		f := &schema.Fields[i]
		m := at(t, properties, f.Path)
		if f.Type == "object" {
			if len(m["properties"].(object)) == 0 {
				t.Errorf("%s: none of its keys is mapped", f.Path)
			}
			continue
		}
		if m["type"] != f.Type {
			t.Errorf("%s is %v, the table says %s", f.Path, m["type"], f.Type)
		}
		if _, text := m["fields"]; text != f.Text {
			t.Errorf("%s: has words %v, the table says %v", f.Path, text, f.Text)
		}
		if _, cut := m["ignore_above"]; cut != (f.Type == "flattened") {
			t.Errorf("%s: ignore_above hides values", f.Path)
		}
	}
}

func at(t *testing.T, properties object, path string) object {
	t.Helper()
	segments := strings.Split(path, ".")
	for _, name := range segments[:len(segments)-1] {
		parent, ok := properties[name].(object)
		if !ok {
			t.Fatalf("%s is not mapped", path)
		}
		properties = parent["properties"].(object)
	}
	m, ok := properties[segments[len(segments)-1]].(object)
	if !ok {
		t.Fatalf("%s is not mapped", path)
	}
	return m
}

func TestTemplates(t *testing.T) {
	for name, test := range map[string]struct {
		options TemplateOptions
		paths   string
		has     string
		hasNot  string
	}{
		"for ever": {
			TemplateOptions{},
			"_ilm _component_template _component_template _index_template",
			`"max_age":"30d" "lifecycle":{"name":"agent_audit.action"} "failure_store":{"enabled":false} "mode":"standard"`, `"delete" data_retention`,
		},
		"a year": {
			TemplateOptions{RetentionDays: 365},
			"_ilm _component_template _component_template _index_template",
			`"min_age":"365d" "max_age":"30d"`, `data_retention`,
		},
		"90 days": {
			TemplateOptions{RetentionDays: 90},
			"_ilm _component_template _component_template _index_template",
			`"min_age":"90d" "max_age":"9d"`, ``,
		},
		"3 days": {
			TemplateOptions{RetentionDays: 3},
			"_ilm _component_template _component_template _index_template",
			`"min_age":"3d" "max_age":"1d"`, ``,
		},
		"serverless": {
			TemplateOptions{RetentionDays: 90, Serverless: true},
			"_component_template _component_template _index_template",
			`"data_retention":"90d"`, `"name":"agent_audit.action"`,
		},
		"serverless for ever": {
			TemplateOptions{Serverless: true},
			"_component_template _component_template _index_template",
			`"lifecycle":{"enabled":true}`, `data_retention`,
		},
		"older server": {
			TemplateOptions{OldFailureStore: true},
			"_ilm _component_template _component_template _index_template",
			``, `failure_store`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var paths []string
			all := ""
			for _, d := range Templates(test.options) {
				paths = append(paths, strings.Split(d.Path, "/")[1])
				if !strings.HasSuffix(d.Path, "/"+d.Name) {
					t.Errorf("%s is put at %s", d.Name, d.Path)
				}
				all += compact(t, d.Body)
			}
			if got := strings.Join(paths, " "); got != test.paths {
				t.Errorf("got %s", got)
			}
			for _, s := range strings.Fields(test.has) {
				if !strings.Contains(all, s) {
					t.Errorf("%s is missing", s)
				}
			}
			for _, s := range strings.Fields(test.hasNot) {
				if strings.Contains(all, s) {
					t.Errorf("%s is there", s)
				}
			}
		})
	}
}

func compact(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
