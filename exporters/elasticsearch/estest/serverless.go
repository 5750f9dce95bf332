package estest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Serverless stands before a real server and makes of it what Elastic documents of Elasticsearch Serverless, which cannot
// be started here: it names itself so, has no lifecycle policies and no cluster APIs, and refuses index settings and
// privileges that are not on Elastic's lists. What it lets through, the real server judges as well.
type Serverless struct {
	URL string

	mu       sync.Mutex
	requests []string // that change something: METHOD PATH
	bodies   map[string]json.RawMessage
}

// NewServerless starts one for a test.
func NewServerless(t testing.TB, s *Server) *Serverless {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &Serverless{bodies: map[string]json.RawMessage{}}
	forward := &httputil.ReverseProxy{
		Transport:      s.Transport(),
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: renamed,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		p.note(r, body)
		if kind, reason := refusal(r, body); kind != "" {
			status := http.StatusBadRequest
			if kind == notAvailable {
				status = http.StatusGone
			}
			answer(w, status, fmt.Sprintf(`{"error":{"root_cause":[],"type":%q,"reason":%q},"status":%d}`, kind, reason, status))
			return
		}
		if strings.HasSuffix(r.URL.Path, "/_lifecycle") { // not in the test distribution
			answer(w, http.StatusOK, `{"acknowledged":true}`)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// Requests are those that changed something, or tried, in their order.
func (p *Serverless) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Body is that of the last such request.
func (p *Serverless) Body(request string) json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bodies[request]
}

func (p *Serverless) note(r *http.Request, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Method == http.MethodPut {
		request := r.Method + " " + r.URL.Path
		p.requests, p.bodies[request] = append(p.requests, request), body
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// renamed makes the answer of GET / that of serverless, whose version is always the same.
func renamed(res *http.Response) error {
	if res.Request.URL.Path != "/" || res.StatusCode != http.StatusOK {
		return nil
	}
	body := []byte(`{"version":{"number":"8.11.0","build_flavor":"serverless"},"tagline":"You Know, for Search"}`)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", fmt.Sprint(len(body)))
	return nil
}

// notAvailable is the type of the error for what is not there at all.
const notAvailable = "api_not_available_exception"

// refusal is what serverless would not do, "" for nothing.
func refusal(r *http.Request, body []byte) (kind, reason string) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if slices.Contains([]string{"_ilm", "_cluster", "_nodes", "_snapshot", "_license", "_xpack"}, first) {
		return notAvailable, fmt.Sprintf("Request for uri [%s] with method [%s] exists but is not available when running in serverless mode", r.URL.Path, r.Method)
	}
	var doc map[string]any
	if json.Unmarshal(body, &doc) != nil || r.Method == http.MethodGet {
		return "", ""
	}
	switch {
	case first == "_component_template" || first == "_index_template":
		template, _ := doc["template"].(map[string]any)
		for _, name := range settingNames("", template["settings"]) {
			if !allowed(name, serverlessSettings) {
				return "illegal_argument_exception", "Settings [" + name + "] are not available when serverless mode is enabled"
			}
		}
	case strings.HasPrefix(r.URL.Path, "/_security/role/"):
		if unknown := unknownPrivilege(doc); unknown != "" {
			return "action_request_validation_exception", unknown
		}
	}
	return "", ""
}

// serverlessSettings are the index settings of Elastic's page "Index settings available in Elastic Cloud Serverless
// projects" that anybody might put into a template of logs.
var serverlessSettings = []string{
	"index.codec", "index.default_pipeline", "index.final_pipeline", "index.hidden", "index.mode", "index.query.default_field",
	"index.refresh_interval", "index.sort.field", "index.sort.missing", "index.sort.mode", "index.sort.order", "index.mapping.coerce",
	"index.mapping.ignore_above", "index.mapping.ignore_malformed", "index.mapping.source.mode", "index.mapping.total_fields.limit",
	"index.mapping.total_fields.ignore_dynamic_beyond_limit", "index.lifecycle.origination_date", "index.similarity.*", "index.analysis.*",
}

// serverlessPrivileges are the index privileges that a custom role may name there: predefined ones only.
var serverlessPrivileges = []string{
	"all", "auto_configure", "create", "create_doc", "create_index", "delete", "delete_index", "index", "maintenance", "manage",
	"manage_data_stream_lifecycle", "monitor", "none", "read", "view_index_metadata", "write",
}

func allowed(name string, list []string) bool {
	return slices.ContainsFunc(list, func(pattern string) bool {
		prefix, all := strings.CutSuffix(pattern, "*")
		return name == pattern || all && strings.HasPrefix(name, prefix)
	})
}

// settingNames are the full names of nested settings.
func settingNames(prefix string, settings any) []string {
	nested, ok := settings.(map[string]any)
	if !ok {
		return nil
	}
	var names []string
	for key, v := range nested {
		if _, deeper := v.(map[string]any); deeper {
			names = append(names, settingNames(prefix+key+".", v)...)
			continue
		}
		names = append(names, prefix+key)
	}
	return names
}

func unknownPrivilege(role map[string]any) string {
	indices, _ := role["indices"].([]any)
	for _, i := range indices {
		index, _ := i.(map[string]any)
		privileges, _ := index["privileges"].([]any)
		for _, p := range privileges {
			if !slices.Contains(serverlessPrivileges, fmt.Sprint(p)) {
				return fmt.Sprintf("Validation Failed: 1: unknown index privilege [%v]", p)
			}
		}
	}
	return ""
}
