package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Goose: ~/.local/share/goose/sessions/<name>.jsonl up to 1.9 (later in SQLite, whose exports hold the same messages),
// and `goose run --output-format stream-json`. Made from what public readers of both know.
//
//	{"working_dir","description","message_count",…}                                    first line of a session
//	{"role","created","content":[…]}                                                   a message
//	{"type":"message","message":{…}}  {"type":"notification"|"error"|"complete",…}     stream-json
//
// A message has blocks, among them
//
//		{"type":"toolRequest","id","toolCall":{"status":"success","value":{"name","arguments"}}}    newer: toolCall without value
//		{"type":"toolResponse","id","toolResult":{"status":"success","value":[blocks] or {"content","structuredContent",
//		 "isError"}}} or {"status":"error","error":"…"}
//
//	  - Tools are extension__tool; the shell is developer__shell, newer shell.
//	  - A refusal is a text that begins "The user has declined to run this tool".
//	  - Times are seconds since 1970; the stream has none, and names no session.
type goose struct{ prompts bool }

const gooseName = "goose"

func (*goose) Name() string { return gooseName }

// Keys of its objects.
func (*goose) Keys() []string {
	return []string{
		"working_dir message_count", "role content", "type message", "type total_tokens", "type extension_id",
		"type extensionId",
	}
}

func (*goose) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("sessionId").Exists() || v.Get("uuid").Exists() {
		return false
	}
	switch str(v.Get("type")) {
	case "":
		return v.Get("working_dir").Exists() && v.Get("message_count").Exists() || gooseMessage(v)
	case "message":
		return gooseMessage(v.Get("message"))
	case "complete":
		return v.Get("total_tokens").Exists()
	case "notification":
		return v.Get("extension_id").Exists() || v.Get("extensionId").Exists()
	}
	return false
}

// gooseMessage tells Goose's messages: by a block that only it has, or by a time of creation.
func gooseMessage(m value.Value) bool {
	role := str(m.Get("role"))
	if role != "user" && role != "assistant" || m.Get("content").Kind() != value.Array {
		return false
	}
	for b := m.Get("content").First(); b.Exists(); b = b.Next() {
		switch str(b.Get("type")) {
		case "toolRequest", "toolResponse", "toolConfirmationRequest", "frontendToolRequest":
			return true
		}
	}
	return m.Get("created").Exists()
}

func (g *goose) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	m := v
	if inner := v.Get("message"); inner.Kind() == value.Object {
		m = inner
	}
	l := gooseLine{callLog{src: src, in: in, emit: emit, format: gooseName, family: gooseName, time: parseTime(m.Get("created"))}}
	if dir := str(v.Get("working_dir")); dir != "" {
		keep(&src.Known.Command.Cwd, dir)
		l.begin(str(first(v, "id", "session_id")))
		keep(&src.Known.Command.Cwd, dir)
	}
	for b := m.Get("content").First(); b.Exists(); b = b.Next() {
		switch str(b.Get("type")) {
		case "toolRequest", "frontendToolRequest":
			l.call(b)
		case "toolResponse":
			l.result(b)
		}
	}
	if g.prompts {
		l.prompt(str(m.Get("role")), contentText(m.Get("content")))
	}
	return true
}

// gooseLine is one line while it is read.
type gooseLine struct{ callLog }

func (l *gooseLine) call(b value.Value) {
	c := first(b, "toolCall", "tool_call")
	if inner := c.Get("value"); inner.Kind() == value.Object {
		c = inner
	}
	tool := str(c.Get("name"))
	f := l.request(str(b.Get("id")), tool, c.Get("arguments"))
	if tool == "" { // the model's call could not be read
		f.Error.Message = str(first(b, "toolCall").Get("error"))
	}
	l.send(f, string(jsonOf(c)))
}

func (l *gooseLine) result(b value.Value) {
	f := l.fragment(schema.Result, str(b.Get("id")))
	r := first(b, "toolResult", "tool_result")
	inner := r.Get("value")
	content := inner
	if inner.Kind() == value.Object {
		content = inner.Get("content")
	}
	text := contentText(content)
	setStdout(&f.Execution, text)
	outcome(f, str(r.Get("status")) == "error" || inner.Get("isError").Bool())
	if s := inner.Get("structuredContent"); s.Kind() == value.Object {
		if out, ok := s.Get("stdout").Str(); ok {
			setStdout(&f.Execution, out)
		}
		if out := str(s.Get("stderr")); out != "" {
			setStderr(&f.Execution, out)
		}
		if code, ok := first(s, "exit_code", "exitCode").Int(); ok {
			setExit(f, code)
		}
	}
	if e := str(r.Get("error")); e != "" {
		noOutput(f, e)
	}
	if said := orElse(text, f.Error.Message); strings.HasPrefix(said, "The user has declined to run this tool") {
		deny(f, "user", "declined", "")
		noOutput(f, said)
	}
	if f.Command.CallID == "" {
		l.lone(f)
		return
	}
	l.send(f, string(jsonOf(r)))
}
