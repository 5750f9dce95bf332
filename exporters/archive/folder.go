package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// folder is a Store on a disk. It is locked (flock) against other exporters. File systems have no retention: who may
// write to the folder may change it, which verification finds.
type folder struct {
	Reader
	dir  string
	disk disk
	lock *os.File
}

// OpenFolder makes the folder if need be, and locks it against other exporters.
func OpenFolder(dir string) (Store, error) {
	f, err := openFolder(dir, osDisk{})
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return f, nil
}

// openFolder makes the folder if need be, and locks it.
func openFolder(dir string, d disk) (*folder, error) {
	if err := d.MkdirAll(dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	return &folder{Reader: FS(os.DirFS(dir)), dir: dir, disk: d, lock: lock}, nil
}

func (f *folder) Close() error { return f.lock.Close() }

func (f *folder) Lock(time.Time) *Lock { return nil }

// List lists a folder after it has removed what a crash has left of files that were not finished. A name that was linked,
// but whose folder's fsync failed, is made durable, before anything is built on it.
func (f *folder) List(ctx context.Context, dir string) ([]Listed, error) {
	at := filepath.Join(f.dir, dir)
	entries, err := os.ReadDir(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && !e.IsDir() {
			if err := f.disk.Remove(filepath.Join(at, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	if err := f.disk.SyncDir(at); err != nil {
		return nil, err
	}
	return f.Reader.List(ctx, dir)
}

func (f *folder) Create(ctx context.Context, name string, data []byte, _ *Lock) (File, error) {
	if err := ctx.Err(); err != nil {
		return File{}, err
	}
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := f.disk.MkdirAll(filepath.Dir(path)); err != nil {
		return File{}, err
	}
	mode := fs.FileMode(0o400)
	if IsKeyName(name) {
		mode = 0o444
	}
	return File{}, put(f.disk, path, data, mode)
}
