package convert

import "testing"

func FuzzInspect(f *testing.F) { fuzzLog(f, "inspect") }

func TestInspectIsItsOwn(t *testing.T) { notStolen(t, &inspectAI{}, "inspect") }

func TestInspect(t *testing.T) {
	sameFacts(t, "inspect/logs.jsonl",
		"shell-command, cat flag, success, approved by human",
		"shell-command, rm -rf /, failure, denied by policy",
		"shell-command, sleep 999, failure",
		"web-fetch, web_search, auto_approved by auto",
		"tool-call, python, success",
		"shell-command, ls, success",
	)
}
