package query

import (
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Match says whether an action is asked for, Limit aside. It defines what the sources' indexes must find.
func (q *Query) Match(a *schema.Action) bool { return q.matcher().match(a) }

// matcher is a query made ready for many records.
type matcher struct {
	*Query
	phrases [][]string
	needles [][]byte
}

func (q *Query) matcher() *matcher {
	return &matcher{Query: q, phrases: Phrases(q.Command), needles: q.needles()}
}

func (m *matcher) match(a *schema.Action) bool {
	id, e := &a.Identity, &a.Event
	return isAny(m.ID, e.ID) &&
		isAny(m.Session, a.Session.ID) &&
		isAny(m.Agent, id.AgentID, id.AgentName, id.ServiceName) &&
		isAny(m.User, id.UserID, id.UserName, id.UserEmail) &&
		isAny(m.Organization, id.OrganizationID, id.OrganizationName) &&
		isAny(m.Host, a.Infrastructure.HostID, a.Infrastructure.HostName) &&
		isAny(m.Tool, a.Command.Tool) &&
		isAny(m.Anomaly, a.Risk.Anomalies...) &&
		(!m.AnyAnomaly || len(a.Risk.Anomalies) > 0) &&
		(len(m.Decision) == 0 || slices.Contains(m.Decision, a.Authorization.Decision)) &&
		strings.HasPrefix(a.Command.Line, m.CommandPrefix) &&
		m.risk(a.Risk.Score) &&
		m.time(a) &&
		m.text(a.Command.Line)
}

// isAny says whether want is one of the values; "" wants nothing.
func isAny(want string, values ...string) bool { return want == "" || slices.Contains(values, want) }

func (m *matcher) risk(score schema.Int) bool {
	if m.RiskMin == nil && m.RiskMax == nil {
		return true
	}
	return score.Set && (m.RiskMin == nil || score.N >= int64(*m.RiskMin)) && (m.RiskMax == nil || score.N <= int64(*m.RiskMax))
}

func (m *matcher) time(a *schema.Action) bool {
	bounded := !m.Since.IsZero() || !m.Until.IsZero()
	switch {
	case bounded && a.Time.IsZero(),
		!m.Since.IsZero() && a.Time.Before(m.Since),
		!m.Until.IsZero() && !a.Time.Before(m.Until):
		return false
	}
	return m.After == nil || m.before(*m.After, Cursor{Time: a.Time, ID: a.Event.ID})
}

// before says whether a comes before b in the order asked for.
func (q *Query) before(a, b Cursor) bool {
	if q.Order == OldestFirst {
		return compare(a, b) < 0
	}
	return compare(a, b) > 0
}

func (m *matcher) text(command string) bool {
	if len(m.phrases) == 0 {
		return true
	}
	words := sqlite.Words(command)
	for _, p := range m.phrases {
		if !follows(words, p) {
			return false
		}
	}
	return true
}

// follows says whether the phrase's words stand in words one after the other.
func follows(words, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(words); i++ {
		if slices.Equal(words[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}

// needles are texts that stand in the canonical document of every match: searching for them is much faster than reading
// a document only to find that it is none.
func (q *Query) needles() [][]byte {
	var needles [][]byte
	for _, s := range []string{q.ID, q.Session, q.Agent, q.User, q.Organization, q.Host, q.Tool, q.Anomaly} {
		if s != "" {
			needles = append(needles, value.AppendString(nil, s))
		}
	}
	if len(q.Decision) == 1 {
		needles = append(needles, value.AppendString(nil, q.Decision[0]))
	}
	if prefix := validPrefix(q.CommandPrefix); prefix != "" {
		quoted := value.AppendString(nil, prefix)
		needles = append(needles, quoted[:len(quoted)-1])
	}
	return needles
}

// validPrefix is the part of s before the first byte that is not UTF-8 (a prefix may end within a letter).
func validPrefix(s string) string {
	for i, r := range s {
		if r == '\uFFFD' && !strings.HasPrefix(s[i:], "\uFFFD") {
			return s[:i]
		}
	}
	return s
}
