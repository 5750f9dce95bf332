package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func FuzzSpecStory(f *testing.F) {
	own := allLogs(f)["specstory/history.md"]
	for i := range own {
		f.Add(own[max(0, i-1)], own[i])
	}
	c := testConverter(f, "specstory")
	f.Fuzz(func(t *testing.T, a, b string) {
		src := new(Source)
		feed(c, src, []string{own[4], own[12], a, b, own[23]}, func(f *schema.Fragment) { checkFragment(t, f) })
	})
}

func TestSpecStoryIsItsOwn(t *testing.T) { notStolen(t, &specStory{}, "specstory") }

func TestSpecStory(t *testing.T) {
	sameFacts(t, "specstory/history.md",
		"shell-command, make build, exit 2, failure",
		"file-read, Read",
		"shell-command, cd src\ngrep -rn \"x\" .",
		"shell-command, rm -rf /srv/old, failure, denied by user",
		"shell-command, git status --short, exit 0, success",
		"tool-call, exec_command",
		"shell-command, npm test",
		"file-change, search_replace",
	)
}
