package host

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ID numbers the instances of one host from 0, in the order of Instance; it is kept over Reload.
type ID int

// Result is what Fluent Bit makes of FlushCtx's return code.
type Result int

// The three results. Fluent Bit takes every other return code for Error, and drops the chunk without a word.
const (
	Error Result = 0
	OK    Result = 1
	Retry Result = 2
)

func (r Result) String() string {
	switch r {
	case OK:
		return "OK"
	case Retry:
		return "RETRY"
	default:
		return "ERROR"
	}
}

// InitError says that FLBPluginInit refused an instance; Fluent Bit would end with status 255, and so will the host.
type InitError struct {
	Code   int    // what Init returned, 0 or less
	Stderr string // what the plugin said
}

func (e *InitError) Error() string {
	return fmt.Sprintf("FLBPluginInit returned %d; standard error:\n%s", e.Code, e.Stderr)
}

// Instance makes an instance of the plugin with these properties and has it initialised. `workers` and `log_level` work
// as in Fluent Bit; the keys Fluent Bit keeps for itself are not shown to the plugin; ${ENV} is not expanded. The error
// is an *InitError if Init fails.
func (h *Host) Instance(properties map[string]string) (ID, error) {
	before := len(h.Stderr())
	id, code := 0, 0
	props := encodeProperties(properties)
	text, err := h.call("instance", fmt.Sprint(len(props)), props)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscan(text, &id, &code); err != nil {
		return 0, fmt.Errorf("instance: answer %q: %w", text, err)
	}
	if code <= 0 {
		return 0, &InitError{Code: code, Stderr: h.Stderr()[before:]}
	}
	return ID(id), nil
}

func encodeProperties(m map[string]string) []byte {
	var b []byte
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		b = append(b, k+"="+m[k]+"\x00"...)
	}
	return b
}

// PreRun calls OutputPreRun for all instances that had none yet. The first flush does it if this was not called.
func (h *Host) PreRun() error {
	_, err := h.call("prerun", "", nil)
	return err
}

// Flush hands a chunk to the plugin once and returns its result. Without `workers` chunks are flushed one after another
// on the engine's thread; with them, as many at once as there are workers, if Flush is called from as many goroutines.
// Fluent Bit itself never flushes a chunk without records; the host flushes what it is given.
func (h *Host) Flush(id ID, tag string, chunk []byte) (Result, error) {
	r, _, err := h.FlushTimed(id, tag, chunk)
	return r, err
}

// FlushTimed is Flush that also says how long FlushCtx itself took.
func (h *Host) FlushTimed(id ID, tag string, chunk []byte) (Result, time.Duration, error) {
	if strings.ContainsAny(tag, "\n\x00") {
		return Error, 0, fmt.Errorf("flush: tag %q can't be sent", tag)
	}
	text, err := h.call("flush", fmt.Sprintf("%d %d %s", id, len(chunk), tag), chunk)
	if err != nil {
		return Error, 0, err
	}
	var code, usec int
	if text == "lost" {
		return Error, 0, ErrLost
	}
	if _, err := fmt.Sscanf(text, "flushed %d %d", &code, &usec); err != nil {
		return Error, 0, fmt.Errorf("flush: answer %q: %w", text, err)
	}
	r := Result(code)
	if r != OK && r != Retry {
		r = Error
	}
	return r, time.Duration(usec) * time.Microsecond, nil
}

// FlushRetry flushes a chunk, and the same chunk again after Options.RetryDelay while the plugin returns RETRY, at most
// limit times more (Fluent Bit's Retry_Limit, whose default is 1; less than 0 is no_limits, until ctx ends). It returns
// the last result and how often the plugin was called. Retry as a result means that Fluent Bit would drop the chunk.
func (h *Host) FlushRetry(ctx context.Context, id ID, tag string, chunk []byte, limit int) (Result, int, error) {
	for calls := 1; ; calls++ {
		r, err := h.Flush(id, tag, chunk)
		if err != nil || r != Retry || (limit >= 0 && calls > limit) {
			return r, calls, err
		}
		select {
		case <-ctx.Done():
			return r, calls, fmt.Errorf("flush: %w", ctx.Err())
		case <-time.After(h.options.RetryDelay(calls)):
		}
	}
}

// FluentBitRetryDelay is Fluent Bit's own delay before retry n (from 1): 1 + random(5 … min(2000, 5·2ⁿ)) seconds.
func FluentBitRetryDelay(n int) time.Duration {
	top := 2000
	if n < 9 {
		top = min(top, 5<<n)
	}
	return time.Duration(6+rand.IntN(top-5+1)) * time.Second
}

// Reload does what SIGHUP does to Fluent Bit with hot reload on. changed gives instances new properties; the others keep
// theirs. If an Init fails, so does Reload, and the host ends with status 255.
func (h *Host) Reload(changed map[ID]map[string]string) error {
	for id, properties := range changed {
		props := encodeProperties(properties)
		if _, err := h.call("config", fmt.Sprintf("%d %d", id, len(props)), props); err != nil {
			return err
		}
	}
	_, err := h.call("reload", "", nil)
	return err
}

// DryRun does what `fluent-bit --dry-run` does, before any Instance: no Init, PreExit, ExitCtx(NULL), Unregister. It
// returns what ExitCtx returned. The plugin is unloaded then; only Exit is left to do.
func (h *Host) DryRun(properties map[string]string) (int, error) {
	props := encodeProperties(properties)
	text, err := h.call("dryrun", fmt.Sprint(len(props)), props)
	if err != nil {
		return 0, err
	}
	var code int
	_, err = fmt.Sscan(text, &code)
	return code, err
}

// Daemon does what `fluent-bit -d` does, before any Instance: forks once the plugin is loaded, changes to / and sets the
// umask to 0. All that follows happens in the child; Pid is then the child's. Unlike Fluent Bit's, it keeps standard
// error, and dies with its parent.
func (h *Host) Daemon() error {
	text, err := h.call("daemon", "", nil)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err = fmt.Sscan(text, &h.pid)
	return err
}

// Exit ends the plugin in order (queued flushes within the grace period, running ones, PreExit, ExitCtx, Unregister,
// dlclose) and then the process, and waits for it. It fails if the process ends with anything but status 0.
func (h *Host) Exit() error {
	if _, err := h.call("quit", "", nil); err != nil {
		return err
	}
	return h.Wait()
}

// Terminate sends SIGTERM, which ends everything as Exit does, and waits for the process.
func (h *Host) Terminate() error {
	if err := h.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return h.Wait()
}

// Kill sends SIGKILL to the process and waits until it is gone. To kill a host that has ended is no error.
func (h *Host) Kill() error {
	_ = h.Signal(syscall.SIGKILL)
	select {
	case <-h.exited:
		return nil
	case <-time.After(h.options.Timeout):
		return fmt.Errorf("kill: %w", ErrTimeout)
	}
}

// Signal sends a signal: SIGTERM stops, SIGHUP reloads, SIGCONT only re-installs Fluent Bit's signal handlers over Go's
// (after which a nil dereference in Go is fatal even under recover; Reload does so too). Nothing is sent, and ErrExited
// returned, once the process has been reaped.
func (h *Host) Signal(s syscall.Signal) error {
	select {
	case <-h.exited:
		return ErrExited
	default:
		return syscall.Kill(h.Pid(), s)
	}
}

// Wait waits for the end of the process, for Options.Timeout at most. The error is nil for status 0 and an
// *exec.ExitError for another status or a signal.
func (h *Host) Wait() error {
	select {
	case <-h.exited:
		return h.exitErr
	case <-time.After(h.options.Timeout):
		return fmt.Errorf("wait: %w; standard error ends:\n%s", ErrTimeout, h.tail())
	}
}

// ExitCode is the process's exit status after Wait: -1 if it was ended by a signal or still runs.
func (h *Host) ExitCode() int {
	select {
	case <-h.exited:
		return h.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Pid is the process that the plugin runs in.
func (h *Host) Pid() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pid
}

// Stderr is all that the plugin and the host have written to standard output and standard error so far, and certainly
// what was written before the last answer.
func (h *Host) Stderr() string {
	info, err := h.stderr.Stat()
	if err != nil {
		return err.Error()
	}
	text := make([]byte, info.Size())
	n, _ := h.stderr.ReadAt(text, 0)
	return string(text[:n])
}
