package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/test/host"
)

func examples(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "examples", "logs", "*.jsonl"))
	if err != nil || len(files) != 3 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	return files
}

const exampleRecords = 22 // actions in examples/logs

// Logs of three formats, as tail hands them over with and without a JSON parser, give the same records in both stores;
// feeding them again, after a restart and in the other form, adds nothing.
func TestThreeFormats(t *testing.T) {
	p := newPlace(t)
	forms := []host.FileOptions{
		{Form: host.Form{PathKey: "path", OffsetKey: "offset"}},
		{Form: host.Form{JSON: true, PathKey: "path", OffsetKey: "offset"}},
	}
	for _, form := range forms {
		h := startHost(t)
		id := startInstance(t, h, p.keys("pair_window", "2s"))
		for _, f := range examples(t) {
			feedFile(t, h, id, f, form)
		}
		p.delivered(t)
		if err := h.Exit(); err != nil {
			t.Fatal(err)
		}
		rows := p.same(t, exampleRecords)
		for id, record := range rows {
			for _, secret := range []string{"Tr0ub4dor", "Winter-is-coming", "wJalrXUtnFEMI"} {
				if strings.Contains(record, secret) {
					t.Errorf("record %s holds a secret: %s", id, record)
				}
			}
		}
	}
	p.verified(t)
}

// Nothing of a secret in the logs reaches any file of the state folder or the stores.
func TestNoSecretOnDisk(t *testing.T) {
	p := newPlace(t)
	h := startHost(t)
	id := startInstance(t, h, p.keys("pair_window", "2s"))
	for _, f := range examples(t) {
		feedFile(t, h, id, f, host.FileOptions{})
	}
	p.delivered(t)
	files := 0
	err := filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for _, secret := range []string{"Tr0ub4dor", "Winter-is-coming", "wJalrXUtnFEMI"} {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return err
	})
	if err != nil || files < 5 {
		t.Fatalf("%d files, %v", files, err)
	}
	if strings.Contains(h.Stderr(), "Tr0ub4dor") {
		t.Error("the log holds a secret")
	}
}

func TestBadConfigurationFailsWithAClearLine(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		f := filepath.Join(dir, fmt.Sprintf("c%d.yaml", len(text)))
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys map[string]string
		want string
	}{
		"no state":    {map[string]string{"sqlite_path": "x"}, "state_dir is not set"},
		"no exporter": {map[string]string{"state_dir": dir}, "no exporter is set"},
		"typo":        {map[string]string{"config": write("state_dirr: /x\n")}, `unknown key "state_dirr": did you mean "state_dir"?`},
		"deep typo":   {map[string]string{"config": write("exporters:\n  sqlite:\n    pat: /x\n")}, `line 3: unknown key "exporters.sqlite.pat": did you mean "path"?`},
		"bad yaml":    {map[string]string{"config": write("a: [")}, "configuration: "},
		"no file":     {map[string]string{"config": filepath.Join(dir, "none.yaml")}, "no such file"},
		"format":      {map[string]string{"state_dir": filepath.Join(dir, "s"), "sqlite_path": "x", "format": "cluade"}, `format "cluade" is not known`},
		"duration":    {map[string]string{"state_dir": filepath.Join(dir, "s"), "sqlite_path": "x", "pair_window": "soon"}, `pair_window: "soon" is not a duration`},
		"open folder": {map[string]string{"state_dir": open, "sqlite_path": "x"}, "can be written by others"},
	} {
		t.Run(name, func(t *testing.T) {
			h := startHost(t)
			_, err := h.Instance(c.keys)
			var init *host.InitError
			if !errors.As(err, &init) {
				t.Fatalf("init: %v", err)
			}
			if !strings.Contains(h.Stderr(), c.want) {
				t.Errorf("standard error lacks %q:\n%s", c.want, h.Stderr())
			}
		})
	}
}

// A second instance on the same state folder is refused, in the same process and in another; on another folder it runs.
func TestStateFolderHasOneInstance(t *testing.T) {
	p, q := newPlace(t), newPlace(t)
	h := startHost(t)
	a := startInstance(t, h, p.keys("pair_window", "1s"))
	b := startInstance(t, h, q.keys("pair_window", "1s"))
	feedFile(t, h, a, examples(t)[0], host.FileOptions{})
	feedFile(t, h, b, examples(t)[2], host.FileOptions{})
	p.delivered(t)
	q.delivered(t)
	if x, y := len(p.sqliteRows(t)), len(q.sqliteRows(t)); x == 0 || y == 0 || x == y {
		t.Errorf("%d and %d records", x, y)
	}
	other := startHost(t)
	if _, err := other.Instance(p.keys()); err == nil || !strings.Contains(other.Stderr(), "in use") {
		t.Errorf("second process on one state folder: %v\n%s", err, other.Stderr())
	}
	if _, err := h.Instance(p.keys()); err == nil || !strings.Contains(h.Stderr(), "in use") {
		t.Errorf("second instance on one state folder: %v\n%s", err, h.Stderr())
	}
}

func TestReloadAndWorkers(t *testing.T) {
	p := newPlace(t)
	h := startHost(t)
	id := startInstance(t, h, p.keys("workers", "4", "pair_window", "3s"))
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 25 {
				if r, err := h.Flush(id, "load", nativeChunk(worker, i, 20)); err != nil || r != host.OK {
					t.Errorf("flush: %v, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
	for range 3 {
		if err := h.Reload(nil); err != nil {
			t.Fatalf("reload: %v\n%s", err, h.Stderr())
		}
		if r, err := h.Flush(id, "load", nativeChunk(0, 0, 20)); err != nil || r != host.OK {
			t.Fatalf("flush after reload: %v, %v", r, err)
		}
	}
	p.delivered(t)
	if err := h.Exit(); err != nil {
		t.Fatal(err)
	}
	p.same(t, 4*25*20)
	p.verified(t)
}

func TestDryRunAndDaemon(t *testing.T) {
	p := newPlace(t)
	h := startHost(t)
	if code, err := h.DryRun(p.keys()); err != nil {
		t.Errorf("dry run: %d, %v\n%s", code, err, h.Stderr())
	}
	if _, err := os.Stat(p.state()); err == nil {
		t.Error("a dry run made a state folder")
	}
	d := startHost(t)
	if err := d.Daemon(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Instance(p.keys()); err == nil || !strings.Contains(d.Stderr(), "cannot run in daemon mode") {
		t.Errorf("daemon mode: %v\n%s", err, d.Stderr())
	}
}

// One exporter fails for the whole run: the other gets everything meanwhile, and when the cause is mended the first
// catches up.
func TestFailingExporter(t *testing.T) {
	p := newPlace(t)
	// A folder where the database's file should be makes every opening fail.
	month := filepath.Join(p.dir, "audit-"+time.Now().UTC().Format("2006-01")+".db")
	if err := os.Mkdir(month, 0o700); err != nil {
		t.Fatal(err)
	}
	h := startHost(t)
	id := startInstance(t, h, p.keys("pair_window", "1s"))
	const chunks = 20
	for i := range chunks {
		if r, err := h.Flush(id, "load", nativeChunk(0, i, 50)); err != nil || r != host.OK {
			t.Fatalf("flush: %v, %v", r, err)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for len(p.archiveRows(t)) < chunks*50 {
		if time.Now().After(deadline) {
			t.Fatalf("the archive has %d records\n%s", len(p.archiveRows(t)), h.Stderr())
		}
		time.Sleep(100 * time.Millisecond)
	}
	if !strings.Contains(h.Stderr(), "exporter=sqlite") {
		t.Errorf("nothing in the log of the failing exporter:\n%s", h.Stderr())
	}
	if err := os.Remove(month); err != nil {
		t.Fatal(err)
	}
	p.delivered(t)
	if err := h.Exit(); err != nil {
		t.Fatal(err)
	}
	p.same(t, chunks*50)
	p.verified(t)
}

// Exporters that die are started again, and nothing is lost or twice.
func TestExportersAreRestarted(t *testing.T) {
	p := newPlace(t)
	h := startHost(t)
	id := startInstance(t, h, p.keys("pair_window", "1s"))
	const chunks = 30
	killed := 0
	for i := range chunks {
		if r, err := h.Flush(id, "load", nativeChunk(0, i, 50)); err != nil || r != host.OK {
			t.Fatalf("flush: %v, %v", r, err)
		}
		if i%6 == 5 {
			for end := time.Now().Add(20 * time.Second); len(exportersOf(t, h.Pid())) < 2 && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			for _, pid := range exportersOf(t, h.Pid()) {
				if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
					killed++
				}
			}
		}
	}
	if killed < 10 {
		t.Fatalf("only %d exporters were killed", killed)
	}
	p.delivered(t)
	if err := h.Exit(); err != nil {
		t.Fatal(err)
	}
	p.same(t, chunks*50)
	p.verified(t)
}

// Exporters do not inherit the host's environment: other plugins' credentials may be in it.
func TestExportersGetNoneOfTheHostsSecrets(t *testing.T) {
	p := newPlace(t)
	h, err := host.Start(t.Context(), hostProgram, plugin, host.Options{
		Timeout: time.Minute, Env: append(os.Environ(), "AWS_SECRET_ACCESS_KEY=of-another-plugin"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Kill() })
	id := startInstance(t, h, p.keys("pair_window", "1s"))
	feedFile(t, h, id, examples(t)[2], host.FileOptions{})
	p.delivered(t)
	for _, pid := range exportersOf(t, h.Pid()) {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(env), "of-another-plugin") || !strings.Contains(string(env), "PATH=") {
			t.Errorf("environment of %d: %q", pid, env)
		}
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || strings.Count(string(args), "\x00") != 3 {
			t.Errorf("arguments of %d: %q, %v", pid, args, err)
		}
	}
}

// The exporters end with the host, however it ends.
func TestNoOrphans(t *testing.T) {
	for name, end := range map[string]func(*host.Host){
		"exit": func(h *host.Host) { _ = h.Exit() },
		"term": func(h *host.Host) { _ = h.Terminate() },
		"kill": func(h *host.Host) { _ = h.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			h := startHost(t)
			id := startInstance(t, h, p.keys("pair_window", "1s"))
			feedFile(t, h, id, examples(t)[2], host.FileOptions{})
			p.delivered(t)
			before := exportersOf(t, h.Pid())
			if len(before) != 2 {
				t.Fatalf("%d exporter processes", len(before))
			}
			end(h)
			requireGone(t, before)
		})
	}
}
