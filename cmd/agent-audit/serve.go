package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/serve"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	filters
	listen           serve.Listen
	tokenFile, reads string
}

func serveCommand() *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Show the trail over HTTP, to programs and in a browser",
		Long: "Serves the trail, and only reads it: an API (its document is /api/v1/openapi.json) and pages for people, which need no " +
			"script and nothing from elsewhere. On 127.0.0.1 anybody on the machine can read, unless there is a token file; any other " +
			"address needs a token file and a certificate.\n\n" +
			"The token file has a line a reader: NAME TOKEN (mode 0600, tokens of 24 characters or more). Programs send Authorization: " +
			"Bearer TOKEN; browsers ask for it as a password.\n\n" +
			"Every read is recorded before anything is shown: who, what was asked, how many records (reads.ndjson in the state folder; " +
			"event.action audit-read). serve check-reads tells whether a log of reads was tampered with.\n\n" +
			"Texts go through today's secret rules once more before they are shown.",
		Example: `  agent-audit serve
  agent-audit serve --source 'elasticsearch:https://es.example.com:9200?api_key_file=reader.key'
  agent-audit serve --listen 0.0.0.0:8443 --token-file readers --tls-cert server.pem --tls-key server.key
  curl -s 'http://127.0.0.1:8480/api/v1/records?risk=70-100&since=7d' | jq '.records[].process.command_line'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.registerSource(c)
	f.registerRules(c)
	c.Flags().StringVar(&f.listen.Address, "listen", "127.0.0.1:8480", "HOST:PORT")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "file of those who may read, NAME TOKEN a line")
	c.Flags().StringVar(&f.listen.CertFile, "tls-cert", "", "certificate, PEM")
	c.Flags().StringVar(&f.listen.KeyFile, "tls-key", "", "its key, PEM")
	c.Flags().StringVar(&f.reads, "reads", "", "log of reads (default: reads.ndjson in the state folder)")
	c.AddCommand(checkReadsCommand())
	return c
}

func (f *serveFlags) run(cmd *cobra.Command) error {
	var tokens *serve.Tokens
	if f.tokenFile != "" {
		var err error
		if tokens, err = serve.ReadTokens(f.tokenFile); err != nil {
			return err
		}
	}
	f.listen.HasTokens = tokens != nil
	redactor, err := redactor(f.rules)
	if err != nil {
		return err
	}
	source, err := f.open(cmd.Context())
	if err != nil {
		return err
	}
	defer source.Close()
	reads, err := f.openReads(redactor)
	if err != nil {
		return err
	}
	defer reads.Close()
	listener, err := f.listen.Open(cmd.Context())
	if err != nil {
		return err
	}
	scheme := "http"
	if f.listen.CertFile != "" {
		scheme = "https"
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "serving at %s://%s/\n", scheme, listener.Addr())
	s := serve.New(serve.Options{
		Source: source, Redactor: redactor, Reads: reads, Tokens: tokens, Version: readVersion().Version,
		Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
	})
	return s.Run(cmd.Context(), listener)
}

func (f *serveFlags) openReads(redactor *display.Redactor) (*serve.ReadLog, error) {
	path := f.reads
	if path == "" {
		path = filepath.Join(f.state, "reads.ndjson")
	}
	return serve.OpenReads(path, redactor)
}

func checkReadsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check-reads FILE",
		Short: "Tell whether a log of reads was tampered with",
		Long:  "Follows the hashes from line to line. Exit code 1 when a line was changed, taken out, put in or cut short.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			n, wrong, err := serve.CheckReads(file)
			if err != nil {
				return err
			}
			for _, w := range wrong {
				fmt.Fprintln(cmd.OutOrStdout(), w)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d reads, %d findings\n", n, len(wrong))
			if len(wrong) > 0 {
				return errFinding
			}
			return nil
		},
	}
}
