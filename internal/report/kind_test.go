package report

import (
	"strings"
	"testing"
)

func TestKindOfCommand(t *testing.T) {
	for line, want := range map[string]string{
		"git push --force origin main":             "git push",
		"/usr/bin/git -C /x status":                "git",
		"git --no-pager log":                       "git log",
		"FOO=1 ls -l | grep x":                     "ls + grep",
		"cd /srv && npm run test && npm run build": "cd + npm run",
		"$CMD x":                             "(computed)",
		"echo $(rm -rf /)":                   "echo + rm",
		"kubectl 'delete' pod x":             "kubectl",
		"if true; then reboot; fi":           "true + reboot",
		"a; b; c; d; e":                      "a + b + c + d + …",
		"echo 'open":                         unparsed,
		"":                                   unparsed,
		strings.Repeat("x ", longestCommand): unparsed,
	} {
		if got := kindOfCommand(line); got != want {
			t.Errorf("%.60q: %q, want %q", line, got, want)
		}
	}
}

func FuzzKindOfCommand(f *testing.F) {
	f.Add("git push && $(x) | <(y)")
	f.Fuzz(func(t *testing.T, line string) {
		if kindOfCommand(line) == "" {
			t.Error("a command without a kind")
		}
	})
}
