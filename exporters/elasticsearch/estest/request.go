package estest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Do sends a request as the server's User: body is nil, a string (JSON, or NDJSON for _bulk), or anything that
// encoding/json writes.
func (s *Server) Do(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	var text string
	switch b := body.(type) {
	case nil:
	case string:
		text = b
	case []byte:
		text = string(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return 0, nil, err
		}
		text = string(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.options.Security {
		r.SetBasicAuth(User, Password)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// Must sends a request that has to succeed, and returns its answer. It may be used in a test's cleanup.
func (s *Server) Must(t testing.TB, method, path string, body any) []byte {
	t.Helper()
	status, answer, err := s.Do(context.WithoutCancel(t.Context()), method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if status >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %.2000s", method, path, status, answer)
	}
	return answer
}

// Get sends a GET that has to succeed, and decodes its answer.
func (s *Server) Get(t testing.TB, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(s.Must(t, http.MethodGet, path, nil), into); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
}

// Transport reaches the server, and trusts its certificate.
func (s *Server) Transport() http.RoundTripper { return s.client.Transport }
