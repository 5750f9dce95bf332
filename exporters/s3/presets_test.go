package s3

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
	"github.com/agentaudit/agentaudit/internal/retention"
)

// shortly is how long the locks of TestPresets hold from now on.
const shortly = 3 * time.Second

// For every preset: the exporter locks an object in its mode for its time, as counted from when it is written, which here
// is so long ago that the lock ends shortly. Until then the object cannot be deleted; then it can.
func TestPresets(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		type locked struct{ preset, version string }
		var all []locked
		var last time.Time
		for _, p := range retention.Presets() {
			b, err := openBucket(t.Context(), &settings{Place: k.place, Mode: p.Mode, retention: p.Archive})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			lock := b.Lock(now.Add(shortly - p.Archive))
			if want := b.Lock(now).Until.Sub(now); want < p.Archive || want > p.Archive+2*time.Second {
				t.Errorf("%s: an object written now is locked for %v, want %v", p.Preset, want, p.Archive)
			}
			f, err := b.Create(t.Context(), p.Preset, []byte("x"), lock)
			if err != nil {
				t.Fatalf("%s: %v", p.Preset, err)
			}
			if f.Lock == nil || f.Lock.Mode != p.Mode || !f.Lock.Until.Equal(lock.Until) {
				t.Errorf("%s: locked %+v, want %+v", p.Preset, f.Lock, lock)
			}
			if err := k.deleteVersion(t, p.Preset, f.Version); err == nil {
				t.Errorf("%s: deleted before its time: %v", p.Preset, err)
			}
			all, last = append(all, locked{p.Preset, f.Version}), lock.Until
		}
		time.Sleep(time.Until(last.Add(time.Second)))
		for _, l := range all {
			if err := k.deleteVersion(t, l.preset, l.version); err != nil {
				t.Errorf("%s: not deleted after its time: %v", l.preset, err)
			}
		}
	})
}

func (k *kit) deleteVersion(t *testing.T, name, version string) error {
	t.Helper()
	_, err := k.admin.DeleteObject(t.Context(), &s3.DeleteObjectInput{
		Bucket: &k.place.Bucket, Key: aws.String(k.place.Prefix + "/" + name), VersionId: &version,
	})
	return err
}
