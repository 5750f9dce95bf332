// Package serve shows the trail over HTTP: an API that only reads (see openapi.go for its document) and pages for people,
// which are plain HTML without any script.
//
//	/api/v1/records            the questions of query, a page at a time, as JSON, NDJSON or CSV
//	/api/v1/records/{id}       one record
//	/api/v1/sessions           which sessions there were lately
//	/api/v1/sessions/{id}      a session: its summary, and its records in order
//	/api/v1/report/policy      the policy report
//	/api/v1/openapi.json       the document of the API
//	/, /session, /record, /activity, /policy   the same for people
//
// # What holds
//
// Every read is a record of its own (ReadLog), on the disk before what was read is shown; if that fails, nothing is shown.
// What is shown goes through today's secret rules once more. Parameters reach a store as values only, never as part of a
// statement. Nothing but GET and HEAD is answered. A place that others can reach needs tokens and TLS (Options.Check).
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
)

// Options of a server.
type Options struct {
	Source   query.Source
	Redactor *display.Redactor // a copy of it is used for each read
	Reads    *ReadLog
	Tokens   *Tokens // nil: anybody who reaches it may read
	Version  string
	Log      *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Bounds of a server.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 150 * time.Second
	idleTimeout   = time.Minute
	askTimeout    = 2 * time.Minute // of a store
	graceTimeout  = 10 * time.Second
	headerBytes   = 32 << 10
	mostReads     = 8 // at the same time; more are told to come again
)

// Server answers requests.
type Server struct {
	o     Options
	mux   *http.ServeMux
	slots chan struct{}
}

// New returns a server.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, mux: http.NewServeMux(), slots: make(chan struct{}, mostReads)}
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	s.mux.HandleFunc("GET /style.css", serveStyle)
	s.mux.HandleFunc("GET /icon.svg", serveIcon)
	s.mux.Handle("GET /api/v1/openapi.json", s.read(s.openAPI))
	s.mux.Handle("GET /api/v1/records", s.read(s.records))
	s.mux.Handle("GET /api/v1/records/{id}", s.read(s.oneRecord))
	s.mux.Handle("GET /api/v1/sessions", s.read(s.sessions))
	s.mux.Handle("GET /api/v1/sessions/{id}", s.read(s.session))
	s.mux.Handle("GET /api/v1/report/policy", s.read(s.policy))
	s.mux.Handle("GET /{$}", s.read(s.searchPage))
	s.mux.Handle("GET /session", s.read(s.sessionPage))
	s.mux.Handle("GET /record", s.read(s.recordPage))
	s.mux.Handle("GET /activity", s.read(s.activityPage))
	s.mux.Handle("GET /policy", s.read(s.policyPage))
	return s
}

// securityPolicy lets a page load its style from here, send its forms here, and nothing else.
const securityPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			s.o.Log.Error("a request failed", "path", r.URL.Path, "panic", fmt.Sprintf("%T", p)) // its text may be of the trail
			s.fail(w, r, http.StatusInternalServerError, "something went wrong")
		}
	}()
	h := w.Header()
	h.Set("Content-Security-Policy", securityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	r.Body = http.MaxBytesReader(w, r.Body, 0)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		s.fail(w, r, http.StatusMethodNotAllowed, "this only reads: GET and HEAD are answered")
	case r.ContentLength > 0 || len(r.TransferEncoding) > 0:
		s.fail(w, r, http.StatusRequestEntityTooLarge, "a request has no body")
	case s.o.Tokens == nil && !localName(r.Host):
		s.fail(w, r, http.StatusMisdirectedRequest, "this is not the name of a local server") // another site's name that leads here
	case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
		s.fail(w, r, http.StatusForbidden, "requests of other sites are not answered")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// localName says whether a Host header names this machine's loopback.
func localName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || isLoopback(host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(trimBrackets(host))
	return ip != nil && ip.IsLoopback()
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}

// Listen says where to listen.
type Listen struct {
	Address   string // HOST:PORT
	CertFile  string
	KeyFile   string
	HasTokens bool
}

// Check refuses a place that others can reach, unless it has tokens and TLS.
func (l *Listen) Check() error {
	host, _, err := net.SplitHostPort(l.Address)
	if err != nil {
		return fmt.Errorf("serve: %q is not of the form HOST:PORT", l.Address)
	}
	if (l.CertFile == "") != (l.KeyFile == "") {
		return errors.New("serve: a certificate and its key go together")
	}
	if host == "localhost" || isLoopback(host) {
		return nil
	}
	if !l.HasTokens || l.CertFile == "" {
		return fmt.Errorf("serve: %s can be reached from elsewhere: that needs a token file and a certificate; 127.0.0.1 needs neither", l.Address)
	}
	return nil
}

// Open listens.
func (l *Listen) Open(ctx context.Context) (net.Listener, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	if l.CertFile == "" {
		return listener, nil
	}
	cert, err := tls.LoadX509KeyPair(l.CertFile, l.KeyFile)
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("serve: %w", err)
	}
	return tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), nil
}

// Run serves until the context ends; requests that are being answered then have graceTimeout.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	asked, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return asked },
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }() // ends when the server is shut down
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		stop()
		err = errors.Join(fmt.Errorf("serve: requests did not end in time: %w", err), server.Close())
	}
	<-done
	return err
}
