package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// The items of a turn, in which Codex since 0.140 tells what its events told before. Made from the protocol's source and
// fixtures of 0.146 (2026). In a rollout, and in what `codex app-server` sends, whose types begin with a small letter:
//
//	{type:event_msg,payload:{type:item_completed,thread_id,turn_id,item:{type,id,…},started_at_ms,completed_at_ms}}
//
//	CommandExecution{command:[argv],cwd,source,status,stdout,stderr,aggregated_output,exit_code,duration}
//	    as exec_command_end; source unified_exec_interaction is text typed into a process (interaction_input)
//	McpToolCall{server,tool,arguments,status,result,error,duration}      FileChange{changes,status,auto_approved}
//	WebSearch{query,action}, Extension{kind,query,action,results}        DynamicToolCall{namespace,tool,arguments,success}
//	CollabAgentToolCall{tool,prompt,model,receiver_thread_ids}           ImageView{path}, ImageGeneration
//	UserMessage, AgentMessage, Reasoning, Plan, HookPrompt, Sleep, ContextCompaction: no action
//
// Keys come in snake and in camel case, and a directory as a path or a file URI. id is the call_id of the call that asked
// for it, where an item of the model's own tells that call: then this is more evidence of it, else all there is.

// turnItem reads an item of a turn. That it has begun is told for a command only, and matters when no end follows.
func (l *codexLine) turnItem(event string, item value.Value) {
	if ms := first(l.item, "completed_at_ms", "completedAtMs"); l.time.IsZero() && ms.Exists() {
		l.time = parseTime(ms)
	}
	l.item, l.call = item, str(item.Get("id"))
	if event == "item_started" {
		if _, asked := l.src.Linked("call " + l.key(l.call).String()); strings.EqualFold(str(item.Get("type")), "CommandExecution") && !asked && l.call != "" {
			l.execBegin()
		}
		return
	}
	switch strings.ToLower(str(item.Get("type"))) {
	case "commandexecution":
		l.execEnd()
	case "mcptoolcall":
		l.mcpEnd()
	case "filechange":
		l.patchEnd()
	case "websearch", "extension":
		l.searched()
	case "dynamictoolcall", "collabagenttoolcall", "imageview", "imagegeneration":
		l.toolEnd()
	}
}

// searched is a search that the model's provider, or an extension, has done.
func (l *codexLine) searched() {
	f := l.request(orElse(str(l.item.Get("kind")), "web_search"))
	f.Role = schema.Whole
	f.Execution.Start = time.Time{}
	if f.Event.Action == schema.ActionTool && l.item.Get("query").Exists() {
		setKind(&f.Action, schema.ActionWebFetch)
	}
	f.Command.ToolArguments = objectOf("action", first(l.item, "action", "query"))
	f.Event.Outcome = schema.OutcomeSuccess
	l.whole(f)
}

// codexToolSaid are the keys of a call's end that are no arguments, and the prompt to another agent.
var codexToolSaid = set(`type id call_id callId turn_id turnId tool namespace status success error content_items contentItems
	duration result prompt`)

// toolEnd is the end of a call of any other tool: of a program that drives Codex, of another agent, of an image.
func (l *codexLine) toolEnd() {
	p := l.item
	f := l.fragment(schema.Result)
	if _, asked := l.src.Linked("call " + l.key(f.Command.CallID).String()); !asked {
		f.Command.Tool = codexToolName(p)
		setKind(&f.Action, codexAction(f.Command.Tool))
		f.Command.ToolArguments = without(p, func(k string) bool {
			return codexToolSaid[k]
		})
		if args := p.Get("arguments"); args.Exists() {
			f.Command.ToolArguments = objectOf("arguments", args)
		}
	}
	f.Execution.Duration = codexDuration(p.Get("duration"))
	if text := contentText(first(p, "content_items", "contentItems")); text != "" {
		setStdout(&f.Execution, text)
	}
	l.status(f)
	if s := p.Get("success"); s.Kind() == value.Bool {
		outcome(f, !s.Bool())
	}
	f.Error.Message = str(p.Get("error"))
	l.event(f)
}

// codexToolName is the tool of an item or event that names it in one way or another.
func codexToolName(p value.Value) string {
	if tool := str(p.Get("tool")); tool != "" {
		if space := str(p.Get("namespace")); space != "" {
			return space + "__" + tool
		}
		return tool
	}
	name := strings.TrimSuffix(str(p.Get("type")), "_end")
	switch name {
	case "ImageView", "imageView":
		return "view_image"
	case "ImageGeneration", "imageGeneration":
		return "image_generation"
	}
	return name
}

// whole identifies an action that one record tells, unless another has told it before.
func (l *codexLine) whole(f *schema.Fragment) {
	if f.Command.CallID == "" {
		identifyByInput(f, l.in, 0)
		l.emit(f)
		return
	}
	l.event(f)
}

// asked is a request for approval: who was asked, and what they said, is not told.
func (l *codexLine) asked() {
	f := l.fragment(schema.Decision)
	if f.Command.CallID == "" {
		return
	}
	f.Authorization.Raw, f.Authorization.Reason = str(l.item.Get("type")), str(l.item.Get("reason"))
	if l.item.Get("command").Exists() {
		l.command(f)
	}
	identifyLine(f, l.key(f.Command.CallID), string(jsonOf(l.item)))
	l.emit(f)
}
