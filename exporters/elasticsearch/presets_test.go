package elasticsearch

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/internal/retention"
)

// For every preset the server's own parser takes the lifecycle, and what it has read keeps a record for as long as the
// preset says, and a month longer at most. An index's age counts from its rollover (Elasticsearch, "Index lifecycle
// management: phase transitions"), so that its first record is there for both ages, and its last for the second alone.
func TestPresets(t *testing.T) {
	s := estest.Secured(t)
	c := admin(t, s)
	t.Cleanup(func() { s.Must(t, "DELETE", "/_data_stream/"+StreamName("presets"), nil) })
	for _, p := range retention.Presets() {
		if _, err := setUp(t, c, SetupOptions{Namespace: "presets", RetentionDays: int(p.Online / retention.Day)}); err != nil {
			t.Fatalf("%s: %v", p.Preset, err)
		}
		var answer map[string]struct {
			Policy struct {
				Phases map[string]struct {
					MinAge  string `json:"min_age"`
					Actions map[string]struct {
						MaxAge string `json:"max_age"`
					} `json:"actions"`
				} `json:"phases"`
			} `json:"policy"`
		}
		if _, err := c.Call(t.Context(), http.MethodGet, "/_ilm/policy/"+LifecyclePolicy, nil, &answer); err != nil {
			t.Fatalf("%s: %v", p.Preset, err)
		}
		phases := answer[LifecyclePolicy].Policy.Phases
		last := age(t, phases["delete"].MinAge)
		first := last + age(t, phases["hot"].Actions["rollover"].MaxAge)
		if last < p.Online || first > p.Online+31*retention.Day {
			t.Errorf("%s asks for %v: the last record of an index is kept %v, the first %v", p.Preset, p.Online, last, first)
		}
		if _, deletes := phases["delete"].Actions["delete"]; !deletes {
			t.Errorf("%s: nothing is deleted: %+v", p.Preset, phases)
		}
	}
}

// age reads a time value as Elasticsearch writes it.
func age(t *testing.T, text string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || !strings.HasSuffix(text, "d") {
		t.Fatalf("%q is no number of days", text)
	}
	return time.Duration(n) * retention.Day
}
