package kibana

import (
	"encoding/json"
	"testing"
)

// What the models of saved objects have, of the versions that we write (index-pattern 8.0.0, search 10.3.0, dashboard
// 10.2.0): Kibana brings these up to its own, and refuses attributes that they have not.
var (
	sourceShape = objectOf(map[string]shape{"searchSourceJSON": jsonText(objectOf(map[string]shape{
		"query": objectOf(map[string]shape{"query": anyText, "language": oneOf("kuery")}, nil), "filter": listOf(anything, 0, 0),
	}, map[string]shape{"indexRefName": someText}))}, nil)

	objectShapes = map[string]shape{
		"index-pattern": objectOf(map[string]shape{
			"title": textLike(`^logs-agent_audit\.action-\*$`), "name": someText, "timeFieldName": oneOf("@timestamp"), "fields": jsonText(listOf(anything, 0, 0)),
		}, map[string]shape{
			"allowNoIndex": truth, "sourceFilters": jsonText(listOf(anything, 0, 0)), "runtimeFieldMap": jsonText(mapOf(anything)), "typeMeta": jsonText(mapOf(anything)),
			"fieldAttrs":     jsonText(mapOf(objectOf(nil, map[string]shape{"customLabel": someText, "count": whole(0, 1e6), "customDescription": someText}))),
			"fieldFormatMap": jsonText(mapOf(objectOf(map[string]shape{"id": oneOf("duration", "bytes", "number")}, map[string]shape{"params": mapOf(anything)}))),
		}),
		"search": objectOf(map[string]shape{
			"title": someText, "columns": listOf(someText, 1, 50), "kibanaSavedObjectMeta": sourceShape,
			"sort": listOf(listOf(anyText, 2, 2), 1, 10),
		}, map[string]shape{
			"description": anyText, "grid": objectOf(nil, map[string]shape{"columns": mapOf(anything)}), "hideChart": truth, "isTextBasedQuery": truth, "timeRestore": truth,
		}),
		"dashboard": objectOf(map[string]shape{
			"title": someText, "panelsJSON": jsonText(listOf(panelShape, 1, 50)), "kibanaSavedObjectMeta": sourceShape,
			"optionsJSON": jsonText(objectOf(nil, map[string]shape{
				"useMargins": truth, "syncColors": truth, "syncCursor": truth, "syncTooltips": truth, "hidePanelTitles": truth,
			})),
		}, map[string]shape{
			"description": anyText, "version": whole(1, 1), "timeRestore": truth, "timeFrom": dateMath, "timeTo": dateMath,
			"controlGroupInput": objectOf(map[string]shape{"panelsJSON": jsonText(mapOf(controlShape))}, map[string]shape{
				"controlStyle": oneOf("oneLine", "twoLine"), "chainingSystem": oneOf("HIERARCHICAL", "NONE"), "showApplySelections": truth,
				"ignoreParentSettingsJSON": jsonText(mapOf(truth)),
			}),
		}),
	}

	controlShape = objectOf(map[string]shape{
		"type": oneOf("optionsListControl"), "order": whole(0, 20), "grow": truth, "width": oneOf("small", "medium", "large"),
		"explicitInput": objectOf(map[string]shape{"id": someText, "fieldName": someText}, map[string]shape{
			"title": someText, "searchTechnique": oneOf("prefix", "wildcard", "exact"), "selectedOptions": listOf(anyText, 0, 0), "singleSelect": truth,
			"sort": objectOf(map[string]shape{"by": oneOf("_count", "_key"), "direction": oneOf("asc", "desc")}, nil),
		}),
	}, nil)

	panelShape = objectOf(map[string]shape{
		"type": oneOf("lens", "search"), "panelIndex": someText,
		"gridData": objectOf(map[string]shape{"i": someText, "x": whole(0, 47), "y": whole(0, 1000), "w": whole(1, 48), "h": whole(1, 100)}, nil),
		"embeddableConfig": objectOf(map[string]shape{"enhancements": mapOf(anything)}, map[string]shape{
			"attributes": objectOf(map[string]shape{
				"title": someText, "type": oneOf("lens"), "visualizationType": oneOf("lnsMetric", "lnsDatatable", "lnsXY"), "references": listOf(anything, 0, 0),
				"state": objectOf(map[string]shape{
					"visualization": mapOf(anything), "query": objectOf(map[string]shape{"esql": textLike(`^FROM `)}, nil), "filters": listOf(anything, 0, 0),
					"datasourceStates": objectOf(map[string]shape{"textBased": mapOf(anything)}, nil),
				}, map[string]shape{"internalReferences": listOf(referenceShape, 1, 1), "adHocDataViews": mapOf(anything)}),
			}, nil),
		}),
	}, map[string]shape{"title": someText, "panelRefName": someText})

	referenceShape = objectOf(map[string]shape{"type": oneOf("index-pattern", "search"), "id": someText, "name": someText}, nil)
)

// TestObjectsShape holds every saved object to the shape of its type.
func TestObjectsShape(t *testing.T) {
	all, _ := exported(t)
	envelope := func(attributes shape) shape {
		return objectOf(map[string]shape{
			"type": someText, "id": textLike(`^agent-audit[a-z-]*$`), "attributes": attributes, "references": listOf(referenceShape, 0, 50),
			"coreMigrationVersion": oneOf("8.8.0"), "typeMigrationVersion": oneOf("8.0.0", "10.3.0", "10.2.0"), "managed": truth,
		}, nil)
	}
	kinds := map[string]bool{}
	for _, o := range all {
		var d any
		if err := json.Unmarshal([]byte(text(o)), &d); err != nil {
			t.Fatal(err)
		}
		kinds[o.Type] = true
		if objectShapes[o.Type] == nil {
			t.Fatalf("%s has no shape", o.Type)
		}
		for _, w := range envelope(objectShapes[o.Type])(o.Type+" "+o.ID, d) {
			t.Error(w)
		}
	}
	if len(kinds) != len(objectShapes) {
		t.Errorf("kinds %v", kinds)
	}
}
