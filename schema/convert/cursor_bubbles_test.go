package convert

import "testing"

func FuzzCursorBubbles(f *testing.F) { fuzzLog(f, "cursor-bubbles") }

func TestCursorBubblesIsItsOwn(t *testing.T) { notStolen(t, &cursorBubbles{}, "cursor-bubbles") }

func TestCursorBubbles(t *testing.T) {
	sameFacts(t, "cursor-bubbles/bubbles.jsonl",
		"shell-command, npm test, in /srv/shop, exit 1, failure",
		"shell-command, rm -rf /, failure, denied by user",
		"file-change, edit_file_v2, success",
		"file-read, read_file, failure",
		"shell-command, sleep 99, unknown, interrupted",
		"shell-command, git push, exit 0, success",
		"mcp-call, mcp_github_get_issue, success",
		"file-read, grep, success",
	)
}
