package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
)

// WriteText writes the report for people at a terminal.
func (p *Policy) WriteText(w io.Writer) error {
	t := &textReport{bufio.NewWriter(w)}
	cut := ""
	if p.Cut {
		cut = " (the newest only: there are more)"
	}
	fmt.Fprintf(t, "policy report, %s to %s UTC: %d records%s\n", display.Clock(p.Since), display.Clock(p.Until), p.Records, cut)
	t.title("1. risk above %d, approved by no person: %d", p.Above, p.AutoApproved.Count)
	t.groups("by rule", p.AutoApproved.ByRule)
	t.groups("by agent", p.AutoApproved.ByAgent)
	t.groups("by day", p.AutoApproved.ByDay)
	t.evidence(p.AutoApproved.Records)
	t.title("2. approved despite anomalies: %d", p.DespiteAnomalies.Count)
	t.groups("by anomaly", p.DespiteAnomalies.ByAnomaly)
	t.groups("by rule", p.DespiteAnomalies.ByRule)
	t.groups("by agent", p.DespiteAnomalies.ByAgent)
	t.groups("by day", p.DespiteAnomalies.ByDay)
	t.evidence(p.DespiteAnomalies.Records)
	t.title("3. rules that never fire: %d", len(p.NeverFired))
	for _, r := range p.NeverFired {
		last := "not seen to decide anything"
		if r.Last != nil {
			last = "last " + display.Clock(*r.Last)
		}
		fmt.Fprintf(t, "  %s  %s\n", display.Safe(r.Rule), last)
	}
	t.title("4. rules that let through what failed: %d", len(p.Failing))
	for _, r := range p.Failing {
		fmt.Fprintf(t, "%7d of %d failed  %s%s\n", r.Failed, r.LetThrough, display.Safe(r.Rule), inferredNote(r.Inferred))
	}
	t.kinds(p.Approvals)
	t.title("6. suggested changes: %d", len(p.Suggestions))
	for _, s := range p.Suggestions {
		fmt.Fprintf(t, "  %-7s %s\n          %s\n", s.Change, display.Safe(s.Subject), display.Safe(s.Why))
		if len(s.Records) > 0 {
			fmt.Fprintf(t, "          records: %s\n", display.Safe(strings.Join(s.Records, " ")))
		}
	}
	return t.Flush()
}

// mostLines are shown of each list; the other forms have all.
const mostLines = 20

type textReport struct{ *bufio.Writer }

func (t *textReport) title(format string, args ...any) {
	fmt.Fprintf(t, "\n"+format+"\n", args...)
}

func (t *textReport) more(n int) {
	if n > mostLines {
		fmt.Fprintf(t, "        … and %d more\n", n-mostLines)
	}
}

func (t *textReport) groups(title string, groups []Group) {
	if len(groups) == 0 {
		return
	}
	fmt.Fprintf(t, "  %s\n", title)
	for _, g := range groups[:min(len(groups), mostLines)] {
		fmt.Fprintf(t, "%8d  highest risk %3s  last %s  %s%s\n", g.Count, riskText(g.Highest), display.Clock(g.Last), display.Safe(g.Key), inferredNote(g.Inferred))
	}
	t.more(len(groups))
}

func (t *textReport) evidence(records []Evidence) {
	if len(records) == 0 {
		return
	}
	fmt.Fprintln(t, "  the most dangerous records")
	for _, e := range records {
		fmt.Fprintf(t, "    %s  %s  risk %3s  %s\n", display.Safe(e.ID), e.Time.Format(time.RFC3339), riskText(e.Risk), display.Safe(e.What))
	}
}

func (t *textReport) kinds(kinds []Kind) {
	candidates := 0
	for _, k := range kinds {
		if k.Candidate {
			candidates++
		}
	}
	t.title("5. what people decided: %d kinds of command, %d could be allowed", len(kinds), candidates)
	for _, k := range kinds[:min(len(kinds), mostLines)] {
		could := ""
		if k.Candidate {
			could = "  could be allowed"
		}
		fmt.Fprintf(t, "%8d approved %6d denied  highest risk %3s  %s%s\n", k.Approved, k.Denied, riskText(k.Highest), display.Safe(k.Kind), could)
	}
	t.more(len(kinds))
}

func riskText(n *int64) string {
	if n == nil {
		return "–"
	}
	return fmt.Sprint(*n)
}
