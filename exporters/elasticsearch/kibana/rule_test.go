package kibana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema"
)

// ruleOracles are by the rule's name: a predicate for each KQL query, and what the ES|QL queries answer, in any order.
var ruleOracles = map[string]predicate{
	"dangerous action approved by a rule": searchOracles["agent-audit-loose-policy"],
	"approvals switched off": func(r *record) bool {
		quiet := []string{"bypassPermissions", "dontAsk", "yolo", "full-auto", "yes-always", "autopilot"}
		return slices.Contains(quiet, r.Authorization.Mode) || r.Authorization.Sandbox == "danger-full-access" || matched(r, "skip-approval")
	},
	"approved despite an anomaly": searchOracles["agent-audit-anomalies"],
	"sources disagree about an action": func(r *record) bool {
		for _, c := range r.Trail.Conflicts {
			if slices.Contains([]string{"process.command_line", "process.exit_code", "event.outcome", "agent_audit.authorization.decision"}, c.Field) {
				return true
			}
		}
		return slices.Contains(r.Risk.Anomalies, "ran_although_denied") || slices.Contains(r.Risk.Anomalies, "lanes_disagree")
	},
	"secret in a command": func(r *record) bool {
		for _, text := range append([]string{r.Command.Line}, r.Command.Args...) {
			if strings.Contains(text, "[REDACTED") {
				return true
			}
		}
		return regexp.MustCompile(`(?i)\bREDACTED\b`).MatchString(r.Command.Stdin)
	},
	"agent on a host for the first time": func(r *record) bool {
		return r.Event.Kind == schema.KindEvent && software(r) != "" && r.Infrastructure.HostName != ""
	},
	"many dangerous actions in one session": func(r *record) bool { return riskAtLeast(r, 70) && !isDenied(r) },
	"code from elsewhere run": func(r *record) bool {
		return category(r, "remote-code", "supply-chain") && riskAtLeast(r, 70) && !isDenied(r)
	},
	"more rights taken or kept": func(r *record) bool {
		return category(r, "privilege-escalation", "persistence") && riskAtLeast(r, 60) && !isDenied(r)
	},
	"data sent away": func(r *record) bool { return category(r, "exfiltration") && riskAtLeast(r, 60) && !isDenied(r) },
	"agent touched its logs or the audit": func(r *record) bool {
		return matched(r, "tamper-agent-logs", "tamper-audit", "stop-audit", "clear-history", "clear-logs")
	},
	"logs no longer understood": searchOracles["agent-audit-not-understood"],
}

var ruleTables = map[string]struct {
	columns []string
	rows    oracle
}{
	"denied, then the same ran": {
		[]string{"denied_at", "ran_at", "sealed_at", "agent_audit.session.id", "process.command_line"},
		func(all []record) rows {
			var out rows
			for _, g := range bySessionAndCommand(all) {
				_, sealed := g.times(sealedTime)
				if refused, again, ok := g.refusedAndRan(); ok && recently(sealed) {
					out = append(out, []any{refused, again, sealed, g.key[0], g.key[1]})
				}
			}
			return out
		},
	},
	"denied, then tried in other words": {
		[]string{"denied_at", "ran_at", "refused", "wordings", "sealed_at", "agent_audit.session.id", "agent_audit.risk.category"},
		func(all []record) rows {
			var out rows
			risky := where(all, func(r *record) bool { return session(r) != "" && r.Risk.Category != "" && riskAtLeast(r, 40) })
			for _, g := range groupBy(risky, func(r *record) []any { return []any{session(r), r.Risk.Category} }) {
				_, sealed := g.times(sealedTime)
				wordings, refusals := distinct(g.records, what), distinct(where(g.records, isDenied), what)
				if refused, again, ok := g.refusedAndRan(); ok && wordings > refusals && recently(sealed) {
					out = append(out, []any{refused, again, refusals, wordings, sealed, g.key[0], g.key[1]})
				}
			}
			return out
		},
	},
	"credentials read, then the network used": {
		[]string{"read_at", "sent_at", "commands", "sealed_at", "agent_audit.session.id"},
		func(all []record) rows {
			reads := func(r *record) bool { return category(r, "credential-access") }
			involved := where(all, func(r *record) bool {
				return session(r) != "" && category(r, "credential-access", "exfiltration", "network") && hasDecision(r) && !isDenied(r)
			})
			var out rows
			for _, g := range groupBy(involved, func(r *record) []any { return []any{session(r)} }) {
				before, after := grouped{records: where(g.records, reads)}, grouped{records: where(g.records, func(r *record) bool { return !reads(r) })}
				read, _ := before.times(actionTime)
				_, sent := after.times(actionTime)
				_, sealed := g.times(sealedTime)
				if !read.IsZero() && millis(sent) > millis(read) && recently(sealed) {
					out = append(out, []any{read, sent, distinctOf(valuesOf(g.records, func(r *record) string { return r.Command.Line })), sealed, g.key[0]})
				}
			}
			return out
		},
	},
	"new MCP server": {
		[]string{"first_seen", "calls", "agents", "hosts", "server"},
		func(all []record) rows {
			var out rows
			calls := where(all, func(r *record) bool { return r.Event.Action == schema.ActionMCP && r.Command.Tool != "" })
			for _, g := range groupBy(calls, func(r *record) []any { return []any{mcpServerOf(r)} }) {
				if first, _ := g.times(sealedTime); recently(first) {
					hosts := func(r *record) string { return r.Infrastructure.HostName }
					out = append(out, []any{first, len(g.records), distinctOf(valuesOf(g.records, software)), distinctOf(valuesOf(g.records, hosts)), g.key[0]})
				}
			}
			return out
		},
	},
	"records missing from the sequence": {
		[]string{"lowest", "highest", "records", "last_sealed", "agent_audit.stream", "missing"},
		func(all []record) rows {
			var out rows
			old := where(all, func(r *record) bool { return r.Event.Created.Before(now.Add(-15 * time.Minute)) })
			for _, g := range groupBy(old, func(r *record) []any { return []any{r.Trail.Stream} }) {
				low, high, records := g.sequences()
				_, last := g.times(sealedTime)
				if missing := int(high-low) + 1 - records; missing > 0 {
					out = append(out, []any{low, high, records, last, g.key[0], missing})
				}
			}
			return out
		},
	},
}

func recently(sealed time.Time) bool { return !sealed.Before(now.Add(-65 * time.Minute)) }

// TestRules holds the query of each rule against its oracle, within the time that the rule looks back.
func TestRules(t *testing.T) {
	all, s := corpus(t)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			if r.kind != "esql" {
				checkKQL(t, s, all, r.query, ruleOracles[r.name])
				return
			}
			want := ruleTables[r.name]
			if want.rows == nil {
				t.Fatal("there is no oracle for this query")
			}
			since := lookBack(t, r.lookBack)
			columns, got := askESQL(t, s, r.query, fields{"range": fields{"event.created": fields{"gte": since}}})
			expected := want.rows(where(all, func(r *record) bool { return !r.Event.Created.Before(since) }))
			if !slices.Equal(columns, want.columns) || len(expected) == 0 || len(got) != len(expected) {
				t.Fatalf("%s\ncolumns %v, rows %d %v\nexpected %v, %d %v", r.query, columns, len(got), got, want.columns, len(expected), expected)
			}
			for _, row := range expected {
				if !slices.ContainsFunc(got, func(g []any) bool { return equalRow(g, row) }) {
					t.Errorf("%s\nexpected %v\namong %v", r.query, row, got)
				}
			}
		})
	}
}

// lookBack is the time that date math such as now-6h means.
func lookBack(t *testing.T, math string) time.Time {
	t.Helper()
	var n int
	var unit rune
	if _, err := fmt.Sscanf(math, "now-%d%c", &n, &unit); err != nil {
		t.Fatalf("%s: %v", math, err)
	}
	return now.Add(-time.Duration(n) * map[rune]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[unit])
}

// TestThresholds holds that the incident meets the thresholds, as the rule counts: values of the field with enough records.
func TestThresholds(t *testing.T) {
	all, _ := corpus(t)
	key := map[string]func(r *record) string{"agent_audit.session.id": session, "agent_audit.stream": func(r *record) string { return r.Trail.Stream }}
	for _, r := range rules() {
		if r.kind != "threshold" {
			continue
		}
		met := false
		for _, g := range groupBy(where(all, ruleOracles[r.name]), func(rec *record) []any { return []any{key[r.field](rec)} }) {
			met = met || g.key[0] != nil && len(g.records) >= r.threshold
		}
		if !met {
			t.Errorf("%s: no %s has %d records", r.name, r.field, r.threshold)
		}
	}
}

var (
	uuid       = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	tacticID   = regexp.MustCompile(`^TA[0-9]{4}$`)
	techniqueR = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)
)

// TestRuleDocuments holds what the import asks of every rule, and what an analyst needs.
func TestRuleDocuments(t *testing.T) {
	seen := map[string]bool{}
	lines := bytes.Split(bytes.TrimSpace(Rules(false)), []byte("\n"))
	if len(lines) != len(rules())+1 || len(rules()) < 10 {
		t.Fatalf("%d lines for %d rules", len(lines), len(rules()))
	}
	for i, r := range rules() {
		var d map[string]any
		if err := json.Unmarshal(lines[i], &d); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"author", "description", "language", "query", "severity", "type", "name", "risk_score", "rule_id", "interval", "from", "timestamp_override", "note", "tags"} {
			if d[key] == nil || d[key] == "" {
				t.Errorf("%s: %s is missing", r.name, key)
			}
		}
		if !uuid.MatchString(r.id) || seen[r.id] || seen[r.name] {
			t.Errorf("%s: id or name is not its own", r.name)
		}
		seen[r.id], seen[r.name] = true, true
		bands := map[string][2]int{"low": {1, 21}, "medium": {22, 47}, "high": {48, 73}, "critical": {74, 100}} // as Elastic Security pairs them
		if b, ok := bands[r.severity]; !ok || r.risk < b[0] || r.risk > b[1] {
			t.Errorf("%s: severity %s with risk %d", r.name, r.severity, r.risk)
		}
		if strings.Count(r.investigate, "\n") < 1 || !strings.HasPrefix(r.investigate, "1. ") {
			t.Errorf("%s: no notes to go by", r.name)
		}
		if d["enabled"] != false || r.kind == "esql" == (d["index"] != nil) || r.kind == "esql" && r.lookBack == "" {
			t.Errorf("%s: %v", r.name, d)
		}
		for _, a := range r.attack {
			if !tacticID.MatchString(a.tacticID) || !techniqueR.MatchString(a.id) || len(a.id) > 5 && parents[a.id[:5]] == "" {
				t.Errorf("%s: %v", r.name, a)
			}
		}
	}
}
