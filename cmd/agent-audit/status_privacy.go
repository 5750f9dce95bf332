package main

import (
	"context"
	"fmt"

	"github.com/agentaudit/agentaudit/internal/instance"
)

// unfinished are erasures that were begun and are not done, and events that wait for the trail, as sentences. A key store in
// a bucket is not asked: status goes to no network.
func unfinished(ctx context.Context, state string) ([]string, error) {
	l, err := instance.ReadLookups(state)
	if err != nil || l == nil || l.KeyStore == "" || l.InBucket() {
		return nil, err
	}
	o := &office{state: state, by: "status"}
	if err := o.open(ctx); err != nil {
		return nil, err
	}
	defer o.vault.Close()
	open, err := o.vault.Open(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range open {
		all = append(all, fmt.Sprintf("erasure %s was begun and is not done: agent-audit erase --resume goes on with it", e.ID))
	}
	return all, nil
}
