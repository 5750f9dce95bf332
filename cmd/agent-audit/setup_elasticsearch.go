package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/internal/query"
)

// elasticsearchURLHelp explains the address that setup and doctor take.
const elasticsearchURLHelp = `
URL is https://HOST:9200, several with commas, and then, after a ?, what else there is to say, joined with &: namespace,
api_key_file, username, password_file, ca_file, certificate_file, key_file, or cloud_id instead of hosts. The key or the
password may be in $AGENT_AUDIT_ELASTICSEARCH_API_KEY or $AGENT_AUDIT_ELASTICSEARCH_PASSWORD instead of a file.`

func setupElasticsearchCommand() *cobra.Command {
	var retention, file, writerKey, readerKey string
	var plan, serverless, lookup, asJSON bool
	c := &cobra.Command{
		Use:   "elasticsearch URL",
		Short: "Put templates, lifecycle, data stream and roles on an Elasticsearch cluster",
		Long: "Put lifecycle policy, component templates, index template, data stream and least-privilege roles on an Elasticsearch " +
			"cluster (8.19, 9, or serverless). It needs the cluster privileges monitor, manage_index_templates, manage_ilm and " +
			"manage_security, and manage on logs-agent_audit.*; the exporter afterwards needs create_doc only.\n" + elasticsearchURLHelp,
		Example: `  See what it would put, without a server:
    agent-audit setup elasticsearch --print
  Keep records for a year, and make a key for the exporter:
    agent-audit setup elasticsearch 'https://es.example.com:9200?username=elastic&password_file=/root/pw' --retention 365d --writer-key /etc/agent-audit/es.key`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			days, err := wholeDays(retention)
			if err != nil {
				return err
			}
			if p, err := configured(file); err != nil {
				return err
			} else if p != nil {
				online, _ := p.Longest()
				days = int(online / (24 * time.Hour))
			}
			o := elasticsearch.SetupOptions{RetentionDays: days, Lookup: lookup}
			if plan && len(args) == 0 {
				_, err := fmt.Fprint(cmd.OutOrStdout(), elasticsearch.Plan(o, elasticsearch.TemplateOptions{Serverless: serverless, RetentionDays: days}))
				return err
			}
			if len(args) == 0 {
				return errors.New("name the cluster: agent-audit setup elasticsearch https://HOST:9200")
			}
			client, namespace, err := connectElasticsearch(args[0])
			if err != nil {
				return err
			}
			defer client.Close()
			o.Namespace = namespace
			if plan {
				return printPlan(cmd, client, o)
			}
			report := stepPrinter(cmd.OutOrStdout(), asJSON)
			if err := elasticsearch.Setup(cmd.Context(), client, o, report); err != nil {
				return err
			}
			return createKeys(cmd.Context(), client, o, []string{writerKey, readerKey}, report)
		},
	}
	c.Flags().StringVar(&retention, "retention", "", "how long records are kept, such as 365d (default: for ever)")
	registerConfig(c, &file)
	c.Flags().BoolVar(&plan, "print", false, "print what would be put, and change nothing")
	c.Flags().BoolVar(&serverless, "serverless", false, "with --print and no URL: the form for Elasticsearch Serverless")
	c.Flags().StringVar(&writerKey, "writer-key", "", "also make an API key for the exporter, and write it to this new file")
	c.Flags().StringVar(&readerKey, "reader-key", "", "also make an API key for queries, and write it to this new file")
	c.Flags().BoolVar(&lookup, "lookup", false, "let the exporter's role also look up records by identity, not search them: "+
		"a record sent again after a rollover is then never stored twice")
	c.Flags().BoolVar(&asJSON, "json", false, "a JSON object a step")
	return c
}

// printPlan prints what would be put on this server.
func printPlan(cmd *cobra.Command, client *elasticsearch.Client, o elasticsearch.SetupOptions) error {
	server, err := client.Server(cmd.Context())
	if err != nil {
		return err
	}
	t, err := server.TemplateOptions(o.RetentionDays)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), elasticsearch.Plan(o, t))
	return err
}

// createKeys makes an API key a file that is named; files are in the order of elasticsearch.Roles.
func createKeys(ctx context.Context, client *elasticsearch.Client, o elasticsearch.SetupOptions, files []string, report func(elasticsearch.Step)) error {
	for i, role := range elasticsearch.Roles(o) {
		if files[i] == "" {
			continue
		}
		if err := elasticsearch.CreateKey(ctx, client, role.Name, role, files[i]); err != nil {
			return err
		}
		report(elasticsearch.Step{What: "API key " + role.Name, Result: "written to " + files[i]})
	}
	return nil
}

func connectElasticsearch(url string) (*elasticsearch.Client, string, error) {
	connection, namespace, err := elasticsearch.ParseURL(url)
	if err != nil {
		return nil, "", err
	}
	client, err := elasticsearch.Connect(connection)
	return client, namespace, err
}

// wholeDays reads a retention: days, or any age of whole days. Empty is 0, for ever.
func wholeDays(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	d, ok := query.ParseAge(text)
	days := int(d.Hours() / 24)
	if !ok || days < 1 || days > 36500 || float64(days)*24 != d.Hours() {
		return 0, fmt.Errorf("retention %q is not a number of whole days, such as 365d", text)
	}
	return days, nil
}

// stepPrinter prints each step on a line.
func stepPrinter(w io.Writer, asJSON bool) func(elasticsearch.Step) {
	return func(s elasticsearch.Step) {
		if asJSON {
			_ = json.NewEncoder(w).Encode(s)
			return
		}
		fmt.Fprintf(w, "%s: %s\n", s.What, s.Result)
	}
}
