package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/agentaudit/agentaudit/exporters"
)

// bulkPath asks for a data stream, and for no more of the answer than is read.
const bulkPath = "/_bulk?require_data_stream=true&filter_path=items.*._id,items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store"

// Headers of a bulk request, with a compressed body and without.
var (
	bulkHeader     = http.Header{"Content-Type": {"application/x-ndjson"}, "Accept": {"application/json"}}
	bulkHeaderGzip = http.Header{"Content-Type": {"application/x-ndjson"}, "Accept": {"application/json"}, "Content-Encoding": {"gzip"}}
)

// bulkItem is a record made ready: its canonical JSON is sent as it is.
type bulkItem struct {
	record *exporters.Record
	id     []byte // event.id, as it stands in the document
}

// makeItem finds the record's identity. It refuses what cannot stand in a bulk request.
func makeItem(r *exporters.Record) (bulkItem, error) {
	id, ok := eventID(r.JSON)
	switch {
	case !ok:
		return bulkItem{}, errors.New("record has no event.id, or is no whole document")
	case bytes.IndexByte(r.JSON, '\n') >= 0:
		return bulkItem{}, errors.New("record has a line break between its fields: it is not in canonical form")
	}
	return bulkItem{record: r, id: id}, nil
}

// size is how many bytes the item takes in a body.
func (i *bulkItem) size() int {
	return len(i.record.JSON) + len(i.id) + len(createHead) + len(createTail) + 1
}

// The action before each document. Ids need no escaping: they are copied from one JSON text to another.
const (
	createHead = `{"create":{"_id":"`
	createTail = "\"}}\n"
)

// buffers and gzips are used again: a compressor is large.
var (
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	gzips   = sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is known
		return w
	}}
)

// writeBody writes the request's body to the buffer.
func writeBody(b *bytes.Buffer, items []bulkItem, compress bool) error {
	var w interface{ Write([]byte) (int, error) } = b
	var z *gzip.Writer
	if compress {
		z = gzips.Get().(*gzip.Writer)
		defer gzips.Put(z)
		z.Reset(b)
		w = z
	}
	var action []byte
	for i := range items {
		action = append(append(append(action[:0], createHead...), items[i].id...), createTail...)
		if _, err := w.Write(action); err != nil {
			return err
		}
		if _, err := w.Write(items[i].record.JSON); err != nil {
			return err
		}
		if _, err := w.Write([]byte{'\n'}); err != nil {
			return err
		}
	}
	if z != nil {
		return z.Close()
	}
	return nil
}

// itemAnswer is what Elasticsearch says of one item.
type itemAnswer struct {
	ID     string `json:"_id"`
	Status int    `json:"status"`
	Error  struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"error"`
	FailureStore string `json:"failure_store"`
}

// bulk sends items and returns the answers in their order. An answer to the whole request that is not 200 is an
// *apiError. An answer that is not about exactly these items is an error: it acknowledges nothing.
func (c *Client) bulk(ctx context.Context, stream string, items []bulkItem, compress bool) ([]itemAnswer, error) {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	header := bulkHeader
	if compress {
		header = bulkHeaderGzip
	}
	if err := writeBody(b, items, compress); err != nil {
		return nil, err
	}
	status, answer, err := c.do(ctx, http.MethodPost, "/"+stream+bulkPath, header, b.Bytes())
	if err != nil {
		return nil, err // the buffer may still be read by the transport, and is not used again
	}
	buffers.Put(b)
	if status != http.StatusOK {
		return nil, parseError(status, answer)
	}
	return parseAnswer(answer, items)
}

// parseAnswer reads the answers of a bulk request.
func parseAnswer(text []byte, items []bulkItem) ([]itemAnswer, error) {
	var answer struct {
		Items []struct {
			Create *itemAnswer `json:"create"`
		} `json:"items"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("elasticsearch: answer to a bulk request cannot be read: %w", err)
	}
	if len(answer.Items) != len(items) {
		return nil, fmt.Errorf("elasticsearch: answer to a bulk request is about %d items, not %d", len(answer.Items), len(items))
	}
	out := make([]itemAnswer, len(items))
	for i := range answer.Items {
		a := answer.Items[i].Create
		if a == nil || a.ID != string(items[i].id) {
			return nil, fmt.Errorf("elasticsearch: answer to a bulk request: item %d is about another record", i)
		}
		out[i] = *a
	}
	return out, nil
}
