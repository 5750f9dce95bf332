// Package session sums up what the records of a session tell of it.
package session

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// Summary is the head of a session. Lists hold each name once, in the order of their appearance.
type Summary struct {
	ID          string         `json:"id"`
	Parent      string         `json:"parent_id,omitempty"`
	Type        string         `json:"type,omitempty"`
	Agents      []string       `json:"agents"`
	Software    []string       `json:"software"` // name and version
	Models      []string       `json:"models"`
	Users       []string       `json:"users"`
	Orgs        []string       `json:"organizations"`
	Hosts       []string       `json:"hosts"`
	Directories []string       `json:"working_directories"`
	Start       time.Time      `json:"start"`
	End         time.Time      `json:"end"`
	Records     int            `json:"records"`
	Actions     int            `json:"actions"` // records without logs and errors of the pipeline
	Decisions   map[string]int `json:"decisions"`
	Failed      int            `json:"failed"`
	HighestRisk *int64         `json:"highest_risk"`
	Anomalies   []string       `json:"anomalies"`
}

// New is the summary of a session of which no record has been seen.
func New(id string) *Summary { return &Summary{ID: id, Decisions: map[string]int{}} }

// Add takes a record.
func (s *Summary) Add(row query.Row) error {
	a := row.Action
	s.Records++
	s.Parent, s.Type = cmp.Or(s.Parent, a.Session.ParentID), cmp.Or(s.Type, a.Session.Type)
	addNew(&s.Agents, cmp.Or(a.Identity.AgentName, a.Identity.AgentID))
	addNew(&s.Software, strings.TrimSpace(cmp.Or(a.Identity.ServiceName, a.Event.Provider)+" "+a.Identity.ServiceVersion))
	addNew(&s.Models, a.Identity.Model)
	addNew(&s.Users, display.User(a))
	addNew(&s.Orgs, cmp.Or(a.Identity.OrganizationName, a.Identity.OrganizationID))
	addNew(&s.Hosts, cmp.Or(a.Infrastructure.HostName, a.Infrastructure.HostID))
	addNew(&s.Directories, a.Command.Cwd)
	for _, x := range a.Risk.Anomalies {
		addNew(&s.Anomalies, x)
	}
	for _, t := range []time.Time{a.Session.Start, a.Time} {
		if !t.IsZero() && (s.Start.IsZero() || t.Before(s.Start)) {
			s.Start = t.UTC()
		}
	}
	for _, t := range []time.Time{a.Time, a.Execution.End} {
		if t.After(s.End) {
			s.End = t.UTC()
		}
	}
	if n := a.Risk.Score.N; a.Risk.Score.Set && (s.HighestRisk == nil || n > *s.HighestRisk) {
		s.HighestRisk = &n
	}
	if a.Event.Action == schema.ActionLog || a.Event.Kind == schema.KindPipelineError {
		return nil
	}
	s.Actions++
	s.Decisions[a.Authorization.Decision]++
	if a.Event.Outcome == schema.OutcomeFailure {
		s.Failed++
	}
	return nil
}

func addNew(names *[]string, name string) {
	if name != "" && !slices.Contains(*names, name) {
		*names = append(*names, name)
	}
}

// JSON is the summary as an object; its lists are never null.
func (s *Summary) JSON() ([]byte, error) {
	for _, l := range []*[]string{&s.Agents, &s.Software, &s.Models, &s.Users, &s.Orgs, &s.Hosts, &s.Directories, &s.Anomalies} {
		if *l == nil {
			*l = []string{}
		}
	}
	b, err := json.Marshal(s)
	return display.AppendSafeJSON(nil, b), err
}

// Print writes the head for people; what is not known is left out.
func (s *Summary) Print(w io.Writer) {
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "%-13s %s\n", name, display.Safe(text))
		}
	}
	line("session", s.ID)
	line("type", s.Type)
	line("started by", s.Parent)
	line("agent", strings.Join(s.Agents, ", "))
	line("software", strings.Join(s.Software, ", "))
	line("model", strings.Join(s.Models, ", "))
	line("user", strings.Join(s.Users, ", "))
	line("organisation", strings.Join(s.Orgs, ", "))
	line("host", strings.Join(s.Hosts, ", "))
	line("directory", strings.Join(s.Directories, ", "))
	line("start", display.Clock(s.Start)+" UTC")
	line("end", fmt.Sprintf("%s UTC (%v)", display.Clock(s.End), s.End.Sub(s.Start).Round(time.Second)))
	line("actions", s.Counts())
	if s.HighestRisk != nil {
		line("highest risk", fmt.Sprint(*s.HighestRisk))
	}
	line("anomalies", strings.Join(s.Anomalies, ", "))
}

// Counts says "12: 3 approved, 1 denied, 8 unrecorded; 2 failed".
func (s *Summary) Counts() string {
	var parts []string
	for _, d := range []string{schema.Approved, schema.AutoApproved, schema.Denied, schema.Unrecorded} {
		if n := s.Decisions[d]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, d))
		}
	}
	text := fmt.Sprint(s.Actions)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return fmt.Sprintf("%s; %d failed", text, s.Failed)
}
