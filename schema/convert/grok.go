package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Grok's CLI: chat_history.jsonl and summary.json of a session. Made from fixtures of chat format 1 (2026).
//
//		{"type":"assistant","content","tool_calls":[{"id","name","arguments": JSON text}],"model_id"}
//		{"type":"tool_result","tool_call_id","content"}
//		{"type":"backend_tool_call","kind":{"tool_type","action":{…},"id","status"}}        done by the model's provider
//		{"type":"system|user|reasoning",…}                                                 no action
//		{"info":{"id","cwd"},"session_kind","agent_name","head_branch","head_commit","sandbox_profile",…}   summary.json
//
//	  - Lines have no times and name no session. Call ids are long enough to be unique by themselves.
//	  - Exit codes, decisions, user, host: none.
type grok struct{ prompts bool }

const grokName = "grok-cli"

func (*grok) Name() string { return grokName }

// Keys of its objects.
func (*grok) Keys() []string {
	return []string{"type content", "type kind", "chat_format_version info"}
}

func (*grok) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("sessionId").Exists() || v.Get("message").Exists() || v.Get("timestamp").Exists() {
		return false
	}
	switch str(v.Get("type")) {
	case "assistant":
		return v.Get("model_id").Exists() && v.Get("content").Exists()
	case "tool_result":
		return v.Get("tool_call_id").Exists() && v.Get("content").Exists()
	case "backend_tool_call":
		return v.Get("kind", "tool_type").Exists()
	case "user":
		return v.Get("content").Kind() == value.Array && !v.Get("role").Exists()
	case "system":
		return v.Get("content").Kind() == value.String && v.Len() == 2
	}
	return v.Get("chat_format_version").Exists() && v.Get("info", "id").Exists()
}

func (g *grok) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := callLog{src: src, in: in, emit: emit, format: grokName, family: grokName}
	known := &src.Known
	switch typ := str(v.Get("type")); typ {
	case "assistant":
		keep(&known.Identity.Model, str(v.Get("model_id")))
		for c := v.Get("tool_calls").First(); c.Exists(); c = c.Next() {
			openAICall(&l, c)
		}
	case "tool_result":
		openAIResult(&l, v)
	case "backend_tool_call":
		k := v.Get("kind")
		f := l.request(str(k.Get("id")), str(k.Get("tool_type")), k.Get("action"))
		f.Role = schema.Whole
		if s := str(k.Get("status")); s == "completed" || s == "failed" {
			outcome(f, s == "failed")
		}
		l.send(f, string(jsonOf(k)))
	case "":
		l.begin(str(v.Get("info", "id")))
		keep(&known.Command.Cwd, str(v.Get("info", "cwd")))
		keep(&known.Identity.AgentName, str(v.Get("agent_name")))
		keep(&known.Session.Type, str(v.Get("session_kind")))
		keep(&known.Infrastructure.GitBranch, str(v.Get("head_branch")))
		keep(&known.Infrastructure.GitCommit, str(v.Get("head_commit")))
		keep(&known.Authorization.Sandbox, str(v.Get("sandbox_profile")))
	}
	if typ := str(v.Get("type")); g.prompts && (typ == "user" || typ == "assistant") {
		l.prompt(typ, contentText(v.Get("content")))
	}
	return true
}
