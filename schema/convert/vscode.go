package convert

import (
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Chat sessions of Copilot in VS Code: workspaceStorage/<hash>/chatSessions/<id>.json, one object that is written anew as
// it grows. Made from VS Code's sources and public readers of 2025 and 2026.
//
//		{"version","sessionId","creationDate","requesterUsername","requests":[{"requestId","timestamp","modelId","response":[
//		    {"kind":"toolInvocationSerialized","toolCallId","toolId","isConfirmed","isComplete","invocationMessage",
//		     "toolSpecificData":{"kind":"terminal","commandLine":{"original","toolEdited","userEdited"},"cwd",
//		                         "terminalCommandState":{"exitCode","duration"},"terminalCommandOutput":{"text"}}}, …]}]}
//
//	  - isConfirmed is {type}: 0 denied, 1 not needed, 2 by a setting, 3 by a rule for the tool, 4 by the person, 5 skipped. In
//	    older versions it is true or false, which does not tell who: kept as the source's word.
//	  - What runs is userEdited, else toolEdited, else original.
//	  - Arguments of other tools are not told but for the message shown. User name is that of the account; host: none.
type vscode struct{ prompts bool }

const vscodeName = "vscode-chat"

func (*vscode) Name() string { return vscodeName }

// Keys of its objects.
func (*vscode) Keys() []string { return []string{"requests sessionId"} }

func (*vscode) Detect(v value.Value) bool {
	return v.Get("requests").Kind() == value.Array && v.Get("sessionId").Exists() && first(v, "responderUsername", "initialLocation", "creationDate").Exists()
}

func (c *vscode) Convert(src *Source, in *Input, emit Emit) bool {
	v := in.Body
	l := callLog{src: src, in: in, emit: emit, format: vscodeName, family: vscodeName, agent: "github-copilot"}
	l.begin(str(v.Get("sessionId")))
	known := &src.Known
	known.Session.Start = parseTime(v.Get("creationDate"))
	known.Session.Type = "ide"
	for r := v.Get("requests").First(); r.Exists(); r = r.Next() {
		l.time = parseTime(r.Get("timestamp"))
		known.Identity.Model = ""
		keep(&known.Identity.Model, str(r.Get("modelId")))
		keep(&known.Identity.UserName, str(v.Get("requesterUsername")))
		n := 0
		for part := r.Get("response").First(); part.Exists(); part = part.Next() {
			if str(part.Get("kind")) == "toolInvocationSerialized" {
				vscodeCall(&l, part, str(r.Get("requestId"))+" "+strconv.Itoa(n))
				n++
			}
		}
		if c.prompts {
			l.prompt("user", str(r.Get("message", "text")))
		}
	}
	return true
}

// vscodeConfirmed are the types of isConfirmed: the decision, and who made it.
var vscodeConfirmed = map[int64]struct{ decision, source, raw string }{
	0: {schema.Denied, "user", "denied"}, 1: {"", "", "not-needed"}, 2: {schema.AutoApproved, "config", "setting"},
	3: {schema.AutoApproved, "config", "per-tool"}, 4: {schema.Approved, "user", "user-action"}, 5: {"", "", "skipped"},
}

// vscodeCall reads one call, which is all in one object. place names it if it has no id.
func vscodeCall(l *callLog, part value.Value, place string) {
	id := orElse(str(part.Get("toolCallId")), place)
	doc := docOf(part)
	tool := strings.TrimPrefix(str(part.Get("toolId")), "copilot_")
	f := l.request(id, tool, value.Value{})
	f.Role = schema.Whole
	f.Command.ToolArguments = single("message", doc.Text(vscodeText(part.Get("invocationMessage"))))
	if strings.HasPrefix(tool, "mcp_") {
		setKind(&f.Action, schema.ActionMCP)
	}
	f.Identity.UserName = l.src.Known.Identity.UserName
	d := part.Get("toolSpecificData")
	if line := first(d.Get("commandLine"), "userEdited", "toolEdited", "original"); str(d.Get("kind")) == "terminal" {
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = orElse(str(line), str(d.Get("command")))
		f.Command.ToolArguments = ""
		f.Command.Cwd = joinPath(f.Command.Cwd, filePath(vscodeText(d.Get("cwd"))))
		if out := d.Get("terminalCommandOutput", "text"); out.Exists() {
			setStdout(&f.Execution, str(out))
		}
		f.Execution.Duration = scaled(d.Get("terminalCommandState", "duration"), time.Millisecond)
	}
	if code, ok := d.Get("terminalCommandState", "exitCode").Int(); ok {
		setExit(f, code)
	} else if details := part.Get("resultDetails"); details.Get("isError").Exists() {
		outcome(f, details.Get("isError").Bool())
	}
	confirmed := part.Get("isConfirmed")
	typ, isType := confirmed.Get("type").Int()
	switch how, known := vscodeConfirmed[typ]; {
	case !isType || !known:
		f.Authorization.Raw = orElse(confirmed.String(), string(jsonOf(confirmed)))
	case how.decision == schema.Denied:
		deny(f, how.source, how.raw, "")
		f.Execution.Start = time.Time{}
	default:
		f.Authorization.Decision, f.Authorization.Source, f.Authorization.Raw = how.decision, how.source, how.raw
	}
	identify(f, l.key(id), string(jsonOf(part)))
	l.emit(f)
}

// vscodeText is a text, a Markdown text or a URI, as VS Code writes them.
func vscodeText(v value.Value) string {
	if s, ok := v.Str(); ok {
		return s
	}
	return str(first(v, "value", "fsPath", "path"))
}
