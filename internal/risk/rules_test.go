package risk

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestAssess(t *testing.T) {
	e := mustNew(t)
	for _, test := range []struct {
		name     string
		s        Subject
		min, max int
		category string
		rule     string
	}{
		{"nothing", Subject{}, 0, 0, "unknown", ""},
		{"read-only", Subject{Command: "ls -la | head"}, 1, 5, "read-only", "read"},
		{"unknown", Subject{Command: "frobnicate"}, 15, 20, "unknown", "unknown-program"},
		{"argv", Subject{Args: []string{"rm", "-rf", "/"}}, 90, 100, "destruction", "delete-root-or-home"},
		{"argv of a shell", Subject{Args: []string{"bash", "-lc", "cd / && rm -rf *"}}, 90, 100, "destruction", "delete-root-or-home"},
		{"argv is words, not text", Subject{Args: []string{"echo", "a; rm -rf /"}}, 1, 5, "read-only", "read"},
		{"shell tool", Subject{Tool: "Bash", Arguments: `{"command":"rm -rf /"}`}, 90, 100, "destruction", "delete-root-or-home"},
		{"Codex shell", Subject{Tool: "shell", Arguments: `{"command":["bash","-lc","rm -rf /"]}`}, 90, 100, "destruction", "delete-root-or-home"},
		{"Codex local shell", Subject{Tool: "local_shell", Arguments: `{"action":{"command":["rm","-rf","/"]}}`}, 90, 100, "destruction", "delete-root-or-home"},
		{"MCP shell", Subject{Tool: "mcp__host__execute_command", Arguments: `{"command":"rm -rf /"}`}, 90, 100, "destruction", "delete-root-or-home"},
		{"tool's folder", Subject{Tool: "exec_command", Arguments: `{"cmd":"rm -rf nginx","workdir":"/etc"}`}, 80, 100, "destruction", "delete-system"},
		{"edit", Subject{Tool: "Edit", Arguments: `{"file_path":"/p/main.go","new_string":"rm -rf /"}`}, 10, 25, "file-change", "edit-file"},
		{"edit sudoers", Subject{Tool: "Edit", Arguments: `{"file_path":"/etc/sudoers"}`}, 90, 100, "privilege-escalation", "write-sudoers"},
		{"patch agent logs", Subject{Tool: "apply_patch", Arguments: `{"input":"*** Begin Patch\n*** Update File: /root/.codex/sessions/a.jsonl\n"}`}, 90, 100, "defense-evasion", "tamper-agent-logs"},
		{"read", Subject{Tool: "Read", Arguments: `{"file_path":"main.go"}`}, 1, 5, "read-only", "tool-read"},
		{"web", Subject{Tool: "web_fetch", Arguments: `{"url":"https://example.org"}`}, 15, 29, "network", "network-fetch"},
		{"MCP SQL", Subject{Tool: "mcp__pg__query", Arguments: `{"sql":"DROP TABLE users"}`}, 80, 100, "data-store-change", "data-drop"},
		{"camel case", Subject{Tool: "mcp__gh__deleteRepository", Arguments: `{}`}, 75, 80, "infrastructure-change", "tool-delete-broad"},
		{"no verb", Subject{Tool: "mcp__x__postgres_health", Arguments: `{}`}, 15, 20, "unknown", "unknown-program"},
		{"MCP unknown", Subject{Tool: "mcp__x__frobnicate", Arguments: `not JSON`}, 15, 20, "unknown", "unknown-program"},
		{"root counts", Subject{Command: "sudo rm -rf /etc"}, 93, 100, "destruction", "as-root"},
		{"root alone does not", Subject{Command: "sudo ls"}, 1, 5, "read-only", "read"},
		{"cut", Subject{Command: "ls; " + strings.Repeat("x", 1<<20)}, 40, 60, "defense-evasion", "unparsed-command"},
		{"not shell", Subject{Command: "rm -rf / 'open"}, 90, 100, "destruction", "unparsed-command"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := e.Assess(test.s)
			if a.Score < test.min || a.Score > test.max || a.Category != test.category {
				t.Errorf("score %d, category %s; want %d–%d, %s: %v", a.Score, a.Category, test.min, test.max, test.category, a.Rules)
			}
			if test.rule != "" && !slices.Contains(a.Rules, test.rule) {
				t.Errorf("rules %v lack %s", a.Rules, test.rule)
			}
			if len(a.Reasons) != len(a.Rules) || !slices.IsSorted(a.Techniques) {
				t.Errorf("malformed: %+v", a)
			}
		})
	}
}

// TestConcurrent shares one engine among goroutines; run with -race.
func TestConcurrent(t *testing.T) {
	e := mustNew(t)
	want := map[string]int{}
	for _, cmd := range dangerous {
		want[cmd] = e.Assess(Subject{Command: cmd}).Score
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, cmd := range slices.Concat(ordinary, dangerous) {
				if a := e.Assess(Subject{Command: cmd}); want[cmd] != 0 && a.Score != want[cmd] {
					t.Errorf("%q: %d, before %d", cmd, a.Score, want[cmd])
				}
			}
		})
	}
	wg.Wait()
}

// TestRuleFile holds that a rule file's mistakes are refused, and say where they are.
func TestRuleFile(t *testing.T) {
	const head = "ruleset: agent-audit-risk/2\nclasses: {null-device: [/dev/null]}\n" +
		"lists: {packers: [tar], fetchers: [curl], shells: [sh], interpreters: [perl]}\nrules:\n  - {id: a, category: network, reason: A., "
	for text, want := range map[string]string{
		"ruleset: other/1": "ruleset",
		head + "score: 10, match: [{programs: [a]}], samples: {}}":                    "",
		head + "score: 10, add: 2, match: [{programs: [a]}]}":                         "score",
		head + "score: 10, match: [{programms: [a]}]}":                                "programms",
		head + "score: 10, match: [{target: [nowhere]}]}":                             "nowhere",
		head + "score: 10, match: [{programs: ['@none']}]}":                           "@none",
		head + "score: 10, match: [{is: [odd]}]}":                                     "odd",
		head + "score: 10, match: [{sql: [odd]}]}":                                    "odd",
		head + "score: 10, match: [{code: ['(']}]}":                                   "missing",
		head + "score: 10, match: [{programs: [a]}]}\n  - {id: a, category: network}": "twice",
	} {
		f, err := parseFile([]byte(text))
		if err == nil {
			_, err = compile(f)
		}
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v lacks %q", text, err, want)
		}
	}
}
