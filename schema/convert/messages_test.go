package convert

import (
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func FuzzMessages(f *testing.F) { fuzzLog(f, "messages") }

func FuzzClineUI(f *testing.F) { fuzzLog(f, "cline-ui") }

func FuzzAntigravity(f *testing.F) { fuzzLog(f, "antigravity") }

func FuzzVSCode(f *testing.F) { fuzzLog(f, "vscode") }

func FuzzToolEvents(f *testing.F) { fuzzLog(f, "tool-events") }

// TestToolEventWords holds which words are about a tool, and which are not.
func TestToolEventWords(t *testing.T) {
	for word, want := range map[string]string{
		"tool_use": "request", "tool-call": "request", "toolCall": "request", "function_call": "request", "tool.start": "request",
		"PreToolUse": "request", "beforeShellExecution": "request", "BeforeTool": "request", "tool_execution_start": "request",
		"tool_result": "result", "function_call_output": "result", "tool.end": "result", "postToolUse": "result",
		"afterShellExecution": "result", "AfterTool": "result", "tool_call_completed": "result", "tool_error": "result",
		"message": "", "session.start": "", "assistant": "", "toolbar": "", "": "", "checkpoint.saved": "",
	} {
		role, ok := toolEvent(word)
		if got := role.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%s: got %s %t, want %s", word, got, ok, want)
		}
	}
}

// TestExitInText holds that only what a tool says of a command is its exit code.
func TestExitInText(t *testing.T) {
	for text, want := range map[string]int64{
		"Exit code: 2\nout": 2, "out\n[Exit code: 3]": 3, "Command failed with exit code 4": 4, "out\nProcess exited with code 127": 127,
		"exit status 5": 5, "out": -1, "make: *** [all] Error: the job had exit code 7": -1, "I saw exit code 3 in the log": -1, "": -1,
	} {
		got, ok := exitInText(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestSessionOfPath(t *testing.T) {
	for path, want := range map[string]string{
		"/home/dev/.continue/sessions/9f1c.json": "9f1c", `C:\x\tasks\1750\api_conversation_history.json`: "1750",
		"/a/b.messages.json": "b", "": "", "/home/dev/.cache/run/log.jsonl": "run",
	} {
		if got := sessionOfPath(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// TestToolEventsCrowd holds that a result without an id is given to no call when two are waiting.
func TestToolEventsCrowd(t *testing.T) {
	const call, result = `{"kind":"tool-call","conversation_id":"w","time":17776620%02d,"tool":"bash","args":{"command":"%s"}}`,
		`{"kind":"tool-result","conversation_id":"w","time":1777662009,"tool":"bash","result":"%s"}`
	line := func(form, s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(form, "%02d", "01"), "%s", s)
	}
	for _, c := range []struct {
		log  []string
		want string
	}{
		{[]string{line(call, "one"), line(result, "1")}, "one 1"},
		{[]string{line(call, "one"), line(call, "two"), line(result, "1"), line(result, "2")}, "one , two , 1, 2"},
		{[]string{line(result, "1"), line(call, "one")}, "1, one "},
		{[]string{line(call, "one"), line(result, "1"), line(result, "2")}, "one 1, 2"},
		{[]string{line(call, "one"), `{"role":"user","content":"stop"}`, line(call, "two"), line(result, "2")}, "one , two 2"},
	} {
		var got []string
		for _, a := range readLog(t, strings.Join(c.log, "\n"), "auto") {
			if a.Event.Action == schema.ActionLog {
				got = append(got, a.Execution.Stdout)
			} else {
				got = append(got, a.Command.Line+" "+a.Execution.Stdout)
			}
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("got %q, want %q", s, c.want)
		}
	}
}

func TestToolsOfAnyAgent(t *testing.T) {
	sameFacts(t, "tool-events/crewai.jsonl",
		"shell-command, ls",
		"shell-command, false, exit 1, failure",
	)
	sameFacts(t, "tool-events/frameworks.jsonl",
		"shell-command, id, exit 3, failure",
	)
	sameFacts(t, "native/tools.jsonl",
		"shell-command, ls, in /srv, exit 0, success",
		"shell-command, false, exit 1, failure",
		"file-read, read_file",
		"executed, ls -la, in /srv, success",
	)
	sameFacts(t, "messages/tools.jsonl",
		"shell-command, ls, success",
		"shell-command, cargo test, in /srv/backend, failure",
	)
}
