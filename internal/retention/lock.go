package retention

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Lock is for how long, and how, the objects of an archive are locked.
type Lock struct {
	Mode      string        `json:"mode"`
	Retention time.Duration `json:"retention_ns"`
}

// lockFile is in the state folder: the lock that the instance last started with.
const lockFile = "retention.json"

// Remember notes the lock that an instance starts with, so that validate can tell a longer one.
func Remember(stateDir string, l Lock) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	path := filepath.Join(stateDir, lockFile)
	if err := os.WriteFile(path+".tmp", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	return os.Rename(path+".tmp", path)
}

// Remembered is the lock of the last start; nil if there was none.
func Remembered(stateDir string) (*Lock, error) {
	b, err := os.ReadFile(filepath.Join(stateDir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	var l Lock
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, fmt.Errorf("retention: %s: %w", lockFile, err)
	}
	return &l, nil
}

// Irreversible says in what a lock binds more than the one before, and cannot be taken back; "" in nothing.
func (l Lock) Irreversible(before *Lock) string {
	switch {
	case l.Mode != Compliance:
		return ""
	case before == nil:
		return fmt.Sprintf("every object will be locked for %s, and nobody can shorten that", Text(l.Retention))
	case before.Mode != Compliance:
		return fmt.Sprintf("objects were locked in mode %s; from now on nobody can shorten their %s", before.Mode, Text(l.Retention))
	case l.Retention > before.Retention:
		return fmt.Sprintf("objects were locked for %s; from now on it is %s, and nobody can shorten that", Text(before.Retention), Text(l.Retention))
	}
	return ""
}
