package s3

import (
	"syscall"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// BenchmarkExport delivers objects of 20,000 records to MinIO. The server's processor time is not counted.
func BenchmarkExport(b *testing.B) {
	const n = 20_000
	k := newKit(b, s3test.MinIO(b), false)
	e, err := Open(b.Context(), k.settings(nil))
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	var tree merkle.Frontier
	var cpu time.Duration
	from, bytes := uint64(0), 0
	for b.Loop() {
		b.StopTimer()
		records := exportertest.Records("s", from, n)
		batch := exporters.Batch{Stream: "s", Records: records, Tree: tree.Clone()}
		for _, r := range records {
			tree.Append(merkle.LeafHash(r.JSON))
			bytes += len(r.JSON)
		}
		before := cpuTime()
		b.StartTimer()
		if _, _, err := e.Export(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		cpu += cpuTime() - before
		from += n
	}
	b.ReportMetric(cpu.Seconds()*1e6/float64(from), "CPU-s/Mrecord")
	b.ReportMetric(float64(bytes)/float64(from), "raw-B/record")
}

// cpuTime is what this process has used, without the server.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
