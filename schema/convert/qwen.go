package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Qwen Code chats: ~/.qwen/projects/<folder>/chats/<sessionId>.jsonl. Made from 0.21. The envelope is like Claude Code's,
// what is in it like Gemini CLI's, from which it comes.
//
//	{"uuid","parentUuid","sessionId","timestamp","type":"assistant","cwd","version","gitBranch","model",
//	 "message":{"role":"model","parts":[{"functionCall":{"id","name","args"}}]}}                              the call
//	{…,"type":"tool_result","message":{"parts":[{"functionResponse":{"id","name","response":{"output"|"error"}}}]},
//	 "toolCallResult":{"callId","status":"success"|"error"|"cancelled","resultDisplay","error","errorType"}}  its result
//
// The result of a shell is Gemini CLI's text (geminiShell). Who approved is not told, nor user or host.
type qwen struct{ prompts bool }

const qwenName = "qwen-code"

func (*qwen) Name() string { return qwenName }

// Keys of its objects.
func (*qwen) Keys() []string { return []string{"sessionId message"} }

func (*qwen) Detect(v value.Value) bool {
	return v.Get("sessionId").Kind() == value.String && v.Get("message", "parts").Kind() == value.Array
}

func (q *qwen) Convert(src *Source, in *Input, emit Emit) bool {
	l := qwenLine{src: src, in: in, emit: emit, body: in.Body, session: str(in.Body.Get("sessionId"))}
	keep(&src.Version, str(in.Body.Get("version")))
	said := ""
	for p := in.Body.Get("message", "parts").First(); p.Exists(); p = p.Next() {
		if c := p.Get("functionCall"); c.Kind() == value.Object {
			l.call(c)
		}
		if r := p.Get("functionResponse"); r.Kind() == value.Object {
			l.result(r)
		}
		if !p.Get("thought").Bool() {
			said += str(p.Get("text"))
		}
	}
	if typ := str(in.Body.Get("type")); q.prompts && said != "" && (typ == "user" || typ == "assistant") {
		f := l.fragment(schema.Whole)
		setKind(&f.Action, schema.ActionLog)
		f.Message = typ + ": " + said
		identify(f, schema.MakeID(qwenName, l.session, str(in.Body.Get("uuid"))), f.Message)
		emit(f)
	}
	return true
}

// qwenLine is one line while it is read.
type qwenLine struct {
	src     *Source
	in      *Input
	emit    Emit
	body    value.Value
	session string
}

func (l *qwenLine) fragment(role schema.Role) *schema.Fragment {
	f := newFragment(l.in, qwenName, qwenName, role)
	f.Session.ID, f.Session.ConversationID = l.session, l.session
	f.Identity.ServiceName, f.Identity.AgentName = qwenName, qwenName
	f.Identity.ServiceVersion = str(l.body.Get("version"))
	f.Infrastructure.GitBranch = str(l.body.Get("gitBranch"))
	setTime(f, parseTime(l.body.Get("timestamp")))
	return f
}

// key identifies a call; without an id, by its line.
func (l *qwenLine) key(id string) schema.ID {
	if id == "" {
		return schema.MakeID(qwenName, l.session, "line", orElse(str(l.body.Get("uuid")), l.in.ID().String()))
	}
	return geminiKey(qwenName, l.session, id)
}

func (l *qwenLine) call(c value.Value) {
	f := l.fragment(schema.Request)
	f.Command.Tool, f.Command.CallID = str(c.Get("name")), str(c.Get("id"))
	f.Command.Cwd = str(l.body.Get("cwd"))
	f.Identity.Model = str(l.body.Get("model"))
	geminiArguments(f, c.Get("args"), f.Command.Cwd)
	key := l.key(f.Command.CallID)
	if f.Event.Action == schema.ActionShell {
		l.src.Link("shell "+key.String(), key)
	}
	identify(f, key, f.Command.Tool, string(jsonOf(c.Get("args"))))
	l.emit(f)
}

func (l *qwenLine) result(r value.Value) {
	f := l.fragment(schema.Result)
	id := str(r.Get("id"))
	f.Command.CallID = id
	key := l.key(id)
	_, shell := l.src.Take("shell " + key.String())
	shell = shell || toolAction(str(r.Get("name"))) == schema.ActionShell
	detail := l.body.Get("toolCallResult")
	if of := str(detail.Get("callId")); of != "" && of != id {
		detail = value.Value{}
	}
	output, failure := geminiResponse(r)
	status := str(detail.Get("status"))
	geminiOutcome(f, status, output, orElse(failure, contentText(first(detail.Get("error"), "message"))), shell)
	f.Error.Type = str(detail.Get("errorType"))
	identifyLine(f, key, status, output, failure)
	l.emit(f)
}
