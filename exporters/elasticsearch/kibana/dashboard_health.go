package kibana

// sealedInRange takes the dashboard's time range as that of sealing.
const sealedInRange = `| WHERE event.created >= ?_tstart AND event.created <= ?_tend` + "\n"

var health = dashboard{
	id: "agent-audit-health", title: "Agent audit: pipeline and integrity", since: "now-24h",
	description: "Is the trail whole? The time range is that of sealing. For proof, use agent-audit verify on the archive.",
	controls:    []control{{"agent_audit.stream", "Stream"}, byHost, {"agent_audit.provenance.format", "Format"}},
	panels: []panel{
		{
			title: "Not understood", kind: metric, width: 12, height: 6, bySealing: true, columns: []column{{"records", "Records", number}},
			esql: from + sealedInRange + `| WHERE event.kind == "pipeline_error"
| STATS records = COUNT(*)`,
		},
		{
			title: "Fields left out by the index (should be 0)", kind: metric, width: 12, height: 6, bySealing: true, columns: []column{{"records", "Records", number}},
			esql: `FROM ` + indices + ` METADATA _ignored` + "\n" + sealedInRange + `| WHERE _ignored IS NOT NULL
| STATS records = COUNT(*)`,
		},
		{
			title: "Without a result", kind: metric, width: 12, height: 6, bySealing: true, columns: []column{{"records", "Actions", number}},
			esql: from + sealedInRange + ofActions + `| WHERE agent_audit.provenance.complete IS NULL
| STATS records = COUNT(*)`,
		},
		{
			title: "Secrets removed", kind: metric, width: 12, height: 6, bySealing: true, columns: []column{{"redactions", "Redactions", number}},
			esql: from + sealedInRange + `| STATS redactions = SUM(agent_audit.scrub.redactions)`,
		},
		{
			title: "Streams and gaps in their sequence", kind: table, width: 48, height: 12, bySealing: true,
			columns: []column{{"stream", "Stream", words}, {"lowest", "From", number}, {"highest", "To", number}, {"records", "Records", number}, {"missing", "Missing", number}, {"copies", "Copies", number}, {"last_sealed", "Last sealed", moment}},
			esql: from + sealedInRange + `| WHERE event.sequence IS NOT NULL
| STATS times = COUNT(*), sealed = MAX(event.created) BY stream = agent_audit.stream, event.sequence
| STATS lowest = MIN(event.sequence), highest = MAX(event.sequence), records = COUNT(*), copies = SUM(times) - COUNT(*), last_sealed = MAX(sealed) BY stream
| EVAL missing = highest - lowest + 1 - records
| SORT missing DESC, stream
| KEEP stream, lowest, highest, records, missing, copies, last_sealed`,
		},
		{
			title: "From the action to its record", kind: table, width: 24, height: 14, bySealing: true,
			columns: []column{{"format", "Format", words}, {"records", "Records", number}, {"lag_p50", "Median (s)", number}, {"lag_p95", "95th (s)", number}, {"redactions", "Secrets removed", number}},
			esql: from + sealedInRange + `| EVAL lag = DATE_DIFF("seconds", @timestamp, event.created)
| STATS records = COUNT(*), lag_p50 = PERCENTILE(lag, 50), lag_p95 = PERCENTILE(lag, 95), redactions = SUM(agent_audit.scrub.redactions) BY format = agent_audit.provenance.format
| SORT records DESC, format
| KEEP format, records, lag_p50, lag_p95, redactions`,
		},
		{
			title: "Hosts, the longest silent first", kind: table, width: 24, height: 14, bySealing: true,
			columns: []column{{"host", "Host", words}, {"last_sealed", "Last record", moment}, {"records", "Records", number}},
			esql: from + sealedInRange + `| WHERE host.name IS NOT NULL
| STATS last_sealed = MAX(event.created), records = COUNT(*) BY host = host.name
| SORT last_sealed, host
| LIMIT 100
| KEEP host, last_sealed, records`,
		},
		{title: "Not understood", kind: found, search: "agent-audit-not-understood", width: 48, height: 16},
	},
}
