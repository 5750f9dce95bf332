package convert

import "testing"

func FuzzAmp(f *testing.F) { fuzzLog(f, "amp") }

func TestAmpIsItsOwn(t *testing.T) { notStolen(t, &amp{}, "amp") }

func TestAmp(t *testing.T) {
	sameFacts(t, "amp/threads.jsonl",
		"shell-command, go test ./..., in /srv/shop, exit 1, failure",
		"file-change, edit_file, in /srv/shop, failure",
		"shell-command, git push, in /srv/shop, failure, denied by user",
		"shell-command, sleep 99, in /srv/shop, unknown, interrupted",
		"file-read, Read, in /srv/shop",
	)
}
