package kibana

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
)

// panelOracles are by dashboard and title of the panel.
var panelOracles = map[string]oracle{
	"agent-audit-overview/Actions":  one(func(all []record) any { return len(where(all, isAction)) }),
	"agent-audit-overview/Sessions": one(func(all []record) any { return distinct(where(all, isAction), session) }),
	"agent-audit-overview/Agents":   one(func(all []record) any { return distinct(where(all, isAction), software) }),
	"agent-audit-overview/Denied":   one(func(all []record) any { return len(where(all, isDenied)) }),
	"agent-audit-overview/High risk": one(func(all []record) any {
		return len(where(all, func(r *record) bool { return riskAtLeast(r, 70) }))
	}),
	"agent-audit-overview/People":                      one(func(all []record) any { return distinct(where(all, isAction), userName) }),
	"agent-audit-overview/Actions over time, by agent": actionsByAgent,
	"agent-audit-overview/Users":                       usersTable,
	"agent-audit-overview/Programs":                    programsTable,

	"agent-audit-session-timeline/Sessions":                    sessionsTable,
	"agent-audit-session-timeline/Risk over time":              riskOverTime,
	"agent-audit-session-timeline/Decisions and their results": decisionsTable,

	"agent-audit-risk/Actions by risk":                                     riskHistogram,
	"agent-audit-risk/Risk over time":                                      severityOverTime,
	"agent-audit-risk/High risk, approved by a rule: which is too loose?":  loosePolicy,
	"agent-audit-risk/Categories":                                          categoriesTable,
	"agent-audit-risk/Anomalies that were approved":                        anomaliesTable,
	"agent-audit-risk/Programs seen for the first time":                    firstSeenTable,
	"agent-audit-risk/Rules of risk that matched":                          riskRulesTable,
	"agent-audit-approvals/Decisions over time":                            decisionsOverTime,
	"agent-audit-approvals/Decisions by what decided":                      decisionSources,
	"agent-audit-approvals/Denials by tool and rule":                       denialsTable,
	"agent-audit-approvals/Reviewers":                                      reviewersTable,
	"agent-audit-approvals/Permission modes that changed within a session": modesTable,
	"agent-audit-approvals/Denied, and the same ran afterwards":            deniedThenRanTable,

	"agent-audit-tools/Calls over time, by kind": callsByKind,
	"agent-audit-tools/Tools":                    toolsTable,
	"agent-audit-tools/MCP servers":              serversTable,
	"agent-audit-tools/The longest calls":        longestCalls,
	"agent-audit-tools/How commands failed":      failuresTable,

	"agent-audit-health/Not understood":                             one(func(all []record) any { return len(where(all, searchOracles["agent-audit-not-understood"])) }),
	"agent-audit-health/Fields left out by the index (should be 0)": one(func([]record) any { return 0 }),
	"agent-audit-health/Without a result": one(func(all []record) any {
		return len(where(all, func(r *record) bool { return isAction(r) && !r.Trail.Complete }))
	}),
	"agent-audit-health/Secrets removed": one(func(all []record) any {
		n := int64(0)
		for _, r := range all {
			n += r.Trail.Redactions.N
		}
		return n
	}),
	"agent-audit-health/Streams and gaps in their sequence": streamsTable,
	"agent-audit-health/From the action to its record":      lagTable,
	"agent-audit-health/Hosts, the longest silent first":    hostsTable,
}

func one(value func([]record) any) oracle {
	return func(all []record) rows { return rows{{value(all)}} }
}

func actionsByAgent(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, isAction), func(r *record) []any { return []any{day(r), agent(r)} }) {
		out = append(out, []any{len(g.records), g.key[0], g.key[1]})
	}
	return order(out, "1", "2")
}

func usersTable(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return isAction(r) && userName(r) != "" }), func(r *record) []any { return []any{userName(r)} }) {
		out = append(out, []any{g.key[0], len(g.records), distinct(g.records, session), g.count(isDenied), g.maxRisk()})
	}
	return limit(order(out, "4 desc", "1 desc", "0"), 100)
}

func byProgram(all []record) []grouped {
	return groupBy(where(all, func(r *record) bool { return r.Command.Line != "" }), func(r *record) []any { return []any{program(r)} })
}

func programsTable(all []record) rows {
	var out rows
	for _, g := range byProgram(all) {
		out = append(out, []any{g.key[0], len(g.records), g.count(failed), g.maxRisk()})
	}
	return limit(order(out, "1 desc", "0"), 100)
}

func sessionsTable(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return isAction(r) && session(r) != "" }), func(r *record) []any { return []any{session(r)} }) {
		first, last := g.times(actionTime)
		agents, users := distinctOf(valuesOf(g.records, software)), distinctOf(valuesOf(g.records, userName))
		out = append(out, []any{g.key[0], lastText(agents), lastText(users), first, last, len(g.records), g.count(isDenied), g.count(failed), g.maxRisk()})
	}
	return limit(order(out, "8 desc", "4 desc", "0"), 200)
}

func lastText(sorted []string) any {
	if len(sorted) == 0 {
		return nil
	}
	return sorted[len(sorted)-1]
}

func riskOverTime(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return r.Risk.Score.Set }), func(r *record) []any { return []any{day(r)} }) {
		out = append(out, []any{g.maxRisk(), g.key[0]})
	}
	return order(out, "1")
}

func decisionsTable(all []record) rows {
	var out rows
	for _, r := range where(all, decided) {
		out = append(out, []any{
			r.Time, textOrNil(r.Command.CallID), textOrNil(r.Command.Tool), textOrNil(r.Command.Line), r.Authorization.Decision, textOrNil(r.Authorization.Source),
			textOrNil(r.Authorization.Reviewer), textOrNil(r.Event.Outcome), numberOrNil(r.Execution.ExitCode), r.Event.ID,
		})
	}
	out = order(out, "0 desc", "9")
	for i := range out {
		out[i] = out[i][:9]
	}
	return limit(out, 500)
}

func riskHistogram(all []record) rows {
	names := []string{"0", "10", "20", "30", "40", "50", "60", "70", "80", "90"}
	counts := map[int64]int{}
	for _, r := range where(all, func(r *record) bool { return r.Risk.Score.Set }) {
		counts[min(r.Risk.Score.N, 99)/10]++
	}
	var out rows
	for i, name := range names {
		if n := counts[int64(i)]; n > 0 {
			out = append(out, []any{n, name})
		}
	}
	return out
}

func severityOverTime(all []record) rows {
	names := []string{"", "low", "medium", "high", "critical"}
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return r.Risk.Severity.N >= 1 }), func(r *record) []any { return []any{day(r), names[r.Risk.Severity.N]} }) {
		out = append(out, []any{len(g.records), g.key[0], g.key[1]})
	}
	return order(out, "1", "2")
}

func loosePolicy(all []record) rows {
	key := func(r *record) []any {
		return []any{firstOf(r.Authorization.Rule, r.Authorization.Mode, r.Authorization.Source, "not recorded"), what(r)}
	}
	var out rows
	for _, g := range groupBy(where(all, searchOracles["agent-audit-loose-policy"]), key) {
		out = append(out, []any{g.key[0], g.key[1], len(g.records), g.maxRisk(), g.lastTime()})
	}
	return limit(order(out, "3 desc", "2 desc", "0", "1"), 200)
}

func categoriesTable(all []record) rows {
	auto := func(r *record) bool { return r.Authorization.Decision == schema.AutoApproved }
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return r.Risk.Category != "" }), func(r *record) []any { return []any{r.Risk.Category} }) {
		out = append(out, []any{g.key[0], len(g.records), g.count(isDenied), g.count(auto), g.maxRisk()})
	}
	return order(out, "4 desc", "0")
}

func anomaliesTable(all []record) rows {
	repeated, anomaly := perValue(where(all, searchOracles["agent-audit-anomalies"]), func(r *record) []string { return r.Risk.Anomalies })
	i := -1
	var out rows
	for _, g := range groupBy(repeated, func(r *record) []any { i++; return []any{anomaly[i], r.Authorization.Decision} }) {
		out = append(out, []any{g.key[0], g.key[1], len(g.records), g.maxRisk(), g.lastTime()})
	}
	return order(out, "2 desc", "0", "1")
}

func firstSeenTable(all []record) rows {
	var out rows
	for _, g := range byProgram(all) {
		first, _ := g.times(actionTime)
		out = append(out, []any{g.key[0], first, len(g.records), distinct(g.records, software), g.maxRisk()})
	}
	return limit(order(out, "1 desc", "0"), 100)
}

func riskRulesTable(all []record) rows {
	repeated, rule := perValue(where(all, func(r *record) bool { return riskAtLeast(r, 40) }), func(r *record) []string { return r.Risk.Rules })
	i := -1
	var out rows
	for _, g := range groupBy(repeated, func(*record) []any { i++; return []any{rule[i]} }) {
		out = append(out, []any{g.key[0], len(g.records), g.maxRisk()})
	}
	return limit(order(out, "1 desc", "0"), 100)
}

func hasDecision(r *record) bool { return r.Authorization.Decision != "" }

func decisionsOverTime(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, hasDecision), func(r *record) []any { return []any{day(r), r.Authorization.Decision} }) {
		out = append(out, []any{len(g.records), g.key[0], g.key[1]})
	}
	return order(out, "1", "2")
}

func decisionSources(all []record) rows {
	key := func(r *record) []any {
		return []any{agent(r), r.Authorization.Decision, firstOf(r.Authorization.Source, "not recorded")}
	}
	var out rows
	for _, g := range groupBy(where(all, hasDecision), key) {
		out = append(out, append(slices.Clone(g.key), len(g.records)))
	}
	return limit(order(out, "3 desc", "0", "1", "2"), 200)
}

func denialsTable(all []record) rows {
	key := func(r *record) []any {
		return []any{firstOf(r.Command.Tool, r.Event.Action), firstOf(r.Authorization.Rule, r.Authorization.Source, "not recorded")}
	}
	var out rows
	for _, g := range groupBy(where(all, isDenied), key) {
		out = append(out, []any{g.key[0], g.key[1], len(g.records), distinct(g.records, session), g.lastTime()})
	}
	return limit(order(out, "2 desc", "0", "1"), 200)
}

func reviewersTable(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return r.Authorization.Reviewer != "" }), func(r *record) []any { return []any{r.Authorization.Reviewer} }) {
		var waited []float64
		for _, r := range g.records {
			if at := r.Authorization.DecidedAt; !at.IsZero() {
				waited = append(waited, seconds(r.Time, at))
			}
		}
		out = append(out, []any{g.key[0], len(g.records), g.count(isDenied), estimate(waited, 50), estimate(waited, 95)})
	}
	return limit(order(out, "1 desc", "0"), 100)
}

// seconds are the whole seconds between two times, as DATE_DIFF counts them.
func seconds(from, to time.Time) float64 {
	return float64(to.Truncate(time.Millisecond).Sub(from.Truncate(time.Millisecond)) / time.Second)
}

func modesTable(all []record) rows {
	mode := func(r *record) string { return r.Authorization.Mode }
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return mode(r) != "" && session(r) != "" }), func(r *record) []any { return []any{session(r)} }) {
		if modes := distinctOf(valuesOf(g.records, mode)); len(modes) > 1 {
			out = append(out, []any{g.key[0], strings.Join(modes, ", "), len(modes), g.lastTime()})
		}
	}
	return limit(order(out, "3 desc", "0"), 100)
}

// ran says whether the action was not refused and a result of it was seen.
func ran(r *record) bool { return hasDecision(r) && !isDenied(r) && r.Trail.Complete }

// refusedAndRan are the first refusal and the last run in a group, ok if the run came later.
func (g *grouped) refusedAndRan() (refused, again time.Time, ok bool) {
	before, after := grouped{records: where(g.records, isDenied)}, grouped{records: where(g.records, ran)}
	refused, _ = before.times(actionTime)
	_, again = after.times(actionTime)
	return refused, again, !refused.IsZero() && millis(again) > millis(refused)
}

func bySessionAndCommand(all []record) []grouped {
	return groupBy(where(all, func(r *record) bool { return r.Command.Line != "" && session(r) != "" }), func(r *record) []any { return []any{session(r), r.Command.Line} })
}

func deniedThenRanTable(all []record) rows {
	var out rows
	for _, g := range bySessionAndCommand(all) {
		if refused, again, ok := g.refusedAndRan(); ok {
			out = append(out, []any{g.key[0], g.key[1], refused, again})
		}
	}
	return limit(order(out, "3 desc", "0", "1"), 100)
}

func streamsTable(all []record) rows {
	var out rows
	for _, g := range groupBy(all, func(r *record) []any { return []any{r.Trail.Stream} }) {
		low, high, records := g.sequences()
		_, last := g.times(sealedTime)
		out = append(out, []any{g.key[0], low, high, records, int(high-low) + 1 - records, len(g.records) - records, last})
	}
	return order(out, "4 desc", "0")
}

// sequences are the lowest and the highest number of a stream's records, and how many there are, copies aside.
func (g *grouped) sequences() (low, high int64, records int) {
	low = 1 << 60
	for _, r := range g.records {
		low, high = min(low, r.Trail.Sequence.N), max(high, r.Trail.Sequence.N)
	}
	return low, high, distinct(g.records, func(r *record) string { return fmt.Sprint(r.Trail.Sequence.N) })
}

func lagTable(all []record) rows {
	var out rows
	for _, g := range groupBy(all, func(r *record) []any { return []any{r.Trail.Format} }) {
		var lag []float64
		removed := int64(0)
		for _, r := range g.records {
			lag = append(lag, seconds(r.Time, r.Event.Created))
			removed += r.Trail.Redactions.N
		}
		out = append(out, []any{g.key[0], len(g.records), estimate(lag, 50), estimate(lag, 95), removed})
	}
	return order(out, "1 desc", "0")
}

func hostsTable(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return r.Infrastructure.HostName != "" }), func(r *record) []any { return []any{r.Infrastructure.HostName} }) {
		_, last := g.times(sealedTime)
		out = append(out, []any{g.key[0], last, len(g.records)})
	}
	return limit(order(out, "1", "0"), 100)
}
