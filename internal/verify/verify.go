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
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

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
	// Last is the last checkpoint: what to compare with the pipeline's own. Zero if no manifest could be read.
	Last Head `json:"last"`
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
	// Grace is how long to wait for what an exporter may be writing right now: a temporary file, an object whose manifest
	// is about to come.
	Grace time.Duration
	// Progress is called after each object, one call at a time; nil for none.
	Progress func(Progress)
}

// Verify checks the archive in a file system (os.DirFS of its folder). The error is for what keeps it from checking at
// all: no such folder, a malformed key, ctx; everything else is in the report.
func Verify(ctx context.Context, fsys fs.FS, o Options) (*Report, error) {
	v := &verifier{ctx: ctx, fsys: fsys, options: o, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
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
	var all sync.WaitGroup
	for _, s := range streams {
		v.total += len(s.firsts)
	}
	for _, s := range streams {
		s.chain()
		for _, l := range s.links {
			v.start(&all, func() { s.object(l) })
		}
	}
	all.Wait()
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
	ctx      context.Context
	fsys     fs.FS
	options  Options
	keys     note.Verifiers
	trusted  map[string]bool // canonical vkeys
	expected []*expectation
	slots    chan struct{} // bounds what runs at a time
	total    int

	mu       sync.Mutex
	report   Report
	progress Progress
	failed   error
}

// expectation is a checkpoint that the archive must contain.
type expectation struct {
	*archive.Checkpoint
	text  string
	found bool // its stream is there
}

// start runs work when a slot is free. A panic fails the run: it must not pass for a verified archive.
func (v *verifier) start(all *sync.WaitGroup, work func()) {
	v.slots <- struct{}{}
	all.Go(func() {
		defer func() { <-v.slots }()
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
	})
}

// add puts a finding into the report.
func (v *verifier) add(f Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Findings = append(v.report.Findings, f)
}

// readExpected takes the expected checkpoints apart, and checks their signatures.
func (v *verifier) readExpected() error {
	for _, text := range v.options.Expected {
		c, err := archive.ParseCheckpoint(text)
		if err != nil {
			return fmt.Errorf("verify: expected %w", err)
		}
		if err := c.Verify(v.keys); err != nil {
			v.add(Finding{Kind: Unexpected, Text: "the expected checkpoint proves nothing: " + err.Error()})
			continue
		}
		v.expected = append(v.expected, &expectation{Checkpoint: c, text: text})
	}
	return nil
}

// finish settles what only the whole tells, and puts the report in order.
func (v *verifier) finish() {
	r := &v.report
	for _, e := range v.expected {
		if !e.found {
			v.add(Finding{Kind: Truncated, Text: fmt.Sprintf("the archive has no stream of the expected checkpoint %s", e.Origin)})
		}
	}
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
