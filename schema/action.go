package schema

import "time"

// Action is one thing an agent did, or wanted to do: a shell command, a tool call, an API call. Empty fields are
// unknown: nothing is ever guessed into them. The zero value is an action of which nothing is known.
//
// An Action lives in memory only and may hold secrets; see internal/seal for its scrubbed, stored form.
type Action struct {
	Time    time.Time // @timestamp: when the action was asked for; for a fragment, the time of its log line
	Event   Event
	Message string // the text of a line that is no action (plain logs)
	Error   Error

	Identity       Identity
	Command        Command
	Risk           Risk
	Authorization  Authorization
	Execution      Execution
	Session        Session
	Infrastructure Infrastructure
	Trail          Trail
}

// Event holds ECS event.* fields that belong to no single group.
type Event struct {
	ID       string   // identity of the record, 32 hexadecimal digits, derived from its source
	Kind     string   // KindEvent or KindPipelineError
	Category []string // ECS event.category: process, file, web, network, api …
	Type     []string // ECS event.type: start, access, change, allowed, denied …
	Action   string   // one of the Action… constants
	Provider string   // the agent or program whose log it is: claude-code, codex …
	Created  time.Time
	Original string // the scrubbed original of what could not be understood
	Outcome  string // OutcomeSuccess, OutcomeFailure or OutcomeUnknown
}

// Values of event.kind.
const (
	KindEvent         = "event"
	KindPipelineError = "pipeline_error"
)

// Values of event.outcome.
const (
	OutcomeSuccess = "success"
	OutcomeFailure = "failure"
	OutcomeUnknown = "unknown"
)

// Values of event.action: what sort of thing was done.
const (
	ActionShell      = "shell-command"
	ActionStdin      = "stdin-write" // text typed into a running command
	ActionFileRead   = "file-read"
	ActionFileChange = "file-change"
	ActionWebFetch   = "web-fetch"
	ActionMCP        = "mcp-call"
	ActionTool       = "tool-call"  // any other tool
	ActionRead       = "audit-read" // somebody read the trail through agent-audit serve
	ActionLog        = "log"        // a line that is no action, kept because nothing is dropped
)

// Error is what went wrong, in the words of the source or of the pipeline.
type Error struct {
	Message string
	Type    string
}

// Identity says who acted, and on whose behalf.
type Identity struct {
	AgentID, AgentName               string // the AI agent (or subagent); never ECS agent.*, which is the shipper
	ServiceName, ServiceVersion      string // the agent's software
	ProviderName, Model              string // who serves the model, and which one
	UserID, UserName, UserEmail      string // the person who started the session
	EffectiveUser                    string // the account the command ran as, where it differs (sudo)
	OrganizationID, OrganizationName string
	CredentialHash                   string   // keyed hash of the API key in use
	Inferred                         []string // "field: where it came from" for fields that the log itself did not give
}

// Command is what was to be done.
type Command struct {
	Line          string   // full text of a shell command
	Args          []string // argv where the source gives one
	Executable    string
	Cwd           string
	Env           []string // NAME=value
	Stdin         string
	Tool          string // name of the tool: Bash, Edit, exec_command, mcp__github__create_issue …
	ToolType      string // function, extension …
	CallID        string // the source's own id of the call
	ToolArguments JSON   // arguments of the call, where they are not just the command
}

// Risk is how dangerous the action looks.
type Risk struct {
	Score     Int // 0–100
	Severity  Int // ECS event.severity: 0 information … 4 critical, from the score
	Category  string
	Source    string // RiskReported or RiskComputed
	Ruleset   string // version of the rules that computed it
	Rules     []string
	Reasons   []string
	Anomalies []string

	AnomalyReasons []string // a sentence for each flag that was found by comparing with the past
	Techniques     []string // ATT&CK ids
}

// Values of agent_audit.risk.source.
const (
	RiskReported = "reported"
	RiskComputed = "computed"
)

// Authorization says who let the action through. Decision is Unrecorded unless the log shows otherwise: that an action
// ran is no proof that anybody approved it.
type Authorization struct {
	Decision  string // Approved, AutoApproved, Denied or Unrecorded
	Source    string // config, user, policy, classifier, sandbox … as the log has it
	Rule      string // the rule that decided
	Rules     []string
	Reviewer  string
	DecidedAt time.Time
	Reason    string
	Raw       string // the source's own words for the decision
	Mode      string // permission mode or approval policy in force
	Sandbox   string // sandbox policy in force
}

// Values of agent_audit.authorization.decision.
const (
	Approved     = "approved"      // by a person
	AutoApproved = "auto_approved" // by a rule, a mode or a classifier
	Denied       = "denied"
	Unrecorded   = "unrecorded"
)

// Execution is what came of it.
type Execution struct {
	Start, End               time.Time
	Duration                 Int // nanoseconds
	ExitCode                 Int
	PID                      Int
	Stdout, Stderr           string // cut to the configured length
	StdoutBytes, StderrBytes Int    // lengths before the cut
	Truncated                bool
	Interrupted              bool // stopped by a person
	TimedOut                 bool
	Background               bool // still running when the call returned
}

// Session is the run of actions this one belongs to.
type Session struct {
	ID             string
	ConversationID string // the id as gen_ai.conversation.id, when the source has one
	ParentID       string // the session that started this one (subagents)
	Type           string // interactive, exec, subagent, ide …
	Turn           string // the source's id of the prompt or turn
	Start          time.Time
	Ordinal        Int // 1 for the session's first action
	Preceding      []Preceding
}

// Preceding is an action that went before, in the same session.
type Preceding struct {
	ID      string // its event.id
	Command string // its command or tool, cut to 256 characters
}

// Infrastructure is where it happened.
type Infrastructure struct {
	HostName, HostID, HostArch, HostOS                    string
	HostIP                                                []string
	ContainerID, ContainerName, ContainerImage            string
	OrchestratorType, OrchestratorCluster                 string
	OrchestratorNamespace, OrchestratorPod                string
	CloudProvider, CloudRegion, CloudAccount, CloudHostID string
	SourceIP                                              string
	GitRepository, GitBranch, GitCommit                   string
	LogPath                                               string
	LogOffset                                             Int
}

// Trail is how the record came to be.
type Trail struct {
	Sequence   Int    // position in the stream, from 0
	Stream     string // id of the plugin instance's stream
	Format     string // the converter that read it
	Tag        string // Fluent Bit's tag
	Lanes      []string
	Complete   bool   // a result was seen
	Follows    string // event.id of the sealed record that this came too late for
	Conflicts  []Conflict
	Fields     JSON // fields of the source that have no place of their own
	LongValues []string
	Ruleset    string
	Redactions Int
	// Originals are what pseudonyms stand for, "PSEUDONYM BASE64", each encrypted under the key of its subject.
	Originals []string
}

// Conflict is evidence that another fragment contradicted: kept, not overwritten.
type Conflict struct {
	Field string // path of the field
	Value string // the value that was not chosen
}

// JSON is the text of a JSON value. It is brought to canonical form when the document is encoded.
type JSON string

// Int is an integer that may be absent.
type Int struct {
	N   int64
	Set bool
}

// Some returns a present Int.
func Some(n int64) Int { return Int{N: n, Set: true} }
