package convert

// laneAgents are the formats that may tell of an action of which another one tells too, by the same call id, and the agent
// that writes them. "" are written beside any agent, by those it calls or by who watches it.
//
// Host logs (auditd, Tetragon, Falco, sudo) are no lanes: they know processes, and nothing in them names the call that
// started one. What they saw are actions of their own.
var laneAgents = map[string]string{
	claudeName: claudeName, claudeHooksName: claudeName, claudeOtelName: claudeName, claudeStreamName: claudeName,
	codexName: codexName, codexOtelName: codexName,
	geminiName: geminiName, copilotName: copilotName, opencodeName: opencodeName,
	spansName: "", genAIOtelName: "", langSmithName: "", mcpName: "", nativeName: "", atifName: "",
}

// IsLane says whether another format may tell of the same actions as this one.
func IsLane(format string) bool {
	_, ok := laneAgents[format]
	return ok
}

// AreSiblings says whether two different formats may tell of the same actions.
func AreSiblings(a, b string) bool {
	x, isX := laneAgents[a]
	y, isY := laneAgents[b]
	return isX && isY && a != b && (x == y || x == "" || y == "")
}

// hostLogs are formats in which a machine or a cluster tells what was done on it, and by whom.
var hostLogs = map[string]bool{auditdName: true, laurelName: true, sudoName: true, k8sAuditName: true, tetragonName: true, falcoName: true, traceeName: true, osqueryName: true}

// IsHostLog says whether a format is a log of a machine or a cluster rather than an agent's.
func IsHostLog(format string) bool { return hostLogs[format] }
