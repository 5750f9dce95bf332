package kibana

// ofActions leaves out lines that are no actions: logs, and what was not understood.
const ofActions = `| WHERE event.kind == "event" AND event.action != "log"` + "\n"

var overview = dashboard{
	id: "agent-audit-overview", title: "Agent audit: overview", since: "now-7d",
	description: "Who let agents do what: how much, by whom, how risky.",
	controls:    []control{byAgent, byUser, byHost},
	panels: []panel{
		{
			title: "Actions", kind: metric, width: 8, height: 6, columns: []column{{"actions", "Actions", number}},
			esql: from + ofActions + `| STATS actions = COUNT(*)`,
		},
		{
			title: "Sessions", kind: metric, width: 8, height: 6, columns: []column{{"sessions", "Sessions", number}},
			esql: from + ofActions + `| STATS sessions = COUNT_DISTINCT(agent_audit.session.id)`,
		},
		{
			title: "People", kind: metric, width: 8, height: 6, columns: []column{{"users", "Users", number}},
			esql: from + ofActions + `| STATS users = COUNT_DISTINCT(user.name)`,
		},
		{
			title: "Agents", kind: metric, width: 8, height: 6, columns: []column{{"agents", "Agents", number}},
			esql: from + ofActions + `| STATS agents = COUNT_DISTINCT(service.name)`,
		},
		{
			title: "Denied", kind: metric, width: 8, height: 6, columns: []column{{"denied", "Denied", number}},
			esql: from + `| WHERE agent_audit.authorization.decision == "denied"
| STATS denied = COUNT(*)`,
		},
		{
			title: "High risk", kind: metric, width: 8, height: 6, columns: []column{{"high_risk", "Risk of 70 or more", number}},
			esql: from + `| WHERE event.risk_score >= 70
| STATS high_risk = COUNT(*)`,
		},
		{
			title: "Actions over time, by agent", kind: bars, width: 48, height: 12,
			columns: []column{{"actions", "Actions", number}, {"time", "Time", moment}, {"agent", "Agent", words}},
			esql: from + ofActions + `| STATS actions = COUNT(*) BY time = BUCKET(@timestamp, 50, ?_tstart, ?_tend), agent = COALESCE(service.name, event.provider, "unknown")
| SORT time, agent`,
		},
		{
			title: "Users", kind: table, width: 24, height: 14,
			columns: []column{{"user", "User", words}, {"actions", "Actions", number}, {"sessions", "Sessions", number}, {"denied", "Denied", number}, {"highest_risk", "Highest risk", number}},
			esql: from + ofActions + `| WHERE user.name IS NOT NULL
| STATS actions = COUNT(*), sessions = COUNT_DISTINCT(agent_audit.session.id), denied = COUNT(CASE(agent_audit.authorization.decision == "denied", 1, null)), highest_risk = MAX(event.risk_score) BY user = user.name
| SORT highest_risk DESC NULLS LAST, actions DESC, user
| LIMIT 100
| KEEP user, actions, sessions, denied, highest_risk`,
		},
		{
			title: "Programs", kind: table, width: 24, height: 14,
			columns: []column{{"program", "First word of the command", words}, {"actions", "Actions", number}, {"failed", "Failed", number}, {"highest_risk", "Highest risk", number}},
			esql: from + `| WHERE process.command_line IS NOT NULL
| EVAL program = MV_FIRST(SPLIT(TRIM(process.command_line), " "))
| STATS actions = COUNT(*), failed = COUNT(CASE(event.outcome == "failure", 1, null)), highest_risk = MAX(event.risk_score) BY program
| SORT actions DESC, program
| LIMIT 100
| KEEP program, actions, failed, highest_risk`,
		},
		{title: "All actions", kind: found, search: "agent-audit-actions", width: 48, height: 20},
	},
}
