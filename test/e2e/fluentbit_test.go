package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fluentBit is a real fluent-bit with the plugin loaded and a tail input on the example logs.
type fluentBit struct {
	cmd    *exec.Cmd
	logs   string
	output string
}

// startFluentBit starts the fluent-bit on PATH. Where there is none, the test host stands for it and this test says so.
func startFluentBit(t *testing.T, p *place) *fluentBit {
	t.Helper()
	program, err := exec.LookPath("fluent-bit")
	if err != nil {
		t.Skip("no fluent-bit on PATH: the same is tested through the host in test/host")
	}
	fb := &fluentBit{logs: filepath.Join(p.dir, "logs"), output: filepath.Join(p.dir, "fluent-bit.log")}
	if err := os.MkdirAll(fb.logs, 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(p.dir, "fluent-bit.yaml")
	text := fmt.Sprintf(`
service:
  flush: 0.5
  grace: 3
  hot_reload: on
plugins:
  - %s
pipeline:
  inputs:
    - name: tail
      path: %s/*.jsonl
      tag: agents
      path_key: path
      offset_key: offset
      read_from_head: true
      refresh_interval: 1
      buffer_max_size: 16M
      db: %s/tail.db
  outputs:
    - name: agent_audit
      match: '*'
      workers: 1
      retry_limit: no_limits
      state_dir: %s
      organization: example
      sqlite_path: %s
      archive_dir: %s
      archive_max_wait: 1s
      pair_window: 2s
`, plugin, fb.logs, p.dir, p.state(), p.sqlite(), p.archive())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(fb.output)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	fb.cmd = exec.Command(program, "-c", config, "--enable-hot-reload")
	fb.cmd.Stdout, fb.cmd.Stderr = out, out
	if err := fb.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = fb.cmd.Process.Kill()
		_ = fb.cmd.Wait()
	})
	return fb
}

func (fb *fluentBit) log(t *testing.T) string {
	b, err := os.ReadFile(fb.output)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (fb *fluentBit) add(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(fb.logs, filepath.Base(file)), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A real Fluent Bit, when there is one: example logs come through tail, a hot reload, and a kill with a restart that
// reads everything again; nothing is lost or twice, and the exporters never outlive it.
func TestFluentBit(t *testing.T) {
	p := newPlace(t)
	files := examples(t)
	fb := startFluentBit(t, p)
	fb.add(t, files[0])
	p.delivered(t)
	if err := fb.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	if !strings.Contains(fb.log(t), "successful reload") {
		t.Errorf("no reload:\n%s", fb.log(t))
	}
	fb.add(t, files[1])
	fb.add(t, files[2])
	deadline := time.Now().Add(time.Minute)
	for len(p.sqliteRows(t)) < exampleRecords {
		if time.Now().After(deadline) {
			t.Fatalf("%d records\n%s", len(p.sqliteRows(t)), fb.log(t))
		}
		time.Sleep(200 * time.Millisecond)
	}
	exporters := exportersOf(t, fb.cmd.Process.Pid)
	if err := fb.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = fb.cmd.Wait()
	requireGone(t, exporters)

	if err := os.Remove(filepath.Join(p.dir, "tail.db")); err != nil { // tail begins again at the head of each file
		t.Fatal(err)
	}
	fb = startFluentBit(t, p)
	time.Sleep(4 * time.Second)
	p.delivered(t)
	if err := fb.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := fb.cmd.Wait(); err != nil {
		t.Errorf("fluent-bit ended with %v\n%s", err, fb.log(t))
	}
	p.same(t, exampleRecords)
	p.verified(t)
}
