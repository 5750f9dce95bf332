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
	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/verify"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	state             string
	keys, checkpoints []string
	witnesses         []string
	mode, retention   string
	deep, asJSON      bool
	report            string
}

func verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use:   "verify [DIR|s3://BUCKET/PREFIX|BUNDLE]",
		Short: "Prove that an archive is whole and unchanged",
		Long: "Checks every signature, hash, tree and record of an archive: that nothing was changed, removed from the middle or " +
			"put in another order since it was written. Exit code 1 when anything is found. A folder that prove has written is " +
			"checked too.\n\n" +
			"Give the public keys with --key, from a place that whoever could change the archive cannot change too. Without " +
			"any, the *.pub files in the archive are believed: that shows damage, but not forgery. A key that an older one " +
			"vouches for need not be given.\n\n" +
			"In a bucket the first version of each file is read, whatever lies on it, and each file's lock is compared with the " +
			"one that was signed, and with --lock-mode and --retention. A copy on disk shows all but locks and what hides " +
			"files. s3://BUCKET/PREFIX?endpoint=URL&path_style=true&region=R is a compatible store; credentials come from the " +
			"AWS SDK's default chain.\n\n" +
			"What an archive cannot show by itself is that its end was cut off. Keep its last checkpoint elsewhere (--json " +
			"prints it as streams[].last.note) and give it with --checkpoint; with --witness it must bear a witness's " +
			"co-signature. The archive in the state folder, which is the default, is compared with what the pipeline has " +
			"delivered to it.",
		Example: `  agent-audit verify --key /mnt/keys/agent-audit-53d2ccdd.pub
  agent-audit verify s3://example-audit/trail --key auditor-copy.pub --lock-mode COMPLIANCE --retention 365d --report audit.html
  agent-audit verify /backup/archive --key 'agent-audit+53d2ccdd+AQ…' --checkpoint yesterday.note
  agent-audit verify --json | jq -r '.streams[].last.note' > today.note`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, own := filepath.Join(f.state, "archive"), true
			if len(args) == 1 {
				place, own = args[0], false
			}
			return f.run(cmd, place, own)
		},
	}
	c.Flags().StringVar(&f.state, "state", defaultState(), "state folder")
	c.Flags().StringArrayVar(&f.keys, "key", nil, "public key, or file of such: may have signed; may be repeated")
	c.Flags().StringArrayVar(&f.checkpoints, "checkpoint", nil, "file with a checkpoint kept elsewhere, which the archive must contain; may be repeated")
	c.Flags().StringArrayVar(&f.witnesses, "witness", nil, "public key of a witness, or file of such: each --checkpoint must be co-signed by one of them")
	c.Flags().StringVar(&f.mode, "lock-mode", "", "in a bucket: each file must be locked in this mode: COMPLIANCE or GOVERNANCE (which COMPLIANCE satisfies)")
	c.Flags().StringVar(&f.retention, "retention", "", "in a bucket: each file must be locked for this long after it was written, for example 365d")
	c.Flags().BoolVar(&f.deep, "deep", false, "look into each document too, although the signed tree already vouches for it")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON: ok, findings, streams, totals")
	c.Flags().StringVar(&f.report, "report", "", "also write the report to this file: HTML, or JSON if it ends in .json")
	return c
}

// parallelReads is how many files are read from a bucket at a time.
const parallelReads = 16

func (f *verifyFlags) run(cmd *cobra.Command, place string, own bool) error {
	if isBundle(place) {
		return f.runBundle(cmd, place)
	}
	o := verify.Options{Grace: 2 * time.Second, Deep: f.deep, Mode: f.mode}
	var err error
	if o.Keys, err = readKeys(f.keys); err != nil {
		return err
	}
	if o.Witnesses, err = readKeys(f.witnesses); err != nil {
		return err
	}
	if o.Expected, err = readFiles(f.checkpoints); err != nil {
		return err
	}
	if o.Retention, err = f.policy(); err != nil {
		return err
	}
	reader, locks, err := openArchive(cmd.Context(), place)
	if err != nil {
		return err
	}
	if o.Locks = locks; locks {
		o.Parallel = parallelReads
	} else if o.Mode != "" || o.Retention != 0 {
		return errors.New("--lock-mode and --retention are for s3://…: a folder has no locks")
	}
	r, err := verifyArchive(cmd, reader, o)
	if err != nil {
		return err
	}
	if own {
		r.Findings = append(r.Findings, cutOff(r, f.state)...)
	}
	if err := f.write(r, place); err != nil {
		return err
	}
	return outcome(cmd.OutOrStdout(), r, place, f.asJSON)
}

// policy checks and reads the flags on locks.
func (f *verifyFlags) policy() (time.Duration, error) {
	if f.mode != "" && f.mode != archive.Compliance && f.mode != archive.Governance {
		return 0, fmt.Errorf("--lock-mode %q is neither COMPLIANCE nor GOVERNANCE", f.mode)
	}
	if f.retention == "" {
		return 0, nil
	}
	d, err := config.ParseDuration(f.retention)
	if err != nil {
		return 0, fmt.Errorf("--retention: %w", err)
	}
	return d, nil
}

// write writes the report file that was asked for.
func (f *verifyFlags) write(r *verify.Report, place string) error {
	if f.report == "" {
		return nil
	}
	file, err := createFile(f.report, true)
	if err != nil {
		return err
	}
	defer file.abandon()
	if filepath.Ext(f.report) == ".json" {
		err = encode(file, r)
	} else {
		err = r.WriteHTML(file, place, time.Now())
	}
	if err != nil {
		return err
	}
	return file.commit()
}

func verifyArchive(cmd *cobra.Command, r archive.Reader, o verify.Options) (*verify.Report, error) {
	bar := newProgress(cmd.ErrOrStderr(), nil)
	defer bar.end()
	o.Progress = func(p verify.Progress) {
		if bar.on && time.Since(bar.drawn) > 100*time.Millisecond {
			bar.drawn = time.Now()
			bar.say(fmt.Sprintf("%d of %d files, %d MB", p.Objects, p.Total, p.Bytes>>20))
		}
	}
	return verify.Verify(cmd.Context(), r, o)
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

// outcome prints what was found; a finding makes it errFinding.
func outcome(w io.Writer, r *verify.Report, dir string, asJSON bool) error {
	ok := r.OK()
	if asJSON {
		if err := encode(w, r); err != nil {
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

// encode writes the report as JSON.
func encode(w io.Writer, r *verify.Report) error {
	ok := r.OK()
	if ok {
		r.Findings = []verify.Finding{} // rather than null
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		OK bool `json:"ok"`
		*verify.Report
	}{ok, r})
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
		if s.Heartbeats > 0 {
			fmt.Fprintf(w, "  %d heartbeats; the longest silence was %s, from %s UTC\n",
				s.Heartbeats, s.Silence.Until.Sub(s.Silence.From).Round(time.Second), display.Clock(s.Silence.From))
		}
		if !s.LockedUntil.IsZero() {
			fmt.Fprintf(w, "  locked until %s UTC at the least\n", display.Clock(s.LockedUntil))
		}
	}
	for range r.Proved {
		fmt.Fprintln(w, "an expected checkpoint is contained")
	}
	for _, c := range r.Witnessed {
		fmt.Fprintf(w, "%s has seen %d records of %s, %s UTC\n", display.Safe(c.Witness), c.Size, display.Safe(c.Origin), display.Clock(c.Time))
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
