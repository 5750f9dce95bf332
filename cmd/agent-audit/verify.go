package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/verify"
)

func verifyCommand() *cobra.Command {
	var state string
	var keys, checkpoints []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify [DIR|dir:DIR]",
		Short: "Prove that an archive is whole and unchanged",
		Long: "Checks every signature, hash, tree and record of an archive: that nothing was changed, removed from the middle or " +
			"put in another order since it was written. Exit code 1 when anything is found.\n\n" +
			"Give the public keys with --key, from a place that whoever could change the archive cannot change too. Without " +
			"any, the *.pub files in the archive are believed: that shows damage, but not forgery.\n\n" +
			"What an archive cannot show by itself is that its end was cut off. Keep its last checkpoint elsewhere (--json " +
			"prints it as streams[].last.note) and give it with --checkpoint. The archive in the state folder, which is the " +
			"default, is compared with what the pipeline has delivered to it.",
		Example: `  agent-audit verify --key /mnt/keys/agent-audit-53d2ccdd.pub
  agent-audit verify /backup/archive --key 'agent-audit+53d2ccdd+AQ…' --checkpoint yesterday.note
  agent-audit verify --json | jq -r '.streams[].last.note' > today.note`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, own := filepath.Join(state, "archive"), true
			if len(args) == 1 {
				dir, own = strings.TrimPrefix(args[0], "dir:"), false
			}
			o := verify.Options{Grace: 2 * time.Second}
			var err error
			if o.Keys, err = readKeys(keys); err != nil {
				return err
			}
			if o.Expected, err = readFiles(checkpoints); err != nil {
				return err
			}
			r, err := verifyDir(cmd, dir, o)
			if err != nil {
				return err
			}
			if own {
				r.Findings = append(r.Findings, cutOff(r, state)...)
			}
			return report(cmd.OutOrStdout(), r, dir, asJSON)
		},
	}
	c.Flags().StringVar(&state, "state", defaultState(), "state folder")
	c.Flags().StringArrayVar(&keys, "key", nil, "public key, or file of such: may have signed; may be repeated")
	c.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "file with a checkpoint kept elsewhere, which the archive must contain; may be repeated")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: ok, findings, streams, totals")
	return c
}

func verifyDir(cmd *cobra.Command, dir string, o verify.Options) (*verify.Report, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("archive: %s is no folder", dir)
	}
	bar := newProgress(cmd.ErrOrStderr(), nil)
	defer bar.end()
	o.Progress = func(p verify.Progress) {
		if bar.on && time.Since(bar.drawn) > 100*time.Millisecond {
			bar.drawn = time.Now()
			bar.say(fmt.Sprintf("%d of %d objects, %d MB", p.Objects, p.Total, p.Bytes>>20))
		}
	}
	return verify.Verify(cmd.Context(), archive.FS(os.DirFS(dir)), o)
}

// readKeys takes each argument as a key (name+hash+key) or as a file with a key a line.
func readKeys(args []string) (keys []string, err error) {
	for _, a := range args {
		b, err := os.ReadFile(a)
		switch {
		case errors.Is(err, fs.ErrNotExist) && strings.Count(a, "+") >= 2:
			b = []byte(a)
		case err != nil:
			return nil, fmt.Errorf("key: %w", err)
		}
		found := len(keys)
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				keys = append(keys, line)
			}
		}
		if len(keys) == found {
			return nil, fmt.Errorf("key: %s is empty", a)
		}
	}
	return keys, nil
}

func readFiles(paths []string) (texts []string, err error) {
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("checkpoint: %w", err)
		}
		texts = append(texts, string(b))
	}
	return texts, nil
}

// cutOff compares the archive in a state folder with what the pipeline of that folder has delivered to it: what it cannot
// show by itself. Without a status there is nothing to compare.
func cutOff(r *verify.Report, state string) []verify.Finding {
	s, err := instance.ReadStatus(state)
	if err != nil {
		return nil
	}
	for _, e := range s.Exporters {
		if e.Name != "archive" || e.Delivered == 0 {
			continue
		}
		size := uint64(0)
		for _, st := range r.Streams {
			if st.Stream == s.Stream {
				size = st.Last.Size
			}
		}
		if size < e.Delivered {
			return []verify.Finding{{Kind: verify.Truncated, Stream: s.Stream, Text: fmt.Sprintf(
				"the archive ends at record %d, but the pipeline has delivered %d to it: its end is missing", size, e.Delivered)}}
		}
	}
	return nil
}

// report prints the outcome; a finding makes it errFinding.
func report(w io.Writer, r *verify.Report, dir string, asJSON bool) error {
	ok := r.OK()
	if asJSON {
		if ok {
			r.Findings = []verify.Finding{} // rather than null
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(struct {
			OK bool `json:"ok"`
			*verify.Report
		}{ok, r}); err != nil {
			return err
		}
	} else {
		printReport(w, r, dir)
	}
	if !ok {
		return errFinding
	}
	return nil
}

func printReport(w io.Writer, r *verify.Report, dir string) {
	for _, s := range r.Streams {
		fmt.Fprintf(w, "stream %s: %d records from %d on in %d objects, %d bytes", display.Safe(s.Stream), s.Records, s.Begins, s.Objects, s.Bytes)
		if s.Omitted > 0 {
			fmt.Fprintf(w, "; of %d refused records only the hash", s.Omitted)
		}
		fmt.Fprintln(w)
		if s.Last.Size > 0 {
			fmt.Fprintf(w, "  last checkpoint: %d records, root %s, %s UTC\n", s.Last.Size, display.Safe(s.Last.Root), display.Clock(s.Last.Created))
		}
	}
	for range r.Proved {
		fmt.Fprintln(w, "an expected checkpoint is contained")
	}
	for _, f := range r.Findings {
		where := strings.Join(nonEmpty(f.Stream, f.Object), "/")
		if f.Sequence != nil {
			where += fmt.Sprintf(" record %d", *f.Sequence)
		}
		fmt.Fprintf(w, "FOUND  %s  %s: %s\n", f.Kind, display.Safe(where), display.Safe(f.Text))
	}
	if r.KeysFromArchive {
		fmt.Fprintln(w, "warning: the keys are those in the archive itself. Whoever can change it can change them too: give keys from elsewhere with --key.")
	}
	verdict := "VERIFIED"
	if !r.OK() {
		verdict = fmt.Sprintf("NOT VERIFIED, %d findings", len(r.Findings))
	}
	fmt.Fprintf(w, "%s: %d records, %d objects, %d bytes in %s\n", verdict, r.Records, r.Objects, r.Bytes, dir)
}
