package estest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The user of a secured server, with all rights.
const (
	User     = "admin"
	Password = "agent-audit-test"
	// passwordHash is Password in the form of Elasticsearch's users file.
	passwordHash = "$2a$10$abcdefghijklmnopqrstuuxNym9UrFyYAgCSL2mYv8E44XZc600Sm"
)

// nobody is the account that servers run as when the test is root, which they refuse to be.
const nobody = 65534

// startTimeout bounds a start on a loaded machine of two cores.
const startTimeout = 3 * time.Minute

// Options are what a test may ask of a server.
type Options struct {
	// Security turns on TLS (Server.CAFile), users and API keys.
	Security bool
	// Nine is for Elasticsearch 9 rather than 8.19. Its ES|QL is not published.
	Nine bool
	// Settings are added to the server's configuration file.
	Settings map[string]string
	// HeapMB is the size of the heap; default 512.
	HeapMB int
	// Optimize lets Java compile for speed: worth it from some minutes on.
	Optimize bool
}

// Server is a running server.
type Server struct {
	URL    string // http://127.0.0.1:PORT
	CAFile string // of a secured server
	Certs  *Certs // of a secured server

	options Options
	name    string // elasticsearch or opensearch
	home    string
	java    string
	dir     string // configuration, data and logs
	cmd     *exec.Cmd
	stdin   interface{ Close() error }
	exited  chan struct{}
	client  *http.Client
}

// Start starts Elasticsearch, and returns when it answers.
func Start(o Options) (*Server, error) {
	if o.Nine {
		return start(&elasticsearch9, o)
	}
	return start(&elasticsearch8, o)
}

// StartOpenSearch starts OpenSearch, which has no security.
func StartOpenSearch(o Options) (*Server, error) {
	if o.Security {
		return nil, errors.New("OpenSearch has no security here")
	}
	return start(&openSearch, o)
}

func start(d *distribution, o Options) (*Server, error) {
	java, err := findJava(d.java)
	if err != nil {
		return nil, err
	}
	home, err := d.build()
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, name: d.name, home: home, java: java, client: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}
	if s.dir, err = os.MkdirTemp("", "agent-audit-"+d.name+"-"); err != nil {
		return nil, err
	}
	if err = s.configure(); err == nil {
		err = s.Start()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// configure writes the server's configuration.
func (s *Server) configure() error {
	config := filepath.Join(s.dir, "config")
	for _, d := range []string{config, filepath.Join(config, "jvm.options.d"), filepath.Join(s.dir, "data"), filepath.Join(s.dir, "logs"), filepath.Join(s.dir, "tmp")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	files := map[string]string{
		"users":       User + ":" + passwordHash + "\n",
		"users_roles": "superuser:" + User + "\n",
		"roles.yml":   "", "role_mapping.yml": "",
		s.name + ".yml": s.settings(),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(config, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	logging, err := os.ReadFile(filepath.Join(s.home, "config", "log4j2.properties"))
	if err == nil {
		err = os.WriteFile(filepath.Join(config, "log4j2.properties"), logging, 0o644)
	}
	if err == nil {
		err = s.jvmOptions(config)
	}
	if err != nil {
		return err
	}
	if s.options.Security {
		if err := s.secure(config); err != nil {
			return err
		}
	}
	return s.giveAway()
}

// settings is the server's configuration file.
func (s *Server) settings() string {
	set := map[string]string{
		"cluster.name": "agent-audit-test", "node.name": "n1", "discovery.type": "single-node",
		"path.data": filepath.Join(s.dir, "data"), "path.logs": filepath.Join(s.dir, "logs"),
		"network.host": "127.0.0.1", "http.port": "0", "transport.port": "0", "node.portsfile": "true",
		"cluster.routing.allocation.disk.threshold_enabled": "false",
	}
	if s.name == "elasticsearch" {
		set["xpack.security.enabled"] = fmt.Sprint(s.options.Security)
		set["xpack.security.autoconfiguration.enabled"] = "false"
	}
	if s.options.Security {
		set["xpack.security.http.ssl.enabled"] = "true"
		set["xpack.security.http.ssl.key"] = "http.key"
		set["xpack.security.http.ssl.certificate"] = "http.crt"
		set["xpack.security.authc.api_key.enabled"] = "true"
		set["resource.reload.interval.high"] = "1s" // certificates are read again when they change
	}
	if port := s.port(); port != "" {
		set["http.port"] = port // started again: where it was
	}
	for k, v := range s.options.Settings {
		set[k] = v
	}
	var b strings.Builder
	for k, v := range set {
		fmt.Fprintf(&b, "%s: %s\n", k, v)
	}
	return b.String()
}

func (s *Server) port() string {
	return s.URL[strings.LastIndexByte(s.URL, ':')+1:]
}

// jvmOptions leaves out the server's own settings for files of diagnoses, and keeps it small.
func (s *Server) jvmOptions(config string) error {
	own, err := os.ReadFile(filepath.Join(s.home, "config", "jvm.options"))
	if err != nil {
		return err
	}
	var keep []string
	for line := range strings.Lines(string(own)) {
		if !strings.Contains(line, "gc.log") && !strings.Contains(line, "HeapDump") && !strings.Contains(line, "ErrorFile") {
			keep = append(keep, line)
		}
	}
	heap := s.options.HeapMB
	if heap == 0 {
		heap = 512
	}
	text := strings.Join(keep, "") + fmt.Sprintf("\n-Xms%dm\n-Xmx%dm\n", heap, heap)
	if !s.options.Optimize {
		text += "-XX:TieredStopAtLevel=1\n"
	}
	return os.WriteFile(filepath.Join(config, "jvm.options"), []byte(text), 0o644)
}

// giveAway makes the server's account the owner of its folder.
func (s *Server) giveAway() error {
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.Walk(s.dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
}

// Start starts a server that was stopped, on its old port and data. Start of the package has done so already.
func (s *Server) Start() error {
	if s.URL != "" { // on its old port
		if err := os.WriteFile(filepath.Join(s.dir, "config", s.name+".yml"), []byte(s.settings()), 0o644); err != nil {
			return err
		}
	}
	_ = os.Remove(s.portFile())
	if err := s.launch(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-s.exited:
			return fmt.Errorf("%s ended at its start:\n%s", s.name, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s did not start: %w\n%s", s.name, err, s.Log())
		}
	}
}

// watch runs the server, and ends the process group when either the server or the test's process ends: the group, since
// the server's launcher starts another process, and standard input, since a killed test cleans up nothing.
const watch = `("$@" </dev/null; kill -9 0) & cat >/dev/null; kill -9 0`

func (s *Server) launch() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "out.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("sh", "-c", watch, "sh", filepath.Join(s.home, "bin", s.name))
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.dir
	prefix := map[string]string{"elasticsearch": "ES", "opensearch": "OPENSEARCH"}[s.name]
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, prefix + "_JAVA_HOME=" + s.java,
		prefix + "_PATH_CONF=" + filepath.Join(s.dir, "config"), prefix + "_TMPDIR=" + filepath.Join(s.dir, "tmp"),
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(s.exited)
	}()
	return nil
}

func (s *Server) portFile() string { return filepath.Join(s.dir, "logs", "http.ports") }

// ready learns the port and asks for the cluster's health.
func (s *Server) ready(ctx context.Context) error {
	ports, err := os.ReadFile(s.portFile())
	if err != nil {
		return err
	}
	address, _, _ := strings.Cut(strings.TrimSpace(string(ports)), "\n")
	s.URL = "http://" + address
	if s.options.Security {
		s.URL = "https://" + address
	}
	status, body, err := s.Do(ctx, "GET", "/_cluster/health?wait_for_status=yellow&timeout=20s", nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("health: %d %s", status, body)
	}
	return nil
}

// trust makes the client believe the server's certificate.
func (s *Server) trust(ca []byte) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	s.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
}

// Stop kills the server at once. Its data stay: Start starts it again.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.exited
	_ = s.stdin.Close()
	s.cmd = nil
	s.client.CloseIdleConnections()
}

// Pause halts the server: connections stay open and nothing answers, until Resume.
func (s *Server) Pause() error { return syscall.Kill(-s.cmd.Process.Pid, syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() error { return syscall.Kill(-s.cmd.Process.Pid, syscall.SIGCONT) }

// Close stops the server and removes its data.
func (s *Server) Close() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// Log is the end of what the server has printed.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "out.log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-5000):])
}
