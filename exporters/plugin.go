package exporters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/agentaudit/agentaudit/exporters/contractpb"
)

// Handshake is what both sides of the process boundary must agree on; it is no security feature, AutoMTLS is.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "AGENT_AUDIT_EXPORTER",
	MagicCookieValue: "c0f7a2e1b6d94f0f",
}

// PluginName is the one name under which an exporter process serves.
const PluginName = "exporter"

// maxMessage bounds a gRPC message; a batch is cut into messages of about chunkBytes.
const (
	maxMessage = 128 << 20
	chunkBytes = 1 << 20
)

// Serve runs an exporter as a process: it serves the contract until the host goes away, which it learns from the end of
// its standard input, and never returns.
func Serve(open Opener) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         plugin.PluginSet{PluginName: &grpcPlugin{open: open}},
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr, JSONFormat: true}),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.MaxRecvMsgSize(maxMessage))...)
		},
	})
}

// ClientPlugins is the plugin set of the host; dispensing PluginName gives a *Remote.
func ClientPlugins() plugin.PluginSet {
	return plugin.PluginSet{PluginName: &grpcPlugin{}}
}

// grpcPlugin joins the contract to go-plugin.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	open Opener
}

func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	contractpb.RegisterExporterServer(s, &server{open: p.open})
	return nil
}

func (p *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return &Remote{client: contractpb.NewExporterClient(c)}, nil
}

// server is the exporter's side.
type server struct {
	contractpb.UnimplementedExporterServer
	open     Opener
	exporter Exporter
}

// Open starts the exporter.
func (s *server) Open(ctx context.Context, r *contractpb.OpenRequest) (res *contractpb.OpenResponse, _ error) {
	res = &contractpb.OpenResponse{}
	defer recoverTo(&res.Error)
	// The exporter outlives this call, and so must its context.
	e, err := s.open(context.WithoutCancel(ctx), r.GetSettings())
	if err != nil {
		res.Error, res.Permanent = err.Error(), IsPermanent(err)
		return res, nil
	}
	s.exporter = e
	p := e.Policy()
	res.MaxRecords, res.MaxBytes, res.MaxWaitMs = int64(p.MaxRecords), int64(p.MaxBytes), p.MaxWait.Milliseconds()
	return res, nil
}

// Export takes a batch in pieces and stores it.
func (s *server) Export(stream grpc.ClientStreamingServer[contractpb.ExportRequest, contractpb.ExportResponse]) error {
	b, err := receive(stream)
	if err != nil {
		return err
	}
	res := &contractpb.ExportResponse{}
	func() {
		defer recoverTo(&res.Error)
		if s.exporter == nil {
			res.Error = "exporter is not open"
			return
		}
		acked, refused, err := s.exporter.Export(stream.Context(), b)
		res.AnyAcked, res.Acked = err == nil || acked >= max(b.First(), 1), acked
		for _, r := range refused {
			res.Refused = append(res.Refused, &contractpb.Refusal{Sequence: r.Sequence, Reason: r.Reason})
		}
		if err != nil {
			res.Error, res.Permanent = err.Error(), IsPermanent(err)
		}
	}()
	return stream.SendAndClose(res)
}

func receive(stream grpc.ClientStreamingServer[contractpb.ExportRequest, contractpb.ExportResponse]) (Batch, error) {
	var b Batch
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return b, err
		}
		if len(b.Records) == 0 {
			b.Stream = m.GetStream()
			if err := b.Tree.UnmarshalBinary(m.GetTree()); err != nil {
				return b, err
			}
		}
		for i, doc := range m.GetRecords() {
			b.Records = append(b.Records, Record{Sequence: m.GetFirst() + uint64(i), JSON: doc})
		}
	}
	if len(b.Records) == 0 {
		return b, errors.New("batch is empty")
	}
	return b, nil
}

func recoverTo(text *string) {
	if r := recover(); r != nil {
		*text = fmt.Sprintf("exporter panicked: %v", r)
	}
}
