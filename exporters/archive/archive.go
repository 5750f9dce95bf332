// Package archive writes the audit trail to a folder of compressed, signed objects that can be verified with nothing
// but the public key. S3 holds the same layout.
//
//	DIR/agent-audit-1a2b3c4d.pub                            a public key (note vkey), named by its key hash
//	DIR/STREAM/00000000000000000000.ndjson.gz               records 0–4999 of the stream: canonical JSON, one a line
//	DIR/STREAM/00000000000000000000.manifest.json           what the object holds, signed
//	DIR/STREAM/00000000000000005000.ndjson.gz               records from 5000 on
//	DIR/STREAM/00000000000000005000.manifest.json
//
// Names are the sequence of the first record, in 20 digits, so that they sort. A manifest is canonical JSON (RFC 8785)
// and a line feed:
//
//	{"version": 1, "origin": …, "stream": …, "created": …,
//	 "first": 5000, "last": 9999, "count": 4999,            records; count is lines of the object
//	 "omitted": [{"sequence": 7000, "leaf": …, "reason": …}],  refused records: they are in the tree, but not here
//	 "object": {"name": …, "sha256": …, "bytes": …, "raw_bytes": …},   raw: before compression
//	 "time": {"min": …, "max": …},                          of @timestamp
//	 "tree": {"before": {"size": 5000, "root": …, "frontier": […]},  RFC 6962; the frontier lets an object be
//	          "after": {"size": 10000, "root": …}},                  verified by itself
//	 "zone": {"agents": […], "sessions": […], …, "risk_max": 90, "truncated": ["sessions"]},   to skip objects by
//	 "previous": {"name": …, "sha256": …},                  the manifest before it; absent where the archive begins
//	 "checkpoint": …}                                       C2SP tlog-checkpoint, a signed note:
//
//	agent-audit/STREAM                                      origin
//	10000                                                   tree size
//	szd7…=                                                  root
//	manifest sha256:9f86…                                   of the manifest's canonical JSON without "checkpoint"
//
//	— agent-audit Gisz…=                                    Ed25519
//
// The signature covers the records (by the root), their order (by the tree), and every word of the manifest (by its
// hash). Each manifest names the one before it. What nobody can see in an archive alone is that its end was cut off:
// compare its last checkpoint with one kept elsewhere.
//
// # Writing, and crashes
//
// A file is written under a temporary name, fsynced, linked to its name (a link never overwrites), and its folder
// fsynced. The object comes first; the manifest's link is the commit. If we were to crash
//
//   - before the object's link: a temporary file is left. It is removed at the next start.
//   - after the object's link: an object without manifest is left. It was never acknowledged, so the records come again,
//     perhaps cut otherwise. If the new object is the same byte for byte it is kept; else it is removed, and the new one
//     written. Nothing is ever taken from it: we sign what we were given, not what we find.
//   - after the manifest's link, before the acknowledgement: the records come again, perhaps cut otherwise. Those that
//     are archived are compared byte by byte and acknowledged; what follows them makes a new object that begins where
//     the last one ends. Objects never overlap. A record that differs is a PermanentError that names both.
//
// The folder is locked (flock), so that a second exporter, or one that has outlived its host, cannot remove an object
// between its link and its manifest's.
package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
)

// settings are the exporter's section of the configuration.
type settings struct {
	// Dir is the archive's folder; it is made if need be (0700).
	Dir string `json:"dir"`
	// KeyFile holds the private key that signs manifests (Ed25519, note skey text). It is made on the first start (0600).
	// It must not lie in the archive, and nobody but its owner may read it.
	KeyFile string `json:"key_file"`
	// Origin names the archive in checkpoints; default: the name in the key, which is "agent-audit" for one made here.
	Origin string `json:"origin"`
	// MaxBytes is how many bytes of documents an object holds, before compression; default 64 MiB.
	MaxBytes int `json:"max_bytes"`
	// MaxWait is how long a record waits for its object to fill; default 5m.
	MaxWait string `json:"max_wait"`
}

// maxRecords bounds an object of tiny records.
const maxRecords = 100_000

// defaultName is the name of a key made without an origin.
const defaultName = "agent-audit"

// archive is the exporter.
type archive struct {
	dir    string
	origin string
	policy exporters.BatchPolicy
	signer note.Signer
	disk   disk
	lock   *os.File
	now    func() time.Time
	heads  map[string]*head // of the streams met so far; dropped on any error, and then read anew
}

// Open starts the exporter. Wrong settings, an unusable key and a key that others can read are PermanentErrors.
func Open(_ context.Context, data []byte) (exporters.Exporter, error) { return open(data, osDisk{}) }

func open(data []byte, d disk) (*archive, error) {
	c, wait, err := parseSettings(data)
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("archive: settings: %w", err))
	}
	if err := d.MkdirAll(c.Dir); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	a := &archive{
		dir: c.Dir, disk: d, lock: lock, now: time.Now, heads: make(map[string]*head),
		policy: exporters.BatchPolicy{MaxRecords: maxRecords, MaxBytes: c.MaxBytes, MaxWait: wait},
	}
	if a.signer, err = openKey(d, c); err != nil {
		_ = a.Close()
		return nil, err
	}
	if a.origin = c.Origin; a.origin == "" {
		a.origin = a.signer.Name()
	}
	return a, nil
}

func parseSettings(data []byte) (c settings, wait time.Duration, _ error) {
	c.MaxBytes, c.MaxWait = 64<<20, "5m"
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, 0, err
	}
	if _, err := d.Token(); err != io.EOF {
		return c, 0, errors.New("text after the object")
	}
	switch {
	case c.Dir == "":
		return c, 0, errors.New("dir is missing")
	case c.KeyFile == "":
		return c, 0, errors.New("key_file is missing")
	case c.Origin != "" && !validName(c.Origin):
		return c, 0, errors.New("origin has spaces, plus signs or control characters, or is longer than 200 bytes")
	case c.MaxBytes < 1 || c.MaxBytes > 1<<30:
		return c, 0, errors.New("max_bytes is not between 1 and 1 GiB")
	case within(c.Dir, c.KeyFile):
		return c, 0, errors.New("key_file lies in the archive: who gets hold of the archive could forge it")
	}
	wait, err := time.ParseDuration(c.MaxWait)
	if err != nil || wait <= 0 {
		return c, 0, fmt.Errorf("max_wait %q is no duration such as 5m", c.MaxWait)
	}
	return c, wait, nil
}

// within says whether path lies in dir, as far as names and links tell.
func within(dir, path string) bool {
	rel, err := filepath.Rel(resolve(dir), filepath.Join(resolve(filepath.Dir(path)), filepath.Base(path)))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func resolve(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}

// Policy says how batches are cut: a batch becomes an object.
func (a *archive) Policy() exporters.BatchPolicy { return a.policy }

// Close lets go of the folder.
func (a *archive) Close() error { return a.lock.Close() }

// Export archives the batch as one object, less what is archived already. Records that are no canonical document of
// this stream are refused: the object has their leaf hashes only.
func (a *archive) Export(ctx context.Context, b exporters.Batch) (acked uint64, refused []exporters.Refusal, err error) {
	defer func() {
		if err != nil {
			delete(a.heads, b.Stream)
		}
	}()
	if err := CheckStream(b.Stream); err != nil {
		return 0, nil, exporters.Permanent(err)
	}
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	h, err := a.head(b.Stream)
	if err != nil {
		return 0, nil, err
	}
	refused, err = h.compare(ctx, &b)
	if err != nil {
		return 0, nil, err
	}
	if h.last != nil && b.Last() < h.next() {
		return b.Last(), refused, nil
	}
	if err := h.continues(&b, a.origin); err != nil {
		return 0, nil, exporters.Permanent(err)
	}
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	more, err := a.add(h, &b, h.rest(&b))
	if err != nil {
		return 0, nil, err
	}
	return b.Last(), append(refused, more...), nil
}

// add writes records as the next object of the stream, and moves its head.
func (a *archive) add(h *head, b *exporters.Batch, records []exporters.Record) ([]exporters.Refusal, error) {
	tree := h.tree
	if h.last == nil {
		tree = b.Tree
	}
	s, err := Build(Input{
		Stream: b.Stream, Origin: a.origin, Records: records, Tree: tree.Clone(), Previous: h.link(), Created: a.now(),
	}, a.signer)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(a.dir, b.Stream)
	if err := a.putObject(filepath.Join(dir, s.Manifest.Object.Name), s.Object); err != nil {
		return nil, err
	}
	if err := put(a.disk, filepath.Join(dir, ManifestName(s.Manifest.First)), s.File, 0o400); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	h.last, h.file, h.tree = s.Manifest, s.File, s.Tree
	return s.Refused, nil
}

// putObject writes an object in the place of one that a crash has left without manifest.
func (a *archive) putObject(path string, data []byte) error {
	err := put(a.disk, path, data, 0o400)
	if errors.Is(err, os.ErrExist) {
		left, rerr := os.ReadFile(path)
		if rerr == nil && bytes.Equal(left, data) {
			return nil // its folder was fsynced when the head was read
		}
		if err := a.disk.Remove(path); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		err = put(a.disk, path, data, 0o400)
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}
