package convert

import "testing"

func FuzzAutoGen(f *testing.F) { fuzzLog(f, "autogen") }

func TestAutoGenIsItsOwn(t *testing.T) { notStolen(t, &autoGen{}, "autogen") }

func TestAutoGen(t *testing.T) {
	sameFacts(t, "autogen/messages.jsonl",
		"shell-command, ls -la, success",
		"web-fetch, web_search, failure",
		"shell-command, pip install pandas, exit 1, failure",
		"shell-command, pwd",
		"shell-command, id",
	)
}
