package kibana

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

func isMCP(r *record) bool { return r.Event.Action == schema.ActionMCP }

// mcpServerOf is SERVER of mcp__SERVER__TOOL.
func mcpServerOf(r *record) string {
	parts := strings.Split(r.Command.Tool, "__")
	if len(parts) > 2 {
		return parts[1]
	}
	return parts[0]
}

func callsByKind(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, isAction), func(r *record) []any { return []any{day(r), r.Event.Action} }) {
		out = append(out, []any{len(g.records), g.key[0], g.key[1]})
	}
	return order(out, "1", "2")
}

func toolsTable(all []record) rows {
	var out rows
	for _, g := range groupBy(where(all, func(r *record) bool { return isAction(r) && r.Command.Tool != "" }), func(r *record) []any { return []any{r.Command.Tool} }) {
		var ms []float64
		for _, r := range g.records {
			if d := r.Execution.Duration; d.Set {
				ms = append(ms, float64(d.N/1e6))
			}
		}
		out = append(out, []any{g.key[0], len(g.records), g.count(failed), g.count(isDenied), distinct(g.records, session), estimate(ms, 50), estimate(ms, 95), g.maxRisk()})
	}
	return limit(order(out, "1 desc", "0"), 100)
}

func serversTable(all []record) rows {
	var out rows
	calls := where(all, func(r *record) bool { return isMCP(r) && r.Command.Tool != "" })
	for _, g := range groupBy(calls, func(r *record) []any { return []any{mcpServerOf(r)} }) {
		first, last := g.times(actionTime)
		agents := textOrNil(strings.Join(distinctOf(valuesOf(g.records, software)), ", "))
		tools := distinct(g.records, func(r *record) string { return r.Command.Tool })
		out = append(out, []any{g.key[0], tools, len(g.records), g.count(failed), g.count(isDenied), distinct(g.records, userName), agents, first, last})
	}
	return limit(order(out, "2 desc", "0"), 100)
}

func longestCalls(all []record) rows {
	var out rows
	for _, r := range where(all, func(r *record) bool { return isAction(r) && r.Execution.Duration.N > 0 }) {
		out = append(out, []any{textOrNil(what(&r)), r.Execution.Duration.N / 1e6, textOrNil(r.Event.Outcome), textOrNil(session(&r)), r.Execution.Duration.N, r.Event.ID})
	}
	out = limit(order(out, "4 desc", "5"), 50)
	for i := range out {
		out[i] = out[i][:4]
	}
	return out
}

func failuresTable(all []record) rows {
	var out rows
	key := func(r *record) []any { return []any{program(r), r.Execution.ExitCode.N} }
	for _, g := range groupBy(where(all, func(r *record) bool { return r.Execution.ExitCode.N > 0 && r.Command.Line != "" }), key) {
		out = append(out, []any{g.key[0], g.key[1], len(g.records), distinct(g.records, session)})
	}
	return limit(order(out, "2 desc", "0", "1"), 100)
}
