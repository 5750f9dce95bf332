package exporters

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/agentaudit/agentaudit/exporters/contractpb"
	"github.com/agentaudit/agentaudit/schema/merkle"
)

// fake is an exporter that does what a test says.
type fake struct {
	policy BatchPolicy
	export func(Batch) (uint64, []Refusal, error)
}

func (f *fake) Policy() BatchPolicy { return f.policy }
func (f *fake) Close() error        { return nil }
func (f *fake) Export(_ context.Context, b Batch) (uint64, []Refusal, error) {
	return f.export(b)
}

// connect serves an exporter over gRPC in memory, without go-plugin's process around it.
func connect(t *testing.T, open Opener) *Remote {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	s := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	contractpb.RegisterExporterServer(s, &server{open: open})
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Remote{client: contractpb.NewExporterClient(conn)}
}

func opened(t *testing.T, f *fake) *Remote {
	t.Helper()
	r := connect(t, func(context.Context, []byte) (Exporter, error) { return f, nil })
	if err := r.Open(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func batch(first uint64, docs ...string) Batch {
	b := Batch{Stream: "s"}
	for i := range first {
		b.Tree.Append(merkle.LeafHash(fmt.Append(nil, i)))
	}
	for i, d := range docs {
		b.Records = append(b.Records, Record{Sequence: first + uint64(i), JSON: []byte(d)})
	}
	return b
}

// A batch arrives as it was sent, whatever its size and however it was cut on the way.
func TestBatchArrivesWhole(t *testing.T) {
	var got Batch
	r := opened(t, &fake{
		policy: BatchPolicy{MaxRecords: 7, MaxBytes: 9, MaxWait: 3 * time.Second},
		export: func(b Batch) (uint64, []Refusal, error) { got = b; return b.Last(), nil, nil },
	})
	if p := r.Policy(); p != (BatchPolicy{MaxRecords: 7, MaxBytes: 9, MaxWait: 3 * time.Second}) {
		t.Errorf("policy %+v", p)
	}
	small := make([]string, 5000)
	for i := range small {
		small[i] = fmt.Sprintf(`{"n":%d,"pad":%q}`, i, strings.Repeat("x", i%700))
	}
	for name, sent := range map[string]Batch{
		"one":   batch(0, "{}"),
		"many":  batch(5, small...),
		"large": batch(3, strings.Repeat("a", 3*chunkBytes), "", strings.Repeat("b", 30<<20), "c"),
	} {
		acked, refused, err := r.Export(t.Context(), sent)
		if err != nil || acked != sent.Last() || len(refused) != 0 {
			t.Fatalf("%s: acked %d, refused %v, %v", name, acked, refused, err)
		}
		if got.Stream != "s" || got.Tree.Root() != sent.Tree.Root() || len(got.Records) != len(sent.Records) {
			t.Fatalf("%s: stream %q, %d of %d records", name, got.Stream, len(got.Records), len(sent.Records))
		}
		for i, rec := range got.Records {
			if rec.Sequence != sent.Records[i].Sequence || string(rec.JSON) != string(sent.Records[i].JSON) {
				t.Fatalf("%s: record %d differs", name, i)
			}
		}
	}
}

// Errors keep their kind, what was stored in spite of them counts, and what an exporter cannot know is not believed.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		first     uint64
		acked     uint64
		refused   []Refusal
		err       error
		wantAcked uint64
		wantErr   string
		permanent bool
	}{
		"all":               {first: 0, acked: 2, wantAcked: 2},
		"refused":           {first: 4, acked: 6, refused: []Refusal{{5, "mapping"}}, wantAcked: 6},
		"nothing":           {first: 4, acked: 3, err: errors.New("down"), wantErr: "down"},
		"nothing of 0":      {first: 0, acked: 0, err: errors.New("down"), wantErr: "down"},
		"part":              {first: 4, acked: 5, err: errors.New("reset"), wantAcked: 5, wantErr: "reset"},
		"permanent":         {first: 4, err: Permanent(errors.New("no Object Lock")), wantErr: "no Object Lock", permanent: true},
		"beyond the batch":  {first: 4, acked: 7, wantErr: "beyond the batch"},
		"refuses a foreign": {first: 4, acked: 6, refused: []Refusal{{3, "x"}}, wantErr: "not of the batch"},
	} {
		t.Run(name, func(t *testing.T) {
			r := opened(t, &fake{export: func(Batch) (uint64, []Refusal, error) { return c.acked, c.refused, c.err }})
			acked, refused, err := r.Export(t.Context(), batch(c.first, "a", "b", "c"))
			if acked != c.wantAcked || (err == nil) != (c.wantErr == "") || IsPermanent(err) != c.permanent {
				t.Fatalf("acked %d, %v", acked, err)
			}
			if err != nil && !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("error %v", err)
			}
			if err == nil && len(refused) != len(c.refused) {
				t.Errorf("refused %v", refused)
			}
		})
	}
}

// A panic in an exporter, and one that cannot be opened, are errors of the call and not the end of the process.
func TestPanicAndFailedOpen(t *testing.T) {
	r := opened(t, &fake{export: func(Batch) (uint64, []Refusal, error) { panic("index out of range") }})
	if _, _, err := r.Export(t.Context(), batch(0, "a")); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("panic: %v", err)
	}
	r = connect(t, func(context.Context, []byte) (Exporter, error) { return nil, Permanent(errors.New("wrong key")) })
	if err := r.Open(t.Context(), nil); !IsPermanent(err) || !strings.Contains(err.Error(), "wrong key") {
		t.Errorf("open: %v", err)
	}
	if _, _, err := r.Export(t.Context(), batch(0, "a")); err == nil || !strings.Contains(err.Error(), "not open") {
		t.Errorf("export without open: %v", err)
	}
}
