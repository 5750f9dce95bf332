package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/schema"
)

// Charts are drawn as SVG to stand in a page: no script, no style of their own; colours are classes of Style. Each has a
// title and names every value, for those who do not see it.

// Sizes in units of the drawing.
const (
	chartWidth  = 720
	columnsHigh = 160
	barHigh     = 22
	labelWide   = 280
	labelCells  = 40
	mostBars    = 15
)

// Decisions in the order in which they are stacked.
var Decisions = []string{schema.Denied, schema.Approved, schema.AutoApproved, schema.Unrecorded, "none"}

// svg collects a drawing.
type svg struct{ strings.Builder }

func newSVG(title string, width, height int) *svg {
	s := new(svg)
	fmt.Fprintf(s, `<svg class="chart" role="img" viewBox="0 0 %d %d"><title>%s</title>`, width, height, html.EscapeString(title))
	return s
}

func (s *svg) rect(class string, x, y, w, h float64, tip string) {
	fmt.Fprintf(s, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`, class, x, y, w, h, html.EscapeString(tip))
}

func (s *svg) text(x, y float64, anchor, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, html.EscapeString(display.Safe(text)))
}

func (s *svg) done() template.HTML {
	return template.HTML(s.String() + "</svg>") //nolint:gosec // every text in it was escaped
}

// Bars draws groups as bars that lie, the largest first.
func Bars(title string, groups []Group) template.HTML {
	groups = groups[:min(len(groups), mostBars)]
	most := int64(1)
	for _, g := range groups {
		most = max(most, g.Count)
	}
	s := newSVG(title, chartWidth, max(len(groups), 1)*barHigh)
	for i, g := range groups {
		y := float64(i * barHigh)
		s.text(labelWide-8, y+15, "end", display.Cut(display.Safe(g.Key), labelCells))
		wide := float64(g.Count) / float64(most) * (chartWidth - labelWide - 70)
		s.rect("bar "+riskClass(g.Highest), labelWide, y+3, max(wide, 1), barHigh-6, fmt.Sprintf("%s: %d", display.Safe(g.Key), g.Count))
		s.text(labelWide+wide+6, y+15, "start", fmt.Sprint(g.Count))
	}
	if len(groups) == 0 {
		s.text(0, 15, "start", "nothing")
	}
	return s.done()
}

// riskClass is the class of a colour for a score.
func riskClass(score *int64) string {
	switch {
	case score == nil:
		return "risk-none"
	case *score > 70:
		return "risk-high"
	case *score >= 40:
		return "risk-middle"
	}
	return "risk-low"
}

// Histogram draws how many records have which score.
func Histogram(title string, risk [11]int64) template.HTML {
	most := int64(1)
	for _, n := range risk {
		most = max(most, n)
	}
	s := newSVG(title, chartWidth, columnsHigh+40)
	wide := float64(chartWidth) / float64(len(risk))
	for i, n := range risk {
		high := float64(n) / float64(most) * columnsHigh
		if n > 0 {
			high = max(high, 1)
		}
		low := int64(i * 10)
		label := fmt.Sprintf("%d–%d", low, low+9)
		if low == 100 {
			label = "100"
		}
		x := float64(i) * wide
		s.rect("bar "+riskClass(&low), x+4, 18+columnsHigh-high, wide-8, high, fmt.Sprintf("risk %s: %d", label, n))
		s.text(x+wide/2, 18+columnsHigh-high-4, "middle", fmt.Sprint(n))
		s.text(x+wide/2, columnsHigh+34, "middle", label)
	}
	return s.done()
}

// DayChart draws each day's decisions as a stack.
func DayChart(title string, days []Day) template.HTML {
	most := int64(1)
	for _, d := range days {
		most = max(most, total(d.Decisions))
	}
	s := newSVG(title, chartWidth, columnsHigh+30)
	if len(days) == 0 {
		s.text(0, 15, "start", "nothing")
		return s.done()
	}
	wide := min(float64(chartWidth)/float64(len(days)), 60)
	for i, d := range days {
		x, y := float64(i)*wide, float64(columnsHigh)
		for _, decision := range Decisions {
			n := d.Decisions[decision]
			if n == 0 {
				continue
			}
			high := float64(n) / float64(most) * columnsHigh
			y -= high
			s.rect("bar decision-"+decision, x+1, y, max(wide-2, 1), high, fmt.Sprintf("%s, %s: %d", d.Day, decision, n))
		}
	}
	s.text(0, columnsHigh+20, "start", days[0].Day)
	if last := len(days) - 1; last > 1 {
		s.text(float64(last+1)*wide, columnsHigh+20, "end", days[last].Day)
	}
	return s.done()
}

// Score is an action of a timeline.
type Score struct {
	Label string
	Risk  *int64
}

// Timeline draws the scores of actions in order.
func Timeline(title string, scores []Score) template.HTML {
	s := newSVG(title, chartWidth, columnsHigh/2)
	wide := min(float64(chartWidth)/float64(max(len(scores), 1)), 24)
	for i, a := range scores {
		high := 2.0
		if a.Risk != nil {
			high += float64(min(max(*a.Risk, 0), 100)) / 100 * (columnsHigh/2 - 2)
		}
		tip := fmt.Sprintf("risk %s, %s", riskText(a.Risk), display.Cut(display.Safe(a.Label), whatCells))
		s.rect("bar "+riskClass(a.Risk), float64(i)*wide, columnsHigh/2-high, max(wide-1, 0.5), high, tip)
	}
	return s.done()
}

func total(decisions map[string]int64) (n int64) {
	for _, c := range decisions {
		n += c
	}
	return n
}

// Style is how charts and tables look, in light and dark.
const Style = `:root{color-scheme:light dark;--text:#1d2330;--soft:#5a6375;--line:#d5dae3;--back:#fff;--raised:#f4f6f9;--link:#0b57c2;
--low:#3d8b5f;--middle:#b07a00;--high:#c0352b;--plain:#5b7fb5;--approved:#2f7fb8;--auto:#b07a00;--unrecorded:#8a93a3}
@media (prefers-color-scheme:dark){:root{--text:#e4e8ef;--soft:#a0a9ba;--line:#39414f;--back:#14181f;--raised:#1d232d;--link:#7fb2ff;
--low:#63c08b;--middle:#e3b341;--high:#ff7b72;--plain:#7f9fd1;--approved:#62b0e8;--auto:#e3b341;--unrecorded:#8f99aa}}
body{font:15px/1.5 system-ui,sans-serif;max-width:80em;margin:0 auto;padding:0 1em 3em;color:var(--text);background:var(--back)}
a{color:var(--link)}h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em}h3{font-size:1em}
table{border-collapse:collapse;width:100%;margin:.8em 0}td,th{border-bottom:1px solid var(--line);padding:.3em .6em;text-align:left;vertical-align:top}
th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code{font:13px/1.45 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}.soft{color:var(--soft)}
.chart{width:100%;max-width:60em;display:block;margin:.6em 0}.chart text{fill:var(--text);font:12px system-ui,sans-serif}
.bar{fill:var(--plain)}.risk-low{fill:var(--low)}.risk-middle{fill:var(--middle)}.risk-high{fill:var(--high)}.risk-none{fill:var(--plain)}
.decision-denied{fill:var(--high)}.decision-approved{fill:var(--approved)}.decision-auto_approved{fill:var(--auto)}.decision-unrecorded,.decision-none{fill:var(--unrecorded)}
`
