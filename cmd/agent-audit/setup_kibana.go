package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/kibana"
)

func setupKibanaCommand() *cobra.Command {
	var o kibana.ImportOptions
	var folder string
	var asJSON bool
	c := &cobra.Command{
		Use:   "kibana [URL]",
		Short: "Import data view, searches, dashboards and detection rules into Kibana",
		Long: "Import a data view, saved searches, six dashboards and detection rules into Kibana 8.19 or later. What is there already " +
			"is left as it is, unless --overwrite. Rules are off until you turn them on.\n\n" +
			"URL is https://HOST:5601 and then, after a ?, what else there is to say, joined with &: api_key_file, username, password_file, " +
			"ca_file, certificate_file, key_file. The key or the password, which are Elasticsearch's, may be in " +
			"$AGENT_AUDIT_ELASTICSEARCH_API_KEY or $AGENT_AUDIT_ELASTICSEARCH_PASSWORD instead of a file. It needs the Kibana privileges " +
			"to manage saved objects and security rules in the space.",
		Example: `  Import into a space:
    agent-audit setup kibana 'https://kibana.example.com:5601?api_key_file=/root/kibana.key' --space security
  Write the files, to import by hand (Stack Management, Saved Objects; Security, Rules):
    agent-audit setup kibana --to .`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case folder != "" && len(args) > 0:
				return errors.New("give a URL or --to, not both")
			case folder != "":
				return writeKibanaFiles(cmd.OutOrStdout(), folder, o)
			case len(args) == 0:
				return errors.New("name the Kibana: agent-audit setup kibana https://HOST:5601, or write files with --to DIR")
			}
			connection, _, err := elasticsearch.ParseURL(args[0])
			if err != nil {
				return err
			}
			client, err := elasticsearch.Connect(connection)
			if err != nil {
				return err
			}
			defer client.Close()
			results, err := kibana.Import(cmd.Context(), client, o)
			for _, r := range results {
				printKibanaResult(cmd.OutOrStdout(), r, asJSON)
			}
			return err
		},
	}
	c.Flags().StringVar(&o.Space, "space", "", "Kibana space (default: the default one)")
	c.Flags().BoolVar(&o.Overwrite, "overwrite", false, "replace what is there already, with changes people made to it")
	c.Flags().BoolVar(&o.NoRules, "no-rules", false, "leave out the detection rules, for a Kibana without Elastic Security")
	c.Flags().BoolVar(&o.Enable, "enable-rules", false, "turn the imported rules on")
	c.Flags().StringVar(&folder, "to", "", "write the files to this folder instead")
	c.Flags().BoolVar(&asJSON, "json", false, "a JSON object a line")
	return c
}

func printKibanaResult(w io.Writer, r kibana.Result, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(w).Encode(r)
		return
	}
	fmt.Fprintf(w, "%s: %d imported, %d were there already\n", r.What, r.Imported, r.Kept)
}

func writeKibanaFiles(w io.Writer, folder string, o kibana.ImportOptions) error {
	files := []struct {
		name string
		text []byte
	}{
		{"agent-audit-objects.ndjson", kibana.SavedObjects()}, {"agent-audit-rules.ndjson", kibana.Rules(o.Enable)},
	}
	if o.NoRules {
		files = files[:1]
	}
	for _, f := range files {
		path := filepath.Join(folder, f.name)
		if err := os.WriteFile(path, f.text, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(w, path)
	}
	return nil
}
