package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/internal/verify"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// BenchmarkArchive writes an archive of 600-byte records, verifies it and retrieves a session from it. Fifty sessions of 200
// records each go on at a time. Its size is AGENT_AUDIT_RECORDS, 400,000 if that is not set.
func BenchmarkArchive(b *testing.B) {
	n := uint64(400_000)
	if text := os.Getenv("AGENT_AUDIT_RECORDS"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 40); err != nil {
			b.Fatal(err)
		}
	}
	dir, raw := b.TempDir(), int64(0)
	b.Run("write", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			dir = filepath.Join(dir, strconv.Itoa(i))
			cpu := time.Duration(0)
			raw, cpu = fillArchive(b, dir, n)
			b.ReportMetric(cpu.Seconds()*1e6/float64(n), "CPU-s/Mrecord")
			b.ReportMetric(float64(raw)/float64(n), "raw-B/record")
			b.ReportMetric(float64(sizeOf(b, dir))/float64(n), "B/record")
		}
	})
	reader := archive.FS(os.DirFS(filepath.Join(dir, "archive")))
	b.Run("verify", func(b *testing.B) {
		cpu := cpuTime()
		runs := 0
		for b.Loop() {
			r, err := verify.Verify(b.Context(), reader, verify.Options{})
			if err != nil || !r.OK() || r.Records != n {
				b.Fatal(err, r)
			}
			runs++
		}
		b.ReportMetric(float64(raw)*float64(runs)/1e6/(cpuTime()-cpu).Seconds(), "MB/CPU-s")
	})
	b.Run("retrieve", func(b *testing.B) {
		for b.Loop() {
			m := &Meter{Reader: reader}
			source, err := OpenArchive(b.Context(), m, dir)
			if err != nil {
				b.Fatal(err)
			}
			found := 0
			for _, err := range source.Query(context.Background(), Query{Session: session(n / 2)}) {
				if err != nil {
					b.Fatal(err)
				}
				found++
			}
			if found != 200 {
				b.Fatalf("%d records", found)
			}
			b.ReportMetric(100*float64(m.Bytes())/float64(m.Size()), "%-of-bytes")
		}
	})
}

// fillArchive writes n records, and says how many bytes they are and what processor time that took.
func fillArchive(b *testing.B, dir string, n uint64) (raw int64, cpu time.Duration) {
	b.Helper()
	e, err := archive.Open(b.Context(), fmt.Appendf(nil, `{"dir":%q,"key_file":%q}`, filepath.Join(dir, "archive"), filepath.Join(dir, "key")))
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	var tree merkle.Frontier
	for from := uint64(0); from < n; {
		to := min(from+100_000, n)
		records := make([]exporters.Record, 0, to-from)
		for s := from; s < to; s++ {
			records = append(records, exporters.Record{Sequence: s, JSON: record(s)})
			raw += int64(len(records[len(records)-1].JSON)) + 1
		}
		before := cpuTime()
		if _, _, err := e.Export(b.Context(), exporters.Batch{Stream: "s", Records: records, Tree: tree.Clone()}); err != nil {
			b.Fatal(err)
		}
		cpu += cpuTime() - before
		for _, r := range records {
			tree.Append(merkle.LeafHash(r.JSON))
		}
		from = to
	}
	return raw, cpu
}

// session is the one that record n belongs to.
func session(n uint64) string {
	return fmt.Sprintf("0b9f3c52-6a61-4f0e-9c7d-%012x", n/10_000*50+n%50)
}

var commands = []string{
	"go test ./...", "git status --short", "ls -la internal", "kubectl get pods --namespace staging", "npm run build -- --mode production",
	"grep -rn TODO src", "cat README.md", "rm -rf ./node_modules", "psql -c 'select count(*) from orders'", "curl -s https://example.com/health",
}

// record makes a canonical document of about 600 bytes.
func record(n uint64) []byte {
	sum := sha256.Sum256(strconv.AppendUint(nil, n, 10)) // what differs from record to record in agents' logs, call ids above all
	a := schema.Action{Time: time.Unix(1_790_000_000, int64(n%1000)*1e6).Add(time.Duration(n) * 3 * time.Second)}
	a.Event.ID = schema.MakeID("bench", strconv.FormatUint(n, 10)).String()
	a.Event.Kind, a.Event.Action, a.Event.Outcome = schema.KindEvent, schema.ActionShell, schema.OutcomeSuccess
	a.Trail.Stream, a.Trail.Sequence = "s", schema.Some(int64(n))
	a.Command.Line = commands[sum[9]%10] + " --out build/" + hex.EncodeToString(sum[10:13])
	a.Command.Tool, a.Command.Cwd = "Bash", "/home/ann/project"
	a.Command.CallID = "toolu_" + hex.EncodeToString(sum[:9])
	a.Identity.AgentName, a.Identity.ServiceName, a.Identity.UserName = "planner", "claude-code", "ann"
	a.Infrastructure.HostName = "build-1"
	a.Session.ID = session(n)
	a.Authorization.Decision = schema.AutoApproved
	a.Risk.Score = schema.Some(int64(sum[13] % 90))
	return a.AppendJSON(nil)
}

func sizeOf(b *testing.B, dir string) (sum int64) {
	b.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "archive", "s", "*"))
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			b.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
