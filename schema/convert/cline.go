package convert

import (
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Cline, and Roo Code and Kilo Code, which were made of it. Made from their sources of 2024 to August 2026. Of each task
// they keep two files, each one array that is written anew as it grows:
//
//	api_conversation_history.json   the messages of the API, read by messages.go; since Cline 4 <session>.messages.json
//	ui_messages.json                what was shown: {"ts","type":"say"|"ask","say"|"ask": kind,"text"}
//
// In the first, calls are tool_use blocks, or XML at the end of the model's text, one a message:
//
//	<execute_command>⏎<command>npm test</command>⏎<requires_approval>false</requires_approval>⏎</execute_command>
//
// whose result begins the next message: "[execute_command for 'npm test'] Result:⏎…". In the second, kinds that tell of an
// action are command (its text), command_output, tool (JSON: {"tool":"readFile","path"}) and use_mcp_server (JSON).
//
//   - Both files tell of the same commands, and nothing joins the two: read one of them. The first has results of all
//     tools; the second has times, and of Cline says what ran without asking.
//   - Cline says a command that its settings approved, and asks for any other. Roo Code asks for all and answers itself: so
//     only Cline's say is an auto_approval. That a command was asked for and ran is no approval that the log shows.
//   - Exit codes: Roo Code writes them since 2025, Cline does not. "The user denied this operation" is a person's denial;
//     CLINE_COMMAND_PERMISSIONS is a setting's.
//   - The directory is in what is told the model of its surroundings, and in Roo Code's results. User and host are not told.
type clineUI struct{}

const clineUIName = "cline-ui"

func (*clineUI) Name() string { return clineUIName }

func isClineUI(v value.Value) bool {
	typ := str(v.Get("type"))
	if typ != "say" && typ != "ask" {
		return false // before a time in words is tried as a number
	}
	_, dated := v.Get("ts").Float()
	return dated && v.Get(typ).Kind() == value.String
}

// Keys of its objects.
func (*clineUI) Keys() []string { return []string{"type ts"} }

func (*clineUI) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		v = v.First()
	}
	return isClineUI(v)
}

func (*clineUI) Convert(src *Source, in *Input, emit Emit) bool {
	l := clineShown{anyAgent: anyAgent{callLog: callLog{src: src, in: in, emit: emit, format: clineUIName, family: clineUIName}}}
	if in.Body.Kind() != value.Array {
		l.message(in.Body)
		return true
	}
	for m := in.Body.First(); m.Exists(); m = m.Next() {
		if isClineUI(m) {
			l.message(m)
		}
	}
	l.output()
	return true
}

// clineShown is one record while it is read. running is the command whose output is being shown; it lives within a record.
type clineShown struct {
	anyAgent
	running schema.ID
	printed []string
}

func (l *clineShown) message(m value.Value) {
	l.about(m)
	by := str(m.Get("type"))
	kind, text := str(m.Get(by)), str(m.Get("text"))
	if kind == "command_output" {
		if text != "" {
			l.printed = append(l.printed, text)
		}
		return
	}
	l.output()
	if m.Get("partial").Bool() || text == "" {
		return
	}
	doc := docOf(m)
	switch kind {
	case "command":
		command, shown, _ := strings.Cut(text, "\nOutput:\n")
		f := l.action("execute_command", value.Value{}, by)
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = strings.TrimSuffix(strings.TrimSpace(command), "REQ_APP")
		f.Command.ToolArguments = ""
		identify(f, l.shownKey(m), f.Command.Line)
		l.running = f.Key
		l.emit(f)
		if shown != "" {
			l.printed = append(l.printed, shown)
		}
	case "tool", "use_mcp_server":
		call := jsonText(doc.Text(text))
		tool, arguments := str(call.Get("tool")), call
		if kind != "tool" {
			tool, arguments = "mcp__"+str(call.Get("serverName"))+"__"+orElse(str(call.Get("toolName")), str(call.Get("uri"))), call.Get("arguments")
		}
		if call.Kind() != value.Object || tool == "" {
			return
		}
		f := l.action(tool, arguments, by)
		f.Role = schema.Whole
		f.Execution.Start = time.Time{}
		identify(f, l.shownKey(m), tool, string(f.Command.ToolArguments))
		l.emit(f)
	}
}

func (l *clineShown) shownKey(m value.Value) schema.ID {
	return schema.MakeID(clineUIName, l.scope(), m.Get("ts").String())
}

// action starts the fragment of an action that was said or asked for.
func (l *clineShown) action(tool string, arguments value.Value, by string) *schema.Fragment {
	f := l.told(l.request("", tool, arguments))
	if kind, ok := clineTools[tool]; ok {
		setKind(&f.Action, kind)
	}
	f.Authorization.Raw = by
	if by == "say" && l.agent == "cline" {
		f.Authorization.Decision, f.Authorization.Source = schema.AutoApproved, "config"
	}
	return f
}

var clineTools = map[string]string{
	"readFile": schema.ActionFileRead, "listFilesTopLevel": schema.ActionFileRead, "listFilesRecursive": schema.ActionFileRead,
	"listCodeDefinitionNames": schema.ActionFileRead, "searchFiles": schema.ActionFileRead, "codebaseSearch": schema.ActionFileRead,
	"editedExistingFile": schema.ActionFileChange, "newFileCreated": schema.ActionFileChange, "appliedDiff": schema.ActionFileChange,
	"insertContent": schema.ActionFileChange, "searchAndReplace": schema.ActionFileChange, "fileDeleted": schema.ActionFileChange,
	"webFetch": schema.ActionWebFetch, "webSearch": schema.ActionWebFetch,
}

// output emits what a command has printed when something else is shown. How it ended is not.
func (l *clineShown) output() {
	if len(l.printed) > 0 && l.running != (schema.ID{}) {
		f := l.told(l.fragment(schema.Result, ""))
		setStdout(&f.Execution, strings.Join(l.printed, "\n"))
		identify(f, l.running, f.Execution.Stdout)
		l.emit(f)
	}
	l.running, l.printed = schema.ID{}, nil
}

// clineXML are the tools that Cline and its descendants let the model call in XML. Those that only talk are left out.
var clineXML = strings.Fields(`execute_command read_file write_to_file replace_in_file apply_diff insert_content
	search_and_replace search_files list_files list_code_definition_names codebase_search browser_action use_mcp_tool
	access_mcp_resource web_fetch new_task`)

// clineCalls reads the calls in the text of a model's message.
func (l *messageLog) clineCalls(text string) {
	if !strings.Contains(text, "</") {
		return
	}
	for _, tool := range clineXML {
		open := strings.LastIndex(text, "<"+tool+">")
		if open < 0 || open > 0 && text[open-1] != '\n' {
			continue
		}
		body, _, ok := strings.Cut(text[open+len(tool)+2:], "</"+tool+">")
		if !ok {
			continue
		}
		var doc value.Doc
		if arguments, err := doc.ParseJSON(clineArguments(body)); err == nil {
			l.call("", tool, arguments)
		}
		return
	}
}

// clineArguments are the elements of a call as the JSON text of an object.
func clineArguments(body string) string {
	b := []byte{'{'}
	for {
		_, rest, ok := strings.Cut(body, "<")
		name, rest, closed := strings.Cut(rest, ">")
		content, after, ended := strings.Cut(rest, "</"+name+">")
		if !ok || !closed || !ended || name == "" || len(name) > 64 {
			return string(append(b, '}'))
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(value.AppendString(b, name), ':')
		b = value.AppendString(b, strings.Trim(content, "\n"))
		body = after
	}
}

// clineSurroundings finds the directory in what Cline and Roo Code tell the model with each message.
func (l *messageLog) clineSurroundings(text string) {
	if !strings.Contains(text, "# Current Work") {
		return
	}
	for _, mark := range []string{"# Current Working Directory (", "# Current Workspace Directory ("} {
		if _, rest, ok := strings.Cut(text, mark); ok {
			if dir, _, ok := strings.Cut(rest, ") Files"); ok && absolute(dir) {
				keep(&l.src.Known.Command.Cwd, dir)
			}
		}
	}
}

// clineResult reads "[execute_command for 'npm test'] Result:", and what follows it in this block or the next. It says
// whether the text was one.
func (l *messageLog) clineResult(text string, next value.Value) bool {
	head, rest, ok := strings.Cut(text, "] Result:")
	tool, _, _ := strings.Cut(strings.TrimPrefix(head, "["), " ")
	if !ok || !strings.HasPrefix(head, "[") || strings.Contains(tool, "]") {
		return false
	}
	if rest = strings.TrimSpace(rest); rest == "" {
		rest = str(next.Get("text"))
	}
	doc := docOf(next)
	l.result("", tool, doc.Text(rest), value.Value{})
	return true
}

// clineSays reads what Cline's and Roo Code's shell tells the model of a command, and what they say of any refusal.
func clineSays(f *schema.Fragment, text string) {
	var doc value.Doc
	said := jsonText(doc.Text(text))
	head, out, shown := strings.Cut(text, "\nOutput:\n")
	switch status := str(said.Get("status")); {
	case status == "denied":
		deny(f, "user", status, orElse(str(said.Get("feedback")), str(said.Get("message"))))
		noOutput(f, str(said.Get("message")))
	case status == "error" && said.Get("message").Exists():
		f.Event.Outcome = schema.OutcomeFailure
		noOutput(f, orElse(str(said.Get("error")), str(said.Get("message"))))
	case strings.HasPrefix(text, "The tool execution failed with the following error:"):
		f.Event.Outcome = schema.OutcomeFailure
		noOutput(f, element(text, "error"))
	case strings.HasPrefix(text, "Command is still running in "):
		f.Execution.Background = true
		f.Event.Outcome = schema.OutcomeUnknown
	case strings.HasPrefix(text, "Command executed in terminal ") && shown:
		setStdout(&f.Execution, out)
		if _, dir, ok := strings.Cut(head, "within working directory '"); ok {
			dir, _, _ = strings.Cut(dir, "'. ")
			f.Command.Cwd = dir
		}
		if code, ok := exitAfter(head, "Exit code: "); ok {
			setExit(f, code)
		} else if strings.Contains(head, "Process terminated by signal ") {
			f.Event.Outcome = schema.OutcomeFailure
		}
	case strings.HasPrefix(text, "Command executed.") && shown:
		setStdout(&f.Execution, out)
	}
}
