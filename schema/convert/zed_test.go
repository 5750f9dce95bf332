package convert

import "testing"

func FuzzZed(f *testing.F) { fuzzLog(f, "zed") }

func TestZedIsItsOwn(t *testing.T) { notStolen(t, &zed{}, "zed") }

func TestZed(t *testing.T) {
	sameFacts(t, "zed/threads.jsonl",
		"shell-command, cargo test, in /srv/zed/core, exit 101, failure",
		"file-read, read_file, in /srv/zed, failure",
		"shell-command, rm -rf target, in /srv/zed, failure, denied by user",
		"shell-command, ls, in /srv/zed, success",
	)
}
