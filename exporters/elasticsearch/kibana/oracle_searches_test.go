package kibana

import (
	"slices"

	"github.com/agentaudit/agentaudit/schema"
)

func letThrough(r *record) bool {
	d := r.Authorization.Decision
	return d == schema.Approved || d == schema.AutoApproved
}

func isDenied(r *record) bool { return r.Authorization.Decision == schema.Denied }

func riskAtLeast(r *record, n int64) bool { return r.Risk.Score.Set && r.Risk.Score.N >= n }

func isAction(r *record) bool {
	return r.Event.Kind == schema.KindEvent && r.Event.Action != "" && r.Event.Action != schema.ActionLog
}

func category(r *record, any ...string) bool { return slices.Contains(any, r.Risk.Category) }

func matched(r *record, any ...string) bool {
	return slices.ContainsFunc(r.Risk.Rules, func(rule string) bool { return slices.Contains(any, rule) })
}

var searchOracles = map[string]predicate{
	"agent-audit-session":        func(r *record) bool { return r.Session.ID != "" },
	"agent-audit-actions":        isAction,
	"agent-audit-commands":       func(r *record) bool { return r.Command.Line != "" },
	"agent-audit-high-risk":      func(r *record) bool { return riskAtLeast(r, 70) },
	"agent-audit-decisions":      func(r *record) bool { return letThrough(r) || isDenied(r) },
	"agent-audit-denied":         isDenied,
	"agent-audit-anomalies":      func(r *record) bool { return len(r.Risk.Anomalies) > 0 && letThrough(r) },
	"agent-audit-loose-policy":   func(r *record) bool { return riskAtLeast(r, 70) && r.Authorization.Decision == schema.AutoApproved },
	"agent-audit-mcp":            isMCP,
	"agent-audit-not-understood": func(r *record) bool { return r.Event.Kind == schema.KindPipelineError },
}
