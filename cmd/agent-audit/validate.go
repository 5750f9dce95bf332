package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/fluentbit"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/pipeline"
	"github.com/agentaudit/agentaudit/internal/risk"
	"github.com/agentaudit/agentaudit/scrub"
)

func validateCommand() *cobra.Command {
	var strict, asJSON bool
	c := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check a configuration before it runs",
		Long: "Reads our configuration file (YAML), a Fluent Bit configuration with an agent_audit output (YAML or classic), " +
			"with all that it includes, or a file of scrubbing rules (.rules), and tells what would not work, what would be lost, and where secrets would lie open. " +
			"Nothing is started or written.\n\n" +
			"Fluent Bit accepts any key of a plugin without a word, so that a misspelt one does nothing: run this first.\n\n" +
			"Exit code 1 with errors (with --strict, also with warnings), 2 when a file cannot be read.",
		Example: `  agent-audit validate /etc/fluent-bit/fluent-bit.yaml
  agent-audit validate --strict fluent-bit.conf audit.yaml
  agent-audit validate my.rules   # do my rules find what they should?`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v := &validation{Findings: []fluentbit.Finding{}}
			for _, file := range args {
				if err := v.file(file); err != nil {
					return err
				}
			}
			return v.report(cmd.OutOrStdout(), strict, asJSON)
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "exit code 1 with warnings too")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: errors, warnings, notes, findings, outputs")
	return c
}

// validation is what was found in all files.
type validation struct {
	Errors   int                 `json:"errors"`
	Warnings int                 `json:"warnings"`
	Notes    int                 `json:"notes"`
	Findings []fluentbit.Finding `json:"findings"`
	// Outputs are what each output, or each file of ours, will do, in sentences.
	Outputs []outputPlan `json:"outputs"`
}

type outputPlan struct {
	File string   `json:"file"`
	Line int      `json:"line,omitempty"`
	Does []string `json:"does"`
}

func (v *validation) file(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if filepath.Ext(file) == ".rules" {
		v.rules(file)
		return nil
	}
	if fluentbit.IsYAML(file) && !fluentbit.Looks(text) {
		v.ours(file)
		return nil
	}
	c, err := fluentbit.Load(file)
	if err != nil {
		return err
	}
	outputs := c.Check()
	v.Findings = append(v.Findings, c.Findings...)
	for _, o := range outputs {
		if o.Works {
			v.plan(o.Config, o.File, o.Line)
		}
	}
	return nil
}

func (v *validation) add(s fluentbit.Severity, file string, line int, what, why, fix string) {
	v.Findings = append(v.Findings, fluentbit.Finding{Severity: s, File: file, Line: line, What: what, Why: why, Fix: fix})
}

// rules checks a file of rules that say what a secret is: that each finds its hits, and nothing in its misses.
func (v *validation) rules(file string) {
	rules, err := instance.ScrubRules([]string{file})
	if err != nil {
		v.add(fluentbit.Error, file, 0, err.Error(), "the output does not start with it in scrub.rules", "")
		return
	}
	engine, err := scrub.New(scrub.Options{Rules: rules})
	if err != nil {
		v.add(fluentbit.Error, file, 0, err.Error(), "the output does not start with it in scrub.rules", "")
		return
	}
	failed := engine.CheckSamples()
	for _, err := range failed {
		v.add(fluentbit.Error, file, 0, err.Error(), "the rule does not do what its samples say", "correct the pattern, the checks or the sample")
	}
	if len(failed) == 0 {
		v.Outputs = append(v.Outputs, outputPlan{File: file, Does: []string{fmt.Sprintf("%d rules, beside the built-in ones, find their hits and none of their misses", rules[0].Len())}})
	}
}

// ours checks a file of our own. What the Fluent Bit output may set as well is no error when it is missing here.
func (v *validation) ours(file string) {
	cfg, err := config.Load(file, nil)
	if cfg == nil {
		line, what := fluentbit.FileError(err, file)
		v.add(fluentbit.Error, file, line, what, "neither the plugin nor agent-audit import starts with it", "")
		return
	}
	x := &cfg.Exporters
	none := x.SQLite == nil && x.Archive == nil && x.Elasticsearch == nil && len(x.Plugins) == 0
	if cfg.StateDir == "" {
		v.add(fluentbit.Warning, file, 0, "state_dir is not set", "it has to come from elsewhere: the Fluent Bit output's state_dir, or import --state", "state_dir: /var/lib/agent-audit")
	}
	if none {
		v.add(fluentbit.Warning, file, 0, "no exporter is set", "it has to come from the Fluent Bit output: sqlite_path, archive_dir, s3_bucket or elasticsearch_url", "an exporters section with sqlite, archive, s3 or elasticsearch")
	}
	if err != nil && cfg.StateDir != "" && !none {
		v.add(fluentbit.Error, file, 0, err.Error(), "neither the plugin nor agent-audit import starts with it", "")
	}
	v.plan(cfg, file, 0)
}

// plan checks what only the write line can tell, and says what the configuration will do.
func (v *validation) plan(cfg *config.Config, file string, line int) {
	if err := tryPipeline(cfg); err != nil {
		v.add(fluentbit.Error, file, line, err.Error(), "the output does not start", "")
		return
	}
	for _, p := range cfg.Exporters.Plugins {
		if len(p.Command) == 0 || fluentbit.Symbolic(p.Command[0]) {
			continue
		}
		if _, err := exec.LookPath(p.Command[0]); err != nil {
			v.add(fluentbit.Warning, file, line, "exporter "+p.Name+": "+err.Error(), "on this machine it would not start, and records would wait for it", "install it, or correct the path")
		}
	}
	v.lock(cfg, file, line)
	v.erasable(cfg, file, line)
	v.Outputs = append(v.Outputs, outputPlan{File: file, Line: line, Does: sentences(cfg)})
}

// tryPipeline makes the write line on a journal in memory: it checks format, mapping, fields, and the samples of all
// rules: those that find secrets and those of risk.
func tryPipeline(cfg *config.Config) error {
	rules, err := instance.ScrubRules(cfg.Scrub.Rules)
	if err != nil {
		return err
	}
	engine, err := scrub.New(scrub.Options{Rules: rules})
	if err != nil {
		return err
	}
	if err := errors.Join(engine.CheckSamples()...); err != nil {
		return err
	}
	judge, err := risk.New(risk.Options{Rules: cfg.Risk.Rules, Sigma: cfg.Risk.Sigma})
	if err != nil {
		return err
	}
	if err := errors.Join(judge.CheckSamples()...); err != nil {
		return err
	}
	j, err := journal.Open("validate", func() string { return "validate" }, journal.Options{FS: vfs.NewMem()})
	if err != nil {
		return err
	}
	_, err = pipeline.New(pipeline.Options{Config: cfg, Journal: j, Scrub: engine})
	return errors.Join(err, j.Close())
}

func (v *validation) report(w io.Writer, strict, asJSON bool) error {
	for _, f := range v.Findings {
		switch f.Severity {
		case fluentbit.Error:
			v.Errors++
		case fluentbit.Warning:
			v.Warnings++
		default:
			v.Notes++
		}
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return err
		}
	} else {
		v.print(w)
	}
	if v.Errors > 0 || strict && v.Warnings > 0 {
		return errFinding
	}
	return nil
}

func (v *validation) print(w io.Writer) {
	for _, f := range v.Findings {
		fmt.Fprintf(w, "%s: %s: %s\n", place(f.File, f.Line), f.Severity, f.What)
		if f.Why != "" {
			fmt.Fprintf(w, "    why: %s\n", f.Why)
		}
		if f.Fix != "" {
			fmt.Fprintf(w, "    fix: %s\n", f.Fix)
		}
	}
	for _, o := range v.Outputs {
		fmt.Fprintf(w, "%s will do this:\n", place(o.File, o.Line))
		for _, s := range o.Does {
			fmt.Fprintf(w, "  - %s\n", s)
		}
	}
	fmt.Fprintf(w, "%d errors, %d warnings, %d notes\n", v.Errors, v.Warnings, v.Notes)
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
