package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	agentPage = "../../docs/agents.md"
)

// TestInputsOfAgents holds that every input on the page of agents is one that validate has nothing to say against, alone
// and beside all the others.
func TestInputsOfAgents(t *testing.T) {
	page, err := os.ReadFile(agentPage)
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 10 {
		t.Fatalf("%d inputs on the page", len(blocks))
	}
	all := ""
	for _, b := range blocks {
		if !strings.HasPrefix(b[1], "- name: ") {
			t.Errorf("not an input: %s", b[1])
			continue
		}
		input := "    " + strings.ReplaceAll(strings.TrimSpace(b[1]), "\n", "\n    ") + "\n"
		if found := validateInputs(t, input); found != "" {
			t.Errorf("%s\n%s", b[1], found)
		}
		all += input
	}
	if found := validateInputs(t, all); found != "" {
		t.Error("all inputs together:\n" + found)
	}
}

// validateInputs says what validate finds in a configuration with those inputs and the output of the README.
func validateInputs(t *testing.T, inputs string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fluent-bit.yaml")
	text := "service:\n  flush: 1\n  coro_stack_size: 65536\nplugins:\n  - /opt/agent-audit/out_agent_audit.so\npipeline:\n  inputs:\n" +
		inputs + "  outputs:\n    - name: agent_audit\n      match: agents*\n      workers: 1\n      retry_limit: no_limits\n" +
		"      state_dir: /var/lib/agent-audit\n      organization: example\n      archive_dir: /var/lib/agent-audit/archive\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v := new(validation)
	if err := v.file(file); err != nil {
		t.Fatal(err)
	}
	if len(v.Outputs) != 1 {
		t.Errorf("%d outputs work", len(v.Outputs))
	}
	var found []string
	for _, f := range v.Findings {
		found = append(found, f.What+": "+f.Why+" ("+f.Fix+")")
	}
	return strings.Join(found, "\n")
}

// TestExampleOfAlerts holds that validate has nothing to say against the example of alerts, and that the outputs of alerts
// and of agents do not feed each other.
func TestExampleOfAlerts(t *testing.T) {
	for _, file := range []string{"fluent-bit.yaml", "agent-audit.yaml"} {
		v := new(validation)
		if err := v.file(filepath.Join("../../examples/alerts", file)); err != nil {
			t.Fatal(err)
		}
		for _, f := range v.Findings {
			if !strings.Contains(f.What, "/etc/agent-audit/") && !strings.Contains(f.What, "/opt/agent-audit/") { // which this machine has not
				t.Errorf("%s: %s: %s (%s)", file, f.What, f.Why, f.Fix)
			}
		}
	}
}
