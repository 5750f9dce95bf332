package schema

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Field is one row of the schema: where a value stands in the document, what it is, and where it lives in an Action.
type Field struct {
	Path  string // dotted path in the document
	Type  string // Elasticsearch field type; ECS's own where the field is
	Text  bool   // also searchable by words, as PATH.text
	Group string // identity, command, risk, authorization, execution, session, infrastructure or trail
	Doc   string
	// OCSF says where the value stands in an event of the Open Cybersecurity Schema Framework, with spaces between
	// places: PATH in every event, action:PATH in those of actions, 1007:PATH and 6003:PATH in those of one class. A class
	// without a place has the field in unmapped.
	OCSF string
	// Ref points into an Action: *string, *[]string, *Int, *bool, *time.Time, *JSON, *[]Preceding or *[]Conflict.
	Ref func(*Action) any
	// Const is the value of a field that is the same in every document; Ref is then nil.
	Const string

	segments []string
	place    string // the path of the object that holds it
	key      string // as it is written: "name":
}

// ECS says whether the field is the Elastic Common Schema's own (else it is ours, under agent_audit, or OpenTelemetry's).
func (f *Field) ECS() bool {
	return f.segments[0] != "agent_audit" && f.Path != "gen_ai.conversation.id"
}

// OCSFPath is the field's place in events of a class (0, 1007, 6003), "" if it has none.
func (f *Field) OCSFPath(class int) string {
	for place := range strings.FieldsSeq(f.OCSF) {
		where, path, narrowed := strings.Cut(place, ":")
		switch {
		case !narrowed:
			return where
		case where == "action" && class != 0, where == strconv.Itoa(class):
			return path
		}
	}
	return ""
}

// Fields is the table, in the order of the canonical document.
var Fields = sortFields([]Field{
	{Path: "@timestamp", Type: "date", Group: "trail", Doc: "when the action was asked for", OCSF: "time", Ref: func(a *Action) any { return &a.Time }},
	{Path: "message", Type: "match_only_text", Group: "trail", Doc: "text of a line that is no action", OCSF: "message", Ref: func(a *Action) any { return &a.Message }},
	{Path: "ecs.version", Type: "keyword", Group: "trail", Doc: "version of the Elastic Common Schema", Const: ECSVersion},
	{Path: "event.dataset", Type: "keyword", Group: "trail", Doc: "data set", Const: Dataset},
	{Path: "error.message", Type: "match_only_text", Group: "execution", Doc: "what went wrong", OCSF: "status_detail", Ref: func(a *Action) any { return &a.Error.Message }},
	{Path: "error.type", Type: "keyword", Group: "execution", Doc: "kind of error", OCSF: "6003:api.response.error", Ref: func(a *Action) any { return &a.Error.Type }},

	{Path: "event.id", Type: "keyword", Group: "trail", Doc: "identity of the record, derived from its source", OCSF: "metadata.uid", Ref: func(a *Action) any { return &a.Event.ID }},
	{Path: "event.kind", Type: "keyword", Group: "trail", Doc: "event, or pipeline_error for what could not be understood", Ref: func(a *Action) any { return &a.Event.Kind }},
	{Path: "event.category", Type: "keyword", Group: "trail", Doc: "ECS category by kind of action", Ref: func(a *Action) any { return &a.Event.Category }},
	{Path: "event.type", Type: "keyword", Group: "trail", Doc: "ECS type", Ref: func(a *Action) any { return &a.Event.Type }},
	{Path: "event.action", Type: "keyword", Group: "command", Doc: "shell-command, stdin-write, file-read, file-change, web-fetch, mcp-call, tool-call, audit-read or log", OCSF: "metadata.event_code", Ref: func(a *Action) any { return &a.Event.Action }},
	{Path: "event.provider", Type: "keyword", Group: "identity", Doc: "the agent or program whose log it is", OCSF: "metadata.log_name", Ref: func(a *Action) any { return &a.Event.Provider }},
	{Path: "event.created", Type: "date", Group: "trail", Doc: "when the record was sealed", OCSF: "metadata.logged_time", Ref: func(a *Action) any { return &a.Event.Created }},
	{Path: "event.original", Type: "keyword", Text: true, Group: "trail", Doc: "scrubbed original of what could not be understood", OCSF: "raw_data", Ref: func(a *Action) any { return &a.Event.Original }},
	{Path: "event.outcome", Type: "keyword", Group: "execution", Doc: "success, failure or unknown", OCSF: "status_id", Ref: func(a *Action) any { return &a.Event.Outcome }},
	{Path: "event.sequence", Type: "long", Group: "trail", Doc: "position in the stream, from 0", OCSF: "metadata.sequence", Ref: func(a *Action) any { return &a.Trail.Sequence }},

	{Path: "gen_ai.agent.id", Type: "keyword", Group: "identity", Doc: "id of the AI agent or subagent", OCSF: "action:ai_agent.uid", Ref: func(a *Action) any { return &a.Identity.AgentID }},
	{Path: "gen_ai.agent.name", Type: "keyword", Group: "identity", Doc: "name of the AI agent", OCSF: "action:ai_agent.name", Ref: func(a *Action) any { return &a.Identity.AgentName }},
	{Path: "gen_ai.provider.name", Type: "keyword", Group: "identity", Doc: "who serves the model", OCSF: "action:ai_model.ai_provider", Ref: func(a *Action) any { return &a.Identity.ProviderName }},
	{Path: "gen_ai.request.model", Type: "keyword", Group: "identity", Doc: "model that asked for the action", OCSF: "action:ai_model.name", Ref: func(a *Action) any { return &a.Identity.Model }},
	{Path: "service.name", Type: "keyword", Group: "identity", Doc: "the agent's software", OCSF: "action:actor.app_name", Ref: func(a *Action) any { return &a.Identity.ServiceName }},
	{Path: "service.version", Type: "keyword", Group: "identity", Doc: "version of the agent's software", OCSF: "action:ai_agent.version", Ref: func(a *Action) any { return &a.Identity.ServiceVersion }},
	{Path: "user.id", Type: "keyword", Group: "identity", Doc: "id of the initiating user", OCSF: "action:actor.user.uid", Ref: func(a *Action) any { return &a.Identity.UserID }},
	{Path: "user.name", Type: "keyword", Group: "identity", Doc: "name of the initiating user", OCSF: "action:actor.user.name", Ref: func(a *Action) any { return &a.Identity.UserName }},
	{Path: "user.email", Type: "keyword", Group: "identity", Doc: "e-mail of the initiating user", OCSF: "action:actor.user.email_addr", Ref: func(a *Action) any { return &a.Identity.UserEmail }},
	{Path: "user.effective.name", Type: "keyword", Group: "identity", Doc: "account the command ran as, where it differs", OCSF: "1007:process.user.name", Ref: func(a *Action) any { return &a.Identity.EffectiveUser }},
	{Path: "organization.id", Type: "keyword", Group: "identity", Doc: "organisation on whose behalf", OCSF: "action:actor.user.org.uid", Ref: func(a *Action) any { return &a.Identity.OrganizationID }},
	{Path: "organization.name", Type: "keyword", Group: "identity", Doc: "name of the organisation", OCSF: "action:actor.user.org.name", Ref: func(a *Action) any { return &a.Identity.OrganizationName }},
	{Path: "agent_audit.identity.credential_hash", Type: "keyword", Group: "identity", Doc: "keyed hash of the API key in use", OCSF: "action:actor.user.credential_uid", Ref: func(a *Action) any { return &a.Identity.CredentialHash }},
	{Path: "agent_audit.identity.inferred", Type: "keyword", Group: "identity", Doc: "fields the log did not give, and where they came from", Ref: func(a *Action) any { return &a.Identity.Inferred }},

	{Path: "process.command_line", Type: "wildcard", Text: true, Group: "command", Doc: "full text of the command", OCSF: "1007:process.cmd_line", Ref: func(a *Action) any { return &a.Command.Line }},
	{Path: "process.args", Type: "keyword", Text: true, Group: "command", Doc: "argv where the source gives one", Ref: func(a *Action) any { return &a.Command.Args }},
	{Path: "process.executable", Type: "keyword", Text: true, Group: "command", Doc: "path of the program", OCSF: "1007:process.file.path", Ref: func(a *Action) any { return &a.Command.Executable }},
	{Path: "process.working_directory", Type: "keyword", Text: true, Group: "command", Doc: "working directory", OCSF: "1007:process.working_directory", Ref: func(a *Action) any { return &a.Command.Cwd }},
	{Path: "process.env_vars", Type: "keyword", Group: "command", Doc: "environment as NAME=value, scrubbed", OCSF: "1007:process.environment_variables", Ref: func(a *Action) any { return &a.Command.Env }},
	{Path: "agent_audit.command.stdin", Type: "match_only_text", Group: "command", Doc: "text given on standard input", Ref: func(a *Action) any { return &a.Command.Stdin }},
	{Path: "gen_ai.tool.name", Type: "keyword", Group: "command", Doc: "name of the tool", OCSF: "6003:api.operation", Ref: func(a *Action) any { return &a.Command.Tool }},
	{Path: "gen_ai.tool.type", Type: "keyword", Group: "command", Doc: "type of the tool", Ref: func(a *Action) any { return &a.Command.ToolType }},
	{Path: "gen_ai.tool.call.id", Type: "keyword", Group: "command", Doc: "the source's id of the call", OCSF: "6003:api.request.uid", Ref: func(a *Action) any { return &a.Command.CallID }},
	{Path: "gen_ai.tool.call.arguments", Type: "flattened", Group: "command", Doc: "arguments of the call", Ref: func(a *Action) any { return &a.Command.ToolArguments }},

	{Path: "event.risk_score", Type: "float", Group: "risk", Doc: "0–100", OCSF: "action:risk_score", Ref: func(a *Action) any { return &a.Risk.Score }},
	{Path: "event.severity", Type: "long", Group: "risk", Doc: "0 information to 4 critical, from the score", OCSF: "severity_id", Ref: func(a *Action) any { return &a.Risk.Severity }},
	{Path: "agent_audit.risk.category", Type: "keyword", Group: "risk", Doc: "category of the highest rule", Ref: func(a *Action) any { return &a.Risk.Category }},
	{Path: "agent_audit.risk.source", Type: "keyword", Group: "risk", Doc: "reported by the source, or computed by us", Ref: func(a *Action) any { return &a.Risk.Source }},
	{Path: "agent_audit.risk.ruleset", Type: "keyword", Group: "risk", Doc: "version of the rules", Ref: func(a *Action) any { return &a.Risk.Ruleset }},
	{Path: "agent_audit.risk.rules", Type: "keyword", Group: "risk", Doc: "ids of the rules that matched", Ref: func(a *Action) any { return &a.Risk.Rules }},
	{Path: "agent_audit.risk.reasons", Type: "match_only_text", Group: "risk", Doc: "a sentence a rule", OCSF: "action:risk_details", Ref: func(a *Action) any { return &a.Risk.Reasons }},
	{Path: "agent_audit.risk.anomalies", Type: "keyword", Group: "risk", Doc: "anomaly flags", Ref: func(a *Action) any { return &a.Risk.Anomalies }},
	{Path: "agent_audit.risk.anomaly_reasons", Type: "match_only_text", Group: "risk", Doc: "a sentence for each flag that comes of comparing with the past", Ref: func(a *Action) any { return &a.Risk.AnomalyReasons }},
	{Path: "threat.technique.id", Type: "keyword", Group: "risk", Doc: "ATT&CK techniques", OCSF: "action:attacks.technique.uid", Ref: func(a *Action) any { return &a.Risk.Techniques }},

	{Path: "agent_audit.authorization.decision", Type: "keyword", Group: "authorization", Doc: "approved (by a person), auto_approved, denied or unrecorded", OCSF: "action:authorizations.decision", Ref: func(a *Action) any { return &a.Authorization.Decision }},
	{Path: "agent_audit.authorization.source", Type: "keyword", Group: "authorization", Doc: "what decided: user, config, classifier …", OCSF: "action:authorizations.policy.type", Ref: func(a *Action) any { return &a.Authorization.Source }},
	{Path: "agent_audit.authorization.rule", Type: "keyword", Group: "authorization", Doc: "the rule that decided", OCSF: "action:authorizations.policy.name", Ref: func(a *Action) any { return &a.Authorization.Rule }},
	{Path: "agent_audit.authorization.rules", Type: "keyword", Group: "authorization", Doc: "policy rules that would match", Ref: func(a *Action) any { return &a.Authorization.Rules }},
	{Path: "agent_audit.authorization.reviewer", Type: "keyword", Group: "authorization", Doc: "person who decided", Ref: func(a *Action) any { return &a.Authorization.Reviewer }},
	{Path: "agent_audit.authorization.decided_at", Type: "date", Group: "authorization", Doc: "when it was decided", Ref: func(a *Action) any { return &a.Authorization.DecidedAt }},
	{Path: "agent_audit.authorization.reason", Type: "match_only_text", Group: "authorization", Doc: "why", OCSF: "action:authorizations.policy.desc", Ref: func(a *Action) any { return &a.Authorization.Reason }},
	{Path: "agent_audit.authorization.raw", Type: "keyword", Group: "authorization", Doc: "the source's own word for the decision", Ref: func(a *Action) any { return &a.Authorization.Raw }},
	{Path: "agent_audit.authorization.mode", Type: "keyword", Group: "authorization", Doc: "permission mode or approval policy in force", Ref: func(a *Action) any { return &a.Authorization.Mode }},
	{Path: "agent_audit.authorization.sandbox", Type: "keyword", Group: "authorization", Doc: "sandbox policy in force", Ref: func(a *Action) any { return &a.Authorization.Sandbox }},

	{Path: "process.start", Type: "date", Group: "execution", Doc: "start of the execution", OCSF: "start_time", Ref: func(a *Action) any { return &a.Execution.Start }},
	{Path: "process.end", Type: "date", Group: "execution", Doc: "end of the execution", OCSF: "end_time", Ref: func(a *Action) any { return &a.Execution.End }},
	{Path: "process.exit_code", Type: "long", Group: "execution", Doc: "exit code", OCSF: "1007:exit_code", Ref: func(a *Action) any { return &a.Execution.ExitCode }},
	{Path: "process.pid", Type: "long", Group: "execution", Doc: "process id", OCSF: "1007:process.pid", Ref: func(a *Action) any { return &a.Execution.PID }},
	{Path: "event.duration", Type: "long", Group: "execution", Doc: "nanoseconds", OCSF: "duration", Ref: func(a *Action) any { return &a.Execution.Duration }},
	{Path: "agent_audit.execution.stdout", Type: "match_only_text", Group: "execution", Doc: "standard output or result of the tool, cut", Ref: func(a *Action) any { return &a.Execution.Stdout }},
	{Path: "agent_audit.execution.stderr", Type: "match_only_text", Group: "execution", Doc: "standard error, cut", Ref: func(a *Action) any { return &a.Execution.Stderr }},
	{Path: "agent_audit.execution.stdout_bytes", Type: "long", Group: "execution", Doc: "length before the cut", Ref: func(a *Action) any { return &a.Execution.StdoutBytes }},
	{Path: "agent_audit.execution.stderr_bytes", Type: "long", Group: "execution", Doc: "length before the cut", Ref: func(a *Action) any { return &a.Execution.StderrBytes }},
	{Path: "agent_audit.execution.truncated", Type: "boolean", Group: "execution", Doc: "output, or another text of the record, was cut", Ref: func(a *Action) any { return &a.Execution.Truncated }},
	{Path: "agent_audit.execution.interrupted", Type: "boolean", Group: "execution", Doc: "stopped by a person", Ref: func(a *Action) any { return &a.Execution.Interrupted }},
	{Path: "agent_audit.execution.timed_out", Type: "boolean", Group: "execution", Doc: "stopped by a time limit", Ref: func(a *Action) any { return &a.Execution.TimedOut }},
	{Path: "agent_audit.execution.background", Type: "boolean", Group: "execution", Doc: "still running when the call returned", Ref: func(a *Action) any { return &a.Execution.Background }},

	{Path: "gen_ai.conversation.id", Type: "keyword", Group: "session", Doc: "the source's id of the conversation", OCSF: "action:message_context.uid", Ref: func(a *Action) any { return &a.Session.ConversationID }},
	{Path: "agent_audit.session.id", Type: "keyword", Group: "session", Doc: "session", OCSF: "metadata.correlation_uid", Ref: func(a *Action) any { return &a.Session.ID }},
	{Path: "agent_audit.session.parent_id", Type: "keyword", Group: "session", Doc: "session that started this one", Ref: func(a *Action) any { return &a.Session.ParentID }},
	{Path: "agent_audit.session.type", Type: "keyword", Group: "session", Doc: "interactive, exec, subagent, ide …", Ref: func(a *Action) any { return &a.Session.Type }},
	{Path: "agent_audit.session.turn", Type: "keyword", Group: "session", Doc: "the source's id of the prompt or turn", Ref: func(a *Action) any { return &a.Session.Turn }},
	{Path: "agent_audit.session.start", Type: "date", Group: "session", Doc: "start of the session", OCSF: "action:actor.session.created_time", Ref: func(a *Action) any { return &a.Session.Start }},
	{Path: "agent_audit.session.ordinal", Type: "long", Group: "session", Doc: "position in the session, from 1", Ref: func(a *Action) any { return &a.Session.Ordinal }},
	{Path: "agent_audit.session.preceding", Type: "object", Group: "session", Doc: "up to five actions that went before: id and command", Ref: func(a *Action) any { return &a.Session.Preceding }},

	{Path: "host.name", Type: "keyword", Group: "infrastructure", Doc: "host", OCSF: "action:device.hostname", Ref: func(a *Action) any { return &a.Infrastructure.HostName }},
	{Path: "host.id", Type: "keyword", Group: "infrastructure", Doc: "machine id", OCSF: "action:device.uid", Ref: func(a *Action) any { return &a.Infrastructure.HostID }},
	{Path: "host.architecture", Type: "keyword", Group: "infrastructure", Doc: "processor architecture", Ref: func(a *Action) any { return &a.Infrastructure.HostArch }},
	{Path: "host.os.type", Type: "keyword", Group: "infrastructure", Doc: "linux, macos, windows …", Ref: func(a *Action) any { return &a.Infrastructure.HostOS }},
	{Path: "host.ip", Type: "ip", Group: "infrastructure", Doc: "addresses of the host", Ref: func(a *Action) any { return &a.Infrastructure.HostIP }},
	{Path: "container.id", Type: "keyword", Group: "infrastructure", Doc: "container", OCSF: "1007:process.container.uid 6003:container.uid", Ref: func(a *Action) any { return &a.Infrastructure.ContainerID }},
	{Path: "container.name", Type: "keyword", Group: "infrastructure", Doc: "name of the container", OCSF: "1007:process.container.name 6003:container.name", Ref: func(a *Action) any { return &a.Infrastructure.ContainerName }},
	{Path: "container.image.name", Type: "keyword", Group: "infrastructure", Doc: "image of the container", OCSF: "1007:process.container.image.name 6003:container.image.name", Ref: func(a *Action) any { return &a.Infrastructure.ContainerImage }},
	{Path: "orchestrator.type", Type: "keyword", Group: "infrastructure", Doc: "kubernetes …", Ref: func(a *Action) any { return &a.Infrastructure.OrchestratorType }},
	{Path: "orchestrator.cluster.name", Type: "keyword", Group: "infrastructure", Doc: "cluster", Ref: func(a *Action) any { return &a.Infrastructure.OrchestratorCluster }},
	{Path: "orchestrator.namespace", Type: "keyword", Group: "infrastructure", Doc: "namespace", Ref: func(a *Action) any { return &a.Infrastructure.OrchestratorNamespace }},
	{Path: "orchestrator.resource.name", Type: "keyword", Group: "infrastructure", Doc: "pod", Ref: func(a *Action) any { return &a.Infrastructure.OrchestratorPod }},
	{Path: "cloud.provider", Type: "keyword", Group: "infrastructure", Doc: "aws, gcp, azure …", OCSF: "cloud.provider", Ref: func(a *Action) any { return &a.Infrastructure.CloudProvider }},
	{Path: "cloud.region", Type: "keyword", Group: "infrastructure", Doc: "region", OCSF: "cloud.region", Ref: func(a *Action) any { return &a.Infrastructure.CloudRegion }},
	{Path: "cloud.account.id", Type: "keyword", Group: "infrastructure", Doc: "account", OCSF: "cloud.account.uid", Ref: func(a *Action) any { return &a.Infrastructure.CloudAccount }},
	{Path: "cloud.instance.id", Type: "keyword", Group: "infrastructure", Doc: "instance", OCSF: "action:device.instance_uid", Ref: func(a *Action) any { return &a.Infrastructure.CloudHostID }},
	{Path: "source.ip", Type: "ip", Group: "infrastructure", Doc: "address the request came from", OCSF: "6003:src_endpoint.ip", Ref: func(a *Action) any { return &a.Infrastructure.SourceIP }},
	{Path: "agent_audit.git.repository", Type: "keyword", Group: "infrastructure", Doc: "repository of the working directory", Ref: func(a *Action) any { return &a.Infrastructure.GitRepository }},
	{Path: "agent_audit.git.branch", Type: "keyword", Group: "infrastructure", Doc: "branch", Ref: func(a *Action) any { return &a.Infrastructure.GitBranch }},
	{Path: "agent_audit.git.commit", Type: "keyword", Group: "infrastructure", Doc: "commit", Ref: func(a *Action) any { return &a.Infrastructure.GitCommit }},
	{Path: "log.file.path", Type: "keyword", Group: "infrastructure", Doc: "log the record was read from", Ref: func(a *Action) any { return &a.Infrastructure.LogPath }},
	{Path: "agent_audit.provenance.offset", Type: "long", Group: "trail", Doc: "byte offset in that log", Ref: func(a *Action) any { return &a.Infrastructure.LogOffset }},

	{Path: "agent_audit.stream", Type: "keyword", Group: "trail", Doc: "stream of the plugin instance", Ref: func(a *Action) any { return &a.Trail.Stream }},
	{Path: "agent_audit.provenance.format", Type: "keyword", Group: "trail", Doc: "converter that read it", Ref: func(a *Action) any { return &a.Trail.Format }},
	{Path: "agent_audit.provenance.tag", Type: "keyword", Group: "trail", Doc: "Fluent Bit's tag", Ref: func(a *Action) any { return &a.Trail.Tag }},
	{Path: "agent_audit.provenance.lanes", Type: "keyword", Group: "trail", Doc: "kinds of log the action was assembled from", Ref: func(a *Action) any { return &a.Trail.Lanes }},
	{Path: "agent_audit.provenance.complete", Type: "boolean", Group: "trail", Doc: "a result was seen", Ref: func(a *Action) any { return &a.Trail.Complete }},
	{Path: "agent_audit.provenance.follows", Type: "keyword", Group: "trail", Doc: "event.id of the sealed record that this came too late for: its result, or what another lane tells", Ref: func(a *Action) any { return &a.Trail.Follows }},
	{Path: "agent_audit.provenance.conflicts", Type: "object", Group: "trail", Doc: "contradicting evidence: field and value", Ref: func(a *Action) any { return &a.Trail.Conflicts }},
	{Path: "agent_audit.fields", Type: "flattened", Group: "trail", Doc: "fields of the source that have no place of their own", Ref: func(a *Action) any { return &a.Trail.Fields }},
	{Path: "agent_audit.long_values", Type: "match_only_text", Group: "trail", Doc: "texts of the arguments and of fields that are too long to be found as a whole", Ref: func(a *Action) any { return &a.Trail.LongValues }},
	{Path: "agent_audit.privacy.originals", Type: "keyword", Group: "trail", Doc: "pseudonym and original, encrypted under a key of its own; see docs/privacy.md", Ref: func(a *Action) any { return &a.Trail.Originals }},
	{Path: "agent_audit.scrub.ruleset", Type: "keyword", Group: "trail", Doc: "version of the secret rules", Ref: func(a *Action) any { return &a.Trail.Ruleset }},
	{Path: "agent_audit.scrub.redactions", Type: "long", Group: "trail", Doc: "secrets removed from this record", Ref: func(a *Action) any { return &a.Trail.Redactions }},
})

// sortFields orders the table as RFC 8785 orders the keys of the nested document.
func sortFields(fields []Field) []Field {
	for i := range fields {
		f := &fields[i]
		f.segments = strings.Split(f.Path, ".")
		name := f.segments[len(f.segments)-1]
		f.place, f.key = strings.TrimSuffix(strings.TrimSuffix(f.Path, name), "."), strconv.Quote(name)+":"
	}
	slices.SortFunc(fields, func(a, b Field) int {
		return slices.CompareFunc(a.segments, b.segments, cmp.Compare[string])
	})
	return fields
}
