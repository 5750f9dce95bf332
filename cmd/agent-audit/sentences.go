package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/config"
)

// sentences say what a configuration will do.
func sentences(c *config.Config) []string {
	s := []string{formatSentence(c)}
	if c.Organization != "" {
		s = append(s, fmt.Sprintf("Records that name no organisation get %q.", c.Organization))
	}
	for _, path := range sortedKeys(c.Fields) {
		s = append(s, fmt.Sprintf("Records without %s get %q.", path, c.Fields[path]))
	}
	prompts := "Prompts and the model's text are left out."
	if c.Prompts {
		prompts = "Prompts and the model's text are kept."
	}
	s = append(s, prompts,
		"Secrets are replaced by labels before anything is stored; their fingerprints use "+keyText(c.Scrub.KeyFile, "scrub.key in the state folder")+", version "+c.Scrub.KeyID+".",
		fmt.Sprintf("Of standard output and of standard error, %s each are kept.", sizeText(c.MaxOutput)),
		fmt.Sprintf("An action waits %s for its result, then it is recorded as incomplete; the result makes a record of its own.", durationText(c.PairWindow)),
		fmt.Sprintf("A call of which other logs may tell (a transcript, OpenTelemetry) waits up to %s for them; together they make one record.", durationText(min(c.LaneWindow, c.PairWindow))),
		fmt.Sprintf("An action whose log is read again within %s adds nothing.", durationText(c.Journal.SeenFor)),
		fmt.Sprintf("Journal and keys are in %s. Up to %s wait there for delivery; beyond that Fluent Bit is told to retry, and nothing is dropped.",
			keyText(c.StateDir, "a folder that is not set here"), sizeText(c.Journal.MaxBytes)),
	)
	s = append(s, privacySentences(c)...)
	s = append(append(s, exporterSentences(c)...), retentionSentences(c)...)
	return append(s, metricsSentences(&c.Metrics)...)
}

func metricsSentences(m *config.Metrics) []string {
	var s []string
	if m.Listen != "" {
		who := "to this machine only"
		if !m.Local() {
			who = "to whoever reaches it, without a password"
		}
		s = append(s, fmt.Sprintf("Metrics and health are shown on http://%s/metrics, %s; they hold no text of a record.", m.Listen, who))
	}
	if m.File != "" {
		s = append(s, fmt.Sprintf("Metrics are written to %s every 15 seconds.", m.File))
	}
	return s
}

func formatSentence(c *config.Config) string {
	text := fmt.Sprintf("Logs are read as %s.", c.Format)
	if c.Format == "auto" {
		text = "The format of each log is recognised by its structure."
	}
	if n := len(c.Mapping); n > 0 {
		text += fmt.Sprintf(" JSON logs of other programs are read by the mapping of %d fields.", n)
	}
	return text
}

func exporterSentences(c *config.Config) []string {
	var s []string
	if x := c.Exporters.SQLite; x != nil {
		s = append(s, fmt.Sprintf("Records go to the SQLite store %s, a file a month.", x.Path))
	}
	if x := c.Exporters.Archive; x != nil {
		text := fmt.Sprintf("Records go to the archive %s, signed with %s", x.Dir, keyText(x.KeyFile, "archive.key in the state folder"))
		if x.MaxWait > 0 {
			text += fmt.Sprintf(", at the latest after %s", durationText(x.MaxWait))
		}
		s = append(s, text+".")
	}
	for _, p := range c.Exporters.Plugins {
		s = append(s, fmt.Sprintf("Records go to %s, by the program %s.", p.Name, strings.Join(p.Command[:min(1, len(p.Command))], "")))
	}
	return s
}

func keyText(path, unset string) string {
	if path == "" {
		return unset
	}
	return path
}

func sizeText(n config.Size) string {
	for _, u := range []struct {
		name  string
		bytes config.Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d %s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func durationText(d config.Duration) string {
	const day = config.Duration(24 * time.Hour)
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	text := time.Duration(d).String()
	if minutes, ok := strings.CutSuffix(text, "m0s"); ok {
		text = minutes + "m"
	}
	if hours, ok := strings.CutSuffix(text, "h0m"); ok {
		text = hours + "h"
	}
	return text
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
