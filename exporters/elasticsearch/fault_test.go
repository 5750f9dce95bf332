package elasticsearch

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// delivery delivers as the host does: from the first record that is not acknowledged, again and again.
type delivery struct {
	*testing.T
	settings []byte
	records  []exporters.Record
	batch    int // records a batch
	request  int // bytes a request, 0: as the exporter likes
	next     int
	refused  map[uint64]string
	errors   map[string]int
	parked   int
}

func deliver(t *testing.T, c config, records []exporters.Record) *delivery {
	t.Helper()
	return &delivery{T: t, settings: settingsFor(t, c), records: records, batch: 1500, refused: map[uint64]string{}, errors: map[string]int{}}
}

// run delivers everything, starting the exporter anew after each error. It gives up after some time.
func (d *delivery) run(limit time.Duration) {
	d.Helper()
	for end := time.Now().Add(limit); d.next < len(d.records); {
		if time.Now().After(end) {
			d.Fatalf("%d of %d records after %v; errors %v", d.next, len(d.records), limit, d.errors)
		}
		if err := d.session(); err != nil {
			d.errors[err.Error()]++
			if exporters.IsPermanent(err) {
				d.parked++
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// session opens the exporter and delivers until it fails.
func (d *delivery) session() error {
	e, err := Open(d.Context(), d.settings)
	if err != nil {
		return err
	}
	defer e.Close()
	if d.request > 0 {
		e.(*exporter).maxRequest = d.request
	}
	for d.next < len(d.records) {
		b := exporters.Batch{Stream: "s", Records: d.records[d.next:min(d.next+d.batch, len(d.records))]}
		acked, refused, err := e.Export(d.Context(), b)
		if acked < b.First() || acked == 0 && err != nil {
			return err
		}
		for _, r := range refused {
			if r.Sequence > acked {
				d.Errorf("record %d is refused beyond %d", r.Sequence, acked)
			}
			d.refused[r.Sequence] = r.Reason
		}
		d.next = int(acked) + 1
		if err != nil {
			return err
		}
	}
	return nil
}

// check holds that each record is stored once, byte for byte, or was refused.
func (d *delivery) check(s *estest.Server, namespace string) {
	d.Helper()
	got, err := readBack(d.Context(), s, namespace, "s")
	if err != nil {
		d.Fatal(err)
	}
	if len(got)+len(d.refused) != len(d.records) {
		d.Errorf("%d stored and %d refused of %d", len(got), len(d.refused), len(d.records))
	}
	seen := map[uint64]bool{}
	for _, r := range got {
		switch {
		case seen[r.Sequence]:
			d.Fatalf("record %d is there twice", r.Sequence)
		case d.refused[r.Sequence] != "":
			d.Fatalf("record %d is there, and was refused: %s", r.Sequence, d.refused[r.Sequence])
		case !bytes.Equal(r.JSON, d.records[r.Sequence].JSON):
			d.Fatalf("record %d was changed", r.Sequence)
		}
		seen[r.Sequence] = true
	}
}

// somePoisoned are records of which every hundredth fits no mapping: its time is none.
func somePoisoned(n int) (records []exporters.Record, bad int) {
	records = exportertest.Records("s", 0, n)
	for i := range records {
		if i%100 == 7 {
			records[i].JSON = bytes.Replace(records[i].JSON, []byte(`"@timestamp":"2`), []byte(`"@timestamp":"secret 2`), 1)
			bad++
		}
	}
	return records, bad
}

// TestBulkMatrix sends one stream through every fault at once.
func TestBulkMatrix(t *testing.T) {
	s := estest.Elasticsearch(t)
	p := newProxy(t, s, 50)
	namespace := newStream(t, s)
	records, bad := somePoisoned(12_000)
	d := deliver(t, config{Connection: Connection{URLs: []string{p.URL}}, Namespace: namespace, MaxInFlight: 4}, records)
	d.batch, d.request = 400, 100<<10
	d.run(4 * time.Minute)
	d.check(s, namespace)
	if len(d.refused) != bad {
		t.Errorf("%d refused, %d fit no mapping", len(d.refused), bad)
	}
	for seq, why := range d.refused {
		if !strings.Contains(why, "document_parsing_exception") || strings.Contains(why, "secret") {
			t.Fatalf("record %d: %s", seq, why)
		}
	}
	for f, n := range p.count {
		if n == 0 {
			t.Errorf("fault %d never happened: %v", f, p.count)
		}
	}
	t.Logf("faults %v, errors %v", p.count, d.errors)
}

// TestPressure has the server itself say 429: its memory for indexing is tiny.
func TestPressure(t *testing.T) {
	s := estest.New(t, estest.Options{Settings: map[string]string{"indexing_pressure.memory.limit": "60kb"}})
	namespace := newStream(t, s)
	records := exportertest.Records("s", 0, 600)
	d := deliver(t, config{Connection: Connection{URLs: []string{s.URL}}, Namespace: namespace}, records)
	client, err := Connect(Connection{URLs: []string{s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	items := make([]bulkItem, len(records))
	for i := range records {
		if items[i], err = makeItem(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.bulk(t.Context(), StreamName(namespace), items, true); !overloaded(err) {
		t.Errorf("600 records at once: %v, want 429", err)
	}
	d.run(2 * time.Minute)
	d.check(s, namespace)
}

// TestBlocked finds the index blocked for writing: the exporter is parked with the reason, nothing becomes a dead
// letter, and all goes well when the block is gone.
func TestBlocked(t *testing.T) {
	s := estest.Elasticsearch(t)
	namespace := newStream(t, s)
	block := func(on bool) {
		s.Must(t, http.MethodPut, "/"+StreamName(namespace)+"/_settings", fmt.Sprintf(`{"index.blocks.read_only":%v}`, on))
	}
	block(true)
	d := deliver(t, config{Connection: Connection{URLs: []string{s.URL}}, Namespace: namespace}, exportertest.Records("s", 0, 100))
	if err := d.session(); !exporters.IsPermanent(err) || !strings.Contains(err.Error(), "blocked for writing") {
		t.Errorf("blocked: %v", err)
	}
	block(false)
	d.run(time.Minute)
	d.check(s, namespace)
	if len(d.refused) > 0 {
		t.Errorf("refused %v", d.refused)
	}
}

// TestServerKilled kills the server in the middle of bulk requests, leaves it down for a while, and halts it for another.
func TestServerKilled(t *testing.T) {
	s := estest.Elasticsearch(t)
	namespace := newStream(t, s)
	records := exportertest.Records("s", 0, 12_000)
	d := deliver(t, config{Connection: Connection{URLs: []string{s.URL}}, Namespace: namespace}, records)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	kills := 0 // read after done
	go func() { done <- torment(ctx, s, &kills) }()
	d.run(8 * time.Minute)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	d.check(s, namespace)
	if kills == 0 { // errors there need not be: the exporter itself bridges a server that is back soon
		t.Error("all was delivered before the server was killed")
	}
	t.Logf("errors %v", d.errors)
}

// torment kills the server (three times in the long form), each time soon after it takes requests, until the context ends. It leaves it running.
func torment(ctx context.Context, s *estest.Server, kills *int) error {
	rounds := 1
	if os.Getenv("AGENT_AUDIT_LONG") != "" {
		rounds = 3
	}
	for range rounds {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
		s.Stop()
		*kills++
		time.Sleep(downFor())
		if err := s.Start(); err != nil {
			return err
		}
	}
	return nil
}

// downFor is how long the server stays down: two minutes in the long form.
func downFor() time.Duration {
	if os.Getenv("AGENT_AUDIT_LONG") != "" {
		return 2 * time.Minute
	}
	return 2 * time.Second
}
