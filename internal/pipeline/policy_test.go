package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/agentaudit/agentaudit/internal/seal"
)

// TestPolicy holds that records name the user's rules that match, that an approval is attributed to them only where the
// log tells of one without saying by what, and that what contradicts them is flagged.
func TestPolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	rules := `rules:
  - {name: tests, glob: ["go test *"]}
  - {name: pushes, effect: ask, glob: ["git push*"]}
  - {name: no curl, effect: deny, glob: ["curl *"]}
`
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	l := openLine(t, nil, map[string]string{"authorization_rules": file})
	event := func(n int, command, more string) string {
		return fmt.Sprintf(`{"timestamp":"2026-03-01T12:00:%02dZ","session_id":"s","agent_id":"a","command":%q%s,"exit_code":0}`, n, command, more)
	}
	l.feed(t,
		event(1, "go test ./...", `,"decision":"auto_approved"`),
		event(2, "go test ./...", `,"decision":"auto_approved","rule":"mine"`),
		event(3, "go test ./...", ""),
		event(4, "git push", `,"decision":"auto_approved"`),
		event(5, "git push", `,"decision":"approved"`),
		event(6, "curl x", `,"decision":"approved"`),
		event(7, "curl x", `,"decision":"denied"`),
		event(8, "ls", `,"decision":"auto_approved"`),
	)
	records := l.records(t)
	for i, want := range []string{
		"auto_approved inferred [tests] []",
		"auto_approved  [tests] []",
		"unrecorded  [tests] []",
		"auto_approved  [] [asked_by_policy]",
		"approved  [] []",
		"approved  [] [denied_by_policy]",
		"denied  [] [ran_although_denied]",
		"auto_approved  [] []",
	} {
		a := records[i]
		got := fmt.Sprint(a.Authorization.Decision, " ", a.Authorization.Source, " ", a.Authorization.Rules, " ", a.Risk.Anomalies)
		if got != want {
			t.Errorf("record %d: %s, want %s", i+1, got, want)
		}
		if marked := slices.Contains(a.Identity.Inferred, seal.RulesInferred); marked != (len(a.Authorization.Rules) > 0) {
			t.Errorf("record %d: marked as inferred: %v", i+1, marked)
		}
	}
}
