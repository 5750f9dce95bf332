package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Amazon Q Developer CLI and Kiro CLI, which was made of it. Made from their sources and public sessions of 2025 to 2.14
// (2026), in two forms:
//
//		{"conversation_id","history":[{"user":{…},"assistant":{…},"request_metadata"}],"transcript",…}
//		    a conversation as /save writes it and as data.sqlite3 keeps it; before 1.14 a turn is [user, assistant]
//		    user.content      {"Prompt"}, {"ToolUseResults":{"tool_use_results":[…]}} or {"CancelledToolUses":{"prompt",…}}
//		    assistant         {"Response"} or {"ToolUse":{"tool_uses":[{"id","name","args"}]}}
//		    a result          {"tool_use_id","status":"Success"|"Error","content":[{"Text":"…"} or {"Json":{"exit_status","stdout","stderr"}}]}
//		{"version":"v1","kind":"AssistantMessage","data":{"content":[{"kind":"toolUse","data":{"toolUseId","name","input"}}]}}
//		{"version":"v1","kind":"ToolResults","data":{"content":[{"kind":"toolResult","data":{"toolUseId","content":[{"kind":"json"|"text","data"}],"status"}}]}}
//		    a line of ~/.kiro/sessions/cli/<session>.jsonl
//
//	  - exit_status is a number, or "exit status: 1".
//	  - CancelledToolUses are calls that the person refused, by "n" or by saying something else instead; or, where the prompt
//	    says so, that the person interrupted. A call that the settings forbid is a result that begins "Tool use with … was rejected".
//	  - A person's yes is not told apart from a tool that is trusted. Lines have no directory and but a prompt's time; neither
//	    form tells user or host.
type kiro struct{ prompts bool }

const (
	kiroName    = "kiro"
	amazonQName = "amazon-q"
)

func (*kiro) Name() string { return kiroName }

var kiroKinds = set("Prompt AssistantMessage ToolResults")

// Keys of its objects.
func (*kiro) Keys() []string { return []string{"kind data", "conversation_id history"} }

func (*kiro) Detect(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	if kind := v.Get("kind"); kind.Exists() {
		return kiroKinds[str(kind)] && v.Get("data", "content").Kind() == value.Array
	}
	return v.Get("conversation_id").Exists() && v.Get("history").Kind() == value.Array &&
		first(v, "transcript", "valid_history_range", "user_turn_metadata").Exists()
}

func (k *kiro) Convert(src *Source, in *Input, emit Emit) bool {
	l := kiroLog{anyAgent: anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: kiroName, family: kiroName}}, prompts: k.prompts}
	v := in.Body
	path := strings.ReplaceAll(in.Known.Infrastructure.LogPath, `\`, "/")
	l.agent = kiroName
	if v.Get("kind").Exists() {
		if src.Known.Session.ID == "" {
			l.begin(sessionOfPath(path))
		}
		l.line(str(v.Get("kind")), v.Get("data"))
		return true
	}
	if !strings.Contains(path, "kiro") {
		l.agent = amazonQName
	}
	l.begin(str(v.Get("conversation_id")))
	keep(&src.Known.Identity.Model, orElse(str(v.Get("model_info", "model_id")), str(v.Get("model"))))
	for t := v.Get("history").First(); t.Exists(); t = t.Next() {
		user, assistant := t.Get("user"), t.Get("assistant")
		if t.Kind() == value.Array {
			user, assistant = t.At(0), t.At(1)
		}
		l.user(user)
		l.time = parseTime(t.Get("request_metadata", "stream_end_timestamp_ms"))
		l.assistant(assistant)
	}
	l.user(v.Get("next_message")) // results that have not been sent yet
	return true
}

// kiroLog is one record while it is read.
type kiroLog struct {
	anyAgent
	prompts bool
}

// line reads a line of a session.
func (l *kiroLog) line(kind string, data value.Value) {
	l.time = parseTime(data.Get("meta", "timestamp"))
	for b := data.Get("content").First(); b.Exists(); b = b.Next() {
		d := b.Get("data")
		switch str(b.Get("kind")) {
		case "toolUse":
			l.call(str(d.Get("toolUseId")), str(d.Get("name")), d.Get("input"))
		case "toolResult":
			l.answer(str(d.Get("toolUseId")), d, nil)
		case "text":
			if l.prompts {
				l.prompt(map[string]string{"Prompt": "user", "AssistantMessage": "assistant"}[kind], str(d))
			}
		}
	}
}

// user reads a message of the person, or the results that stand in its place.
func (l *kiroLog) user(m value.Value) {
	l.time = parseTime(m.Get("timestamp"))
	keep(&l.src.Known.Command.Cwd, str(m.Get("env_context", "env_state", "current_working_directory")))
	content := m.Get("content")
	for r := content.Get("ToolUseResults", "tool_use_results").First(); r.Exists(); r = r.Next() {
		l.answer(str(r.Get("tool_use_id")), r, nil)
	}
	cancelled := content.Get("CancelledToolUses")
	said := str(cancelled.Get("prompt"))
	for r := cancelled.Get("tool_use_results").First(); r.Exists(); r = r.Next() {
		l.answer(str(r.Get("tool_use_id")), r, &said)
	}
	if said := str(content.Get("Prompt", "prompt")); l.prompts {
		l.prompt("user", said)
	}
}

func (l *kiroLog) assistant(m value.Value) {
	for c := m.Get("ToolUse", "tool_uses").First(); c.Exists(); c = c.Next() {
		l.call(str(c.Get("id")), str(c.Get("name")), c.Get("args"))
	}
	if l.prompts {
		l.prompt("assistant", orElse(str(m.Get("Response", "content")), str(m.Get("ToolUse", "content"))))
	}
}

// answer reads the result of a call. cancelled is what the person said instead of having it run, nil if it ran.
func (l *kiroLog) answer(id string, r value.Value, cancelled *string) {
	f := l.fragment(schema.Result, id)
	var said []string
	outcome(f, strings.EqualFold(str(r.Get("status")), "error"))
	for b := r.Get("content").First(); b.Exists(); b = b.Next() {
		part, text := first(b, "Json", "Text"), ""
		if !part.Exists() {
			part = b.Get("data")
		}
		if text = str(part); part.Kind() == value.Object {
			text = l.streams(f, part)
		}
		said = append(said, text)
	}
	setStdout(&f.Execution, strings.Join(said, "\n"))
	switch text := f.Execution.Stdout; {
	case cancelled != nil && strings.HasPrefix(*cancelled, "The user interrupted"):
		f.Execution.Interrupted = true
		f.Event.Outcome = schema.OutcomeUnknown
		noOutput(f, text)
	case cancelled != nil:
		deny(f, "user", "CancelledToolUses", *cancelled)
		noOutput(f, text)
	case f.Event.Outcome == schema.OutcomeFailure && strings.HasPrefix(text, "Tool use with ") && strings.Contains(text, " was rejected"):
		deny(f, "config", "rejected", text)
		noOutput(f, text)
	}
	if id == "" {
		l.lone(f)
		return
	}
	l.send(f, string(jsonOf(r)))
}

// streams reads {exit_status, stdout, stderr} of a shell, and returns its output; of other objects all.
func (l *kiroLog) streams(f *schema.Fragment, o value.Value) string {
	status := o.Get("exit_status")
	if !status.Exists() {
		return texts(o)
	}
	if code, ok := status.Int(); ok {
		setExit(f, code)
	} else if code, ok := leadingInt(strings.TrimPrefix(str(status), "exit status:")); ok {
		setExit(f, code)
	}
	if s := str(o.Get("stderr")); s != "" {
		setStderr(&f.Execution, s)
	}
	return str(o.Get("stdout"))
}
