package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/scrub"
)

// buildVersion is set with -ldflags "-X main.buildVersion=…"; else the module's version counts.
var buildVersion string

// versionInfo is what a report of a fault should name.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Secrets  string `json:"scrub_ruleset"`
	ECS      string `json:"ecs_version"`
	OCSF     string `json:"ocsf_version"`
}

func readVersion() versionInfo {
	v := versionInfo{
		Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Secrets: scrub.Ruleset, ECS: schema.ECSVersion, OCSF: display.OCSFVersion,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = info.Main.Version
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.time":
				v.Time = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	v.Version = firstNonEmpty(buildVersion, v.Version, "unknown")
	return v
}

func versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program and of its rules",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, w := readVersion(), cmd.OutOrStdout()
			if asJSON {
				return json.NewEncoder(w).Encode(v)
			}
			fmt.Fprintf(w, "agent-audit %s\n", v.Version)
			if v.Revision != "" {
				changed := ""
				if v.Modified {
					changed = ", changed since"
				}
				fmt.Fprintf(w, "revision    %s, %s%s\n", v.Revision, v.Time, changed)
			}
			_, err := fmt.Fprintf(w, "built with  %s for %s\nsecrets     ruleset %s\nrecords     ECS %s, exported as OCSF %s\n", v.Go, v.Platform, v.Secrets, v.ECS, v.OCSF)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
