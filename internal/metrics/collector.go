// Package metrics shows from outside how an instance does: a page for Prometheus and for probes, and a file for
// node_exporter. Labels are names of exporters, formats and kinds of secrets; no text of a record is ever one.
package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agentaudit/agentaudit/internal/delivery"
	"github.com/agentaudit/agentaudit/internal/instance"
)

// Instance is what is watched.
type Instance interface {
	Status() instance.Status
	Counts() instance.Counts
}

// states are all states of an exporter, so that each has a series at all times.
var states = []string{delivery.Starting, delivery.Running, delivery.Retrying, delivery.Parked}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("agent_audit_"+name, help, labels, nil)
}

var (
	chunks     = desc("chunks_total", "Chunks that Fluent Bit has given, by whether they were taken; what was not comes again.", "result")
	records    = desc("records_total", "Records sealed since the start, by what read them and what became of them.", "format", "outcome")
	redactions = desc("redactions_total", "Redactions made since the start, by kind of secret.", "kind")
	accepted   = desc("stream_records", "Records of the stream: the number behind its last.")
	waiting    = desc("actions_waiting", "Actions that wait for their result.")
	bytes      = desc("journal_bytes", "Bytes of records that wait for delivery.")
	maxBytes   = desc("journal_max_bytes", "Bytes of waiting records beyond which no chunk is taken.")
	broken     = desc("journal_broken", "1 when the journal takes nothing until Fluent Bit is started again.")

	// For each exporter stream_records = delivered + pending + dead letters, in each scrape.
	delivered = desc("exporter_delivered_records", "Records of the stream that the store has.", "exporter")
	pending   = desc("exporter_pending_records", "Records of the stream that the store does not have yet.", "exporter")
	dead      = desc("exporter_dead_letters", "Records that the store refused for good.", "exporter")
	lag       = desc("exporter_lag_seconds", "Age of the oldest record that is pending; 0 when none is.", "exporter")
	state     = desc("exporter_state", "1 for the state the exporter is in.", "exporter", "state")
	starts    = desc("exporter_starts_total", "How often the exporter was started.", "exporter")
)

// collector reads the instance at each scrape, once, so that the numbers of one scrape fit together.
type collector struct {
	i   Instance
	now func() time.Time
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		chunks, records, redactions, accepted, waiting, bytes, maxBytes, broken, delivered, pending, dead, lag, state, starts,
	} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	counts, s := c.i.Counts(), c.i.Status()
	put(chunks, prometheus.CounterValue, float64(counts.Flushes-counts.Refused), "taken")
	put(chunks, prometheus.CounterValue, float64(counts.Refused), "refused")
	for k, n := range counts.Records {
		put(records, prometheus.CounterValue, float64(n), k.Format, k.Outcome)
	}
	for _, kind := range slices.Sorted(maps.Keys(counts.Redactions)) {
		put(redactions, prometheus.CounterValue, float64(counts.Redactions[kind]), kind)
	}
	put(waiting, prometheus.GaugeValue, float64(s.PendingPairs))
	put(bytes, prometheus.GaugeValue, float64(s.JournalBytes))
	put(maxBytes, prometheus.GaugeValue, float64(s.JournalMax))
	put(broken, prometheus.GaugeValue, number(s.Broken != ""))
	put(accepted, prometheus.GaugeValue, float64(s.Accepted))
	for _, e := range s.Exporters {
		put(delivered, prometheus.GaugeValue, float64(e.Delivered), e.Name)
		put(pending, prometheus.GaugeValue, float64(e.Pending), e.Name)
		put(dead, prometheus.GaugeValue, float64(e.DeadLetters), e.Name)
		put(lag, prometheus.GaugeValue, c.lag(e.OldestPending), e.Name)
		put(starts, prometheus.CounterValue, float64(e.Starts), e.Name)
		for _, name := range states {
			put(state, prometheus.GaugeValue, number(name == e.State), e.Name, name)
		}
	}
}

func (c *collector) lag(oldest *time.Time) float64 {
	if oldest == nil {
		return 0
	}
	return max(0, c.now().Sub(*oldest).Seconds())
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
