package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/keystore/bucket"
	"github.com/agentaudit/agentaudit/internal/privacy"
)

// office is what commands on persons work with: the key store of a state folder's instance, and who they are done by.
type office struct {
	state, organization, by string
	lookups                 *instance.Lookups
	vault                   *keystore.Vault
	keys                    *keystore.Keys
}

func (o *office) register(c *cobra.Command) {
	c.Flags().StringVar(&o.state, "state", defaultState(), "state folder")
	c.Flags().StringVar(&o.organization, "organization", "", "organisation of the records (default: that of the configuration)")
	c.Flags().StringVar(&o.by, "by", "", "who does it, for the record (default: the user who runs this)")
}

// open opens the key store.
func (o *office) open(ctx context.Context) (err error) {
	if o.lookups, err = instance.ReadLookups(o.state); err != nil {
		return err
	}
	switch {
	case o.lookups == nil:
		return errNoKey
	case o.lookups.KeyStore == "":
		return errors.New("this instance keeps no originals (privacy.originals): there is nothing to reveal or erase")
	}
	if o.keys, err = keystore.LoadKeys(o.lookups.KeyFile, o.lookups.KeyEnv); err != nil {
		return err
	}
	var files keystore.Files
	if o.lookups.InBucket() {
		files, err = bucket.Open(ctx, o.lookups.KeyStore)
	} else {
		files, err = keystore.OpenFolder(o.lookups.KeyStore)
	}
	if err != nil {
		return err
	}
	o.vault = keystore.NewVault(files, o.keys)
	if o.by == "" {
		u, err := user.Current()
		if err != nil {
			return fmt.Errorf("who runs this is unknown (%w): say so with --by", err)
		}
		o.by = u.Username
	}
	return nil
}

// subjects are the pseudonyms of names.
func (o *office) subjects(names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		found, err := instance.Pseudonyms(o.state, o.organization, name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, errNoKey
		}
		for _, s := range found {
			if !privacy.Is(s) {
				return nil, fmt.Errorf("%q is no person's name: it stays as it is in the trail", s)
			}
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// post puts what was done into the trail: pseudonyms only, and who did it.
func (o *office) post(id, what string, arguments map[string]any) error {
	organization := o.organization
	if organization == "" {
		organization = o.lookups.Organization
	}
	return instance.Post(o.state, id, map[string]any{
		"id": id, "timestamp": time.Now().UTC().Format(time.RFC3339Nano), "session_id": id, "agent_id": "agent-audit",
		"organization": organization, "user": o.by, "tool": map[string]any{"name": what, "arguments": arguments},
		"execution": map[string]any{"exit_code": 0},
	})
}
