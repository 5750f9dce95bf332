// Package exporters is the contract between the pipeline and the stores it delivers to, and the glue that runs each
// exporter in a process of its own (see Serve and internal/delivery).
package exporters

import (
	"context"
	"errors"
	"time"

	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Exporter is what a store implements; the only interface third parties see (also as gRPC, contract.proto).
type Exporter interface {
	// Policy says how batches are cut for this store.
	Policy() BatchPolicy
	// Export stores the batch durably before returning. Batches arrive in sequence order and may be repeated, whole or in
	// part, and cut otherwise than before; repeating never stores twice. acked is the highest sequence that is now
	// durable, with all before it; refused records count as stored. Per-record refusals are returned, not retried; a
	// PermanentError parks the exporter, every other error is retried with backoff. acked and refused count with an error
	// too: what they name is not sent again (acked below Batch.First, or 0 with an error, acknowledges nothing). Calls
	// never overlap.
	Export(ctx context.Context, b Batch) (acked uint64, refused []Refusal, err error)
	// Close lets go of the store. No Export runs.
	Close() error
}

// Batch is a run of consecutive records of one stream.
type Batch struct {
	Stream  string
	Records []Record
	// Tree is the stream's Merkle tree before the first record: Tree.Size() is its sequence.
	Tree merkle.Frontier
}

// First is the sequence of the first record.
func (b *Batch) First() uint64 { return b.Records[0].Sequence }

// Last is the sequence of the last record.
func (b *Batch) Last() uint64 { return b.Records[len(b.Records)-1].Sequence }

// Record is one sealed record.
type Record struct {
	Sequence uint64
	JSON     []byte // canonical document (RFC 8785), as hashed; not to be changed
}

// Refusal is a record that the store will never take, in the store's words. It goes to the exporter's dead letters.
type Refusal struct {
	Sequence uint64
	Reason   string
}

// BatchPolicy says how batches are cut: when any of the limits is reached. A batch has at least one record.
type BatchPolicy struct {
	MaxRecords int
	MaxBytes   int           // of documents
	MaxWait    time.Duration // since the first record of the batch was sealed
}

// Opener starts an exporter from its settings: the JSON object of its section of the configuration. Unknown settings are
// an error. A PermanentError means that trying again is useless until a person mends something.
type Opener func(ctx context.Context, settings []byte) (Exporter, error)

// PermanentError is an error that retrying does not mend: wrong credentials, a bucket without Object Lock.
type PermanentError struct{ Err error }

// Error is the sentence an operator needs.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent marks err as a PermanentError.
func Permanent(err error) error { return &PermanentError{Err: err} }

// IsPermanent says whether err is or wraps a PermanentError.
func IsPermanent(err error) bool {
	var p *PermanentError
	return errors.As(err, &p)
}
