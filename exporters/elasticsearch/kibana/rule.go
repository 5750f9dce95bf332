package kibana

import "fmt"

// rule is a detection rule of Elastic Security.
//
// Rules go by event.created, the time of sealing: an action is sealed up to a minute after it began (its result is
// waited for), logs are imported late, and a store may lag. Rules over single records look back six hours every five
// minutes: Elastic Security makes one alert a record, however often it is seen. Rules over several records (ES|QL with
// STATS) run hourly, look back as far as they must, and only tell what was completed in the last 65 minutes.
type rule struct {
	id          string // UUID, never changed: an import replaces the rule of the same id
	name        string
	kind        string // query, esql, threshold or new_terms
	query       string // KQL, or ES|QL
	severity    string // low, medium, high or critical
	risk        int    // 1–100
	description string
	// investigate is what to do with an alert: Markdown, the questions in order.
	investigate    string
	falsePositives []string
	attack         []technique

	lookBack  string   // of rules over several records: date math, "now-24h"
	threshold int      // of threshold: this many records with the same value of field
	field     string   // of threshold
	newTerms  []string // of new_terms: fields whose combination has not been seen in 30 days
}

// technique is one of MITRE ATT&CK: tactic and technique, each with id and name. A subtechnique's id has a dot.
type technique struct{ tacticID, tactic, id, name string }

// alertSince and sealedLately bound rules over several records to what is new. sealedLately overlaps the hour by five
// minutes, so that nothing falls between two runs.
const (
	perRecordInterval, perRecordSince = "5m", "now-6h"
	severalInterval                   = "1h"
	sealedLately                      = "NOW() - 65 minutes"
)

// Rules is the NDJSON of the detection rules, as the import API of Elastic Security takes it. All are off unless enabled.
func Rules(enabled bool) []byte {
	var lines []any
	for _, r := range rules() {
		lines = append(lines, r.document(enabled))
	}
	return ndjson(append(lines, fields{
		"exported_count": len(lines), "exported_rules_count": len(lines), "missing_rules": []any{}, "missing_rules_count": 0,
		"exported_exception_list_count": 0, "exported_exception_list_item_count": 0, "missing_exception_lists": []any{},
		"missing_exception_lists_count": 0, "missing_exception_list_items": []any{}, "missing_exception_list_items_count": 0,
	}))
}

func rules() []rule {
	var all []rule
	for _, list := range [][]rule{authorizationRules, behaviourRules, integrityRules} {
		all = append(all, list...)
	}
	return all
}

func (r *rule) document(enabled bool) fields {
	d := fields{
		"rule_id": r.id, "name": "Agent audit: " + r.name, "description": r.description, "type": r.kind, "query": r.query,
		"severity": r.severity, "severity_mapping": []any{}, "risk_score": r.risk, "risk_score_mapping": []any{},
		"author": []string{"agent-audit"}, "license": "Apache-2.0", "tags": []string{"Agent audit", "AI agents"}, "enabled": enabled, "version": 1,
		"interval": perRecordInterval, "from": perRecordSince, "to": "now", "timestamp_override": "event.created",
		"note": r.investigate, "false_positives": append([]string{}, r.falsePositives...), "references": []string{}, "threat": r.threat(),
		"max_signals": 100, "actions": []any{}, "exceptions_list": []any{}, "setup": "",
	}
	if r.lookBack != "" {
		d["interval"], d["from"] = severalInterval, r.lookBack
	}
	if r.kind == "esql" {
		d["language"] = "esql"
	} else {
		d["language"], d["index"] = "kuery", []string{indices}
	}
	switch r.kind {
	case "threshold":
		d["threshold"] = fields{"field": []string{r.field}, "value": r.threshold, "cardinality": []any{}}
	case "new_terms":
		d["new_terms_fields"], d["history_window_start"] = r.newTerms, "now-30d"
	}
	return d
}

// threat groups the techniques by tactic, in order.
func (r *rule) threat() []fields {
	const site = "https://attack.mitre.org/"
	threat := []fields{}
	for _, t := range r.attack {
		id, sub := t.id, ""
		if len(t.id) > len("T1234") {
			id, sub = t.id[:len("T1234")], t.id[len("T1234."):]
		}
		entry := fields{"id": id, "name": t.name, "reference": fmt.Sprintf("%stechniques/%s/", site, id), "subtechnique": []fields{}}
		if sub != "" {
			parent := parents[id]
			entry["name"] = parent
			entry["subtechnique"] = []fields{{"id": t.id, "name": t.name, "reference": fmt.Sprintf("%stechniques/%s/%s/", site, id, sub)}}
		}
		if n := len(threat); n > 0 && threat[n-1]["tactic"].(fields)["id"] == t.tacticID {
			threat[n-1]["technique"] = append(threat[n-1]["technique"].([]fields), entry)
			continue
		}
		threat = append(threat, fields{
			"framework": "MITRE ATT&CK",
			"tactic":    fields{"id": t.tacticID, "name": t.tactic, "reference": fmt.Sprintf("%stactics/%s/", site, t.tacticID)},
			"technique": []fields{entry},
		})
	}
	return threat
}

// parents are the names of techniques whose subtechniques rules name.
var parents = map[string]string{
	"T1070": "Indicator Removal", "T1552": "Unsecured Credentials", "T1562": "Impair Defenses", "T1548": "Abuse Elevation Control Mechanism",
	"T1195": "Supply Chain Compromise", "T1059": "Command and Scripting Interpreter",
}
