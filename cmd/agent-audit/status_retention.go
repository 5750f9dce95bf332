package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/instance"
)

// held is what a store on this machine holds, and what goes next.
type held struct {
	Store    string     `json:"store"`
	Oldest   *time.Time `json:"oldest_record,omitempty"`
	Next     string     `json:"expires_next,omitempty"`
	NextTime *time.Time `json:"expires_at,omitempty"`
	// Overdue are files that the policy says should be gone: the store holds more than it.
	Overdue []string `json:"overdue,omitempty"`
}

func (h *held) String() string {
	text := h.Store + ": "
	if h.Oldest == nil {
		return text + "no record"
	}
	text += "oldest record " + h.Oldest.Format(time.RFC3339)
	switch {
	case len(h.Overdue) > 0:
		text += fmt.Sprintf("; HOLDS MORE than the retention says: %v should be gone", h.Overdue)
	case h.NextTime != nil:
		text += "; next to go: " + h.Next + " on " + h.NextTime.Format(time.DateOnly)
	default:
		text += "; nothing expires"
	}
	return text
}

// holdings looks into the stores on this machine.
func holdings(ctx context.Context, state string, now time.Time) ([]held, error) {
	s, err := instance.ReadStores(state)
	if err != nil || s.SQLite == nil {
		return nil, err
	}
	h, err := sqliteHolding(ctx, s.SQLite, now)
	if err != nil {
		return nil, err
	}
	return []held{*h}, nil
}

func sqliteHolding(ctx context.Context, c *config.SQLite, now time.Time) (*held, error) {
	r := sqlite.Retention{Keep: time.Duration(c.Retention)}
	for _, l := range c.Longer {
		r.Longer = append(r.Longer, sqlite.Route{Organization: l.Organization, Agent: l.Agent, MinRisk: l.MinRisk, Keep: time.Duration(l.Retention)})
	}
	h := &held{Store: "sqlite:" + c.Path}
	files, err := sqlite.Files(c.Path)
	if err != nil {
		return nil, err
	}
	for i, file := range files {
		if h.Oldest == nil {
			if h.Oldest, err = oldestIn(ctx, file); err != nil {
				return nil, err
			}
		}
		end, err := r.End(ctx, c.Path, file, now)
		switch {
		case err != nil:
			return nil, err
		case end.IsZero():
		case !now.Before(end.Add(2*time.Hour)) && i < len(files)-1: // it is looked at once an hour
			h.Overdue = append(h.Overdue, file)
		case h.NextTime == nil || end.Before(*h.NextTime):
			h.Next, h.NextTime = file, &end
		}
	}
	return h, nil
}

// oldestIn is the time of a file's oldest record; nil without one.
func oldestIn(ctx context.Context, file string) (*time.Time, error) {
	db, err := sqlite.OpenReadOnly(ctx, file)
	if errors.Is(err, sqlite.ErrEmpty) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var text *string
	if err := db.QueryRowContext(ctx, "SELECT min(timestamp) FROM audit_log WHERE timestamp > ''").Scan(&text); err != nil || text == nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339Nano, *text)
	return &at, err
}
