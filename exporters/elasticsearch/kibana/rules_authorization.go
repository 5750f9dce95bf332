package kibana

// authorizationRules are about who let an action through.
var authorizationRules = []rule{
	{
		id: "9b0a8522-f214-5e7f-b3c2-988839e58e2a", name: "dangerous action approved by a rule", kind: "query", severity: "high", risk: 73,
		query:       `event.risk_score >= 70 and agent_audit.authorization.decision: auto_approved`,
		description: "An action with a risk of 70 or more was let through by a rule, a mode or a classifier, and no person saw it.",
		investigate: `1. Which rule? ` + "`agent_audit.authorization.rule`" + ` (or ` + "`.mode`" + ` when no rule is recorded). The dashboard *Agent audit: risk and policy* lists what else it let through.
2. What did the action do? ` + "`agent_audit.risk.reasons`, `event.outcome`, `agent_audit.execution.stdout`" + `. Open the session in *Agent audit: session timeline*.
3. If it should have been asked for: narrow the rule in the agent's settings, and check the same rule on other hosts.
4. Keep the evidence: ` + "`agent-audit export --session ID`" + `, and ` + "`agent-audit verify`" + ` on the archive.`,
		falsePositives: []string{"Clean-up of build folders in disposable containers"},
		attack:         []technique{{"TA0002", "Execution", "T1059", "Command and Scripting Interpreter"}},
	},
	{
		id: "2376b0a5-b12d-505c-b13c-3ad73b5c0ad2", name: "denied, then the same ran", kind: "esql", severity: "high", risk: 73, lookBack: "now-24h",
		query: from + `| WHERE process.command_line IS NOT NULL AND agent_audit.session.id IS NOT NULL
| EVAL denied = agent_audit.authorization.decision == "denied", ran = agent_audit.authorization.decision != "denied" AND agent_audit.provenance.complete
| STATS denied_at = MIN(CASE(denied, @timestamp, null)), ran_at = MAX(CASE(ran, @timestamp, null)), sealed_at = MAX(event.created) BY agent_audit.session.id, process.command_line
| WHERE ran_at > denied_at AND sealed_at >= ` + sealedLately,
		description: "A command was refused and the very same command ran later in the same session.",
		investigate: `1. Who let it run the second time? Search the session (` + "`agent_audit.session.id`" + `) for the command and compare ` + "`agent_audit.authorization.source`, `.rule` and `.reviewer`" + ` of both records.
2. A person who changed their mind is ordinary. A changed permission mode (*Agent audit: approvals and denials*, modes that changed) or ` + "`unrecorded`" + ` is not.
3. Read what came between the two: did the agent ask again, or go another way?`,
		falsePositives: []string{"The reviewer refused to ask for something first, and agreed afterwards"},
		attack:         []technique{{"TA0005", "Defense Evasion", "T1562", "Impair Defenses"}},
	},
	{
		id: "4d38cffe-c8bd-524d-8660-86d4cefff06a", name: "denied, then tried in other words", kind: "esql", severity: "high", risk: 73, lookBack: "now-6h",
		query: from + `| WHERE agent_audit.session.id IS NOT NULL AND agent_audit.risk.category IS NOT NULL AND event.risk_score >= 40
| EVAL what = COALESCE(process.command_line, gen_ai.tool.name), denied = agent_audit.authorization.decision == "denied", ran = agent_audit.authorization.decision != "denied" AND agent_audit.provenance.complete
| STATS denied_at = MIN(CASE(denied, @timestamp, null)), ran_at = MAX(CASE(ran, @timestamp, null)), refused = COUNT_DISTINCT(CASE(denied, what, null)), wordings = COUNT_DISTINCT(what), sealed_at = MAX(event.created) BY agent_audit.session.id, agent_audit.risk.category
| WHERE ran_at > denied_at AND wordings > refused AND sealed_at >= ` + sealedLately,
		description: "After a dangerous action was refused, another one of the same category, in other words, ran in the same session.",
		investigate: `1. Compare the wordings: filter on the session and ` + "`agent_audit.risk.category`" + `, oldest first. Is the target the same?
2. If the agent went around a refusal on purpose (` + "`sh -c`" + `, a script, another tool), treat the session as hostile: what was in its prompt or in what it read before?
3. Add the second wording to what is denied or asked for.`,
		falsePositives: []string{"Two unrelated actions of one category in a long session"},
		attack: []technique{
			{"TA0002", "Execution", "T1059", "Command and Scripting Interpreter"},
			{"TA0005", "Defense Evasion", "T1562", "Impair Defenses"},
		},
	},
	{
		id: "36dd2286-8e10-5674-bf0c-33ff28f4edbb", name: "approvals switched off", kind: "threshold", severity: "medium", risk: 47, threshold: 1, field: "agent_audit.session.id",
		query: anyOf("agent_audit.authorization.mode", "bypassPermissions", "dontAsk", "yolo", "full-auto", "yes-always", "autopilot") +
			` or agent_audit.authorization.sandbox: danger-full-access or agent_audit.risk.rules: skip-approval`,
		description: "A session ran in a mode in which the agent asks nobody, or without its sandbox.",
		investigate: `1. Who started the session, and where? A disposable container may be meant so; a person's machine or a production host is not.
2. What did it do meanwhile? *Agent audit: session timeline*, sorted by risk.
3. Forbid the mode in the agent's managed settings where it is not wanted.`,
		falsePositives: []string{"Disposable CI containers that are meant to run so"},
		attack:         []technique{{"TA0005", "Defense Evasion", "T1562.001", "Disable or Modify Tools"}},
	},
	{
		id: "54a1af58-9209-5b9f-84c6-c8ab0400f5a1", name: "approved despite an anomaly", kind: "query", severity: "medium", risk: 47,
		query:       `agent_audit.risk.anomalies: * and ` + letThroughKQL,
		description: "An action with an anomaly flag, from its source or computed, was let through.",
		investigate: `1. Which flag (` + "`agent_audit.risk.anomalies`" + `), and is it new for this agent, user and host?
2. Approved by a person: ask the reviewer what they saw. By a rule: the dashboard *Agent audit: risk and policy* lists anomalies that were approved.`,
		attack: []technique{{"TA0002", "Execution", "T1059", "Command and Scripting Interpreter"}},
	},
	{
		id: "80692a9c-f19d-5ee1-ad71-324449addfc1", name: "sources disagree about an action", kind: "query", severity: "high", risk: 73,
		query: anyOf("agent_audit.risk.anomalies", "ran_although_denied", "lanes_disagree") + ` or ` +
			anyOf("agent_audit.provenance.conflicts.field", "process.command_line", "process.exit_code", "event.outcome", "agent_audit.authorization.decision"),
		description: "Two logs of the same action contradict each other: a transcript that was edited looks like this.",
		investigate: `1. ` + "`agent_audit.provenance.conflicts`" + ` holds the field and the value that was not chosen; ` + "`agent_audit.provenance.lanes`" + ` the kinds of log.
2. Which of the two can the agent write? Transcripts lie in its home; OpenTelemetry and the kernel's audit do not.
3. Compare with the transcript as it is now. Verify the archive: ` + "`agent-audit verify`" + `.`,
		falsePositives: []string{"Agents that log times or exit codes differently in their two logs"},
		attack:         []technique{{"TA0005", "Defense Evasion", "T1070", "Indicator Removal"}},
	},
}
