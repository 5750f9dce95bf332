package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// LangChain: the runs that LangSmith traces, as exported, as sent to its API, or as a tracer writes them to a file; and
// messages, as programs dump a conversation or LangGraph streams its updates. Made from the public schemas (2024–2026).
//
//		{"id","trace_id","parent_run_id","session_id","name","run_type":"tool","start_time","end_time","inputs":{…},
//		 "outputs":{"output": text or ToolMessage},"error","extra":{"metadata":{"thread_id","ls_model_name"}},"child_runs":[…]}
//		[run,…]  {"runs":[…]}  {"post":[…],"patch":[…]}                                    many of them
//		AIMessage   {"type":"ai","tool_calls":[{"name","args":{…},"id"}],"invalid_tool_calls":[…]}
//		ToolMessage {"type":"tool","content","tool_call_id","name","status":"success|error"}
//		    alone, [message,…], {"messages":[…]}, {NODE:{"messages":[…]},…}; each perhaps as {"type","data":{…}}, or as
//		    {"lc":1,"type":"constructor","id":[…,"ToolMessage"],"kwargs":{…}}
//
//	  - A run is sent when it starts and again when it ends: each is emitted by what it says. Its name is its id, or, where a
//	    run that is told as a whole has a ToolMessage with an id that is unique in the world, that of the call.
//	  - session_id is the project; the conversation is metadata's thread_id. Without one the trace stands for it.
//	  - inputs are the tool's arguments, or {"input": text}, in Python's notation in older versions.
//	  - Runs of models, chains and retrievers are no action. A call in an AIMessage may not have been made: without a
//	    ToolMessage it is incomplete.
//	  - Who allowed a call, exit codes and directories are not told; nor, in messages, times.
type langSmith struct{}

const langSmithName = "langsmith"

func (*langSmith) Name() string { return langSmithName }

// langKeys are the keys of an object that is or has runs or messages; updates of nodes aside, which have them one level down.
var langKeys = newKeySets("run_type", "runs", "post", "patch", "messages", "type tool_call_id", "type tool_calls", "kwargs", "data")

func (*langSmith) Detect(v value.Value) bool {
	switch v.Kind() {
	case value.Array:
	case value.Object:
		if !langKeys.mayBeIn(v.Keys()) && !langNodes(v) {
			return false
		}
	default:
		return false
	}
	found := false
	see := func(value.Value) { found = true }
	eachRun(v, 0, see)
	if !found {
		eachMessage(v, 0, see)
	}
	return found
}

// langNodes says whether an object may hold updates of nodes.
func langNodes(v value.Value) bool {
	for c := v.First(); c.Exists(); c = c.Next() {
		if c.Kind() == value.Object && c.Get("messages").Kind() == value.Array {
			return true
		}
	}
	return false
}

// runTypes are the kinds of runs.
var runTypes = set("tool chain llm retriever embedding prompt parser")

// isRun says whether an object is a run.
func isRun(v value.Value) bool {
	if !runTypes[str(v.Get("run_type"))] {
		return false
	}
	return first(v, "id", "run_id").Exists() && first(v, "inputs", "outputs", "end_time", "error").Exists() || v.Get("inputs").Exists() && v.Get("name").Exists()
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
	if isRun(v) {
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

// eachMessage calls do for every message with calls, or with the result of one, in a JSON value that holds such.
func eachMessage(v value.Value, depth int, do func(value.Value)) {
	if depth > 4 {
		return
	}
	if v.Kind() == value.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if c.Kind() == value.Object {
				eachMessage(c, depth+1, do)
			}
		}
		return
	}
	if m := langMessage(v); m.Exists() {
		do(m)
		return
	}
	if list := v.Get("messages"); list.Kind() == value.Array {
		eachMessage(list, depth+1, do)
		return
	}
	if depth > 0 {
		return
	}
	for c := v.First(); c.Exists(); c = c.Next() { // updates of nodes
		if list := c.Get("messages"); list.Kind() == value.Array {
			eachMessage(list, depth+1, do)
		}
	}
}

// langMessage is the message in an object, out of what it may be wrapped in; missing if there is none that tells of calls.
func langMessage(v value.Value) value.Value {
	typ := str(v.Get("type"))
	for _, k := range []string{"kwargs", "data"} {
		if c := v.Get(k); c.Kind() == value.Object && (v.Get("lc").Exists() || langTypes[typ]) {
			v, typ = c, "wrapped"
		}
	}
	if v.Get("role").Exists() || !langTypes[typ] {
		return value.Value{}
	}
	switch {
	case typ != "ai" && v.Get("tool_call_id").Kind() == value.String && v.Get("content").Exists():
		return v
	case typ != "tool" && v.Get("tool_calls").First().Get("args").Kind() == value.Object:
		return v
	}
	return value.Value{}
}

// langTypes are the types of messages that tell of calls; wrapped ones are told by what is around them.
var langTypes = set("ai AIMessage AIMessageChunk tool ToolMessage wrapped")

func (*langSmith) Convert(src *Source, in *Input, emit Emit) bool {
	l := langRun{callLog{src: src, in: in, emit: emit, format: langSmithName, family: langSmithName, agent: "langchain"}}
	runs := false
	eachRun(in.Body, 0, func(v value.Value) {
		runs = true
		if str(v.Get("run_type")) == "tool" {
			l.run(v)
		}
	})
	if !runs {
		l.session(in.Body)
		eachMessage(in.Body, 0, l.message)
	}
	return true
}

// langRun is one record while it is read.
type langRun struct{ callLog }

// key names a run. Of a run that is told in parts, the later parts have the name of the first.
func (l *langRun) key(v value.Value, starts, ends bool) schema.ID {
	id := first(v, "id", "run_id").String()
	if id == "" {
		l.n++
		return schema.MakeID(langSmithName, l.in.ID().String(), itoa(l.n))
	}
	key := schema.MakeID(langSmithName, id)
	if _, told := l.src.Linked("run " + id); told {
		return key
	}
	if starts && !ends {
		l.src.Link("run "+id, key)
	} else if call := str(langOutput(v).Get("tool_call_id")); starts && isGlobal(call) {
		return callKey(langSmithName, "", call)
	}
	return key
}

func (l *langRun) run(v value.Value) {
	starts := v.Get("inputs").Exists() || v.Get("start_time").Exists()
	ends := v.Get("end_time").Exists() && v.Get("end_time").Kind() != value.Null || langOutput(v).Exists() || str(v.Get("error")) != ""
	key := l.key(v, starts, ends)
	if starts {
		l.time = parseTime(v.Get("start_time"))
		f := l.request("", str(v.Get("name")), value.Value{})
		setArguments(f, str(v.Get("name")), v.Get("inputs"))
		l.about(f, v)
		identifyLine(f, key, "request", f.Command.Tool, string(jsonOf(v.Get("inputs"))))
		l.emit(f)
	}
	if !ends {
		return
	}
	l.time = parseTime(v.Get("end_time"))
	f := l.fragment(schema.Result, "")
	l.about(f, v)
	l.result(f, langOutput(v), str(v.Get("error")))
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

// langOutput is what a tool gave: its message, where a run has one. It is missing while there is none.
func langOutput(v value.Value) value.Value {
	out := first(v, "outputs")
	if o := out.Get("output"); o.Exists() {
		out = o
	}
	if k := out.Get("kwargs"); k.Kind() == value.Object {
		out = k
	}
	return out
}

func (l *langRun) result(f *schema.Fragment, out value.Value, message string) {
	outcome(f, message != "")
	if out.Exists() {
		toolResult(f, out)
	}
	if message != "" {
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message = message
	}
}

// session takes the conversation of a dump of messages, where it is told beside them.
func (l *langRun) session(v value.Value) {
	l.begin(str(first(v, "thread_id", "session_id", "conversation_id")))
	if l.time = parseTime(first(v, "timestamp", "ts", "created_at")); l.time.IsZero() {
		l.time = l.in.Known.Time
	}
}

func (l *langRun) message(m value.Value) {
	if id := str(m.Get("tool_call_id")); id != "" {
		f := l.fragment(schema.Result, id)
		l.result(f, m, "")
		l.send(f, "message", string(jsonOf(m.Get("content"))))
		return
	}
	for c := m.Get("tool_calls").First(); c.Exists(); c = c.Next() {
		f := l.request(str(c.Get("id")), str(c.Get("name")), value.Value{})
		setArguments(f, str(c.Get("name")), c.Get("args"))
		f.Identity.Model = strings.TrimSpace(str(first(m.Get("response_metadata"), "model_name", "model")))
		l.send(f, "message", f.Command.Tool, string(jsonOf(c.Get("args"))))
	}
}
