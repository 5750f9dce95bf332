// Package elasticsearch tests the way from logs to Elasticsearch and back with the real program.
package elasticsearch

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
)

func TestMain(m *testing.M) { estest.Main(m) }

// program builds agent-audit, and returns a function that runs it.
func program(t *testing.T) (binary string, run func(args ...string) string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "agent-audit")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/agent-audit").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary, func(args ...string) string {
		t.Helper()
		cmd := exec.Command(binary, args...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("agent-audit %s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
		}
		return string(out) + stderr.String()
	}
}

// TestFromLogsToAnswers sets a secured server up, imports the sample logs into it and into SQLite with the least rights,
// and holds that both stores answer alike, to the byte, and that the key is shown nowhere.
func TestFromLogsToAnswers(t *testing.T) {
	s := estest.New(t, estest.Options{Security: true})
	binary, run := program(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("password", estest.Password)
	write("agent-audit.yaml", "state_dir: "+in("state")+"\nbinary: "+binary+"\nexporters:\n  sqlite: {path: "+in("audit.db")+"}\n"+
		"  elasticsearch:\n    urls: ["+s.URL+"]\n    namespace: cli\n    ca_file: "+s.CAFile+"\n    api_key_file: "+in("writer.key")+"\n")
	server := s.URL + "?namespace=cli&ca_file=" + s.CAFile
	all := run("setup", "elasticsearch", server+"&username="+estest.User+"&password_file="+in("password"),
		"--retention", "365d", "--writer-key", in("writer.key"), "--reader-key", in("reader.key"))
	imported := run("import", "--config", in("agent-audit.yaml"), "../../examples/logs")
	if !strings.Contains(imported, "elasticsearch") || !strings.Contains(imported, " 0 dead letters") {
		t.Errorf("import says %s", imported)
	}
	s.Must(t, "POST", "/logs-agent_audit.action-cli/_refresh", nil)
	reader := "elasticsearch:" + server + "&api_key_file=" + in("reader.key")
	for _, q := range [][]string{
		{}, {"--risk", "60-100"}, {"--decision", "denied"}, {"--command", "rm"}, {"--command-prefix", "git"}, {"--agent", "codex", "--oldest-first"},
	} {
		args := append([]string{"query", "-o", "ndjson"}, q...)
		want := run(append(args, "--source", "sqlite:"+in("audit.db"))...)
		got := run(append(args, "--source", reader)...)
		if got != want {
			t.Errorf("%v: answers differ:\n%.1000s\n%.1000s", q, got, want)
		}
		if len(q) == 0 && strings.Count(got, "\n") < 10 {
			t.Errorf("only %d records", strings.Count(got, "\n"))
		}
	}
	reconcile := []string{"reconcile", "--state", in("state"), "--source", "sqlite:" + in("audit.db"), "--source", reader}
	all += run(reconcile...) + run("rescan", "--source", reader)
	deleteOne(t, s)
	if out, err := exec.Command(binary, reconcile...).CombinedOutput(); err == nil || !strings.Contains(string(out), "elasticsearch") {
		t.Errorf("a record is missing in Elasticsearch, and reconcile says %v: %s", err, out)
	}
	all += imported + run("doctor", "elasticsearch", server+"&api_key_file="+in("reader.key"), "--writer-key", in("writer.key"))
	key, err := os.ReadFile(in("writer.key"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(all, strings.TrimSpace(string(key))) || strings.Contains(all, estest.Password) {
		t.Error("a credential was printed")
	}
	var status struct{ Exporters []struct{ State string } }
	if err := json.Unmarshal([]byte(run("status", "--json", "--state", in("state"))), &status); err != nil || len(status.Exporters) != 2 {
		t.Errorf("status %+v, %v", status, err)
	}
}

// deleteOne takes one record out of the data stream, as its administrator can.
func deleteOne(t *testing.T, s *estest.Server) {
	t.Helper()
	var found struct {
		Hits struct {
			Hits []struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			}
		}
	}
	if err := json.Unmarshal(s.Must(t, "POST", "/logs-agent_audit.action-cli/_search", `{"size":1}`), &found); err != nil || len(found.Hits.Hits) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	hit := found.Hits.Hits[0]
	s.Must(t, "DELETE", "/"+hit.Index+"/_doc/"+hit.ID+"?refresh=true", nil)
}
