package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/scrub"
	"github.com/agentaudit/agentaudit/test/host"
)

var benchCommands = []string{
	"git status --short", "go test ./internal/%s/...", "grep -rn 'TODO' src/%s", "ls -la /srv/%s", "npm run build -- --mode production",
	"kubectl -n %s get pods -o wide", "sed -n '1,80p' src/%s.go", "python3 -m pytest tests/%s -q", "cat src/%s/main.go | head -50",
	"docker build -t registry.local/%s:latest .", "curl -s https://api.example.org/%s -o /tmp/out.json", "mkdir -p build/%s && cp -r src build",
}

// benchChunk is about 2 MB of native events of about 500 bytes each, every one another action.
func benchChunk(r *rand.Rand, chunk int) ([]byte, int) {
	var e host.Encoder
	ts := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := 0; e.Len() < 2_000_000; i++ {
		at := ts.Add(time.Duration(i) * time.Millisecond)
		name := fmt.Sprintf("pkg%d", r.IntN(500))
		cmd := benchCommands[r.IntN(len(benchCommands))]
		cmd = strings.ReplaceAll(cmd, "%s", name)
		e.Event(at, nil, host.M(
			"id", fmt.Sprintf("01HZX%08d%010d", chunk, i), "timestamp", at.Format(time.RFC3339Nano), "session_id", fmt.Sprintf("sess-%05d", r.IntN(200)),
			"agent_id", "claude-code", "user_id", "alice", "host", fmt.Sprintf("ws-%03d", r.IntN(40)), "command", cmd, "cwd", "/home/alice/src/"+name,
			"decision", "auto_approved", "rule", "default allow list", "exit_code", r.IntN(2), "duration_ms", r.IntN(9000),
			"stdout", "total 48\ndrwxr-xr-x 5 alice alice 4096 Mar  3 10:11 .\n-rw-r--r-- 1 alice alice 1822 Mar  3 10:11 main.go\nok all done\n", "stderr", ""))
	}
	n := e.Records()
	return e.Take(), n
}

// BenchmarkWriteLine is the whole write line, decode to synced journal on disk, in 2 MB chunks.
func BenchmarkWriteLine(b *testing.B) {
	dir := b.TempDir()
	cfg, err := config.Load("", func(k string) string {
		return map[string]string{"state_dir": dir, "sqlite_path": "unused", "journal_max_bytes": "1TiB"}[k]
	})
	if err != nil {
		b.Fatal(err)
	}
	j, err := journal.Open(dir, func() string { return "bench" }, journal.Options{SeenFor: 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	engine, err := scrub.New(scrub.Options{Key: []byte("0123456789abcdef"), KeyID: "k1"})
	if err != nil {
		b.Fatal(err)
	}
	p, err := New(Options{Config: cfg, Journal: j, Scrub: engine})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	records, making := 0, time.Duration(0)
	b.ReportAllocs()
	started := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		before := cpuTime(b)
		chunk, n := benchChunk(r, i)
		making += cpuTime(b) - before
		b.SetBytes(int64(len(chunk)))
		b.StartTimer()
		if err := p.Flush("bench", chunk); err != nil {
			b.Fatal(err)
		}
		records += n
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(records)/(cpuTime(b)-started-making).Seconds(), "records/core-s")
	if got := j.Next(); got != uint64(records) {
		b.Fatalf("%d records accepted, %d sent", got, records)
	}
}

// cpuTime is the processor time this process has used, Pebble's work behind the line and the garbage collector's included.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFluentBitGoDecoder is the baseline: what fluent-bit-go's own decoder takes for the same chunks, and all it does
// is decode.
func BenchmarkFluentBitGoDecoder(b *testing.B) {
	chunk, n := benchChunk(rand.New(rand.NewPCG(1, 2)), 0)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		d := output.NewDecoder(unsafe.Pointer(unsafe.SliceData(chunk)), len(chunk))
		records := 0
		for ret := 0; ; records++ {
			if ret, _, _ = output.GetRecord(d); ret != 0 {
				break
			}
		}
		if records != n {
			b.Fatalf("%d records decoded of %d", records, n)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
