package seal

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Clean is a scrubbed action on its way to a record.
type Clean struct {
	Role    schema.Role
	Key     schema.ID // identity of the action
	ID      schema.ID // identity of the fragment
	Session schema.ID // identity of the session, zero without one

	a schema.Action
}

// Action returns a copy for reading.
func (c *Clean) Action() schema.Action { return c.a }

// IsAction says whether it is an action rather than a line kept as log or error.
func (c *Clean) IsAction() bool {
	return c.a.Event.Action != schema.ActionLog && c.a.Event.Kind != schema.KindPipelineError
}

// Format is the converter that read it.
func (c *Clean) Format() string { return c.a.Trail.Format }

// Kind is the event.kind.
func (c *Clean) Kind() string { return c.a.Event.Kind }

// Own copies all texts, so that the memory they pointed into can go.
func (c *Clean) Own() { c.a = *c.a.Clone() }

// Lanes are the kinds of log the action was assembled from so far; they must not be changed.
func (c *Clean) Lanes() []string { return c.a.Trail.Lanes }

// HasCall says whether the action has a call id, by which logs of several kinds tell of it.
func (c *Clean) HasCall() bool { return c.a.Command.CallID != "" }

// Follow makes the fragment part of a record of its own, key, which names the sealed record that it comes too late for.
func (c *Clean) Follow(sealed, key schema.ID) {
	c.Key = key
	c.a.Trail.Follows = sealed.String()
}

// Follows returns the sealed record that Follow was given, if it was called.
func (c *Clean) Follows() (sealed schema.ID, ok bool) {
	n, err := hex.Decode(sealed[:], []byte(c.a.Trail.Follows))
	return sealed, err == nil && n == len(sealed)
}

// Merge adds what another fragment of the same action says. A reported risk displaces a computed one. The session is that
// of the fragment whose session the merged action names, whatever the order.
func (c *Clean) Merge(o *Clean) {
	before := c.a.Session.ID
	defer func() {
		if c.Session.IsZero() || !o.Session.IsZero() && c.a.Session.ID != before {
			c.Session = o.Session
		}
	}()
	switch {
	case reported(&c.a) && !reported(&o.a):
		o.a.Risk.Score, o.a.Risk.Category, o.a.Risk.Source = schema.Int{}, "", ""
	case reported(&o.a) && !reported(&c.a):
		c.a.Risk.Score, c.a.Risk.Category, c.a.Risk.Source = schema.Int{}, "", ""
	}
	redactions := c.a.Trail.Redactions.N + o.a.Trail.Redactions.N
	c.a.Merge(&o.a)
	c.a.Trail.Redactions = schema.Some(redactions)
}

func reported(a *schema.Action) bool { return a.Risk.Source == schema.RiskReported }

// precedingText is how much of a command a later action repeats.
const precedingText = 256

// Preceding is the action as later actions of its session name it.
func (c *Clean) Preceding() Preceding {
	text := c.a.Command.Line
	if text == "" {
		text = c.a.Command.Tool
	}
	if len(text) > precedingText {
		cutClean(&text, precedingText)
	}
	return Preceding{schema.Preceding{ID: c.Key.String(), Command: strings.Clone(text)}}
}

// Preceding is a schema.Preceding made of a Clean action.
type Preceding struct{ p schema.Preceding }

// Place gives the action its place in its session.
func (c *Clean) Place(start time.Time, ordinal int64, before []Preceding) {
	if c.a.Session.Start.IsZero() {
		c.a.Session.Start = start
	}
	c.a.Session.Ordinal = schema.Some(ordinal)
	c.a.Session.Preceding = nil
	for _, p := range before {
		c.a.Session.Preceding = append(c.a.Session.Preceding, p.p)
	}
}

// Placed says whether Place was called.
func (c *Clean) Placed() bool { return c.a.Session.Ordinal.Set }

// CompareTime orders actions by their time, and those of one session and time by their place in it.
func (c *Clean) CompareTime(o *Clean) int {
	return cmp.Or(c.a.Time.Compare(o.a.Time), cmp.Compare(c.a.Session.Ordinal.N, o.a.Session.Ordinal.N))
}

// SessionStart is the start of the session as the log gives it, else the time of the action.
func (c *Clean) SessionStart() time.Time {
	if !c.a.Session.Start.IsZero() {
		return c.a.Session.Start
	}
	return c.a.Time
}

// Finish draws the conclusions that need all fragments. complete says whether request and result were both seen.
func (c *Clean) Finish(id schema.ID, complete bool, now time.Time) {
	a := &c.a
	a.Event.ID = id.String()
	a.Event.Created = now
	a.Trail.Complete = complete
	a.Trail.LongValues = longValues(a)
	if a.Event.Kind == "" {
		a.Event.Kind = schema.KindEvent
	}
	if a.Time.IsZero() {
		a.Time = firstTime(a.Execution.Start, a.Authorization.DecidedAt, a.Execution.End, now)
	}
	if a.Event.Kind == schema.KindPipelineError || a.Event.Action == schema.ActionLog {
		return
	}
	if a.Authorization.Decision == "" {
		a.Authorization.Decision = schema.Unrecorded
	}
	policyAgrees(a)
	a.Risk.Anomalies = anomalies(a)
	a.Event.Outcome = outcome(a, complete)
	if d := a.Execution.End.Sub(a.Execution.Start); !a.Execution.Duration.Set && !a.Execution.Start.IsZero() && d >= 0 && !a.Execution.End.IsZero() {
		a.Execution.Duration = schema.Some(int64(d))
	}
	if a.Risk.Score.Set {
		a.Risk.Severity = schema.Some(severity(a.Risk.Score.N))
	}
	switch a.Authorization.Decision {
	case schema.Denied:
		a.Event.Type = append(slices.Clip(a.Event.Type), "denied")
	case schema.Approved, schema.AutoApproved:
		a.Event.Type = append(slices.Clip(a.Event.Type), "allowed")
	}
}

// Flag adds anomaly flags, each with a sentence that explains it. What the sentences name are constants and parts of Clean
// actions.
func (c *Clean) Flag(flags, reasons []string) {
	if len(flags) == 0 {
		return
	}
	r := &c.a.Risk
	r.Anomalies = slices.Concat(r.Anomalies, flags)
	slices.Sort(r.Anomalies)
	r.Anomalies = slices.Compact(r.Anomalies)
	r.AnomalyReasons = slices.Concat(r.AnomalyReasons, reasons)
}

func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// outcome is what the source said, else what the exit code says.
func outcome(a *schema.Action, complete bool) string {
	switch {
	case a.Event.Outcome == schema.OutcomeSuccess || a.Event.Outcome == schema.OutcomeFailure:
		return a.Event.Outcome
	case a.Authorization.Decision == schema.Denied:
		return schema.OutcomeFailure
	case a.Execution.ExitCode.Set && a.Execution.ExitCode.N == 0:
		return schema.OutcomeSuccess
	case a.Execution.ExitCode.Set:
		return schema.OutcomeFailure
	}
	return schema.OutcomeUnknown
}

// severity maps a score to the five steps of OCSF's risk_level_id.
func severity(score int64) int64 {
	return min(max(score, 0), 99) / 20
}

// Record is a sealed record: what is hashed, journaled and delivered.
type Record struct {
	Sequence uint64
	Leaf     merkle.Hash
	JSON     Bytes
}

// Seal gives the action its place in the stream and its final form. The JSON is appended to buf.
func (c *Clean) Seal(stream string, sequence uint64, buf []byte) Record {
	c.a.Trail.Stream = stream
	c.a.Trail.Sequence = schema.Some(int64(sequence))
	doc := c.a.AppendJSON(buf)
	return Record{Sequence: sequence, Leaf: merkle.LeafHash(doc), JSON: Bytes{doc}}
}

// Document is the action as `convert` prints it: sealed into no stream.
func (c *Clean) Document() []byte { return c.a.AppendJSON(nil) }

func appendTruncated(dst []byte, size int, head string) []byte {
	dst = append(dst, `{"bytes":`...)
	dst = value.AppendInt(dst, int64(size))
	dst = append(dst, `,"head":`...)
	dst = value.AppendString(dst, head)
	return append(dst, `,"truncated":true}`...)
}
