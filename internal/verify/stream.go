package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// stream is one stream's folder.
type stream struct {
	*verifier
	name    string
	firsts  []uint64 // of the manifests, in order
	objects map[uint64]bool
	links   []*link
	total   Stream // guarded by verifier.mu while objects are read
}

// link is a manifest in its stream's chain.
type link struct {
	first  uint64
	file   []byte            // as it lies there; nil if it cannot be read
	m      *archive.Manifest // nil if it is none
	signed bool              // by a known key, and whole
	// expected are the checkpoints whose tree ends within this object.
	expected []*expectation
}

func (s *stream) add(kind Kind, object string, sequence *uint64, format string, args ...any) {
	s.verifier.add(Finding{Kind: kind, Stream: s.name, Object: object, Sequence: sequence, Text: fmt.Sprintf(format, args...)})
}

// list finds the streams, and files that do not belong.
func (v *verifier) list() ([]*stream, error) {
	entries, err := fs.ReadDir(v.fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	var streams []*stream
	for _, e := range entries {
		switch {
		case e.IsDir() && archive.CheckStream(e.Name()) == nil:
			s := &stream{verifier: v, name: e.Name(), objects: make(map[uint64]bool), total: Stream{Stream: e.Name()}}
			if err := s.list(); err != nil {
				return nil, err
			}
			streams = append(streams, s)
		case e.Type().IsRegular() && archive.IsKeyName(e.Name()):
		case v.stays(".", e):
			v.add(Finding{Kind: ExtraFile, Object: e.Name(), Text: "the file does not belong into an archive"})
		}
	}
	return streams, nil
}

// list reads the stream's folder, which an exporter may be writing to. A listing is no snapshot: it can show a new file
// and lack one that is older. So the folder is listed twice, and of the second listing only that is taken which the
// exporter had finished before: manifests up to the last one of the first.
func (s *stream) list() error {
	before, err := fs.ReadDir(s.fsys, s.name)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	entries, err := fs.ReadDir(s.fsys, s.name)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	finished := archive.Manifests(before)
	for _, first := range archive.Manifests(entries) {
		if len(finished) > 0 && first <= finished[len(finished)-1] {
			s.firsts = append(s.firsts, first)
		}
	}
	for _, e := range entries {
		first, isObject := archive.ParseObjectName(e.Name())
		_, isManifest := archive.ParseManifestName(e.Name())
		switch {
		case !isObject && !isManifest, !e.Type().IsRegular():
			if s.stays(s.name, e) {
				s.add(ExtraFile, e.Name(), nil, "the file does not belong into an archive")
			}
		case isObject:
			s.listed(first)
		}
	}
	if len(s.firsts) == 0 {
		s.add(MissingRecords, "", nil, "the stream's folder holds no manifest")
	}
	return nil
}

// listed takes in an object, and looks for its manifest.
func (s *stream) listed(first uint64) {
	s.objects[first] = true
	if _, ok := slices.BinarySearch(s.firsts, first); !ok && !s.comes(archive.ManifestName(first)) {
		s.add(OrphanObject, archive.ObjectName(first), &first, "the object has no manifest: either that was removed, or a crash left the object "+
			"before it was acknowledged; it is not part of the archive")
	}
}

// poll is how often Grace looks again.
const poll = 50 * time.Millisecond

// stays says whether a file is still there after the time that an exporter might need to be done with it.
func (v *verifier) stays(dir string, e fs.DirEntry) bool {
	if !strings.HasPrefix(e.Name(), ".tmp-") {
		return true
	}
	return !v.wait(func() bool {
		_, err := fs.Stat(v.fsys, path.Join(dir, e.Name()))
		return errors.Is(err, fs.ErrNotExist)
	})
}

// comes says whether a file appears in that time.
func (s *stream) comes(name string) bool {
	return s.wait(func() bool {
		_, err := fs.Stat(s.fsys, path.Join(s.name, name))
		return err == nil
	})
}

func (v *verifier) wait(done func() bool) bool {
	if done() {
		return true
	}
	for left := v.options.Grace; left > 0 && v.ctx.Err() == nil; left -= poll {
		time.Sleep(poll)
		if done() {
			return true
		}
	}
	return false
}

// chain reads the stream's manifests and checks that each follows the one before it.
func (s *stream) chain() {
	var before *link
	for _, first := range s.firsts {
		l := s.manifest(first)
		s.links = append(s.links, l)
		if l.m != nil {
			s.follows(before, l)
			s.total.Last = Head{Size: l.m.Tree.After.Size, Root: l.m.Tree.After.Root, Created: l.m.Created, Note: l.m.Checkpoint}
		}
		before = l
	}
	if len(s.links) > 0 {
		s.total.Begins = s.links[0].first
	}
	s.total.Objects = len(s.links)
	for _, e := range s.expected {
		s.expect(e)
	}
}

// manifest reads a manifest and checks what it says of itself.
func (s *stream) manifest(first uint64) *link {
	l := &link{first: first}
	name := archive.ManifestName(first)
	m, file, err := archive.ReadManifest(s.fsys, s.name, first)
	l.file = file
	if err != nil {
		kind := BadManifest
		if file == nil {
			kind = Unreadable
		}
		s.add(kind, name, nil, "%v", err)
		return l
	}
	l.m = m
	c, err := archive.ParseCheckpoint(m.Checkpoint)
	if err != nil {
		s.add(BadCheckpoint, name, nil, "%v", err)
		return l
	}
	good := true
	if err := c.Verify(s.keys); err != nil {
		good = false
		s.add(BadSignature, name, nil, "%v; the records are not checked", err)
	}
	if err := c.Fits(m); err != nil {
		good = false
		kind := BadCheckpoint
		if errors.Is(err, archive.ErrAltered) {
			kind = Altered
		}
		s.add(kind, name, nil, "%v; the records are not checked", err)
	}
	l.signed = good
	return l
}

// follows checks a manifest against the one before it in the folder.
func (s *stream) follows(before, l *link) {
	name, m := archive.ManifestName(l.first), l.m
	if before == nil {
		if m.Previous != nil {
			s.add(MissingRecords, name, nil, "the archive once had %s before this: records before %d are missing", m.Previous.Name, m.First)
		}
		return
	}
	switch p := m.Previous; {
	case p == nil:
		s.add(BadChain, name, nil, "the manifest claims that the archive begins with it, but %s comes before", archive.ManifestName(before.first))
	case p.Name != archive.ManifestName(before.first):
		s.add(BadChain, name, nil, "the manifest follows %s, but %s comes before it", p.Name, archive.ManifestName(before.first))
	case before.file != nil && p.SHA256 != archive.Hex(sha256.Sum256(before.file)):
		s.add(BadChain, name, nil, "the manifest follows another %s than the one that is here", p.Name)
	}
	if before.m == nil {
		return
	}
	switch next := before.m.Last + 1; {
	case m.First > next:
		s.add(Gap, name, &next, "records %d to %d are missing", next, m.First-1)
	case m.First < next:
		s.add(Overlap, name, &m.First, "records %d to %d are in %s as well", m.First, min(m.Last, before.m.Last), before.m.Object.Name)
	case m.Tree.Before.Root != before.m.Tree.After.Root:
		s.add(BadTree, name, &m.First, "the tree does not continue that of %s", archive.ManifestName(before.first))
	}
	if m.Origin != before.m.Origin {
		s.add(BadChain, name, nil, "the origin is %q, before it was %q", m.Origin, before.m.Origin)
	}
}

// expect finds the object in which an expected checkpoint's tree ends.
func (s *stream) expect(e *expectation) {
	var last *archive.Manifest
	for _, l := range s.links {
		if l.m == nil || e.Origin != l.m.Origin+"/"+s.name {
			continue
		}
		last = l.m
		e.found = true
		if e.Size > l.m.First && e.Size <= l.m.Last+1 {
			l.expected = append(l.expected, e)
			return
		}
		if e.Size == l.m.First && l == s.links[0] {
			if archive.Hex(e.Root) != l.m.Tree.Before.Root {
				s.add(Unexpected, archive.ManifestName(l.first), nil, "the archive begins with another tree than that of the expected checkpoint")
				return
			}
			s.proved(e)
			return
		}
	}
	switch {
	case last == nil:
	case e.Size > last.Last:
		s.add(Truncated, "", &e.Size, "the archive ends with record %d, but a checkpoint of %d records was signed: records %d to %d are missing",
			last.Last, e.Size, last.Last+1, e.Size-1)
	default:
		s.add(Unexpected, "", &e.Size, "the expected checkpoint of %d records cannot be checked: the objects that hold them are not here", e.Size)
	}
}

// proved notes that the archive contains an expected checkpoint's tree.
func (s *stream) proved(e *expectation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Proved = append(s.report.Proved, e.text)
}
