package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/delivery"
	"github.com/agentaudit/agentaudit/internal/instance"
)

func statusCommand() *cobra.Command {
	var state string
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Tell where the trail and its exporters stand",
		Long: "For each exporter: accepted = delivered + pending + dead letters. Exit code 1 when an exporter is parked or has " +
			"dead letters, when the journal is broken, when the equation does not hold, or when an erasure was cut short. Of a " +
			"SQLite store on this machine it tells the oldest record, what expires next, and what should be gone.",
		Example: `  agent-audit status
  agent-audit status --state /var/lib/agent-audit --json | jq .exporters`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := instance.ReadStatus(state)
			if err != nil {
				return err
			}
			holds, err := holdings(cmd.Context(), state, time.Now())
			if err != nil {
				return err
			}
			open, err := unfinished(cmd.Context(), state)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				enc := json.NewEncoder(w)
				enc.SetIndent("", "  ")
				err = enc.Encode(struct {
					*instance.Status
					Stores     []held   `json:"stores,omitempty"`
					Unfinished []string `json:"unfinished,omitempty"`
				}{s, holds, open})
			} else {
				printStatus(w, s, holds, open)
			}
			if err == nil && (unhealthy(s) || len(open) > 0) {
				return errFinding
			}
			return err
		},
	}
	c.Flags().StringVar(&state, "state", defaultState(), "state folder")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func unhealthy(s *instance.Status) bool {
	for _, e := range s.Exporters {
		if e.State == delivery.Parked || e.DeadLetters > 0 || e.Accepted != e.Delivered+e.Pending+e.DeadLetters {
			return true
		}
	}
	return s.Broken != ""
}

// printStatus is the status for people.
func printStatus(w io.Writer, s *instance.Status, holds []held, open []string) {
	running := "stopped"
	if s.Running {
		running = fmt.Sprintf("running, process %d", s.PID)
	}
	fmt.Fprintf(w, "stream     %s (%s)\naccepted   %d records, tree head %s\nwaiting    %d actions for their result\njournal    %d of %d bytes\n\n",
		s.Stream, running, s.Accepted, s.TreeHead, s.PendingPairs, s.JournalBytes, s.JournalMax)
	fmt.Fprintf(w, "%-12s %-9s %10s = %10s + %8s + %s\n", "EXPORTER", "STATE", "ACCEPTED", "DELIVERED", "PENDING", "DEAD LETTERS")
	for _, e := range s.Exporters {
		fmt.Fprintf(w, "%-12s %-9s %10d = %10d + %8d + %d", e.Name, e.State, e.Accepted, e.Delivered, e.Pending, e.DeadLetters)
		if e.Error != "" {
			fmt.Fprintf(w, "  %s", e.Error)
		}
		fmt.Fprintln(w)
	}
	for _, h := range holds {
		fmt.Fprintf(w, "\n%s\n", h.String())
	}
	for _, text := range open {
		fmt.Fprintln(w, text)
	}
}
