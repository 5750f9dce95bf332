package elasticsearch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
)

// config is the exporter's section of the configuration.
type config struct {
	Connection
	// Namespace is the last part of the data stream's name; default "default".
	Namespace string `json:"namespace"`
	// MaxInFlight bounds how many requests are in flight; default 8.
	MaxInFlight int `json:"max_in_flight"`
	// NoGzip sends bodies as they are: for a server on the same machine.
	NoGzip bool `json:"no_gzip"`
}

// Sizes of requests, before compression. They shrink when a server or a proxy before it takes less.
const (
	firstRequest = 2 << 20
	minRequest   = 64 << 10
)

// A batch is several requests. It is short of wait, because people look for what has just happened.
var policy = exporters.BatchPolicy{MaxRecords: 20_000, MaxBytes: 24 << 20, MaxWait: time.Second}

const defaultInFlight = 8

// exporter is the exporter.
type exporter struct {
	config     config
	client     *Client
	stream     string // name of the data stream
	limit      *limit
	lookup     *lookup
	maxRequest int
	// settled says that nothing was sent whose outcome is unknown. It is false at first: what the process before this one
	// sent last may have been stored without its being told.
	settled bool
}

// StreamName is the data stream of a namespace, "" for the default one.
func StreamName(namespace string) string {
	return IndexTemplate + "-" + cmp.Or(namespace, "default")
}

// CheckNamespace refuses what Elasticsearch does not take for the last part of a data stream's name.
func CheckNamespace(n string) error {
	if len(n) > 100 || n != strings.ToLower(n) || strings.ContainsAny(n, "-\\/*?\"<>| ,#:\x00") {
		return fmt.Errorf("elasticsearch: namespace %q: a namespace has at most 100 bytes, no capitals, and none of -\\/*?\"<>|,#: or spaces", n)
	}
	return nil
}

// Open starts the exporter: it reads the credentials and asks the server whether it knows them.
func Open(ctx context.Context, data []byte) (exporters.Exporter, error) {
	s, err := readSettings(data)
	if err != nil {
		return nil, exporters.Permanent(err)
	}
	client, err := Connect(s.Connection)
	if err != nil {
		return nil, exporters.Permanent(err)
	}
	e := &exporter{
		config: s, client: client, stream: StreamName(s.Namespace),
		limit: newLimit(s.MaxInFlight), maxRequest: firstRequest,
	}
	e.lookup = &lookup{client: client, stream: e.stream}
	if err := client.authenticate(ctx); err != nil {
		client.Close()
		return nil, permanent(err)
	}
	return e, nil
}

func readSettings(data []byte) (config, error) {
	var s config
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("elasticsearch: settings: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return s, errors.New("elasticsearch: settings: text after the object")
	}
	s.MaxInFlight = cmp.Or(s.MaxInFlight, defaultInFlight)
	if s.MaxInFlight < 1 {
		return s, fmt.Errorf("elasticsearch: settings: max_in_flight %d is below 1", s.MaxInFlight)
	}
	return s, CheckNamespace(s.Namespace)
}

// authenticate asks the server who we are: whoever may speak to it may ask. Servers without security do not know the
// question, which is an answer too.
func (c *Client) authenticate(ctx context.Context) error {
	status, body, err := c.do(ctx, http.MethodGet, "/_security/_authenticate", jsonHeader, nil)
	if err != nil {
		return err
	}
	if status == http.StatusUnauthorized || status >= 500 {
		return parseError(status, body)
	}
	return nil
}

// Policy says how batches are cut.
func (e *exporter) Policy() exporters.BatchPolicy { return policy }

// Close lets go of idle connections.
func (e *exporter) Close() error {
	e.client.Close()
	return nil
}

// Export creates the records in the data stream. Each is known by its event.id, so that one that is there already is
// left as it is and counts as stored; lookup.go tells what is done about rollovers.
func (e *exporter) Export(ctx context.Context, b exporters.Batch) (uint64, []exporters.Refusal, error) {
	s := &sending{e: e, answers: make(chan answer), open: make(map[uint64]bool, len(b.Records))}
	items := make([]bulkItem, 0, len(b.Records))
	for i := range b.Records {
		r := &b.Records[i]
		s.open[r.Sequence] = true
		item, err := makeItem(r)
		if err != nil {
			s.refuse(r, err.Error())
			continue
		}
		items = append(items, item)
	}
	for _, part := range cut(items, e.maxRequest) {
		s.queue = append(s.queue, request{part, !e.settled})
	}
	s.run(ctx)
	e.settled = len(s.open) == 0
	return s.result(&b)
}

// cut makes requests of at most so many bytes, and at least one record.
func cut(items []bulkItem, most int) [][]bulkItem {
	var requests [][]bulkItem
	first, size := 0, 0
	for i := range items {
		n := items[i].size()
		if i > first && size+n > most {
			requests = append(requests, items[first:i:i])
			first, size = i, 0
		}
		size += n
	}
	if first < len(items) {
		requests = append(requests, items[first:])
	}
	return requests
}

// result tells how far everything is stored, and what of that was refused.
func (s *sending) result(b *exporters.Batch) (uint64, []exporters.Refusal, error) {
	slices.SortFunc(s.refusals, func(x, y exporters.Refusal) int { return cmp.Compare(x.Sequence, y.Sequence) })
	if len(s.open) == 0 {
		return b.Last(), s.refusals, nil
	}
	next := b.Last()
	for seq := range s.open {
		next = min(next, seq)
	}
	err := cmp.Or(s.fatal, s.failure)
	if next == b.First() {
		return 0, nil, err
	}
	refused := slices.DeleteFunc(s.refusals, func(r exporters.Refusal) bool { return r.Sequence >= next })
	return next - 1, refused, err
}
