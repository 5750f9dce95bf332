//go:build bench

package elasticsearch

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	client "github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// benchRecords are how many records an iteration brings to a data stream of its own.
const benchRecords = 40_000

// BenchmarkBulk compares the exporter with go-elasticsearch's BulkIndexer, into the same server. CPU is this process's.
func BenchmarkBulk(b *testing.B) {
	s := estest.New(b, estest.Options{HeapMB: 1024, Optimize: true})
	records := exportertest.Records("s", 0, benchRecords)
	run := func(name string, send func(b *testing.B, namespace string)) {
		b.Run(name, func(b *testing.B) {
			var wall, cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				namespace := newStream(b, s)
				begun, used := time.Now(), cpuTime(b)
				b.StartTimer()
				send(b, namespace)
				wall, cpu = wall+time.Since(begun), cpu+cpuTime(b)-used
			}
			n := float64(b.N * len(records))
			b.ReportMetric(n/wall.Seconds(), "docs/s")
			b.ReportMetric(float64(cpu.Microseconds())/n, "cpu-µs/doc")
		})
	}
	ours := func(plain bool) func(*testing.B, string) {
		return func(b *testing.B, namespace string) {
			export(b, config{Connection: Connection{URLs: []string{s.URL}}, Namespace: namespace, NoGzip: plain}, records)
		}
	}
	theirs := func(compress bool) func(*testing.B, string) {
		return func(b *testing.B, namespace string) { bulkIndexer(b, s.URL, StreamName(namespace), compress, records) }
	}
	ours(false)(b, newStream(b, s)) // a cold server would be unfair to whoever comes first
	theirs(true)(b, newStream(b, s))
	for round := range 3 {
		run(fmt.Sprint("round-", round, "/exporter-gzip"), ours(false))
		run(fmt.Sprint("round-", round, "/bulkindexer-gzip"), theirs(true))
		run(fmt.Sprint("round-", round, "/exporter-plain"), ours(true))
		run(fmt.Sprint("round-", round, "/bulkindexer-plain"), theirs(false))
	}
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func export(b *testing.B, c config, records []exporters.Record) {
	e, err := Open(b.Context(), settingsFor(b, c))
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	e.(*exporter).settled = true // as one that has run for a while: a new one looks its first batch up
	for size := 0; len(records) > 0; records = records[size:] {
		size = min(policy.MaxRecords, len(records))
		if _, refused, err := e.Export(b.Context(), exporters.Batch{Stream: "s", Records: records[:size]}); err != nil || len(refused) > 0 {
			b.Fatal(err, refused)
		}
	}
}

func bulkIndexer(b *testing.B, url, stream string, compress bool, records []exporters.Record) {
	es, err := client.NewClient(client.Config{Addresses: []string{url}, CompressRequestBody: compress, PoolCompressor: compress})
	if err != nil {
		b.Fatal(err)
	}
	i, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: es, Index: stream, NumWorkers: 2})
	if err != nil {
		b.Fatal(err)
	}
	for k := range records {
		id, _ := eventID(records[k].JSON)
		item := esutil.BulkIndexerItem{Action: "create", DocumentID: string(id), Body: bytes.NewReader(records[k].JSON)}
		if err := i.Add(b.Context(), item); err != nil {
			b.Fatal(err)
		}
	}
	if err := i.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if st := i.Stats(); st.NumFailed > 0 || st.NumCreated != uint64(len(records)) {
		b.Fatalf("%+v", st)
	}
}
