// Package verify checks an archive with nothing but public keys: that it holds every record of each stream, in order,
// as sealed, from where it begins to its last checkpoint.
//
// What it proves rests on the signatures: each manifest is signed together with the tree head that its records give, so
// that whoever has no private key can change no record, manifest or order unseen. Two things it cannot know. An end that
// was cut off leaves an archive that is whole but shorter: compare the last checkpoint's size with the pipeline's status,
// or give a checkpoint that was kept elsewhere. And who held the private key could have written something else.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Kind of a finding. Programs may depend on them.
type Kind string

// Kinds.
const (
	Empty          Kind = "empty"           // nothing to verify
	ExtraFile      Kind = "extra-file"      // a file that does not belong into an archive
	MissingObject  Kind = "missing-object"  // a manifest without its object
	MissingRecords Kind = "missing-records" // a manifest that others need is missing, or all of them are
	OrphanObject   Kind = "orphan-object"   // an object without manifest
	Unreadable     Kind = "unreadable"      // the file cannot be read
	BadManifest    Kind = "bad-manifest"    // damaged, or not in its place
	Altered        Kind = "manifest-altered"
	BadSignature   Kind = "signature"   // by no known key, or wrong
	BadCheckpoint  Kind = "checkpoint"  // damaged, or another manifest's
	BadChain       Kind = "chain"       // a manifest names another predecessor than it has
	Gap            Kind = "gap"         // records between two objects are missing
	Overlap        Kind = "overlap"     // two objects hold the same record
	BadTree        Kind = "tree"        // trees of neighbours, or of manifest and records, differ
	ObjectSize     Kind = "object-size" // other size than in the manifest
	ObjectHash     Kind = "object-hash" // other SHA-256 than in the manifest
	BadObject      Kind = "object"      // cannot be decompressed, or holds more or fewer records
	BadDocument    Kind = "document"    // not canonical, or of another place
	BadSummary     Kind = "summary"     // the manifest's time range or zone is not that of its records
	BadKeyFile     Kind = "key-file"    // a public key beside the archive is damaged or not among the given ones
	Truncated      Kind = "truncated"   // the expected checkpoint lies beyond the archive's end
	Unexpected     Kind = "expected-checkpoint"
	BadKeyChange   Kind = "key-change"  // the old key does not vouch for the new one, here
	RetiredKey     Kind = "retired-key" // signed by a key that another has followed on in this stream
	Hidden         Kind = "hidden"      // S3: a delete marker lies on the file
	Replaced       Kind = "replaced"    // S3: a newer version lies on the file, or it is not the version that was signed
	BadLock        Kind = "lock"        // S3: no lock, a weaker one, or one that ends sooner than signed or asked for
	BadProof       Kind = "proof"       // evidence does not prove a record
	BadWitness     Kind = "witness"     // a co-signature is missing or wrong
)

// Finding is something wrong.
type Finding struct {
	Kind     Kind    `json:"kind"`
	Stream   string  `json:"stream,omitempty"`
	Object   string  `json:"object,omitempty"`   // the file
	Sequence *uint64 `json:"sequence,omitempty"` // the record
	Text     string  `json:"text"`
}

// Stream is what was found of one stream.
type Stream struct {
	Stream  string `json:"stream"`
	Begins  uint64 `json:"begins"` // first sequence; above 0 where the archive was begun, or older objects removed
	Objects int    `json:"objects"`
	Records uint64 `json:"records"` // documents checked
	Omitted uint64 `json:"omitted"` // refused records, of which only the leaf hash is archived
	Bytes   int64  `json:"bytes"`   // of objects, compressed
	// RawBytes is what the objects hold, decompressed.
	RawBytes int64 `json:"raw_bytes"`
	// Heartbeats were written when no record came for a while. Silence is the longest time between two links of the chain:
	// nothing shows that the archive was being written in between.
	Heartbeats int     `json:"heartbeats"`
	Silence    Silence `json:"silence,omitzero"`
	// LockedUntil is when the first of the stream's files can be deleted; zero where nothing is locked, or it is not known.
	LockedUntil time.Time `json:"locked_until,omitzero"`
	// Last is the last checkpoint: what to compare with the pipeline's own. Zero if no manifest could be read.
	Last Head `json:"last"`
}

// Silence is a time in which nothing was written.
type Silence struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Witnessed is a co-signature that was verified.
type Witnessed struct {
	Witness string    `json:"witness"`
	Origin  string    `json:"origin"`
	Size    uint64    `json:"size"`
	Time    time.Time `json:"time"`
}

// Head is a checkpoint.
type Head struct {
	Size    uint64    `json:"size"`
	Root    string    `json:"root"`
	Created time.Time `json:"created"`
	Note    string    `json:"note"` // the signed note
}

// Report is the outcome.
type Report struct {
	Findings []Finding `json:"findings"`
	Streams  []Stream  `json:"streams"`
	Objects  int       `json:"objects"`
	Records  uint64    `json:"records"`
	Bytes    int64     `json:"bytes"`
	// KeysFromArchive says that no keys were given, so that those beside the archive were believed: that shows damage, but
	// not forgery.
	KeysFromArchive bool `json:"keys_from_archive,omitempty"`
	// Proved are the expected checkpoints that the archive was shown to contain.
	Proved []string `json:"proved,omitempty"`
	// Witnessed are the co-signatures on expected checkpoints that were verified.
	Witnessed []Witnessed `json:"witnessed,omitempty"`
}

// OK says whether nothing was found wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Progress is how far verification has come.
type Progress struct {
	Objects, Total int
	Bytes          int64
}

// Options of Verify.
type Options struct {
	// Keys are the public keys (note vkey) that may have signed. Without any, those beside the archive are taken, and the
	// report says so.
	Keys []string
	// Expected are checkpoints kept elsewhere (signed notes): the archive must contain the very trees they are heads of.
	Expected []string
	// Witnesses are the public keys of witnesses. Each expected checkpoint must be co-signed by one of them at least.
	Witnesses []string
	// Locks says that the archive lies in an S3 bucket with Object Lock: each file's lock must be there and hold as long as
	// its signed manifest says, and be of Mode and last for Retention since it was written, if they are given.
	Locks     bool
	Mode      string
	Retention time.Duration
	// Deep also checks that each document is canonical and in its place, and the manifests' summaries. The signature
	// already says that they were when they were signed; without Deep they are only looked at when something is wrong.
	Deep bool
	// Parallel is how many files are read at a time; 0: as many as there are processors.
	Parallel int
	// Grace is how long to wait for what an exporter may be writing right now: a temporary file, an object whose manifest
	// is about to come.
	Grace time.Duration
	// Progress is called after each object, one call at a time; nil for none.
	Progress func(Progress)
}

// streamsAtOnce bounds how many streams' chains are walked at a time.
const streamsAtOnce = 16

// Verify checks an archive. The error is for what keeps it from checking at all: no such folder, a malformed key, ctx;
// everything else is in the report.
func Verify(ctx context.Context, r archive.Reader, o Options) (*Report, error) {
	if o.Parallel == 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	v := &verifier{ctx: ctx, reader: r, options: o, slots: make(chan struct{}, o.Parallel)}
	if err := v.readKeys(); err != nil {
		return nil, err
	}
	if err := v.readExpected(); err != nil {
		return nil, err
	}
	streams, err := v.list()
	if err != nil {
		return nil, err
	}
	for _, s := range streams {
		v.total += len(s.chain)
	}
	var walks, jobs sync.WaitGroup
	walkers := make(chan struct{}, streamsAtOnce)
	for _, s := range streams {
		walkers <- struct{}{}
		walks.Go(func() {
			defer func() { <-walkers }()
			v.guard(func() { s.walk(&jobs) })
		})
	}
	walks.Wait()
	jobs.Wait()
	if err := errors.Join(ctx.Err(), v.failed); err != nil {
		return nil, err
	}
	for _, s := range streams {
		v.report.Streams = append(v.report.Streams, s.total)
	}
	v.finish()
	return &v.report, nil
}

// verifier is one run.
type verifier struct {
	ctx       context.Context
	reader    archive.Reader
	options   Options
	keys      keyring // given, or found beside the archive
	files     []keyFile
	witnesses []*archive.Witness
	expected  []*expectation
	slots     chan struct{} // bounds what is read at a time
	total     int

	mu       sync.Mutex
	report   Report
	progress Progress
	adopted  keyring // keys that key changes named
	failed   error
}

// start runs work when a slot is free.
func (v *verifier) start(all *sync.WaitGroup, work func()) {
	v.slots <- struct{}{}
	all.Go(func() {
		defer func() { <-v.slots }()
		v.guard(work)
	})
}

// guard runs work. A panic fails the run: it must not pass for a verified archive.
func (v *verifier) guard(work func()) {
	defer func() {
		if r := recover(); r != nil {
			v.mu.Lock()
			v.failed = fmt.Errorf("verify: internal error: %v", r)
			v.mu.Unlock()
		}
	}()
	if v.ctx.Err() == nil {
		work()
	}
}

// add puts a finding into the report.
func (v *verifier) add(f Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Findings = append(v.report.Findings, f)
}

// finish settles what only the whole tells, and puts the report in order.
func (v *verifier) finish() {
	r := &v.report
	v.checkKeyFiles()
	v.settle()
	if len(r.Streams) == 0 {
		v.add(Finding{Kind: Empty, Text: "there is no stream in the archive"})
	}
	for _, s := range r.Streams {
		r.Objects += s.Objects
		r.Records += s.Records
		r.Bytes += s.Bytes
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Stream, b.Stream), strings.Compare(a.Object, b.Object), cmp.Compare(number(a.Sequence), number(b.Sequence)))
	})
	slices.Sort(r.Proved)
}

// number orders findings without a record before those with one.
func number(sequence *uint64) uint64 {
	if sequence == nil {
		return 0
	}
	return *sequence + 1
}
