package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/internal/evidence"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/verify"
)

func proveCommand() *cobra.Command {
	f := &filters{}
	var to string
	c := &cobra.Command{
		Use:   "prove [DIR|s3://BUCKET/PREFIX] --to FOLDER",
		Short: "Prove single records to somebody who has only the public key",
		Long: "Writes a folder with records, their inclusion proofs, the signed checkpoints, the public key and a README. " +
			"agent-audit verify FOLDER --key KEY checks it offline, and so does a script of a hundred lines (docs/archive.md). " +
			"Nothing else of the archive is in it. Records are the archive's own bytes: they are not scrubbed again.\n" + filterHelp,
		Example: `  agent-audit prove --session 0b9f3c52-6a61-4f0e-9c7d-2f1f8a4e1c01 --to evidence
  agent-audit prove s3://example-audit/trail --id 6f1d9c… --to evidence`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			place := f.archive(args)
			q, err := f.query(cmd, nil)
			if err != nil {
				return err
			}
			if to == "" {
				return errors.New("--to names no folder")
			}
			return prove(cmd, place, q, to)
		},
	}
	f.register(c)
	_ = c.Flags().MarkHidden("source")
	c.Flags().StringVar(&to, "to", "", "folder to make")
	return c
}

func prove(cmd *cobra.Command, place string, q query.Query, to string) error {
	reader, _, err := openArchive(cmd.Context(), place)
	if err != nil {
		return err
	}
	source, err := query.OpenArchive(cmd.Context(), reader, place)
	if err != nil {
		return err
	}
	var places []evidence.Place
	for row, err := range source.Query(cmd.Context(), q) {
		if err != nil {
			return err
		}
		places = append(places, evidence.Place{Stream: row.Action.Trail.Stream, Sequence: uint64(row.Action.Trail.Sequence.N)})
	}
	if len(places) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no record was found: there is nothing to prove")
		return errFinding
	}
	files, err := evidence.Collect(cmd.Context(), reader, places)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(to, name), files[name], 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d records proved in %s\n", len(places), to)
	return nil
}

// isBundle says whether a folder is one that prove has written.
func isBundle(place string) bool {
	_, err := os.Stat(filepath.Join(strings.TrimPrefix(place, "dir:"), evidence.EvidenceFile))
	return err == nil && !strings.HasPrefix(place, "s3:")
}

// runBundle verifies evidence, and reports it as an archive's verification.
func (f *verifyFlags) runBundle(cmd *cobra.Command, place string) error {
	dir := os.DirFS(strings.TrimPrefix(place, "dir:"))
	texts, err := readKeys(f.keys)
	if err != nil {
		return err
	}
	r := &verify.Report{KeysFromArchive: len(texts) == 0}
	if r.KeysFromArchive {
		files, err := archive.ReadKeys(cmd.Context(), archive.FS(dir))
		if err != nil {
			return err
		}
		for _, k := range files {
			texts = append(texts, strings.TrimSpace(k.Text))
		}
	}
	var keys []note.Verifier
	for _, text := range texts {
		k, err := note.NewVerifier(text)
		if err != nil {
			return fmt.Errorf("%.100q is no public key (NAME+HASH+BASE64)", text)
		}
		keys = append(keys, k)
	}
	found, err := evidence.Check(dir, note.VerifierList(keys...))
	if err != nil {
		return err
	}
	r.Records = uint64(found.Records)
	for _, p := range found.Problems {
		x := verify.Finding{Kind: verify.BadProof, Object: evidence.EvidenceFile, Text: p.Text}
		if p.Line > 0 {
			x.Object, x.Text = evidence.RecordsFile, fmt.Sprintf("line %d: %s", p.Line, p.Text)
		}
		r.Findings = append(r.Findings, x)
	}
	if err := f.write(r, place); err != nil {
		return err
	}
	return outcome(cmd.OutOrStdout(), r, place, f.asJSON)
}
