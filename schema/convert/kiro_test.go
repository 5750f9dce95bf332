package convert

import "testing"

func FuzzKiro(f *testing.F) { fuzzLog(f, "kiro") }

func TestKiroIsItsOwn(t *testing.T) { notStolen(t, &kiro{}, "kiro") }

func TestKiro(t *testing.T) {
	sameFacts(t, "kiro/conversations.jsonl",
		"shell-command, ls /tmp, in /srv/infra, exit 2, failure",
		"file-read, fs_read, in /srv/infra, success",
		"shell-command, rm -rf /tmp/x, in /srv/infra, failure, denied by user",
		"shell-command, sleep 600, in /srv/infra, unknown, interrupted",
		"tool-call, use_aws, in /srv/infra, failure, denied by config",
		"shell-command, uname -m, in /srv/infra, exit 0, success",
	)
	sameFacts(t, "kiro/session.jsonl",
		"shell-command, make build, exit 1, failure",
		"file-read, read, failure",
		"shell-command, true, exit 0, success",
	)
}
