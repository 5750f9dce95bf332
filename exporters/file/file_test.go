package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/schema"
)

func settingsFor(t testing.TB, path string, more map[string]any) []byte {
	t.Helper()
	all := map[string]any{"path": path}
	for name, v := range more {
		all[name] = v
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readBack reads a stream's records from the file and those before it, but for a last line that was cut short.
func readBack(path, stream string) (all []exporters.Record, _ error) {
	for _, name := range []string{path + ".3", path + ".2", path + ".1", path} {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			doc, whole := bytes.CutSuffix(line, []byte("\n"))
			if !whole {
				break
			}
			a, err := schema.Parse(doc)
			if err != nil {
				return nil, err
			}
			if a.Trail.Stream == stream {
				all = append(all, exporters.Record{Sequence: uint64(a.Trail.Sequence.N), JSON: doc})
			}
		}
	}
	return all, nil
}

func TestMain(m *testing.M) { exportertest.Main(m, Open) }

func TestConformance(t *testing.T) {
	exportertest.Run(t, func(t *testing.T) exportertest.Store {
		path := filepath.Join(t.TempDir(), "new folder", "alerts.ndjson")
		return exportertest.Store{
			Open:   func(ctx context.Context) (exporters.Exporter, error) { return Open(ctx, settingsFor(t, path, nil)) },
			Stored: func(_ context.Context, stream string) ([]exporters.Record, error) { return readBack(path, stream) },
		}
	})
}

func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	exportertest.RunKilled(t, settingsFor(t, path, nil), exportertest.Store{
		Stored: func(_ context.Context, stream string) ([]exporters.Record, error) { return readBack(path, stream) },
	})
}

func start(t *testing.T, path string, more map[string]any) exporters.Exporter {
	t.Helper()
	e, err := Open(t.Context(), settingsFor(t, path, more))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func deliver(t *testing.T, e exporters.Exporter, records []exporters.Record) {
	t.Helper()
	acked, refused, err := e.Export(t.Context(), exportertest.Batch("s", records))
	if err != nil || len(refused) > 0 || acked != records[len(records)-1].Sequence {
		t.Fatal(acked, refused, err)
	}
}

// Only what is risky is written, and the rest is acknowledged all the same.
func TestMinRisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	e := start(t, path, map[string]any{"min_risk": 70})
	records := exportertest.Records("s", 0, 200)
	deliver(t, e, records)
	deliver(t, e, records[50:])
	want := 0
	for _, r := range records {
		a, err := schema.Parse(r.JSON)
		if err != nil {
			t.Fatal(err)
		}
		if a.Risk.Score.Set && a.Risk.Score.N >= 70 {
			want++
		}
	}
	if got, err := readBack(path, "s"); err != nil || len(got) != want || want == 0 {
		t.Errorf("%d records, want %d, %v", len(got), want, err)
	}
}

// Files are turned over, the oldest go, and nothing is written twice over the turn.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	records := exportertest.Records("s", 0, 100)
	size := 0
	for _, r := range records[:20] {
		size += len(r.JSON) + 1
	}
	for from := 0; from < 100; from += 10 {
		e := start(t, path, map[string]any{"max_bytes": size})
		deliver(t, e, records[from:from+10])
		deliver(t, e, records[max(0, from-5):from+10])
		_ = e.Close()
	}
	got, err := readBack(path, "s")
	if err != nil || len(got) < 50 || len(got) > 90 || got[len(got)-1].Sequence != 99 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, r := range got {
		if r.Sequence != got[0].Sequence+uint64(i) {
			t.Fatalf("record %d after %d", r.Sequence, got[max(0, i-1)].Sequence)
		}
	}
	if _, err := os.Stat(path + ".4"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("more old files are kept than asked for")
	}
}

// A line that was cut short goes; a file that was taken away is begun anew.
func TestCutAndRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	records := exportertest.Records("s", 0, 30)
	e := start(t, path, nil)
	deliver(t, e, records[:10])
	_ = e.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	if err := os.Truncate(path, info.Size()-7); err != nil {
		t.Fatal(err)
	}
	e = start(t, path, nil)
	deliver(t, e, records[:20])
	if got, err := readBack(path, "s"); err != nil || len(got) != 20 {
		t.Errorf("%d records, %v", len(got), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	deliver(t, e, records[20:])
	if got, err := readBack(path, "s"); err != nil || len(got) != 10 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

func TestSettings(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                         "path is missing",
		`{"pth":"x"}`:                "unknown field",
		`{"path":"x","keep":-1}`:     "negative",
		`{"path":"x","max_bytes":0}`: "negative",
		`x`:                          "settings",
	} {
		if _, err := Open(t.Context(), []byte(text)); !exporters.IsPermanent(err) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
