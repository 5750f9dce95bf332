package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/logging"
	"github.com/agentaudit/agentaudit/internal/privacy"
	"github.com/agentaudit/agentaudit/internal/query"
)

// eraser is the command's flags.
type eraser struct {
	office
	names, sources []string
	basis, config  string
	dry            bool
}

func eraseCommand() *cobra.Command {
	e := &eraser{}
	c := &cobra.Command{
		Use:   "erase --subject NAME --basis TEXT",
		Short: "Destroy the keys by which a person in the trail can be named",
		Long: "Destroys the keys of a person's pseudonyms in the key store, so that what they stand for can be read nowhere any more: " +
			"not in any store, nor in any copy of one. Records, hashes, checkpoints and other persons' names stay as they are. An " +
			"erasure that was cut short is gone on with first. A certificate (who, when, on which basis; pseudonyms only) goes into the trail.\n\n" +
			"A person may stand there under several pseudonyms (user, e-mail, address): --dry-run lists those that stand in the " +
			"same records. Exit code 1 when a subject is under a legal hold.",
		Example: `  agent-audit erase --subject alice --subject alice@example.com --dry-run
  agent-audit erase --subject alice --subject alice@example.com --basis 'GDPR Art. 17(1)(a), request 2026-118' --config /etc/agent-audit/agent-audit.yaml
  agent-audit erase --resume`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd) },
	}
	e.register(c)
	c.Flags().StringArrayVar(&e.names, "subject", nil, "user name, e-mail address, IP address or pseudonym; repeatable")
	c.Flags().StringVar(&e.basis, "basis", "", "on which basis, for the certificate; name nobody in it")
	c.Flags().StringArrayVar(&e.sources, "source", nil, "with --dry-run: stores to count records in (default: what is in the state folder)")
	c.Flags().StringVar(&e.config, "config", "", "configuration: with it the certificate gets into the trail at once, also when no instance runs")
	c.Flags().BoolVar(&e.dry, "dry-run", false, "count what is affected, and change nothing")
	c.Flags().Bool("resume", false, "only go on with erasures that were cut short")
	c.MarkFlagsOneRequired("subject", "resume")
	c.MarkFlagsMutuallyExclusive("subject", "resume")
	return c
}

func (e *eraser) run(cmd *cobra.Command) error {
	ctx, w := cmd.Context(), cmd.OutOrStdout()
	if err := e.open(ctx); err != nil {
		return err
	}
	defer e.vault.Close()
	subjects, err := e.subjects(e.names)
	if err != nil {
		return err
	}
	if e.dry {
		return e.count(ctx, w, subjects)
	}
	if err := e.resume(ctx, w); err != nil {
		return err
	}
	if len(subjects) > 0 {
		done, err := e.vault.Erase(ctx, keystore.Erasure{Subjects: subjects, Basis: e.basis, By: e.by})
		if errors.Is(err, keystore.ErrHeld) {
			fmt.Fprintln(w, "NOT ERASED:", err)
			return errFinding
		}
		if err != nil {
			return err
		}
		if err := e.certify(ctx, w, done); err != nil {
			return err
		}
	}
	return e.deliver(ctx, cmd.ErrOrStderr())
}

// resume goes on with what was cut short.
func (e *eraser) resume(ctx context.Context, w io.Writer) error {
	open, err := e.vault.Open(ctx)
	if err != nil {
		return err
	}
	for _, x := range open {
		if err := e.vault.Resume(ctx, x); err != nil {
			return err
		}
		if err := e.certify(ctx, w, x); err != nil {
			return err
		}
	}
	return nil
}

// certify puts the certificate on its way. If we stop before it is noted, it is posted again under the same id.
func (e *eraser) certify(ctx context.Context, w io.Writer, x *keystore.Erasure) error {
	by := e.by
	e.by = x.By
	err := e.post("erasure-"+x.ID, "erase", map[string]any{
		"erasure": x.ID, "subjects": x.Subjects, "basis": x.Basis, "asked": x.Asked.Format(time.RFC3339), "done": x.Done.Format(time.RFC3339),
	})
	e.by = by
	if err != nil {
		return err
	}
	if err := e.vault.Certify(ctx, x); err != nil {
		return err
	}
	fmt.Fprintf(w, "erased: %s\nerasure %s; its certificate is record erasure-%s of the trail\n", strings.Join(x.Subjects, ", "), x.ID, x.ID)
	return nil
}

// deliver takes the inbox into the trail, where a configuration is given and no instance runs.
func (e *eraser) deliver(ctx context.Context, w io.Writer) error {
	if e.config == "" {
		return nil
	}
	cfg, err := config.Load(e.config, nil)
	if err != nil {
		return err
	}
	in, err := instance.Open(cfg, logging.New(w, "agent-audit", slog.LevelWarn))
	if errors.Is(err, journal.ErrInUse) {
		return nil // it takes it by itself
	}
	if err != nil {
		return err
	}
	return errors.Join(in.Finish(ctx), in.Close())
}

// count tells what an erasure would do: per subject its entry, and per store its records and who else is in them.
func (e *eraser) count(ctx context.Context, w io.Writer, subjects []string) error {
	for _, s := range subjects {
		entry, err := e.vault.Entry(ctx, s)
		if err != nil {
			return err
		}
		hold, err := e.vault.Held(ctx, s)
		if err != nil {
			return err
		}
		state := "has a key, which would be destroyed"
		switch {
		case hold != nil:
			state = "is under a legal hold (" + hold.Reason + "): nothing would be erased"
		case entry == nil:
			state = "is not in the key store"
		case entry.Erased != nil:
			state = "was erased on " + entry.Erased.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s %s\n", s, state)
	}
	sources := e.sources
	if len(sources) == 0 {
		sources = []string{""}
	}
	for _, url := range sources {
		if err := e.countIn(ctx, w, url, subjects); err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) countIn(ctx context.Context, w io.Writer, url string, subjects []string) error {
	f := &filters{source: url, state: e.state}
	source, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	records, linked := map[string]bool{}, map[string]bool{}
	for _, s := range subjects {
		for row, err := range source.Query(ctx, query.Query{User: s}) {
			if err != nil {
				return err
			}
			a := row.Action
			records[a.Event.ID] = true
			for _, other := range []string{a.Identity.UserName, a.Identity.UserID, a.Identity.UserEmail, a.Infrastructure.SourceIP} {
				if privacy.Is(other) && !slices.Contains(subjects, other) {
					linked[other] = true
				}
			}
		}
	}
	if url == "" {
		url = "the state folder's store"
	}
	fmt.Fprintf(w, "%s: %d records are of them\n", url, len(records))
	if len(linked) > 0 {
		fmt.Fprintf(w, "  the same records also name, and would go on to: %s\n", strings.Join(sortedSet(linked), ", "))
	}
	return nil
}

func sortedSet(set map[string]bool) []string {
	var all []string
	for s := range set {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}
