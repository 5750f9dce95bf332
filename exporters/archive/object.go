package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Input is what becomes an object: consecutive records and what went before them.
type Input struct {
	Stream, Origin string
	Records        []exporters.Record
	Tree           merkle.Frontier // before the first record
	Previous       *Previous       // nil where the archive begins
	Created        time.Time
	Lock           *Lock  // what the object and its manifest are locked under
	KeyChange      string // see Entry
	Compression    string // Gzip (also "") or Zstd
}

// Packed is an object that is ready to be written, and the manifest that is signed once the store has it.
type Packed struct {
	Object   []byte
	Manifest *Manifest
	Tree     merkle.Frontier     // after the last record
	Refused  []exporters.Refusal // records that are no canonical document of the stream: only their leaves are kept
}

// Sealed is an object with its signed manifest.
type Sealed struct {
	*Packed
	File []byte // the manifest's
}

// Build packs and seals an object for a store without versions.
func Build(in Input, signer note.Signer) (*Sealed, error) {
	p, err := Pack(in)
	if err != nil {
		return nil, err
	}
	return p.Seal(File{}, signer)
}

// Seal signs the manifest of an object that the store holds as f.
func (p *Packed) Seal(f File, signer note.Signer) (*Sealed, error) {
	p.Manifest.Object.Version = f.Version
	file, err := seal(p.Manifest, signer)
	if err != nil {
		return nil, err
	}
	return &Sealed{Packed: p, File: file}, nil
}

// Pack compresses records to an object. The same records give the same object.
func Pack(in Input) (*Packed, error) {
	first := in.Records[0].Sequence
	suffix := suffixOf(in.Compression)
	m := &Manifest{
		Entry: Entry{
			Version: Version, Origin: in.Origin, Stream: in.Stream, Created: in.Created.UTC(),
			Lock: in.Lock, KeyChange: in.KeyChange, Previous: in.Previous,
		},
		First: first, Last: in.Records[len(in.Records)-1].Sequence,
	}
	m.setBefore(&in.Tree)
	k := &packer{p: &Packed{Manifest: m, Tree: in.Tree.Clone()}, zone: NewSummary(Version)}
	var err error
	if k.zip, err = newCompressor(suffix); err != nil {
		return nil, err
	}
	for i := range in.Records {
		if err := k.add(&in.Records[i]); err != nil {
			return nil, err
		}
	}
	if err := k.endBlock(); err != nil {
		return nil, err
	}
	p := k.p
	p.Object = k.out.Bytes()
	m.Object.Name, m.Object.Bytes, m.Object.SHA256 = otherName(first, 0, suffix), int64(len(p.Object)), Hex(sha256.Sum256(p.Object))
	m.Time, m.Zone = k.zone.times, k.zone.zone()
	m.Tree.After = TreeHead{Size: p.Tree.Size(), Root: Hex(p.Tree.Root())}
	return p, nil
}

// packer writes an object block by block.
type packer struct {
	p    *Packed
	out  bytes.Buffer
	zip  compressor
	zone *Summary
	doc  value.Doc

	block *blockWriter // nil between blocks
}

// blockWriter is the block being written.
type blockWriter struct {
	Block
	leaves           *merkle.Range
	from             int // its place in the object
	sum              *Summary
	sessions, agents marks
}

// add puts a record into the block that it belongs to.
func (k *packer) add(r *exporters.Record) error {
	if k.block != nil && r.Sequence%blockRecords == 0 {
		if err := k.endBlock(); err != nil {
			return err
		}
	}
	if k.block == nil {
		k.block = &blockWriter{
			Block: Block{First: r.Sequence}, leaves: merkle.NewRange(r.Sequence), from: k.out.Len(),
			sum: NewSummary(Version), sessions: marks{}, agents: marks{},
		}
		k.zip.Reset(&k.out)
	}
	leaf := merkle.LeafHash(r.JSON)
	k.block.leaves.Append(leaf)
	m := k.p.Manifest
	k.doc.Reset()
	v, err := CheckDocument(&k.doc, m.Stream, r.Sequence, r.JSON)
	if err != nil {
		m.Omitted = append(m.Omitted, Omitted{Sequence: r.Sequence, Leaf: Hex(leaf), Reason: err.Error()})
		k.p.Refused = append(k.p.Refused, exporters.Refusal{Sequence: r.Sequence, Reason: err.Error()})
		return nil
	}
	k.zone.addValues(v)
	k.block.add(v)
	m.Count++
	k.block.RawBytes += int64(len(r.JSON)) + 1
	if _, err := k.zip.Write(r.JSON); err != nil {
		return err
	}
	_, err = k.zip.Write([]byte{'\n'})
	return err
}

// add notes what a query may look for.
func (b *blockWriter) add(doc value.Value) {
	b.sum.addTime(doc)
	b.sessions.add(doc.Get("agent_audit", "session", "id").String())
	for _, path := range zoneLists[0].paths {
		b.agents.add(doc.Get(path...).String())
	}
}

// endBlock closes the block and continues the tree by it.
func (k *packer) endBlock() error {
	if err := k.zip.Close(); err != nil {
		return err
	}
	b := k.block
	part := k.out.Bytes()[b.from:]
	b.Bytes, b.SHA256, b.Time = int64(len(part)), Hex(sha256.Sum256(part)), b.sum.times
	b.Sessions, b.Agents = b.sessions.String(), b.agents.String()
	roots := b.leaves.Roots()
	for i, level := range merkle.Levels(b.First, b.First+b.leaves.Len()) {
		b.Subtrees = append(b.Subtrees, Hex(roots[i]))
		if !k.p.Tree.AppendTree(level, roots[i]) {
			return exporters.Permanent(fmt.Errorf("archive: record %d does not follow the tree before it", b.First))
		}
	}
	if !b.Time.Max.IsZero() {
		k.zone.time(b.Time.Min)
		k.zone.time(b.Time.Max)
	}
	m := k.p.Manifest
	m.Blocks = append(m.Blocks, b.Block)
	m.Object.RawBytes += b.RawBytes
	k.block = nil
	return nil
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
		zip, err := decompress(m.Object.Name, data)
		if err != nil {
			yield(exporters.Record{Sequence: m.First}, err)
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

// ReadObject reads the object of a manifest and checks its size and hash.
func ReadObject(ctx context.Context, r Reader, m *Manifest) ([]byte, error) {
	name := m.Stream + "/" + m.Object.Name
	data, _, err := r.Read(ctx, name, m.Object.Version)
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
