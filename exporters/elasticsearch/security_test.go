package elasticsearch

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

// newKey makes an API key of the writer, and returns its id.
func newKey(t *testing.T, s *estest.Server, file string) string {
	t.Helper()
	body := object{"name": "test", "role_descriptors": object{"w": object{"indices": Roles(SetupOptions{})[0].Body["indices"]}}}
	var key struct{ ID, Encoded string }
	if err := json.Unmarshal(s.Must(t, "POST", "/_security/api_key", body), &key); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(key.Encoded+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return key.ID
}

// parkedBy holds that a session ends parked, with words that tell an operator what to do and no credential.
func (d *delivery) parkedBy(keyFile string, words ...string) {
	d.Helper()
	err := d.session()
	if !exporters.IsPermanent(err) {
		d.Fatalf("not parked: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			d.Errorf("%v does not say %q", err, w)
		}
	}
	if key, _ := os.ReadFile(keyFile); len(key) > 0 && strings.Contains(err.Error(), strings.TrimSpace(string(key))) {
		d.Errorf("error shows the key: %v", err)
	}
}

// TestSecurity goes through what happens to credentials and certificates: each gives a clear status, and delivery goes
// on when it is mended.
func TestSecurity(t *testing.T) {
	s := estest.Secured(t)
	namespace := newStream(t, s)
	file := filepath.Join(t.TempDir(), "key")
	id := newKey(t, s, file)
	c := config{Connection: Connection{URLs: []string{s.URL}, CAFile: s.CAFile, APIKeyFile: file}, Namespace: namespace}
	d := deliver(t, c, exportertest.Records("s", 0, 600))
	d.batch = 100
	part := func() { // delivers one batch
		t.Helper()
		all := d.records
		d.records = all[:d.next+d.batch]
		d.run(time.Minute)
		d.records = all
	}

	t.Log("key of another server")
	right, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bm90OmFrZXk=")
	d.parkedBy(file, "401", "API key")
	write(string(right))
	part()

	t.Log("unknown authority")
	unknown := deliver(t, config{Connection: Connection{URLs: c.URLs, APIKeyFile: file}, Namespace: namespace}, d.records)
	unknown.parkedBy(file, "certificate", "unknown authority")

	t.Log("key revoked between two batches of one run")
	e, err := Open(t.Context(), d.settings)
	if err != nil {
		t.Fatal(err)
	}
	s.Must(t, "DELETE", "/_security/api_key", object{"ids": []string{id}})
	b := exporters.Batch{Stream: "s", Records: d.records[d.next : d.next+10]}
	if acked, _, err := e.Export(t.Context(), b); acked != 0 || !exporters.IsPermanent(err) || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("acknowledged %d, %v", acked, err)
	}
	_ = e.Close()
	d.parkedBy(file, "401")
	newKey(t, s, file)
	part()

	t.Log("certificate expires")
	issue := func(from, to time.Duration) {
		if err := s.Certs.Issue(time.Now().Add(from), time.Now().Add(to)); err != nil {
			t.Fatal(err)
		}
	}
	defer issue(-time.Hour, 12*time.Hour) // other tests use this server
	issue(-2*time.Hour, -time.Hour)
	awaitCertificate(t, d.settings, false)
	d.parkedBy(file, "certificate", "expired")
	issue(-time.Hour, time.Hour)
	awaitCertificate(t, d.settings, true)
	d.run(time.Minute)
	d.check(s, namespace)
}

// awaitCertificate waits until the server has read its new certificate.
func awaitCertificate(t *testing.T, settings []byte, good bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		e, err := Open(ctx, settings)
		cancel()
		if err == nil {
			_ = e.Close()
		}
		if (err == nil) == good {
			return
		}
	}
	t.Fatal("the server does not take its new certificate")
}

// TestCredentials reads credentials in all their forms, and shows none.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv(EnvAPIKey, "")
	t.Setenv(EnvPassword, "hunter2")
	local := []string{"https://localhost:9200"}
	for name, c := range map[string]struct {
		connection Connection
		auth       string
		err        string
	}{
		"none":              {Connection{URLs: local}, " :", ""},
		"encoded key":       {Connection{URLs: local, APIKeyFile: file("a", "aWQ6a2V5\n")}, "aWQ6a2V5 :", ""},
		"id and key":        {Connection{URLs: local, APIKeyFile: file("b", "id:key")}, "aWQ6a2V5 :", ""},
		"password file":     {Connection{URLs: local, Username: "u", PasswordFile: file("c", "p:w\n")}, " u:p:w", ""},
		"password variable": {Connection{URLs: local, Username: "u"}, " u:hunter2", ""},
		"cloud":             {Connection{CloudID: "mine:aG9zdC5leGFtcGxlJGVzJGtpYmFuYQ=="}, " :", ""},
		"both":              {Connection{URLs: local, Username: "u", APIKeyFile: "x"}, "", "not both"},
		"empty file":        {Connection{URLs: local, APIKeyFile: file("d", "\n")}, "", "is empty"},
		"many lines":        {Connection{URLs: local, APIKeyFile: file("e", "hunter2\nhunter2\n")}, "", "more than one line"},
		"in the clear":      {Connection{URLs: []string{"http://198.51.100.7:9200"}, Username: "u"}, "", "not sent in the clear"},
		"no authority":      {Connection{URLs: local, CAFile: file("f", "hunter2")}, "", "no certificate"},
		"half a pair":       {Connection{URLs: local, CertificateFile: file("g", "")}, "", "certificate_file and key_file"},
		"odd place":         {Connection{URLs: []string{"https://h/?a=hunter2"}}, "", "after its path"},
	} {
		client, err := Connect(c.connection)
		var given elasticsearch.Config
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s: %v, want %q", name, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.err == "" && c.connection.authorize(&given) == nil && given.APIKey+" "+given.Username+":"+given.Password != c.auth:
			t.Errorf("%s: %+v", name, given)
		case name == "cloud":
			if nodes := client.es.Transport.(*elastictransport.Client).URLs(); len(nodes) != 1 || nodes[0].String() != "https://es.host.example" {
				t.Errorf("cloud: %v", nodes)
			}
		}
	}
}
