package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/logfile"
	"github.com/agentaudit/agentaudit/internal/pipeline"
	"github.com/agentaudit/agentaudit/scrub"
)

func convertCommand() *cobra.Command {
	var file, format, output string
	var why, asJSON bool
	c := &cobra.Command{
		Use:   "convert FILE|DIR...",
		Short: "Print logs as audit records; nothing is stored",
		Long: "Runs the write line over logs and prints the records, scrubbed, one ECS document a line. " +
			"Redactions carry no fingerprints, for there is no key.\n\n" +
			"With --explain it prints instead, for each log, which formats were recognised in it and by which fields, how many " +
			"records each took and how many actions came of them, and what nothing recognised: names of fields, never values.",
		Example: `  agent-audit convert ~/.claude/projects/shop/session.jsonl | jq .process.command_line
  agent-audit convert --config mapping.yaml agent.log   # does my mapping fit?
  agent-audit convert --explain ~/.gemini   # what is in these logs, and what is missed?`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "ndjson" {
				return fmt.Errorf("output %q is not known: ndjson is", output)
			}
			cfg, err := convertConfig(file, format)
			if err != nil {
				return err
			}
			w := bufio.NewWriterSize(cmd.OutOrStdout(), 256<<10)
			if why {
				return errors.Join(explain(cfg, args, asJSON, w), w.Flush())
			}
			if asJSON {
				return errors.New("--json goes with --explain; records are JSON as they are")
			}
			return errors.Join(convertLogs(cfg, args, w), w.Flush())
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "ndjson", "form of the output")
	c.Flags().BoolVar(&why, "explain", false, "tell what was recognised and why, instead of the records")
	c.Flags().BoolVar(&asJSON, "json", false, "with --explain: print JSON, one object a log")
	c.Flags().StringVar(&format, "format", "", "format of the logs (default: recognised)")
	c.Flags().StringVar(&file, "config", "", "configuration file, for its fields and mapping")
	return c
}

// convertConfig is the configuration of a write line that delivers nowhere.
func convertConfig(file, format string) (*config.Config, error) {
	unused := filepath.Join(os.TempDir(), "agent-audit-unused")
	return config.Load(file, func(key string) string {
		return map[string]string{
			"format": format, "state_dir": unused, "sqlite_path": unused, "pair_window": allFiles, "lane_window": allFiles,
		}[key]
	})
}

// convertLogs runs the write line on a journal in memory and prints its records after each chunk.
func convertLogs(cfg *config.Config, args []string, w io.Writer) error {
	files, err := logfile.Files(args)
	if err != nil {
		return err
	}
	rules, err := instance.ScrubRules(cfg.Scrub.Rules)
	if err != nil {
		return err
	}
	engine, err := scrub.New(scrub.Options{Rules: rules})
	if err != nil {
		return err
	}
	j, err := journal.Open("convert", func() string { return "convert" }, journal.Options{FS: vfs.NewMem()})
	if err != nil {
		return err
	}
	defer j.Close()
	p, err := pipeline.New(pipeline.Options{Config: cfg, Journal: j, Scrub: engine})
	if err != nil {
		return err
	}
	printed := journal.Cursor{}
	for _, f := range files {
		err := logfile.Chunks(f, func(chunk []byte, _ int64) error {
			if err := p.Flush("convert", chunk); err != nil {
				return err
			}
			return printRecords(j, &printed, w)
		})
		if err != nil {
			return err
		}
	}
	if err := p.Finish(); err != nil {
		return err
	}
	return printRecords(j, &printed, w)
}

// printRecords prints what the journal has from the cursor on, and lets it go.
func printRecords(j *journal.Journal, c *journal.Cursor, w io.Writer) error {
	for {
		records, err := j.Read(c.Next, 4096, 8<<20)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return j.Trim(*c)
		}
		for _, r := range records {
			if _, err := w.Write(append(r.JSON, '\n')); err != nil {
				return err
			}
			c.Next = r.Sequence + 1
		}
		c.Tree = j.Tree()
	}
}
