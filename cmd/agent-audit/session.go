package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/internal/session"
	"github.com/agentaudit/agentaudit/schema"
)

func sessionCommand() *cobra.Command {
	f := &filters{}
	var output int
	var asJSON bool
	c := &cobra.Command{
		Use:   "session ID",
		Short: "Show what happened in a session, action by action",
		Long: "Shows a session as a timeline: who and where, then each action with its time (UTC), offset from the start, risk, " +
			"decision, exit code and duration, and why it was found risky. Every text goes through today's secret rules " +
			"once more before it is shown. Find ids with: agent-audit query --wide",
		Example: `  agent-audit session 0b9f3c52-6a61-4f0e-9c7d-2f1f8a4e1c01
  agent-audit session 0b9f3c52-6a61-4f0e-9c7d-2f1f8a4e1c01 --output=20 | less -R
  agent-audit session 0b9f3c52-6a61-4f0e-9c7d-2f1f8a4e1c01 --json | jq '.actions[].process.command_line'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			defer source.Close()
			q := query.Query{Session: args[0], Order: query.OldestFirst}
			s := session.New(args[0])
			if _, err := show(cmd.Context(), f.rules, source, q, s.Add); err != nil {
				return err
			}
			if s.Records == 0 {
				return fmt.Errorf("there is no record of session %q here; agent-audit query --wide shows the ids of sessions", display.Safe(args[0]))
			}
			if asJSON {
				return sessionJSON(cmd, f.rules, source, q, s)
			}
			return sessionText(cmd, f.rules, source, q, s, output)
		},
	}
	f.registerSource(c)
	f.registerRules(c)
	c.Flags().IntVar(&output, "output", 0, "lines of output to show of each action")
	c.Flags().Lookup("output").NoOptDefVal = "5"
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: session (the summary) and actions (the records)")
	return c
}

// sessionText prints the timeline.
func sessionText(cmd *cobra.Command, ruleFiles []string, source query.Source, q query.Query, s *session.Summary, output int) error {
	w := bufio.NewWriter(cmd.OutOrStdout())
	s.Print(w)
	t := &timeline{w: w, start: s.Start, output: output, colour: terminalOptions(cmd.OutOrStdout()).Terminal}
	changed, err := show(cmd.Context(), ruleFiles, source, q, t.row)
	if err := errors.Join(err, w.Flush()); err != nil {
		return err
	}
	noteRedacted(cmd.ErrOrStderr(), changed)
	return nil
}

// timeline prints the actions of a session.
type timeline struct {
	w      *bufio.Writer
	start  time.Time
	day    string
	output int
	colour bool
}

func (t *timeline) row(row query.Row) error {
	a := row.Action
	if day := a.Time.UTC().Format(time.DateOnly); day != t.day {
		t.day = day
		fmt.Fprintf(t.w, "\n%s (UTC)\n", day)
	}
	risk := fmt.Sprintf("risk %3s", firstNonEmpty(schema.FormatInt(a.Risk.Score), "–"))
	if t.colour {
		risk = display.Colour(risk, a.Risk.Score)
	}
	facts := []string{
		a.Time.UTC().Format("15:04:05.000"), fmt.Sprintf("%10s", offset(a.Time, t.start)), risk,
		fmt.Sprintf("%-13s", display.Safe(firstNonEmpty(a.Authorization.Decision, "–"))),
		fmt.Sprintf("%-9s", display.Exit(a)),
	}
	if a.Execution.Duration.Set {
		facts = append(facts, time.Duration(a.Execution.Duration.N).Round(time.Millisecond).String())
	}
	fmt.Fprintln(t.w, strings.TrimRight("  "+strings.Join(facts, "  "), " "))
	t.indent("      ", display.SafeLines(firstNonEmpty(display.What(a), "(the log does not say what)")), 0)
	t.notes(a)
	if t.output > 0 {
		t.indent("      │ ", display.SafeLines(a.Execution.Stdout), t.output)
		t.indent("      ! ", display.SafeLines(a.Execution.Stderr), t.output)
	}
	return nil
}

// notes are what makes the action worth a second look.
func (t *timeline) notes(a *schema.Action) {
	for i, reason := range a.Risk.Reasons {
		rule := ""
		if i < len(a.Risk.Rules) {
			rule = " (" + a.Risk.Rules[i] + ")"
		}
		t.note("risk", reason+rule)
	}
	t.note("anomalies", strings.Join(a.Risk.Anomalies, ", "))
	t.note("decided by", strings.Join(nonEmpty(a.Authorization.Reviewer, a.Authorization.Source, a.Authorization.Rule), ", "))
	t.note("reason", a.Authorization.Reason)
	t.note("error", a.Error.Message)
	if !a.Trail.Complete && a.Event.Action != schema.ActionLog {
		t.note("incomplete", "no result was seen")
	}
	t.note("late result of", a.Trail.Follows)
	for _, c := range a.Trail.Conflicts {
		t.note("contradicting evidence", c.Field+" "+c.Value)
	}
}

func (t *timeline) note(name, text string) {
	if text != "" {
		fmt.Fprintf(t.w, "      ↳ %s: %s\n", name, display.Safe(text))
	}
}

// indent prints lines, at most n unless n is 0.
func (t *timeline) indent(prefix string, lines []string, n int) {
	if len(lines) == 1 && lines[0] == "" {
		return
	}
	for i, l := range lines {
		if n > 0 && i == n {
			fmt.Fprintf(t.w, "%s… %d more lines\n", prefix, len(lines)-n)
			return
		}
		fmt.Fprintln(t.w, prefix+l)
	}
}

// offset is how long after the start an action came.
func offset(t, start time.Time) string {
	if t.IsZero() || start.IsZero() {
		return ""
	}
	d := t.Sub(start).Round(time.Millisecond)
	switch {
	case d < 0:
		return d.String()
	case d < time.Minute:
		return fmt.Sprintf("+%.3fs", d.Seconds())
	}
	return "+" + d.Round(time.Second).String()
}

// sessionJSON streams the actions into one object.
func sessionJSON(cmd *cobra.Command, ruleFiles []string, source query.Source, q query.Query, s *session.Summary) error {
	head, err := s.JSON()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(cmd.OutOrStdout())
	fmt.Fprintf(w, "{\"session\":%s,\"actions\":", head)
	form, err := display.New(display.JSON, w, display.Options{})
	if err != nil {
		return err
	}
	changed, err := show(cmd.Context(), ruleFiles, source, q, form.Row)
	if err := errors.Join(err, form.Close()); err != nil {
		return err
	}
	_, _ = io.WriteString(w, "}\n")
	noteRedacted(cmd.ErrOrStderr(), changed)
	return w.Flush()
}

func firstNonEmpty(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" })
}
