package kibana

import (
	"bytes"
	"encoding/json"
	"testing"
)

// What the public API documentation of Elastic Security says of a rule that is imported (Detections API, "Create a
// detection rule" and "Import detection rules").
var (
	interval = textLike(`^[1-9][0-9]*[smhd]$`)
	dateMath = textLike(`^now(-[1-9][0-9]*[smhdwM](/d)?)?$`)
	// The investigation guide, and other texts for people, are Markdown or plain.
	texts = listOf(anyText, 0, 100)

	anyRuleNeeds = map[string]shape{
		"rule_id": textLike(`^[0-9a-f-]{36}$`), "name": someText, "description": someText, "risk_score": whole(0, 100),
		"severity": oneOf("low", "medium", "high", "critical"),
	}
	anyRuleMay = map[string]shape{
		"author": listOf(someText, 1, 10), "license": anyText, "tags": texts, "enabled": truth, "version": whole(1, 1e6), "interval": interval,
		"from": dateMath, "to": dateMath, "timestamp_override": someText, "note": someText, "false_positives": texts, "references": texts,
		"max_signals": whole(1, 1000), "setup": anyText, "actions": listOf(anything, 0, 0), "exceptions_list": listOf(anything, 0, 0),
		"risk_score_mapping": listOf(anything, 0, 0), "severity_mapping": listOf(anything, 0, 0), "threat": listOf(threatShape, 0, 20),
	}
	overIndices = map[string]shape{"index": listOf(someText, 1, 10), "language": oneOf("kuery", "lucene")}

	ruleShapes = map[string]shape{
		"query": objectOf(anyRuleNeeds, merged(anyRuleMay, overIndices, map[string]shape{"type": oneOf("query"), "query": anyText})),
		"esql":  objectOf(merged(anyRuleNeeds, map[string]shape{"type": oneOf("esql"), "language": oneOf("esql"), "query": textLike(`^FROM `)}), anyRuleMay),
		"threshold": objectOf(merged(anyRuleNeeds, map[string]shape{"type": oneOf("threshold"), "query": someText, "threshold": objectOf(
			map[string]shape{"field": listOf(someText, 0, 3), "value": whole(1, 1e9)},
			map[string]shape{"cardinality": listOf(objectOf(map[string]shape{"field": someText, "value": whole(0, 1e9)}, nil), 0, 1)},
		)}), merged(anyRuleMay, overIndices)),
		"new_terms": objectOf(merged(anyRuleNeeds, map[string]shape{
			"type": oneOf("new_terms"), "query": someText, "new_terms_fields": listOf(someText, 1, 3), "history_window_start": dateMath,
		}), merged(anyRuleMay, overIndices)),
	}

	threatShape = objectOf(map[string]shape{
		"framework": oneOf("MITRE ATT&CK"), "tactic": attackShape(`^TA[0-9]{4}$`, `tactics/TA[0-9]{4}/$`, nil),
	}, map[string]shape{"technique": listOf(attackShape(`^T[0-9]{4}$`, `techniques/T[0-9]{4}/$`, map[string]shape{
		"subtechnique": listOf(attackShape(`^T[0-9]{4}\.[0-9]{3}$`, `techniques/T[0-9]{4}/[0-9]{3}/$`, nil), 0, 10),
	}), 0, 20)})
)

func attackShape(id, reference string, optional map[string]shape) shape {
	return objectOf(map[string]shape{"id": textLike(id), "name": someText, "reference": textLike(`^https://attack\.mitre\.org/` + reference)}, optional)
}

// ruleSummary ends the file.
var ruleSummary = func() shape {
	count, none := whole(0, 1000), listOf(anything, 0, 0)
	return objectOf(map[string]shape{
		"exported_count": count, "exported_rules_count": count, "missing_rules": none, "missing_rules_count": whole(0, 0),
		"exported_exception_list_count": whole(0, 0), "exported_exception_list_item_count": whole(0, 0), "missing_exception_lists": none,
		"missing_exception_lists_count": whole(0, 0), "missing_exception_list_items": none, "missing_exception_list_items_count": whole(0, 0),
	}, nil)
}()

// TestRulesShape holds every rule, of each of the four kinds, to its shape.
func TestRulesShape(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(Rules(true)), []byte("\n"))
	kinds := map[string]int{}
	for i, l := range lines {
		var d map[string]any
		if err := json.Unmarshal(l, &d); err != nil {
			t.Fatal(err)
		}
		s, name := ruleSummary, "summary"
		if i < len(lines)-1 {
			kind, _ := d["type"].(string)
			kinds[kind]++
			s, name = ruleShapes[kind], d["name"].(string)
		}
		if s == nil {
			t.Fatalf("%s: kind %v has no shape", name, d["type"])
		}
		for _, w := range s(name, d) {
			t.Error(w)
		}
	}
	if len(kinds) != len(ruleShapes) {
		t.Errorf("kinds %v", kinds)
	}
}

// A shape that lets everything through would hold nothing.
func TestRulesShapeRefuses(t *testing.T) {
	for _, r := range rules() {
		whole := r.document(false)
		for name, spoil := range map[string]func(fields){
			"no rule_id":    func(d fields) { delete(d, "rule_id") },
			"unknown key":   func(d fields) { d["indices"] = []any{"logs-*"} },
			"risk of 101":   func(d fields) { d["risk_score"] = 101.0 },
			"severity":      func(d fields) { d["severity"] = "severe" },
			"interval":      func(d fields) { d["interval"] = "5 minutes" },
			"tactic's id":   func(d fields) { d["threat"] = []any{fields{"framework": "MITRE ATT&CK", "tactic": fields{"id": "T1"}}} },
			"index of esql": func(d fields) { d["index"], d["type"], d["language"] = []any{"logs-*"}, "esql", "esql" },
			"no history": func(d fields) {
				d["type"], d["new_terms_fields"] = "new_terms", []any{"host.name"}
				delete(d, "history_window_start")
			},
			"no threshold":     func(d fields) { d["type"] = "threshold"; delete(d, "threshold") },
			"number as a text": func(d fields) { d["max_signals"] = "100" },
		} {
			var d fields
			if err := json.Unmarshal([]byte(text(whole)), &d); err != nil {
				t.Fatal(err)
			}
			spoil(d)
			if len(ruleShapes[d["type"].(string)](name, d)) == 0 {
				t.Errorf("%s: %s is let through", r.name, name)
			}
		}
	}
}
