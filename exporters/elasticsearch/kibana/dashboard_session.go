package kibana

var sessionTimeline = dashboard{
	id: "agent-audit-session-timeline", title: "Agent audit: session timeline", since: "now-30d",
	description: "What a session did, step by step: choose one above.",
	controls:    []control{bySession, byAgent, byUser},
	panels: []panel{
		{
			title: "Sessions", kind: table, width: 48, height: 12,
			columns: []column{
				{"session", "Session", words},
				{"agent", "Agent", words},
				{"user", "User", words},
				{"first_seen", "First action", moment},
				{"last_seen", "Last action", moment},
				{"actions", "Actions", number},
				{"denied", "Denied", number},
				{"failed", "Failed", number},
				{"highest_risk", "Highest risk", number},
			},
			esql: from + ofActions + `| WHERE agent_audit.session.id IS NOT NULL
| STATS first_seen = MIN(@timestamp), last_seen = MAX(@timestamp), actions = COUNT(*), denied = COUNT(CASE(agent_audit.authorization.decision == "denied", 1, null)), failed = COUNT(CASE(event.outcome == "failure", 1, null)), highest_risk = MAX(event.risk_score), agent = MAX(service.name), user = MAX(user.name) BY session = agent_audit.session.id
| SORT highest_risk DESC NULLS LAST, last_seen DESC, session
| LIMIT 200
| KEEP session, agent, user, first_seen, last_seen, actions, denied, failed, highest_risk`,
		},
		{
			title: "Risk over time", kind: bars, width: 48, height: 10,
			columns: []column{{"highest_risk", "Highest risk", number}, {"time", "Time", moment}},
			esql: from + `| WHERE event.risk_score IS NOT NULL
| STATS highest_risk = MAX(event.risk_score) BY time = BUCKET(@timestamp, 50, ?_tstart, ?_tend)
| SORT time`,
		},
		{
			title: "Decisions and their results", kind: table, width: 48, height: 12,
			columns: []column{
				{"@timestamp", "Time", moment},
				{"gen_ai.tool.call.id", "Call", words},
				{"gen_ai.tool.name", "Tool", words},
				{"process.command_line", "Command", words},
				{"agent_audit.authorization.decision", "Decision", words},
				{"agent_audit.authorization.source", "Decided by", words},
				{"agent_audit.authorization.reviewer", "Reviewer", words},
				{"event.outcome", "Outcome", words},
				{"process.exit_code", "Exit code", number},
			},
			esql: from + `| WHERE agent_audit.authorization.decision IN ("approved", "auto_approved", "denied")
| SORT @timestamp DESC, event.id
| LIMIT 500
| KEEP @timestamp, gen_ai.tool.call.id, gen_ai.tool.name, process.command_line, agent_audit.authorization.decision, agent_audit.authorization.source, agent_audit.authorization.reviewer, event.outcome, process.exit_code`,
		},
		{title: "Timeline", kind: found, search: "agent-audit-session", width: 48, height: 28},
	},
}
