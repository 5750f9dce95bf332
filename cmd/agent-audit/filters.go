package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// filters are the flags that say which records, and from where.
type filters struct {
	source, state string
	rules         []string // files of secret rules of the user's own
	q             query.Query
	risk, anomaly string
	decision      []string
	since, until  string
	limit         int
	oldest        bool
}

// anyAnomaly is the value of --anomaly without one.
const anyAnomaly = "*"

func (f *filters) register(c *cobra.Command) {
	f.registerSource(c)
	s := c.Flags()
	s.StringVar(&f.q.ID, "id", "", "record id")
	s.StringVar(&f.q.Session, "session", "", "session id")
	s.StringVar(&f.q.Agent, "agent", "", "agent: id, name, or its software")
	s.StringVar(&f.q.User, "user", "", "user: id, name or e-mail")
	s.StringVar(&f.q.Command, "command", "", "words of the command")
	s.StringVar(&f.q.CommandPrefix, "command-prefix", "", "how the command begins")
	s.StringVar(&f.risk, "risk", "", "risk score: 80-100, 80- (at least), -20 (at most), 95")
	s.StringSliceVar(&f.decision, "decision", nil, "approved, auto_approved, denied or unrecorded; several with commas")
	s.StringVar(&f.anomaly, "anomaly", "", "records with an anomaly, or with this one")
	s.Lookup("anomaly").NoOptDefVal = anyAnomaly
	s.StringVar(&f.q.Tool, "tool", "", "tool, such as Bash")
	s.StringVar(&f.q.Host, "host", "", "host: id or name")
	s.StringVar(&f.q.Organization, "organization", "", "organisation: id or name")
	s.StringVar(&f.since, "since", "", "from this time on: RFC 3339, date or age")
	s.StringVar(&f.until, "until", "", "before this time: RFC 3339, date (to its end) or age")
	s.IntVar(&f.limit, "limit", 0, fmt.Sprintf("most records, 0 for all (default %d in tables, else all)", tableLimit))
	s.BoolVar(&f.oldest, "oldest-first", false, "oldest records first")
	completeWords(c, "decision", decisions...)
}

func (f *filters) registerSource(c *cobra.Command) {
	c.Flags().StringVar(&f.source, "source", "", "sqlite:PATH, dir:PATH, s3://BUCKET/PREFIX or elasticsearch:URL (default: what is in the state folder)")
	c.Flags().StringVar(&f.state, "state", defaultState(), "state folder")
	_ = c.MarkFlagDirname("state")
}

// registerRules is for commands that show records: they pass today's secret rules, and these.
func (f *filters) registerRules(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.rules, "rules", nil, "files of secret rules of your own, as the trail is scrubbed with (scrub.rules)")
}

// archive is the place of an archive: the argument, else that of the state folder.
func (f *filters) archive(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return filepath.Join(f.state, "archive")
}

var decisions = []string{schema.Approved, schema.AutoApproved, schema.Denied, schema.Unrecorded}

// query is what the flags ask for. args may hold the value that the shell has parted from --anomaly.
func (f *filters) query(cmd *cobra.Command, args []string) (query.Query, error) {
	note, err := f.lookUpUser()
	if err != nil {
		return query.Query{}, err
	}
	if note != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), note)
	}
	q := f.q
	q.Limit = f.limit
	if f.oldest {
		q.Order = query.OldestFirst
	}
	switch {
	case len(args) == 1 && f.anomaly == anyAnomaly:
		f.anomaly = args[0]
	case len(args) > 0:
		return q, fmt.Errorf("%q is no flag: %s --help shows what can be asked for", args[0], cmd.CommandPath())
	}
	if f.anomaly == anyAnomaly {
		q.AnyAnomaly = true
	} else {
		q.Anomaly = f.anomaly
	}
	for _, d := range f.decision {
		d = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(d)), "-", "_")
		if !slices.Contains(decisions, d) {
			return q, fmt.Errorf("--decision: unknown decision %q%s", d, config.DidYouMean(d, decisions))
		}
		q.Decision = append(q.Decision, d)
	}
	now := time.Now().UTC()
	if q.RiskMin, q.RiskMax, err = query.ParseRisk(f.risk); err != nil {
		return q, fmt.Errorf("--risk: %w", err)
	}
	if q.Since, err = query.ParseTime(f.since, now, false); err != nil {
		return q, fmt.Errorf("--since: %w", err)
	}
	if q.Until, err = query.ParseTime(f.until, now, true); err != nil {
		return q, fmt.Errorf("--until: %w", err)
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, fmt.Errorf("--since %s is not before --until %s", schema.FormatTime(q.Since), schema.FormatTime(q.Until))
	}
	return q, q.Check()
}

// open opens the source that was named, or the one in the state folder.
func (f *filters) open(ctx context.Context) (query.Source, error) {
	if f.source != "" {
		return query.Open(ctx, f.source)
	}
	db, archive := filepath.Join(f.state, "audit.db"), filepath.Join(f.state, "archive")
	files, err := sqlite.Files(db)
	if err == nil && len(files) > 0 {
		return query.Open(ctx, "sqlite:"+db)
	}
	if _, err := os.Stat(archive); err == nil {
		return query.Open(ctx, "dir:"+archive)
	}
	return nil, fmt.Errorf("there is no trail in %s: neither a SQLite store (audit-*.db) nor an archive (archive/); "+
		"name another state folder with --state, or a store with --source sqlite:PATH, dir:PATH, s3://BUCKET/PREFIX or elasticsearch:URL", f.state)
}
