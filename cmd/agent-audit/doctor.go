package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/doctor"
)

func doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check a store by using it",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(doctorElasticsearchCommand())
	return c
}

func doctorElasticsearchCommand() *cobra.Command {
	var o doctor.ElasticsearchOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "elasticsearch URL",
		Short: "Plant a canary record in Elasticsearch and find it by every kind of query",
		Long: "Check an Elasticsearch cluster: plants a canary record (it stays; its agent is agent-audit-doctor), finds it by session, " +
			"agent and user, command, risk and decision, and checks lifecycle, template precedence, failure store, ignored fields, " +
			"clock, and whether the exporter's rights are too wide. Exit code 1 if something is wrong.\n" + elasticsearchURLHelp,
		Example: `    agent-audit doctor elasticsearch 'https://es.example.com:9200?api_key_file=/root/reader.key' --writer-key /etc/agent-audit/es.key`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.URL = args[0]
			well, err := doctor.Elasticsearch(cmd.Context(), o, func(f doctor.Finding) {
				if asJSON {
					_ = json.NewEncoder(cmd.OutOrStdout()).Encode(f)
					return
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%-8s %s: %s\n", f.Level, f.Check, f.Text)
			})
			if err == nil && !well {
				return errFinding
			}
			return err
		},
	}
	c.Flags().StringVar(&o.WriterKeyFile, "writer-key", "", "file of the exporter's API key (default: the URL's credentials)")
	c.Flags().BoolVar(&asJSON, "json", false, "a JSON object a finding")
	return c
}
