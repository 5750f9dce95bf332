package seal

import (
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/convert"
	"github.com/agentaudit/agentaudit/scrub"
)

// secret is a token that no rule may let through.
var secret = "ghp_" + "h3Ld8QpZ1mVx6TnWc2RyB7uKf0JsGe5iAo9Y"

func gate(t *testing.T, l Limits) *Scrubber {
	t.Helper()
	e, err := scrub.New(scrub.Options{Key: []byte("0123456789abcdef"), KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	return NewScrubber(e, l)
}

// Output is cut after scrubbing: at no place can the cut make half a secret of a whole one.
func TestCutNeverUncoversASecret(t *testing.T) {
	const limit = 300
	s := gate(t, Limits{Output: limit, Original: limit, Arguments: limit, Text: 1 << 20})
	for at := limit - 120; at < limit+40; at++ {
		var f schema.Fragment
		f.Execution.Stdout = strings.Repeat("é", at/2) + " " + secret + strings.Repeat(" tail", 2000)
		c := s.Fragment(&f)
		out := c.Action().Execution.Stdout
		if len(out) > limit+len("[REDACTED]") || !c.Action().Execution.Truncated {
			t.Fatalf("at %d: %d bytes, truncated %v", at, len(out), c.Action().Execution.Truncated)
		}
		for n := 8; n <= len(secret); n += 7 {
			if strings.Contains(out, secret[:n]) {
				t.Fatalf("at %d: %d characters of the secret survive: …%q", at, n, out[max(0, len(out)-60):])
			}
		}
		if open := strings.LastIndex(out, "[REDACTED"); open >= 0 && !strings.Contains(out[open:], "]") {
			t.Fatalf("at %d: half a redaction: %q", at, out[open:])
		}
	}
}

func TestHugeCommandIsCut(t *testing.T) {
	s := gate(t, Limits{Output: 100, Original: 100, Arguments: 100, Text: 5000})
	for _, n := range []int{4999, 5000, 5001, 100_000} {
		var f schema.Fragment
		f.Command.Line = strings.Repeat("x", n)
		a := s.Fragment(&f).Action()
		if len(a.Command.Line) != min(n, 5000) || a.Execution.Truncated != (n > 5000) {
			t.Errorf("%d bytes: %d kept, truncated %v", n, len(a.Command.Line), a.Execution.Truncated)
		}
	}
}

func TestLongArgumentsStayJSON(t *testing.T) {
	s := gate(t, Limits{Output: 100, Original: 100, Arguments: 400, Text: 1 << 20})
	var f schema.Fragment
	f.Command.ToolArguments = schema.JSON(`{"content":"` + strings.Repeat("long ", 300) + secret + `"}`)
	args := string(s.Fragment(&f).Action().Command.ToolArguments)
	if !strings.HasPrefix(args, `{"bytes":`) || !strings.Contains(args, `"truncated":true`) || strings.Contains(args, secret) || len(args) > 400 {
		t.Errorf("%s", args)
	}
}

func TestStoredFormsComeBack(t *testing.T) {
	s := gate(t, DefaultLimits)
	var f schema.Fragment
	f.Key, f.Command.Line, f.Session.ID = schema.MakeID("k"), "curl -H 'Authorization: token "+secret+"'", "s"
	p := &Pending{Clean: s.Fragment(&f), Roles: 3, Arrived: time.Unix(5, 7)}
	q, err := RestorePending(p.Key, p.Bytes().Raw())
	if err != nil || q.Roles != 3 || !q.Arrived.Equal(p.Arrived) || q.Session != p.Session || q.Action().Command.Line != p.Action().Command.Line {
		t.Fatalf("%+v, %v", q, err)
	}

	src := &convert.Source{Format: "codex", Version: "2", Records: 9}
	src.Known.Command.Cwd = "/home/" + secret
	src.Link("process 7", schema.MakeID("a"))
	b, err := s.Source(src, &Memory{Lines: scrub.Carry{Tail: "x", Open: "password"}})
	if err != nil || strings.Contains(string(b.Raw()), secret) {
		t.Fatalf("%s, %v", b.Raw(), err)
	}
	if src.Known.Command.Cwd != "/home/"+secret {
		t.Error("storing a source changed it")
	}
	back, memory, err := RestoreSource(b.Raw())
	if err != nil || back.Format != "codex" || back.Records != 9 || memory.Lines.Open != "password" || memory.Lines.Tail != "x" {
		t.Fatalf("%+v, %v", back, err)
	}
	if a, ok := back.Linked("process 7"); !ok || a != schema.MakeID("a") {
		t.Error("link was lost")
	}

	ses := &Session{Start: time.Unix(1, 0).UTC(), Last: time.Unix(2, 0).UTC(), Count: 4, Recent: []Preceding{p.Preceding()}}
	b, err = ses.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := RestoreSession(b.Raw()); err != nil || got.Count != 4 || got.Recent[0] != ses.Recent[0] || !got.Start.Equal(ses.Start) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDamagedStoredFormsAreErrors(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, {9, 9, 9}, make([]byte, 40), append([]byte{1}, "{}x"...)} {
		if _, err := RestorePending(schema.ID{}, b); err == nil {
			t.Errorf("pending %x", b)
		}
		if _, _, err := RestoreSource(b); err == nil {
			t.Errorf("source %x", b)
		}
		if _, err := RestoreSession(b); err == nil {
			t.Errorf("session %x", b)
		}
	}
}

func TestFinish(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	exit := func(n int64) func(*schema.Action) {
		return func(a *schema.Action) { a.Execution.ExitCode = schema.Some(n) }
	}
	for name, c := range map[string]struct {
		set               func(*schema.Action)
		outcome, decision string
	}{
		"exit 0":  {exit(0), schema.OutcomeSuccess, schema.Unrecorded},
		"exit 1":  {exit(1), schema.OutcomeFailure, schema.Unrecorded},
		"nothing": {func(*schema.Action) {}, schema.OutcomeUnknown, schema.Unrecorded},
		"denied":  {func(a *schema.Action) { a.Authorization.Decision = schema.Denied }, schema.OutcomeFailure, schema.Denied},
		"said":    {func(a *schema.Action) { a.Event.Outcome = schema.OutcomeFailure; exit(0)(a) }, schema.OutcomeFailure, schema.Unrecorded},
	} {
		var f schema.Fragment
		f.Event.Action = schema.ActionShell
		c.set(&f.Action)
		cl := gate(t, DefaultLimits).Fragment(&f)
		cl.Finish(schema.MakeID("x"), true, now)
		if a := cl.Action(); a.Event.Outcome != c.outcome || a.Authorization.Decision != c.decision || !a.Time.Equal(now) {
			t.Errorf("%s: outcome %s, decision %s, time %v", name, a.Event.Outcome, a.Authorization.Decision, a.Time)
		}
	}
	for score, want := range map[int64]int64{0: 0, 19: 0, 20: 1, 59: 2, 79: 3, 80: 4, 100: 4} {
		if got := severity(score); got != want {
			t.Errorf("severity(%d) = %d", score, got)
		}
	}
}
