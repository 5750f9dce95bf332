package serve

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// asked is what a request asks for.
type asked struct {
	query.Query
	form   string // json, ndjson, csv …
	above  int    // of a report
	now    time.Time
	params url.Values
}

// param is a parameter, as the API's document has it too.
type param struct {
	name, doc, example string
	enum               []string
	low, high          int // bounds of a number; both 0: it is a text
	set                func(a *asked, value string) error
}

// Bounds of parameters.
const (
	longestParam = 4096
	defaultLimit = 50
	mostLimit    = 1000
)

func text(name, doc, example string, at func(a *asked) *string) param {
	return param{name: name, doc: doc, example: example, set: func(a *asked, value string) error {
		*at(a) = value
		return nil
	}}
}

var decisionWords = []string{schema.Approved, schema.AutoApproved, schema.Denied, schema.Unrecorded}

// filterParams narrow records down.
var filterParams = []param{
	text("session", "session id", "night-42", func(a *asked) *string { return &a.Session }),
	text("agent", "agent: id, name, or its software", "codex", func(a *asked) *string { return &a.Agent }),
	text("user", "user: id, name or e-mail", "robin", func(a *asked) *string { return &a.User }),
	text("organization", "organisation: id or name", "example", func(a *asked) *string { return &a.Organization }),
	text("host", "host: id or name", "web1", func(a *asked) *string { return &a.Host }),
	text("tool", "tool, such as Bash", "Bash", func(a *asked) *string { return &a.Tool }),
	text("command", "words of the command, in either case; a phrase in double quotes", `"kubectl delete"`, func(a *asked) *string { return &a.Command }),
	text("command_prefix", "how the command begins", "git push", func(a *asked) *string { return &a.CommandPrefix }),
	{name: "anomaly", doc: "records with this anomaly, or, for *, with any", example: "*", set: func(a *asked, v string) error {
		a.AnyAnomaly = v == "*"
		if !a.AnyAnomaly {
			a.Anomaly = v
		}
		return nil
	}},
	{name: "risk", doc: "risk score: 80-100, 80- (at least), -20 (at most), 95", example: "70-100", set: func(a *asked, v string) (err error) {
		a.RiskMin, a.RiskMax, err = query.ParseRisk(v)
		return err
	}},
	{name: "decision", doc: "approved, auto_approved, denied or unrecorded; several with commas", example: "denied", set: setDecision},
	timeParams[0], timeParams[1],
}

// timeParams bound the time.
var timeParams = []param{
	{name: "since", doc: "from this time on: RFC 3339, date or age (7d, 12h)", example: "7d", set: func(a *asked, v string) (err error) {
		a.Since, err = query.ParseTime(v, a.now, false)
		return err
	}},
	{name: "until", doc: "before this time: RFC 3339, date (to its end) or age", example: "2026-11-20", set: func(a *asked, v string) (err error) {
		a.Until, err = query.ParseTime(v, a.now, true)
		return err
	}},
}

func setDecision(a *asked, v string) error {
	for d := range strings.SplitSeq(v, ",") {
		d = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(d)), "-", "_")
		if !slices.Contains(decisionWords, d) {
			return errors.New("unknown decision; approved, auto_approved, denied and unrecorded are known")
		}
		a.Decision = append(a.Decision, d)
	}
	return nil
}

// pageParams say which page is wanted.
var pageParams = []param{
	{name: "order", doc: "newest or oldest first", enum: []string{"newest", "oldest"}, set: func(a *asked, v string) error {
		if v == "oldest" {
			a.Order = query.OldestFirst
		}
		return nil
	}},
	{name: "limit", doc: "most records of a page", low: 1, high: mostLimit, set: func(a *asked, v string) error {
		a.Limit, _ = strconv.Atoi(v)
		return nil
	}},
	{name: "cursor", doc: "what the page before gave as next", set: func(a *asked, v string) (err error) {
		a.After, err = parseCursor(v)
		return err
	}},
}

// limitParam is the one of pageParams for lists that have one page.
var limitParam = pageParams[1]

func formParam(forms ...string) param {
	return param{name: "format", doc: "form of the answer", enum: forms, set: func(a *asked, v string) error {
		a.form = v
		return nil
	}}
}

var aboveParam = param{name: "risk_above", doc: "what is dangerous has a higher score than this", low: 0, high: 100, set: func(a *asked, v string) error {
	a.above, _ = strconv.Atoi(v)
	return nil
}}

// The parameters of each way to ask.
var (
	recordsParams  = slices.Concat(filterParams, pageParams, []param{formParam("json", "ndjson", "csv")})
	sessionsParams = slices.Concat(filterParams, []param{limitParam})
	sessionParams  = pageParams[1:]
	reportParams   = slices.Concat(filterParams[:8], timeParams, []param{aboveParam, formParam("json", "csv", "text", "html")})
)

// parse reads a request's parameters. Empty ones, as forms send them, ask for nothing.
func parse(raw string, known []param, now time.Time) (*asked, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("the address cannot be read: it is not of the form name=value&name=value")
	}
	a := &asked{form: "json", above: 70, now: now.UTC(), params: url.Values{}}
	a.Limit = defaultLimit
	names := make([]string, len(known))
	for i := range known {
		names[i] = known[i].name
	}
	for name, list := range values {
		i := slices.Index(names, name)
		if i < 0 {
			return nil, fmt.Errorf("there is no parameter %.40q%s", name, config.DidYouMean(name, names))
		}
		if len(list) > 1 {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		if list[0] == "" {
			continue
		}
		a.params[name] = list
		if err := known[i].take(a, list[0]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if !a.Since.IsZero() && !a.Until.IsZero() && !a.Since.Before(a.Until) {
		return nil, errors.New("since is not before until")
	}
	return a, a.Check()
}

// take checks a value and sets it.
func (p *param) take(a *asked, value string) error {
	switch n, err := strconv.Atoi(value); {
	case len(value) > longestParam:
		return fmt.Errorf("more than %d bytes", longestParam)
	case !utf8.ValidString(value):
		return errors.New("not UTF-8")
	case p.enum != nil && !slices.Contains(p.enum, value):
		return fmt.Errorf("one of %s is wanted", strings.Join(p.enum, ", "))
	case p.high > 0 && (err != nil || n < p.low || n > p.high):
		return fmt.Errorf("a number from %d to %d is wanted", p.low, p.high)
	}
	return p.set(a, value)
}

// cursorText is a place in the order as text: nobody's business but ours.
func cursorText(c query.Cursor) string {
	at := ""
	if !c.Time.IsZero() {
		at = c.Time.UTC().Format(time.RFC3339Nano)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(at + " " + c.ID))
}

func parseCursor(text string) (*query.Cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	at, id, ok := strings.Cut(string(b), " ")
	if err != nil || !ok || !utf8.Valid(b) {
		return nil, errors.New("no cursor of ours")
	}
	c := &query.Cursor{ID: id}
	if at != "" {
		if c.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, errors.New("no cursor of ours")
		}
	}
	return c, nil
}
