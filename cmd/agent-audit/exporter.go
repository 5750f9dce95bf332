package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/file"
	"github.com/agentaudit/agentaudit/exporters/s3"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
)

// builtIn are the exporters that this program serves.
var builtIn = map[string]exporters.Opener{
	"archive":       archive.Open,
	"elasticsearch": elasticsearch.Open,
	"file":          file.Open,
	"s3":            s3.Open,
	"sqlite":        sqlite.Open,
}

func exporterCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "exporter NAME",
		Short:  "Run a built-in exporter; the plugin starts it",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			open, ok := builtIn[args[0]]
			if !ok {
				var names []string
				for n := range builtIn {
					names = append(names, n)
				}
				slices.Sort(names)
				return fmt.Errorf("exporter %q is not built in; %s are", args[0], strings.Join(names, ", "))
			}
			exporters.Serve(open)
			return nil
		},
	}
}
