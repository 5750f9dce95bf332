package verify_test

import (
	"testing"
	"testing/fstest"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
	"github.com/agentaudit/agentaudit/internal/verify"
)

// A copy of a bucket on a disk is verified as the bucket is, but for locks and versions, of which a disk knows nothing.
func TestCopy(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		v := newVault(t, server)
		files := make(fstest.MapFS)
		top, err := v.reader().List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range top {
			if !l.Dir {
				files[l.Name] = &fstest.MapFile{Data: v.read(l.Name)}
				continue
			}
			list, err := v.reader().List(t.Context(), l.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range list {
				files[l.Name+"/"+f.Name] = &fstest.MapFile{Data: v.read(l.Name + "/" + f.Name)}
			}
		}
		o := verify.Options{Keys: []string{v.key}, Expected: []string{v.note}, Deep: true}
		r, err := verify.Verify(t.Context(), archive.FS(files), o)
		if err != nil || !r.OK() || r.Records != 24 || len(r.Proved) != 1 {
			t.Errorf("%v: %s", err, show(r))
		}
		delete(files, "s/"+archive.ManifestName(9))
		delete(files, "s/"+archive.ObjectName(9))
		r, err = verify.Verify(t.Context(), archive.FS(files), o)
		if err != nil {
			t.Fatal(err)
		}
		expectKind(t, r, verify.Truncated)
	})
}
