package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
)

func rescanCommand() *cobra.Command {
	f := &filters{}
	var asJSON bool
	c := &cobra.Command{
		Use:   "rescan",
		Short: "Prove that a store holds no secret that today's rules know",
		Long: "Reads every record of a store and holds its texts against the secret rules of this version. Records were scrubbed " +
			"under the rules of their day; what those let through is listed: record, field, kind, and the rule set the record was " +
			"scrubbed with. Values are never shown. What is stored does not change: rotate such a secret.\n\n" +
			"Exit codes: 0 nothing found, 1 something found, 2 the store could not be read to its end.",
		Example: `  agent-audit rescan                                  # the store in the state folder
  agent-audit rescan --source dir:/var/lib/agent-audit/archive
  agent-audit rescan --since 90d --json | jq -r .record | sort -u`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.query(cmd, args)
			if err != nil {
				return err
			}
			source, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			defer source.Close()
			records, leaks, err := rescan(cmd.Context(), f.rules, source, q, leakLines(cmd.OutOrStdout(), asJSON))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d records read, %d secrets found\n", records, leaks)
			if leaks > 0 {
				return errFinding
			}
			return nil
		},
	}
	f.register(c)
	f.registerRules(c)
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a finding: record, sequence, field, kind, start, end, ruleset")
	return c
}

// rescan reads the records that q asks for and gives out each secret in them.
func rescan(ctx context.Context, ruleFiles []string, source query.Source, q query.Query, out func(leak) error) (records, leaks int, err error) {
	r, err := redactor(ruleFiles)
	if err != nil {
		return 0, 0, err
	}
	for row, err := range source.Query(ctx, q) {
		if err != nil {
			return records, leaks, err
		}
		records++
		var failed error
		r.Leaks(row, func(l display.Leak) {
			leaks++
			failed = errors.Join(failed, out(leak{
				Record: row.Action.Event.ID, Sequence: row.Action.Trail.Sequence.N, Field: l.Field,
				Kind: l.Kind, Start: l.Start, End: l.End, Ruleset: row.Action.Trail.Ruleset,
			}))
		})
		if failed != nil {
			return records, leaks, failed
		}
	}
	return records, leaks, nil
}

// leak is a secret that older rules let through: where, and what kind; never which.
type leak struct {
	Record   string `json:"record"`   // event.id
	Sequence int64  `json:"sequence"` // in its stream
	Field    string `json:"field"`    // path in the document
	Kind     string `json:"kind"`
	Start    int    `json:"start"` // bytes into the field's text, see display.Leak
	End      int    `json:"end"`
	Ruleset  string `json:"ruleset"` // that the record was scrubbed with
}

// leakLines writes leaks for people or for programs.
func leakLines(w io.Writer, asJSON bool) func(leak) error {
	if asJSON {
		enc := json.NewEncoder(w)
		return func(l leak) error { return enc.Encode(l) }
	}
	return func(l leak) error {
		place := ""
		if l.End > 0 {
			place = fmt.Sprintf(" bytes %d to %d,", l.Start, l.End)
		}
		_, err := fmt.Fprintf(w, "%s  %s  %s  (%s scrubbed with %s)\n",
			display.Safe(l.Record), l.Field, l.Kind, strings.TrimSpace(place), display.Safe(l.Ruleset))
		return err
	}
}
