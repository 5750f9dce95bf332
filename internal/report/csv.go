package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
)

// WriteJSON writes the report as one object.
func (p *Policy) WriteJSON(w io.Writer) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(display.AppendSafeJSON(nil, b), '\n'))
	return err
}

// CSVHeader names the columns of WriteCSV.
var CSVHeader = []string{"section", "by", "key", "count", "of", "highest_risk", "last", "note", "records"}

// WriteCSV writes one table for all sections: a line a group, rule, kind of command or suggestion. records are ids with
// spaces between them.
func (p *Policy) WriteCSV(w io.Writer) error {
	t := &csvReport{w: csv.NewWriter(w)}
	t.w.UseCRLF = true
	t.row(CSVHeader...)
	t.section("auto_approved_above_risk", &p.AutoApproved)
	t.section("approved_despite_anomalies", &p.DespiteAnomalies)
	for _, r := range p.NeverFired {
		note := ""
		if r.Configured {
			note = "configured"
		}
		t.row("rules_never_fired", "rule", r.Rule, "0", "", "", timeText(r.Last), note, ids(r.Records))
	}
	for _, r := range p.Failing {
		t.row("rules_let_through_failures", "rule", r.Rule, fmt.Sprint(r.Failed), fmt.Sprint(r.LetThrough), "", "", inferred(r.Inferred), ids(r.Records))
	}
	for _, k := range p.Approvals {
		note := ""
		if k.Candidate {
			note = "candidate"
		}
		t.row("human_decisions", "approved", k.Kind, fmt.Sprint(k.Approved), "", number(k.Highest), "", note, ids(k.Records))
		t.row("human_decisions", "denied", k.Kind, fmt.Sprint(k.Denied), "", "", timeText(k.LastDenied), "", ids(k.Refused))
	}
	for _, s := range p.Suggestions {
		t.row("suggestions", s.Change, s.Subject, "", "", "", "", s.Why, strings.Join(s.Records, " "))
	}
	t.w.Flush()
	return t.w.Error()
}

type csvReport struct{ w *csv.Writer }

// row writes cells that no spreadsheet computes. What goes wrong is told by the writer at the end.
func (t *csvReport) row(cells ...string) {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = display.NoFormula(c)
	}
	_ = t.w.Write(safe)
}

func (t *csvReport) section(name string, s *Section) {
	t.row(name, "all", "", fmt.Sprint(s.Count), "", "", "", "", ids(s.Records))
	for _, by := range []struct {
		name   string
		groups []Group
	}{{"anomaly", s.ByAnomaly}, {"rule", s.ByRule}, {"agent", s.ByAgent}, {"day", s.ByDay}} {
		for _, g := range by.groups {
			t.row(name, by.name, g.Key, fmt.Sprint(g.Count), "", number(g.Highest), timeText(&g.Last), inferred(g.Inferred), ids(g.Records))
		}
	}
}

func ids(records []Evidence) string {
	list := make([]string, len(records))
	for i, e := range records {
		list[i] = e.ID
	}
	return strings.Join(list, " ")
}

func inferred(is bool) string {
	if is {
		return "inferred"
	}
	return ""
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
