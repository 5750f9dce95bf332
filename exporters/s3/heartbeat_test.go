package s3

import (
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// A heartbeat is locked as its stream's data is, and goes on after a restart before any record has come: the stream is
// named in the settings.
func TestHeartbeat(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		beats := func() (n int) {
			list, err := k.reader().List(t.Context(), "s")
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range archive.Chain(list) {
				l, _, f, err := archive.ReadLink(t.Context(), k.reader(), "s", at)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := l.(*archive.Heartbeat); !ok {
					continue
				}
				n++
				if f.Lock == nil || !f.Lock.Holds(l.Common().Lock) || l.After().Size != 3 {
					t.Errorf("%s is locked %+v, and signed for %+v", at.Name, f.Lock, l.Common().Lock)
				}
			}
			return n
		}
		for round, want := range []int{1, 2} {
			e, err := Open(t.Context(), k.settings(map[string]any{"heartbeat": "1s", "stream": "s"}))
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 3))); err != nil {
					t.Fatal(err)
				}
			}
			for beats() < want {
				time.Sleep(50 * time.Millisecond)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
