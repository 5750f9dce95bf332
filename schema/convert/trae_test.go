package convert

import "testing"

func FuzzTrae(f *testing.F) { fuzzLog(f, "trae") }

func TestTraeIsItsOwn(t *testing.T) { notStolen(t, &trae{}, "trae") }

func TestTrae(t *testing.T) {
	sameFacts(t, "trae/runs.jsonl",
		"shell-command, pytest -q, failure",
		"shell-command, sleep 600",
		"file-change, str_replace_based_edit_tool, success",
	)
}
