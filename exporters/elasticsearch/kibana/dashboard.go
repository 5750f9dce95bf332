package kibana

import "fmt"

// dashboard is a page of panels, with controls that filter all of them by the values of a field.
type dashboard struct {
	id          string
	title       string
	description string
	since       string // the time range it opens with, to now
	controls    []control
	panels      []panel // in reading order: they are placed from left to right, a new row when the next does not fit
}

// control filters by a field.
type control struct{ field, heading string }

func dashboards() []dashboard {
	return []dashboard{overview, sessionTimeline, riskAndPolicy, approvals, tools, health}
}

// gridWidth is how wide a dashboard is.
const gridWidth = 48

func (d *dashboard) object() object {
	references := []reference{}
	var panels []fields
	x, y, rowHeight := 0, 0, 0
	for i := range d.panels {
		p := &d.panels[i]
		if x+p.width > gridWidth {
			x, y, rowHeight = 0, y+rowHeight, 0
		}
		id := fmt.Sprint("panel-", i)
		placed := fields{"panelIndex": id, "title": p.title, "gridData": fields{"i": id, "x": x, "y": y, "w": p.width, "h": p.height}}
		if p.kind == found {
			placed["type"], placed["panelRefName"], placed["embeddableConfig"] = "search", "panel_"+id, fields{"enhancements": fields{}}
			references = append(references, reference{Type: "search", ID: p.search, Name: id + ":panel_" + id})
		} else {
			placed["type"], placed["embeddableConfig"] = "lens", fields{"enhancements": fields{}, "attributes": p.lens()}
		}
		panels = append(panels, placed)
		x, rowHeight = x+p.width, max(rowHeight, p.height)
	}
	group, refs := d.controlGroup()
	return object{
		Type: "dashboard", ID: d.id, References: append(references, refs...),
		CoreMigrationVersion: coreVersion, TypeMigrationVersion: dashboardVersion,
		Attributes: fields{
			"title": d.title, "description": d.description, "version": 1, "panelsJSON": text(panels),
			"optionsJSON": text(fields{"useMargins": true, "syncColors": true, "syncCursor": true, "syncTooltips": false, "hidePanelTitles": false}),
			"timeRestore": true, "timeFrom": d.since, "timeTo": "now",
			"kibanaSavedObjectMeta": searchSource("", false), "controlGroupInput": group,
		},
	}
}

func (d *dashboard) controlGroup() (group fields, references []reference) {
	panels := fields{}
	for i, c := range d.controls {
		id := fmt.Sprint("control-", i)
		panels[id] = fields{
			"type": "optionsListControl", "order": i, "grow": true, "width": "medium",
			"explicitInput": fields{
				"id": id, "fieldName": c.field, "title": c.heading, "searchTechnique": "wildcard", "selectedOptions": []string{}, "singleSelect": false,
				"sort": fields{"by": "_count", "direction": "desc"},
			},
		}
		references = append(references, reference{Type: "index-pattern", ID: viewID, Name: "controlGroup_" + id + ":optionsListDataView"})
	}
	return fields{
		"chainingSystem": "HIERARCHICAL", "controlStyle": "oneLine", "showApplySelections": false, "panelsJSON": text(panels),
		"ignoreParentSettingsJSON": text(fields{"ignoreFilters": false, "ignoreQuery": false, "ignoreTimerange": false, "ignoreValidations": false}),
	}, references
}

// Controls that most dashboards have.
var (
	byAgent   = control{"service.name", "Agent"}
	byUser    = control{"user.name", "User"}
	byHost    = control{"host.name", "Host"}
	bySession = control{"agent_audit.session.id", "Session"}
)

// from begins every ES|QL query.
const from = "FROM " + indices + "\n"
