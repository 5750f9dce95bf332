package kibana

// mcpServer tells a call's server by the tool's name, mcp__SERVER__TOOL; where the log does not name the server, the tool
// stands for it.
const mcpServer = `| WHERE event.action == "mcp-call" AND gen_ai.tool.name IS NOT NULL
| EVAL parts = SPLIT(REPLACE(gen_ai.tool.name, "__", "|"), "|")
| EVAL server = CASE(MV_COUNT(parts) > 2, MV_SLICE(parts, 1, 1), MV_FIRST(parts))
`

var tools = dashboard{
	id: "agent-audit-tools", title: "Agent audit: tools and MCP servers", since: "now-7d",
	description: "Which tools agents use, how long they take and how often they fail, and which MCP servers they talk to.",
	controls:    []control{byAgent, byUser, {"gen_ai.tool.name", "Tool"}},
	panels: []panel{
		{
			title: "Calls over time, by kind", kind: bars, width: 48, height: 12,
			columns: []column{{"calls", "Calls", number}, {"time", "Time", moment}, {"kind", "Kind", words}},
			esql: from + ofActions + `| STATS calls = COUNT(*) BY time = BUCKET(@timestamp, 50, ?_tstart, ?_tend), kind = event.action
| SORT time, kind`,
		},
		{
			title: "Tools", kind: table, width: 48, height: 14,
			columns: []column{{"tool", "Tool", words}, {"calls", "Calls", number}, {"failed", "Failed", number}, {"denied", "Denied", number}, {"sessions", "Sessions", number}, {"ms_p50", "Median (ms)", number}, {"ms_p95", "95th (ms)", number}, {"highest_risk", "Highest risk", number}},
			esql: from + ofActions + `| WHERE gen_ai.tool.name IS NOT NULL
| EVAL ms = event.duration / 1000000
| STATS calls = COUNT(*), failed = COUNT(CASE(event.outcome == "failure", 1, null)), denied = COUNT(CASE(agent_audit.authorization.decision == "denied", 1, null)), sessions = COUNT_DISTINCT(agent_audit.session.id), ms_p50 = PERCENTILE(ms, 50), ms_p95 = PERCENTILE(ms, 95), highest_risk = MAX(event.risk_score) BY tool = gen_ai.tool.name
| SORT calls DESC, tool
| LIMIT 100
| KEEP tool, calls, failed, denied, sessions, ms_p50, ms_p95, highest_risk`,
		},
		{
			title: "MCP servers", kind: table, width: 48, height: 14,
			columns: []column{{"server", "Server", words}, {"tools", "Tools", number}, {"calls", "Calls", number}, {"failed", "Failed", number}, {"denied", "Denied", number}, {"users", "Users", number}, {"agents", "Agents", words}, {"first_seen", "First", moment}, {"last_seen", "Last", moment}},
			esql: from + mcpServer + `| STATS tools = COUNT_DISTINCT(gen_ai.tool.name), calls = COUNT(*), failed = COUNT(CASE(event.outcome == "failure", 1, null)), denied = COUNT(CASE(agent_audit.authorization.decision == "denied", 1, null)), users = COUNT_DISTINCT(user.name), agents = VALUES(service.name), first_seen = MIN(@timestamp), last_seen = MAX(@timestamp) BY server
| EVAL agents = MV_CONCAT(MV_SORT(agents), ", ")
| SORT calls DESC, server
| LIMIT 100
| KEEP server, tools, calls, failed, denied, users, agents, first_seen, last_seen`,
		},
		{
			title: "The longest calls", kind: table, width: 24, height: 14,
			columns: []column{{"command", "Command or tool", words}, {"ms", "Milliseconds", number}, {"outcome", "Outcome", words}, {"session", "Session", words}},
			esql: from + ofActions + `| WHERE event.duration > 0
| SORT event.duration DESC, event.id
| LIMIT 50
| EVAL command = COALESCE(process.command_line, gen_ai.tool.name), ms = event.duration / 1000000, outcome = event.outcome, session = agent_audit.session.id
| KEEP command, ms, outcome, session`,
		},
		{
			title: "How commands failed", kind: table, width: 24, height: 14,
			columns: []column{{"program", "First word of the command", words}, {"code", "Exit code", number}, {"times", "Times", number}, {"sessions", "Sessions", number}},
			esql: from + `| WHERE process.exit_code > 0 AND process.command_line IS NOT NULL
| EVAL program = MV_FIRST(SPLIT(TRIM(process.command_line), " "))
| STATS times = COUNT(*), sessions = COUNT_DISTINCT(agent_audit.session.id) BY program, code = process.exit_code
| SORT times DESC, program, code
| LIMIT 100
| KEEP program, code, times, sessions`,
		},
		{title: "MCP calls", kind: found, search: "agent-audit-mcp", width: 48, height: 16},
	},
}
