package convert

import (
	"math"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// assign puts a value of a log into a field of the document, in the field's type, and says whether it fits. A value
// that does not is left to agent_audit.fields. name is the key the value stood under: it may name a unit.
func assign(a *schema.Action, f *schema.Field, name string, v value.Value) bool {
	if f.Ref == nil || v.Kind() == value.Missing || v.Kind() == value.Null {
		return false
	}
	switch f.Path {
	case "event.risk_score":
		return assignScore(a, v)
	case "event.duration":
		a.Execution.Duration = scaled(v, unitOf(name))
		return a.Execution.Duration.Set
	case "event.outcome":
		return assignOutcome(a, v)
	case "process.env_vars":
		return assignEnv(a, v)
	case "agent_audit.authorization.decision":
		if v.Kind() != value.String {
			return false
		}
		a.Authorization.Decision = v.String() // the source's word, until all fields are known; see settle
		return true
	}
	switch p := f.Ref(a).(type) {
	case *string:
		if v.Kind() == value.Array || v.Kind() == value.Object {
			return false
		}
		*p = v.String()
		return true
	case *schema.Int:
		n, ok := v.Int()
		if ok {
			*p = schema.Some(n)
		}
		return ok
	case *bool:
		*p = v.Bool()
		return v.Kind() == value.Bool || v.String() == "true" || v.String() == "false"
	case *time.Time:
		t := parseTime(v)
		if !t.IsZero() {
			*p = t
		}
		return !t.IsZero()
	case *[]string:
		return assignList(p, v)
	case *schema.JSON:
		*p = objectOf("value", v)
		return true
	}
	return false
}

func assignList(p *[]string, v value.Value) bool {
	switch v.Kind() {
	case value.Object:
		return false
	case value.Array:
		for c := v.First(); c.Exists(); c = c.Next() {
			if k := c.Kind(); k == value.Array || k == value.Object {
				return false
			}
		}
		*p = list(v)
	default:
		*p = []string{v.String()}
	}
	return true
}

// assignScore takes a score from 0 to 100. A fraction below 1 may be of another scale and is left alone.
func assignScore(a *schema.Action, v value.Value) bool {
	f, ok := v.Float()
	if !ok || !(f >= 0 && f <= 100) || f > 0 && f < 1 {
		return false
	}
	a.Risk.Score = schema.Some(int64(math.Round(f)))
	a.Risk.Source = schema.RiskReported
	return true
}

// unitOf is the unit a key names: duration_ms, elapsedSeconds, took_us. Without one it is the document's, nanoseconds.
func unitOf(name string) time.Duration {
	name = strings.ToLower(name)
	for _, u := range []struct {
		suffixes string
		unit     time.Duration
	}{
		{"_ms millis milliseconds durationms", time.Millisecond},
		{"_us micros microseconds", time.Microsecond},
		{"_ns nanos nanoseconds", time.Nanosecond},
		{"_s _sec _secs seconds", time.Second},
	} {
		for s := range strings.FieldsSeq(u.suffixes) {
			if strings.HasSuffix(name, s) {
				return u.unit
			}
		}
	}
	return time.Nanosecond
}

func assignOutcome(a *schema.Action, v value.Value) bool {
	switch strings.ToLower(v.String()) {
	case "success", "succeeded", "successful", "ok", "true", "completed", "pass", "passed":
		a.Event.Outcome = schema.OutcomeSuccess
	case "failure", "failed", "fail", "error", "false", "timeout":
		a.Event.Outcome = schema.OutcomeFailure
	case "unknown":
		a.Event.Outcome = schema.OutcomeUnknown
	default:
		return false
	}
	return true
}

func assignEnv(a *schema.Action, v value.Value) bool {
	if v.Kind() != value.Object {
		return assignList(&a.Command.Env, v)
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		a.Command.Env = append(a.Command.Env, c.Key()+"="+c.String())
	}
	return true
}

// settle draws what follows from the fields of an event that was read field by field: the decision from the source's
// word for it, the outcome, the kind of action, lengths.
func settle(f *schema.Fragment) {
	a := &f.Action
	settleDecision(a)
	switch {
	case a.Event.Outcome != "":
	case a.Execution.ExitCode.Set:
		setExit(f, a.Execution.ExitCode.N)
	case a.Authorization.Decision == schema.Denied:
		a.Event.Outcome = schema.OutcomeFailure
	}
	if a.Command.Line == "" && len(a.Command.Args) > 0 {
		a.Command.Line = commandLine(a.Command.Args)
	}
	e := &a.Execution
	if e.Stdout != "" && !e.StdoutBytes.Set {
		setStdout(e, e.Stdout)
	}
	if e.Stderr != "" && !e.StderrBytes.Set {
		setStderr(e, e.Stderr)
	}
	if a.Event.Action == "" {
		settleKind(a, f.Role)
	} else if len(a.Event.Category) == 0 {
		a.Event.Category, a.Event.Type = kinds[a.Event.Action].category, kinds[a.Event.Action].typ
	}
}

func settleKind(a *schema.Action, role schema.Role) {
	switch {
	case a.Command.Line != "":
		setKind(a, schema.ActionShell)
	case a.Command.Tool != "":
		setKind(a, toolAction(a.Command.Tool))
	case role == schema.Whole:
		setKind(a, schema.ActionLog)
	}
}

var (
	denyWords    = set("denied deny rejected reject blocked block declined decline refused refuse forbidden disallowed")
	approveWords = set("approved approve accepted accept allowed allow permitted permit granted grant")
	ruleSources  = set("auto automatic policy rule rules config configuration classifier hook system whitelist allowlist mode engine")
)

var plainDecision = strings.NewReplacer("-", "_", " ", "_")

// settleDecision turns the source's word for a decision into ours. A person approved only what the log says a person
// did: somebody is named, or the word is "approved" and no rule is given for it. Words we do not know stay as they are,
// in raw, and decide nothing.
func settleDecision(a *schema.Action) {
	d := &a.Authorization
	if d.Decision == "" {
		return
	}
	word := plainDecision.Replace(strings.ToLower(strings.TrimSpace(d.Decision)))
	fill(&d.Raw, d.Decision)
	d.Decision = ""
	word, byItself := strings.CutPrefix(word, "auto")
	word = strings.Trim(word, "_")
	machine := byItself || ruleSources[strings.ToLower(d.Source)] || ruleSources[strings.ToLower(d.Reviewer)]
	switch {
	case denyWords[word]:
		d.Decision = schema.Denied
	case byItself && (approveWords[word] || word == ""):
		d.Decision = schema.AutoApproved
	case !approveWords[word]:
		if word == schema.Unrecorded {
			d.Decision = schema.Unrecorded
		}
	case machine:
		d.Decision = schema.AutoApproved
	case d.Reviewer != "" || strings.HasPrefix(strings.ToLower(d.Source), "user") || strings.EqualFold(d.Source, "human"):
		d.Decision = schema.Approved
	case d.Rule != "":
		d.Decision = schema.AutoApproved
	case strings.HasPrefix(word, "approve"):
		d.Decision = schema.Approved
	}
}
