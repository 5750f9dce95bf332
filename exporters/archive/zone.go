package archive

import (
	"slices"
	"time"

	"github.com/agentaudit/agentaudit/schema/value"
)

// Zone says which values occur in an object, so that a query can skip it. A list named in Truncated is incomplete, and
// says nothing of what it lacks. The lists are sorted.
type Zone struct {
	Agents    []string `json:"agents,omitempty"`   // gen_ai.agent.id, gen_ai.agent.name, service.name
	Users     []string `json:"users,omitempty"`    // user.id, user.name, user.email
	Sessions  []string `json:"sessions,omitempty"` // agent_audit.session.id
	Decisions []string `json:"decisions,omitempty"`
	Anomalies []string `json:"anomalies,omitempty"`
	RiskMax   *int64   `json:"risk_max,omitempty"` // absent: no record has a score
	Truncated []string `json:"truncated,omitempty"`
}

// Bounds of a list: values, and bytes of a value. A value that is too long is left out, and the list truncated. Of
// sessions there are many, and blocks have their marks: the list is for small objects. Version 1 had no blocks.
const (
	maxZoneValues   = 1000
	maxZoneSessions = 100
	maxZoneValue    = 256
)

func maxValues(list string, version int) int {
	if list == "sessions" && version >= 2 {
		return maxZoneSessions
	}
	return maxZoneValues
}

// zoneList is one list of a Zone: its name, its place, and the fields it is drawn from.
var zoneLists = []struct {
	name  string
	list  func(*Zone) *[]string
	paths [][]string
}{
	{"agents", func(z *Zone) *[]string { return &z.Agents }, [][]string{{"gen_ai", "agent", "id"}, {"gen_ai", "agent", "name"}, {"service", "name"}}},
	{"users", func(z *Zone) *[]string { return &z.Users }, [][]string{{"user", "id"}, {"user", "name"}, {"user", "email"}}},
	{"sessions", func(z *Zone) *[]string { return &z.Sessions }, [][]string{{"agent_audit", "session", "id"}}},
	{"decisions", func(z *Zone) *[]string { return &z.Decisions }, [][]string{{"agent_audit", "authorization", "decision"}}},
	{"anomalies", func(z *Zone) *[]string { return &z.Anomalies }, [][]string{{"agent_audit", "risk", "anomalies"}}},
}

// Summary collects what a manifest says of its records as a whole: Zone and time range.
type Summary struct {
	version   int
	seen      []map[string]struct{} // by list
	truncated []bool
	risk      *int64
	times     TimeRange
}

// NewSummary of no records, for a manifest of a version.
func NewSummary(version int) *Summary {
	z := &Summary{version: version, seen: make([]map[string]struct{}, len(zoneLists)), truncated: make([]bool, len(zoneLists))}
	for i := range z.seen {
		z.seen[i] = make(map[string]struct{})
	}
	return z
}

// Add takes in a document.
func (z *Summary) Add(doc value.Value) {
	z.addValues(doc)
	z.addTime(doc)
}

// addValues takes in all of a document but its time.
func (z *Summary) addValues(doc value.Value) {
	for i, l := range zoneLists {
		for _, path := range l.paths {
			v := doc.Get(path...)
			z.value(i, v.String())
			for c := v.First(); c.Exists(); c = c.Next() {
				z.value(i, c.String())
			}
		}
	}
	if n, ok := doc.Get("event", "risk_score").Int(); ok && (z.risk == nil || n > *z.risk) {
		z.risk = &n
	}
}

// addTime takes in a document's time only.
func (z *Summary) addTime(doc value.Value) {
	if t, err := time.Parse(time.RFC3339Nano, doc.Get("@timestamp").String()); err == nil && !t.IsZero() {
		z.time(t.UTC())
	}
}

func (z *Summary) value(i int, s string) {
	if s == "" {
		return
	}
	if _, ok := z.seen[i][s]; ok {
		return
	}
	if len(z.seen[i]) == maxValues(zoneLists[i].name, z.version) || len(s) > maxZoneValue {
		z.truncated[i] = true
		return
	}
	z.seen[i][string([]byte(s))] = struct{}{} // its own memory: s points into the document
}

func (z *Summary) time(t time.Time) {
	if z.times.Max.IsZero() || t.Before(z.times.Min) {
		z.times.Min = t
	}
	if z.times.Max.IsZero() || t.After(z.times.Max) {
		z.times.Max = t
	}
}

// Is says whether the manifest's summary is this one.
func (z *Summary) Is(m *Manifest) bool {
	same := z.times.Min.Equal(m.Time.Min) && z.times.Max.Equal(m.Time.Max)
	zone := z.zone()
	for _, l := range zoneLists {
		same = same && slices.Equal(*l.list(&zone), *l.list(&m.Zone))
	}
	same = same && slices.Equal(zone.Truncated, m.Zone.Truncated) && (zone.RiskMax == nil) == (m.Zone.RiskMax == nil)
	return same && (zone.RiskMax == nil || *zone.RiskMax == *m.Zone.RiskMax)
}

// zone returns what was collected.
func (z *Summary) zone() Zone {
	out := Zone{RiskMax: z.risk}
	for i, l := range zoneLists {
		list := make([]string, 0, len(z.seen[i]))
		for s := range z.seen[i] {
			list = append(list, s)
		}
		slices.Sort(list)
		if len(list) > 0 {
			*l.list(&out) = list
		}
		if z.truncated[i] {
			out.Truncated = append(out.Truncated, l.name)
		}
	}
	return out
}

// May says whether a record with one of the values can be in the object. list is "agents", "users", "sessions",
// "decisions" or "anomalies"; of another list nothing is known.
func (z *Zone) May(list string, values ...string) bool {
	if slices.Contains(z.Truncated, list) {
		return true
	}
	for _, l := range zoneLists {
		if l.name != list {
			continue
		}
		have := *l.list(z)
		for _, v := range values {
			if _, ok := slices.BinarySearch(have, v); ok {
				return true
			}
		}
		return false
	}
	return true
}
