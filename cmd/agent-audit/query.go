package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/query"
)

// tableLimit is how many rows a table shows when nothing else is said.
const tableLimit = 100

const filterHelp = `
Filters must all hold. Text is compared exactly, except in --command, which searches for words: --command 'rm -rf'
finds every command with both words, --command '"rm -rf"' those where one follows the other.

Times are in UTC: RFC 3339 (2026-03-01T10:00:00Z), a date (2026-03-01: --since from its beginning, --until to its end),
or an age (30d, 12h, 45m, 2w).

Whatever the form, every text goes through today's secret rules once more before it is shown. What is stored stays as
it is.

Sources:
  sqlite:PATH   the SQLite store, PATH as configured (sqlite_path), or one of its monthly files
  dir:PATH      the archive folder (archive_dir)
  elasticsearch:https://HOST:9200?api_key_file=FILE
                a cluster; the key may be in $AGENT_AUDIT_ELASTICSEARCH_API_KEY instead. Also after the ?: namespace, ca_file,
                username, password_file, certificate_file, key_file, cloud_id; join them with &
By default the store in the state folder, else the archive in it.`

func queryCommand() *cobra.Command {
	f := &filters{}
	var output string
	var wide bool
	var fields []string
	c := &cobra.Command{
		Use:   "query",
		Short: "Search the audit trail",
		Long:  "Search the audit trail, newest records first.\n" + filterHelp,
		Example: `  What did the agent run in this session?
    agent-audit query --session 0b9f3c52-6a61-4f0e-9c7d-2f1f8a4e1c01 --oldest-first
  Which dangerous commands ran in the last 30 days?
    agent-audit query --risk 80-100 --since 30d
  What was denied?
    agent-audit query --decision denied
  Who deleted files recursively, and did anybody approve it?
    agent-audit query --command '"rm -rf"' -o json
  What was out of the ordinary?
    agent-audit query --anomaly --since 7d -o csv`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.query(cmd, args)
			if err != nil {
				return err
			}
			if output == display.Table && !cmd.Flags().Changed("limit") {
				q.Limit = tableLimit
			}
			o := terminalOptions(cmd.OutOrStdout())
			o.Wide, o.Fields = wide, fields
			form, err := display.New(output, cmd.OutOrStdout(), o)
			if err != nil {
				return err
			}
			return runQuery(cmd, f, q, form, output == display.Table)
		},
	}
	f.register(c)
	f.registerRules(c)
	c.Flags().StringVarP(&output, "output", "o", display.Table, "form: table, json (an array), ndjson (canonical records), csv, ocsf")
	c.Flags().BoolVar(&wide, "wide", false, "table with host, session and record id")
	c.Flags().StringSliceVar(&fields, "fields", nil, "columns of csv, by schema path (default: all)")
	completeWords(c, "output", display.Table, display.JSON, display.NDJSON, display.CSV, display.OCSF)
	return c
}

// runQuery shows what the query finds. people says that notes on standard error help the reader.
func runQuery(cmd *cobra.Command, f *filters, q query.Query, form display.Form, people bool) error {
	limit := q.Limit
	if people && limit > 0 {
		q.Limit++ // one more, to know whether there are more
	}
	source, err := f.open(cmd.Context())
	if err != nil {
		return err
	}
	defer source.Close()
	n, more := 0, false
	changed, err := show(cmd.Context(), f.rules, source, q, func(row query.Row) error {
		if people && limit > 0 && n == limit {
			more = true
			return nil
		}
		n++
		return form.Row(row)
	})
	if err := errors.Join(err, form.Close()); err != nil {
		return err
	}
	w := cmd.ErrOrStderr()
	switch {
	case people && n == 0:
		fmt.Fprintln(w, "no record matches")
	case more:
		fmt.Fprintf(w, "the first %d records; there are more: --limit 0 shows all\n", n)
	}
	noteRedacted(w, changed)
	return nil
}

// show gives every row found, redacted, to row. changed is how many had to be. ruleFiles are rules of the user's own.
func show(ctx context.Context, ruleFiles []string, source query.Source, q query.Query, row func(query.Row) error) (changed int, err error) {
	r, err := redactor(ruleFiles)
	if err != nil {
		return 0, err
	}
	for found, err := range source.Query(ctx, q) {
		if err == nil {
			err = row(r.Row(found))
		}
		if err != nil {
			return r.Changed, err
		}
	}
	return r.Changed, nil
}

// redactor has today's rules, and those of the files.
func redactor(ruleFiles []string) (*display.Redactor, error) {
	rules, err := instance.ScrubRules(ruleFiles)
	if err != nil {
		return nil, err
	}
	return display.NewRedactor(rules...)
}

func noteRedacted(w io.Writer, changed int) {
	if changed > 0 {
		fmt.Fprintf(w, "in %d records today's rules found secrets that are stored: they were redacted here only\n", changed)
	}
}

// terminalOptions are for what w is: on a terminal, its width; COLUMNS, where it is set, counts everywhere.
func terminalOptions(w io.Writer) display.Options {
	var o display.Options
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		o.Terminal = true
		o.Width, _, _ = term.GetSize(int(file.Fd()))
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		o.Width = n
	}
	return o
}

// completeWords makes the shell complete a flag with words.
func completeWords(c *cobra.Command, flag string, words ...string) {
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}
