package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/test/host"
)

// exportersOf lists the exporter processes whose parent is pid.
func exportersOf(t testing.TB, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, s := range stats {
		b, err := os.ReadFile(s)
		if err != nil {
			continue // ended meanwhile
		}
		// pid (comm) state ppid …
		_, rest, ok := strings.Cut(string(b), ") ")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(s)))
		if isExporter(child) {
			found = append(found, child)
		}
	}
	return found
}

func isExporter(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.HasPrefix(string(b), companion+"\x00exporter\x00")
}

// requireGone waits until none of the processes lives as an exporter any more.
func requireGone(t testing.TB, pids []int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var alive []int
		for _, p := range pids {
			if isExporter(p) {
				alive = append(alive, p)
			}
		}
		if len(alive) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("orphan exporters: %v", alive)
		}
	}
}

// nativeChunk is a chunk of n native events, each an action of its own, the same for the same arguments.
func nativeChunk(stream, number, n int) []byte {
	var e host.Encoder
	ts := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at := ts.Add(time.Duration((number*n + i)) * time.Millisecond)
		e.Event(at, nil, host.M("log", fmt.Sprintf(
			`{"id":"e-%d-%d-%d","timestamp":%q,"session_id":"s-%d","agent_id":"loader","user_id":"u%d","command":"step %d of %d --verbose","cwd":"/srv","decision":"auto_approved","rule":"load","exit_code":%d,"duration_ms":12,"stdout":"line %d"}`,
			stream, number, i, at.Format(time.RFC3339Nano), number%7, i%5, i, number, i%2, i)))
	}
	return e.Take()
}
