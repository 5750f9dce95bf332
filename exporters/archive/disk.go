package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// disk is what is done to the file system, so that a test can make each call fail, with and without effect.
type disk interface {
	MkdirAll(dir string) error // and make it durable
	Create(path string, mode fs.FileMode) (file, error)
	Link(old, new string) error // fs.ErrExist if new exists
	Remove(path string) error
	SyncDir(dir string) error
}

// file is a file being written.
type file interface {
	io.WriteCloser
	Sync() error
}

// tempPrefix begins the names of files that are not yet what they are to be.
const tempPrefix = ".tmp-"

// put writes a file so that it is there whole or not at all, and is durable when put returns. A file of that name is
// never replaced: that is fs.ErrExist. With any other error the file may be there or not.
func put(d disk, path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, tempPrefix+filepath.Base(path))
	if err := d.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := write(d, temp, data, mode); err != nil {
		_ = d.Remove(temp)
		return err
	}
	if err := d.Link(temp, path); err != nil {
		_ = d.Remove(temp)
		return err
	}
	if err := d.Remove(temp); err != nil {
		return err
	}
	return d.SyncDir(dir)
}

func write(d disk, path string, data []byte, mode fs.FileMode) error {
	f, err := d.Create(path, mode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// osDisk is the operating system's.
type osDisk struct{}

// MkdirAll makes the folder, private, and fsyncs the one it stands in.
func (d osDisk) MkdirAll(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(dir))
}

func (osDisk) Create(path string, mode fs.FileMode) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

func (osDisk) Link(old, new string) error { return os.Link(old, new) }

func (osDisk) Remove(path string) error { return os.Remove(path) }

func (osDisk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// lockDir locks the folder against other exporters; the lock ends with the process or with Close of the file.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("archive: %s is in use by another exporter", dir)
		}
		return nil, fmt.Errorf("archive: %s cannot be locked: %w", dir, err)
	}
	return f, nil
}
