package convert

import "testing"

func FuzzSpans(f *testing.F) { fuzzLog(f, "spans") }

func TestSpansExported(t *testing.T) {
	sameFacts(t, "spans/phoenix.jsonl",
		"shell-command, ls, success",
		"shell-command, id, success",
	)
}
