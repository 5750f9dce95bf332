package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// canaryName marks a canary in every field that names somebody.
const canaryName = "agent-audit-doctor"

// makeCanary makes a record that no real one is mistaken for. Its command is longer than what careless mappings leave
// unsearchable, and its last word is to be found.
func makeCanary(now time.Time) *schema.Action {
	a := &schema.Action{Time: now, Message: "canary of agent-audit doctor: nothing was done"}
	unique := fmt.Sprintf("canary%d", now.UnixNano())
	a.Event = schema.Event{
		ID: schema.MakeID(canaryName, unique).String(), Kind: schema.KindEvent, Action: schema.ActionLog, Provider: canaryName,
		Created: now, Outcome: schema.OutcomeUnknown,
	}
	a.Identity = schema.Identity{AgentName: canaryName, UserName: canaryName, ServiceName: canaryName}
	a.Session.ID = "doctor-" + unique
	a.Command.Line = "true # " + unique + " " + strings.Repeat("padding ", 600) + "tail" + unique
	a.Risk.Score, a.Risk.Source = schema.Some(0), "computed"
	a.Authorization.Decision = schema.Unrecorded
	a.Trail.Stream, a.Trail.Sequence, a.Trail.Complete = "doctor-"+unique, schema.Some(0), true
	return a
}

// plant stores a canary through the exporter.
func plant(ctx context.Context, d *elastic, now time.Time) (*schema.Action, error) {
	settings, err := json.Marshal(struct {
		elasticsearch.Connection
		Namespace string `json:"namespace,omitempty"`
	}{d.writer(), d.namespace})
	if err != nil {
		return nil, err
	}
	e, err := elasticsearch.Open(ctx, settings)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	a := makeCanary(now)
	b := exporters.Batch{Stream: a.Trail.Stream, Records: []exporters.Record{{Sequence: 0, JSON: a.AppendJSON(nil)}}}
	_, refused, err := e.Export(ctx, b)
	if len(refused) > 0 {
		return nil, fmt.Errorf("refused: %s", refused[0].Reason)
	}
	return a, err
}

// canaryQuery is one of the five questions.
type canaryQuery struct {
	name  string
	query query.Query
}

// canaryQueries ask for the canary in each of the five ways, by nothing but what they are about (and the time, lest they
// go through the whole trail).
func canaryQueries(a *schema.Action) []canaryQuery {
	zero, words := 0, strings.Fields(a.Command.Line)
	since := a.Time.Add(-time.Second)
	return []canaryQuery{
		{"session", query.Query{Session: a.Session.ID}},
		{"agent and user", query.Query{Agent: canaryName, User: canaryName, Since: since}},
		{"command", query.Query{Command: words[len(words)-1]}},
		{"beginning of command", query.Query{CommandPrefix: a.Command.Line[:40]}},
		{"risk", query.Query{RiskMin: &zero, RiskMax: &zero, Since: since}},
		{"decision", query.Query{Decision: []string{schema.Unrecorded}, Since: since}},
	}
}

// find waits for a record to be among a query's rows: what was stored is searchable a little later.
func find(ctx context.Context, s query.Source, q query.Query, id string, until time.Time) error {
	for {
		for row, err := range s.Query(ctx, q) {
			if err != nil {
				return err
			}
			if row.Action.Event.ID == id {
				return nil
			}
		}
		if time.Now().After(until) {
			return errors.New("the canary is not found: is the field mapped as it should be?")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
