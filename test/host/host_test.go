package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programs is where TestMain has built the host and the stub plugin.
var programs struct{ host, stub string }

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "host")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			programs.host, err = Build(dir)
		}
		if err == nil {
			programs.stub = filepath.Join(dir, "stub.so")
			err = compile("-shared", "-fPIC", "-o", programs.stub, "testdata/stub.c", "-lpthread")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func start(t *testing.T, o Options) *Host {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	h, err := Start(t.Context(), programs.host, programs.stub, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Kill(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func instance(t *testing.T, h *Host, properties map[string]string) ID {
	t.Helper()
	id, err := h.Instance(properties)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func flush(t *testing.T, h *Host, id ID, chunk string) Result {
	t.Helper()
	r, err := h.Flush(id, "tag", []byte(chunk))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines are what the stub wrote, without "stub ".
func lines(h *Host) []string {
	var out []string
	for l := range strings.Lines(h.Stderr()) {
		if l, ours := strings.CutPrefix(strings.TrimSpace(l), "stub "); ours {
			out = append(out, l)
		}
	}
	return out
}

// sequence are the first words of the stub's lines: which functions were called, in order.
func sequence(h *Host) string {
	var out []string
	for _, l := range lines(h) {
		word, rest, _ := strings.Cut(l, " ")
		if word != "flushed" {
			if i := field(l, "id"); i != "" {
				word += i
			} else if rest == "nil" {
				word += "(nil)"
			}
			out = append(out, word)
		}
	}
	return strings.Join(out, " ")
}

// field is the value of name=value in a line, "" if it has none.
func field(line, name string) string {
	for f := range strings.FieldsSeq(line) {
		if v, found := strings.CutPrefix(f, name+"="); found {
			return v
		}
	}
	return ""
}

// with are the stub's lines of one kind.
func with(h *Host, kind string) []string {
	return slices.DeleteFunc(lines(h), func(l string) bool { return !strings.HasPrefix(l, kind+" ") })
}

func wantSequence(t *testing.T, h *Host, want string) {
	t.Helper()
	if got := sequence(h); got != want {
		t.Errorf("calls:\n got %s\nwant %s", got, want)
	}
}

func TestOrderOfCalls(t *testing.T) {
	h := start(t, Options{HotReload: true})
	a, b := instance(t, h, nil), instance(t, h, nil)
	if r := flush(t, h, b, "x"); r != OK {
		t.Errorf("flush: %v", r)
	}
	flush(t, h, a, "y")
	if err := h.Exit(); err != nil {
		t.Fatal(err)
	}
	wantSequence(t, h, "preregister register init0 init1 prerun prerun flush1 flush0 preexit exitctx0 preexit exitctx1 unregister")
	if got := field(with(h, "prerun")[0], "enabled"); got != "1" {
		t.Errorf("prerun enabled=%s", got)
	}
	if !strings.Contains(h.Stderr(), "] [ info] [stub] hello from 1\n") {
		t.Errorf("no log line in Fluent Bit's form:\n%s", h.Stderr())
	}
}

func TestInitSeesWhatFluentBitGives(t *testing.T) {
	h := start(t, Options{})
	instance(t, h, map[string]string{"Mixed_Case": "v=1", "workers": "1", "log_level": "debug"})
	instance(t, h, map[string]string{"unset_not": ""})
	init := with(h, "init")
	for name, want := range map[string]string{
		"mixed": "v=1", "unset": "NULL", "workers": "NULL", "debug": "1", "engine": "1", "forked": "0",
	} {
		if got := field(init[0], name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if field(init[0], "plugin") != field(init[1], "plugin") {
		t.Error("the instances don't share one plugin struct")
	}
	if field(init[0], "ctx") == field(init[1], "ctx") {
		t.Error("the instances share a ctx")
	}
	if field(init[1], "mixed") != "NULL" || field(init[1], "debug") != "0" {
		t.Errorf("second instance: %s", init[1])
	}
}

func TestInitFailure(t *testing.T) {
	for _, code := range []string{"0", "-1"} {
		h := start(t, Options{})
		instance(t, h, nil)
		_, err := h.Instance(map[string]string{"init": code})
		var refused *InitError
		if !errors.As(err, &refused) || fmt.Sprint(refused.Code) != code || !strings.Contains(refused.Stderr, "stub init id=1") {
			t.Fatalf("init=%s: %v", code, err)
		}
		if err := h.Exit(); err == nil || h.ExitCode() != 255 {
			t.Errorf("exit code %d, %v", h.ExitCode(), err)
		}
		wantSequence(t, h, "preregister register init0 init1 preexit exitctx0 unregister")
	}
	h := start(t, Options{})
	instance(t, h, map[string]string{"init": "2"}) // FLB_RETRY counts as success
}

func TestLoadFailure(t *testing.T) {
	_, err := Start(t.Context(), programs.host, filepath.Join(t.TempDir(), "none.so"), Options{})
	if err == nil || !strings.Contains(err.Error(), "cannot open shared object file") {
		t.Errorf("no file: %v", err)
	}
	_, err = Start(t.Context(), programs.host, programs.stub, Options{Env: []string{"STUB_PREREGISTER=-1"}})
	if err == nil || !strings.Contains(err.Error(), "FLBPluginPreRegister returned -1") {
		t.Errorf("PreRegister: %v", err)
	}
}

func TestResultCodes(t *testing.T) {
	h := start(t, Options{})
	for code, want := range map[string]Result{"0": Error, "1": OK, "2": Retry, "3": Error, "-1": Error} {
		if got := flush(t, h, instance(t, h, map[string]string{"result": code}), "x"); got != want {
			t.Errorf("%s: got %v, want %v", code, got, want)
		}
	}
	if _, err := h.Flush(17, "tag", nil); err == nil {
		t.Error("flush of an instance that isn't there")
	}
}

func TestFlushRetry(t *testing.T) {
	h := start(t, Options{})
	for _, c := range []struct {
		refuse, limit, calls int
		want                 Result
	}{{0, 1, 1, OK}, {1, 1, 2, OK}, {2, 1, 2, Retry}, {5, -1, 6, OK}, {1, 0, 1, Retry}} {
		id := instance(t, h, map[string]string{"refuse": fmt.Sprint(c.refuse)})
		r, calls, err := h.FlushRetry(t.Context(), id, "tag", []byte("x"), c.limit)
		if r != c.want || calls != c.calls || err != nil {
			t.Errorf("%+v: %v after %d calls, %v", c, r, calls, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	id := instance(t, h, map[string]string{"result": "2"})
	if r, _, err := h.FlushRetry(ctx, id, "tag", nil, -1); r != Retry || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no_limits: %v, %v", r, err)
	}
}

// TestStack: every flush is on a mapping of 64 KiB between guard pages that isn't the thread's stack, and without
// workers all are on one thread, which isn't the main one.
func TestStack(t *testing.T) {
	h := start(t, Options{})
	engine, workers := instance(t, h, nil), instance(t, h, map[string]string{"workers": "1"})
	for range 3 {
		flush(t, h, engine, "x")
		flush(t, h, workers, "x")
	}
	tids := map[string]string{}
	for _, l := range with(h, "flush") {
		if field(l, "stack") != "65536" || field(l, "guard") != "1" || field(l, "thread") != "0" {
			t.Error(l)
		}
		if field(l, "tid") == field(l, "main") {
			t.Errorf("on the main thread: %s", l)
		}
		if tid := tids[field(l, "id")]; tid != "" && tid != field(l, "tid") {
			t.Errorf("on several threads: %s", l)
		}
		tids[field(l, "id")] = field(l, "tid")
	}
	if tids["0"] == tids["1"] {
		t.Error("the worker is the engine")
	}
}

func TestConcurrency(t *testing.T) {
	for _, c := range []struct{ workers, want string }{{"0", "1"}, {"1", "1"}, {"3", "3"}} {
		h := start(t, Options{})
		id := instance(t, h, map[string]string{"workers": c.workers, "sleep_ms": "60"})
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if r, took, err := h.FlushTimed(id, "tag", []byte("x")); r != OK || err != nil || took < 60*time.Millisecond {
					t.Errorf("%v after %v, %v", r, took, err)
				}
			})
		}
		all.Wait()
		done := with(h, "flushed")
		if got := field(done[len(done)-1], "most"); got != c.want {
			t.Errorf("workers %s: %s flushes at once", c.workers, got)
		}
	}
}

// TestScribble: a plugin that keeps the chunk's pointer finds 0xDD in all of it at the next flush.
func TestScribble(t *testing.T) {
	h := start(t, Options{})
	id := instance(t, h, nil)
	big := bytes.Repeat([]byte("z"), 3<<20)
	if r, err := h.Flush(id, "a tag with spaces", big); r != OK || err != nil {
		t.Fatal(r, err)
	}
	flush(t, h, id, "")
	got := with(h, "flush")[1]
	if field(got, "kept") != fmt.Sprint(len(big)) || field(got, "dd") != fmt.Sprint(len(big)) {
		t.Error(got)
	}
	if !strings.Contains(with(h, "flush")[0], "tag=a tag with spaces size=3145728 first=7a") {
		t.Error(with(h, "flush")[0])
	}
}

// TestOverread: reading one byte behind the chunk is a crash.
func TestOverread(t *testing.T) {
	h := start(t, Options{Env: []string{"STUB_OVERREAD=1"}})
	_, err := h.Flush(instance(t, h, nil), "tag", []byte("x"))
	if !errors.Is(err, ErrExited) || !strings.Contains(err.Error(), "SIGSEGV") {
		t.Error(err)
	}
	if _, err := h.Instance(nil); !errors.Is(err, ErrExited) {
		t.Errorf("call after the end: %v", err)
	}
}

func TestReload(t *testing.T) {
	h := start(t, Options{})
	a, b := instance(t, h, nil), instance(t, h, map[string]string{"workers": "2"})
	flush(t, h, b, "x")
	if err := h.Reload(map[ID]map[string]string{a: {"result": "2"}}); err != nil {
		t.Fatal(err)
	}
	if r := flush(t, h, a, "x"); r != Retry {
		t.Errorf("the instance has its old properties: %v", r)
	}
	if r := flush(t, h, b, "x"); r != OK {
		t.Errorf("the other instance has lost its own: %v", r)
	}
	wantSequence(t, h, "preregister register init0 init1 prerun prerun flush1 "+
		"preregister register preexit exitctx0 preexit exitctx1 unregister init2 init3 prerun prerun flush2 flush3")
	if l := with(h, "preregister")[1]; field(l, "hot") != "1" {
		t.Error(l)
	}
	if l := with(h, "preexit")[0]; field(l, "reload") != "1" {
		t.Error(l)
	}
}

func TestReloadRefused(t *testing.T) {
	h := start(t, Options{})
	a := instance(t, h, nil)
	if err := h.Reload(map[ID]map[string]string{a: {"init": "-1"}}); err == nil {
		t.Error("no error")
	}
	if err := h.Wait(); err == nil || h.ExitCode() != 255 {
		t.Errorf("status %d, %v", h.ExitCode(), err)
	}
}

func TestDryRun(t *testing.T) {
	h := start(t, Options{})
	if code, err := h.DryRun(map[string]string{"a": "b"}); code != 1 || err != nil {
		t.Fatal(code, err)
	}
	if err := h.Exit(); err != nil {
		t.Fatal(err)
	}
	wantSequence(t, h, "preregister register preexit exitctx(nil) unregister")
}

func TestDaemon(t *testing.T) {
	h := start(t, Options{})
	before := h.Pid()
	if err := h.Daemon(); err != nil {
		t.Fatal(err)
	}
	if h.Pid() == before {
		t.Error("no new process")
	}
	id := instance(t, h, nil)
	if l := with(h, "init")[0]; field(l, "forked") != "1" {
		t.Error(l)
	}
	flush(t, h, id, "x")
	if err := h.Terminate(); err != nil {
		t.Error(err)
	}
	wantSequence(t, h, "preregister register init0 prerun flush0 preexit exitctx0 unregister")
}

// TestTerminate: SIGTERM awaits the running flush and runs the queued ones before ExitCtx.
func TestTerminate(t *testing.T) {
	for _, workers := range []string{"0", "2"} {
		h := start(t, Options{})
		id := instance(t, h, map[string]string{"workers": workers, "sleep_ms": "400"})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if r, err := h.Flush(id, "tag", []byte("x")); r != OK || err != nil {
					t.Errorf("%v, %v", r, err)
				}
			})
		}
		time.Sleep(200 * time.Millisecond) // all four have reached the host, the first runs
		if err := h.Terminate(); err != nil {
			t.Error(err)
		}
		all.Wait()
		if l := with(h, "exitctx"); len(l) != 1 || field(l[0], "running") != "0" || len(with(h, "flush")) != 4 {
			t.Errorf("workers %s:\n%s", workers, h.Stderr())
		}
	}
}

// TestGrace: what hasn't begun when the grace period is over is lost; what has is awaited; the status is 0.
func TestGrace(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		h := start(t, Options{Grace: time.Second})
		id := instance(t, h, map[string]string{"workers": workers, "sleep_ms": "700"})
		var mu sync.Mutex
		var all sync.WaitGroup
		count := map[string]int{}
		for range 4 {
			all.Go(func() {
				r, err := h.Flush(id, "tag", []byte("x"))
				mu.Lock()
				defer mu.Unlock()
				count[fmt.Sprint(r, errors.Is(err, ErrLost))]++
			})
		}
		time.Sleep(200 * time.Millisecond) // all four have reached the host, the first runs
		if err := h.Terminate(); err != nil {
			t.Error(err)
		}
		all.Wait()
		if count["OK false"] != 2 || count["ERROR true"] != 2 {
			t.Errorf("workers %s: %v", workers, count)
		}
		wantSequence(t, h, "preregister register init0 prerun flush0 flush0 preexit exitctx0 unregister")
	}
}

// TestTimeout: no call hangs, and what a slow call says later bothers nobody.
func TestTimeout(t *testing.T) {
	h := start(t, Options{Timeout: 100 * time.Millisecond})
	id := instance(t, h, map[string]string{"sleep_ms": "300"})
	if _, err := h.Flush(id, "tag", nil); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
	time.Sleep(300 * time.Millisecond)
	if err := h.PreRun(); err != nil {
		t.Error(err)
	}
}

func TestKillAndContext(t *testing.T) {
	h := start(t, Options{})
	id := instance(t, h, map[string]string{"sleep_ms": "5000"})
	time.AfterFunc(50*time.Millisecond, func() { _ = h.Signal(syscall.SIGKILL) })
	if _, err := h.Flush(id, "tag", nil); !errors.Is(err, ErrExited) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	h, err := Start(ctx, programs.host, programs.stub, Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := h.Wait(); err == nil || errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
}

// TestHangup: SIGHUP reloads by itself.
func TestHangup(t *testing.T) {
	h := start(t, Options{})
	id := instance(t, h, nil)
	if err := h.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); len(with(h, "prerun")) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(h.Stderr())
		}
	}
	flush(t, h, id, "x")
	if err := h.Exit(); err != nil {
		t.Error(err)
	}
	wantSequence(t, h, "preregister register init0 preregister register preexit exitctx0 unregister init1 prerun flush1 "+
		"preexit exitctx1 unregister")
}
