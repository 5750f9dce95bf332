package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// LangSmith runs: what LangChain and LangGraph trace, as exported, as sent to the API, or as a tracer writes them to a
// file. Made from the public schema of a run (2024–2026).
//
//		{"id","trace_id","parent_run_id","session_id","name","run_type":"tool","start_time","end_time","inputs":{…},
//		 "outputs":{"output": text or ToolMessage},"error","extra":{"metadata":{"thread_id","ls_model_name"}},"child_runs":[…]}
//		[run,…]  {"runs":[…]}  {"post":[…],"patch":[…]}                                    many of them
//		ToolMessage {"type":"tool","content","tool_call_id","name","status":"success|error"}, perhaps under kwargs
//
//	  - A run is sent when it starts and again when it ends: each is emitted by what it says.
//	  - session_id is the project; the conversation is metadata's thread_id. Without one the trace stands for it.
//	  - inputs are the tool's arguments, or {"input": text}, in Python's notation in older versions: then a shell's command
//	    cannot be told from it, unless the text is all there is.
//	  - Runs of models, chains and retrievers are no action.
type langSmith struct{}

const langSmithName = "langsmith"

func (*langSmith) Name() string { return langSmithName }

func (*langSmith) Detect(v value.Value) bool {
	found := false
	eachRun(v, 0, func(value.Value) { found = true })
	return found
}

// eachRun calls do for every run in a JSON value that holds such.
func eachRun(v value.Value, depth int, do func(value.Value)) {
	if depth > 64 {
		return
	}
	if v.Kind() == value.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if c.Kind() == value.Object {
				eachRun(c, depth+1, do)
			}
		}
		return
	}
	if v.Get("run_type").Kind() == value.String && v.Get("id").Exists() && (v.Get("inputs").Exists() || v.Get("outputs").Exists() || v.Get("end_time").Exists()) {
		do(v)
		eachRun(v.Get("child_runs"), depth+1, do)
		return
	}
	for _, k := range []string{"runs", "post", "patch"} {
		if list := v.Get(k); list.Kind() == value.Array {
			eachRun(list, depth+1, do)
		}
	}
}

func (*langSmith) Convert(src *Source, in *Input, emit Emit) bool {
	l := langRun{callLog{src: src, in: in, emit: emit, format: langSmithName, family: langSmithName, agent: "langchain"}}
	eachRun(in.Body, 0, func(v value.Value) {
		if str(v.Get("run_type")) == "tool" {
			l.run(v)
		}
	})
	return true
}

// langRun is one record while it is read.
type langRun struct{ callLog }

func (l *langRun) run(v value.Value) {
	key := schema.MakeID(langSmithName, v.Get("id").String())
	if v.Get("inputs").Exists() || v.Get("start_time").Exists() {
		l.time = parseTime(v.Get("start_time"))
		inputs := v.Get("inputs")
		f := l.request("", str(v.Get("name")), inputs)
		if s, ok := inputs.Get("input").Str(); ok && f.Event.Action == schema.ActionShell && f.Command.Line == "" && !strings.HasPrefix(s, "{") {
			f.Command.Line, f.Command.ToolArguments = s, ""
		}
		l.about(f, v)
		identifyLine(f, key, "request", f.Command.Tool, string(jsonOf(inputs)))
		l.emit(f)
	}
	if !v.Get("end_time").Exists() && !v.Get("outputs").Exists() && str(v.Get("error")) == "" {
		return
	}
	l.time = parseTime(v.Get("end_time"))
	f := l.fragment(schema.Result, "")
	l.about(f, v)
	l.result(f, v)
	identifyLine(f, key, "result", string(jsonOf(v.Get("outputs"))), str(v.Get("error")))
	l.emit(f)
}

// about fills in what a run says of itself.
func (l *langRun) about(f *schema.Fragment, v value.Value) {
	m := v.Get("extra", "metadata")
	if name := str(first(m, "langgraph_node", "agent_name")); name != "" {
		f.Identity.AgentName = name
	}
	f.Identity.Model = str(m.Get("ls_model_name"))
	f.Identity.ProviderName = str(m.Get("ls_provider"))
	f.Identity.UserID = str(m.Get("user_id"))
	thread := str(first(m, "thread_id", "session_id", "conversation_id"))
	f.Session = schema.Session{ID: orElse(thread, str(v.Get("trace_id"))), ConversationID: thread, Turn: str(v.Get("trace_id"))}
	f.Command.CallID = str(langOutput(v).Get("tool_call_id"))
}

// langOutput is the tool's message, where a run has one.
func langOutput(v value.Value) value.Value {
	out := v.Get("outputs", "output")
	if out.Kind() == value.Missing {
		out = v.Get("outputs")
	}
	if k := out.Get("kwargs"); k.Kind() == value.Object {
		out = k
	}
	return out
}

func (l *langRun) result(f *schema.Fragment, v value.Value) {
	out := langOutput(v)
	content := out
	if c := out.Get("content"); c.Exists() {
		content = c
	}
	if out.Exists() {
		setStdout(&f.Execution, texts(content))
	}
	message := str(v.Get("error"))
	outcome(f, message != "" || str(out.Get("status")) == "error")
	if message != "" {
		f.Error.Message = message
	}
}
