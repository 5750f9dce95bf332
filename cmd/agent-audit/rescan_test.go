package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/schema"
)

// TestRescan holds that secrets which older rules have let into a store are listed, and never shown.
func TestRescan(t *testing.T) {
	secret := "gh" + "p_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFQ7xZ"
	leaky := exportertest.Action("s", 1)
	leaky.Command.Line = "curl -H 'X: " + secret + "' https://example.org"
	leaky.Execution.Stdout = "one\ntoken " + secret + "\n"
	leaky.Command.Args = []string{"mysql", "-p" + secret[4:20]}
	leaky.Command.ToolArguments = schema.JSON(`{"password":"` + secret[4:20] + `"}`)
	leaky.Trail.Ruleset = "agent-audit/0"
	clean := exportertest.Action("s", 0)
	clean.Command.Line = "echo [REDACTED:github-token:k1:9f2c1a7be04d5c66]"

	dir := t.TempDir()
	for name, store := range map[string]struct {
		open     exporters.Opener
		settings map[string]any
	}{
		"sqlite:" + filepath.Join(dir, "audit.db"): {sqlite.Open, map[string]any{"path": filepath.Join(dir, "audit.db")}},
		"dir:" + filepath.Join(dir, "archive"):     {archive.Open, map[string]any{"dir": filepath.Join(dir, "archive"), "key_file": filepath.Join(dir, "key")}},
	} {
		settings, _ := json.Marshal(store.settings)
		e, err := store.open(t.Context(), settings)
		if err != nil {
			t.Fatal(err)
		}
		var records []exporters.Record
		for i, a := range []*schema.Action{clean, leaky} {
			a.Trail.Sequence = schema.Some(int64(i))
			records = append(records, exporters.Record{Sequence: uint64(i), JSON: a.AppendJSON(nil)})
		}
		if _, refused, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records}); err != nil || len(refused) > 0 {
			t.Fatal(err, refused)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}

		var out bytes.Buffer
		err = runRescan(&out, "--source", name, "--json")
		if !errors.Is(err, errFinding) {
			t.Fatalf("%s: %v", name, err)
		}
		fields := map[string]string{}
		for line := range strings.Lines(out.String()) {
			var l leak
			if err := json.Unmarshal([]byte(line), &l); err != nil || l.Record != leaky.Event.ID || l.Ruleset != "agent-audit/0" || l.Sequence != 1 {
				t.Errorf("%s: %q: %v", name, line, err)
			}
			fields[l.Field] = l.Kind
			if strings.Contains(line, secret[4:12]) {
				t.Errorf("%s: shows the secret", name)
			}
		}
		for _, f := range []string{"process.command_line", "agent_audit.execution.stdout", "process.args", "gen_ai.tool.call.arguments"} {
			if fields[f] == "" {
				t.Errorf("%s: nothing found in %s: %v", name, f, fields)
			}
		}
		if err := runRescan(&out, "--source", name, "--id", clean.Event.ID); err != nil {
			t.Errorf("%s: of the clean record: %v", name, err)
		}
	}
}

func runRescan(out *bytes.Buffer, args ...string) error {
	out.Reset()
	c := rescanCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetOut(out)
	c.SetErr(new(bytes.Buffer))
	c.SetArgs(args)
	return c.Execute()
}
