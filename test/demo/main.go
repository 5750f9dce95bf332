// Command demo feeds log files to the plugin through the C ABI, as Fluent Bit's tail input would, and ends when both
// stores have everything: demo BIN STATE_DIR FILE...
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/test/host"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: demo BIN STATE_DIR FILE...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(bin, state string, files []string) error {
	dir, err := os.MkdirTemp("", "agent-audit-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := host.Build(dir)
	if err != nil {
		return err
	}
	h, err := host.Start(context.Background(), program, filepath.Join(bin, "out_agent_audit.so"), host.Options{})
	if err != nil {
		return err
	}
	defer h.Kill()
	id, err := h.Instance(map[string]string{
		"state_dir": state, "organization": "example", "pair_window": "2s",
		"sqlite_path": filepath.Join(state, "audit.db"), "archive_dir": filepath.Join(state, "archive"), "archive_max_wait": "1s",
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, h.Stderr())
	}
	for _, f := range files {
		for c, err := range host.FromFile(f, host.FileOptions{Form: host.Form{PathKey: "path", OffsetKey: "offset"}}) {
			if err != nil {
				return err
			}
			result, err := h.Flush(id, "agents", c.Data)
			if err != nil || result != host.OK {
				return fmt.Errorf("%s: flush: %v, %w\n%s", f, result, err, h.Stderr())
			}
			fmt.Printf("%-28s %3d lines in one chunk of %d bytes: FLB_OK\n", filepath.Base(f), c.Records, len(c.Data))
		}
	}
	if err := delivered(state); err != nil {
		return fmt.Errorf("%w\n%s", err, h.Stderr())
	}
	return h.Exit()
}

// delivered waits until every exporter has every record, as the state folder's status tells.
func delivered(state string) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(state, "status.json"))
		if err != nil {
			continue
		}
		var s instance.Status
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		done := s.Accepted > 0 && s.PendingPairs == 0 && len(s.Exporters) == 2
		for _, e := range s.Exporters {
			done = done && e.Pending == 0 && e.DeadLetters == 0 && e.Accepted == s.Accepted
		}
		if done {
			return nil
		}
	}
	return fmt.Errorf("the stores did not get everything within a minute")
}
