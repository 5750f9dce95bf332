package convert

import "testing"

func FuzzTracee(f *testing.F) { fuzzLog(f, "tracee") }

func TestTraceeIsItsOwn(t *testing.T) { notStolen(t, &tracee{}, "tracee") }

func TestTracee(t *testing.T) {
	sameFacts(t, "tracee/events.jsonl",
		"shell-command, curl -s http://example.com/a b, in /srv, exit 22, failure",
		"shell-command, /nope x, failure",
		"tool-call, stdio_over_socket",
		"shell-command, ls -l, exit 0, success",
	)
}
