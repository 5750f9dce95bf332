package verify

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// stream is one stream's folder.
type stream struct {
	*verifier
	name    string
	chain   []archive.Listed          // manifests and heartbeats, in order
	objects map[string]archive.Listed // by name; those that a manifest names are taken out
	bad     map[string]bool           // links that cannot be read
	keys    streamKeys
	total   Stream // guarded by verifier.mu while objects are read
}

func (s *stream) add(kind Kind, object string, sequence *uint64, format string, args ...any) {
	s.verifier.add(Finding{Kind: kind, Stream: s.name, Object: object, Sequence: sequence, Text: fmt.Sprintf(format, args...)})
}

// list finds the streams, and files that do not belong.
func (v *verifier) list() ([]*stream, error) {
	list, err := v.reader.List(v.ctx, "")
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	var streams []*stream
	for _, l := range list {
		switch {
		case l.Dir && archive.CheckStream(l.Name) == nil:
			s := &stream{
				verifier: v, name: l.Name, objects: make(map[string]archive.Listed), bad: make(map[string]bool),
				keys: newStreamKeys(v.keys), total: Stream{Stream: l.Name},
			}
			if err := s.list(); err != nil {
				return nil, err
			}
			streams = append(streams, s)
		case !l.Dir && l.Size >= 0 && archive.IsKeyName(l.Name):
			v.versions("", l)
		case v.stays("", l):
			v.add(Finding{Kind: ExtraFile, Object: l.Name, Text: "the file does not belong into an archive"})
		}
	}
	return streams, nil
}

// list reads the stream's folder, which an exporter may be writing to. A listing is no snapshot: it can show a new file
// and lack one that is older. So the folder is listed twice, and of the second listing only that is taken which the
// exporter had finished before: links up to the last one of the first.
func (s *stream) list() error {
	before, err := s.reader.List(s.ctx, s.name)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	list, err := s.reader.List(s.ctx, s.name)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if finished := archive.Chain(before); len(finished) > 0 {
		for _, l := range archive.Chain(list) {
			if l.Name <= finished[len(finished)-1].Name {
				s.chain = append(s.chain, l)
			}
		}
	}
	links := len(archive.Chain(list))
	for _, l := range list {
		_, isObject := archive.ParseObjectName(l.Name)
		switch {
		case len(archive.Chain([]archive.Listed{l})) == 1 && l.Size >= 0, isObject && !l.Dir && l.Size >= 0:
			if isObject {
				s.objects[l.Name] = l
			}
			s.versions(s.name, l)
		case s.stays(s.name, l):
			s.add(ExtraFile, l.Name, nil, "the file does not belong into an archive")
		}
	}
	if links == 0 || len(archive.Manifests(s.chain)) == 0 && len(s.chain) == links {
		s.add(MissingRecords, "", nil, "the stream's folder holds no manifest")
	}
	return nil
}

// versions names what lies on the version that was written first, which is the one that is read.
func (v *verifier) versions(stream string, l archive.Listed) {
	if l.Hidden {
		v.add(Finding{Kind: Hidden, Stream: stream, Object: l.Name, Text: "a delete marker hides the file; its version " + l.Version + " was read"})
	}
	if l.Replaced > 0 {
		v.add(Finding{Kind: Replaced, Stream: stream, Object: l.Name, Text: fmt.Sprintf(
			"%d newer versions lie on the file; version %s, the first, was read", l.Replaced, l.Version)})
	}
}

// window is how many links are read ahead of the one that is checked.
const window = 64

// walk reads the stream's links in order, checks that each follows the one before it, and starts a job for each object.
func (s *stream) walk(jobs *sync.WaitGroup) {
	var before *link
	for run := range slices.Chunk(s.chain, window) {
		links := make([]*link, len(run))
		var reads sync.WaitGroup
		for i, at := range run {
			s.start(&reads, func() { links[i] = s.read(at) })
		}
		reads.Wait()
		if s.ctx.Err() != nil {
			return
		}
		for _, l := range links {
			if l == nil {
				return // a read has failed the run
			}
			s.follow(before, l)
			before = l
			s.start(jobs, func() { s.object(l) })
		}
	}
	s.ended()
}

// ended settles what only the whole chain tells.
func (s *stream) ended() {
	for name := range s.objects {
		first, _ := archive.ParseObjectName(name)
		manifest := archive.ManifestName(first)
		if slices.ContainsFunc(s.chain, func(l archive.Listed) bool { return l.Name == manifest }) {
			if !s.bad[manifest] {
				s.add(OrphanObject, name, &first, "the object is not the one that its manifest names, nor one that it knows of")
			}
			continue
		}
		if !s.comes(manifest) {
			s.add(OrphanObject, name, &first, "the object has no manifest: either that was removed, or a crash left the object "+
				"before it was acknowledged; it is not part of the archive")
		}
	}
}

// poll is how often Grace looks again.
const poll = 50 * time.Millisecond

// stays says whether a file is still there after the time that an exporter might need to be done with it.
func (v *verifier) stays(dir string, l archive.Listed) bool {
	if !strings.HasPrefix(l.Name, ".tmp-") {
		return true
	}
	return !v.wait(func() bool { return !v.listed(dir, l.Name) })
}

// comes says whether a file appears in that time.
func (s *stream) comes(name string) bool {
	return s.wait(func() bool { return s.listed(s.name, name) })
}

// listed says whether a folder has a file.
func (v *verifier) listed(dir, name string) bool {
	list, err := v.reader.List(v.ctx, dir)
	return err == nil && slices.ContainsFunc(list, func(l archive.Listed) bool { return l.Name == name })
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
