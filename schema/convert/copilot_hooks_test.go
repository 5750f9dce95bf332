package convert

import "testing"

func FuzzCopilotHooks(f *testing.F) { fuzzLog(f, "copilot-hooks") }

func TestCopilotHooksIsItsOwn(t *testing.T) { notStolen(t, &copilotHooks{}, "copilot-hooks") }

func TestCopilotHooks(t *testing.T) {
	sameFacts(t, "copilot-hooks/hooks.jsonl",
		"shell-command, npm test, in /srv/shop, exit 1, failure",
		"file-change, edit, in /srv/shop, success",
		"shell-command, npm test, in /srv/shop, exit 0, success",
		"shell-command, rm -rf /srv, in /srv/shop, failure, denied by hook",
		"file-read, view, in /srv/shop, success",
		"shell-command, sleep 900, in /srv/shop",
	)
}
