package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/fluentbit"
	"github.com/agentaudit/agentaudit/internal/retention"
)

// retentionSentences say for how long the stores of a configuration keep records.
func retentionSentences(c *config.Config) []string {
	p, err := c.Retention.Policy()
	if err != nil || p == nil {
		s := []string{"Nothing is ever deleted: no retention is set."}
		if x := c.Exporters.S3; x != nil {
			s = append(s, fmt.Sprintf("S3 locks each object in mode %s for %s.", x.LockMode(), retention.Text(time.Duration(x.Retention))))
		}
		return s
	}
	name := ""
	if p.Preset != "" {
		name = " " + p.Preset
	}
	s := []string{fmt.Sprintf("Retention%s: %s at hand, %s locked. %s.", name, retention.Text(p.Online), retention.Text(p.Archive), strings.TrimSuffix(p.Clause, "."))}
	for _, r := range p.Routes {
		s = append(s, fmt.Sprintf("Records %s: %s at hand, %s locked.", routeText(r), retention.Text(r.Online), retention.Text(r.Archive)))
	}
	online, _ := p.Longest()
	if c.Exporters.SQLite != nil && p.Online > 0 {
		s = append(s, fmt.Sprintf("A month's SQLite file is removed %s after the month's end, unless it has records of a route that keeps longer. The newest stays.", retention.Text(p.Online)))
	}
	if c.Exporters.Elasticsearch != nil && online > 0 {
		s = append(s, fmt.Sprintf("Elasticsearch deletes an index %s after it was rolled over, which is after %d days at most: run setup elasticsearch --config with this file.",
			retention.Text(online), rolloverDays(online)))
	}
	if x := c.Exporters.S3; x != nil {
		s = append(s, fmt.Sprintf("S3 locks each object in mode %s for %s. Deleting it afterwards is up to the bucket's lifecycle rules.", x.Mode, retention.Text(time.Duration(x.Retention))))
	}
	if c.Exporters.Archive != nil {
		s = append(s, "The archive folder is not locked, and nothing in it is ever deleted.")
	}
	return s
}

func routeText(r retention.Route) string {
	var parts []string
	if r.Organization != "" {
		parts = append(parts, "of organisation "+r.Organization)
	}
	if r.Agent != "" {
		parts = append(parts, "of agent "+r.Agent)
	}
	if r.MinRisk > 0 {
		parts = append(parts, fmt.Sprintf("with a risk of at least %d", r.MinRisk))
	}
	return strings.Join(parts, ", ")
}

// rolloverDays is after how many days an index is rolled over at the latest (exporters/elasticsearch, lifecycle).
func rolloverDays(online time.Duration) int {
	return min(max(int(online/retention.Day)/10, 1), 30)
}

// lock warns before a lock that cannot be taken back and is longer than the one before.
func (v *validation) lock(cfg *config.Config, file string, line int) {
	s := cfg.Exporters.S3
	if s == nil {
		return
	}
	lock := retention.Lock{Mode: s.LockMode(), Retention: time.Duration(s.Retention)}
	before, err := retention.Remembered(cfg.StateDir)
	if err != nil {
		v.add(fluentbit.Warning, file, line, err.Error(), "whether the lock of S3 becomes longer cannot be told", "")
		return
	}
	what := lock.Irreversible(before)
	switch {
	case what == "":
	case before == nil:
		v.add(fluentbit.Note, file, line, "S3 in mode COMPLIANCE: "+what, "this cannot be taken back", "try it in mode GOVERNANCE first")
	default:
		v.add(fluentbit.Warning, file, line, "S3 in mode COMPLIANCE: "+what, "this cannot be taken back", "leave retention as it was, if that is not what you want")
	}
}

// erasable warns of a promise of erasure over names that no erasure reaches.
func (v *validation) erasable(cfg *config.Config, file string, line int) {
	p, err := cfg.Retention.Policy()
	if err != nil || p == nil || !p.Erasure || cfg.Privacy != nil {
		return
	}
	v.add(fluentbit.Warning, file, line, "retention "+p.Preset+" without privacy", "names stand in every record as the logs have them, and agent-audit erase does not reach them", "privacy: {originals: true}, or privacy: on")
}

// configured reads the retention of a configuration file, for setup; nil without a file.
func configured(file string) (*retention.Policy, error) {
	if file == "" {
		return nil, nil
	}
	c, err := config.Load(file, nil)
	if c == nil {
		return nil, err
	}
	p, err := c.Retention.Policy()
	if err == nil && p == nil {
		err = fmt.Errorf("%s sets no retention", file)
	}
	return p, err
}

// registerConfig is the flag by which setup takes the retention from a configuration.
func registerConfig(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", "", "configuration file whose retention is set up, instead of --retention")
	c.MarkFlagsMutuallyExclusive("config", "retention")
}
