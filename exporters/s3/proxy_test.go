package s3

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between the exporter and a real server, and spoils requests. Signatures stay valid, because it passes on
// the host that was signed.
type proxy struct {
	*httptest.Server
	mu    sync.Mutex
	spoil spoiler // nil: everything passes
	seen  []*http.Request
}

// spoiler answers a request, or lets it pass to the real server and its answer to wherever it wants.
type spoiler func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter))

func newProxy(t testing.TB, endpoint string) *proxy {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host // the Host header stays
	}}
	p := &proxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.Clone(r.Context()))
		spoil := p.spoil
		p.mu.Unlock()
		pass := func(w http.ResponseWriter) { forward.ServeHTTP(w, r) }
		if spoil == nil {
			pass(w)
			return
		}
		spoil(w, r, pass)
	}))
	t.Cleanup(p.Close)
	return p
}

// set changes what is spoilt.
func (p *proxy) set(spoil spoiler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil = spoil
}

// count counts the requests of a method since the last count.
func (p *proxy) count(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, r := range p.seen {
		if r.Method == method {
			n++
		}
	}
	p.seen = nil
	return n
}

// answer writes an S3 error.
func answer(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<?xml version=\"1.0\"?><Error><Code>"+code+"</Code><Message>as the test wants</Message></Error>")
}

// once spoils the first request that is chosen, and lets all others pass.
func once(chosen func(*http.Request) bool, spoil func(w http.ResponseWriter, pass func(http.ResponseWriter))) spoiler {
	var done atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		if chosen(r) && done.CompareAndSwap(false, true) {
			spoil(w, pass)
			return
		}
		pass(w)
	}
}

// broken breaks the connection before the request has an effect.
func broken(http.ResponseWriter, func(http.ResponseWriter)) { panic(http.ErrAbortHandler) }

// lost lets the request have its effect and breaks the connection instead of answering.
func lost(_ http.ResponseWriter, pass func(http.ResponseWriter)) {
	pass(httptest.NewRecorder())
	panic(http.ErrAbortHandler)
}

// refuse answers with an S3 error.
func refuse(status int, code string) func(http.ResponseWriter, func(http.ResponseWriter)) {
	return func(w http.ResponseWriter, _ func(http.ResponseWriter)) { answer(w, status, code) }
}
