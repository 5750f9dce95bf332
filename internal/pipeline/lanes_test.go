package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema"
)

// claudeTelemetry is what Claude Code's OpenTelemetry tells of a call, as OTLP/JSON.
func claudeTelemetry(id, decision, source, command, success string) string {
	attr := func(k, v string) string { return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, k, v) }
	record := func(name string, more ...string) string {
		s := attr("event.name", name) + "," + attr("session.id", "s-1") + "," + attr("tool_name", "Bash") + "," +
			attr("tool_use_id", "toolu_000000000000000000"+id) + "," + attr("user.email", "robin@example.org")
		for _, m := range more {
			s += "," + m
		}
		return `{"timeUnixNano":"1772359201000000000","body":{"stringValue":"claude_code.` + name + `"},"attributes":[` + s + `]}`
	}
	return `{"resourceLogs":[{"resource":{"attributes":[` + attr("service.name", "claude-code") + `]},"scopeLogs":[{"scope":{"name":"com.anthropic.claude_code.events"},"logRecords":[` +
		record("tool_decision", attr("decision", decision), attr("source", source)) + "," +
		record("tool_result", attr("success", success), attr("tool_parameters", fmt.Sprintf(`{"full_command":%q}`, command))) + `]}]}]}`
}

// A transcript and the agent's OpenTelemetry make one record of each call, with what each of them alone can tell.
func TestTranscriptAndTelemetry(t *testing.T) {
	l := openLine(t, nil, map[string]string{"lane_window": "10s"})
	l.feed(t, call("1001", "make"), result("1001"), call("1002", "rm -r build"), result("1002"))
	l.reopen(t)
	l.time = l.time.Add(6 * time.Second)
	l.feed(t, claudeTelemetry("1001", "accept", "user_temporary", "make", "true"))
	l.feed(t, claudeTelemetry("1002", "reject", "user_reject", "rm -r build", "false"))
	if got := l.records(t); len(got) != 0 {
		t.Fatalf("%d records before the window is over", len(got))
	}
	l.time = l.time.Add(10 * time.Second)
	if err := l.Tick(); err != nil {
		t.Fatal(err)
	}
	got := l.records(t)
	if len(got) != 2 {
		t.Fatalf("%d records", len(got))
	}
	lanes := []string{"claude-code", "claude-code-otel"}
	a := got[0]
	if !slices.Equal(a.Trail.Lanes, lanes) || a.Command.Cwd != "/repo" || a.Authorization.Decision != schema.Approved ||
		a.Identity.UserEmail != "robin@example.org" || len(a.Risk.Anomalies) != 0 || a.Session.Ordinal.N != 1 {
		t.Errorf("%v %+v %+v %v %v", a.Trail.Lanes, a.Command, a.Authorization, a.Risk.Anomalies, a.Trail.Conflicts)
	}
	b := got[1]
	if !slices.Equal(b.Trail.Lanes, lanes) || !slices.Equal(b.Risk.Anomalies, []string{"lanes_disagree", "ran_although_denied"}) || b.Authorization.Decision != schema.Denied {
		t.Errorf("%v %v %+v %v", b.Trail.Lanes, b.Risk.Anomalies, b.Authorization, b.Trail.Conflicts)
	}
}
