package logging

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	var b strings.Builder
	l := New(&b, "output:agent_audit", slog.LevelInfo).With("exporter", "sqlite")
	l.Debug("not shown")
	l.Warn("exporter failed", "error", errors.New("disk full\n[error] forged"), "records", 12)
	want := `^\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] \[ warn\] \[output:agent_audit\] exporter failed exporter=sqlite error="disk full \[error\] forged" records=12\n$`
	if !regexp.MustCompile(want).MatchString(b.String()) {
		t.Errorf("got %q", b.String())
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{"error": slog.LevelError, "WARN": slog.LevelWarn, "info": slog.LevelInfo, "": slog.LevelInfo, "trace": slog.LevelDebug} {
		if got := ParseLevel(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	if ParseLevel("off") <= slog.LevelError {
		t.Error("off lets errors through")
	}
}
