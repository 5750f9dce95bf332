package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

func deadLettersCommand() *cobra.Command {
	var state, exporter string
	var asJSON bool
	c := &cobra.Command{
		Use:   "dead-letters",
		Short: "Show the records that a store refused for good, and why",
		Long: "Reads the journal, which Fluent Bit must not have open meanwhile. The records are whole in the journal and in " +
			"the stores that took them. Exit code 1 when there is any.",
		Example: `  agent-audit dead-letters
  agent-audit dead-letters --exporter elasticsearch --json | jq -r .reason | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := redactor(nil)
			if err != nil {
				return err
			}
			n, err := instance.DeadLetters(state, exporter, deadLetterForm(r, cmd.OutOrStdout(), asJSON))
			if errors.Is(err, journal.ErrInUse) {
				return fmt.Errorf("%w: stop Fluent Bit first; until then its log has the reasons", err)
			}
			if err == nil && n > 0 {
				return errFinding
			}
			return err
		},
	}
	c.Flags().StringVar(&state, "state", defaultState(), "state folder")
	c.Flags().StringVar(&exporter, "exporter", "", "only this exporter's")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines, with the record")
	return c
}

// deadLetterForm writes a letter as a line for people or as JSON.
func deadLetterForm(r *display.Redactor, w io.Writer, asJSON bool) func(exporter string, l journal.DeadLetter) error {
	return func(exporter string, l journal.DeadLetter) error {
		reason := r.Text(l.Reason)
		if !asJSON {
			_, err := fmt.Fprintf(w, "%s  %d  %s\n", exporter, l.Sequence, display.Safe(reason))
			return err
		}
		a, err := schema.Parse(l.JSON)
		if err != nil {
			return fmt.Errorf("record %d: %w", l.Sequence, err)
		}
		return json.NewEncoder(w).Encode(struct {
			Exporter string          `json:"exporter"`
			Sequence uint64          `json:"sequence"`
			Reason   string          `json:"reason"`
			Record   json.RawMessage `json:"record"`
		}{exporter, l.Sequence, reason, r.Row(query.Row{Action: a, JSON: l.JSON}).JSON})
	}
}
