package keystore

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// folder is a key store on one machine. Several processes may use it: files appear whole, by a hard link that fails when
// there is one already, and are replaced under a lock.
type folder struct{ dir string }

// OpenFolder opens or makes a key store in a folder (0700).
func OpenFolder(dir string) (Files, error) {
	for _, sub := range []string{"subjects", "holds", "erasures"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("key store: %w", err)
		}
	}
	return &folder{dir}, nil
}

func (f *folder) Close() error { return nil }

func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// Create writes a temporary file and links it to its name.
func (f *folder) Create(ctx context.Context, name string, data []byte) ([]byte, error) {
	path := f.path(name)
	tmp, err := write(path, data)
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, path)
	if errors.Is(err, fs.ErrExist) {
		there, _, err := f.Read(ctx, name)
		if err != nil {
			return nil, err
		}
		// It may be somebody's of this moment: it is durable before anybody relies on it.
		return there, syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	return nil, syncDir(filepath.Dir(path))
}

// lock waits for the folder: shared for those who read, since what is replaced is overwritten under their eyes.
func (f *folder) lock(how int) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(f.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), how); err != nil {
		return nil, errors.Join(fmt.Errorf("key store: lock: %w", err), lock.Close())
	}
	return lock, nil
}

// Read reads a file; its tag is its digest.
func (f *folder) Read(_ context.Context, name string) ([]byte, string, error) {
	lock, err := f.lock(syscall.LOCK_SH)
	if err != nil {
		return nil, "", err
	}
	defer lock.Close()
	b, err := os.ReadFile(f.path(name))
	if err != nil {
		return nil, "", fmt.Errorf("key store: %w", err)
	}
	return b, tagOf(b), nil
}

func tagOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Replace renames new content over the old, then overwrites the old one's blocks. If we were to stop in between, its name
// is gone already; the bytes may then stay in the file system's free space.
func (f *folder) Replace(_ context.Context, name, tag string, data []byte) error {
	lock, err := f.lock(syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Close() // and unlock
	path := f.path(name)
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	defer old.Close()
	there, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	if tagOf(there) != tag {
		return ErrChanged
	}
	tmp, err := write(path, data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("key store: %w", err), os.Remove(tmp))
	}
	_, err = old.WriteAt(bytes.Repeat([]byte{0}, len(there)), 0)
	if err = errors.Join(err, old.Sync(), syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	return nil
}

// List names the files of a folder.
func (f *folder) List(_ context.Context, dir string) ([]string, error) {
	entries, err := os.ReadDir(f.path(dir))
	if err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			names = append(names, dir+"/"+e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// write makes a durable temporary file beside a path.
func write(path string, data []byte) (tmp string, err error) {
	var b [8]byte
	_, _ = rand.Read(b[:])
	tmp = path + "." + hex.EncodeToString(b[:]) + ".tmp"
	out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("key store: %w", err)
	}
	_, err = out.Write(data)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("key store: %w", err), os.Remove(tmp))
	}
	return tmp, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
