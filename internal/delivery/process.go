package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/agentaudit/agentaudit/exporters"
)

// Process says how an exporter is started.
type Process struct {
	Name     string
	Command  []string // program and arguments
	Env      []string // names of environment variables to pass on, beside a few that every program needs
	Settings []byte   // JSON object, sent after the start: never on the command line
	// SocketDir is a private folder for the gRPC socket; "" is one below the system's.
	SocketDir string
	Log       *slog.Logger
}

// baseEnv are the variables every exporter gets; credentials of the host's are not among them.
var baseEnv = []string{"PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// startTimeout bounds start and handshake of an exporter process.
const startTimeout = 20 * time.Second

// Start starts the exporter's process and opens it. Close of what it returns ends the process.
func (p *Process) Start(ctx context.Context) (exporters.Exporter, error) {
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  exporters.Handshake,
		Plugins:          exporters.ClientPlugins(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     startTimeout,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.SocketDir},
		Logger:           p.logger(),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			return newChild(p.Command, append(cmd.Env, p.environment()...))
		},
	})
	remote, err := p.dispense(client)
	if err != nil {
		client.Kill()
		return nil, fmt.Errorf("start exporter %s: %w", p.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := remote.Open(ctx, p.Settings); err != nil {
		client.Kill()
		return nil, err
	}
	return &running{Remote: remote, client: client}, nil
}

func (p *Process) dispense(client *plugin.Client) (*exporters.Remote, error) {
	rpc, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := rpc.Dispense(exporters.PluginName)
	if err != nil {
		return nil, err
	}
	remote, ok := raw.(*exporters.Remote)
	if !ok {
		return nil, errors.New("program is no exporter")
	}
	return remote, nil
}

func (p *Process) environment() []string {
	var env []string
	for _, name := range append(baseEnv[:len(baseEnv):len(baseEnv)], p.Env...) {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// logger passes on what go-plugin and the process's standard error say, from warnings on.
func (p *Process) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name: p.Name, Level: hclog.Warn, Output: logWriter{p.Log.With("exporter", p.Name)}, DisableTime: true,
	})
}

type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(b []byte) (int, error) {
	w.log.Warn(string(b[:max(0, len(b)-1)]))
	return len(b), nil
}

// running is an exporter process that has been opened.
type running struct {
	*exporters.Remote
	client *plugin.Client
}

// Close ends the process: asked first, killed after two seconds.
func (r *running) Close() error {
	r.client.Kill()
	return nil
}

// Pid is the process id, 0 when it is not known.
func (r *running) Pid() int {
	pid, _ := strconv.Atoi(r.client.ID())
	return pid
}

// forks runs functions on one thread that lives as long as the program. Linux sends the parent-death signal when the
// forking *thread* ends, and Go's threads may end; this one does not.
var forks = sync.OnceValue(func() chan<- func() {
	ch := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range ch {
			f()
		}
	}()
	return ch
})

// child is a go-plugin runner whose process dies with this one, however this one ends: by the parent-death signal, and
// by the end of its standard input.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr io.ReadCloser
	pid    int
}

func newChild(command, env []string) (*child, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c := &child{cmd: cmd}
	var err error
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.stdout, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	c.stderr, err = cmd.StderrPipe()
	return c, err
}

// Start forks on the lasting thread.
func (c *child) Start(context.Context) error {
	done := make(chan error, 1)
	forks() <- func() {
		defer func() {
			if r := recover(); r != nil { // the thread must live on
				done <- fmt.Errorf("fork: %v", r)
			}
		}()
		done <- c.cmd.Start()
	}
	if err := <-done; err != nil {
		return err
	}
	c.pid = c.cmd.Process.Pid
	return nil
}

func (c *child) Wait(context.Context) error { return c.cmd.Wait() }

// Kill ends the process and all that it started.
func (c *child) Kill(context.Context) error {
	_ = c.stdin.Close()
	if c.pid == 0 {
		return nil
	}
	if err := syscall.Kill(-c.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

func (c *child) Stdout() io.ReadCloser { return c.stdout }
func (c *child) Stderr() io.ReadCloser { return c.stderr }
func (c *child) Name() string          { return c.cmd.Path }
func (c *child) ID() string            { return strconv.Itoa(c.pid) }

func (c *child) Diagnose(context.Context) string {
	return "is it an exporter of agent-audit, and of this machine's architecture?"
}

// PluginToHost and HostToPlugin: both sides see the same file system.
func (c *child) PluginToHost(network, addr string) (string, string, error) { return network, addr, nil }

func (c *child) HostToPlugin(network, addr string) (string, string, error) { return network, addr, nil }
