package exporters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/agentaudit/agentaudit/exporters/contractpb"
)

// Remote is an exporter in another process.
type Remote struct {
	client contractpb.ExporterClient
	policy BatchPolicy
}

// Open opens the exporter with its settings. It must be called once, before anything else.
func (r *Remote) Open(ctx context.Context, settings []byte) error {
	res, err := r.client.Open(ctx, &contractpb.OpenRequest{Settings: settings})
	if err != nil {
		return fmt.Errorf("exporter process: %w", err)
	}
	if res.GetError() != "" {
		return remoteError(res.GetError(), res.GetPermanent())
	}
	r.policy = BatchPolicy{
		MaxRecords: max(1, int(res.GetMaxRecords())),
		MaxBytes:   max(1, int(res.GetMaxBytes())),
		MaxWait:    time.Duration(res.GetMaxWaitMs()) * time.Millisecond,
	}
	return nil
}

// Policy is the exporter's.
func (r *Remote) Policy() BatchPolicy { return r.policy }

// Export sends a batch and waits until it is durable.
func (r *Remote) Export(ctx context.Context, b Batch) (uint64, []Refusal, error) {
	stream, err := r.client.Export(ctx, grpc.MaxCallSendMsgSize(maxMessage))
	if err != nil {
		return 0, nil, fmt.Errorf("exporter process: %w", err)
	}
	tree, err := b.Tree.MarshalBinary()
	if err != nil {
		return 0, nil, err
	}
	m := &contractpb.ExportRequest{Stream: b.Stream, Tree: tree, First: b.First()}
	size := 0
	for i, rec := range b.Records {
		m.Records = append(m.Records, rec.JSON)
		if size += len(rec.JSON); size < chunkBytes && i < len(b.Records)-1 {
			continue
		}
		if err := stream.Send(m); err != nil {
			break // the answer below says why
		}
		m, size = &contractpb.ExportRequest{First: rec.Sequence + 1}, 0
	}
	res, err := stream.CloseAndRecv()
	if err != nil {
		return 0, nil, fmt.Errorf("exporter process: %w", err)
	}
	return answer(&b, res)
}

// answer checks what an exporter says: it must not acknowledge, or refuse, what it was not given.
func answer(b *Batch, res *contractpb.ExportResponse) (uint64, []Refusal, error) {
	var refused []Refusal
	for _, r := range res.GetRefused() {
		if s := r.GetSequence(); s < b.First() || s > b.Last() {
			return 0, nil, fmt.Errorf("exporter refused record %d, which is not of the batch %d to %d", s, b.First(), b.Last())
		}
		refused = append(refused, Refusal{Sequence: r.GetSequence(), Reason: r.GetReason()})
	}
	if res.GetAnyAcked() && res.GetAcked() > b.Last() {
		return 0, nil, fmt.Errorf("exporter acknowledged record %d beyond the batch %d to %d", res.GetAcked(), b.First(), b.Last())
	}
	var err error
	if res.GetError() != "" {
		err = remoteError(res.GetError(), res.GetPermanent())
	}
	if !res.GetAnyAcked() {
		return 0, refused, errors.Join(err, errIf(err == nil, "exporter acknowledged nothing"))
	}
	return res.GetAcked(), refused, err
}

func errIf(cond bool, text string) error {
	if cond {
		return errors.New(text)
	}
	return nil
}

func remoteError(text string, permanent bool) error {
	if permanent {
		return Permanent(errors.New(text))
	}
	return errors.New(text)
}

// Close does nothing: the process ends when its standard input does.
func (r *Remote) Close() error { return nil }
