// Package host drives a Fluent Bit output plugin (.so) without Fluent Bit: a small C program, host.c, loads it and calls
// it as Fluent Bit does (same functions, order, threads and stacks), and this package tells that program what to do.
//
//	dir := t.TempDir()
//	path, err := host.Build(dir)
//	h, err := host.Start(t.Context(), path, "out_agent_audit.so", host.Options{})
//	defer h.Kill()
//	id, err := h.Instance(map[string]string{"state_dir": dir, "workers": "1"})
//	result, err := h.Flush(id, "agent.claude", chunk) // chunk from Encoder or FromFile
//	err = h.Exit()
//
// All methods are safe for concurrent use, and none waits for longer than Options.Timeout. The process ends with the
// context given to Start at the latest. What the C program answers to is written at the top of host.c.
package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrExited is returned for calls that the host process did not live to answer. The error's text has its exit status
// and the end of its standard error.
var ErrExited = errors.New("host process ended")

// ErrLost is returned for a chunk that was still queued when the host stopped: the plugin never saw it.
var ErrLost = errors.New("chunk lost: the host stopped before flushing it")

// ErrTimeout is returned when a call was not answered within Options.Timeout. The host is left as it is.
var ErrTimeout = errors.New("no answer from the host")

// Options are all optional.
type Options struct {
	Env       []string      // environment; nil: this process's
	Dir       string        // working folder; "": this process's
	Timeout   time.Duration // longest wait of one call; 0: 30 s
	Grace     time.Duration // for queued flushes at the end, whole seconds; 0: Fluent Bit's 5 s
	HotReload bool          // what OutputPreRun is told; Reload works in either case
	// RetryDelay is the wait before the nth retry (from 1) of FlushRetry. nil: 10 ms. Fluent Bit's own is
	// FluentBitRetryDelay, which is 6 s and more.
	RetryDelay func(n int) time.Duration
}

// Host is one running host process with one plugin loaded.
type Host struct {
	options Options
	plugin  string
	cmd     *exec.Cmd

	write    sync.Mutex // held while one command is written
	commands *os.File

	stderr *os.File // a file without a name: what was written before an answer is there when the answer comes

	mu      sync.Mutex
	seq     uint64
	waiting map[uint64]chan string // capacity 1
	ended   bool                   // no more answers will come
	pid     int

	answersDone, exited chan struct{} // closed when the process has ended
	exitErr             error         // of cmd.Wait; read after exited
}

// Start runs the host program at path and has it load and register the plugin .so. The process is killed when ctx ends.
// An error says why the plugin could not be loaded or registered.
func Start(ctx context.Context, path, plugin string, o Options) (*Host, error) {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.RetryDelay == nil {
		o.RetryDelay = func(int) time.Duration { return 10 * time.Millisecond }
	}
	h := &Host{
		options: o, plugin: plugin, waiting: map[uint64]chan string{},
		answersDone: make(chan struct{}), exited: make(chan struct{}),
	}
	if err := h.spawn(ctx, path); err != nil {
		return nil, fmt.Errorf("start host: %w", err)
	}
	if _, err := h.call("load", h.plugin, nil); err != nil {
		_ = h.Kill()
		return nil, fmt.Errorf("load %s: %w", plugin, err)
	}
	return h, nil
}

// spawn starts the process and the two goroutines that live as long as it does.
func (h *Host) spawn(ctx context.Context, path string) error {
	var args []string
	if s := int(h.options.Grace.Seconds()); s > 0 {
		args = append(args, "-g", strconv.Itoa(s))
	}
	if h.options.HotReload {
		args = append(args, "-Y")
	}
	h.cmd = exec.CommandContext(ctx, path, args...)
	h.cmd.Env, h.cmd.Dir = h.options.Env, h.options.Dir
	stdin, commands, err1 := os.Pipe()
	answers, answersEnd, err2 := os.Pipe()
	stderr, err3 := unnamedFile()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	h.commands, h.stderr = commands, stderr
	h.cmd.Stdin, h.cmd.Stdout, h.cmd.Stderr = stdin, stderr, stderr
	h.cmd.ExtraFiles = []*os.File{answersEnd}
	err := h.cmd.Start()
	for _, f := range []*os.File{stdin, answersEnd} {
		_ = f.Close()
	}
	if err != nil {
		return errors.Join(err, commands.Close(), answers.Close(), stderr.Close())
	}
	h.pid = h.cmd.Process.Pid
	go h.readAnswers(answers)
	go h.await()
	return nil
}

// unnamedFile is removed from its folder at once, and from the disk with the last descriptor.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "host-stderr-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// await reaps the process.
func (h *Host) await() {
	err := h.cmd.Wait()
	<-h.answersDone
	_ = h.commands.Close()
	h.exitErr = err
	close(h.exited)
}

// readAnswers hands each answer to the call that waits for it, until the process has closed its end.
func (h *Host) readAnswers(f *os.File) {
	defer close(h.answersDone)
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		number, text, _ := strings.Cut(lines.Text(), " ")
		seq, _ := strconv.ParseUint(number, 10, 64)
		h.mu.Lock()
		if c := h.waiting[seq]; c != nil {
			c <- text
			delete(h.waiting, seq)
		}
		h.mu.Unlock()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for seq, c := range h.waiting {
		close(c)
		delete(h.waiting, seq)
	}
}

// call sends one command (verb, its number, args, newline, payload) and returns the answer without its leading "ok ".
func (h *Host) call(verb, args string, payload []byte) (string, error) {
	deadline := time.Now().Add(h.options.Timeout)
	seq, answer := h.expect()
	if err := h.send(deadline, fmt.Sprintf("%s %d %s\n", verb, seq, args), payload); err != nil {
		h.forget(seq)
		return "", h.endError(fmt.Errorf("%s: %w", verb, err))
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case text, ok := <-answer:
		if !ok {
			return "", h.endError(fmt.Errorf("%s: %w", verb, ErrExited))
		}
		if why, bad := strings.CutPrefix(text, "err "); bad {
			return "", fmt.Errorf("%s: %s", verb, why)
		}
		text, _ = strings.CutPrefix(text, "ok")
		return strings.TrimSpace(text), nil
	case <-timer.C:
		h.forget(seq)
		return "", fmt.Errorf("%s: %w within %v; standard error ends:\n%s", verb, ErrTimeout, h.options.Timeout, h.tail())
	}
}

func (h *Host) expect() (uint64, chan string) {
	answer := make(chan string, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	if h.ended {
		close(answer)
	} else {
		h.waiting[h.seq] = answer
	}
	return h.seq, answer
}

func (h *Host) forget(seq uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, seq)
}

// send writes a command whole. A command cut short would garble the next one: the process is then killed.
func (h *Host) send(deadline time.Time, line string, payload []byte) error {
	h.write.Lock()
	defer h.write.Unlock()
	if err := h.commands.SetWriteDeadline(deadline); err != nil {
		return ErrExited
	}
	_, err := h.commands.Write(append([]byte(line), payload...))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		_ = h.Signal(syscall.SIGKILL)
		return fmt.Errorf("%w: it reads no commands, killed", ErrTimeout)
	default:
		return ErrExited
	}
}

// endError adds how the process ended to an error that its end caused.
func (h *Host) endError(err error) error {
	if !errors.Is(err, ErrExited) {
		return err
	}
	select {
	case <-h.exited:
		return fmt.Errorf("%w (%s); standard error ends:\n%s", err, h.cmd.ProcessState, h.tail())
	case <-time.After(5 * time.Second):
		return err
	}
}

func (h *Host) tail() string {
	s := h.Stderr()
	return s[max(0, len(s)-4000):]
}
