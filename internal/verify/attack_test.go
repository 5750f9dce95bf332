package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
	"github.com/agentaudit/agentaudit/internal/verify"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

// vault is an archive in a bucket, and what an attacker has who has stolen the store's root credentials, but not the
// signing key.
type vault struct {
	*testing.T
	place s3.Place
	root  *awss3.Client
	key   string // the genuine public key
	note  string // the last checkpoint of stream s, kept elsewhere
	own   note.Signer
}

var vaults atomic.Int64

// newVault archives records 0–11 of the streams s and t in objects of three, in GOVERNANCE mode, which root can bypass.
func newVault(t *testing.T, server *s3test.Server) *vault {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	v := &vault{T: t, place: s3.Place{
		Bucket: fmt.Sprintf("vault-%d", vaults.Add(1)), Region: s3test.Region, Endpoint: server.Endpoint, PathStyle: true,
	}}
	c, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(s3test.Region))
	if err != nil {
		t.Fatal(err)
	}
	v.root = awss3.NewFromConfig(c, func(o *awss3.Options) { o.BaseEndpoint, o.UsePathStyle = &v.place.Endpoint, true })
	if _, err := v.root.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &v.place.Bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	v.fill("", filepath.Join(t.TempDir(), "key"), "s", "t")
	keys, err := archive.ReadKeys(t.Context(), v.reader())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	v.key = strings.TrimSpace(keys[0].Text)
	v.note = v.manifest("s", 9).Checkpoint
	skey, _, err := note.GenerateKey(nil, "agent-audit")
	if err != nil {
		t.Fatal(err)
	}
	if v.own, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	return v
}

// fill archives under a prefix.
func (v *vault) fill(prefix, key string, streams ...string) {
	v.Helper()
	settings, err := json.Marshal(map[string]any{
		"bucket": v.place.Bucket, "prefix": prefix, "region": v.place.Region, "endpoint": v.place.Endpoint, "path_style": true,
		"mode": "GOVERNANCE", "retention": "720h", "key_file": key,
	})
	if err != nil {
		v.Fatal(err)
	}
	e, err := s3.Open(v.Context(), settings)
	if err != nil {
		v.Fatal(err)
	}
	defer e.Close()
	for _, stream := range streams {
		for from := uint64(0); from < 12; from += 3 {
			if _, _, err := e.Export(v.Context(), exportertest.Batch(stream, exportertest.Records(stream, from, 3))); err != nil {
				v.Fatal(err)
			}
		}
	}
}

func (v *vault) reader() archive.Reader {
	v.Helper()
	r, err := s3.OpenReader(v.Context(), v.place)
	if err != nil {
		v.Fatal(err)
	}
	return r
}

func (v *vault) manifest(stream string, first uint64) *archive.Manifest {
	v.Helper()
	l, _, _, err := archive.ReadLink(v.Context(), v.reader(), stream, v.listed(stream, archive.ManifestName(first)))
	if err != nil {
		v.Fatal(err)
	}
	return l.(*archive.Manifest)
}

func (v *vault) listed(stream, name string) archive.Listed {
	v.Helper()
	list, err := v.reader().List(v.Context(), stream)
	if err != nil {
		v.Fatal(err)
	}
	i := slices.IndexFunc(list, func(l archive.Listed) bool { return l.Name == name })
	if i < 0 {
		v.Fatalf("%s/%s is not there", stream, name)
	}
	return list[i]
}

func (v *vault) read(name string) []byte {
	v.Helper()
	data, _, err := v.reader().Read(v.Context(), name, "")
	if err != nil {
		v.Fatal(err)
	}
	return data
}

// put writes a newer version.
func (v *vault) put(name string, data []byte) {
	v.Helper()
	if _, err := v.root.PutObject(v.Context(), &awss3.PutObjectInput{Bucket: &v.place.Bucket, Key: &name, Body: bytes.NewReader(data)}); err != nil {
		v.Fatal(err)
	}
}

// hide puts a delete marker on a file.
func (v *vault) hide(name string) {
	v.Helper()
	if _, err := v.root.DeleteObject(v.Context(), &awss3.DeleteObjectInput{Bucket: &v.place.Bucket, Key: &name}); err != nil {
		v.Fatal(err)
	}
}

// destroy deletes the locked version by the right to bypass GOVERNANCE.
func (v *vault) destroy(stream, name string) {
	v.Helper()
	key := stream + "/" + name
	if _, err := v.root.DeleteObject(v.Context(), &awss3.DeleteObjectInput{
		Bucket: &v.place.Bucket, Key: &key, VersionId: aws.String(v.listed(stream, name).Version), BypassGovernanceRetention: aws.Bool(true),
	}); err != nil {
		v.Fatal(err)
	}
}

// swap destroys the locked version and puts another in its place, which then is the first.
func (v *vault) swap(stream, name string, data []byte) {
	v.Helper()
	v.destroy(stream, name)
	v.put(stream+"/"+name, data)
}

// attacks are the matrix: what is done, and the finding that has to name it.
var attacks = []struct {
	name string
	do   func(*vault)
	kind verify.Kind
	at   string // file, "" for any
}{
	{"replace an object by a newer version", func(v *vault) { v.put("s/"+archive.ObjectName(3), []byte("other")) }, verify.Replaced, archive.ObjectName(3)},
	{"replace a manifest by a newer version", func(v *vault) { v.put("s/"+archive.ManifestName(3), []byte("{}")) }, verify.Replaced, archive.ManifestName(3)},
	{"delete marker on an object", func(v *vault) { v.hide("s/" + archive.ObjectName(3)) }, verify.Hidden, archive.ObjectName(3)},
	{"delete marker on a manifest", func(v *vault) { v.hide("s/" + archive.ManifestName(3)) }, verify.Hidden, archive.ManifestName(3)},
	{"delete markers on the tail", func(v *vault) {
		v.hide("s/" + archive.ObjectName(9))
		v.hide("s/" + archive.ManifestName(9))
	}, verify.Hidden, archive.ManifestName(9)},
	{"edit a record", func(v *vault) { v.swap("s", archive.ObjectName(3), v.repacked(3, edited)) }, verify.BadTree, archive.ObjectName(3)},
	{"truncate an object", func(v *vault) {
		v.swap("s", archive.ObjectName(3), v.read("s/" + archive.ObjectName(3))[:200])
	}, verify.ObjectSize, archive.ObjectName(3)},
	{"reorder records", func(v *vault) {
		v.swap("s", archive.ObjectName(3), v.repacked(3, func(r []exporters.Record) { r[0].JSON, r[1].JSON = r[1].JSON, r[0].JSON }))
	}, verify.BadObject, archive.ObjectName(3)},
	{"swap objects between streams", func(v *vault) {
		v.swap("s", archive.ObjectName(3), v.read("t/"+archive.ObjectName(3)))
	}, verify.BadDocument, archive.ObjectName(3)},
	{"duplicate an object", func(v *vault) { v.put("s/"+archive.ObjectName(12), v.read("s/"+archive.ObjectName(9))) }, verify.OrphanObject, archive.ObjectName(12)},
	{"duplicate object and manifest", func(v *vault) {
		v.put("s/"+archive.ObjectName(12), v.read("s/"+archive.ObjectName(9)))
		v.put("s/"+archive.ManifestName(12), v.read("s/"+archive.ManifestName(9)))
	}, verify.BadManifest, archive.ManifestName(12)},
	{"delete an object", func(v *vault) { v.destroy("s", archive.ObjectName(3)) }, verify.MissingObject, archive.ObjectName(3)},
	{"delete object and manifest", func(v *vault) {
		v.destroy("s", archive.ObjectName(3))
		v.destroy("s", archive.ManifestName(3))
	}, verify.Gap, archive.ManifestName(6)},
	{"remove the tail", func(v *vault) {
		v.destroy("s", archive.ObjectName(9))
		v.destroy("s", archive.ManifestName(9))
	}, verify.Truncated, ""},
	{"change a manifest", func(v *vault) {
		m := v.manifest("s", 3)
		m.Zone.Sessions = nil
		data, _ := archive.Marshal(m)
		v.swap("s", archive.ManifestName(3), data)
	}, verify.Altered, archive.ManifestName(3)},
	{"forge a key", func(v *vault) { v.rewrite("s", 9) }, verify.BadSignature, archive.ManifestName(9)},
	{"rewrite the whole archive without the key", func(v *vault) { v.rewrite("s", 0) }, verify.BadSignature, archive.ManifestName(0)},
	{"take a record from another archive", func(v *vault) {
		v.swap("s", archive.ObjectName(3), v.foreign())
	}, verify.BadTree, archive.ObjectName(3)},
	{"take object and manifest from another archive", func(v *vault) {
		v.fill("other", filepath.Join(v.TempDir(), "key"), "s")
		v.swap("s", archive.ManifestName(3), v.read("other/s/"+archive.ManifestName(3)))
	}, verify.BadSignature, archive.ManifestName(3)},
	{"shorten the retention", func(v *vault) { v.shorten(archive.ObjectName(3)) }, verify.BadLock, archive.ObjectName(3)},
	{"shorten the retention of a manifest", func(v *vault) { v.shorten(archive.ManifestName(3)) }, verify.BadLock, archive.ManifestName(3)},
	{"write again without a lock", func(v *vault) {
		v.swap("s", archive.ObjectName(3), v.read("s/"+archive.ObjectName(3)))
	}, verify.BadLock, archive.ObjectName(3)},
	{"add a file", func(v *vault) { v.put("s/notes.txt", []byte("hi")) }, verify.ExtraFile, "notes.txt"},
}

func edited(r []exporters.Record) {
	r[1].JSON = bytes.Replace(r[1].JSON, []byte("/home/ann"), []byte("/home/bob"), 1)
}

// repacked is an object of changed records.
func (v *vault) repacked(first uint64, change func([]exporters.Record)) []byte {
	v.Helper()
	records := exportertest.Records("s", first, 3)
	change(records)
	p, err := archive.Pack(archive.Input{Stream: "s", Origin: "agent-audit", Records: records, Tree: exportertest.Tree("s", first)})
	if err != nil {
		v.Fatal(err)
	}
	return p.Object
}

// foreign is an object with a record of the same stream and place in another archive.
func (v *vault) foreign() []byte {
	return v.repacked(3, func(r []exporters.Record) {
		r[1].JSON = bytes.Replace(r[1].JSON, []byte("/home/ann"), []byte("/home/eve"), 1)
	})
}

// rewrite replaces all objects and manifests from first on by changed ones that are consistent with each other, signed
// with the attacker's key.
func (v *vault) rewrite(stream string, first uint64) {
	v.Helper()
	tree := exportertest.Tree(stream, first)
	var before *archive.Previous
	if first > 0 {
		before = v.manifest(stream, first).Previous
	}
	for ; first < 12; first += 3 {
		records := exportertest.Records(stream, first, 3)
		edited(records)
		m := v.manifest(stream, first)
		p, err := archive.Pack(archive.Input{
			Stream: stream, Origin: m.Origin, Records: records, Tree: tree, Previous: before, Created: m.Created, Lock: m.Lock,
		})
		if err != nil {
			v.Fatal(err)
		}
		v.swap(stream, archive.ObjectName(first), p.Object)
		s, err := p.Seal(archive.File{Version: v.listed(stream, archive.ObjectName(first)).Version}, v.own)
		if err != nil {
			v.Fatal(err)
		}
		v.swap(stream, archive.ManifestName(first), s.File)
		sum := sha256.Sum256(s.File)
		before = &archive.Previous{Name: archive.ManifestName(first), SHA256: archive.Hex(sum), Version: v.listed(stream, archive.ManifestName(first)).Version}
		tree = p.Tree
	}
}

// shorten lets the lock of a file end tomorrow.
func (v *vault) shorten(name string) {
	v.Helper()
	if _, err := v.root.PutObjectRetention(v.Context(), &awss3.PutObjectRetentionInput{
		Bucket: &v.place.Bucket, Key: aws.String("s/" + name), VersionId: aws.String(v.listed("s", name).Version), BypassGovernanceRetention: aws.Bool(true),
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: aws.Time(time.Now().Add(24 * time.Hour))},
	}); err != nil {
		v.Fatal(err)
	}
}

func (v *vault) verify(o verify.Options) *verify.Report {
	v.Helper()
	o.Keys, o.Locks, o.Parallel = []string{v.key}, true, 8
	r, err := verify.Verify(v.Context(), v.reader(), o)
	if err != nil {
		v.Fatal(err)
	}
	return r
}

// TestAttacks runs the matrix on both servers, each attack on an archive of its own, which is clean before it.
func TestAttacks(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		for _, c := range attacks {
			t.Run(c.name, func(t *testing.T) {
				v := newVault(t, server)
				o := verify.Options{Expected: []string{v.note}, Mode: archive.Governance, Retention: 720 * time.Hour}
				if r := v.verify(o); !r.OK() || len(r.Proved) != 1 || r.Records != 24 {
					t.Fatalf("clean: %s", show(r))
				}
				c.do(v)
				r := v.verify(o)
				for _, f := range r.Findings {
					if f.Kind == c.kind && (c.at == "" || f.Object == c.at) {
						return
					}
				}
				t.Errorf("no finding %s at %s:\n%s", c.kind, c.at, show(r))
			})
		}
	})
}

// A policy that the archive does not meet is a finding for each file.
func TestPolicy(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		v := newVault(t, server)
		for name, o := range map[string]verify.Options{
			"mode":      {Mode: archive.Compliance},
			"retention": {Retention: 800 * 24 * time.Hour},
		} {
			if r := v.verify(o); len(r.Findings) != 16 || r.Findings[0].Kind != verify.BadLock {
				t.Errorf("%s: %d findings, %s", name, len(r.Findings), show(r))
			}
		}
	})
}

// cosign makes a witness's key and its co-signature line.
func cosign(t *testing.T, text string, at uint64) (vkey, line string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := append([]byte{4}, public...)
	sum := sha256.Sum256(append([]byte("witness.example\n"), key...))
	body, _, _ := strings.Cut(text, "\n\n")
	sig := ed25519.Sign(private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at, body))
	raw := append(sum[:4:4], binary.BigEndian.AppendUint64(nil, at)...)
	return fmt.Sprintf("witness.example+%08x+%s", sum[:4], base64.StdEncoding.EncodeToString(key)),
		"— witness.example " + base64.StdEncoding.EncodeToString(append(raw, sig...)) + "\n"
}

func TestWitness(t *testing.T) {
	k := newKit(t, 11, 3)
	checkpoint := k.manifest(9).Checkpoint
	vkey, line := cosign(t, checkpoint, 1_800_000_000)
	run := func(note, witness string) *verify.Report {
		t.Helper()
		r, err := verify.Verify(t.Context(), archive.FS(k.fsys), verify.Options{Keys: []string{k.key}, Expected: []string{note}, Witnesses: []string{witness}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run(checkpoint+line, vkey)
	if !r.OK() || len(r.Witnessed) != 1 || r.Witnessed[0].Time.Unix() != 1_800_000_000 || r.Witnessed[0].Size != 11 || len(r.Proved) != 1 {
		t.Errorf("%+v", r)
	}
	other, _ := cosign(t, checkpoint, 1)
	for name, r := range map[string]*verify.Report{
		"no co-signature": run(checkpoint, vkey), "of another": run(checkpoint+line, other),
		"of another checkpoint": run(k.manifest(6).Checkpoint+line, vkey),
	} {
		if len(r.Findings) == 0 || r.Findings[0].Kind != verify.BadWitness || len(r.Witnessed) != 0 {
			t.Errorf("%s: %s", name, show(r))
		}
	}
	if _, err := verify.Verify(t.Context(), archive.FS(k.fsys), verify.Options{Witnesses: []string{k.key}}); err == nil {
		t.Error("a key that is no witness's was taken")
	}
}

// Keys change twice: the first one is all that the verifier is given. What a key signs after it was followed is a finding.
func TestKeyChanges(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "archive")
	keys := make([]string, 3)
	for i := range keys {
		keys[i] = filepath.Join(root, fmt.Sprint("key", i))
	}
	for i := range keys {
		settings := map[string]any{"dir": dir, "key_file": keys[i]}
		if i > 0 {
			settings["previous_key_file"] = keys[i-1]
		}
		b, _ := json.Marshal(settings)
		e, err := archive.Open(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for from := uint64(6 * i); from < uint64(6*i+6); from += 3 {
			if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", from, 3))); err != nil {
				t.Fatal(err)
			}
		}
		_ = e.Close()
	}
	k := &kit{t: t, fsys: load(t, dir)}
	skey, err := os.ReadFile(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if k.own, err = note.NewSigner(strings.TrimSpace(string(skey))); err != nil {
		t.Fatal(err)
	}
	k.key = strings.TrimSpace(string(k.fsys[archive.KeyName(k.own.KeyHash())].Data))
	if r := k.verify(); !r.OK() || r.Records != 18 {
		t.Fatalf("clean: %s", show(r))
	}
	last := k.manifest(15).Checkpoint
	if r, err := verify.Verify(t.Context(), archive.FS(k.fsys), verify.Options{Keys: []string{k.key}, Expected: []string{last}}); err != nil || len(r.Proved) != 1 {
		t.Errorf("a checkpoint by a key that follows on the one given: %v, %+v", err, r)
	}

	stolen := k.copy(t) // the first key, rotated away, signs the last object anew
	stolen.forge(15, func(r []exporters.Record) []exporters.Record { return r })
	expectKind(t, stolen.verify(), verify.RetiredKey)

	stripped := k.copy(t)
	stripped.edit(6, func(m *archive.Manifest) { m.KeyChange = "" })
	expectKind(t, stripped.verify(), verify.BadSignature)

	moved := k.copy(t) // the key change of another place
	moved.edit(9, func(m *archive.Manifest) { m.KeyChange = k.manifest(6).KeyChange })
	expectKind(t, moved.verify(), verify.BadKeyChange)
}

func expectKind(t *testing.T, r *verify.Report, kind verify.Kind) {
	t.Helper()
	if !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Kind == kind }) {
		t.Errorf("no finding %s: %s", kind, show(r))
	}
}

// Heartbeats come when no record does; they are links of the chain, and one that is gone is missed.
func TestHeartbeats(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "archive")
	e, err := archive.Open(t.Context(), fmt.Appendf(nil, `{"dir":%q,"key_file":%q,"heartbeat":"1s"}`, dir, filepath.Join(root, "key")))
	if err != nil {
		t.Fatal(err)
	}
	var tree merkle.Frontier
	for from := uint64(0); from < 6; from += 3 {
		records := exportertest.Records("s", from, 3)
		if _, _, err := e.Export(t.Context(), exporters.Batch{Stream: "s", Records: records, Tree: tree.Clone()}); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			tree.Append(merkle.LeafHash(r.JSON))
		}
		for beats := 0; beats < 2; time.Sleep(20 * time.Millisecond) {
			files, _ := filepath.Glob(filepath.Join(dir, "s", fmt.Sprintf("%020d.heartbeat-*.json", from+3)))
			beats = len(files)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	k := &kit{t: t, fsys: load(t, dir)}
	var beats []string
	for name := range k.fsys {
		if strings.Contains(name, ".heartbeat-") {
			beats = append(beats, name)
		}
		if archive.IsKeyName(name) {
			k.key = strings.TrimSpace(string(k.fsys[name].Data))
		}
	}
	slices.Sort(beats)
	r := k.verify()
	if !r.OK() || r.Streams[0].Heartbeats != len(beats) || r.Streams[0].Objects != 2 || r.Streams[0].Last.Size != 6 || r.Streams[0].Silence.Until.IsZero() {
		t.Fatalf("clean: %+v", r)
	}
	gone := k.copy(t)
	delete(gone.fsys, beats[0])
	expectKind(t, gone.verify(), verify.BadChain)
	changed := k.copy(t)
	changed.fsys[beats[1]].Data = bytes.Replace(changed.fsys[beats[1]].Data, []byte(`"created":"20`), []byte(`"created":"19`), 1)
	expectKind(t, changed.verify(), verify.BadManifest)
}
