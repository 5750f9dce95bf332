package s3

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/archive/storetest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

func TestMain(m *testing.M) {
	exportertest.Child(Open)
	os.Exit(s3test.Main(m))
}

// kit is a bucket on a server and a key to sign with.
type kit struct {
	t      testing.TB
	server *s3test.Server
	place  Place
	admin  *s3.Client
	key    string // file
}

var buckets atomic.Int64

// newKit makes a bucket: with Object Lock, unless plain is set.
func newKit(t testing.TB, server *s3test.Server, plain bool) *kit {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	k := &kit{
		t: t, server: server, key: filepath.Join(t.TempDir(), "archive.key"),
		place: Place{
			Bucket: fmt.Sprintf("audit-%d", buckets.Add(1)), Prefix: "trail", Region: s3test.Region, Endpoint: server.Endpoint, PathStyle: true,
		},
	}
	var err error
	if k.admin, err = newClient(t.Context(), &k.place); err != nil {
		t.Fatal(err)
	}
	if _, err := k.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &k.place.Bucket, ObjectLockEnabledForBucket: aws.Bool(!plain),
	}); err != nil {
		t.Fatal(err)
	}
	return k
}

// settings are the exporter's, with some of them changed.
func (k *kit) settings(change map[string]any) []byte {
	k.t.Helper()
	all := map[string]any{
		"bucket": k.place.Bucket, "prefix": k.place.Prefix, "region": k.place.Region, "endpoint": k.place.Endpoint, "path_style": true,
		"retention": "48h", "key_file": k.key,
	}
	maps.Copy(all, change)
	b, err := json.Marshal(all)
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

func (k *kit) reader() archive.Reader {
	k.t.Helper()
	r, err := OpenReader(k.t.Context(), k.place)
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// stored reads a stream's records back.
func (k *kit) stored(ctx context.Context, stream string) ([]exporters.Record, error) {
	r := k.reader()
	list, err := r.List(ctx, stream)
	if err != nil {
		return nil, err
	}
	var all []exporters.Record
	for _, at := range archive.Manifests(list) {
		if at.Replaced > 0 || at.Hidden {
			return nil, fmt.Errorf("%s has a second version", at.Name)
		}
		l, _, f, err := archive.ReadLink(ctx, r, stream, at)
		if err != nil {
			return nil, err
		}
		m := l.(*archive.Manifest)
		if !f.Lock.Holds(m.Lock) || f.Lock == nil {
			return nil, fmt.Errorf("%s is locked %+v, want %+v", at.Name, f.Lock, m.Lock)
		}
		data, err := archive.ReadObject(ctx, r, m)
		if err != nil {
			return nil, err
		}
		for rec, err := range m.Records(data) {
			if err != nil {
				return nil, err
			}
			all = append(all, exporters.Record{Sequence: rec.Sequence, JSON: append([]byte(nil), rec.JSON...)})
		}
	}
	return all, nil
}

func TestConformance(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		exportertest.Run(t, func(t *testing.T) exportertest.Store {
			k := newKit(t, server, false)
			return exportertest.Store{
				Open:   func(ctx context.Context) (exporters.Exporter, error) { return Open(ctx, k.settings(nil)) },
				Stored: k.stored,
			}
		})
	})
}

func TestStore(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		storetest.Run(t, func(t *testing.T) archive.Store {
			b, err := openBucket(t.Context(), &settings{Place: k.place, Mode: archive.Compliance, retention: 48 * time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			return b
		})
	})
}

func TestKilled(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		exportertest.RunKilled(t, k.settings(nil), exportertest.Store{Stored: k.stored})
	})
}

// Every object has what was asked for: the lock is the server's word, not ours.
func TestObject(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		for _, c := range []struct {
			name    string
			change  map[string]any
			mode    types.ObjectLockMode
			hold    bool
			minioIs types.ServerSideEncryption
		}{
			{"compliance", nil, types.ObjectLockModeCompliance, false, ""},
			{"governance", map[string]any{"mode": "GOVERNANCE", "compression": "zstd"}, types.ObjectLockModeGovernance, false, ""},
			{"legal hold", map[string]any{"legal_hold": true, "tags": map[string]string{"team": "audit/risk one"}}, types.ObjectLockModeCompliance, true, ""},
			{"SSE-KMS", map[string]any{"sse": "aws:kms", "sse_kms_key": "test-key"}, types.ObjectLockModeCompliance, false, types.ServerSideEncryptionAwsKms},
			{"SSE-S3", map[string]any{"sse": "AES256"}, types.ObjectLockModeCompliance, false, types.ServerSideEncryptionAes256},
		} {
			t.Run(c.name, func(t *testing.T) {
				k := newKit(t, server, false)
				e := k.open(c.change)
				if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 10))); err != nil {
					t.Fatal(err)
				}
				if got, err := k.stored(t.Context(), "s"); err != nil || len(got) != 10 {
					t.Fatal(len(got), err)
				}
				list, err := k.reader().List(t.Context(), "s")
				if err != nil || len(list) != 2 {
					t.Fatal(list, err)
				}
				for _, l := range list {
					out, err := k.admin.HeadObject(t.Context(), &s3.HeadObjectInput{
						Bucket: &k.place.Bucket, Key: aws.String("trail/s/" + l.Name), VersionId: &l.Version, ChecksumMode: types.ChecksumModeEnabled,
					})
					if err != nil {
						t.Fatal(err)
					}
					if out.ObjectLockMode != c.mode || (out.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn) != c.hold || out.ChecksumSHA256 == nil {
						t.Errorf("%s: mode %s, hold %s, checksum %v", l.Name, out.ObjectLockMode, out.ObjectLockLegalHoldStatus, out.ChecksumSHA256)
					}
					if server.Name == "minio" && out.ServerSideEncryption != c.minioIs {
						t.Errorf("%s: encryption %q, want %q", l.Name, out.ServerSideEncryption, c.minioIs)
					}
				}
			})
		}
	})
}

func TestSettings(t *testing.T) {
	k := `"key_file":"/tmp/k"`
	for text, want := range map[string]string{
		`{}`:                               "bucket is missing",
		`{"bucket":"b"}`:                   "retention is missing",
		`{"bucket":"b","retention":"48h"}`: "key_file is missing",
		`{"bucket":"b","retention":"1h",` + k + `}`:                          "between a day and 100 years",
		`{"bucket":"b","retention":"900000h",` + k + `}`:                     "100 years",
		`{"bucket":"b","retention":"soon",` + k + `}`:                        "no duration",
		`{"bucket":"a/b","retention":"48h",` + k + `}`:                       "no name",
		`{"bucket":"b","retention":"48h","mode":"NONE",` + k + `}`:           "neither COMPLIANCE nor GOVERNANCE",
		`{"bucket":"b","retention":"48h","endpoint":"minio:9000",` + k + `}`: "endpoint is no URL",
		`{"bucket":"b","retention":"48h","sse":"rot13",` + k + `}`:           "neither AES256",
		`{"bucket":"b","retention":"48h","compression":"lzma",` + k + `}`:    "neither gzip nor zstd",
		`{"bucket":"b","retention":"48h","lock":false,` + k + `}`:            "unknown field",
		`{"bucket":"b","retention":"48h","heartbeat":"-1h",` + k + `}`:       "heartbeat",
		`{"bucket":"b","prefix":"a//b","retention":"48h",` + k + `}`:         "empty part",
		`{"bucket":"b","retention":"48h","sse_kms_key":"x",` + k + `}`:       "needs sse",
	} {
		e, err := Open(t.Context(), []byte(text))
		if !exporters.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a permanent error with %q", text, err, want)
			if err == nil {
				_ = e.Close()
			}
		}
	}
}

func TestParseURL(t *testing.T) {
	p, err := ParseURL("s3://b/x/y/?region=eu-west-1&endpoint=http://127.0.0.1:9000&path_style=true")
	if err != nil || p != (Place{"b", "x/y", "eu-west-1", "http://127.0.0.1:9000", true}) || p.String() != "s3://b/x/y" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{"b", "s3:b", "s3:///x", "https://b/x", "s3://b?style=path", "s3://u:p@b/x", "s3://b?endpoint=x"} {
		if _, err := ParseURL(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
