package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Version of the manifest. A reader refuses a newer one: new members need a new version, because a member that is not
// understood might change what the others mean.
const Version = 1

// maxManifest bounds what a reader takes for a manifest.
const maxManifest = 4 << 20

// Manifest says what an object holds. See the package comment; all hashes are lower-case hexadecimal SHA-256.
type Manifest struct {
	Version    int       `json:"version"`
	Origin     string    `json:"origin"`
	Stream     string    `json:"stream"`
	Created    time.Time `json:"created"`
	First      uint64    `json:"first"`
	Last       uint64    `json:"last"`
	Count      uint64    `json:"count"`
	Omitted    []Omitted `json:"omitted,omitempty"`
	Object     Object    `json:"object"`
	Time       TimeRange `json:"time,omitzero"`
	Tree       Trees     `json:"tree"`
	Zone       Zone      `json:"zone"`
	Previous   *Link     `json:"previous,omitempty"`
	Checkpoint string    `json:"checkpoint,omitempty"`
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
	RawBytes int64  `json:"raw_bytes"` // before compression
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

// Link names a manifest and the hash of its file.
type Link struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
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

// body is the manifest's canonical JSON without the checkpoint: what the checkpoint signs.
func (m *Manifest) body() ([]byte, error) {
	unsigned := *m
	unsigned.Checkpoint = ""
	return unsigned.canonical()
}

// Digest is the hash that the checkpoint binds.
func (m *Manifest) Digest() ([32]byte, error) {
	b, err := m.body()
	return sha256.Sum256(b), err
}

func (m *Manifest) canonical() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return value.AppendCanonical(nil, string(b)), nil
}

// Marshal writes the manifest's file.
func (m *Manifest) Marshal() ([]byte, error) {
	b, err := m.canonical()
	return append(b, '\n'), err
}

// ParseManifest reads a manifest's file strictly: what it returns marshals to the same bytes, and its numbers, names and
// trees agree with each other. It does not look at the checkpoint.
func ParseManifest(file []byte) (*Manifest, error) {
	if len(file) > maxManifest {
		return nil, errors.New("archive: manifest is too large")
	}
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(file, &v); err != nil {
		return nil, errors.New("archive: manifest is not valid JSON")
	}
	if v.Version != Version {
		return nil, fmt.Errorf("archive: manifest has version %d, this program knows %d", v.Version, Version)
	}
	m := new(Manifest)
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("archive: manifest: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("archive: manifest has text after its end")
	}
	if again, err := m.Marshal(); err != nil || !bytes.Equal(again, file) {
		return nil, errors.New("archive: manifest is not in canonical form")
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("archive: manifest: %w", err)
	}
	return m, nil
}

// check says whether the manifest agrees with itself.
func (m *Manifest) check() error {
	if err := CheckStream(m.Stream); err != nil {
		return err
	}
	span := m.Last - m.First + 1
	switch {
	case !validName(m.Origin):
		return errors.New("origin is no name")
	case m.First > m.Last || m.Last >= 1<<53:
		return fmt.Errorf("records %d–%d are no range", m.First, m.Last)
	case uint64(len(m.Omitted)) > span || m.Count != span-uint64(len(m.Omitted)):
		return fmt.Errorf("count %d does not fit records %d–%d", m.Count, m.First, m.Last)
	case m.Object.Name != ObjectName(m.First):
		return errors.New("object is not named after its first record")
	case m.Object.Bytes < 0 || m.Object.RawBytes < 0:
		return errors.New("object has a negative size")
	case m.Tree.Before.Size != m.First || m.Tree.After.Size != m.Last+1:
		return fmt.Errorf("trees do not fit records %d–%d", m.First, m.Last)
	case m.Time.Min.IsZero() != m.Time.Max.IsZero() || m.Time.Max.Before(m.Time.Min):
		return errors.New("time range is none")
	}
	for i, o := range m.Omitted {
		if o.Sequence < m.First || o.Sequence > m.Last || i > 0 && o.Sequence <= m.Omitted[i-1].Sequence {
			return errors.New("omitted records are out of order")
		}
		if _, err := hash(o.Leaf); err != nil {
			return fmt.Errorf("leaf of omitted record %d %w", o.Sequence, err)
		}
	}
	return m.checkLinks()
}

func (m *Manifest) checkLinks() error {
	if _, err := hash(m.Object.SHA256); err != nil {
		return fmt.Errorf("sha256 of the object %w", err)
	}
	if _, err := hash(m.Tree.After.Root); err != nil {
		return fmt.Errorf("root %w", err)
	}
	f, err := m.Before()
	if err != nil {
		return err
	}
	if Hex(f.Root()) != m.Tree.Before.Root {
		return errors.New("frontier does not give the root before the first record")
	}
	if m.Previous == nil {
		return nil
	}
	if _, err := hash(m.Previous.SHA256); err != nil {
		return fmt.Errorf("sha256 of the previous manifest %w", err)
	}
	if first, ok := ParseManifestName(m.Previous.Name); !ok || first >= m.First {
		return errors.New("previous manifest is none that comes before")
	}
	return nil
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
	b, _ := f.MarshalBinary() // never fails
	m.Tree.Before = TreeBefore{Size: f.Size(), Root: Hex(f.Root())}
	for b = b[8:]; len(b) > 0; b = b[32:] {
		m.Tree.Before.Frontier = append(m.Tree.Before.Frontier, Hex([32]byte(b)))
	}
}
