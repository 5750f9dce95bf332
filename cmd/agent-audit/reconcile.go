package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/query"
)

// storeReport is what reconcile finds of one store.
type storeReport struct {
	Source      string        `json:"source"`
	Exporter    string        `json:"exporter"`
	Due         uint64        `json:"due"`          // records that the exporter says it has delivered or refused
	Stored      uint64        `json:"stored"`       // records of those that are there
	DeadLetters uint64        `json:"dead_letters"` // records that the store has refused: missing, but known to be
	Missing     []query.Range `json:"missing"`
	OK          bool          `json:"ok"`
	Error       string        `json:"error,omitempty"` // the store could not be read
}

func reconcileCommand() *cobra.Command {
	var state string
	var sources []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "reconcile",
		Short: "Compare what was accepted with what each store holds",
		Long: "Goes through the stream's records by their sequence: those that the pipeline has accepted, as its status says, and " +
			"those that each store really holds. Ranges that an exporter claims to have delivered and its store does not have " +
			"are named; exit code 1 then. Records that still wait for delivery are none of them, and as many may be missing as " +
			"the exporter has dead letters.\n\n" +
			"Without --source the stores in the state folder are compared: audit-*.db and archive/.",
		Example: `  agent-audit reconcile
  agent-audit reconcile --state /var/lib/agent-audit --source sqlite:/var/lib/agent-audit/audit.db --source s3://example-audit/trail --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := instance.ReadStatus(state)
			if err != nil {
				return err
			}
			if len(sources) == 0 {
				if sources = ownSources(state); len(sources) == 0 {
					return errors.New("there is no store in the state folder: name stores with --source")
				}
			}
			var all []storeReport
			ok := true
			for _, url := range sources {
				r := reconcile(cmd, url, status)
				ok = ok && r.OK
				all = append(all, r)
			}
			if err := printReconciled(cmd.OutOrStdout(), status, all, ok, asJSON); err != nil {
				return err
			}
			if !ok {
				return errFinding
			}
			return nil
		},
	}
	c.Flags().StringVar(&state, "state", defaultState(), "state folder")
	c.Flags().StringArrayVar(&sources, "source", nil, "sqlite:PATH, dir:PATH, s3://BUCKET/PREFIX or elasticsearch:URL; may be repeated")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: ok, stream, accepted, stores")
	return c
}

// ownSources are the stores in a state folder.
func ownSources(state string) (urls []string) {
	db, archive := filepath.Join(state, "audit.db"), filepath.Join(state, "archive")
	if files, err := sqlite.Files(db); err == nil && len(files) > 0 {
		urls = append(urls, "sqlite:"+db)
	}
	if _, err := os.Stat(archive); err == nil {
		urls = append(urls, "dir:"+archive)
	}
	return urls
}

// exporterOf is the exporter that writes to a source.
func exporterOf(url string) string {
	kind, _, _ := strings.Cut(url, ":")
	if kind == "dir" {
		return "archive"
	}
	return kind
}

// reconcile compares one store. An exporter that the status does not know is taken to have been given everything.
func reconcile(cmd *cobra.Command, url string, status *instance.Status) storeReport {
	r := storeReport{Source: url, Exporter: exporterOf(url), Due: status.Accepted, Missing: []query.Range{}}
	for _, e := range status.Exporters {
		if e.Name == r.Exporter {
			r.Due, r.DeadLetters = e.Delivered+e.DeadLetters, e.DeadLetters
		}
	}
	source, err := query.Open(cmd.Context(), url)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	defer source.Close()
	stored, err := query.Stored(cmd.Context(), source, status.Stream)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	var missing uint64
	for _, m := range stored.Missing(r.Due) {
		r.Missing = append(r.Missing, m)
		missing += m.Last - m.First + 1
	}
	r.Stored = r.Due - missing
	r.OK = missing == r.DeadLetters
	return r
}

func printReconciled(w io.Writer, s *instance.Status, all []storeReport, ok, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"ok": ok, "stream": s.Stream, "accepted": s.Accepted, "stores": all})
	}
	fmt.Fprintf(w, "stream %s: %d records accepted\n", display.Safe(s.Stream), s.Accepted)
	for _, r := range all {
		if r.Error != "" {
			fmt.Fprintf(w, "FOUND  %s cannot be read: %s\n", display.Safe(r.Source), display.Safe(r.Error))
			continue
		}
		fmt.Fprintf(w, "%s: %d of %d records that exporter %s had to store, %d dead letters, %d waiting\n",
			display.Safe(r.Source), r.Stored, r.Due, r.Exporter, r.DeadLetters, s.Accepted-r.Due)
		word := "FOUND  missing"
		if r.OK {
			word = "dead letters"
		}
		for _, m := range r.Missing {
			fmt.Fprintf(w, "%s: records %d to %d\n", word, m.First, m.Last)
		}
	}
	return nil
}
