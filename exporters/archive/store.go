package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// Reader reads the files of an archive. Names are paths with slashes: "STREAM/00…0.ndjson.gz", or a name at the top.
type Reader interface {
	// List returns what a folder holds, sorted by name; "" is the top. A folder that is not there is empty. A listing is no
	// snapshot: it may show a new file and lack one that is older.
	List(ctx context.Context, dir string) ([]Listed, error)
	// Read returns a file whole. version is Listed.Version or File.Version; "" is the current one. A file that is not there
	// is fs.ErrNotExist.
	Read(ctx context.Context, name, version string) ([]byte, File, error)
	// ReadRange returns length bytes of a file from offset on.
	ReadRange(ctx context.Context, name, version string, offset, length int64) ([]byte, error)
}

// Store is where the archive writes, the same on a folder and on S3. It is told to make files, and nothing else: no file
// is ever changed or removed.
type Store interface {
	Reader
	// Create makes a file, whole or not at all, under the lock, and durably before it returns nil. A file of that name is
	// never replaced: that is fs.ErrExist. After any other error the file may be there or not.
	Create(ctx context.Context, name string, data []byte, lock *Lock) (File, error)
	// Lock is how a file that is made at a time is to be locked; nil where the store locks nothing.
	Lock(at time.Time) *Lock
	// Close lets go of the store.
	Close() error
}

// Listed is a file or folder in a listing.
type Listed struct {
	Name string // without its folder's
	Dir  bool
	Size int64
	// Version is the file's first version, where a store has versions: what was written first. The archive never writes
	// a second one.
	Version string
	// Replaced is how many versions were written over the first; Hidden says that a delete marker lies on them.
	Replaced int
	Hidden   bool
}

// File is what a store knows of a file beside its bytes.
type File struct {
	Version string // "" where the store has no versions
	Lock    *Lock  // nil where the store locks nothing, or has not locked this
}

// Modes of a Lock.
const (
	Compliance = "COMPLIANCE" // nobody can delete the file or shorten its time
	Governance = "GOVERNANCE" // who has the right to bypass can
)

// Lock is an S3 Object Lock.
type Lock struct {
	Mode  string    `json:"mode"`
	Until time.Time `json:"until"` // the file can be deleted from then on
}

// Holds says whether a lock is at least as strong as another.
func (l *Lock) Holds(other *Lock) bool {
	switch {
	case other == nil:
		return true
	case l == nil, other.Mode == Compliance && l.Mode != Compliance:
		return false
	}
	return !l.Until.Before(other.Until)
}

// FS makes a Reader of a file system: an archive's folder, or a copy of it.
func FS(fsys fs.FS) Reader { return reader{fsys} }

type reader struct{ fs.FS }

func (r reader) List(ctx context.Context, dir string) ([]Listed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(r.FS, path.Clean(dir)) // "" becomes "."
	if errors.Is(err, fs.ErrNotExist) && dir != "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, e := range entries {
		l := Listed{Name: e.Name(), Dir: e.IsDir()}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // a temporary file that is gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		if l.Size = info.Size(); !l.Dir && !info.Mode().IsRegular() {
			l.Size = -1 // no file of ours
		}
		all = append(all, l)
	}
	return all, nil
}

func (r reader) Read(ctx context.Context, name, _ string) ([]byte, File, error) {
	if err := ctx.Err(); err != nil {
		return nil, File{}, err
	}
	data, err := fs.ReadFile(r.FS, name)
	return data, File{}, err
}

func (r reader) ReadRange(ctx context.Context, name, _ string, offset, length int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	at, ok := f.(interface {
		ReadAt(b []byte, offset int64) (int, error)
	})
	if !ok {
		return nil, fmt.Errorf("%s cannot be read in parts", name)
	}
	data := make([]byte, length)
	if _, err := at.ReadAt(data, offset); err != nil {
		return nil, fmt.Errorf("%s: bytes %d to %d: %w", name, offset, offset+length-1, err)
	}
	return data, nil
}

// createOnce makes a file, or finds that it is there already with the same bytes: after an answer that was lost, or a
// crash. Other bytes under that name are fs.ErrExist, and are returned.
func createOnce(ctx context.Context, s Store, name string, data []byte, lock *Lock) (f File, there []byte, err error) {
	f, err = s.Create(ctx, name, data, lock)
	if !errors.Is(err, fs.ErrExist) {
		return f, nil, err
	}
	there, f, rerr := s.Read(ctx, name, "")
	if rerr != nil {
		return f, nil, fmt.Errorf("%s is there already, but cannot be read: %w", name, rerr)
	}
	if bytes.Equal(there, data) {
		return f, nil, nil
	}
	return f, there, err
}
