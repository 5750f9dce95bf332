package kibana

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
)

// fakeKibana takes imports as Kibana's documentation tells, over TLS, for one API key or user.
type fakeKibana struct {
	*httptest.Server
	authorization string
	stored        map[string]json.RawMessage // by path of the import and id
	broken        string                     // id of an object that it refuses
}

const apiKey = "b64-of-id-and-key"

func newFakeKibana(t *testing.T) *fakeKibana {
	t.Helper()
	k := &fakeKibana{authorization: "ApiKey " + apiKey, stored: map[string]json.RawMessage{}}
	mux := http.NewServeMux()
	for _, space := range []string{"", "/s/security"} {
		mux.HandleFunc("POST "+space+"/api/saved_objects/_import", k.objects)
		mux.HandleFunc("POST "+space+"/api/detection_engine/rules/_import", k.rules)
	}
	k.Server = httptest.NewTLSServer(k.guard(mux))
	t.Cleanup(k.Close)
	return k
}

func (k *fakeKibana) client(t *testing.T) *elasticsearch.Client {
	t.Helper()
	return k.clientAs(t, elasticsearch.Connection{APIKeyFile: file(t, apiKey+"\n")})
}

func (k *fakeKibana) clientAs(t *testing.T, c elasticsearch.Connection) *elasticsearch.Client {
	t.Helper()
	c.URLs, c.CAFile = []string{k.URL}, file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate().Raw})))
	client, err := elasticsearch.Connect(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// file is a new one that holds the text.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImportAsUser(t *testing.T) {
	k := newFakeKibana(t)
	k.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:pass:word"))
	c := k.clientAs(t, elasticsearch.Connection{Username: "ann", PasswordFile: file(t, "pass:word\n")})
	if _, err := Import(t.Context(), c, ImportOptions{}); err != nil || len(k.stored) != len(objects())+len(rules()) {
		t.Errorf("%d stored, %v", len(k.stored), err)
	}
	if _, err := Import(t.Context(), k.client(t), ImportOptions{}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("by another credential: %v", err)
	}
}

// guard asks for what Kibana asks of every writing request.
func (k *fakeKibana) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !sameCredential(r.Header.Get("Authorization"), k.authorization):
			answer(w, 401, `{"statusCode":401,"error":"Unauthorized","message":"security_exception: unable to authenticate"}`)
		case r.Header.Get("kbn-xsrf") == "":
			answer(w, 400, `{"statusCode":400,"error":"Bad Request","message":"Request must contain a kbn-xsrf header."}`)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// lines are the objects of the form's file, which must be NDJSON by name.
func lines(w http.ResponseWriter, r *http.Request) []json.RawMessage {
	file, header, err := r.FormFile("file")
	if err != nil || !strings.HasSuffix(header.Filename, ".ndjson") {
		answer(w, 400, `{"statusCode":400,"error":"Bad Request","message":"Invalid file"}`)
		return nil
	}
	b, _ := io.ReadAll(file)
	var list []json.RawMessage
	for _, l := range bytes.Split(bytes.TrimSpace(b), []byte("\n")) {
		list = append(list, json.RawMessage(l))
	}
	return list[:len(list)-1] // the last is the summary
}

func (k *fakeKibana) put(r *http.Request, id string, doc json.RawMessage) (isNew bool) {
	key := r.URL.Path + " " + id
	_, there := k.stored[key]
	if there && r.URL.Query().Get("overwrite") != "true" {
		return false
	}
	k.stored[key] = doc
	return true
}

func (k *fakeKibana) objects(w http.ResponseWriter, r *http.Request) {
	count, errs := 0, []string{}
	for _, l := range lines(w, r) {
		var o object
		_ = json.Unmarshal(l, &o)
		switch {
		case o.ID == k.broken:
			errs = append(errs, fmt.Sprintf(`{"id":%q,"type":%q,"error":{"type":"missing_references","references":[]}}`, o.ID, o.Type))
		case k.put(r, o.ID, l):
			count++
		default:
			errs = append(errs, fmt.Sprintf(`{"id":%q,"type":%q,"error":{"type":"conflict"}}`, o.ID, o.Type))
		}
	}
	answer(w, 200, fmt.Sprintf(`{"success":%v,"successCount":%d,"errors":[%s],"warnings":[]}`, len(errs) == 0, count, strings.Join(errs, ",")))
}

func (k *fakeKibana) rules(w http.ResponseWriter, r *http.Request) {
	count, errs := 0, []string{}
	list := lines(w, r)
	for _, l := range list {
		var rule struct {
			ID string `json:"rule_id"`
		}
		_ = json.Unmarshal(l, &rule)
		switch {
		case rule.ID == k.broken:
			errs = append(errs, fmt.Sprintf(`{"rule_id":%q,"error":{"status_code":400,"message":"query: invalid"}}`, rule.ID))
		case k.put(r, rule.ID, l):
			count++
		default:
			errs = append(errs, fmt.Sprintf(`{"rule_id":%q,"error":{"status_code":409,"message":"already exists"}}`, rule.ID))
		}
	}
	answer(w, 200, fmt.Sprintf(`{"success":%v,"success_count":%d,"rules_count":%d,"errors":[%s]}`, len(errs) == 0, count, len(list), strings.Join(errs, ",")))
}

func TestImport(t *testing.T) {
	k := newFakeKibana(t)
	c := k.client(t)
	objectCount, ruleCount := len(objects()), len(rules())
	for i, step := range []struct {
		options ImportOptions
		want    []Result
		stored  int
	}{
		{ImportOptions{NoRules: true}, []Result{{Imported: objectCount}}, objectCount},
		{ImportOptions{}, []Result{{Kept: objectCount}, {Imported: ruleCount}}, objectCount + ruleCount},
		{ImportOptions{}, []Result{{Kept: objectCount}, {Kept: ruleCount}}, objectCount + ruleCount},
		{ImportOptions{Overwrite: true, Enable: true}, []Result{{Imported: objectCount}, {Imported: ruleCount}}, objectCount + ruleCount},
		{ImportOptions{Space: "security"}, []Result{{Imported: objectCount}, {Imported: ruleCount}}, 2 * (objectCount + ruleCount)},
	} {
		got, err := Import(t.Context(), c, step.options)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].What = ""
		}
		if !reflect.DeepEqual(got, step.want) || len(k.stored) != step.stored {
			t.Errorf("step %d: %+v, %d stored; want %+v, %d", i, got, len(k.stored), step.want, step.stored)
		}
	}
	for path, doc := range k.stored {
		if enabled := strings.Contains(string(doc), `"enabled":true`); enabled != strings.HasPrefix(path, "/api/detection_engine/") {
			t.Errorf("%s: enabled %v", path, enabled)
		}
	}
}

func TestImportFails(t *testing.T) {
	for name, c := range map[string]struct {
		broken string
		option ImportOptions
		want   string
	}{
		"object": {"agent-audit-denied", ImportOptions{}, "search agent-audit-denied: missing_references"},
		"rule":   {rules()[3].id, ImportOptions{}, "400 query: invalid"},
		"space":  {"", ImportOptions{Space: "nowhere"}, "answered 404"},
	} {
		k := newFakeKibana(t)
		k.broken = c.broken
		if _, err := Import(t.Context(), k.client(t), c.option); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestImportRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"key":       {401, `{"statusCode":401,"error":"Unauthorized","message":"unable to authenticate"}`, "401 Unauthorized: unable to authenticate"},
		"page":      {502, `<html>secret page</html>`, "answered 502 Bad Gateway; is this Kibana?"},
		"page, 200": {200, `<html>login</html>`, "not that of Kibana's import"},
		"cut":       {200, `{"success":tr`, "not that of Kibana's import"},
		"no reason": {200, `{"success":false,"successCount":0,"errors":[]}`, "and not why"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, c.status, c.body) }))
		client, err := elasticsearch.Connect(elasticsearch.Connection{URLs: []string{s.URL}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Import(t.Context(), client, ImportOptions{}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret page") {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// sameCredential compares two Authorization headers. Their scheme has no case (RFC 9110, 11.1), nor has it for Kibana.
func sameCredential(a, b string) bool {
	schemeA, a, _ := strings.Cut(a, " ")
	schemeB, b, _ := strings.Cut(b, " ")
	return strings.EqualFold(schemeA, schemeB) && a == b
}
