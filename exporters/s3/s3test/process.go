package s3test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

// startTimeout is how long a server may take until it answers.
const startTimeout = 60 * time.Second

// watcher runs a command until its own standard input ends, which it does when the test binary is gone.
const watcher = `"$@" & pid=$!; read _; kill "$pid"; wait "$pid"`

// process is a running server.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *output
	done  chan struct{} // closed when it has ended
}

// run starts the server on a free port, and returns when it answers.
func (k *kind) run(binary, folder string) (endpoint string, _ *process, err error) {
	for range 5 {
		address, err := freePort()
		if err != nil {
			return "", nil, err
		}
		console, err := freePort()
		if err != nil {
			return "", nil, err
		}
		p, err := spawn(binary, k.command(folder, address, console), append(os.Environ(), k.env...))
		if err != nil {
			return "", nil, err
		}
		endpoint = "http://" + address
		if p.answers(endpoint) {
			return endpoint, p, nil
		}
		p.stop()
		err = fmt.Errorf("%s did not start:\n%s", k.name, p.out)
		if bytes.Contains([]byte(p.out.String()), []byte("address already in use")) {
			continue
		}
		return "", nil, err
	}
	return "", nil, fmt.Errorf("%s found no free port", k.name)
}

func spawn(binary string, args, env []string) (*process, error) {
	p := &process{out: &output{}, done: make(chan struct{})}
	p.cmd = exec.Command("sh", append([]string{"-c", watcher, "sh", binary}, args...)...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.out, p.out
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	return p, nil
}

// answers waits until the server takes requests. Any answer will do but one that says it is not ready.
func (p *process) answers(endpoint string) bool {
	client := http.Client{Timeout: time.Second}
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		select {
		case <-p.done:
			return false
		default:
		}
		res, err := client.Get(endpoint + "/")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode < 500 {
			return true
		}
	}
	return false
}

// stop ends the server and waits for its end.
func (p *process) stop() {
	_ = p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill() // the shell; its server was told to end
		<-p.done
	}
}

// output keeps the beginning of what a server prints, for the error if it does not start.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *output) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() < 16<<10 {
		l.buf.Write(b)
	}
	return len(b), nil
}

func (l *output) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
