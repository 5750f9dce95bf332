package keystore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
)

// A key store may be served by another program, over its standard input and output: one JSON object a line each way.

type request struct {
	Op   string `json:"op"` // create, read, replace or list
	Name string `json:"name"`
	Tag  string `json:"tag,omitempty"`
	Data []byte `json:"data,omitempty"`
}

type response struct {
	Data  []byte   `json:"data,omitempty"`
	There bool     `json:"there,omitempty"` // Data is what was there
	Tag   string   `json:"tag,omitempty"`
	Names []string `json:"names,omitempty"`
	Error string   `json:"error,omitempty"`
	Kind  string   `json:"kind,omitempty"` // of the error: changed or missing
}

// Serve answers requests from r on w until r ends.
func Serve(ctx context.Context, files Files, r io.Reader, w io.Writer) error {
	in, out := json.NewDecoder(r), json.NewEncoder(w)
	for {
		var q request
		if err := in.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("key store: %w", err)
		}
		if err := out.Encode(answer(ctx, files, q)); err != nil {
			return err
		}
	}
}

func answer(ctx context.Context, files Files, q request) (a response) {
	var err error
	switch q.Op {
	case "create":
		a.Data, err = files.Create(ctx, q.Name, q.Data)
		a.There = a.Data != nil
	case "read":
		a.Data, a.Tag, err = files.Read(ctx, q.Name)
	case "replace":
		err = files.Replace(ctx, q.Name, q.Tag, q.Data)
	case "list":
		a.Names, err = files.List(ctx, q.Name)
	default:
		err = fmt.Errorf("unknown operation %.20q", q.Op)
	}
	if err != nil {
		a.Error = err.Error()
	}
	switch {
	case errors.Is(err, ErrChanged):
		a.Kind = "changed"
	case errors.Is(err, fs.ErrNotExist):
		a.Kind = "missing"
	}
	return a
}

// process is a key store that another program serves. The program is started when it is needed, and anew after it failed.
type process struct {
	command, env []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// StartProcess is the key store that a command serves. env is its whole environment.
func StartProcess(command, env []string) Files { return &process{command: command, env: env} }

func (p *process) start() error {
	if p.cmd != nil {
		return nil
	}
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Env, cmd.Stderr = p.env, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.stdin, p.stdout = cmd, stdin, bufio.NewReader(stdout)
	return nil
}

// stop ends the program: without an input it ends by itself, and is not waited for if it hangs.
func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	cmd := p.cmd
	p.cmd = nil
	_ = p.stdin.Close()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return nil
}

func (p *process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stop()
}

// ask sends a request and waits for its answer, until the context ends.
func (p *process) ask(ctx context.Context, q request) (response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var a response
	if err := p.start(); err != nil {
		return a, fmt.Errorf("key store: %w", err)
	}
	line, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	done := make(chan error, 1)
	stdin, stdout := p.stdin, p.stdout
	go func() { // ends with the program, at the latest
		if _, err := stdin.Write(append(line, '\n')); err != nil {
			done <- err
			return
		}
		text, err := stdout.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		_ = p.stop()
		<-done
		return response{}, fmt.Errorf("key store: no answer: %w", ctx.Err())
	}
	switch {
	case err != nil:
		_ = p.stop()
		return a, fmt.Errorf("key store: its program has ended: %w", err)
	case a.Kind == "changed":
		return a, ErrChanged
	case a.Kind == "missing":
		return a, fmt.Errorf("%s: %w", a.Error, fs.ErrNotExist)
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (p *process) Create(ctx context.Context, name string, data []byte) ([]byte, error) {
	a, err := p.ask(ctx, request{Op: "create", Name: name, Data: data})
	if err != nil || !a.There {
		return nil, err
	}
	return a.Data, nil
}

func (p *process) Read(ctx context.Context, name string) ([]byte, string, error) {
	a, err := p.ask(ctx, request{Op: "read", Name: name})
	return a.Data, a.Tag, err
}

func (p *process) Replace(ctx context.Context, name, tag string, data []byte) error {
	_, err := p.ask(ctx, request{Op: "replace", Name: name, Tag: tag, Data: data})
	return err
}

func (p *process) List(ctx context.Context, dir string) ([]string, error) {
	a, err := p.ask(ctx, request{Op: "list", Name: dir})
	return a.Names, err
}
