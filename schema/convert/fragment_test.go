package convert

import (
	"errors"
	"testing"
	"time"
)

// A call id counts as unique in the world only when chance or a clock made it.
func TestIsGlobal(t *testing.T) {
	for id, want := range map[string]bool{
		"toolu_01NFSqPLfMC13qZg8TjPTJar": true, "call_HJ3kQm2Zx8LrVt5Wn0BdYcAe": true,
		"0198e1f2-77aa-7abc-8def-001122334455": true, "run_shell_command-1769000000000-1f": true,
		"chatcmpl-tool-9f0c2d7be1a84c0f9a6b3d5e7f112233": true,
		"": false, "call_1": false, "3": false, "functions.run_shell_command:0": false, "functions.executeTerminalCommand:12": false,
		"mcp-github-create-issue-1": false, "tool_call_in_session_0000004": false,
	} {
		if got := isGlobal(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

// Times in the usual forms are read without the help of the time package, and as it reads them.
func TestPlainTime(t *testing.T) {
	usual := []string{
		"2026-03-01T10:00:00Z", "2026-03-01T10:00:00.5Z", "2026-12-31T23:59:59.123456789Z", "2024-02-29T00:00:00.000Z",
		"9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2026-03-01 10:00:00.25Z", "2026-03-01 10:00:00", "2026-03-01T10:00:00",
		"2026-03-01T10:00:00+02:00", "2026-03-01 10:00:00.125-11:30", "2026-03-01T00:30:00.1+00:00",
	}
	others := []string{
		"2025-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-03-01T24:00:00Z", "2026-03-01T10:60:00Z", "2026-03-01T10:00:60Z", "2026-03-01T10:00:00.Z", "2026-03-01T10:00:00,5Z",
		"2026-03-01T10:00:00.1234567890Z", "2026-03-01T10:00:00.12x4Z", "2026-03-01t10:00:00Z", "2026-03-01T10:00:00z",
		"2x26-03-01T10:00:00Z", "2026-03-01T10:00:0:Z", "2026-03-01T10:00:00+0200", "2026-03-01T10:00:00+2:00", "2026-03-01T10:00:00+25:00",
		"2026-03-01T10:00:00 +02:00", "2026-03-01T10:00:00Z ", "2026-03-01", "2026-03-01T10:00",
	}
	for _, s := range usual {
		got, ok := plainTime(s)
		var want time.Time
		err := errors.ErrUnsupported
		for _, layout := range timeLayouts[:5] {
			if err != nil {
				want, err = time.Parse(layout, s)
			}
		}
		if !ok || err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v, want %v, %v", s, got, ok, want, err)
		}
	}
	for _, s := range others {
		if got, ok := plainTime(s); ok {
			t.Errorf("%s: %v", s, got)
		}
	}
}
