package kibana

// integrityRules are about the trail itself.
var integrityRules = []rule{
	{
		id: "1a7d1b89-b857-51a4-8991-a32c4516b897", name: "agent touched its logs or the audit", kind: "query", severity: "critical", risk: 99,
		query:       anyOf("agent_audit.risk.rules", "tamper-agent-logs", "tamper-audit", "stop-audit", "clear-history", "clear-logs"),
		description: "An agent changed or removed its own transcripts, the shell's history, system logs, Fluent Bit or agent-audit's own files.",
		investigate: `1. What was recorded before is safe: verify the archive (` + "`agent-audit verify ARCHIVE --key PUBLIC-KEY`" + `), and look for a gap (*Agent audit: pipeline and integrity*).
2. What came after may be missing: compare with the host's own audit from this moment on.
3. Read the session backwards from here: what was to be hidden?`,
		falsePositives: []string{"Log rotation or clean-up that a person asked for"},
		attack: []technique{
			{"TA0005", "Defense Evasion", "T1070", "Indicator Removal"},
			{"TA0005", "Defense Evasion", "T1562.001", "Disable or Modify Tools"},
		},
	},
	{
		id: "e6d5a477-c7d8-5076-8c06-1954e4366e28", name: "records missing from the sequence", kind: "esql", severity: "critical", risk: 99, lookBack: "now-3h",
		query: from + `| WHERE event.created < NOW() - 15 minutes AND event.sequence IS NOT NULL
| STATS sealed = MAX(event.created) BY agent_audit.stream, event.sequence
| STATS lowest = MIN(event.sequence), highest = MAX(event.sequence), records = COUNT(*), last_sealed = MAX(sealed) BY agent_audit.stream
| EVAL missing = highest - lowest + 1 - records
| WHERE missing > 0`,
		description: "Records of a stream are not in Elasticsearch although later ones are: deleted here, refused by the index, or not delivered. Sequences have no gaps by themselves.",
		investigate: `1. ` + "`agent-audit status`" + ` on the host: are there dead letters or a parked exporter? Then they are late or refused, and listed there with the reason.
2. Otherwise somebody deleted them here: who may delete in this data stream? The archive still has them: ` + "`agent-audit query --source dir:ARCHIVE`" + `, and ` + "`agent-audit verify`" + ` proves it whole.`,
		falsePositives: []string{"The retention deletes an index in the middle of these hours"},
		attack:         []technique{{"TA0005", "Defense Evasion", "T1070", "Indicator Removal"}},
	},
	{
		id: "b7f6f4c2-2422-5554-afe8-45daf26e83b8", name: "logs no longer understood", kind: "threshold", severity: "low", risk: 21, threshold: 20, field: "agent_audit.stream",
		query:       `event.kind: pipeline_error`,
		description: "Many lines of a stream could not be read. They are kept and can be searched, but say nothing of decisions or risk.",
		investigate: `1. Which agent, which version? ` + "`log.file.path`, `error.message`, `event.original`" + `: a new version may have changed its log.
2. ` + "`agent-audit convert FILE`" + ` shows what is made of a log.`,
		attack: []technique{},
	},
}
