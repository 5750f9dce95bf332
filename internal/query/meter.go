package query

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Meter counts what is read of an archive.
type Meter struct {
	archive.Reader
	bytes atomic.Int64

	mu    sync.Mutex
	sizes map[string]int64 // of the folders listed
}

// Bytes were read of files.
func (m *Meter) Bytes() int64 { return m.bytes.Load() }

// Size is that of all files in the folders that were listed.
func (m *Meter) Size() (sum int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.sizes {
		sum += n
	}
	return sum
}

// List notes the files' sizes.
func (m *Meter) List(ctx context.Context, dir string) ([]archive.Listed, error) {
	list, err := m.Reader.List(ctx, dir)
	var sum int64
	for _, l := range list {
		if !l.Dir {
			sum += l.Size
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sizes == nil {
		m.sizes = make(map[string]int64)
	}
	m.sizes[dir] = sum
	return list, err
}

// Read counts.
func (m *Meter) Read(ctx context.Context, name, version string) ([]byte, archive.File, error) {
	data, f, err := m.Reader.Read(ctx, name, version)
	m.bytes.Add(int64(len(data)))
	return data, f, err
}

// ReadRange counts.
func (m *Meter) ReadRange(ctx context.Context, name, version string, offset, length int64) ([]byte, error) {
	data, err := m.Reader.ReadRange(ctx, name, version, offset, length)
	m.bytes.Add(int64(len(data)))
	return data, err
}
