package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
)

func retrieveCommand() *cobra.Command {
	f := &filters{}
	e := exportTo{}
	c := &cobra.Command{
		Use:   "retrieve [DIR|s3://BUCKET/PREFIX]",
		Short: "Fetch records out of an archive",
		Long: "Writes the archive's records of a session, agent or time to a file or to standard output. Of the archive only the " +
			"manifests are read and those parts of objects that by them may hold such records; how much that was is told at the " +
			"end.\n" + filterHelp,
		Example: `  agent-audit retrieve s3://example-audit/trail --session 0b9f3c52-6a61-4f0e-9c7d-2f1f8a4e1c01 --to incident.ndjson
  agent-audit retrieve /backup/archive --agent codex --since 2026-03-01 -o ocsf`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			place := f.archive(args)
			q, err := f.query(cmd, nil)
			if err != nil {
				return err
			}
			if e.form == "" {
				e.form = formByName(e.to)
			}
			if e.form == display.Table {
				return errors.New("a table is for people: use query --source")
			}
			e.rules = f.rules
			return retrieve(cmd, place, q, e)
		},
	}
	f.register(c)
	f.registerRules(c)
	_ = c.Flags().MarkHidden("source")
	c.Flags().StringVarP(&e.form, "output", "o", "", "form: json, ndjson (canonical records), csv, ocsf (default: by the file's name, else ndjson)")
	c.Flags().StringVar(&e.to, "to", "-", "file to write; - is standard output")
	c.Flags().BoolVar(&e.force, "force", false, "replace the file if it exists")
	c.Flags().StringSliceVar(&e.fields, "fields", nil, "columns of csv, by schema path (default: all)")
	completeWords(c, "output", display.JSON, display.NDJSON, display.CSV, display.OCSF)
	return c
}

func retrieve(cmd *cobra.Command, place string, q query.Query, e exportTo) error {
	reader, _, err := openArchive(cmd.Context(), place)
	if err != nil {
		return err
	}
	metered := &query.Meter{Reader: reader}
	source, err := query.OpenArchive(cmd.Context(), metered, place)
	if err != nil {
		return err
	}
	if err := exportFrom(cmd, source, q, e); err != nil {
		return err
	}
	read, whole := metered.Bytes(), metered.Size()
	fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d bytes of the archive were read\n", read, whole)
	return nil
}
