package kibana

import "fmt"

// lens is a panel that shows the answer of an ES|QL query, as a dashboard holds it (embeddableConfig.attributes). Its
// layer reads the text-based data source, whose columns are the answer's; the visualization refers to them by id.
func (p *panel) lens() fields {
	const layer = "layer-0"
	view := fields{"id": "agent-audit-esql-" + p.timeField(), "title": indices, "timeField": p.timeField()}
	var columns []fields
	for i, c := range p.columns {
		columns = append(columns, fields{
			"columnId": columnID(i), "fieldName": c.name, "label": c.heading, "customLabel": c.heading != c.name,
			"meta": fields{"type": c.kind}, "inMetricDimension": c.kind == number,
		})
	}
	kinds := map[kind]string{metric: "lnsMetric", table: "lnsDatatable", bars: "lnsXY"}
	return fields{
		"title": p.title, "type": "lens", "visualizationType": kinds[p.kind], "references": []reference{},
		"state": fields{
			"visualization": p.visualization(layer), "query": fields{"esql": p.esql}, "filters": []any{}, "internalReferences": []reference{{Type: "index-pattern", ID: view["id"].(string), Name: "indexpattern-datasource-layer-" + layer}},
			"adHocDataViews": fields{view["id"].(string): fields{
				"id": view["id"], "title": indices, "name": indices, "timeFieldName": p.timeField(), "type": "esql",
				"sourceFilters": []any{}, "fieldFormats": fields{}, "runtimeFieldMap": fields{}, "fieldAttrs": fields{}, "allowNoIndex": false,
			}},
			"datasourceStates": fields{"textBased": fields{
				"indexPatternRefs": []fields{view},
				"layers": fields{layer: fields{
					"index": view["id"], "query": fields{"esql": p.esql}, "columns": columns, "allColumns": columns, "timeField": p.timeField(),
				}},
			}},
		},
	}
}

func columnID(i int) string { return fmt.Sprint("column-", i) }

func (p *panel) visualization(layer string) fields {
	switch p.kind {
	case metric:
		return fields{"layerId": layer, "layerType": "data", "metricAccessor": columnID(0)}
	case table:
		var columns []fields
		for i, c := range p.columns {
			columns = append(columns, fields{"columnId": columnID(i), "isMetric": c.kind == number, "isTransposed": false})
		}
		return fields{"layerId": layer, "layerType": "data", "columns": columns, "rowHeight": "auto", "paging": fields{"size": 10, "enabled": true}}
	}
	data := fields{
		"layerId": layer, "layerType": "data", "seriesType": "bar_stacked", "accessors": []string{columnID(0)}, "xAccessor": columnID(1),
		"showGridlines": false, "position": "top",
	}
	if len(p.columns) > 2 {
		data["splitAccessor"] = columnID(2)
	}
	return fields{
		"preferredSeriesType": "bar_stacked", "legend": fields{"isVisible": len(p.columns) > 2, "position": "right"}, "valueLabels": "hide",
		"layers": []fields{data},
	}
}
