package kibana

import "strings"

// search is a saved search: a question in KQL, with the columns that answer it.
type search struct {
	id          string
	title       string
	description string
	kql         string
	columns     []string
	oldestFirst bool
}

// anyOf is a KQL query for any of several values. They are written out, for Elasticsearch's own KQL does not read lists
// in brackets.
func anyOf(field string, values ...string) string {
	var terms []string
	for _, v := range values {
		terms = append(terms, field+": "+v)
	}
	return "(" + strings.Join(terms, " or ") + ")"
}

// letThroughKQL are actions that a person or a rule approved.
var letThroughKQL = anyOf("agent_audit.authorization.decision", "approved", "auto_approved")

var (
	commandColumns  = []string{"service.name", "user.name", "process.command_line", "gen_ai.tool.name", "event.risk_score", "agent_audit.authorization.decision", "event.outcome"}
	riskColumns     = []string{"service.name", "user.name", "process.command_line", "gen_ai.tool.name", "event.risk_score", "agent_audit.risk.category", "agent_audit.risk.reasons", "agent_audit.authorization.decision"}
	decisionColumns = []string{"service.name", "user.name", "process.command_line", "gen_ai.tool.name", "agent_audit.authorization.decision", "agent_audit.authorization.source", "agent_audit.authorization.rule", "agent_audit.authorization.reviewer", "event.outcome"}
	sessionColumns  = []string{"agent_audit.session.id", "agent_audit.session.ordinal", "event.action", "process.command_line", "gen_ai.tool.name", "event.risk_score", "agent_audit.authorization.decision", "event.outcome", "process.exit_code"}
)

// searches are the CLI's five questions, the loop back to policy, and what was not understood.
var searches = []search{
	{
		id: "agent-audit-session", title: "Agent audit: session timeline", oldestFirst: true, columns: sessionColumns,
		description: "What a session did, oldest first. Filter on one session.",
		kql:         `agent_audit.session.id: *`,
	},
	{
		id: "agent-audit-actions", title: "Agent audit: actions by agent and user", columns: commandColumns,
		description: "All actions of all agents, newest first. Filter on an agent or a user.",
		kql:         `event.kind: event and event.action: * and not event.action: log`,
	},
	{
		id: "agent-audit-commands", title: "Agent audit: commands", columns: commandColumns,
		description: "Shell commands, newest first. Search words with process.command_line.text: delete, parts with process.command_line: *--force*.",
		kql:         `process.command_line: *`,
	},
	{
		id: "agent-audit-high-risk", title: "Agent audit: high risk", columns: riskColumns,
		description: "Actions with a risk of 70 or more.",
		kql:         `event.risk_score >= 70`,
	},
	{
		id: "agent-audit-decisions", title: "Agent audit: decisions", columns: decisionColumns,
		description: "Actions that a person or a rule decided on.",
		kql:         anyOf("agent_audit.authorization.decision", "approved", "auto_approved", "denied"),
	},
	{
		id: "agent-audit-denied", title: "Agent audit: denied", columns: decisionColumns,
		description: "Actions that were refused.",
		kql:         `agent_audit.authorization.decision: denied`,
	},
	{
		id: "agent-audit-anomalies", title: "Agent audit: approved despite an anomaly", columns: append([]string{"agent_audit.risk.anomalies"}, decisionColumns...),
		description: "Actions with an anomaly flag that were let through.",
		kql:         `agent_audit.risk.anomalies: * and ` + letThroughKQL,
	},
	{
		id: "agent-audit-loose-policy", title: "Agent audit: high risk, approved by a rule", columns: append([]string{"agent_audit.authorization.rule", "agent_audit.authorization.mode"}, riskColumns...),
		description: "Which rule is too loose: actions with a risk of 70 or more that no person approved.",
		kql:         `event.risk_score >= 70 and agent_audit.authorization.decision: auto_approved`,
	},
	{
		id: "agent-audit-mcp", title: "Agent audit: MCP calls", columns: append([]string{"gen_ai.tool.call.arguments"}, commandColumns...),
		description: "Calls of tools of MCP servers, newest first.",
		kql:         `event.action: mcp-call`,
	},
	{
		id: "agent-audit-not-understood", title: "Agent audit: not understood", columns: []string{"agent_audit.provenance.format", "log.file.path", "error.message", "event.original"},
		description: "Lines that could not be read, kept as they were but for secrets.",
		kql:         `event.kind: pipeline_error`,
	},
}

func (s *search) object() object {
	direction := "desc"
	if s.oldestFirst {
		direction = "asc"
	}
	return object{
		Type: "search", ID: s.id, References: []reference{viewReference},
		CoreMigrationVersion: coreVersion, TypeMigrationVersion: searchVersion,
		Attributes: fields{
			"title": s.title, "description": s.description, "columns": s.columns,
			"sort": [][]string{{"@timestamp", direction}, {"event.sequence", direction}},
			"grid": fields{}, "hideChart": false, "isTextBasedQuery": false, "timeRestore": false,
			"kibanaSavedObjectMeta": searchSource(s.kql, true),
		},
	}
}
