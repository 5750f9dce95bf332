package verify

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// link is a manifest or heartbeat in its stream's chain.
type link struct {
	at     archive.Listed
	digest string       // SHA-256 of its file; "" if it cannot be read
	l      archive.Link // nil if it is none; its object's job drops it, so that only the job may use it once that runs
	end    *end         // what the next link is checked against; nil if it is none
	file   archive.File
	err    error
	signed bool           // by a known key, and whole
	listed archive.Listed // the manifest's object, as the listing has it
	// expected are the checkpoints whose tree ends within the manifest's object.
	expected []*expectation
}

// end is the end of the stream at a link.
type end struct {
	tree    archive.TreeHead
	origin  string
	created time.Time
}

// manifest is the link as one, nil if it is none.
func (l *link) manifest() *archive.Manifest {
	m, _ := l.l.(*archive.Manifest)
	return m
}

// read reads a link.
func (s *stream) read(at archive.Listed) *link {
	l := &link{at: at}
	var file []byte
	l.l, file, l.file, l.err = archive.ReadLink(s.ctx, s.reader, s.name, at)
	if file != nil {
		l.digest = archive.Hex(sha256.Sum256(file))
	}
	if l.l != nil {
		l.end = &end{tree: l.l.After(), origin: l.l.Common().Origin, created: l.l.Common().Created}
	}
	return l
}

// follow checks a link, and that it continues the one before it.
func (s *stream) follow(before, l *link) {
	if l.err != nil {
		s.bad[l.at.Name] = true
		kind := BadManifest
		if l.digest == "" {
			kind = Unreadable
		}
		s.add(kind, l.at.Name, nil, "%v", l.err)
		return
	}
	if m := l.manifest(); m != nil {
		l.listed = s.objects[m.Object.Name]
		delete(s.objects, m.Object.Name)
		for _, a := range m.Abandoned {
			delete(s.objects, a.Name)
		}
	}
	s.signature(l)
	s.chained(before, l)
	s.lock(l.at.Name, l.file, l.l.Common())
	s.count(before, l)
	for _, e := range s.expected {
		s.expect(e, l, before == nil)
	}
}

// signature checks that a link is signed, by a key that may sign here.
func (s *stream) signature(l *link) {
	name := l.at.Name
	c, err := archive.ParseCheckpoint(l.l.Common().Checkpoint)
	if err != nil {
		s.add(BadCheckpoint, name, nil, "%v", err)
		return
	}
	good := true
	s.change(l.l)
	if err := c.Verify(s.keys.good); err != nil {
		good = false
		if c.Verify(s.keys.retired) == nil {
			s.add(RetiredKey, name, nil, "signed by the key %s+%08x, which another had followed on before: whoever has the old key could have made this; the records are not checked",
				c.Signers[0].Name, c.Signers[0].Hash)
		} else {
			s.add(BadSignature, name, nil, "%v; the records are not checked", err)
		}
	}
	if err := c.Fits(l.l); err != nil {
		good = false
		kind := BadCheckpoint
		if errors.Is(err, archive.ErrAltered) {
			kind = Altered
		}
		s.add(kind, name, nil, "%v; the records are not checked", err)
	}
	l.signed = good
}

// chained checks a link against the one before it in the folder.
func (s *stream) chained(before, l *link) {
	name, e := l.at.Name, l.l.Common()
	first, root := begins(l.l)
	if before == nil {
		if e.Previous != nil {
			s.add(MissingRecords, name, nil, "the archive once had %s before this: what came before record %d is missing", e.Previous.Name, first)
		}
		return
	}
	switch p := e.Previous; {
	case p == nil:
		s.add(BadChain, name, nil, "the manifest claims that the archive begins with it, but %s comes before", before.at.Name)
	case p.Name != before.at.Name:
		s.add(BadChain, name, nil, "the manifest follows %s, but %s comes before it", p.Name, before.at.Name)
	case before.digest != "" && p.SHA256 != before.digest:
		s.add(BadChain, name, nil, "the manifest follows another %s than the one that is here", p.Name)
	case p.Version != "" && before.at.Version != "" && p.Version != before.at.Version:
		s.add(Replaced, before.at.Name, nil, "the first version is %s, but %s was signed by the manifest after it", before.at.Version, p.Version)
	}
	if before.end == nil {
		return
	}
	switch after := before.end.tree; {
	case first > after.Size:
		s.add(Gap, name, &after.Size, "records %d to %d are missing", after.Size, first-1)
	case first < after.Size:
		s.add(Overlap, name, &first, "records from %d on are in %s as well", first, before.at.Name)
	case root != after.Root:
		s.add(BadTree, name, &first, "the tree does not continue that of %s", before.at.Name)
	}
	if was := before.end.origin; e.Origin != was {
		s.add(BadChain, name, nil, "the origin is %q, before it was %q", e.Origin, was)
	}
}

// begins is the tree that a link continues.
func begins(l archive.Link) (size uint64, root string) {
	if m, ok := l.(*archive.Manifest); ok {
		return m.First, m.Tree.Before.Root
	}
	return l.After().Size, l.After().Root
}

// lock checks the lock that the store holds a file under against what was signed and what is asked for.
func (s *stream) lock(name string, f archive.File, e *archive.Entry) {
	if !s.options.Locks {
		return
	}
	want := archive.Lock{Mode: s.options.Mode}
	if e.Lock != nil {
		want = *e.Lock
		if s.options.Mode == archive.Compliance {
			want.Mode = archive.Compliance
		}
	}
	if min := e.Created.Add(s.options.Retention); s.options.Retention > 0 && want.Until.Before(min) {
		// The lock counts from when the writing of the file began, a little before or, after a crash, up to a day.
		want.Until = min.AddDate(0, 0, -1)
	}
	switch {
	case want.Mode == "" && want.Until.IsZero():
		s.add(BadLock, name, nil, "the manifest says nothing of a lock: the archive was not written with Object Lock")
		return
	case f.Lock == nil:
		s.add(BadLock, name, nil, "there is no lock on the file, or the credentials may not see it (s3:GetObjectRetention); it should be %s until %s",
			want.Mode, day(want.Until))
		return
	case !f.Lock.Holds(&want):
		s.add(BadLock, name, nil, "the file is locked in mode %s until %s, but it should be %s until %s",
			f.Lock.Mode, day(f.Lock.Until), want.Mode, day(want.Until))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total.LockedUntil.IsZero() || f.Lock.Until.Before(s.total.LockedUntil) {
		s.total.LockedUntil = f.Lock.Until
	}
}

// count adds a link to the stream's figures.
func (s *stream) count(before, l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, e := &s.total, l.l.Common()
	if before == nil {
		t.Begins, _ = begins(l.l)
	}
	if l.manifest() != nil {
		t.Objects++
	} else {
		t.Heartbeats++
	}
	if before != nil && before.end != nil {
		if was := before.end.created; e.Created.Sub(was) > t.Silence.Until.Sub(t.Silence.From) {
			t.Silence = Silence{From: was, Until: e.Created}
		}
	}
	head := l.l.After()
	t.Last = Head{Size: head.Size, Root: head.Root, Created: e.Created, Note: e.Checkpoint}
}
