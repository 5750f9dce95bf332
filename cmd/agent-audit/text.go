package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/risk"
	"github.com/agentaudit/agentaudit/scrub"
)

// engineFor is a scrub engine with the key of a key file, or without one.
func engineFor(keyFile, keyID string, ruleFiles ...string) (*scrub.Engine, error) {
	rules, err := instance.ScrubRules(ruleFiles)
	if err != nil {
		return nil, err
	}
	o := scrub.Options{KeyID: keyID, Rules: rules}
	if keyFile != "" {
		if _, err := os.Stat(keyFile); err != nil {
			return nil, err // reading text must not make a key
		}
		key, err := instance.LoadKey(keyFile)
		if err != nil {
			return nil, err
		}
		o.Key = key
	}
	return scrub.New(o)
}

func scrubCommand() *cobra.Command {
	var keyFile, keyID string
	var rules []string
	var findings bool
	c := &cobra.Command{
		Use:   "scrub",
		Short: "Remove secrets from the text on standard input",
		Long: "Reads text and writes it with each secret replaced by a label that says what it was, such as " +
			"[REDACTED:github-token]. The rules are those that every record passes before it is stored. Text is written as it " +
			"comes, line by line, in bounded memory; a line waits while it could be part of a secret that goes on.",
		Example: `  agent-audit scrub < build.log
  kubectl logs -f deploy/web | agent-audit scrub
  agent-audit scrub --findings < build.log   # where, not what
  agent-audit scrub --key-file /var/lib/agent-audit/scrub.key < build.log   # labels as in the trail`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := engineFor(keyFile, keyID, rules...)
			if err != nil {
				return err
			}
			if !findings {
				return scrubStream(e.Writer(cmd.OutOrStdout()), cmd.InOrStdin())
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			w := e.Writer(io.Discard)
			var failed error
			w.Found = func(f scrub.Finding) {
				failed = errors.Join(failed, enc.Encode(map[string]any{"kind": f.Kind, "start": f.Start, "end": f.End, "fingerprint": f.Fingerprint}))
			}
			return errors.Join(scrubStream(w, cmd.InOrStdin()), failed)
		},
	}
	c.Flags().StringVar(&keyFile, "key-file", "", "key of the fingerprints (scrub.key of a state folder); without it redactions have none")
	c.Flags().StringVar(&keyID, "key-id", "k1", "version of that key")
	c.Flags().StringSliceVar(&rules, "rules", nil, "files of rules of your own, see scrub/rules/README.md")
	c.Flags().BoolVar(&findings, "findings", false, "print what would be removed as JSON lines: kind, start, end, fingerprint; never the value")
	return c
}

// scrubStream copies text through w. Whenever the source pauses, what is complete is written, so that a log can be
// followed.
func scrubStream(w *scrub.Writer, r io.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		switch {
		case err == io.EOF:
			return w.Close()
		case err != nil:
			return errors.Join(err, w.Close())
		case n < len(buf):
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

func fingerprintCommand() *cobra.Command {
	var keyFile, keyID string
	c := &cobra.Command{
		Use:   "fingerprint",
		Short: "Print the fingerprint that a secret on standard input has in redactions",
		Long: "Tells where a secret that has leaked was used, without writing it down: its fingerprint stands in the labels " +
			"that replaced it. Give the secret on standard input, not as an argument, which other users could see.",
		Example: `  agent-audit fingerprint --key-file /var/lib/agent-audit/scrub.key < leaked-token
  agent-audit export -o ndjson | grep "$(agent-audit fingerprint --key-file scrub.key < leaked-token)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := engineFor(keyFile, keyID)
			if err != nil {
				return err
			}
			text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1<<20))
			if err != nil {
				return err
			}
			f := e.Fingerprint(strings.TrimRight(string(text), "\r\n"))
			if f == "" {
				return fmt.Errorf("a value this short or simple has no fingerprint: it could be guessed from it")
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), f)
			return err
		},
	}
	c.Flags().StringVar(&keyFile, "key-file", "", "key of the fingerprints: scrub.key of the state folder")
	c.Flags().StringVar(&keyID, "key-id", "k1", "version of that key")
	_ = c.MarkFlagRequired("key-file")
	return c
}

func riskCommand() *cobra.Command {
	var asJSON bool
	var o risk.Options
	var cwd string
	c := &cobra.Command{
		Use:   "risk COMMAND",
		Short: "Tell how dangerous a command looks, and why",
		Long:  "Judges a shell command by the rules that records are judged by: a score from 0 to 100, and a reason a rule. It runs nothing.",
		Example: `  agent-audit risk --rules my-rules.yaml 'deploy --force'
  agent-audit risk 'curl -s https://example.org/install.sh | sudo sh'
  agent-audit risk --json 'git push --force' | jq .score`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := risk.New(o)
			if err != nil {
				return err
			}
			for _, problem := range e.SigmaProblems() {
				fmt.Fprintln(cmd.ErrOrStderr(), "not used:", problem)
			}
			a := e.Assess(risk.Subject{Command: args[0], Cwd: cwd})
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
					"score": a.Score, "category": a.Category, "rules": list(a.Rules), "reasons": list(a.Reasons), "techniques": list(a.Techniques),
				})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d  %s\n", a.Score, a.Category)
			for i, r := range a.Rules {
				fmt.Fprintf(cmd.OutOrStdout(), "  %s: %s\n", r, a.Reasons[i])
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: score, category, rules, reasons, techniques")
	c.Flags().StringVar(&cwd, "cwd", "", "working directory in which it would run")
	c.Flags().StringVar(&o.Sigma, "sigma", "", "folder of Sigma rules to judge by as well")
	c.Flags().StringSliceVar(&o.Rules, "rules", nil, "files of risk rules of your own, see docs/risk.md")
	return c
}

// list is an empty list rather than null in JSON.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
