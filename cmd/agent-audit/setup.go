package main

import "github.com/spf13/cobra"

func setupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "setup",
		Short: "Make a store ready",
		Long:  "Make a store ready for the exporter. Nothing that belongs to others is changed, and running it again changes nothing more.",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(setupElasticsearchCommand(), setupKibanaCommand(), setupS3Command())
	return c
}
