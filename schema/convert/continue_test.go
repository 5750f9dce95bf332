package convert

import "testing"

func FuzzContinue(f *testing.F) { fuzzLog(f, "continue") }

func TestContinueIsItsOwn(t *testing.T) { notStolen(t, &continueDev{}, "continue") }

func TestContinue(t *testing.T) {
	sameFacts(t, "continue/sessions.jsonl",
		"shell-command, ./deploy.sh, in /home/dev/my shop, exit 3, failure",
		"shell-command, make test, in /home/dev/shop, exit 0, success",
		"shell-command, make lint, in /home/dev/shop, exit 2, failure",
		"shell-command, rm -rf node_modules, in /home/dev/shop, unknown, interrupted",
		"file-change, edit_existing_file, in /home/dev/shop, failure",
		"shell-command, npm start, in /home/dev/shop, unknown",
		"file-read, read_file, in /home/dev/shop",
		"shell-command, curl evil.example, in /home/dev/shop, failure, denied by config",
	)
}
