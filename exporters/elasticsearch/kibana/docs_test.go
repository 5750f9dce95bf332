package kibana

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

const analystsPage = "../../../docs/kibana.md"

// block is a query of the page, under its heading.
var block = regexp.MustCompile("(?s)### ([^\n]+)\n(?:[^#`]|`[^`\n]+`)*?```(kql|esql)\n(.*?)\n```")

func inSession(r *record, id string) bool { return session(r) == id }

func hasWord(text, word string) bool {
	return slices.ContainsFunc(regexp.MustCompile(`[\pL\pN_]+`).FindAllString(text, -1), func(w string) bool { return strings.EqualFold(w, word) })
}

var pageOracles = map[string]predicate{
	"What else was dangerous?":                      func(r *record) bool { return riskAtLeast(r, 70) },
	"Which of it did no person see?":                searchOracles["agent-audit-loose-policy"],
	"Where else does this word stand in a command?": func(r *record) bool { return hasWord(r.Command.Line, "postgresql") },
	"Which commands begin like this?":               func(r *record) bool { return strings.HasPrefix(r.Command.Line, "rm") },
	"Who used this secret?":                         func(r *record) bool { return strings.Contains(r.Command.Line, "[REDACTED") },
	"What did the session do?":                      func(r *record) bool { return inSession(r, "night-42") },
	"Did it touch its own logs, or the audit?":      ruleOracles["agent touched its logs or the audit"],
	"Do its logs contradict each other?":            func(r *record) bool { return len(r.Trail.Conflicts) > 0 && inSession(r, "night-42") },
	"Was it refused first?":                         func(r *record) bool { return isDenied(r) && inSession(r, "deploy-7") },
	"What was not understood?":                      searchOracles["agent-audit-not-understood"],
}

var pageTables = map[string]struct {
	columns string
	rows    oracle
}{
	"In one table?": {
		"agent_audit.session.ordinal @timestamp process.command_line agent_audit.authorization.decision agent_audit.authorization.rule event.outcome event.risk_score",
		func(all []record) rows {
			var out rows
			for _, r := range where(all, func(r *record) bool { return inSession(r, "night-42") }) {
				out = append(out, []any{r.Session.Ordinal.N, r.Time, textOrNil(r.Command.Line), textOrNil(r.Authorization.Decision), textOrNil(r.Authorization.Rule), textOrNil(r.Event.Outcome), numberOrNil(r.Risk.Score)})
			}
			return order(out, "0")
		},
	},
	"What else did this user's agents do that day?": {
		"actions highest_risk agent_audit.session.id service.name host.name",
		func(all []record) rows {
			thatDay := where(all, func(r *record) bool {
				at := schema.FormatTime(r.Time)
				return userName(r) == "robin" && at >= "2026-11-20T00:00:00Z" && at < "2026-11-22T00:00:00Z"
			})
			var out rows
			for _, g := range groupBy(thatDay, func(r *record) []any { return []any{session(r), software(r), r.Infrastructure.HostName} }) {
				out = append(out, append([]any{len(g.records), g.maxRisk()}, g.key...))
			}
			return order(out, "1 desc", "2")
		},
	},
	"Who decided, on what?": {
		"process.command_line agent_audit.authorization.decision agent_audit.authorization.source agent_audit.authorization.rule agent_audit.authorization.reviewer agent_audit.authorization.decided_at",
		func(all []record) rows {
			var out rows
			for _, r := range where(all, func(r *record) bool { return inSession(r, "deploy-7") && decided(r) }) {
				var at any
				if !r.Authorization.DecidedAt.IsZero() {
					at = r.Authorization.DecidedAt
				}
				a := &r.Authorization
				out = append(out, []any{textOrNil(r.Command.Line), a.Decision, textOrNil(a.Source), textOrNil(a.Rule), textOrNil(a.Reviewer), at})
			}
			return out // the corpus has a session's records in their order
		},
	},
	"What else did this rule let through?": {
		"times failed highest_risk process.command_line",
		func(all []record) rows {
			var out rows
			for _, g := range groupBy(where(all, func(r *record) bool { return r.Authorization.Rule == "clean-up" }), func(r *record) []any { return []any{r.Command.Line} }) {
				out = append(out, []any{len(g.records), g.count(failed), g.maxRisk(), g.key[0]})
			}
			return order(out, "2 desc", "3")
		},
	},
	"In which mode did the session run?": {
		"actions sessions agent_audit.authorization.mode",
		func(all []record) rows {
			mode := func(r *record) []any { return []any{r.Authorization.Mode} }
			var out rows
			for _, g := range groupBy(where(all, func(r *record) bool { return r.Authorization.Mode != "" }), mode) {
				out = append(out, []any{len(g.records), distinct(g.records, session), g.key[0]})
			}
			return order(out, "0 desc", "2")
		},
	},
	"Is a record missing from a stream?": {
		"lowest highest records agent_audit.stream missing",
		func(all []record) rows {
			var out rows
			for _, row := range streamsTable(all) { // stream, lowest, highest, records, missing
				if row[4].(int) > 0 {
					out = append(out, []any{row[1], row[2], row[3], row[0], row[4]})
				}
			}
			return order(out, "3")
		},
	},
}

// TestPage runs every query of the analysts' page.
func TestPage(t *testing.T) {
	all, s := corpus(t)
	page, err := os.ReadFile(analystsPage)
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(page), -1)
	if n := strings.Count(string(page), "```kql") + strings.Count(string(page), "```esql"); n != len(blocks) || n != len(pageOracles)+len(pageTables) {
		t.Fatalf("%d queries on the page, %d under a heading of their own, %d oracles", n, len(blocks), len(pageOracles)+len(pageTables))
	}
	for _, b := range blocks {
		heading, language, query := b[1], b[2], b[3]
		t.Run(heading, func(t *testing.T) {
			if language == "kql" {
				checkKQL(t, s, all, query, pageOracles[heading])
				return
			}
			checkESQL(t, s, all, query, strings.Fields(pageTables[heading].columns), pageTables[heading].rows)
		})
	}
}

// TestPageListsRules holds the page's table of rules against the rules.
func TestPageListsRules(t *testing.T) {
	page, err := os.ReadFile(analystsPage)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| rule | severity | runs | what it tells |\n|---|---|---|---|\n")
	for _, r := range rules() {
		every := perRecordInterval
		if r.lookBack != "" {
			every = severalInterval
		}
		fmt.Fprintf(&table, "| %s | %s | %s, looks back %s | %s |\n", r.name, r.severity, every, strings.TrimPrefix(since(&r), "now-"), r.description)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("%s should hold\n%s", analystsPage, table.String())
	}
}

func since(r *rule) string {
	if r.lookBack != "" {
		return r.lookBack
	}
	return perRecordSince
}
