package kibana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

// exported are the saved objects as they are read back from the NDJSON.
func exported(t *testing.T) (all []object, last map[string]any) {
	t.Helper()
	lines := bytes.Split(bytes.TrimSpace(SavedObjects()), []byte("\n"))
	for i, l := range lines {
		var into any = &last
		if i < len(lines)-1 {
			all = append(all, object{})
			into = &all[i]
		}
		if err := json.Unmarshal(l, into); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	return all, last
}

// TestReferencesClose holds that every object that is named is in the file, before what names it, that every name that
// an object uses inside is one of its references, and that no reference is idle.
func TestReferencesClose(t *testing.T) {
	all, last := exported(t)
	known := map[string]bool{}
	for _, o := range all {
		if known[o.Type+"/"+o.ID] {
			t.Errorf("%s %s is there twice", o.Type, o.ID)
		}
		used := namesUsed(t, o)
		for _, r := range o.References {
			if !known[r.Type+"/"+r.ID] {
				t.Errorf("%s %s refers to %s %s, which is not there before it", o.Type, o.ID, r.Type, r.ID)
			}
			if !used[r.Name] {
				t.Errorf("%s %s: reference %s is not used", o.Type, o.ID, r.Name)
			}
			delete(used, r.Name)
		}
		if len(used) > 0 {
			t.Errorf("%s %s uses %v, which are no references of it", o.Type, o.ID, used)
		}
		known[o.Type+"/"+o.ID] = true
	}
	if last["exportedCount"] != float64(len(all)) || last["missingRefCount"] != 0.0 {
		t.Errorf("last line %v", last)
	}
	if len(dashboards()) != 6 || len(searches) < 6 {
		t.Errorf("%d dashboards, %d searches", len(dashboards()), len(searches))
	}
}

// namesUsed are the names of references that stand inside an object, as Kibana looks them up.
func namesUsed(t *testing.T, o object) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	var source struct{ IndexRefName string }
	if meta, ok := o.Attributes["kibanaSavedObjectMeta"].(map[string]any); ok {
		parse(t, meta["searchSourceJSON"], &source)
		if source.IndexRefName != "" {
			used[source.IndexRefName] = true
		}
	}
	if o.Type != "dashboard" {
		return used
	}
	for _, p := range panelsOf(t, o) {
		if p.PanelRefName != "" {
			used[p.PanelIndex+":"+p.PanelRefName] = true
		}
		for _, r := range p.EmbeddableConfig.Attributes.References {
			used[p.PanelIndex+":"+r.Name] = true
		}
	}
	var controls map[string]any
	parse(t, o.Attributes["controlGroupInput"].(map[string]any)["panelsJSON"], &controls)
	for id := range controls {
		used["controlGroup_"+id+":optionsListDataView"] = true
	}
	return used
}

// shownPanel is what the tests look at of a panel.
type shownPanel struct {
	Type, PanelIndex, PanelRefName, Title string
	GridData                              struct {
		X, Y, W, H int
		I          string
	}
	EmbeddableConfig struct {
		Attributes struct {
			VisualizationType string
			References        []reference
			State             struct {
				Query            map[string]string
				Visualization    json.RawMessage
				DatasourceStates struct {
					TextBased struct {
						Layers map[string]struct {
							Index     string
							TimeField string
							Query     map[string]string
							Columns   []struct{ ColumnID, FieldName string }
						}
					}
				}
				AdHocDataViews map[string]map[string]any
			}
		}
	}
}

func panelsOf(t *testing.T, o object) []shownPanel {
	t.Helper()
	var panels []shownPanel
	parse(t, o.Attributes["panelsJSON"], &panels)
	return panels
}

// parse reads an attribute that is JSON in a text.
func parse(t *testing.T, attribute any, into any) {
	t.Helper()
	s, ok := attribute.(string)
	if !ok {
		t.Fatalf("%v is no text", attribute)
	}
	if err := json.Unmarshal([]byte(s), into); err != nil {
		t.Fatal(err)
	}
}

// TestPanelsFit holds that panels lie on the grid without overlapping, and that charts refer to columns that they have.
func TestPanelsFit(t *testing.T) {
	all, _ := exported(t)
	for _, o := range all {
		if o.Type != "dashboard" {
			continue
		}
		covered := map[[2]int]string{}
		for _, p := range panelsOf(t, o) {
			g := p.GridData
			if g.I != p.PanelIndex || g.X < 0 || g.X+g.W > gridWidth || g.W < 8 || g.H < 5 {
				t.Errorf("%s: %s lies at %+v", o.ID, p.Title, g)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if covered[[2]int{x, y}] != "" {
						t.Fatalf("%s: %s lies on %s", o.ID, p.Title, covered[[2]int{x, y}])
					}
					covered[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "lens" {
				checkLens(t, o.ID+"/"+p.Title, &p)
			}
		}
	}
}

func checkLens(t *testing.T, name string, p *shownPanel) {
	t.Helper()
	state := &p.EmbeddableConfig.Attributes.State
	if len(state.DatasourceStates.TextBased.Layers) != 1 {
		t.Fatalf("%s: %d layers", name, len(state.DatasourceStates.TextBased.Layers))
	}
	for id, layer := range state.DatasourceStates.TextBased.Layers {
		view := state.AdHocDataViews[layer.Index]
		if view == nil || view["type"] != "esql" || view["timeFieldName"] != layer.TimeField {
			t.Errorf("%s: its view is %v, its time field %s", name, view, layer.TimeField)
		}
		if state.Query["esql"] == "" || state.Query["esql"] != layer.Query["esql"] {
			t.Errorf("%s: the query of the state is not that of the layer", name)
		}
		if strings.Contains(layer.Query["esql"], "event.created >= ?_tstart") != (layer.TimeField == "event.created") {
			t.Errorf("%s: the query does not go by %s", name, layer.TimeField)
		}
		look := string(state.Visualization)
		if !strings.Contains(look, fmt.Sprintf("%q", id)) {
			t.Errorf("%s: the visualization is of another layer", name)
		}
		for _, c := range layer.Columns {
			look = strings.ReplaceAll(look, fmt.Sprintf("%q", c.ColumnID), "")
		}
		if strings.Contains(look, "column-") {
			t.Errorf("%s: the visualization names columns that there are not: %s", name, look)
		}
	}
}

// TestFieldsExist holds that columns, controls and fields of rules are fields of the schema.
func TestFieldsExist(t *testing.T) {
	check := func(name, path string) {
		t.Helper()
		if schema.FieldByPath(path) == nil {
			t.Errorf("%s: %s is no field", name, path)
		}
	}
	for _, s := range searches {
		for _, c := range s.columns {
			check(s.id, c)
		}
	}
	for _, d := range dashboards() {
		for _, c := range d.controls {
			check(d.id, c.field)
		}
	}
	for _, r := range rules() {
		for _, f := range append(r.newTerms, strings.Fields(r.field)...) {
			check(r.name, f)
		}
	}
}
