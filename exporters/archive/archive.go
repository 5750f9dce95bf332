// Package archive writes the audit trail to a folder, or by exporters/s3 to a bucket, as compressed, signed objects that
// can be verified with nothing but the public key.
//
//	DIR/agent-audit-1a2b3c4d.pub                            a public key (note vkey), named by its key hash
//	DIR/STREAM/00000000000000000000.ndjson.gz               records 0–4999 of the stream: canonical JSON, one a line
//	DIR/STREAM/00000000000000000000.manifest.json           what the object holds, signed
//	DIR/STREAM/00000000000000005000.heartbeat-20261125T1800Z.json  nothing came until then, signed
//	DIR/STREAM/00000000000000005000.ndjson.gz               records from 5000 on
//	DIR/STREAM/00000000000000005000.manifest.json
//
// Names are the sequence of the first record, in 20 digits, so that they sort. A manifest is canonical JSON (RFC 8785)
// and a line feed:
//
//	{"version": 2, "origin": …, "stream": …, "created": …,
//	 "first": 5000, "last": 9999, "count": 4999,            records; count is lines of the object
//	 "omitted": [{"sequence": 7000, "leaf": …, "reason": …}],  refused records: they are in the tree, but not here
//	 "object": {"name": …, "sha256": …, "bytes": …, "raw_bytes": …,   raw: before compression
//	            "version": …},                              S3's version id
//	 "lock": {"mode": "COMPLIANCE", "until": …},            S3: of object and manifest, at the least
//	 "time": {"min": …, "max": …},                          of @timestamp
//	 "tree": {"before": {"size": 5000, "root": …, "frontier": […]},  RFC 6962; the frontier lets an object be
//	          "after": {"size": 10000, "root": …}},                  verified by itself
//	 "zone": {"agents": […], "sessions": […], …, "risk_max": 90, "truncated": ["sessions"]},   to skip objects by
//	 "blocks": [{"first": 5000, "bytes": …, "raw_bytes": …, "sha256": …,   parts of the object, one after the other
//	             "subtrees": […],                           their part of the tree, so that one proves its records alone
//	             "time": …, "sessions": …, "agents": …}],   to skip blocks by
//	 "abandoned": [{"name": …, "sha256": …}],               files under the object's name that are not of the archive
//	 "previous": {"name": …, "sha256": …, "version": …},    the manifest or heartbeat before; absent where the archive begins
//	 "key_change": …,                                       the key before this one vouches for the key that signs this
//	 "checkpoint": …}                                       C2SP tlog-checkpoint, a signed note:
//
//	agent-audit/STREAM                                      origin
//	10000                                                   tree size
//	szd7…=                                                  root
//	manifest sha256:9f86…                                   of the manifest's canonical JSON without "checkpoint"
//
//	— agent-audit Gisz…=                                    Ed25519
//
// A heartbeat has version, origin, stream, created, lock, tree (size and root), previous, key_change and checkpoint. It
// says that whoever writes the archive lived, and had been given no record since the link before.
//
// The signature covers the records (by the root), their order (by the tree), and every word of the manifest (by its
// hash). Each link names the one before it. What nobody can see in an archive alone is that its end was cut off:
// compare its last checkpoint with one kept elsewhere. On S3 under Object Lock nothing can be cut off, only hidden, which
// verification sees.
//
// # Where is what
//
//	store.go       Store: what a folder and a bucket have to be able to do; folder.go, disk.go: the folder
//	writer.go      the exporter on any Store; head.go: where a stream's archive ends; heartbeat.go
//	object.go      records ↔ object; block.go, zone.go: to find records without reading everything; compress.go
//	link.go        manifests and heartbeats, their chain; manifest.go; names.go
//	checkpoint.go  signatures; key.go: keys; keychange.go: one key vouches for the next; cosignature.go: witnesses
//	proof.go       a record's inclusion proof
//
// # Writing, and crashes
//
// A file is made whole or not at all and is durable when it is there (a folder: temporary name, fsync, link, fsync of the
// folder; S3: one PUT with If-None-Match). No file is ever changed or removed. The object comes first; the manifest is
// the commit. If we were to crash
//
//   - before the object is there: nothing has happened. A folder's temporary file is removed at the next start.
//   - after the object, before the manifest: the object was never acknowledged, so its records come again, with others
//     behind them. If the first of them give the object byte for byte, it is taken as it is, and the rest makes the next
//     one. Else it is left where it is, the manifest says so, and the object gets another name. Nothing is ever taken
//     from it: we sign what we were given, not what we find.
//   - after the manifest, before the acknowledgement: the records come again, perhaps cut otherwise. Those that
//     are archived are compared byte by byte and acknowledged; what follows them makes a new object that begins where
//     the last one ends. Objects never overlap. A record that differs is a PermanentError that names both.
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

	"github.com/agentaudit/agentaudit/exporters"
)

// Settings are what the folder archive and S3 have in common.
type Settings struct {
	KeySettings
	// Origin names the archive in checkpoints; default: the name in the key, which is "agent-audit" for one made here.
	Origin string `json:"origin"`
	// MaxBytes is how many bytes of documents an object holds, before compression; default 64 MiB.
	MaxBytes int `json:"max_bytes"`
	// MaxWait is how long a record waits for its object to fill; default 5m.
	MaxWait string `json:"max_wait"`
	// Compression is gzip (the default), which everything reads, or zstd.
	Compression string `json:"compression"`
	// Heartbeat is after how long without a record a heartbeat is written; default 1h, "0" for never.
	Heartbeat string `json:"heartbeat"`
	// Stream is the stream whose heartbeats are written before its first record has come.
	Stream string `json:"stream"`
}

// DefaultSettings are those of an empty section.
func DefaultSettings() Settings {
	return Settings{MaxBytes: 64 << 20, MaxWait: "5m", Compression: Gzip, Heartbeat: "1h"}
}

// Options checks the settings and makes Options of them, without a store and key.
func (c *Settings) Options() (o Options, err error) {
	switch {
	case c.Origin != "" && !validName(c.Origin):
		return o, errors.New("origin has spaces, plus signs or control characters, or is longer than 200 bytes")
	case c.MaxBytes < 1 || c.MaxBytes > 1<<30:
		return o, errors.New("max_bytes is not between 1 and 1 GiB")
	case suffixOf(c.Compression) == "":
		return o, fmt.Errorf("compression %.40q is neither gzip nor zstd", c.Compression)
	case c.Stream != "" && CheckStream(c.Stream) != nil:
		return o, errors.New("stream is no name")
	}
	o = Options{Origin: c.Origin, MaxBytes: c.MaxBytes, Compression: c.Compression, Stream: c.Stream}
	if o.MaxWait, err = time.ParseDuration(c.MaxWait); err != nil || o.MaxWait <= 0 {
		return o, fmt.Errorf("max_wait %.40q is no duration such as 5m", c.MaxWait)
	}
	if o.Heartbeat, err = time.ParseDuration(c.Heartbeat); err != nil || o.Heartbeat < 0 {
		return o, fmt.Errorf("heartbeat %.40q is no duration such as 1h", c.Heartbeat)
	}
	return o, nil
}

// Decode reads an exporter's settings strictly.
func Decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("text after the object")
	}
	return nil
}

// folderSettings are the section of the folder archive.
type folderSettings struct {
	// Dir is the archive's folder; it is made if need be (0700).
	Dir string `json:"dir"`
	Settings
}

// Open starts the exporter on a folder. Wrong settings, an unusable key and a key that others can read are
// PermanentErrors.
func Open(ctx context.Context, data []byte) (exporters.Exporter, error) {
	return open(ctx, data, osDisk{})
}

func open(ctx context.Context, data []byte, d disk) (*writer, error) {
	c := folderSettings{Settings: DefaultSettings()}
	err := Decode(data, &c)
	var o Options
	if err == nil {
		o, err = c.options()
	}
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("archive: settings: %w", err))
	}
	f, err := openFolder(c.Dir, d)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	w, err := c.start(ctx, f, o)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return w, nil
}

func (c *folderSettings) start(ctx context.Context, f *folder, o Options) (_ *writer, err error) {
	known, err := ReadKeys(ctx, f)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.KeyFile); c.KeyFile != "" && gone(err) && len(known) > 0 && c.PreviousKeyFile == "" {
		return nil, exporters.Permanent(fmt.Errorf("archive: key file %s is missing, but the archive was signed with another key: "+
			"restore it, as key_file or, to change keys, as previous_key_file; if it is lost, archive to another folder", c.KeyFile))
	}
	o.Store = f
	if o.Key, err = c.open(f.disk); err != nil {
		return nil, err
	}
	if o.PreviousKey, err = c.OpenPrevious(); err != nil {
		return nil, err
	}
	return newWriter(ctx, o)
}

func (c *folderSettings) options() (Options, error) {
	o, err := c.Settings.Options()
	switch {
	case err != nil:
		return o, err
	case c.Dir == "":
		return o, errors.New("dir is missing")
	case c.KeyFile == "" && c.KeyEnv == "":
		return o, errors.New("key_file is missing")
	case c.KeyFile != "" && within(c.Dir, c.KeyFile):
		return o, errors.New("key_file lies in the archive: who gets hold of the archive could forge it")
	}
	return o, nil
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
