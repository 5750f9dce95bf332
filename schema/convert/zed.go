package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Zed's agent: its threads, which threads/threads.db keeps compressed, as `agent-audit import` reads them from there and as
// exporters save them. Made from public readers of versions 0.2 and 0.3 (2025 and 2026).
//
//		{"version":"0.3.0","title","updated_at","model":{"provider","model"},"messages":[
//		  {"User":{"id","content":[{"Text":"…"}]}},
//		  {"Agent":{"content":[{"ToolUse":{"id","name","raw_input","input"}}],"tool_results":{"<id>":{"tool_use_id","tool_name",
//		           "is_error","content":{"Text":"…"},"output"}}}}]}
//		0.2: {"messages":[{"id","role","segments","tool_uses":[{"id","name","input"}],"tool_results":[{"tool_use_id",
//		      "is_error","content"}]}]}
//
//	  - The terminal's directory is in the call: "cd" names a folder of the project. Its result is text: "Command failed with
//	    exit code N", or the output alone.
//	  - A refusal is an error that says "Permission to run tool denied by user"; who allowed what ran is not told. There are
//	    no times of calls, no user, no host.
type zed struct{ prompts bool }

const zedName = "zed"

func (*zed) Name() string { return zedName }

// Keys of its objects.
func (*zed) Keys() []string { return []string{"messages updated_at"} }

func (*zed) Detect(v value.Value) bool {
	if v.Kind() != value.Object || v.Get("messages").Kind() != value.Array || !v.Get("updated_at").Exists() {
		return false
	}
	m := v.Get("messages").First()
	return first(m, "User", "Agent").Kind() == value.Object || v.Get("version").Exists() && m.Get("segments").Exists()
}

func (z *zed) Convert(src *Source, in *Input, emit Emit) bool {
	l := zedThread{anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: zedName, family: zedName, agent: zedName}}}
	v := in.Body
	l.begin(orElse(str(v.Get("id")), sessionOfPath(in.Known.Infrastructure.LogPath)))
	keep(&src.Known.Identity.Model, str(v.Get("model", "model")))
	keep(&src.Known.Identity.ProviderName, str(v.Get("model", "provider")))
	keep(&src.Known.Command.Cwd, str(v.Get("initial_project_snapshot", "worktree_snapshots").First().Get("worktree_path")))
	for m := v.Get("messages").First(); m.Exists(); m = m.Next() {
		said := first(m, "User", "Agent")
		if said.Kind() != value.Object {
			said = m
		}
		for b := first(said, "content", "tool_uses").First(); b.Exists(); b = b.Next() {
			l.use(b)
			if text := str(b.Get("Text")); z.prompts && text != "" {
				l.prompt(map[bool]string{true: "user", false: "assistant"}[m.Get("User").Exists()], text)
			}
		}
		for r := said.Get("tool_results").First(); r.Exists(); r = r.Next() {
			l.answer(r)
		}
	}
	return true
}

// zedThread is a thread while it is read.
type zedThread struct{ anyAgent }

func (l *zedThread) use(b value.Value) {
	if u := b.Get("ToolUse"); u.Kind() == value.Object {
		b = u
	}
	id, tool := str(b.Get("id")), str(b.Get("name"))
	if id == "" || tool == "" {
		return
	}
	arguments := first(b, "input", "raw_input")
	f := l.request(id, tool, arguments)
	if f.Event.Action == schema.ActionShell {
		f.Command.Cwd = joinPath(f.Command.Cwd, str(arguments.Get("cd")))
	}
	l.send(f, tool, string(jsonOf(arguments)))
	if f.Event.Action == schema.ActionShell {
		l.src.Link("shell "+f.Key.String(), f.Key)
	}
}

func (l *zedThread) answer(r value.Value) {
	id := orElse(str(r.Get("tool_use_id")), r.Key())
	content := r.Get("content")
	if content.Kind() == value.Array {
		content = content.First()
	}
	if text := content.Get("Text"); text.Exists() {
		content = text
	}
	l.result(id, str(r.Get("tool_name")), content, r.Get("is_error"))
}
