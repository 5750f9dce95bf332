package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Version of manifests and heartbeats. A reader refuses a newer one: new members need a new version, because a member
// that is not understood might change what the others mean. Version 1 had no blocks, locks, versions, key changes,
// abandoned objects, other compression than gzip, or heartbeats; it is still read.
const Version = 2

// maxManifest bounds what a reader takes for a manifest or heartbeat.
const maxManifest = 4 << 20

// Entry is what manifests and heartbeats, the links of a stream's chain, have in common.
type Entry struct {
	Version int       `json:"version"`
	Origin  string    `json:"origin"`
	Stream  string    `json:"stream"`
	Created time.Time `json:"created"`
	// Lock is the least that the store was told to hold this file, and its object, under.
	Lock *Lock `json:"lock,omitempty"`
	// KeyChange is a note by the key that signed before, which names the key that signs from here on.
	KeyChange string `json:"key_change,omitempty"`
	// Previous is the link before this one; absent where the archive begins.
	Previous   *Previous `json:"previous,omitempty"`
	Checkpoint string    `json:"checkpoint,omitempty"`
}

// Previous names a link and the hash of its file.
type Previous struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Version string `json:"version,omitempty"` // what the store called the file
}

// Heartbeat says that nothing came after a tree's last record until it was made, so that silence can be told from loss.
// Its file is canonical JSON and a line feed, as a manifest's.
type Heartbeat struct {
	Entry
	Tree TreeHead `json:"tree"`
}

// Link is a Manifest or a Heartbeat.
type Link interface {
	// Common are the members that both have.
	Common() *Entry
	// After is the stream's tree after the link; its size is the sequence that comes next.
	After() TreeHead
	// Name of its file, in the stream's folder.
	Name() string

	check() error
}

// Common returns the entry.
func (e *Entry) Common() *Entry { return e }

// After is the tree that had not grown.
func (h *Heartbeat) After() TreeHead { return h.Tree }

// Name of the heartbeat's file.
func (h *Heartbeat) Name() string { return HeartbeatName(h.Tree.Size, h.Created) }

func (h *Heartbeat) check() error {
	if h.Version < 2 {
		return errors.New("heartbeats have version 2")
	}
	if h.Tree.Size >= 1<<53 {
		return errors.New("tree is too large")
	}
	if _, err := hash(h.Tree.Root); err != nil {
		return fmt.Errorf("root %w", err)
	}
	return h.Entry.check(h.Name())
}

// check is for what does not depend on the kind of link; name is its file's.
func (e *Entry) check(name string) error {
	if err := CheckStream(e.Stream); err != nil {
		return err
	}
	switch {
	case !validName(e.Origin):
		return errors.New("origin is no name")
	case e.Version < 2 && (e.Lock != nil || e.KeyChange != ""):
		return errors.New("members are of a newer version")
	case e.Lock != nil && !e.Lock.valid():
		return errors.New("lock is none")
	case e.Previous == nil:
		return nil
	}
	if _, err := hash(e.Previous.SHA256); err != nil {
		return fmt.Errorf("sha256 of the previous link %w", err)
	}
	if !isChained(e.Previous.Name) || e.Previous.Name >= name {
		return errors.New("previous link is none that comes before")
	}
	return nil
}

func (l *Lock) valid() bool {
	return (l.Mode == Compliance || l.Mode == Governance) && !l.Until.IsZero()
}

// Marshal writes a link's file.
func Marshal(l Link) ([]byte, error) {
	b, err := canonical(l)
	return append(b, '\n'), err
}

func canonical(l Link) ([]byte, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	return value.AppendCanonical(nil, string(b)), nil
}

// Digest is the hash that the checkpoint binds: of the link's canonical JSON without the checkpoint.
func Digest(l Link) ([32]byte, error) {
	e := l.Common()
	signed := e.Checkpoint
	e.Checkpoint = ""
	b, err := canonical(l)
	e.Checkpoint = signed
	return sha256.Sum256(b), err
}

// seal signs a link and writes its file.
func seal(l Link, signer note.Signer) ([]byte, error) {
	var err error
	if l.Common().Checkpoint, err = signCheckpoint(l, signer); err != nil {
		return nil, err
	}
	file, err := Marshal(l)
	if err == nil {
		// Whatever we sign, we can read: a link that is refused later would be worthless.
		_, err = ParseLink(l.Name(), file)
	}
	if err != nil {
		return nil, exporters.Permanent(err)
	}
	return file, nil
}

// ParseLink reads the file of a manifest or heartbeat, whose name says which, strictly: what it returns marshals to the
// same bytes, and its numbers, names and trees agree with each other. It does not look at the checkpoint.
func ParseLink(name string, file []byte) (Link, error) {
	var l Link = new(Manifest)
	if _, _, ok := ParseHeartbeatName(name); ok {
		l = new(Heartbeat)
	}
	if len(file) > maxManifest {
		return nil, errors.New("archive: manifest is too large")
	}
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(file, &v); err != nil {
		return nil, errors.New("archive: manifest is not valid JSON")
	}
	if v.Version < 1 || v.Version > Version {
		return nil, fmt.Errorf("archive: manifest has version %d, this program knows 1 to %d", v.Version, Version)
	}
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return nil, fmt.Errorf("archive: manifest: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("archive: manifest has text after its end")
	}
	if again, err := Marshal(l); err != nil || !bytes.Equal(again, file) {
		return nil, errors.New("archive: manifest is not in canonical form")
	}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("archive: manifest: %w", err)
	}
	return l, nil
}

// ReadLink reads a stream's manifest or heartbeat of a listing. It also returns the file as it is, nil if it cannot be
// read, and what the store knows of it.
func ReadLink(ctx context.Context, r Reader, stream string, at Listed) (Link, []byte, File, error) {
	name := stream + "/" + at.Name
	if at.Size > maxManifest {
		return nil, []byte{}, File{}, fmt.Errorf("archive: %s is too large for a manifest", name)
	}
	file, f, err := r.Read(ctx, name, at.Version)
	if err != nil {
		return nil, nil, f, fmt.Errorf("archive: %w", err)
	}
	l, err := ParseLink(at.Name, file)
	if err != nil {
		return nil, file, f, fmt.Errorf("%s: %w", name, err)
	}
	if l.Common().Stream != stream || l.Name() != at.Name {
		return nil, file, f, fmt.Errorf("%s: archive: manifest is of another place: stream %s, %s", name, l.Common().Stream, l.Name())
	}
	return l, file, f, nil
}

// Chain are the links of a stream's listing, in order.
func Chain(list []Listed) []Listed {
	var links []Listed
	for _, l := range list {
		if !l.Dir && isChained(l.Name) {
			links = append(links, l)
		}
	}
	return links
}

// Manifests are the manifests of a stream's listing, in order.
func Manifests(list []Listed) []Listed {
	var links []Listed
	for _, l := range list {
		if _, ok := ParseManifestName(l.Name); ok && !l.Dir {
			links = append(links, l)
		}
	}
	return links
}

// ReadManifest reads a stream's manifest by the sequence of its first record.
func ReadManifest(ctx context.Context, r Reader, stream string, first uint64) (*Manifest, []byte, error) {
	l, file, _, err := ReadLink(ctx, r, stream, Listed{Name: ManifestName(first)})
	m, _ := l.(*Manifest)
	return m, file, err
}

// previous names a link as the one before.
func previous(l Link, file []byte, f File) *Previous {
	return &Previous{Name: l.Name(), SHA256: Hex(sha256.Sum256(file)), Version: f.Version}
}

// root reads a tree head's root.
func (t TreeHead) root() (merkle.Hash, error) { return hash(t.Root) }
