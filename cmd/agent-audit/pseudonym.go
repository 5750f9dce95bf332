package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/privacy"
)

func pseudonymCommand() *cobra.Command {
	var state, organization string
	c := &cobra.Command{
		Use:   "pseudonym NAME...",
		Short: "Tell under which pseudonyms a person stands in the trail",
		Long: "Looks up a user's name, an e-mail address or an IP address with the key of the state folder's instance (privacy). Who " +
			"lacks the key cannot.",
		Example: `  agent-audit pseudonym alice alice@example.com
  agent-audit query --source s3://example-audit/trail --user "$(agent-audit pseudonym alice)"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				all, err := instance.Pseudonyms(state, organization, name)
				if err != nil {
					return err
				}
				if len(all) == 0 {
					return errNoKey
				}
				for _, p := range all {
					fmt.Fprintln(cmd.OutOrStdout(), p)
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&state, "state", defaultState(), "state folder")
	c.Flags().StringVar(&organization, "organization", "", "organisation of the records (default: that of the configuration)")
	return c
}

var errNoKey = errors.New("no instance with privacy has run in this state folder, or its key is not here")

// lookUpUser takes a plain name in --user for the pseudonym, where the key is at hand: the caller is one who may know.
func (f *filters) lookUpUser() (note string, err error) {
	if f.q.User == "" || privacy.Is(f.q.User) {
		return "", nil
	}
	all, err := instance.Pseudonyms(f.state, f.q.Organization, f.q.User)
	if err != nil || len(all) == 0 || all[0] == f.q.User {
		return "", err
	}
	f.q.User = all[0]
	return "looked up as " + all[0], nil
}
