package verify

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// maxFindings is how many records of one object are named; of more, only the number.
const maxFindings = 10

// object checks one object against its manifest. It needs no other object: the manifest has the tree before it.
func (s *stream) object(l *link) {
	defer s.step(l)
	m := l.manifest()
	if m == nil {
		return
	}
	data, f, err := s.readObject(m, l.listed)
	if err != nil {
		kind := Unreadable
		if errors.Is(err, fs.ErrNotExist) {
			kind = MissingObject
		}
		s.add(kind, m.Object.Name, &m.First, "records %d to %d are missing: %v", m.First, m.Last, err)
		return
	}
	if data == nil || !l.signed {
		return
	}
	s.lock(m.Object.Name, f, &m.Entry)
	r := &records{stream: s, link: l, m: m}
	r.check(data)
	s.mu.Lock()
	s.total.Records += r.count
	s.total.Omitted += uint64(len(m.Omitted))
	s.total.Bytes += int64(len(data))
	s.total.RawBytes += m.Object.RawBytes
	s.mu.Unlock()
}

// tooMuch is by how many bytes an object may be larger than it should be and still be read to see what is wrong with it.
const tooMuch = 64 << 20

// readObject reads an object and compares its size and hash; nil if it is far too large. It reads the version that was
// signed; where that is not there, the first one.
func (s *stream) readObject(m *archive.Manifest, at archive.Listed) ([]byte, archive.File, error) {
	name := m.Object.Name
	if at.Name == "" {
		return nil, archive.File{}, fs.ErrNotExist
	}
	if at.Size != m.Object.Bytes {
		s.add(ObjectSize, name, nil, "the object has %d bytes, its manifest says %d", at.Size, m.Object.Bytes)
		if at.Size-tooMuch > m.Object.Bytes {
			return nil, archive.File{}, nil
		}
	}
	version := at.Version
	if m.Object.Version != "" && version != "" && m.Object.Version != version {
		s.add(Replaced, name, nil, "the first version is %s, but %s was signed", version, m.Object.Version)
		version = m.Object.Version
	}
	data, f, err := s.reader.Read(s.ctx, s.name+"/"+name, version)
	if errors.Is(err, fs.ErrNotExist) && version != at.Version {
		data, f, err = s.reader.Read(s.ctx, s.name+"/"+name, at.Version)
	}
	if err != nil {
		return nil, f, err
	}
	if err := m.CheckObject(data); errors.Is(err, archive.ErrSHA256) {
		s.add(ObjectHash, name, nil, "%v", err)
	}
	return data, f, nil
}

// step reports progress.
func (s *stream) step(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.Objects++
	s.progress.Total = s.verifier.total
	if m := l.manifest(); m != nil {
		s.progress.Bytes += m.Object.Bytes
	}
	l.l = nil // manifests can be large, and there are many
	if s.options.Progress != nil {
		s.options.Progress(s.progress)
	}
}

// records checks the records of one object.
type records struct {
	*stream
	*link
	m     *archive.Manifest
	count uint64
	tree  merkle.Frontier
}

// check hashes the records to the tree that was signed. What does, is what was sealed, byte for byte; the documents are
// looked at only when something is wrong, or when a deep check is asked for.
func (r *records) check(data []byte) {
	var err error
	if r.tree, err = r.m.Before(); err != nil {
		r.add(BadManifest, r.at.Name, nil, "%v", err) // ParseLink has checked it
		return
	}
	var grown func()
	if len(r.expected) > 0 {
		grown = r.compare
	}
	leaves := r.m.Leaves(&r.tree, grown)
	for rec, err := range r.m.Records(data) {
		if err != nil {
			next := rec.Sequence
			r.documents(data)
			r.add(BadObject, r.m.Object.Name, &next, "%v", err)
			r.unchecked()
			return
		}
		if r.count&1023 == 0 && r.ctx.Err() != nil {
			return
		}
		r.count++
		leaves.Add(rec)
	}
	leaves.Finish()
	good := archive.Hex(r.tree.Root()) == r.m.Tree.After.Root
	if !good {
		r.add(BadTree, r.m.Object.Name, nil, "the records do not give the tree head that was signed: one of records %d to %d was changed", r.m.First, r.m.Last)
	}
	if !good || r.options.Deep {
		r.documents(data)
	}
}

// documents checks that each record is the canonical document of its place, and that the manifest's summary is theirs.
func (r *records) documents(data []byte) {
	sum := archive.NewSummary(r.m.Version)
	var doc value.Doc
	bad := 0
	for rec, err := range r.m.Records(data) {
		if err != nil {
			return // check says so
		}
		doc.Reset()
		v, err := archive.CheckDocument(&doc, r.name, rec.Sequence, rec.JSON)
		if err == nil {
			sum.Add(v)
			continue
		}
		if bad++; bad > maxFindings {
			continue
		}
		text := err.Error()
		if n, ok := v.Get("event", "sequence").Int(); ok && n >= 0 && uint64(n) != rec.Sequence {
			text = fmt.Sprintf("record %d stands where record %d belongs", n, rec.Sequence)
		}
		r.add(BadDocument, r.m.Object.Name, &rec.Sequence, "%s", text)
	}
	if bad > maxFindings {
		r.add(BadDocument, r.m.Object.Name, nil, "%d more documents are not what they should be", bad-maxFindings)
	}
	if bad == 0 && !sum.Is(r.m) {
		r.add(BadSummary, r.at.Name, nil, "the manifest's time range or zone is not that of its records")
	}
}

// compare compares the tree with expected checkpoints whenever it has grown.
func (r *records) compare() {
	for _, e := range r.expected {
		if r.tree.Size() != e.Size {
			continue
		}
		if r.tree.Root() == e.Root {
			r.met(e)
			continue
		}
		r.add(Unexpected, r.m.Object.Name, nil, "the first %d records do not give the expected checkpoint: the archive was rewritten", e.Size)
	}
}

// unchecked says of expected checkpoints that could not be reached why they were not proved.
func (r *records) unchecked() {
	for _, e := range r.expected {
		if e.Size > r.tree.Size() {
			r.add(Unexpected, r.m.Object.Name, nil, "the expected checkpoint of %d records cannot be checked: the object is damaged", e.Size)
		}
	}
}
