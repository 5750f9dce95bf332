package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/agentaudit/agentaudit/internal/delivery"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/seal"
)

// Status is what `agent-audit status` shows.
type Status struct {
	Stream       string            `json:"stream"`
	PID          int               `json:"pid"`
	Running      bool              `json:"running"`
	Updated      time.Time         `json:"updated"`
	Accepted     uint64            `json:"accepted"`
	TreeHead     string            `json:"tree_head"`
	PendingPairs int               `json:"actions_waiting_for_result"`
	JournalBytes int64             `json:"journal_bytes"`
	JournalMax   int64             `json:"journal_max_bytes"`
	Broken       string            `json:"broken,omitempty"`
	Exporters    []delivery.Status `json:"exporters"`
}

const statusFile = "status.json"

// Status of the running instance.
func (i *Instance) Status() Status {
	tree := i.journal.Tree()
	s := Status{
		Stream: i.journal.Stream(), PID: os.Getpid(), Running: true, Updated: time.Now().UTC().Truncate(time.Second),
		Accepted: tree.Size(), TreeHead: tree.Root().String(), PendingPairs: i.pipeline.Pending(),
		JournalBytes: i.journal.Used(), JournalMax: int64(i.config.Journal.MaxBytes), Exporters: i.delivery.Status(),
	}
	if err := i.journal.Broken(); err != nil {
		s.Broken = err.Error()
	}
	return s
}

// writeStatus publishes the status in the state folder, for other processes cannot open the journal meanwhile.
func (i *Instance) writeStatus() {
	b, err := json.MarshalIndent(i.Status(), "", "  ")
	if err != nil || string(b) == i.written {
		return
	}
	tmp := filepath.Join(i.config.StateDir, statusFile+".tmp")
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		i.log.Warn("status was not written", "error", err)
		return
	}
	if err := os.Rename(tmp, filepath.Join(i.config.StateDir, statusFile)); err == nil {
		i.written = string(b)
	}
}

// ReadStatus tells the status of the state folder: from its journal when nobody has it open, else as the instance that
// does last wrote it.
func ReadStatus(dir string) (*Status, error) {
	var s Status
	b, err := os.ReadFile(filepath.Join(dir, statusFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Join(dir, "journal")); err != nil {
			return nil, fmt.Errorf("%s is no state folder of agent-audit: it has neither status.json nor a journal", dir)
		}
	case err != nil:
		return nil, fmt.Errorf("status: %w", err)
	default:
		if err := json.Unmarshal(b, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", statusFile, err)
		}
	}
	j, err := journal.Open(dir, newStream, journal.Options{})
	if errors.Is(err, journal.ErrInUse) {
		s.Running = true
		return &s, nil
	}
	if err != nil {
		return nil, err
	}
	defer j.Close()
	return &s, s.fromJournal(j)
}

// fromJournal brings the status of a stopped instance up to date: it may have been killed before it wrote its last.
func (s *Status) fromJournal(j *journal.Journal) error {
	tree := j.Tree()
	s.Running, s.PID, s.Stream = false, 0, j.Stream()
	s.Accepted, s.TreeHead, s.JournalBytes = tree.Size(), tree.Root().String(), j.Used()
	s.PendingPairs = 0
	if err := j.Pending(func(*seal.Pending) { s.PendingPairs++ }); err != nil {
		return err
	}
	for i := range s.Exporters {
		e := &s.Exporters[i]
		c, err := j.Cursor(e.Name)
		if err != nil {
			return err
		}
		e.State, e.Accepted, e.DeadLetters = "stopped", s.Accepted, c.Dead
		e.Delivered, e.Pending = c.Next-c.Dead, s.Accepted-c.Next
	}
	return nil
}

// DeadLetters shows the records that exporters refused for good, of all exporters or of one, in order, and returns how many
// there are. It fails with journal.ErrInUse while an instance has the state folder.
func DeadLetters(dir, exporter string, show func(exporter string, l journal.DeadLetter) error) (n int, err error) {
	if _, err := os.Stat(filepath.Join(dir, "journal")); err != nil {
		return 0, fmt.Errorf("%s is no state folder of agent-audit: it has no journal", dir)
	}
	j, err := journal.Open(dir, newStream, journal.Options{})
	if err != nil {
		return 0, err
	}
	defer j.Close()
	names, err := j.Exporters()
	for _, name := range names {
		if err != nil || exporter != "" && name != exporter {
			continue
		}
		var shown error
		err = j.DeadLetters(name, func(l journal.DeadLetter) bool {
			n++
			shown = show(name, l)
			return shown == nil
		})
		err = errors.Join(err, shown)
	}
	return n, err
}
