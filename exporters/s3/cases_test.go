package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

func isObject(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".ndjson.gz")
}

func isManifest(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".manifest.json")
}

// What goes wrong on the way and what the exporter makes of it: afterwards each record is stored once, in one version of
// one object, whatever had to be tried again.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil spoiler
	}{
		{"409 for the object", once(isObject, refuse(409, "ConditionalRequestConflict"))},
		{"409 for the manifest", once(isManifest, refuse(409, "OperationAborted"))},
		{"503 SlowDown", once(isObject, refuse(503, "SlowDown"))},
		{"500 InternalError", once(isManifest, refuse(500, "InternalError"))},
		{"connection broken before the object", once(isObject, broken)},
		{"connection broken before the manifest", once(isManifest, broken)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s3test.Each(t, func(t *testing.T, server *s3test.Server) {
				k := newKit(t, server, false)
				p := k.proxied()
				deliver(t, k, p, c.spoil)
			})
		})
	}
}

// proxied makes the exporter go through a proxy.
func (k *kit) proxied() *proxy {
	k.t.Helper()
	p := newProxy(k.t, k.server.Endpoint)
	k.place.Endpoint = p.URL
	return p
}

// open opens the exporter, with some of the settings changed, until the test ends.
func (k *kit) open(change map[string]any) exporters.Exporter {
	k.t.Helper()
	e, err := Open(k.t.Context(), k.settings(change))
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = e.Close() })
	return e
}

// deliver exports ten records, and five more through the fault, until they are acknowledged.
func deliver(t *testing.T, k *kit, p *proxy, spoil spoiler) {
	t.Helper()
	e := k.open(nil)
	all := exportertest.Records("s", 0, 15)
	if _, _, err := e.Export(t.Context(), exportertest.Batch("s", all[:10])); err != nil {
		t.Fatal(err)
	}
	p.set(spoil)
	for tries := 0; ; tries++ {
		acked, _, err := e.Export(t.Context(), exportertest.Batch("s", all[10:]))
		if err == nil && acked == 14 {
			break
		}
		if exporters.IsPermanent(err) || tries == 3 {
			t.Fatalf("try %d: %v", tries, err)
		}
	}
	p.set(nil)
	k.whole(all, 2)
}

// whole checks that the records are there, in so many objects of one version each.
func (k *kit) whole(want []exporters.Record, objects int) {
	k.t.Helper()
	got, err := k.stored(k.t.Context(), "s")
	if err != nil {
		k.t.Fatal(err)
	}
	if len(got) != len(want) {
		k.t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].JSON, want[i].JSON) {
			k.t.Fatalf("record %d differs", i)
		}
	}
	list, err := k.reader().List(k.t.Context(), "s")
	if err != nil {
		k.t.Fatal(err)
	}
	if len(list) != 2*objects {
		k.t.Errorf("files: %+v", list)
	}
	for _, l := range list {
		if l.Replaced > 0 || l.Hidden {
			k.t.Errorf("%s has more than one version", l.Name)
		}
	}
}

// An answer that is lost after the file was stored: the SDK's own second try meets 412, which is compared and done.
func TestLostAnswer(t *testing.T) {
	for name, chosen := range map[string]func(*http.Request) bool{"object": isObject, "manifest": isManifest} {
		t.Run(name, func(t *testing.T) {
			s3test.Each(t, func(t *testing.T, server *s3test.Server) {
				k := newKit(t, server, false)
				p := k.proxied()
				answers := 0
				deliver(t, k, p, once(chosen, func(w http.ResponseWriter, pass func(http.ResponseWriter)) {
					answers++
					lost(w, pass)
				}))
				if answers != 1 {
					t.Fatalf("%d answers were lost", answers)
				}
			})
		})
	}
}

// PUTs of a cut: one object, one manifest.
func TestPutsPerCut(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		p := k.proxied()
		e := k.open(nil)
		p.count("")
		for from := uint64(0); from < 30; from += 10 {
			if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", from, 10))); err != nil {
				t.Fatal(err)
			}
		}
		p.mu.Lock()
		seen := len(p.seen)
		p.mu.Unlock()
		if puts := p.count(http.MethodPut); puts != 6 {
			t.Errorf("%d PUTs for 3 cuts, of %d requests", puts, seen)
		}
	})
}

// What is refused at the start or at the first write, with the sentence that an operator needs.
func TestRefused(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		for _, c := range []struct {
			name      string
			plain     bool // a bucket without lock
			prepare   func(*testing.T, *kit)
			permanent bool
			want      string
		}{
			{"no Object Lock and no versioning", true, nil, true, "versioning of bucket"},
			{"no Object Lock", true, func(t *testing.T, k *kit) { k.versioning() }, true, "has no Object Lock"},
			{"no bucket", false, func(_ *testing.T, k *kit) { k.place.Bucket += "-gone" }, true, "does not exist: make it with agent-audit setup s3"},
			{"wrong key id", false, func(t *testing.T, k *kit) { t.Setenv("AWS_ACCESS_KEY_ID", "nobody") }, true, "does not know these credentials"},
			{"wrong secret", false, func(t *testing.T, k *kit) { t.Setenv("AWS_SECRET_ACCESS_KEY", "nothing12345") }, true, "does not know these credentials"},
			{"expired credentials", false, func(t *testing.T, k *kit) {
				p := k.proxied()
				p.set(func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
					answer(w, 400, "ExpiredToken")
				})
			}, false, "have expired: renew them"},
			{"no rights", false, func(t *testing.T, k *kit) {
				p := k.proxied()
				p.set(func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
					if r.Method == http.MethodPut {
						answer(w, 403, "AccessDenied")
						return
					}
					pass(w)
				})
			}, true, "need s3:PutObject, s3:PutObjectRetention"},
			{"black hole", false, func(t *testing.T, k *kit) { k.place.Endpoint = blackHole(t) }, false, "did not answer in time"},
			{"nobody listens", false, func(t *testing.T, k *kit) { k.place.Endpoint = "http://127.0.0.1:1" }, false, "connection refused"},
			{"clock behind", false, func(t *testing.T, k *kit) { k.skew(t, 10*time.Minute) }, true, "behind the store's"},
			{"clock ahead", false, func(t *testing.T, k *kit) { k.skew(t, -10*time.Minute) }, true, "ahead of the store's"},
		} {
			t.Run(c.name, func(t *testing.T) {
				k := newKit(t, server, c.plain)
				if c.prepare != nil {
					c.prepare(t, k)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				if c.name != "black hole" {
					ctx, cancel = context.WithCancel(t.Context())
				}
				defer cancel()
				e, err := Open(ctx, k.settings(nil))
				if err == nil {
					_ = e.Close()
				}
				if err == nil || exporters.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v; want %q, permanent %v", err, c.want, c.permanent)
				}
				if err != nil && (strings.Contains(err.Error(), s3test.SecretKey) || strings.Contains(err.Error(), "nothing12345")) {
					t.Error("the error holds the secret")
				}
			})
		}
	})
}

// versioning turns it on, which does not turn on Object Lock.
func (k *kit) versioning() {
	k.t.Helper()
	if _, err := k.admin.PutBucketVersioning(k.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &k.place.Bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		k.t.Fatal(err)
	}
}

// skew lets the store's clock differ.
func (k *kit) skew(t *testing.T, by time.Duration) {
	p := k.proxied()
	p.set(func(w http.ResponseWriter, _ *http.Request, pass func(http.ResponseWriter)) {
		answer := httptest.NewRecorder()
		pass(answer)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// blackHole takes connections and says nothing.
func blackHole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	return "http://" + l.Addr().String()
}

// The bucket is removed under a running exporter: it says so, and stores nothing elsewhere.
func TestBucketGone(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		p := k.proxied()
		e := k.open(nil)
		p.set(func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
			answer(w, 404, "NoSuchBucket")
		})
		_, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 5)))
		if !exporters.IsPermanent(err) || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%v", err)
		}
	})
}

// What AWS demands and no test server does: the headers of a locked PUT.
func TestPutHeaders(t *testing.T) {
	k := newKit(t, s3test.MinIO(t), false)
	p := k.proxied()
	e := k.open(map[string]any{"legal_hold": true, "tags": map[string]string{"a": "b c"}, "storage_class": "STANDARD"})
	var body []byte
	var head http.Header
	p.set(func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		if isObject(r) {
			body, _ = io.ReadAll(r.Body)
			head = r.Header.Clone()
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		pass(w)
	})
	if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 5))); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	for name, want := range map[string]string{
		"If-None-Match":                "*",
		"X-Amz-Checksum-Sha256":        base64.StdEncoding.EncodeToString(sum[:]),
		"X-Amz-Object-Lock-Mode":       "COMPLIANCE",
		"X-Amz-Object-Lock-Legal-Hold": "ON",
		"X-Amz-Tagging":                url.Values{"a": {"b c"}}.Encode(),
		"X-Amz-Storage-Class":          "STANDARD",
		"X-Amz-Trailer":                "",
		"Content-Encoding":             "",
		"X-Amz-Decoded-Content-Length": "",
		"X-Amz-Sdk-Checksum-Algorithm": "SHA256",
	} {
		if got := head.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	until, err := time.Parse(time.RFC3339, head.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	if in := time.Until(until); err != nil || in < 47*time.Hour || in > 49*time.Hour {
		t.Errorf("retain until %v, %v", until, err)
	}
}

// The table of facts about Object Lock that the archive rests on.
func TestLockHolds(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		e := k.open(nil)
		if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 5))); err != nil {
			t.Fatal(err)
		}
		list, err := k.reader().List(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			key := aws.String("trail/s/" + l.Name)
			if _, err := k.admin.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &k.place.Bucket, Key: key, VersionId: &l.Version}); err == nil {
				t.Errorf("%s: a locked version was deleted", l.Name)
			}
			if _, err := k.admin.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{
				Bucket: &k.place.Bucket, Key: key, VersionId: &l.Version, BypassGovernanceRetention: aws.Bool(true),
				Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: aws.Time(time.Now().Add(time.Hour))},
			}); err == nil {
				t.Errorf("%s: the retention was shortened", l.Name)
			}
			if _, err := k.admin.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &k.place.Bucket, Key: key, Body: strings.NewReader("other"), IfNoneMatch: aws.String("*"),
			}); code(err) != "PreconditionFailed" {
				t.Errorf("%s: a second conditional PUT: %v", l.Name, err)
			}
			if _, err := k.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &k.place.Bucket, Key: key, Body: strings.NewReader("other")}); err != nil {
				t.Fatal(err)
			}
			if _, err := k.admin.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &k.place.Bucket, Key: key}); err != nil {
				t.Fatal(err)
			}
		}
		after, err := k.reader().List(t.Context(), "s")
		if err != nil || len(after) != len(list) {
			t.Fatal(after, err)
		}
		for i, l := range after {
			if l.Version != list[i].Version || l.Size != list[i].Size || l.Replaced != 1 || !l.Hidden {
				t.Errorf("%+v, was %+v", l, list[i])
			}
			if _, _, err := k.reader().Read(t.Context(), "s/"+l.Name, l.Version); err != nil {
				t.Errorf("%s: the first version cannot be read: %v", l.Name, err)
			}
		}
	})
}

// A lock on a bucket that has none is refused by the servers too. (versitygw refuses and keeps the object all the same,
// which is one more reason to look at the bucket first.)
func TestNoLockWithoutBucketLock(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, true)
		k.versioning()
		b, err := openBucket(t.Context(), &settings{Place: k.place, Mode: archive.Compliance, retention: 48 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Create(t.Context(), "x", []byte("x"), b.Lock(time.Now())); err == nil {
			t.Error("the store took an object that it cannot lock")
		}
		if server.Name == "versitygw" {
			return
		}
		if _, err := b.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &k.place.Bucket, Key: b.key("x")}); err == nil {
			t.Error("and has it")
		}
	})
}
