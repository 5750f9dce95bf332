package archive

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Manifest says what an object holds. See the package comment; all hashes are lower-case hexadecimal SHA-256.
type Manifest struct {
	Entry
	First     uint64      `json:"first"`
	Last      uint64      `json:"last"`
	Count     uint64      `json:"count"`
	Omitted   []Omitted   `json:"omitted,omitempty"`
	Object    Object      `json:"object"`
	Abandoned []Abandoned `json:"abandoned,omitempty"`
	Time      TimeRange   `json:"time,omitzero"`
	Tree      Trees       `json:"tree"`
	Zone      Zone        `json:"zone"`
	Blocks    []Block     `json:"blocks,omitempty"`
}

// Omitted is a record that the archive refused: the tree has its leaf, the object has no line for it.
type Omitted struct {
	Sequence uint64 `json:"sequence"`
	Leaf     string `json:"leaf"`
	Reason   string `json:"reason"`
}

// Object is the file that holds the records.
type Object struct {
	Name     string `json:"name"`
	SHA256   string `json:"sha256"`
	Bytes    int64  `json:"bytes"`
	RawBytes int64  `json:"raw_bytes"`         // before compression
	Version  string `json:"version,omitempty"` // what the store called the file when it was made
}

// Abandoned is a file that stood under the object's name before it, and is not part of the archive: what a crash has left
// before it was acknowledged, cut otherwise than what came afterwards, or what somebody else has put there.
type Abandoned struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// TimeRange of @timestamp. Both are zero when no record has one.
type TimeRange struct {
	Min time.Time `json:"min"`
	Max time.Time `json:"max"`
}

// Trees are the stream's Merkle tree before the first and after the last record.
type Trees struct {
	Before TreeBefore `json:"before"`
	After  TreeHead   `json:"after"`
}

// TreeHead is the size and root of a tree.
type TreeHead struct {
	Size uint64 `json:"size"`
	Root string `json:"root"`
}

// TreeBefore is a tree that can be continued: Frontier has the roots of its perfect subtrees, largest first.
type TreeBefore struct {
	Size     uint64   `json:"size"`
	Root     string   `json:"root"`
	Frontier []string `json:"frontier,omitempty"`
}

// hash reads 64 lower-case hexadecimal digits.
func hash(text string) (merkle.Hash, error) {
	var h merkle.Hash
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) || hex.EncodeToString(b) != text {
		return h, errors.New("is no hash")
	}
	return merkle.Hash(b), nil
}

// Hex writes a hash as manifests have it.
func Hex(h [32]byte) string { return hex.EncodeToString(h[:]) }

// After is the tree after the object's records.
func (m *Manifest) After() TreeHead { return m.Tree.After }

// Name of the manifest's file.
func (m *Manifest) Name() string { return ManifestName(m.First) }

// check says whether the manifest agrees with itself.
func (m *Manifest) check() error {
	if err := m.Entry.check(m.Name()); err != nil {
		return err
	}
	span := m.Last - m.First + 1
	first, named := ParseObjectName(m.Object.Name)
	switch {
	case m.First > m.Last || m.Last >= 1<<53:
		return fmt.Errorf("records %d–%d are no range", m.First, m.Last)
	case uint64(len(m.Omitted)) > span || m.Count != span-uint64(len(m.Omitted)):
		return fmt.Errorf("count %d does not fit records %d–%d", m.Count, m.First, m.Last)
	case !named || first != m.First:
		return errors.New("object is not named after its first record")
	case m.Object.Bytes < 0 || m.Object.RawBytes < 0:
		return errors.New("object has a negative size")
	case m.Tree.Before.Size != m.First || m.Tree.After.Size != m.Last+1:
		return fmt.Errorf("trees do not fit records %d–%d", m.First, m.Last)
	case !m.Time.valid():
		return errors.New("time range is none")
	case m.Version < 2 && (len(m.Blocks) > 0 || len(m.Abandoned) > 0 || m.Object.Name != ObjectName(m.First)):
		return errors.New("members are of a newer version")
	case m.Version >= 2 && len(m.Blocks) == 0:
		return errors.New("manifest has no blocks")
	}
	for i, o := range m.Omitted {
		if o.Sequence < m.First || o.Sequence > m.Last || i > 0 && o.Sequence <= m.Omitted[i-1].Sequence {
			return errors.New("omitted records are out of order")
		}
		if _, err := hash(o.Leaf); err != nil {
			return fmt.Errorf("leaf of omitted record %d %w", o.Sequence, err)
		}
	}
	return m.checkTrees()
}

func (t TimeRange) valid() bool { return t.Min.IsZero() == t.Max.IsZero() && !t.Max.Before(t.Min) }

func (m *Manifest) checkTrees() error {
	if _, err := hash(m.Object.SHA256); err != nil {
		return fmt.Errorf("sha256 of the object %w", err)
	}
	if _, err := m.Tree.After.root(); err != nil {
		return fmt.Errorf("root %w", err)
	}
	for _, a := range m.Abandoned {
		if first, ok := ParseObjectName(a.Name); !ok || first != m.First || a.Name == m.Object.Name {
			return errors.New("abandoned object is none of its place")
		}
		if _, err := hash(a.SHA256); err != nil {
			return fmt.Errorf("sha256 of an abandoned object %w", err)
		}
	}
	f, err := m.Before()
	if err != nil {
		return err
	}
	if Hex(f.Root()) != m.Tree.Before.Root {
		return errors.New("frontier does not give the root before the first record")
	}
	if m.Version < 2 {
		return nil
	}
	return m.checkBlocks(&f)
}

// Before is the tree before the first record.
func (m *Manifest) Before() (merkle.Frontier, error) {
	var f merkle.Frontier
	b := binary.BigEndian.AppendUint64(nil, m.Tree.Before.Size)
	for _, text := range m.Tree.Before.Frontier {
		h, err := hash(text)
		if err != nil {
			return f, fmt.Errorf("frontier %w", err)
		}
		b = append(b, h[:]...)
	}
	return f, f.UnmarshalBinary(b)
}

// setBefore is the reverse of Before.
func (m *Manifest) setBefore(f *merkle.Frontier) {
	m.Tree.Before = TreeBefore{Size: f.Size(), Root: Hex(f.Root())}
	for _, h := range f.Edges() {
		m.Tree.Before.Frontier = append(m.Tree.Before.Frontier, Hex(h))
	}
}
