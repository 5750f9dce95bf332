package config

import (
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/internal/retention"
)

const day = retention.Day

func TestRetentionDrivesTheStores(t *testing.T) {
	stores := "state_dir: /a\nexporters: {sqlite: {path: x.db}, s3: {bucket: b}}\n"
	for _, p := range retention.Presets() {
		for text, flat := range map[string]map[string]string{"retention: " + p.Preset + "\n": nil, "": {"retention": p.Preset}} {
			c, err := load(t, stores+text, flat)
			if err != nil {
				t.Fatalf("%s: %v", p.Preset, err)
			}
			s := c.Exporters.S3
			if time.Duration(c.Exporters.SQLite.Retention) != p.Online || time.Duration(s.Retention) != p.Archive || s.Mode != p.Mode {
				t.Errorf("%s: %+v, %+v", p.Preset, c.Exporters.SQLite, s)
			}
		}
	}
	c, err := load(t, stores+"retention:\n  preset: soc2\n  archive: 800d\n  routes:\n  - {min_risk: 70, archive: 900d}\n  - {organization: bank, online: 500d}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	l := c.Exporters.SQLite.Longer
	if time.Duration(c.Exporters.S3.Retention) != 900*day || len(l) != 2 || l[0].MinRisk != 70 || time.Duration(l[0].Retention) != 366*day ||
		l[1].Organization != "bank" || time.Duration(l[1].Retention) != 500*day {
		t.Errorf("%+v %+v", c.Exporters.S3, l)
	}
	if c, err = load(t, stores+"retention: 400d\n", nil); err != nil || time.Duration(c.Exporters.S3.Retention) != 400*day || c.Exporters.S3.Mode != "COMPLIANCE" {
		t.Errorf("%+v, %v", c.Exporters.S3, err)
	}
}

func TestRetentionContradictions(t *testing.T) {
	stores := "state_dir: /a\nexporters: {sqlite: {path: x.db}, s3: {bucket: b"
	for text, want := range map[string]string{
		"}}\nretention: hippa\n":                                                                             `"hippa" is no preset; there are internal, soc2`,
		"}}\nretention: {online: 400d, archive: 300d}\n":                                                     "online (400 days) is longer than retention.archive (300 days)",
		"}}\nretention: {archive: 300d}\n":                                                                   "online (without end) is longer",
		"}}\nretention: {preset: hipaa, archive: 400d}\n":                                                    "less than the 2192 days of hipaa (45 CFR",
		"}}\nretention: {preset: hipaa, mode: governance}\n":                                                 "less than hipaa asks for",
		"}}\nretention: {preset: soc2, mode: none}\n":                                                        "neither COMPLIANCE nor GOVERNANCE",
		", retention: 30d}}\nretention: soc2\n":                                                              "exporters.s3.retention (30 days) is shorter than retention asks for (366 days)",
		", mode: GOVERNANCE}}\nretention: pci\n":                                                             "less than retention asks for",
		", mode: COMPLIANCE}}\nretention: gdpr\n":                                                            "lets nobody erase",
		"}}\nretention: {preset: soc2, routes: [{online: 400d}]}\n":                                          "names no organization, agent or min_risk",
		"}}\nretention: {preset: soc2, routes: [{min_risk: 700}]}\n":                                         "700 is no score",
		"}}\nretention: {preset: soc2, routes: [{agent: codex, online: 10d}]}\n":                             "shorter time than retention does for all",
		"}}\nretention: {preset: soc2, archive: 800d, routes: [{agent: codex, online: 900d}]}\n":             "online (900 days) is longer than archive (800 days)",
		"}}\nretention: {preset: soc2, route: []}\n":                                                         `unknown key "retention.route": did you mean "routes"`,
		"}}\nretention: 2h\n":                                                                                "less than a day",
		"}}\nretention: {preset: financial, online: 366d, archive: 2557d, routes: [{agent: x, min_ris: 1}]}": `unknown key "retention.routes[0].min_ris"`,
	} {
		if _, err := load(t, stores+text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
