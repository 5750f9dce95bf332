package archive

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

func settingsFor(t testing.TB, root string) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"dir": filepath.Join(root, "archive"), "key_file": filepath.Join(root, "key")})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readBack reads a stream's records from the folder.
func readBack(root, stream string) ([]exporters.Record, error) {
	ctx, r := context.Background(), FS(os.DirFS(filepath.Join(root, "archive")))
	list, err := r.List(ctx, stream)
	if err != nil {
		return nil, err
	}
	var all []exporters.Record
	for _, at := range Manifests(list) {
		l, _, _, err := ReadLink(ctx, r, stream, at)
		if err != nil {
			return nil, err
		}
		m := l.(*Manifest)
		data, err := ReadObject(ctx, r, m)
		if err != nil {
			return nil, err
		}
		for r, err := range m.Records(data) {
			if err != nil {
				return nil, err
			}
			r.JSON = append([]byte(nil), r.JSON...)
			all = append(all, r)
		}
	}
	return all, nil
}

func TestConformance(t *testing.T) {
	exportertest.Run(t, func(t *testing.T) exportertest.Store {
		root := t.TempDir()
		return exportertest.Store{
			Open: func(ctx context.Context) (exporters.Exporter, error) { return Open(ctx, settingsFor(t, root)) },
			Stored: func(_ context.Context, stream string) ([]exporters.Record, error) {
				return readBack(root, stream)
			},
		}
	})
}

func TestMain(m *testing.M) { exportertest.Main(m, Open) }

func TestKilled(t *testing.T) {
	root := t.TempDir()
	exportertest.RunKilled(t, settingsFor(t, root), exportertest.Store{
		Stored: func(_ context.Context, stream string) ([]exporters.Record, error) { return readBack(root, stream) },
	})
}
