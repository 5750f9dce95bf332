package kibana

// behaviourRules are about what agents do.
var behaviourRules = []rule{
	{
		id: "00247573-5258-5789-b692-a661f1cc88e4", name: "secret in a command", kind: "query", severity: "medium", risk: 47,
		query:       `process.command_line: *[REDACTED* or process.args: *[REDACTED* or agent_audit.command.stdin: REDACTED`,
		description: "A secret stood in the text of a command. It was removed from the record, but the agent had it, and the process list and the shell history may too.",
		investigate: `1. The redaction names the kind of secret and a fingerprint: search for the fingerprint to see where else it was used (` + "`agent-audit fingerprint`" + ` computes one from a secret you hold).
2. Where did the agent get it? Look at what the session read before.
3. Change the secret; give the agent a credential helper instead.`,
		attack: []technique{{"TA0006", "Credential Access", "T1552", "Unsecured Credentials"}},
	},
	{
		id: "fdbf2c2f-0d98-54d0-bfce-96d60ef54197", name: "credentials read, then the network used", kind: "esql", severity: "high", risk: 73, lookBack: "now-6h",
		query: from + `| WHERE agent_audit.session.id IS NOT NULL AND agent_audit.risk.category IN ("credential-access", "exfiltration", "network") AND agent_audit.authorization.decision != "denied"
| EVAL reads = agent_audit.risk.category == "credential-access"
| STATS read_at = MIN(CASE(reads, @timestamp, null)), sent_at = MAX(CASE(reads, null, @timestamp)), commands = VALUES(process.command_line), sealed_at = MAX(event.created) BY agent_audit.session.id
| WHERE sent_at > read_at AND sealed_at >= ` + sealedLately,
		description: "A session read credentials and used the network afterwards.",
		investigate: `1. What was read, and where did the later call go? Both commands are in the alert; the whole order in *Agent audit: session timeline*.
2. Was the destination one the task needs?
3. When in doubt: change the credentials that were read.`,
		falsePositives: []string{"Deployments that log in with a key file and then call the service it belongs to"},
		attack: []technique{
			{"TA0006", "Credential Access", "T1552.001", "Credentials In Files"},
			{"TA0010", "Exfiltration", "T1041", "Exfiltration Over C2 Channel"},
		},
	},
	{
		id: "bb136174-fc01-5bbb-a099-f82b6909a5e8", name: "new MCP server", kind: "esql", severity: "low", risk: 21, lookBack: "now-30d",
		query: from + mcpServer + `| STATS first_seen = MIN(event.created), calls = COUNT(*), agents = VALUES(service.name), hosts = VALUES(host.name) BY server
| WHERE first_seen >= ` + sealedLately,
		description: "An agent called an MCP server that none has called in 30 days. (Where the log does not name the server, the tool stands for it.)",
		investigate: `1. Is the server on your list? Who configured it (` + "`user.name`, `host.name`" + `), and in which file?
2. Its tools' descriptions are instructions to the model: read them.
3. What did the session do after its first answer?`,
		falsePositives: []string{"Servers being introduced; the first day of this rule"},
		attack:         []technique{{"TA0001", "Initial Access", "T1195.002", "Compromise Software Supply Chain"}},
	},
	{
		id: "726cb207-51b5-57bb-8ea3-f691acf93e5d", name: "agent on a host for the first time", kind: "new_terms", severity: "low", risk: 21, newTerms: []string{"service.name", "host.name"}, lookBack: "now-65m",
		query:       `event.kind: event and service.name: * and host.name: *`,
		description: "An agent's software was seen on a host where it has not been in 30 days.",
		investigate: `1. Who installed it, and for whom does it act (` + "`user.name`" + `)?
2. On a server: is an agent meant to run there at all?`,
		falsePositives: []string{"New machines; short-lived CI hosts (exclude their names)"},
		attack:         []technique{{"TA0003", "Persistence", "T1543", "Create or Modify System Process"}},
	},
	{
		id: "3d7494a4-b5b6-5f95-958f-a475bdd84ac8", name: "many dangerous actions in one session", kind: "threshold", severity: "high", risk: 73, threshold: 5, field: "agent_audit.session.id",
		query:       `event.risk_score >= 70 and not agent_audit.authorization.decision: denied`,
		description: "A session did five or more things with a risk of 70 or more.",
		investigate: `1. Stop the agent first if it still runs.
2. Read the session in order: what was its task, and where does it leave it?
3. The report of what to restore is the list of its commands with outcome ` + "`success`" + `.`,
		attack: []technique{{"TA0040", "Impact", "T1485", "Data Destruction"}},
	},
	{
		id: "a332ef41-0648-55d9-9002-42d456dbf4c4", name: "code from elsewhere run", kind: "query", severity: "high", risk: 73,
		query:       anyOf("agent_audit.risk.category", "remote-code", "supply-chain") + ` and event.risk_score >= 70 and not agent_audit.authorization.decision: denied`,
		description: "An agent ran code that it had just fetched, or opened a shell to elsewhere.",
		investigate: `1. From where (` + "`process.command_line`" + `), and what told the agent to? Look for the address in what the session read before: a page or an issue may have instructed it.
2. What did the code start? Look at the host's own process events from this moment on.`,
		attack: []technique{
			{"TA0002", "Execution", "T1059", "Command and Scripting Interpreter"},
			{"TA0011", "Command and Control", "T1105", "Ingress Tool Transfer"},
		},
	},
	{
		id: "cd48b3c6-f62f-591a-a4d7-66d53c21e145", name: "more rights taken or kept", kind: "query", severity: "high", risk: 73,
		query:       anyOf("agent_audit.risk.category", "privilege-escalation", "persistence") + ` and event.risk_score >= 60 and not agent_audit.authorization.decision: denied`,
		description: "An agent changed accounts, sudo rules, keys, jobs or other things that outlast its session or widen its rights.",
		investigate: `1. What was changed, and is it still there? Undo it before you go on.
2. Which account did the agent have (` + "`user.effective.name`" + `), and why could it?`,
		attack: []technique{
			{"TA0003", "Persistence", "T1098", "Account Manipulation"},
			{"TA0004", "Privilege Escalation", "T1548.003", "Sudo and Sudo Caching"},
		},
	},
	{
		id: "87c6260c-9991-58a1-a074-325113dee18e", name: "data sent away", kind: "query", severity: "high", risk: 73,
		query:       `agent_audit.risk.category: exfiltration and event.risk_score >= 60 and not agent_audit.authorization.decision: denied`,
		description: "An agent sent files, the environment or credentials to another place.",
		investigate: `1. What went where (` + "`process.command_line`, `agent_audit.risk.reasons`" + `), and did it arrive (` + "`event.outcome`" + `)?
2. Is the place yours? If not: treat what was sent as public.
3. What did the session read before it sent?`,
		attack: []technique{{"TA0010", "Exfiltration", "T1048", "Exfiltration Over Alternative Protocol"}},
	},
}
