// Package logging writes log lines as Fluent Bit does, so that ours and its own read as one log:
//
//	[2026/11/23 20:43:26] [ warn] [output:agent_audit] exporter is behind name=sqlite records=120
//
// No line ever holds text of a record.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// New returns a logger that writes to w from level on; component stands in the third bracket.
func New(w io.Writer, component string, level slog.Level) *slog.Logger {
	return slog.New(&handler{w: w, mu: new(sync.Mutex), component: component, level: level})
}

// ParseLevel reads Fluent Bit's names: error, warn, info, debug, trace, off.
func ParseLevel(name string) slog.Level {
	switch strings.ToLower(name) {
	case "off":
		return slog.LevelError + 4
	case "error":
		return slog.LevelError
	case "warn", "warning":
		return slog.LevelWarn
	case "debug", "trace":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

type handler struct {
	w         io.Writer
	mu        *sync.Mutex
	component string
	level     slog.Level
	attrs     string
}

func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "[%s] [%5s] [%s] %s%s", r.Time.Format("2006/01/02 15:04:05"), levelName(r.Level), h.component, oneLine(r.Message), h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(b, a)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	b := new(strings.Builder)
	for _, a := range attrs {
		appendAttr(b, a)
	}
	c := *h
	c.attrs += b.String()
	return &c
}

func (h *handler) WithGroup(string) slog.Handler { return h }

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warn"
	case l >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}

func appendAttr(b *strings.Builder, a slog.Attr) {
	v := a.Value.Resolve()
	text := v.String()
	if v.Kind() == slog.KindTime {
		text = v.Time().Format(time.RFC3339)
	}
	text = oneLine(text)
	if strings.ContainsAny(text, " =\"") || text == "" {
		text = fmt.Sprintf("%q", text)
	}
	fmt.Fprintf(b, " %s=%s", a.Key, text)
}

// oneLine keeps an error text from making up log lines.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
