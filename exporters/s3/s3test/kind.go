package s3test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// kind is how a server is built and run.
type kind struct {
	name    string
	module  string // its main package, with the version
	command func(folder, address, console string) []string
	env     []string
	xattrs  bool // its data folder needs user extended attributes
}

var versitygw = kind{
	name:   "versitygw",
	module: "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
	command: func(folder, address, _ string) []string {
		return []string{
			"--port", address, "--region", Region, "--quiet", "--keep-alive", "--iam-dir", filepath.Join(folder, "iam"),
			"posix", "--versioning-dir", filepath.Join(folder, "versions"), filepath.Join(folder, "data"),
		}
	},
	env:    []string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey},
	xattrs: true,
}

var minio = kind{
	name:   "minio",
	module: "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c",
	command: func(folder, address, console string) []string {
		return []string{"server", "--quiet", "--address", address, "--console-address", console, filepath.Join(folder, "data")}
	},
	env: []string{
		"MINIO_ROOT_USER=" + AccessKey, "MINIO_ROOT_PASSWORD=" + SecretKey,
		"MINIO_UPDATE=off", "MINIO_BROWSER=off", "MINIO_CI_CD=1",
		// A key of its own makes server-side encryption work without a key server.
		"MINIO_KMS_SECRET_KEY=test-key:OSMM+vkKUTCvQs9YL/CVMIMt43HFhkUpqJxTmGl6rYw=",
	},
}

// build returns the server's binary, which it builds into the cache unless it is there. Test binaries that run at the
// same time wait for one another.
func (k *kind) build() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder to build %s in: %w", k.name, err)
	}
	_, version, _ := strings.Cut(k.module, "@")
	dir := filepath.Join(cache, "agent-audit-test", k.name+"-"+version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close() // and unlock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	binary := filepath.Join(dir, k.name)
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	fmt.Fprintf(os.Stderr, "s3test: building %s into %s, once\n", k.module, dir)
	cmd := exec.Command("go", "install", "-trimpath", k.module)
	cmd.Dir = dir // outside of any module
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", k.module, err, out)
	}
	return binary, nil
}

// folder makes a folder for the server's data, on a file system that can hold it.
func (k *kind) folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	for _, parent := range []string{os.TempDir(), "/var/tmp", cache} {
		dir, err := os.MkdirTemp(parent, "s3test-")
		if err != nil {
			continue
		}
		if !k.xattrs || syscall.Setxattr(dir, "user.s3test", []byte("1"), 0) == nil {
			var errs error
			for _, sub := range []string{"data", "versions", "iam"} {
				errs = errors.Join(errs, os.Mkdir(filepath.Join(dir, sub), 0o700))
			}
			return dir, errs
		}
		_ = os.RemoveAll(dir)
	}
	return "", fmt.Errorf("%s needs a folder with user extended attributes (setfattr), which none of %s, /var/tmp and %s has: "+
		"set TMPDIR to one on ext4, xfs or btrfs", k.name, os.TempDir(), cache)
}

// freePort finds a port that nobody listens on. Another program may take it before the server does; run tries again then.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
