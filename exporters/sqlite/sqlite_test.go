package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

func settingsFor(t testing.TB, path string) []byte {
	t.Helper()
	b, err := json.Marshal(settings{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readBack reads a stream's records from all months' files.
func readBack(ctx context.Context, base, stream string) ([]exporters.Record, error) {
	files, err := Files(base)
	if err != nil {
		return nil, err
	}
	var all []exporters.Record
	for _, path := range files {
		db, err := OpenReadOnly(ctx, path)
		if errors.Is(err, ErrEmpty) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer db.Close()
		rows, err := db.QueryContext(ctx, "SELECT sequence, record FROM audit_log WHERE stream = ?", stream)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var r exporters.Record
			if err := rows.Scan(&r.Sequence, &r.JSON); err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func TestConformance(t *testing.T) {
	exportertest.Run(t, func(t *testing.T) exportertest.Store {
		base := filepath.Join(t.TempDir(), "odd ?#%20 name", "audit.db")
		return exportertest.Store{
			Open: func(ctx context.Context) (exporters.Exporter, error) { return Open(ctx, settingsFor(t, base)) },
			Stored: func(ctx context.Context, stream string) ([]exporters.Record, error) {
				return readBack(ctx, base, stream)
			},
		}
	})
}

func TestMain(m *testing.M) { exportertest.Main(m, Open) }

func TestKilled(t *testing.T) {
	base := filepath.Join(t.TempDir(), "audit.db")
	exportertest.RunKilled(t, settingsFor(t, base), exportertest.Store{
		Stored: func(ctx context.Context, stream string) ([]exporters.Record, error) {
			return readBack(ctx, base, stream)
		},
	})
}
