package convert

import "testing"

func FuzzCascade(f *testing.F) { fuzzLog(f, "cascade") }

func TestCascadeIsItsOwn(t *testing.T) { notStolen(t, &cascade{}, "cascade") }

func TestCascade(t *testing.T) {
	sameFacts(t, "cascade/hooks.jsonl",
		"shell-command, npm install left-pad, in /srv/shop",
		"file-change, write_to_file",
		"file-read, view_file",
		"mcp-call, mcp__github__list_commits",
		"shell-command, rm -rf /, in /srv/shop",
	)
	sameFacts(t, "cascade/steps.jsonl",
		"shell-command, make test, in /srv/shop, exit 2, failure",
		"file-read, view_file, success",
		"mcp-call, mcp__github__get_issue, success",
		"shell-command, git push, in /srv/shop",
		"shell-command, git push --force, in /srv/shop, unknown, interrupted",
		"file-change, code_action, failure",
		"web-fetch, browser_click, success",
		"shell-command, ls, exit 0, success",
		"web-fetch, search_web, success",
	)
}
