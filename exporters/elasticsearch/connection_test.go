package elasticsearch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// TestClientCertificate stands TLS before a server that asks for the client's certificate: the right one is let in; none,
// another authority's and an expired one park the exporter with a sentence.
func TestClientCertificate(t *testing.T) {
	s := estest.Elasticsearch(t)
	ours, others := newAuthority(t), newAuthority(t)
	address, ca := askingForCertificates(t, s, ours)
	c := config{Connection: Connection{URLs: []string{address}, CAFile: ca}, Namespace: newStream(t, s)}
	d := deliver(t, c, exportertest.Records("s", 0, 100))
	use := func(a *estest.Authority, until time.Duration) {
		var err error
		if c.CertificateFile, c.KeyFile, err = a.IssueClient(t.TempDir(), time.Now().Add(-2*time.Hour), time.Now().Add(until)); err != nil {
			t.Fatal(err)
		}
		d.settings = settingsFor(t, c)
	}
	refused := func(what string) {
		t.Helper()
		if err := refusedSession(d); !exporters.IsPermanent(err) || !strings.Contains(err.Error(), "this client's certificate") {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("no certificate")
	use(others, time.Hour)
	refused("another authority's")
	use(ours, -time.Hour)
	refused("expired")
	use(ours, time.Hour)
	d.run(time.Minute)
	d.check(s, c.Namespace)
}

// refusedSession is the error of a session that the server ends in the handshake. Its alert may be overtaken by the end of
// the connection, which is no reason to park: one of the next attempts tells.
func refusedSession(d *delivery) (err error) {
	for range 20 {
		if err = d.session(); exporters.IsPermanent(err) {
			break
		}
	}
	return err
}

func newAuthority(t *testing.T) *estest.Authority {
	t.Helper()
	a, err := estest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// askingForCertificates stands before a server with TLS, and lets in who has a certificate of the authority.
func askingForCertificates(t *testing.T, s *estest.Server, a *estest.Authority) (address, caFile string) {
	t.Helper()
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(a.PEM)
	p := httptest.NewUnstartedServer(forwardTo(t, s))
	p.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	p.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	p.StartTLS()
	t.Cleanup(p.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return p.URL, caFile
}

func forwardTo(t *testing.T, s *estest.Server) http.Handler {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: s.Transport()}
}

// node is one of several ways to a server. It can be down.
type node struct {
	*testing.T
	address string
	handler http.Handler
	server  *http.Server
}

func newNode(t *testing.T, s *estest.Server) *node {
	n := &node{T: t, address: "127.0.0.1:0", handler: forwardTo(t, s)}
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *node) start() {
	n.Helper()
	l, err := net.Listen("tcp", n.address)
	if err != nil {
		n.Fatal(err)
	}
	n.address, n.server = l.Addr().String(), &http.Server{Handler: n.handler}
	go func(s *http.Server) { _ = s.Serve(l) }(n.server)
}

func (n *node) stop() { _ = n.server.Close() }

// TestNodes delivers through two nodes, of which the first is down, then the second, then both, then the first again.
func TestNodes(t *testing.T) {
	s := estest.Elasticsearch(t)
	a, b := newNode(t, s), newNode(t, s)
	c := config{Connection: Connection{URLs: []string{"http://" + a.address, "http://" + b.address}}, Namespace: newStream(t, s)}
	d := deliver(t, c, exportertest.Records("s", 0, 120))
	a.stop()
	e, err := Open(t.Context(), d.settings) // the first is asked first
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	export := func(from int) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _, err := e.Export(ctx, exportertest.Batch("s", d.records[from:from+30]))
		return err
	}
	if err := export(0); err != nil {
		t.Errorf("the first is down: %v", err)
	}
	a.start()
	b.stop()
	if err := export(30); err != nil {
		t.Errorf("the second is down: %v", err)
	}
	a.stop()
	if err := export(60); err == nil || exporters.IsPermanent(err) {
		t.Errorf("both are down: %v", err)
	}
	a.start()
	for _, from := range []int{60, 90} {
		if err := export(from); err != nil {
			t.Errorf("the first is back: %v", err)
		}
	}
	d.next = len(d.records)
	d.check(s, c.Namespace)
}

// TestUnknownHost: a name that DNS does not know may be known soon. The exporter is not parked, and says which it is.
func TestUnknownHost(t *testing.T) {
	c := config{Connection: Connection{URLs: []string{"https://elastic.invalid:9200"}}}
	if _, err := Open(t.Context(), settingsFor(t, c)); err == nil || exporters.IsPermanent(err) || !strings.Contains(err.Error(), "elastic.invalid") {
		t.Errorf("%v", err)
	}
}
