package convert

import "testing"

func TestShellHistory(t *testing.T)         { goldenHostLog(t, "shell-history/history.txt") }
func TestShellHistoryIsItsOwn(t *testing.T) { notStolen(t, &shellHistory{}) }
func FuzzShellHistory(f *testing.F)         { fuzzHostLog(f, "shell-history/history.txt") }

func TestShellHistoryOfFishAndZsh(t *testing.T) {
	sameFacts(t, "shell-history/fish.txt",
		"shell-command, make test",
		"shell-command, git commit -m \"a\nb\" -- 'c:\\d'",
		"shell-command, ls",
	)
	sameFacts(t, "shell-history/zsh.txt",
		"shell-command, ls -la",
		"shell-command, for i in a b",
		"shell-command, do echo $i",
		"shell-command, done",
		"shell-command, pwd",
	)
}
