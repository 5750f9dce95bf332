package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/policy"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/report"
)

func reportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Report on the trail",
	}
	c.AddCommand(reportPolicyCommand())
	return c
}

// policyReport are the flags of report policy.
type policyReport struct {
	filters
	o                         report.Options
	before, unrefused, output string
	to                        string
	configured                []string
	force                     bool
}

func reportPolicyCommand() *cobra.Command {
	r := &policyReport{}
	c := &cobra.Command{
		Use:   "policy",
		Short: "Tell which rules of authorisation let through what, and which to change",
		Long: "Reads a period of the trail (30 days, if nothing else is said) and tells: 1. what was above a risk and approved by no " +
			"person, by rule, agent and day; 2. what was approved despite an anomaly; 3. rules that never fire: those that are configured " +
			"or decided something before the period, and nothing in it; 4. rules that let through what failed; 5. what people approved and " +
			"denied, by kind of command, and what could be allowed; 6. changes to make, each with the records behind it.\n\n" +
			"A rule is the one that the log names. Where it names none, a rule that would match is marked as inferred.\n\n" +
			"All records of the period are read: of a large trail, narrow it down.\n" + filterHelp,
		Example: `  agent-audit report policy
  agent-audit report policy --since 90d --risk-above 80 -o html --to policy.html
  agent-audit report policy --source dir:/var/lib/agent-audit/archive --agent codex -o csv
  agent-audit report policy --configured ~/.claude/settings.json -o json | jq '.suggestions[]'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args) },
	}
	r.register(c)
	r.registerRules(c)
	c.Flags().Lookup("since").Usage = "from this time on: RFC 3339, date or age (default 30d)"
	hide(c, "limit", "oldest-first", "id")
	c.Flags().IntVar(&r.o.Above, "risk-above", 70, "what is dangerous has a higher score than this")
	c.Flags().StringVar(&r.before, "before", "", "how long before the period rules that fired and refusals are looked for (default: as long as the period)")
	c.Flags().StringVar(&r.unrefused, "unrefused", "30d", "for how long nobody may have refused what could be allowed")
	c.Flags().IntVar(&r.o.Approvals, "approvals", 5, "how often people must have approved what could be allowed")
	c.Flags().StringSliceVar(&r.configured, "configured", nil, "files of the rules that are configured: Claude Code's settings (*.json), Codex's (*.rules), ours (*.yaml), or a name a line")
	c.Flags().StringVarP(&r.output, "output", "o", "text", "form: text, json, csv, html (a page that stands alone)")
	c.Flags().StringVar(&r.to, "to", "-", "file to write; - is standard output")
	c.Flags().BoolVar(&r.force, "force", false, "replace the file if it exists")
	completeWords(c, "output", "text", "json", "csv", "html")
	return c
}

func hide(c *cobra.Command, flags ...string) {
	for _, f := range flags {
		_ = c.Flags().MarkHidden(f)
	}
}

func (r *policyReport) run(cmd *cobra.Command, args []string) error {
	if err := r.options(cmd, args); err != nil {
		return err
	}
	write, ok := map[string]func(*report.Policy, io.Writer) error{
		"text": (*report.Policy).WriteText, "json": (*report.Policy).WriteJSON, "csv": (*report.Policy).WriteCSV,
		"html": func(p *report.Policy, w io.Writer) error { return p.WriteHTML(w, time.Now()) },
	}[r.output]
	if !ok {
		return fmt.Errorf("form %q is not known; text, json, csv and html are", r.output)
	}
	redact, err := redactor(r.rules)
	if err != nil {
		return err
	}
	r.o.Redact = redact.Row
	source, err := r.open(cmd.Context())
	if err != nil {
		return err
	}
	defer source.Close()
	p, err := report.Build(cmd.Context(), source, r.o)
	if err != nil {
		return err
	}
	noteRedacted(cmd.ErrOrStderr(), redact.Changed)
	if r.to == "-" {
		return write(p, cmd.OutOrStdout())
	}
	file, err := createFile(r.to, r.force)
	if err != nil {
		return err
	}
	defer file.abandon()
	if err := write(p, file); err != nil {
		return err
	}
	return file.commit()
}

// options reads the flags.
func (r *policyReport) options(cmd *cobra.Command, args []string) error {
	if r.since == "" {
		r.since = "30d"
	}
	q, err := r.query(cmd, args)
	if err != nil {
		return err
	}
	if q.Until.IsZero() {
		q.Until = time.Now().UTC()
	}
	r.o.Query, r.o.Before = q, q.Until.Sub(q.Since)
	if r.before != "" {
		var ok bool
		if r.o.Before, ok = query.ParseAge(r.before); !ok {
			return fmt.Errorf("--before: %q is no duration such as 90d", r.before)
		}
	}
	var ok bool
	if r.o.Unrefused, ok = query.ParseAge(r.unrefused); !ok {
		return fmt.Errorf("--unrefused: %q is no duration such as 30d", r.unrefused)
	}
	if q.RiskMin != nil || q.RiskMax != nil || len(q.Decision) > 0 {
		return errors.New("a report is of all risks and decisions: narrow it down by agent, user, host, session or command")
	}
	for _, file := range r.configured {
		rules, err := configuredRules(file)
		if err != nil {
			return err
		}
		r.o.Known = append(r.o.Known, rules...)
	}
	return r.o.Check()
}

// configuredRules are the names of a file's rules that allow: of one that policy reads, or one a line.
func configuredRules(file string) (names []string, _ error) {
	switch filepath.Ext(file) {
	case ".json", ".rules", ".yaml", ".yml":
		set, err := policy.Load([]string{file})
		if err != nil {
			return nil, err
		}
		for _, rule := range set.Rules {
			if rule.Effect == policy.Allow {
				names = append(names, rule.Name)
			}
		}
		return names, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if rule := strings.TrimSpace(line); rule != "" && !strings.HasPrefix(rule, "#") {
			names = append(names, rule)
		}
	}
	return names, nil
}
