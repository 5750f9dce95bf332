package convert

import "testing"

func FuzzSteps(f *testing.F) { fuzzLog(f, "steps") }

func TestSteps(t *testing.T) {
	sameFacts(t, "steps/steps.jsonl",
		"tool-call, python_interpreter",
		"web-fetch, web_search",
		"web-fetch, visit_webpage",
		"shell-command, make, failure",
		"shell-command, ls /srv",
		"file-read, read_file",
		"shell-command, go vet ./..., in /srv/shop, exit 1, failure",
	)
}
