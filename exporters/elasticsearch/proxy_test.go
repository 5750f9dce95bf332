package elasticsearch

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
)

// fault is what a proxy does to a bulk request. Faults come in pairs: before the server has it, and after.
type fault int

const (
	none        fault = iota
	tooMany           // 429 for the whole, and the server does not get it
	unavailable       // 503
	entity            // 413, if there is more than one document
	resetBefore       // the connection breaks before the server gets it
	resetAfter        // the server has it, and its answer is lost
	truncated         // the server has it, and half of its answer arrives
	html              // 200 with a page
	someBusy          // a third of the documents are taken out and answered with 429
	others            // an answer about other documents
	faults
)

// proxy stands before a real server and does, by chance, every fault there is.
type proxy struct {
	*httptest.Server
	forward *httputil.ReverseProxy

	mu    sync.Mutex
	rng   *rand.Rand
	share int // of a hundred requests, how many go wrong
	count [faults]int
}

func newProxy(t *testing.T, s *estest.Server, share int) *proxy {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{rng: rand.New(rand.NewPCG(1, 2)), share: share}
	p.forward = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) draw() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := none
	if p.rng.IntN(100) < p.share {
		f = fault(1 + p.rng.IntN(int(faults)-1))
	}
	p.count[f]++
	return f
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/_bulk") {
		p.forward.ServeHTTP(w, r)
		return
	}
	f := p.draw()
	switch f {
	case none:
		p.forward.ServeHTTP(w, r)
	case tooMany, unavailable:
		status := map[fault]int{tooMany: http.StatusTooManyRequests, unavailable: http.StatusServiceUnavailable}[f]
		http.Error(w, `{"error":{"type":"es_rejected_execution_exception","reason":"test"},"status":429}`, status)
	case html:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>Please sign in</html>")
	case resetBefore:
		panic(http.ErrAbortHandler)
	default:
		p.tamper(w, r, f)
	}
}

// tamper does the faults for which the documents or the answer must be read.
func (p *proxy) tamper(w http.ResponseWriter, r *http.Request, f fault) {
	lines := readBulk(r)
	var busy [][]byte
	if f == someBusy {
		lines, busy = lines[:len(lines)/6*4], lines[len(lines)/6*4:]
	}
	if f == entity && len(lines) > 2 || len(lines) == 0 {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	r.Header.Del("Content-Encoding")
	body := bytes.Join(lines, nil)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	p.forward.ServeHTTP(answer, r)
	text := answer.Body.Bytes()
	switch f {
	case resetAfter:
		panic(http.ErrAbortHandler)
	case others:
		text = bytes.ReplaceAll(text, []byte(`"_id":"`), []byte(`"_id":"0`))
	case someBusy:
		text = addBusy(text, busy)
	}
	for k, v := range answer.Header() {
		if k != "Content-Length" {
			w.Header()[k] = v
		}
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(answer.Code)
	if f == truncated {
		text = text[:len(text)/2]
	}
	_, _ = w.Write(text)
	if f == truncated {
		panic(http.ErrAbortHandler)
	}
}

// readBulk are the lines of a bulk request: actions and documents in turn.
func readBulk(r *http.Request) [][]byte {
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		panic(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	lines := bytes.SplitAfter(body, []byte("\n"))
	return lines[:len(lines)-1] // nothing stands behind the last line break
}

// addBusy adds to an answer that documents were not taken for now.
func addBusy(text []byte, lines [][]byte) []byte {
	var answer struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		panic(err)
	}
	for i := 0; i < len(lines); i += 2 {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		if err := json.Unmarshal(lines[i], &action); err != nil {
			panic(err)
		}
		answer.Items = append(answer.Items, fmt.Appendf(nil, `{"create":{"_id":%q,"status":429,"error":{"type":"es_rejected_execution_exception","reason":"test"}}}`, action.Create.ID))
	}
	out, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return out
}
