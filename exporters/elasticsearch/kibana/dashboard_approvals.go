package kibana

var approvals = dashboard{
	id: "agent-audit-approvals", title: "Agent audit: approvals and denials", since: "now-30d",
	description: "Who or what let actions through, who refused, and what ran all the same.",
	controls:    []control{byAgent, byUser, {"agent_audit.authorization.reviewer", "Reviewer"}},
	panels: []panel{
		{
			title: "Decisions over time", kind: bars, width: 48, height: 12,
			columns: []column{{"actions", "Actions", number}, {"time", "Time", moment}, {"decision", "Decision", words}},
			esql: from + `| WHERE agent_audit.authorization.decision IS NOT NULL
| STATS actions = COUNT(*) BY time = BUCKET(@timestamp, 50, ?_tstart, ?_tend), decision = agent_audit.authorization.decision
| SORT time, decision`,
		},
		{
			title: "Decisions by what decided", kind: table, width: 24, height: 14,
			columns: []column{{"agent", "Agent", words}, {"decision", "Decision", words}, {"source", "Decided by", words}, {"actions", "Actions", number}},
			esql: from + `| WHERE agent_audit.authorization.decision IS NOT NULL
| STATS actions = COUNT(*) BY agent = COALESCE(service.name, event.provider, "unknown"), decision = agent_audit.authorization.decision, source = COALESCE(agent_audit.authorization.source, "not recorded")
| SORT actions DESC, agent, decision, source
| LIMIT 200
| KEEP agent, decision, source, actions`,
		},
		{
			title: "Denials by tool and rule", kind: table, width: 24, height: 14,
			columns: []column{{"tool", "Tool", words}, {"rule", "Rule", words}, {"denied", "Denied", number}, {"sessions", "Sessions", number}, {"last_seen", "Last", moment}},
			esql: from + `| WHERE agent_audit.authorization.decision == "denied"
| STATS denied = COUNT(*), sessions = COUNT_DISTINCT(agent_audit.session.id), last_seen = MAX(@timestamp) BY tool = COALESCE(gen_ai.tool.name, event.action), rule = COALESCE(agent_audit.authorization.rule, agent_audit.authorization.source, "not recorded")
| SORT denied DESC, tool, rule
| LIMIT 200
| KEEP tool, rule, denied, sessions, last_seen`,
		},
		{
			title: "Reviewers", kind: table, width: 24, height: 14,
			columns: []column{{"reviewer", "Reviewer", words}, {"decisions", "Decisions", number}, {"denied", "Denied", number}, {"waited_p50", "Waited, median (s)", number}, {"waited_p95", "Waited, 95th (s)", number}},
			esql: from + `| WHERE agent_audit.authorization.reviewer IS NOT NULL
| EVAL waited = DATE_DIFF("seconds", @timestamp, agent_audit.authorization.decided_at)
| STATS decisions = COUNT(*), denied = COUNT(CASE(agent_audit.authorization.decision == "denied", 1, null)), waited_p50 = PERCENTILE(waited, 50), waited_p95 = PERCENTILE(waited, 95) BY reviewer = agent_audit.authorization.reviewer
| SORT decisions DESC, reviewer
| LIMIT 100
| KEEP reviewer, decisions, denied, waited_p50, waited_p95`,
		},
		{
			title: "Permission modes that changed within a session", kind: table, width: 24, height: 14,
			columns: []column{{"session", "Session", words}, {"modes", "Modes", words}, {"changes", "Number", number}, {"last_seen", "Last action", moment}},
			esql: from + `| WHERE agent_audit.authorization.mode IS NOT NULL AND agent_audit.session.id IS NOT NULL
| STATS changes = COUNT_DISTINCT(agent_audit.authorization.mode), modes = VALUES(agent_audit.authorization.mode), last_seen = MAX(@timestamp) BY session = agent_audit.session.id
| WHERE changes > 1
| EVAL modes = MV_CONCAT(MV_SORT(modes), ", ")
| SORT last_seen DESC, session
| LIMIT 100
| KEEP session, modes, changes, last_seen`,
		},
		{
			title: "Denied, and the same ran afterwards", kind: table, width: 48, height: 12,
			columns: []column{{"session", "Session", words}, {"command", "Command", words}, {"denied_at", "Denied", moment}, {"ran_at", "Ran", moment}},
			esql: from + `| WHERE process.command_line IS NOT NULL AND agent_audit.session.id IS NOT NULL
| STATS denied_at = MIN(CASE(agent_audit.authorization.decision == "denied", @timestamp, null)), ran_at = MAX(CASE(agent_audit.authorization.decision != "denied" AND agent_audit.provenance.complete, @timestamp, null)) BY session = agent_audit.session.id, command = process.command_line
| WHERE ran_at > denied_at
| SORT ran_at DESC, session, command
| LIMIT 100
| KEEP session, command, denied_at, ran_at`,
		},
		{title: "Denied", kind: found, search: "agent-audit-denied", width: 48, height: 18},
	},
}
