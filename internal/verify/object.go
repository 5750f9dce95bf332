package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// maxFindings is how many records of one object are named; of more, only the number.
const maxFindings = 10

// object checks one object against its manifest. It needs no other object: the manifest has the tree before it.
func (s *stream) object(l *link) {
	defer s.step(l)
	if l.m == nil {
		return
	}
	name := l.m.Object.Name
	if !s.objects[l.first] {
		s.add(MissingObject, name, &l.first, "the object is missing: records %d to %d", l.m.First, l.m.Last)
		return
	}
	data, err := s.read(l.m)
	if err != nil {
		s.add(Unreadable, name, nil, "%v", err)
		return
	}
	if data == nil || !l.signed {
		return
	}
	r := &records{stream: s, link: l}
	r.check(data)
	s.mu.Lock()
	s.total.Records += r.count
	s.total.Omitted += uint64(len(l.m.Omitted))
	s.total.Bytes += int64(len(data))
	s.mu.Unlock()
}

// tooMuch is by how many bytes an object may be larger than it should be and still be read to see what is wrong with it.
const tooMuch = 64 << 20

// read reads an object and compares its size and hash; nil if it is far too large.
func (s *stream) read(m *archive.Manifest) ([]byte, error) {
	path := path.Join(s.name, m.Object.Name)
	info, err := fs.Stat(s.fsys, path)
	if err != nil {
		return nil, err
	}
	if info.Size() != m.Object.Bytes {
		s.add(ObjectSize, m.Object.Name, nil, "the object has %d bytes, its manifest says %d", info.Size(), m.Object.Bytes)
		if info.Size()-tooMuch > m.Object.Bytes {
			return nil, nil
		}
	}
	data, err := fs.ReadFile(s.fsys, path)
	if err != nil {
		return nil, err
	}
	if err := m.CheckObject(data); errors.Is(err, archive.ErrSHA256) {
		s.add(ObjectHash, m.Object.Name, nil, "%v", err)
	}
	return data, nil
}

// step reports progress.
func (s *stream) step(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.Objects++
	s.progress.Total = s.verifier.total
	if l.m != nil {
		s.progress.Bytes += l.m.Object.Bytes
	}
	if s.options.Progress != nil {
		s.options.Progress(s.progress)
	}
}

// records checks the records of one object.
type records struct {
	*stream
	*link
	count uint64
	bad   int
	tree  merkle.Frontier
	doc   value.Doc
	sum   *archive.Summary
}

func (r *records) check(data []byte) {
	var err error
	if r.tree, err = r.m.Before(); err != nil {
		r.add(BadManifest, archive.ManifestName(r.first), nil, "%v", err) // ParseManifest has checked it
		return
	}
	r.sum = archive.NewSummary()
	name := r.m.Object.Name
	leaves := r.m.Leaves(&r.tree, r.met)
	for rec, err := range r.m.Records(data) {
		if err != nil {
			next := rec.Sequence
			r.add(BadObject, name, &next, "%v", err)
			r.unchecked()
			return
		}
		if r.count&1023 == 0 && r.ctx.Err() != nil {
			return
		}
		r.count++
		leaves.Add(rec)
		r.document(rec)
	}
	leaves.Finish()
	if r.bad > maxFindings {
		r.add(BadDocument, name, nil, "%d more documents are not what they should be", r.bad-maxFindings)
	}
	if archive.Hex(r.tree.Root()) != r.m.Tree.After.Root {
		r.add(BadTree, name, nil, "the records do not give the tree head that was signed: one of records %d to %d was changed", r.m.First, r.m.Last)
	}
	if r.bad == 0 && !r.sum.Is(r.m) {
		r.add(BadSummary, archive.ManifestName(r.first), nil, "the manifest's time range or zone is not that of its records")
	}
}

// document checks that a record is the canonical document of its place.
func (r *records) document(rec exporters.Record) {
	r.doc.Reset()
	v, err := archive.CheckDocument(&r.doc, r.name, rec.Sequence, rec.JSON)
	if err == nil {
		r.sum.Add(v)
		return
	}
	if r.bad++; r.bad > maxFindings {
		return
	}
	text := err.Error()
	if n, ok := v.Get("event", "sequence").Int(); ok && n >= 0 && uint64(n) != rec.Sequence {
		text = fmt.Sprintf("record %d stands where record %d belongs", n, rec.Sequence)
	}
	r.add(BadDocument, r.m.Object.Name, &rec.Sequence, "%s", text)
}

// met compares the tree with expected checkpoints whenever it has grown.
func (r *records) met() {
	for _, e := range r.expected {
		if r.tree.Size() != e.Size {
			continue
		}
		if r.tree.Root() == e.Root {
			r.proved(e)
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
