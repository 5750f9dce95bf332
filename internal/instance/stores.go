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
	b, err := json.Marshal(Stores{SQLite: i.config.Exporters.SQLite})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(i.config.StateDir, storesFile), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("stores: %w", err)
	}
	return nil
}

// ReadStores reads what the last instance noted.
func ReadStores(state string) (*Stores, error) {
	s := &Stores{}
	b, err := os.ReadFile(filepath.Join(state, storesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		return nil, fmt.Errorf("stores: %w", err)
	}
	return s, nil
}
