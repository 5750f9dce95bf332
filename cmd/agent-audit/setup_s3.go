package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/s3"
	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/display"
)

func setupS3Command() *cobra.Command {
	var mode, retention, file string
	var writers, auditors []string
	var asJSON, dry bool
	c := &cobra.Command{
		Use:   "s3 s3://BUCKET/PREFIX",
		Short: "Make or check a bucket that locks the archive, and print the policies for it",
		Long: "Makes the bucket with versioning and Object Lock, or checks one that is there; sets its default retention and a " +
			"bucket policy that lets nobody write without lock and condition, shorten a lock, delete or bypass. Of a store that does " +
			"not know all that AWS knows it asks what it takes, and says what is enforced and what is not. A policy of others " +
			"is left alone. Then it prints the least-privilege IAM policies for the writer (the exporter) and the " +
			"auditor (verify, prove, retrieve). Exit code 1 when a step failed.\n\n" +
			"Run it with an administrator's credentials; the exporter needs none of these rights.",
		Example: `  agent-audit setup s3 s3://example-audit/trail --retention 365d
  agent-audit setup s3 's3://audit?endpoint=https://minio.example:9000&path_style=true' --retention 90d --mode GOVERNANCE
  agent-audit setup s3 s3://example-audit/trail --config /etc/agent-audit/agent-audit.yaml
  agent-audit setup s3 s3://example-audit/trail --retention 365d --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := &s3.Setup{Mode: mode, Writers: writers, Auditors: auditors}
			var err error
			if o.Place, err = s3.ParseURL(args[0]); err != nil {
				return err
			}
			if p, err := configured(file); err != nil {
				return err
			} else if p != nil {
				_, o.Retention = p.Longest()
				if !cmd.Flags().Changed("mode") {
					o.Mode = p.Mode
				}
				retention = o.Retention.String()
			}
			if mode != archive.Compliance && mode != archive.Governance {
				return fmt.Errorf("--mode %q is neither COMPLIANCE nor GOVERNANCE", mode)
			}
			if o.Retention, err = config.ParseDuration(retention); err != nil {
				return fmt.Errorf("--retention: %w", err)
			}
			if o.Retention < s3.MinRetention || o.Retention > s3.MaxRetention {
				return fmt.Errorf("--retention %q is not between 1d and 36500d", retention)
			}
			return setupS3(cmd, o, dry, asJSON)
		},
	}
	c.Flags().StringVar(&mode, "mode", archive.Compliance, "COMPLIANCE or GOVERNANCE")
	c.Flags().StringVar(&retention, "retention", "", "for how long files are locked, for example 365d")
	registerConfig(c, &file)
	c.MarkFlagsOneRequired("config", "retention")
	c.Flags().StringArrayVar(&writers, "writer", nil, "account that the bucket policy lets write (ARN, or access key where there are no ARNs); repeatable")
	c.Flags().StringArrayVar(&auditors, "auditor", nil, "account that the bucket policy lets read; repeatable")
	c.Flags().BoolVar(&dry, "dry-run", false, "only print the policies")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: steps, bucket_policy, writer_policy, auditor_policy")
	completeWords(c, "mode", archive.Compliance, archive.Governance)
	return c
}

func setupS3(cmd *cobra.Command, o *s3.Setup, dry, asJSON bool) (err error) {
	r := &s3.Result{Steps: []s3.Step{}, Policies: o.Policies()}
	if !dry {
		if r, err = o.Run(cmd.Context()); err != nil {
			return err
		}
	}
	w := cmd.OutOrStdout()
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		err = enc.Encode(map[string]any{
			"steps": r.Steps, "bucket_policy": json.RawMessage(r.Policies.Bucket),
			"writer_policy": json.RawMessage(r.Policies.Writer), "auditor_policy": json.RawMessage(r.Policies.Auditor),
		})
	} else {
		for _, s := range r.Steps {
			fmt.Fprintf(w, "%-10s %s\n", s.Outcome, s.Name)
			if s.Detail != "" {
				fmt.Fprintf(w, "           %s\n", display.Safe(s.Detail))
			}
		}
		fmt.Fprintf(w, "\nBucket policy:\n%s\n\nIAM policy of the writer:\n%s\n\nIAM policy of the auditor:\n%s\n", r.Policies.Bucket, r.Policies.Writer, r.Policies.Auditor)
	}
	for _, s := range r.Steps {
		if err == nil && s.Outcome == s3.Failed {
			return errFinding
		}
	}
	return err
}
