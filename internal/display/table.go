package display

import (
	"bufio"
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// column of a table; one that is right stands right in its cells.
type column struct {
	title string
	most  int // widest, in cells
	right bool
	text  func(a *schema.Action) string
}

var columns = []column{
	{"TIME (UTC)", 19, false, func(a *schema.Action) string { return Clock(a.Time) }},
	{"AGENT", 20, false, Agent},
	{"USER", 20, false, User},
	{"RISK", 4, true, func(a *schema.Action) string { return schema.FormatInt(a.Risk.Score) }},
	{"DECISION", 13, false, func(a *schema.Action) string { return a.Authorization.Decision }},
	{"EXIT", 4, true, func(a *schema.Action) string { return schema.FormatInt(a.Execution.ExitCode) }},
}

var wideColumns = []column{
	{"HOST", 24, false, func(a *schema.Action) string { return cmp.Or(a.Infrastructure.HostName, a.Infrastructure.HostID) }},
	{"SESSION", 40, false, func(a *schema.Action) string { return a.Session.ID }},
	{"RECORD", 32, false, func(a *schema.Action) string { return a.Event.ID }},
}

// Clock is a time as people read it, in UTC.
func Clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// sample is how many rows a table looks at before it settles how wide its columns are.
const sample = 200

// leastWhat is the least width of the last column; narrower terminals wrap.
const leastWhat = 20

type tableForm struct {
	w       *bufio.Writer
	o       Options
	columns []column
	widths  []int
	waiting [][]string // rows before the widths are settled
	scores  []schema.Int
}

func newTable(w *bufio.Writer, o Options) *tableForm {
	t := &tableForm{w: w, o: o, columns: columns}
	if o.Wide {
		t.columns = append(append([]column{}, columns...), wideColumns...)
	}
	return t
}

func (t *tableForm) Row(row query.Row) error {
	cells := make([]string, 0, len(t.columns)+1)
	for _, c := range t.columns {
		cells = append(cells, Cut(Safe(c.text(row.Action)), c.most))
	}
	cells = append(cells, Safe(What(row.Action)))
	if t.widths != nil {
		return t.print(cells, row.Action.Risk.Score)
	}
	t.waiting = append(t.waiting, cells)
	t.scores = append(t.scores, row.Action.Risk.Score)
	if len(t.waiting) < sample {
		return nil
	}
	return t.settle()
}

func (t *tableForm) Close() error {
	if t.widths == nil && len(t.waiting) > 0 {
		if err := t.settle(); err != nil {
			return err
		}
	}
	return t.w.Flush()
}

// settle fixes the widths and prints what waited for them.
func (t *tableForm) settle() error {
	head := make([]string, 0, len(t.columns)+1)
	for i, c := range t.columns {
		width := len(c.title)
		for _, cells := range t.waiting {
			width = max(width, Width(cells[i]))
		}
		t.widths = append(t.widths, width)
		head = append(head, c.title)
	}
	if err := t.print(append(head, "COMMAND"), schema.Int{}); err != nil {
		return err
	}
	for i, cells := range t.waiting {
		if err := t.print(cells, t.scores[i]); err != nil {
			return err
		}
	}
	t.waiting, t.scores = nil, nil
	return nil
}

func (t *tableForm) print(cells []string, score schema.Int) error {
	used := 0
	for i, c := range t.columns {
		cell := Cut(cells[i], t.widths[i])
		pad := strings.Repeat(" ", t.widths[i]-Width(cell))
		switch {
		case c.right:
			cell = pad + cell
		default:
			cell += pad
		}
		if c.title == "RISK" && t.o.Terminal {
			cell = Colour(cell, score)
		}
		_, _ = t.w.WriteString(cell + "  ")
		used += t.widths[i] + 2
	}
	what := cells[len(cells)-1]
	if t.o.Width > 0 {
		what = Cut(what, max(t.o.Width-used, leastWhat))
	}
	_, err := fmt.Fprintln(t.w, what)
	return err
}

// Colour puts text in the colour of its risk score: red from 80, yellow from 40.
func Colour(text string, score schema.Int) string {
	switch {
	case score.Set && score.N >= 80:
		return "\x1b[1;31m" + text + "\x1b[0m"
	case score.Set && score.N >= 40:
		return "\x1b[33m" + text + "\x1b[0m"
	}
	return text
}
