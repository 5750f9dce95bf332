package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/schema"
)

const printedEvent = `{
  "timestamp": "2026-03-01T10:00:00Z",
  "session_id": "s-1",
  "command": "deploy --token ghp_16C7e42F292c6912E7710c838347Ae178B4a",
  "exit_code": 0
}`

// Lines of an event that is printed over several become one record, wherever chunks end and the program is restarted.
func TestPrintedEvent(t *testing.T) {
	all := strings.Split(printedEvent, "\n")
	for cut := 1; cut < len(all); cut++ {
		l := openLine(t, nil, nil)
		l.feed(t, all[:cut]...)
		if n := len(l.records(t)); n != 0 {
			t.Fatalf("%d records of %d lines", n, cut)
		}
		l.reopen(t)
		l.feed(t, all[cut:]...)
		rs := l.records(t)
		if len(rs) != 1 || !strings.HasPrefix(rs[0].Command.Line, "deploy --token [REDACTED:") || rs[0].Execution.ExitCode != schema.Some(0) {
			t.Errorf("cut at %d: %+v", cut, rs)
		}
	}
}

// Lines whose rest does not come are kept as text, after pair_window, after a restart, or at the end of an import.
func TestPrintedEventTorn(t *testing.T) {
	all := strings.Split(printedEvent, "\n")[:4]
	for name, end := range map[string]func(*line) error{
		"window":  func(l *line) error { l.time = l.time.Add(time.Minute); return l.Tick() },
		"restart": func(l *line) error { l.reopen(t); l.time = l.time.Add(time.Minute); return l.Tick() },
		"finish":  func(l *line) error { return l.Finish() },
		"more":    func(l *line) error { l.feed(t, "a line"); return nil },
	} {
		l := openLine(t, nil, map[string]string{"pair_window": "60s"})
		l.feed(t, all...)
		if err := end(l); err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, r := range l.records(t) {
			text += r.Message + "\n"
		}
		for _, want := range []string{"{\n", `  "session_id": "s-1",`, `deploy --token [REDACTED:`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in %q", name, want, text)
			}
		}
		if strings.Contains(text, "ghp_16C7") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A source that holds lines and is forgotten, because there are too many, gives them first.
func TestHeldLinesOfForgottenSource(t *testing.T) {
	l := openLine(t, nil, nil)
	l.feed(t, "{", `  "a": 1,`)
	for i := range maxSources + 1 {
		l.sources[schema.MakeID("other", fmt.Sprint(i))] = l.used.PushBack(&source{id: schema.MakeID("other", fmt.Sprint(i)), loaded: true, touched: true})
	}
	if err := l.inChunk(func(*journal.Chunk) {}); err != nil {
		t.Fatal(err)
	}
	if rs := l.records(t); len(rs) != 2 || rs[1].Message != `  "a": 1,` {
		t.Errorf("%+v", rs)
	}
	if l.used.Len() > maxSources || len(l.holding) != 0 {
		t.Errorf("%d sources, %d holding", l.used.Len(), len(l.holding))
	}
}
