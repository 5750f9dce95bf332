package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/agentaudit/agentaudit/internal/config"
)

// storesFile is in the state folder: the stores on this machine that the last instance wrote to, and for how long they keep.
const storesFile = "stores.json"

// Stores are the stores on this machine.
type Stores struct {
	SQLite *config.SQLite `json:"sqlite,omitempty"`
}

func (i *Instance) rememberStores() error {
	return i.note(storesFile, Stores{SQLite: i.config.Exporters.SQLite})
}

// ReadStores reads what the last instance noted.
func ReadStores(state string) (*Stores, error) {
	s := &Stores{}
	if _, err := readNote(state, storesFile, s); err != nil {
		return nil, err
	}
	return s, nil
}

// note writes what commands need to know of the instance to a file of the state folder, as JSON.
func (i *Instance) note(file string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(i.config.StateDir, file), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// readNote reads what note has written; found is false when no instance has.
func readNote(state, file string, v any) (found bool, err error) {
	b, err := os.ReadFile(filepath.Join(state, file))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("state folder: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return false, fmt.Errorf("state folder: %s: %w", file, err)
	}
	return true, nil
}
