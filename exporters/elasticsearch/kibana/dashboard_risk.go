package kibana

var riskAndPolicy = dashboard{
	id: "agent-audit-risk", title: "Agent audit: risk and policy", since: "now-30d",
	description: "Which rule lets dangerous actions through, and which to change.",
	controls:    []control{byAgent, byUser, {"agent_audit.risk.category", "Category"}},
	panels: []panel{
		{
			title: "Actions by risk", kind: bars, width: 24, height: 12,
			columns: []column{{"actions", "Actions", number}, {"risk", "Risk from", words}},
			esql: from + `| WHERE event.risk_score IS NOT NULL
| EVAL tens = TO_INTEGER(FLOOR(LEAST(event.risk_score, 99) / 10)) * 10
| STATS actions = COUNT(*) BY tens
| SORT tens
| EVAL risk = TO_STRING(tens)
| KEEP actions, risk`,
		},
		{
			title: "Risk over time", kind: bars, width: 24, height: 12,
			columns: []column{{"actions", "Actions", number}, {"time", "Time", moment}, {"severity", "Severity", words}},
			esql: from + `| WHERE event.severity >= 1
| EVAL severity = CASE(event.severity == 1, "low", event.severity == 2, "medium", event.severity == 3, "high", "critical")
| STATS actions = COUNT(*) BY time = BUCKET(@timestamp, 50, ?_tstart, ?_tend), severity
| SORT time, severity`,
		},
		{
			title: "High risk, approved by a rule: which is too loose?", kind: table, width: 48, height: 14,
			columns: []column{{"rule", "Rule or mode", words}, {"command", "Command or tool", words}, {"times", "Times", number}, {"highest_risk", "Highest risk", number}, {"last_seen", "Last", moment}},
			esql: from + `| WHERE event.risk_score >= 70 AND agent_audit.authorization.decision == "auto_approved"
| EVAL rule = COALESCE(agent_audit.authorization.rule, agent_audit.authorization.mode, agent_audit.authorization.source, "not recorded"), command = COALESCE(process.command_line, gen_ai.tool.name)
| STATS times = COUNT(*), highest_risk = MAX(event.risk_score), last_seen = MAX(@timestamp) BY rule, command
| SORT highest_risk DESC, times DESC, rule, command
| LIMIT 200
| KEEP rule, command, times, highest_risk, last_seen`,
		},
		{
			title: "Categories", kind: table, width: 24, height: 14,
			columns: []column{{"category", "Category", words}, {"actions", "Actions", number}, {"denied", "Denied", number}, {"auto_approved", "Approved by a rule", number}, {"highest_risk", "Highest risk", number}},
			esql: from + `| WHERE agent_audit.risk.category IS NOT NULL
| STATS actions = COUNT(*), denied = COUNT(CASE(agent_audit.authorization.decision == "denied", 1, null)), auto_approved = COUNT(CASE(agent_audit.authorization.decision == "auto_approved", 1, null)), highest_risk = MAX(event.risk_score) BY category = agent_audit.risk.category
| SORT highest_risk DESC NULLS LAST, category
| KEEP category, actions, denied, auto_approved, highest_risk`,
		},
		{
			title: "Anomalies that were approved", kind: table, width: 24, height: 14,
			columns: []column{{"anomaly", "Anomaly", words}, {"decision", "Decision", words}, {"actions", "Actions", number}, {"highest_risk", "Highest risk", number}, {"last_seen", "Last", moment}},
			esql: from + `| WHERE agent_audit.risk.anomalies IS NOT NULL AND agent_audit.authorization.decision IN ("approved", "auto_approved")
| STATS actions = COUNT(*), highest_risk = MAX(event.risk_score), last_seen = MAX(@timestamp) BY anomaly = agent_audit.risk.anomalies, decision = agent_audit.authorization.decision
| SORT actions DESC, anomaly, decision
| KEEP anomaly, decision, actions, highest_risk, last_seen`,
		},
		{
			title: "Programs seen for the first time", kind: table, width: 24, height: 14,
			columns: []column{{"program", "First word of the command", words}, {"first_seen", "First", moment}, {"actions", "Actions since", number}, {"agents", "Agents", number}, {"highest_risk", "Highest risk", number}},
			esql: from + `| WHERE process.command_line IS NOT NULL
| EVAL program = MV_FIRST(SPLIT(TRIM(process.command_line), " "))
| STATS first_seen = MIN(@timestamp), actions = COUNT(*), agents = COUNT_DISTINCT(service.name), highest_risk = MAX(event.risk_score) BY program
| SORT first_seen DESC, program
| LIMIT 100
| KEEP program, first_seen, actions, agents, highest_risk`,
		},
		{
			title: "Rules of risk that matched", kind: table, width: 24, height: 14,
			columns: []column{{"rule", "Rule", words}, {"actions", "Actions", number}, {"highest_risk", "Highest risk", number}},
			esql: from + `| WHERE agent_audit.risk.rules IS NOT NULL AND event.risk_score >= 40
| STATS actions = COUNT(*), highest_risk = MAX(event.risk_score) BY rule = agent_audit.risk.rules
| SORT actions DESC, rule
| LIMIT 100
| KEEP rule, actions, highest_risk`,
		},
		{title: "High risk, approved by a rule", kind: found, search: "agent-audit-loose-policy", width: 48, height: 18},
	},
}
