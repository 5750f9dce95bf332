// Package s3test starts real S3 servers for tests: versitygw and MinIO, both of which enforce Object Lock. Each is built
// once from the Go module proxy into the user's cache folder, outside of this repository and its dependencies, and runs
// on loopback, on a port of its own.
//
//	func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }
//
//	func TestX(t *testing.T) {
//		s3test.Each(t, func(t *testing.T, s *s3test.Server) { … })
//	}
//
// A server is started by the first test that asks for it and stopped by Main. It also ends when the test binary does,
// however that ends.
package s3test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// Credentials of the servers' root user, and their region.
const (
	AccessKey = "testkey"
	SecretKey = "testsecret123"
	Region    = "us-east-1"
)

// Server is a running S3 server.
type Server struct {
	Name     string // "versitygw" or "minio"
	Endpoint string // http://127.0.0.1:PORT; buckets are reached by path

	process *process
	folder  string
}

// servers are the kinds of server, each started at most once in a test binary.
var servers = []struct {
	name string
	get  func() (*Server, error)
}{
	{"versitygw", sync.OnceValues(func() (*Server, error) { return start(versitygw) })},
	{"minio", sync.OnceValues(func() (*Server, error) { return start(minio) })},
}

// running are the servers to stop.
var running struct {
	sync.Mutex
	all []*Server
}

// Main runs the tests and stops the servers they started. It returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "s3test:", err)
		code = max(code, 1)
	}
	return code
}

// Each runs a test against each server.
func Each(t *testing.T, run func(t *testing.T, s *Server)) {
	t.Helper()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) { run(t, get(t, s.get)) })
	}
}

// MinIO is one server for benchmarks and for tests of what does not depend on the server.
func MinIO(t testing.TB) *Server {
	t.Helper()
	return get(t, servers[1].get)
}

func get(t testing.TB, start func() (*Server, error)) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	return s
}

func start(k kind) (*Server, error) {
	binary, err := k.build()
	if err != nil {
		return nil, err
	}
	folder, err := k.folder()
	if err != nil {
		return nil, err
	}
	s := &Server{Name: k.name, folder: folder}
	if s.Endpoint, s.process, err = k.run(binary, folder); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	running.Lock()
	defer running.Unlock()
	running.all = append(running.all, s)
	return s, nil
}

func stop() error {
	running.Lock()
	defer running.Unlock()
	var errs error
	for _, s := range running.all {
		s.process.stop()
		errs = errors.Join(errs, os.RemoveAll(s.folder))
	}
	running.all = nil
	return errs
}
