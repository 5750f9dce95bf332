package convert

import "testing"

func FuzzOsquery(f *testing.F) { fuzzLog(f, "osquery") }

func TestOsqueryIsItsOwn(t *testing.T) { notStolen(t, &osquery{}, "osquery") }

func TestOsquery(t *testing.T) {
	sameFacts(t, "osquery/results.jsonl",
		"shell-command, curl -s http://example.com, in /srv",
		"shell-command, ls",
		"shell-command, git push",
		"shell-command, id, in /, success",
	)
}
