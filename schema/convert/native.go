package convert

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// The native event: what a program writes that wants its actions audited. It is a JSON object; every part is optional
// but a command or a tool, and one of session, agent, user, time or id.
//
//	{
//	  "id": "018f…",                      identity of the event; without one it is path and offset
//	  "timestamp": "2026-03-01T10:00:00Z",   or ts, time; RFC 3339, or seconds, ms, µs, ns since 1970
//	  "agent": {"id", "name", "version", "model", "provider"},
//	  "user": {"id", "name", "email"},
//	  "organization": {"id", "name"},
//	  "api_key": "…",                     kept as a digest only; or api_key_hash, taken as it is
//	  "command": {"line", "args": [], "cwd", "env": {}, "stdin"},
//	  "tool": {"name", "call_id", "arguments": {}},
//	  "risk": {"score": 0–100, "category", "rules": [], "anomalies": [], "reasons": []},
//	  "authorization": {"decision", "source", "rule", "reviewer", "decided_at", "reason", "mode"},
//	  "execution": {"started_at", "ended_at", "exit_code", "stdout", "stderr", "success", "duration_ms", "pid"},
//	  "session": {"id", "started_at", "type", "parent_id", "turn"},
//	  "infrastructure": {"host", "container", "cloud", "region", "source_ip"}
//	}
//
// A group may also be one word ("agent": "deploy-bot", "session": "s-1", "command": "ls -l"), and identity may stand
// around agent, user, organization and api_key. The same event as one flat row, as of a table audit_log:
//
//	{"id":7,"timestamp":…,"session_id":…,"agent_id":…,"user_id":…,"command":"ls","cwd":"/srv","risk_score":5,
//	 "decision":"auto-approved","rule":"read only","exit_code":0,"duration_ms":12,"stdout":"…","host":"web1"}
//
// Names of the Elastic Common Schema are understood as well, dotted or nested, and so our own documents: read again they
// give the same record.
//
// Request, decision and result may be events of their own: they share action_id (or call_id), and phase is request,
// decision or result. Without phase it follows from what an event with such an id holds.
//
// decision is a word: approved, auto_approved (auto-approved), denied (rejected, blocked), pending. It counts as
// approval by a person only when a reviewer is named or the word is "approved" without a rule; see settleDecision.
// Fields that are none of these are kept in agent_audit.fields.
type native struct{}

const nativeName = "native"

func (*native) Name() string { return nativeName }

// nativeRoots are keys under which the whole event may stand.
var nativeRoots = []string{"agent_audit_event", "audit_log", "audit"}

func nativeRoot(v value.Value) value.Value {
	for _, k := range nativeRoots {
		if c := v.Get(k); c.Kind() == value.Object {
			return c
		}
	}
	return v
}

func (*native) Detect(v value.Value) bool {
	v = nativeRoot(v)
	if v.Kind() != value.Object || v.Get("hook_event_name").Exists() {
		return false
	}
	if own(v) {
		return true
	}
	if isMessage(v) {
		return false
	}
	if phase(v) != 0 && actionID(v) != "" {
		return true
	}
	told := false
	for _, k := range []string{"command", "tool", "tool_name"} {
		switch c := v.Get(k); c.Kind() {
		case value.String, value.Object, value.Array:
			told = true
		}
	}
	told = told || lookup(v, "process.command_line").Exists() || lookup(v, "process.args").Kind() == value.Array || lookup(v, "gen_ai.tool.name").Exists()
	return told && first(v, nativeContext...).Exists()
}

var nativeContext = strings.Fields(`session session_id agent agent_id user user_id timestamp ts @timestamp event_id uuid
	identity authorization decision execution risk risk_score action_id call_id gen_ai agent_audit`)

// own says whether a document is of our own making.
func own(v value.Value) bool { return str(lookup(v, "event.dataset")) == schema.Dataset }

func (*native) Convert(src *Source, in *Input, emit Emit) bool {
	v := nativeRoot(in.Body)
	if own(v) {
		if a, err := schema.Parse(v.AppendJSON(nil)); err == nil {
			emitOwn(a, emit)
			return true
		}
	}
	f := newFragment(in, nativeName, nativeName, schema.Whole)
	r := nativeReader{f: f, in: in, shipper: v.Get("ecs").Exists() || v.Get("ecs.version").Exists() || lookup(v, "agent.type").Exists()}
	r.object("", v)
	r.toolCommand()
	addFields(&f.Trail.Fields, closed(r.rest))
	if v != in.Body {
		addFields(&f.Trail.Fields, without(in.Body, func(k string) bool { return in.isOuter(k) || in.Body.Get(k) == v }))
	}
	r.role(v)
	settle(f)
	if r.succeeded.Kind() == value.Bool {
		f.Event.Outcome = schema.OutcomeFailure
		if r.succeeded.Bool() {
			f.Event.Outcome = schema.OutcomeSuccess
		}
	}
	if f.Session.ConversationID == "" {
		f.Session.ConversationID = f.Session.ID
	}
	if f.Identity.ServiceName != "" {
		f.Event.Provider = f.Identity.ServiceName
	}
	r.identify(v)
	emit(f)
	return true
}

// emitOwn emits a record of ours as it was.
func emitOwn(a *schema.Action, emit Emit) {
	f := &schema.Fragment{Role: schema.Whole, Action: *a}
	if b, err := hex.DecodeString(a.Event.ID); err == nil && len(b) == len(f.Key) {
		f.Key = schema.ID(b)
	} else {
		f.Key = schema.MakeID(nativeName, string(a.AppendJSON(nil)))
	}
	identify(f, f.Key)
	emit(f)
}

// nativeReader reads one event.
type nativeReader struct {
	f         *schema.Fragment
	in        *Input
	shipper   bool   // agent.* is the shipper of an ECS document, not the AI agent
	rest      []byte // an object not closed yet: what has no place
	succeeded value.Value
	id        string
}

// object reads all members of an object that stands at path.
func (r *nativeReader) object(path string, v value.Value) {
	for c := v.First(); c.Exists(); c = c.Next() {
		if path == "" && r.in.isOuter(c.Key()) || c.Kind() == value.Null {
			continue
		}
		p := c.Key()
		if path != "" {
			p = path + "." + p
		}
		switch {
		case r.field(p, c):
		case c.Kind() == value.Object && c.First().Exists() && strings.Count(p, ".") < 8:
			r.object(p, c)
		default:
			r.rest = c.AppendJSON(appendKey(r.rest, p))
		}
	}
}

// field reads the value at a path and says whether it found its place.
func (r *nativeReader) field(path string, v value.Value) bool {
	if r.shipper && (path == "agent" || strings.HasPrefix(path, "agent.")) {
		return false
	}
	name := strings.TrimPrefix(strings.TrimPrefix(path, "identity."), "infrastructure.")
	to := nativeFields[name]
	switch to.name {
	case "id":
		if r.id == "" {
			r.id = v.String()
		}
		return false // kept among the fields as well, to be found by
	case "phase":
		return phaseOf(v) != schema.Whole
	case "ecs.version", "event.dataset", "data_stream.dataset", "data_stream.type", "data_stream.namespace":
		return true
	case "api_key":
		return r.credential(v)
	case "success":
		r.succeeded = v
		return v.Kind() == value.Bool
	case "process.args":
		if v.Kind() == value.Object { // of a tool
			to = nativeFields["gen_ai.tool.call.arguments"]
		}
	case "command":
		to = nativeFields["process.command_line"]
		if v.Kind() == value.Array {
			to = nativeFields["process.args"]
		}
	}
	f := to.field
	if f == nil {
		return false
	}
	if f.Path == "agent_audit.fields" {
		if o := objectOf("value", v); len(o) > len("{}") {
			r.rest = append(append(r.rest, before(r.rest)), o[1:len(o)-1]...)
		}
		return true
	}
	return assign(&r.f.Action, f, path, v)
}

// toolCommand takes the command out of the arguments of a tool that runs one.
func (r *nativeReader) toolCommand() {
	c := &r.f.Command
	if c.Tool == "" || c.ToolArguments == "" || c.Line != "" || len(c.Args) > 0 {
		return
	}
	var doc value.Doc
	if arguments, err := doc.ParseJSON(string(c.ToolArguments)); err == nil && runsCommand(c.Tool, arguments) {
		setTool(r.f, c.Tool, arguments)
		r.f.Event.Action = "" // for settle
	}
}

// credential keeps a digest of an API key, never the key.
func (r *nativeReader) credential(v value.Value) bool {
	key, isText := v.Str()
	if !isText {
		key = str(first(v, "key", "value", "secret", "token"))
		if hash := str(first(v, "hash", "digest", "fingerprint")); hash != "" {
			r.f.Identity.CredentialHash = hash
			return true
		}
	}
	if key != "" && r.f.Identity.CredentialHash == "" {
		sum := sha256.Sum256([]byte(key))
		r.f.Identity.CredentialHash = "sha256:" + hex.EncodeToString(sum[:8])
	}
	return true
}

func actionID(v value.Value) string {
	return orElse(first(v, "action_id", "call_id", "tool_call_id").String(), v.Get("tool", "call_id").String())
}

// phase is the role an event says it has, 0 (Whole) when it does not say.
func phase(v value.Value) schema.Role { return phaseOf(v.Get("phase")) }

func phaseOf(v value.Value) schema.Role {
	switch str(v) {
	case "request", "requested", "start":
		return schema.Request
	case "decision":
		return schema.Decision
	case "result", "end":
		return schema.Result
	}
	return schema.Whole
}

// role finds out which part of its action the event tells of.
func (r *nativeReader) role(v value.Value) {
	f := r.f
	if actionID(v) != "" {
		ended := f.Execution.ExitCode.Set || !f.Execution.End.IsZero() || f.Event.Outcome != "" || r.succeeded.Exists() || f.Execution.Stdout != ""
		asked := f.Command.Line != "" || len(f.Command.Args) > 0 || f.Command.Tool != ""
		f.Role = phase(v)
		switch {
		case f.Role != schema.Whole:
		case asked && !ended && f.Authorization.Decision == "":
			f.Role = schema.Request
		case !asked && ended:
			f.Role = schema.Result
		case !asked && f.Authorization.Decision != "":
			f.Role = schema.Decision
		}
	}
	switch {
	case f.Role == schema.Request && f.Execution.Start.IsZero():
		f.Execution.Start = f.Time
	case f.Role == schema.Result && f.Execution.End.IsZero():
		f.Execution.End = f.Time
	case f.Role == schema.Decision && f.Authorization.DecidedAt.IsZero():
		f.Authorization.DecidedAt = f.Time
	}
}

// identify names the action: by action_id, by the event's own id, else by its place in the log. Short ids repeat, so
// they count only together with session, agent and time.
func (r *nativeReader) identify(v value.Value) {
	f := r.f
	says := func() string { return string(without(r.in.Body, r.in.isOuter)) }
	action := actionID(v)
	switch {
	case action != "":
		if f.Command.CallID == "" {
			f.Command.CallID = action
		}
		identify(f, callKey(nativeName, f.Session.ID, action), says())
	case r.id == "":
		identifyByInput(f, r.in, 0)
	case isGlobal(r.id):
		identify(f, schema.MakeID(nativeName, r.id), says())
	default:
		agent := orElse(f.Identity.AgentID, f.Identity.AgentName)
		at := ""
		if t := parseTime(first(v, "@timestamp", "timestamp", "ts", "time")); !t.Equal(time.Time{}) {
			at = schema.FormatTime(t)
		}
		identify(f, schema.MakeID(nativeName, f.Session.ID, agent, r.id, at), says())
	}
}

// nativeField is what a name of an event stands for: a field of the document, or a part of the event that native itself
// knows by the first name of its line, and which is no field.
type nativeField struct {
	name  string
	field *schema.Field
}

// nativeFields are the fields of the document, those aside that only the pipeline sets, by their own paths and by the names
// we have for them, by group; each line of the table has the document's first.
var nativeFields = func() map[string]nativeField {
	m := map[string]nativeField{}
	for i := range schema.Fields {
		if f := &schema.Fields[i]; f.Path != "agent_audit.provenance.conflicts" && f.Path != "agent_audit.session.preceding" {
			m[f.Path] = nativeField{f.Path, f}
		}
	}
	for _, n := range nativeParts {
		m[n] = nativeField{n, m[n].field}
	}
	for line := range strings.Lines(nativeTable) {
		names := strings.Fields(line)
		for _, n := range names[min(1, len(names)):] {
			m[n] = nativeField{names[0], m[names[0]].field}
		}
	}
	return m
}()

// nativeParts are names that field knows.
var nativeParts = []string{"id", "phase", "success", "api_key", "command", "ecs.version", "event.dataset", "data_stream.dataset", "data_stream.type", "data_stream.namespace"}

const nativeTable = `@timestamp timestamp ts time
id event_id uuid event.id
gen_ai.agent.id agent_id agent.id
gen_ai.agent.name agent agent_name agent.name
gen_ai.request.model model agent.model agent_model model_name
gen_ai.provider.name provider agent.provider model_provider
service.name agent.software software agent.service
service.version agent.version agent_version software_version
user.id user_id
user.name user user_name username
user.email user_email email
organization.id org_id organization_id org.id
organization.name organization org org_name organization_name org.name
api_key apikey apiKey api-key credential
agent_audit.identity.credential_hash api_key_hash credential_hash
command command.line command.text command.command cmd command_line
process.args args argv command.args command.argv
process.executable executable command.executable
process.working_directory cwd working_dir working_directory workdir command.cwd command.working_dir command.working_directory
process.env_vars env command.env environment
agent_audit.command.stdin stdin command.stdin
gen_ai.tool.name tool tool_name tool.name
gen_ai.tool.type tool.type tool_type
gen_ai.tool.call.id action_id call_id tool_call_id tool.call_id tool.id
gen_ai.tool.call.arguments arguments tool.arguments tool.input tool.args tool.parameters tool_input tool_args tool_arguments parameters params kwargs
event.risk_score risk_score risk.score
agent_audit.risk.category risk_category risk.category
agent_audit.risk.rules risk_rules risk.rules
agent_audit.risk.reasons risk_reasons risk.reasons
agent_audit.risk.anomalies anomalies anomaly_flags risk.anomalies risk_anomalies
threat.technique.id risk.techniques
agent_audit.authorization.decision decision authorization authorization.decision approval approval_status
agent_audit.authorization.source decision_source authorization.source
agent_audit.authorization.rule rule matched_rule policy authorization.rule authorization.matched_rule authorization.policy
agent_audit.authorization.rules authorization.rules
agent_audit.authorization.reviewer reviewer decided_by approved_by denied_by reviewed_by authorization.reviewer authorization.decided_by authorization.approved_by authorization.denied_by
agent_audit.authorization.decided_at decided_at approved_at authorization.decided_at
agent_audit.authorization.reason reason decision_reason authorization.reason
agent_audit.authorization.mode permission_mode authorization.mode
agent_audit.authorization.sandbox sandbox authorization.sandbox
process.start started_at start_time execution.started_at execution.start
process.end ended_at finished_at completed_at end_time execution.ended_at execution.finished_at execution.end
process.exit_code exit_code exit_status returncode return_code execution.exit_code result.exit_code
process.pid pid execution.pid
event.duration duration_ms duration_s duration_seconds duration_ns execution.duration_ms execution.duration_s execution.duration_seconds execution.duration_ns
agent_audit.execution.stdout stdout output execution.stdout execution.output result tool_output tool_result tool_response observation result.stdout result.output
agent_audit.execution.stderr stderr execution.stderr result.stderr
agent_audit.execution.truncated truncated execution.truncated
agent_audit.execution.interrupted interrupted execution.interrupted
agent_audit.execution.timed_out timed_out execution.timed_out
agent_audit.execution.background background execution.background
error.message error error_message execution.error
success execution.success
event.outcome outcome execution.outcome
agent_audit.session.id session session_id session.id
gen_ai.conversation.id conversation_id session.conversation_id
agent_audit.session.type session_type session.type
agent_audit.session.parent_id parent_session_id session.parent_id
agent_audit.session.turn turn turn_id session.turn
agent_audit.session.start session_start session_started_at session.started_at session.start
host.name host hostname
host.id host_id
container.id container container_id
container.name container_name
container.image.name container.image container_image
orchestrator.cluster.name cluster
orchestrator.namespace namespace
orchestrator.resource.name pod
cloud.provider cloud cloud_provider
cloud.region region cloud_region
cloud.account.id cloud_account
cloud.instance.id instance_id
source.ip source_ip client_ip ip ip_address
agent_audit.git.repository git.repository repository
agent_audit.git.branch git.branch git_branch branch
agent_audit.git.commit git.commit git_commit commit
`
