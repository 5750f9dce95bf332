package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Input is what becomes an object: consecutive records and what went before them.
type Input struct {
	Stream, Origin string
	Records        []exporters.Record
	Tree           merkle.Frontier // before the first record; Build appends to it
	Previous       *Link           // nil where the archive begins
	Created        time.Time
}

// Sealed is an object ready to be written: first Object, then, as the commit, File.
type Sealed struct {
	Object   []byte
	Manifest *Manifest
	File     []byte // the manifest's
	Tree     merkle.Frontier
	Refused  []exporters.Refusal // records that are no canonical document of the stream: only their leaves are kept
}

// Build compresses records to an object and signs its manifest. The same records give the same object.
func Build(in Input, signer note.Signer) (*Sealed, error) {
	first := in.Records[0].Sequence
	m := &Manifest{
		Version: Version, Origin: in.Origin, Stream: in.Stream, Created: in.Created.UTC(),
		First: first, Last: in.Records[len(in.Records)-1].Sequence, Previous: in.Previous,
	}
	m.setBefore(&in.Tree)
	s := &Sealed{Manifest: m, Tree: in.Tree}
	var object bytes.Buffer
	zip := gzip.NewWriter(&object)
	zone := NewSummary()
	var doc value.Doc
	for _, r := range in.Records {
		leaf := merkle.LeafHash(r.JSON)
		s.Tree.Append(leaf)
		doc.Reset()
		v, err := CheckDocument(&doc, in.Stream, r.Sequence, r.JSON)
		if err != nil {
			m.Omitted = append(m.Omitted, Omitted{Sequence: r.Sequence, Leaf: Hex(leaf), Reason: err.Error()})
			s.Refused = append(s.Refused, exporters.Refusal{Sequence: r.Sequence, Reason: err.Error()})
			continue
		}
		zone.Add(v)
		m.Count++
		m.Object.RawBytes += int64(len(r.JSON)) + 1
		if _, err := zip.Write(r.JSON); err != nil {
			return nil, err
		}
		if _, err := zip.Write([]byte{'\n'}); err != nil {
			return nil, err
		}
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	s.Object = object.Bytes()
	m.Object.Name, m.Object.Bytes, m.Object.SHA256 = ObjectName(first), int64(len(s.Object)), Hex(sha256.Sum256(s.Object))
	m.Time, m.Zone = zone.times, zone.zone()
	m.Tree.After = TreeHead{Size: s.Tree.Size(), Root: Hex(s.Tree.Root())}
	var err error
	if m.Checkpoint, err = signCheckpoint(m, signer); err != nil {
		return nil, err
	}
	if s.File, err = m.Marshal(); err != nil {
		return nil, err
	}
	// Whatever we sign, we can read: a manifest that is refused later would be worthless.
	if _, err := ParseManifest(s.File); err != nil {
		return nil, exporters.Permanent(err)
	}
	return s, nil
}

// CheckDocument says whether data is the canonical document of a stream's record, and returns it parsed into doc. It may
// have fields that this program does not know. Errors say nothing of the input.
func CheckDocument(doc *value.Doc, stream string, sequence uint64, data []byte) (value.Value, error) {
	v, err := doc.ParseJSON(string(data))
	if err != nil {
		return v, fmt.Errorf("document: %w", err)
	}
	if v.Kind() != value.Object || !bytes.Equal(v.AppendJSON(make([]byte, 0, len(data))), data) {
		return v, errors.New("document is not canonical JSON (RFC 8785)")
	}
	if s, ok := v.Get("agent_audit", "stream").Str(); !ok || s != stream {
		return v, fmt.Errorf("document is not of stream %s", stream)
	}
	if n, ok := v.Get("event", "sequence").Int(); !ok || n < 0 || uint64(n) != sequence {
		return v, fmt.Errorf("document has not the event.sequence %d", sequence)
	}
	return v, nil
}

// Errors of CheckObject.
var (
	ErrSize   = errors.New("object has not the size that its manifest says")
	ErrSHA256 = errors.New("object has not the SHA-256 that its manifest says")
)

// CheckObject says whether data is the object that the manifest names.
func (m *Manifest) CheckObject(data []byte) error {
	if int64(len(data)) != m.Object.Bytes {
		return ErrSize
	}
	if Hex(sha256.Sum256(data)) != m.Object.SHA256 {
		return ErrSHA256
	}
	return nil
}

// Records reads the object's records in order. Each is valid until the next. An object that holds more or fewer lines or
// bytes than the manifest says ends with an error, and the sequence of the record that could not be read; nothing is held
// in memory but a line.
func (m *Manifest) Records(data []byte) iter.Seq2[exporters.Record, error] {
	return func(yield func(exporters.Record, error) bool) {
		zip, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			yield(exporters.Record{Sequence: m.First}, fmt.Errorf("object cannot be decompressed: %w", err))
			return
		}
		defer zip.Close()
		left := io.LimitedReader{R: zip, N: m.Object.RawBytes + 1}
		lines := bufio.NewReaderSize(&left, 64<<10)
		sequence, omitted := m.First, m.Omitted
		var line []byte
		for range m.Count {
			for len(omitted) > 0 && omitted[0].Sequence == sequence {
				omitted = omitted[1:]
				sequence++
			}
			if line, err = readLine(lines, line[:0]); err != nil {
				yield(exporters.Record{Sequence: sequence}, err)
				return
			}
			if !yield(exporters.Record{Sequence: sequence, JSON: line}, nil) {
				return
			}
			sequence++
		}
		if _, err := lines.ReadByte(); err != io.EOF || left.N != 1 {
			yield(exporters.Record{Sequence: sequence}, errors.New("object holds more or less than its manifest says"))
		}
	}
}

// readLine appends a line, without its end, to buf.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		buf = append(buf, part...)
		switch {
		case err == nil:
			return buf[:len(buf)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF:
			return buf, errors.New("object holds fewer records than its manifest says")
		default:
			return buf, fmt.Errorf("object cannot be decompressed: %w", err)
		}
	}
}

// ReadManifest reads a stream's manifest. It also returns the file as it is.
func ReadManifest(fsys fs.FS, stream string, first uint64) (*Manifest, []byte, error) {
	name := path.Join(stream, ManifestName(first))
	if info, err := fs.Stat(fsys, name); err == nil && info.Size() > maxManifest {
		return nil, []byte{}, fmt.Errorf("archive: %s is too large for a manifest", name)
	}
	file, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, nil, fmt.Errorf("archive: %w", err)
	}
	m, err := ParseManifest(file)
	if err != nil {
		return nil, file, fmt.Errorf("%s: %w", name, err)
	}
	if m.Stream != stream || m.First != first {
		return nil, file, fmt.Errorf("%s: archive: manifest is of another place: stream %s, first record %d", name, m.Stream, m.First)
	}
	return m, file, nil
}

// ReadObject reads the object of a manifest and checks its size, before it is read, and its hash.
func ReadObject(fsys fs.FS, m *Manifest) ([]byte, error) {
	name := path.Join(m.Stream, m.Object.Name)
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if info.Size() != m.Object.Bytes {
		return nil, fmt.Errorf("archive: %s: %w", name, ErrSize)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if err := m.CheckObject(data); err != nil {
		return nil, fmt.Errorf("archive: %s: %w", name, err)
	}
	return data, nil
}

// Leaves appends an object's records to a tree, with the leaves of those that were omitted in their places.
type Leaves struct {
	omitted []Omitted
	tree    *merkle.Frontier
	grown   func()
}

// Leaves starts at the object's first record; tree is the one before it. grown, unless nil, is called after each leaf.
func (m *Manifest) Leaves(tree *merkle.Frontier, grown func()) *Leaves {
	if grown == nil {
		grown = func() {}
	}
	return &Leaves{omitted: m.Omitted, tree: tree, grown: grown}
}

// Add appends the next record, after the omitted ones before it.
func (l *Leaves) Add(r exporters.Record) {
	l.omit(r.Sequence)
	l.tree.Append(merkle.LeafHash(r.JSON))
	l.grown()
}

// Finish appends the omitted records after the last one.
func (l *Leaves) Finish() { l.omit(1 << 63) }

func (l *Leaves) omit(before uint64) {
	for len(l.omitted) > 0 && l.omitted[0].Sequence < before {
		h, _ := hash(l.omitted[0].Leaf) // checked when the manifest was read
		l.tree.Append(h)
		l.omitted = l.omitted[1:]
		l.grown()
	}
}
