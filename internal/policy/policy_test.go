package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const claudeFile = `{"permissions": {
  "allow": ["Bash(go test:*)", "Bash(git status)", "Bash(ls *)", "Bash(git * main)", "Read", "Edit(/src/**)", "Edit(~/notes/*.md)", "WebFetch(domain:go.dev)", "mcp__github", "mcp__x__get_*", "Agent(Explore)"],
  "ask": ["Bash(git push:*)"],
  "deny": ["Bash(curl:*)", "Read(//etc/shadow)", "Read(.env)"]}}`

const codexFile = `
# what a build needs
prefix_rule(
    pattern = ["go", ["test", "build"]],
    match = ["go test ./...", ["go", "build"]],
    not_match = ["go run x", 'gofmt'],
    justification = """never asks""",
)
prefix_rule(pattern=["git", "push"], decision="prompt")
prefix_rule(pattern = ["rm"], decision = "forbidden",)
host_executable(name = "go", paths = ["/usr/bin/go"])
`

const ownFileText = `
rules:
  - {name: builds, exact: [make, make test]}
  - {name: tests, glob: ["go test *"], agents: ["codex*", night-watch], until: 2026-06-30}
  - {name: no clusters, effect: deny, regex: ["^kubectl (delete|drain)\\b"]}
  - {name: issues, tool: ["mcp__github__*issue*"]}
`

func load(t testing.TB) *Set {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for name, text := range map[string]string{"settings.json": claudeFile, "default.rules": codexFile, "own.yaml": ownFileText} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	s, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheck(t *testing.T) {
	s := load(t)
	early := time.Date(2026, 6, 30, 23, 0, 0, 0, time.UTC)
	sh := func(format, command string) Subject { return Subject{Command: command, Format: format, Time: early} }
	call := func(tool, args string) Subject {
		return Subject{Tool: tool, Arguments: args, Format: "claude", Time: early}
	}
	for _, c := range []struct {
		x    Subject
		want string // allow, ask and deny
	}{
		{sh("claude", "go test ./..."), "[Bash(go test:*)] [] []"},
		{sh("claude", "go test"), "[Bash(go test:*)] [] []"},
		{sh("claude", "go tests"), "[] [] []"},
		{sh("codex", "git status"), "[] [] []"},
		{sh("claude", "git status -s"), "[] [] []"},
		{sh("claude", "git status && go test ./..."), "[Bash(git status) Bash(go test:*)] [] []"},
		{sh("claude", "git status && make install"), "[] [] []"},
		{sh("claude", "git status; curl https://x.example"), "[] [] [Bash(curl:*)]"},
		{sh("claude", "ls -la $(curl x)"), "[] [] [Bash(curl:*)]"},
		{sh("claude", "git push origin main"), "[] [Bash(git push:*)] []"},
		{sh("claude", "git checkout main"), "[Bash(git * main)] [] []"},
		{sh("claude", "timeout 60 go test ./..."), "[Bash(go test:*)] [] []"},
		{sh("claude", "lsof"), "[] [] []"},
		{sh("claude", "ls"), "[Bash(ls *)] [] []"},
		{sh("claude", "ls > out"), "[Bash(ls *)] [] []"},
		{sh("claude", "ls 'open"), "[] [] []"},
		{sh("claude", "echo 'curl x'"), "[] [] []"},
		{call("Read", `{"file_path":"/work/a.go"}`), "[Read] [] []"},
		{call("Read", `{"file_path":"/etc/shadow"}`), "[] [] [Read(//etc/shadow)]"},
		{call("Read", `{"file_path":"/work/app/.env"}`), "[] [] [Read(.env)]"},
		{call("Write", `{"file_path":"/work/src/a/b.go"}`), "[Edit(/src/**)] [] []"},
		{call("Write", `{"file_path":"/work/src/../etc/x"}`), "[] [] []"},
		{call("Edit", `{"file_path":"/home/ann/notes/x.md"}`), "[Edit(~/notes/*.md)] [] []"},
		{call("Edit", `{"file_path":"/home/ann/notes/x/y.md"}`), "[] [] []"},
		{call("WebFetch", `{"url":"https://go.dev/doc"}`), "[WebFetch(domain:go.dev)] [] []"},
		{call("WebFetch", `{"url":"https://go.dev.evil.example/"}`), "[] [] []"},
		{call("mcp__github__create_issue", `{}`), "[mcp__github issues] [] []"},
		{call("mcp__githubx__get", `{}`), "[] [] []"},
		{call("mcp__x__get_all", `{}`), "[mcp__x__get_*] [] []"},
		{call("Agent", `{"subagent_type":"Explore"}`), "[Agent(Explore)] [] []"},
		{call("Agent", `{}`), "[] [] []"},
		{sh("codex", "go build ./..."), "[prefix_rule go test|build] [] []"},
		{sh("codex", "git push && rm x"), "[] [prefix_rule git push] [prefix_rule rm]"},
		{sh("codex", `g"o" test ./...`), "[prefix_rule go test|build] [] []"},
		{sh("codex", "go $X"), "[] [] []"},
		{Subject{Args: []string{"bash", "-lc", "go test ./..."}, Format: "codex", Time: early}, "[prefix_rule go test|build tests] [] []"},
		{Subject{Args: []string{"go", "test", "./..."}, Format: "codex", Time: early.AddDate(0, 0, 1)}, "[prefix_rule go test|build] [] []"},
		{Subject{Command: "go test x", Format: "native", Agent: "night-watch", Time: early}, "[tests] [] []"},
		{sh("native", "make test"), "[builds] [] []"},
		{sh("native", "make && kubectl delete ns x"), "[] [] [no clusters]"},
		{sh("native", strings.Repeat("(", 1000)), "[] [] []"},
		{sh("native", ""), "[] [] []"},
	} {
		v := s.Check(&c.x)
		got := fmt.Sprint(sorted(v.Allow), v.Ask, v.Deny)
		if got != c.want {
			t.Errorf("%s %s%s %s: %s, want %s", c.x.Format, c.x.Command, c.x.Tool, c.x.Arguments, got, c.want)
		}
	}
	if v := (*Set)(nil).Check(&Subject{Command: "ls"}); v.Allow != nil {
		t.Error("no rules allow something")
	}
}

// sorted keeps the order in which the files were read out of the comparison.
func sorted(list []string) []string {
	out := append([]string{}, list...)
	for i := range out {
		for j := i; j > 0 && rank(out[j]) < rank(out[j-1]); j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

func rank(s string) string {
	if strings.ContainsAny(s, "(_") && !strings.HasPrefix(s, "p") {
		return "0" + s
	}
	return "1" + s
}

func TestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"a.json":  `{"permissions": {"allow": "Bash"}}`,
		"b.json":  `{`,
		"a.rules": `prefix_rule(pattern = [])`,
		"b.rules": `prefix_rule(pattern = ["a"], decision = "maybe")`,
		"c.rules": `prefix_rule(pattern = ["a"], match = ["b"])`,
		"d.rules": `prefix_rule(pattern = ["a"], not_match = ["a b"])`,
		"e.rules": `x = 1`,
		"f.rules": `prefix_rule(pattern = ["secret`,
		"g.rules": "f(a = " + strings.Repeat("[", 99),
		"a.yaml":  "rules: [{exact: [secret]}]",
		"b.yaml":  "rules: [{name: a}]",
		"c.yaml":  "rules: [{name: a, exact: [secret], until: soon}]",
		"d.yaml":  "rules: [{name: a, regex: ['(?=secret)']}]",
		"e.yaml":  "rules: [{name: a, effect: maybe, exact: [x]}]",
		"f.yaml":  "rulez: []",
		"a.txt":   "",
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load([]string{file})
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s %s: %v", name, text, err)
		}
	}
	if _, err := Load([]string{"/nowhere.json"}); err == nil {
		t.Error("a file that is not there is no error")
	}
}

func FuzzClaude(f *testing.F) {
	f.Add(claudeFile, "git status && ls", `{"file_path":"/a"}`)
	f.Fuzz(func(t *testing.T, text, command, args string) {
		rules, err := ParseClaude([]byte(text))
		if err == nil {
			s := Set{rules}
			s.Check(&Subject{Command: command, Format: "claude"})
			s.Check(&Subject{Tool: command, Arguments: args, Format: "claude"})
		}
	})
}

func FuzzCodex(f *testing.F) {
	f.Add(codexFile, "go test ./... | rm")
	f.Fuzz(func(t *testing.T, text, command string) {
		if rules, err := ParseCodex(text); err == nil {
			(&Set{rules}).Check(&Subject{Command: command, Format: "codex"})
		}
	})
}

func FuzzOwn(f *testing.F) {
	f.Add(ownFileText, "make; kubectl drain x")
	f.Fuzz(func(t *testing.T, text, command string) {
		if rules, err := ParseOwn([]byte(text)); err == nil {
			(&Set{rules}).Check(&Subject{Command: command})
		}
	})
}
