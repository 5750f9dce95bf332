package convert

import "testing"

func FuzzFalco(f *testing.F) { fuzzLog(f, "falco") }

func TestFalcoIsItsOwn(t *testing.T) { notStolen(t, &falco{}, "falco") }

func TestSysdig(t *testing.T) {
	sameFacts(t, "falco/sysdig.jsonl",
		"shell-command, ls -la /srv",
		"tool-call, openat",
	)
}
