package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/logfile"
	"github.com/agentaudit/agentaudit/internal/logging"
)

func importCommand() *cobra.Command {
	var state, file, format, organization string
	c := &cobra.Command{
		Use:   "import FILE|DIR...",
		Short: "Bring logs that already exist into the audit trail",
		Long: "Runs the plugin's write line and exporters over files, and ends when everything is delivered. Importing a " +
			"file again adds nothing. Without a configuration the records go to a SQLite store and an archive in the state folder.",
		Example: `  agent-audit import ~/.claude/projects
  agent-audit import --organization example --state /srv/audit sessions/*.jsonl
  agent-audit import --config /etc/agent-audit.yaml /var/log/agents`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := importConfig(file, state, format, organization)
			if err != nil {
				return err
			}
			return importFiles(cmd.Context(), cfg, args, cmd.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&state, "state", "", "state folder (default "+defaultState()+")")
	c.Flags().StringVar(&file, "config", "", "configuration file")
	c.Flags().StringVar(&format, "format", "", "format of the logs (default: recognised)")
	c.Flags().StringVar(&organization, "organization", "", "organisation on whose behalf the agents acted")
	return c
}

// defaultState is where the companion keeps its state: the system's place for root, the user's else.
func defaultState() string {
	if os.Geteuid() == 0 {
		return "/var/lib/agent-audit"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "agent-audit")
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "agent-audit")
}

// allFiles is how long an action of a file waits for its result, and for other files that tell of it: until all are read.
const allFiles = "24h"

// importConfig is the given configuration, or one with both embedded stores in the state folder.
func importConfig(file, state, format, organization string) (*config.Config, error) {
	flat := map[string]string{
		"state_dir": state, "format": format, "organization": organization, "pair_window": allFiles, "lane_window": allFiles,
	}
	if file == "" {
		if state == "" {
			flat["state_dir"] = defaultState()
		}
		flat["sqlite_path"] = filepath.Join(flat["state_dir"], "audit.db")
		flat["archive_dir"] = filepath.Join(flat["state_dir"], "archive")
	}
	return config.Load(file, func(key string) string { return flat[key] })
}

func importFiles(ctx context.Context, cfg *config.Config, args []string, w io.Writer) error {
	files, err := logfile.Files(args)
	if err != nil {
		return err
	}
	in, err := instance.Open(cfg, logging.New(w, "agent-audit", slog.LevelWarn))
	if err != nil {
		return err
	}
	bar := newProgress(w, files)
	err = feed(ctx, in, files, bar)
	if err == nil {
		bar.say("delivering")
		err = in.Finish(ctx)
	}
	bar.end()
	s := in.Status()
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d records in the trail\n", s.Accepted)
	for _, e := range s.Exporters {
		fmt.Fprintf(w, "  %-10s %d delivered, %d dead letters\n", e.Name, e.Delivered, e.DeadLetters)
	}
	return nil
}

// feed gives every file to the write line. A full journal is waited for, as Fluent Bit would retry.
func feed(ctx context.Context, in *instance.Instance, files []string, bar *progress) error {
	for _, f := range files {
		err := logfile.Chunks(f, func(chunk []byte, read int64) error {
			for {
				err := in.Flush("import", chunk)
				if err == nil {
					bar.at(f, read)
					return ctx.Err()
				}
				if !errors.Is(err, journal.ErrFull) {
					return err
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
		if err != nil {
			return err
		}
		bar.done(f)
	}
	return nil
}

// progress draws a bar on a terminal, and nothing elsewhere.
type progress struct {
	w     io.Writer
	on    bool
	total int64
	past  int64 // bytes of files that are done
	drawn time.Time
}

func newProgress(w io.Writer, files []string) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok {
		p.on = term.IsTerminal(int(f.Fd()))
	}
	for _, f := range files {
		p.total += size(f)
	}
	return p
}

func size(file string) int64 {
	if info, err := os.Stat(file); err == nil {
		return info.Size()
	}
	return 0
}

func (p *progress) done(file string) { p.past += size(file) }

func (p *progress) at(file string, read int64) {
	if !p.on || time.Since(p.drawn) < 100*time.Millisecond {
		return
	}
	p.drawn = time.Now()
	const width = 30
	n := int(width * min(p.past+read, p.total) / max(p.total, 1))
	fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %3d%%  %s", strings.Repeat("█", n), strings.Repeat(" ", width-n), 100*n/width, filepath.Base(file))
}

func (p *progress) say(text string) {
	if p.on {
		fmt.Fprintf(p.w, "\r\x1b[K%s", text)
	}
}

func (p *progress) end() { p.say("") }
