//go:build bench

package query_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/query"
)

// BenchmarkElasticsearch asks a million records (or $BENCH_DOCS) what people ask: fifty rows each, as a terminal shows.
func BenchmarkElasticsearch(b *testing.B) {
	n := 1_000_000
	if v, err := strconv.Atoi(os.Getenv("BENCH_DOCS")); err == nil {
		n = v
	}
	s := estest.New(b, estest.Options{HeapMB: 2048, Optimize: true})
	for _, d := range elasticsearch.Templates(elasticsearch.TemplateOptions{}) {
		s.Must(b, http.MethodPut, d.Path, []byte(d.Body))
	}
	stream := elasticsearch.StreamName("bench")
	s.Must(b, http.MethodPut, "/_data_stream/"+stream, nil)
	settings := map[string]any{"urls": []string{s.URL}, "namespace": "bench"}
	const part = 50_000
	for first := 0; first < n; first += part {
		records := make([]exporters.Record, min(part, n-first))
		for i := range records {
			a := exportertest.Action("s", uint64(first+i))
			a.Time = exportertest.Start.Add(time.Duration(first+i) * 7 * time.Second)
			records[i] = exporters.Record{Sequence: uint64(first + i), JSON: a.AppendJSON(nil)}
		}
		fill(b, elasticsearch.Open, settings, "s", records, 20_000)
	}
	s.Must(b, http.MethodPost, "/"+stream+"/_refresh", nil)
	source, err := query.Open(b.Context(), "elasticsearch:"+s.URL+"?namespace=bench")
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	last := exportertest.Start.Add(time.Duration(n) * 7 * time.Second)
	for name, q := range map[string]query.Query{
		"session":  {Session: fmt.Sprint("session-", n/20)},
		"agent":    {Agent: "planner", Since: last.Add(-30 * 24 * time.Hour), Limit: 50},
		"user":     {User: "ann", Since: last.Add(-30 * 24 * time.Hour), Limit: 50},
		"words":    {Command: "kubectl delete", Limit: 50},
		"prefix":   {CommandPrefix: "rm -rf", Limit: 50},
		"risk":     {RiskMin: number(95), Limit: 50},
		"decision": {Decision: []string{"denied"}, Limit: 50},
		"newest":   {Limit: 50},
	} {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			rows := 0
			for b.Loop() {
				begun := time.Now()
				for _, err := range source.Query(b.Context(), q) {
					if err != nil {
						b.Fatal(err)
					}
					rows++
				}
				times = append(times, time.Since(begun))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(rows)/float64(len(times)), "rows")
		})
	}
}
