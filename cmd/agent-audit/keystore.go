package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/keystore/bucket"
)

// keystoreCommand serves a key store in a bucket to the plugin, which has no AWS SDK.
func keystoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "keystore s3://BUCKET/PREFIX",
		Short:  "Serve a key store; the plugin starts it",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := bucket.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer files.Close()
			return keystore.Serve(cmd.Context(), files, os.Stdin, os.Stdout)
		},
	}
}
