package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/privacy"
	"github.com/agentaudit/agentaudit/internal/query"
)

func revealCommand() *cobra.Command {
	o := &office{}
	var record, source, reason string
	c := &cobra.Command{
		Use:   "reveal PSEUDONYM... | --record ID",
		Short: "Tell whom pseudonyms stand for, and record that it was asked",
		Long: "Tells what pseudonyms stand for, by the key store and the organisation's key. That it was asked, by whom and why, goes " +
			"into the trail before anything is shown. Exit code 1 when one of them was erased or is unknown.",
		Example: `  agent-audit reveal user:k1:6g1m2v8k0q3t5c7d --reason 'incident 2026-31'
  agent-audit reveal --record 0f3c… --source s3://example-audit/trail --reason 'incident 2026-31'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (record == "") == (len(args) == 0) {
				return errors.New("name pseudonyms, or a record with --record")
			}
			if err := o.open(cmd.Context()); err != nil {
				return err
			}
			defer o.vault.Close()
			sealed, err := o.asked(cmd, args, record, source)
			if err != nil {
				return err
			}
			return o.reveal(cmd, sealed, record, reason)
		},
	}
	o.register(c)
	c.Flags().StringVar(&record, "record", "", "event.id of a record: all that is in it")
	c.Flags().StringVar(&source, "source", "", "store of the record (default: what is in the state folder)")
	c.Flags().StringVar(&reason, "reason", "", "why, for the record; name nobody in it")
	_ = c.MarkFlagRequired("reason")
	return c
}

// original is a pseudonym, and its original as a record carries it; "" is the key store's own.
type original struct{ subject, sealed string }

// asked is what is to be revealed.
func (o *office) asked(cmd *cobra.Command, args []string, record, source string) ([]original, error) {
	var all []original
	for _, s := range args {
		if !privacy.Is(s) {
			return nil, fmt.Errorf("%q is no pseudonym", s)
		}
		all = append(all, original{subject: s})
	}
	if record == "" {
		return all, nil
	}
	f := &filters{source: source, state: o.state}
	store, err := f.open(cmd.Context())
	if err != nil {
		return nil, err
	}
	defer store.Close()
	found := false
	for row, err := range store.Query(cmd.Context(), query.Query{ID: record}) {
		if err != nil {
			return nil, err
		}
		found = true
		for _, entry := range row.Action.Trail.Originals {
			if s, sealed, ok := privacy.Original(entry); ok {
				all = append(all, original{s, sealed})
			}
		}
	}
	if !found {
		return nil, fmt.Errorf("there is no record %s", record)
	}
	return all, nil
}

// reveal records the question, then answers it.
func (o *office) reveal(cmd *cobra.Command, all []original, record, reason string) error {
	var subjects []string
	for _, x := range all {
		subjects = append(subjects, x.subject)
	}
	var chance [6]byte
	_, _ = rand.Read(chance[:])
	id := "reveal-" + time.Now().UTC().Format("20060102t150405z") + "-" + hex.EncodeToString(chance[:])
	if err := o.post(id, "reveal", map[string]any{"subjects": subjects, "record": record, "reason": reason}); err != nil {
		return err
	}
	failed := false
	for _, x := range all {
		name, err := o.vault.Reveal(cmd.Context(), x.subject, x.sealed)
		if err != nil {
			failed = true
			fmt.Fprintf(cmd.OutOrStdout(), "%s is not revealed: %v\n", x.subject, err)
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", x.subject, name)
	}
	if failed {
		return errFinding
	}
	return nil
}

func holdCommand() *cobra.Command {
	o := &office{}
	var names []string
	var reason string
	var release bool
	c := &cobra.Command{
		Use:   "hold --subject NAME --reason TEXT",
		Short: "Keep a person from being erased: a legal hold",
		Example: `  agent-audit hold --subject alice --reason 'case 12/2026'
  agent-audit hold --subject alice --release --reason 'case 12/2026 is closed'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.open(cmd.Context()); err != nil {
				return err
			}
			defer o.vault.Close()
			subjects, err := o.subjects(names)
			if err != nil {
				return err
			}
			for _, s := range subjects {
				if release {
					was, err := o.vault.Release(cmd.Context(), s)
					if err != nil {
						return err
					}
					fmt.Fprintln(cmd.OutOrStdout(), s, map[bool]string{true: "is released", false: "was under no hold"}[was])
					continue
				}
				if err := o.vault.Hold(cmd.Context(), keystore.Hold{Subject: s, Reason: reason, By: o.by}); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), s, "is held")
			}
			return nil
		},
	}
	o.register(c)
	c.Flags().StringArrayVar(&names, "subject", nil, "user name, e-mail address, IP address or pseudonym; repeatable")
	c.Flags().StringVar(&reason, "reason", "", "why; name nobody in it")
	c.Flags().BoolVar(&release, "release", false, "end the hold")
	_ = c.MarkFlagRequired("subject")
	_ = c.MarkFlagRequired("reason")
	return c
}

func rotateKeysCommand() *cobra.Command {
	o := &office{}
	var retire bool
	c := &cobra.Command{
		Use:   "rotate-keys",
		Short: "Wrap the data keys of the key store under a new key of the organisation",
		Long: "Makes a new wrapping key in the key file and wraps every data key under it; pseudonyms stay. The old key stays in the " +
			"file for machines that still have only that. When all have the new file and were restarted, --retire wraps what they " +
			"have made meanwhile, and takes the old key away. Either may be repeated after it was cut short.",
		Example: `  agent-audit rotate-keys && agent-audit rotate-keys --retire    # one machine, its instance restarted in between`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.open(cmd.Context()); err != nil {
				return err
			}
			defer o.vault.Close()
			file := o.lookups.KeyFile
			if o.lookups.KeyEnv != "" {
				return errors.New("the keys are in an environment variable, which a command cannot change: rotate a key file, and take it from there")
			}
			if !retire {
				o.keys.AddWrap()
				if err := o.keys.Save(file); err != nil {
					return err
				}
			}
			n, err := o.vault.Rewrap(cmd.Context())
			if err != nil {
				return err
			}
			if retire {
				o.keys.Retire()
				if err := o.keys.Save(file); err != nil {
					return err
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d data keys were wrapped anew; the key in use is %s\n", n, o.keys.Current())
			return nil
		},
	}
	o.register(c)
	c.Flags().BoolVar(&retire, "retire", false, "wrap the rest, and take older keys out of the key file")
	return c
}
