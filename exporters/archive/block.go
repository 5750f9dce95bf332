package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema/merkle"
)

// blockRecords is how many records make a block. Blocks end at multiples of it, so that one in the middle of an object is
// a perfect subtree.
const blockRecords = 4096

// Block is a part of an object that can be read, decompressed and proved without the rest: a gzip member or zstd frame.
// Blocks follow one another without gaps.
type Block struct {
	First    uint64 `json:"first"` // sequence; the block ends where the next begins
	Bytes    int64  `json:"bytes"`
	RawBytes int64  `json:"raw_bytes"`
	SHA256   string `json:"sha256"` // of the compressed bytes
	// Subtrees are the roots of the largest perfect subtrees that cover the block's records, left to right.
	Subtrees []string  `json:"subtrees"`
	Time     TimeRange `json:"time,omitzero"`
	// Sessions and Agents are the marks (Mark) of the values that occur, sorted and run together. Agents are ids and names
	// as in the zone.
	Sessions string `json:"sessions,omitempty"`
	Agents   string `json:"agents,omitempty"`
}

// markDigits is the length of a mark.
const markDigits = 8

// Mark stands for a value in a block: the first 8 hexadecimal digits of its SHA-256. Two values may have the same mark, so
// that one that is there may be missing from the records, but never the other way about.
func Mark(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:markDigits/2])
}

// marked says whether a value's mark is among marks.
func marked(marks, value string) bool {
	mark := Mark(value)
	for i := 0; i+markDigits <= len(marks); i += markDigits {
		if marks[i:i+markDigits] == mark {
			return true
		}
	}
	return false
}

// MaySession and MayAgent say whether a record of that session or agent can be in the block.
func (b *Block) MaySession(id string) bool { return marked(b.Sessions, id) }

// MayAgent is as MaySession.
func (b *Block) MayAgent(name string) bool { return marked(b.Agents, name) }

// marks collects values whose marks a block has.
type marks map[string]struct{}

func (m marks) add(text string) {
	if _, ok := m[text]; !ok && text != "" {
		m[strings.Clone(text)] = struct{}{} // its own memory: text points into a document
	}
}

func (m marks) String() string {
	all := make([]string, 0, len(m))
	for s := range m {
		all = append(all, Mark(s))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "")
}

// end is the sequence after the last record of block i.
func (m *Manifest) end(i int) uint64 {
	if i+1 < len(m.Blocks) {
		return m.Blocks[i+1].First
	}
	return m.Last + 1
}

// checkBlocks says whether the blocks make up the object and continue the tree before it to the one after it.
func (m *Manifest) checkBlocks(tree *merkle.Frontier) error {
	var sum, raw int64
	next := m.First
	for i := range m.Blocks {
		b := &m.Blocks[i]
		end := m.end(i)
		if b.First != next || end <= b.First || end-b.First > blockRecords || b.Bytes < 0 || b.RawBytes < 0 || !b.Time.valid() {
			return fmt.Errorf("block %d is not in its place", i)
		}
		if len(b.Sessions)%markDigits != 0 || len(b.Agents)%markDigits != 0 {
			return fmt.Errorf("block %d has marks that are none", i)
		}
		if _, err := hash(b.SHA256); err != nil {
			return fmt.Errorf("sha256 of block %d %w", i, err)
		}
		if err := b.appendTo(tree, end); err != nil {
			return fmt.Errorf("block %d: %w", i, err)
		}
		sum, raw, next = sum+b.Bytes, raw+b.RawBytes, end
	}
	switch {
	case next != m.Last+1 || sum != m.Object.Bytes || raw != m.Object.RawBytes:
		return errors.New("blocks do not make up the object")
	case Hex(tree.Root()) != m.Tree.After.Root:
		return errors.New("subtrees do not give the root after the last record")
	}
	return nil
}

// appendTo continues a tree by the block's subtrees.
func (b *Block) appendTo(tree *merkle.Frontier, end uint64) error {
	levels := merkle.Levels(b.First, end)
	if len(levels) != len(b.Subtrees) {
		return errors.New("subtrees do not cover the records")
	}
	for i, text := range b.Subtrees {
		h, err := hash(text)
		if err != nil {
			return fmt.Errorf("subtree %w", err)
		}
		if !tree.AppendTree(levels[i], h) {
			return errors.New("subtrees do not follow the tree before them")
		}
	}
	return nil
}

// BlockOf is the index of the block that holds a record of the manifest.
func (m *Manifest) BlockOf(sequence uint64) int {
	i, exact := slices.BinarySearchFunc(m.Blocks, sequence, func(b Block, n uint64) int { return cmp.Compare(b.First, n) })
	if exact {
		return i
	}
	return i - 1
}

// part is the manifest of one block, as far as reading its records needs one.
func (m *Manifest) part(i int) *Manifest {
	b := &m.Blocks[i]
	p := &Manifest{Entry: m.Entry, First: b.First, Last: m.end(i) - 1, Object: m.Object}
	p.Object.Bytes, p.Object.RawBytes, p.Object.SHA256 = b.Bytes, b.RawBytes, b.SHA256
	for _, o := range m.Omitted {
		if o.Sequence >= p.First && o.Sequence <= p.Last {
			p.Omitted = append(p.Omitted, o)
		}
	}
	p.Count = p.Last - p.First + 1 - uint64(len(p.Omitted))
	return p
}

// ReadBlock reads one block of an object and checks its size and hash. The manifest it returns has the block's range and
// omissions, to iterate over its records with Records; it is no manifest of the archive.
func ReadBlock(ctx context.Context, r Reader, m *Manifest, i int) (*Manifest, []byte, error) {
	var offset int64
	for _, b := range m.Blocks[:i] {
		offset += b.Bytes
	}
	p := m.part(i)
	name := m.Stream + "/" + m.Object.Name
	data, err := r.ReadRange(ctx, name, m.Object.Version, offset, p.Object.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("archive: %w", err)
	}
	if err := p.CheckObject(data); err != nil {
		return nil, nil, fmt.Errorf("archive: %s: block of record %d: %w", name, p.First, err)
	}
	return p, data, nil
}
