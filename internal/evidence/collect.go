package evidence

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Place is where a record stands.
type Place struct {
	Stream   string
	Sequence uint64
}

// Collect proves the records at the places, in order of stream and sequence, and returns the folder's files by name.
func Collect(ctx context.Context, r archive.Reader, places []Place) (map[string][]byte, error) {
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Sequence, b.Sequence))
	})
	places = slices.Compact(places)
	c := &collector{ctx: ctx, reader: r, files: make(map[string][]byte), evidence: Evidence{Version: Version}}
	for len(places) > 0 {
		n, err := c.object(places)
		if err != nil {
			return nil, err
		}
		places = places[n:]
	}
	return c.finish()
}

// collector fills the folder.
type collector struct {
	ctx      context.Context
	reader   archive.Reader
	evidence Evidence
	records  bytes.Buffer
	files    map[string][]byte

	stream string // whose manifests are listed
	list   []archive.Listed
}

// object proves the first places as far as they are in one object, and says how many.
func (c *collector) object(places []Place) (int, error) {
	first := places[0]
	m, err := c.manifest(first)
	if err != nil {
		return 0, err
	}
	var sequences []uint64
	for _, p := range places {
		if p.Stream != first.Stream || p.Sequence > m.Last {
			break
		}
		sequences = append(sequences, p.Sequence)
	}
	proofs, err := m.Prove(c.ctx, c.reader, sequences)
	if err != nil {
		return 0, err
	}
	for _, p := range proofs {
		out := Proof{Stream: m.Stream, Sequence: p.Sequence, Checkpoint: len(c.evidence.Checkpoints)}
		for _, h := range p.Path {
			out.Path = append(out.Path, base64.StdEncoding.EncodeToString(h[:]))
		}
		c.evidence.Records = append(c.evidence.Records, out)
		c.records.Write(p.JSON)
		c.records.WriteByte('\n')
	}
	c.evidence.Checkpoints = append(c.evidence.Checkpoints, m.Checkpoint)
	return len(sequences), nil
}

// manifest finds the object that holds a record.
func (c *collector) manifest(p Place) (*archive.Manifest, error) {
	if c.list == nil || c.stream != p.Stream {
		list, err := c.reader.List(c.ctx, p.Stream)
		if err != nil {
			return nil, fmt.Errorf("evidence: %w", err)
		}
		c.stream, c.list = p.Stream, archive.Manifests(list)
	}
	i := sort.Search(len(c.list), func(i int) bool { return c.list[i].Name > archive.ManifestName(p.Sequence) }) - 1
	if i < 0 {
		return nil, fmt.Errorf("evidence: record %d of stream %s is not in the archive", p.Sequence, p.Stream)
	}
	l, _, _, err := archive.ReadLink(c.ctx, c.reader, p.Stream, c.list[i])
	if err != nil {
		return nil, err
	}
	m := l.(*archive.Manifest)
	if p.Sequence > m.Last {
		return nil, fmt.Errorf("evidence: record %d of stream %s is not in the archive", p.Sequence, p.Stream)
	}
	return m, nil
}

func (c *collector) finish() (map[string][]byte, error) {
	keys, err := archive.ReadKeys(c.ctx, c.reader)
	if err != nil {
		return nil, err
	}
	signers := make(map[string]bool)
	for _, text := range c.evidence.Checkpoints {
		p, err := archive.ParseCheckpoint(text)
		if err != nil {
			return nil, fmt.Errorf("evidence: %w", err)
		}
		for _, s := range p.Signers {
			signers[archive.KeyName(s.Hash)] = true
		}
	}
	for _, k := range keys {
		if signers[k.Name] {
			c.files[k.Name] = []byte(k.Text)
		}
	}
	text, err := json.MarshalIndent(&c.evidence, "", " ")
	if err != nil {
		return nil, err
	}
	c.files[EvidenceFile], c.files[RecordsFile], c.files[ReadmeFile] = append(text, '\n'), c.records.Bytes(), []byte(readme)
	return c.files, nil
}

const readme = `Evidence from an agent-audit archive

records.ndjson holds records of what AI agents did, one a line, exactly as they were sealed. evidence.json proves of each
line that it stands at its place in the signed log of its stream. Nothing can have been changed since it was signed.

Check it, offline, with the public key that you have from whoever runs the archive (not with the one in this folder,
unless you have compared the two):

  agent-audit verify . --key KEY.pub

or with verify-evidence.py, a hundred lines of Python without any library, from docs/archive.md of agent-audit.

What is proved: each line was in the log, at that place, when its checkpoint was signed. What is not proved: that these are
all the records there are.

How it is proved: leaf = SHA-256(0x00, line). From the leaf up, the hashes of "path" are joined to it, left or right, as
SHA-256(0x01, left, right) (RFC 6962, 2.1.1), until the root is reached. The root is the third line of the checkpoint, the
number of records its second. The checkpoint is a C2SP signed note: Ed25519 over its text up to the empty line.
`
