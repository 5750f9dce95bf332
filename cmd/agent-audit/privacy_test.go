package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// trail is a state folder with its stores, whose records name two persons.
type trail struct {
	t      *testing.T
	dir    string
	config string
}

// persons are in the logs in every way that is recognised.
const persons = `{"id":1,"timestamp":"2026-03-01T10:00:00Z","session_id":"s-1","agent_id":"agent-7","user":{"name":"alicia","email":"alicia@corp.example.com"},"organization":"example","command":"sudo chown alicia:alicia /srv; ls /home/alicia/x","cwd":"/home/alicia/app","infrastructure":{"source_ip":"198.51.100.77","host":"web1"},"execution":{"exit_code":0,"stdout":"alicia\nfrom 198.51.100.77\n"},"decision":"approved","approved_by":"benedikt"}
{"id":2,"timestamp":"2026-03-01T10:01:00Z","session_id":"s-1","agent_id":"agent-7","user":{"name":"alicia","email":"alicia@corp.example.com"},"organization":"example","command":"ssh alicia@web1 uptime","execution":{"exit_code":0}}
{"id":3,"timestamp":"2026-03-01T10:02:00Z","session_id":"s-2","agent_id":"agent-8","user":{"name":"benedikt"},"organization":"example","command":"scp a.txt alicia@web1:/tmp && mail alicia@corp.example.com","execution":{"exit_code":1}}
{"id":4,"timestamp":"2026-03-01T10:03:00Z","session_id":"s-2","agent_id":"agent-8","user":{"name":"benedikt"},"organization":"example","command":"whoami","action_id":"a-4","phase":"request"}
`

// names must be nowhere.
var names = []string{"alicia", "benedikt", "198.51.100.77", "alicia@corp.example.com"}

// newTrail imports the logs. privacy is the section of the configuration, in one line.
func newTrail(t *testing.T, privacy string) *trail {
	t.Helper()
	r := &trail{t: t, dir: t.TempDir()}
	r.config = r.path("c.yaml")
	write(t, r.config, fmt.Sprintf("state_dir: %s\norganization: example\nprivacy: %s\nexporters:\n  sqlite: {path: %s}\n  archive: {dir: %s}\n",
		r.path("s"), privacy, r.path("s/audit.db"), r.path("s/archive")))
	log := filepath.Join(t.TempDir(), "home", "alicia", "log.jsonl")
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, log, persons)
	r.run(0, "4 records in the trail", "import", "--config", r.config, log)
	return r
}

func (r *trail) path(name string) string { return filepath.Join(r.dir, name) }

func (r *trail) run(code int, want string, args ...string) string {
	r.t.Helper()
	out, errs, got := tool(r.t, args...)
	if got != code || !strings.Contains(out+errs, want) {
		r.t.Fatalf("agent-audit %s: exit code %d, want %d with %q:\n%s%s", strings.Join(args, " "), got, code, want, out, errs)
	}
	return out
}

// leaks looks for texts, as they are and in base64, in all files of the trail but its configuration: also in what is
// compressed, and in the journal's values.
func (r *trail) leaks(texts ...string) {
	r.t.Helper()
	var needles [][]byte
	for _, text := range texts {
		needles = append(needles, []byte(text))
		for shift := range 3 { // base64 of a text depends on how many bytes are before it, and at its ends on what is beside it
			coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
			needles = append(needles, []byte(coded[4:len(coded)-4]))
		}
	}
	files := 0
	look := func(where string, data []byte) {
		files++
		for _, n := range needles {
			if len(n) >= 6 && bytes.Contains(data, n) {
				r.t.Errorf("%q is in %s", n, where)
			}
		}
	}
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == r.config {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		look(path, data)
		if strings.HasSuffix(path, ".gz") {
			if data, err = gunzip(data); err != nil {
				return err
			}
			look(path+", unpacked", data)
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	db, err := pebble.Open(r.path("s/journal"), &pebble.Options{ReadOnly: true, Logger: quiet{}})
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	it, err := db.NewIter(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		look(fmt.Sprintf("the journal at %q", it.Key()), it.Value())
	}
	if files < 20 {
		r.t.Errorf("only %d files and values", files)
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// pseudonym is what the trail calls a person.
func (r *trail) pseudonym(name string) string {
	r.t.Helper()
	out := r.run(0, "k1:", "pseudonym", "--state", r.path("s"), name)
	return strings.Fields(out)[0]
}

// count is how many records a query finds.
func (r *trail) count(args ...string) int {
	r.t.Helper()
	var list []json.RawMessage
	out := r.run(0, "", append([]string{"query", "--state", r.path("s"), "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		r.t.Fatal(err, out)
	}
	return len(list)
}

// With privacy on, no name is in any store, journal, status or temporary file, and who has the key still finds a person's
// records.
func TestPrivacy(t *testing.T) {
	for name, privacy := range map[string]string{"on": "on", "originals": "{originals: true}", "hosts": "{originals: true, hosts: true, keep: [robot]}"} {
		t.Run(name, func(t *testing.T) {
			r := newTrail(t, privacy)
			r.leaks(names...)
			if strings.Contains(privacy, "hosts") {
				r.leaks("web1\"") // the host's name by itself
			}
			for name, want := range map[string]int{"alicia": 2, "alicia@corp.example.com": 2, "benedikt": 2, "nobody-else": 0} {
				for _, source := range []string{"sqlite:" + r.path("s/audit.db"), "dir:" + r.path("s/archive")} {
					if got := r.count("--source", source, "--user", name); got != want {
						t.Errorf("%s, %s: %d records, want %d", source, name, got, want)
					}
				}
			}
			if got := r.count("--user", r.pseudonym("alicia")); got != 2 {
				t.Errorf("by pseudonym: %d", got)
			}
			r.run(0, "VERIFIED: 4 records", "verify", r.path("s/archive"))
			elsewhere := t.TempDir()
			if out, _, _ := tool(t, "query", "--state", elsewhere, "--source", "sqlite:"+r.path("s/audit.db"), "--user", "alicia", "-o", "ndjson"); out != "" {
				t.Errorf("without the key: %s", out)
			}
			r.run(0, "", "validate", "--strict", r.config)
		})
	}
}

// Hold, dry run, erasure, certificate, rotation and reveal by the command line, and afterwards: who was erased can be
// named nowhere, in no copy either, others as before, and everything verifies.
func TestErase(t *testing.T) {
	r := newTrail(t, "{originals: true}")
	s := r.path("s")
	alicia, mail, benedikt := r.pseudonym("alicia"), r.pseudonym("alicia@corp.example.com"), r.pseudonym("benedikt")
	r.run(0, alicia+" alicia\n", "reveal", "--state", s, alicia, "--reason", "incident 31", "--by", "auditor")
	before := copyDir(t, s)
	key := r.run(0, "", "query", "--state", s, "--user", alicia, "--oldest-first", "-o", "ndjson")
	var doc struct {
		AgentAudit struct {
			Privacy struct{ Originals []string } `json:"privacy"`
		} `json:"agent_audit"`
		Event struct{ ID string } `json:"event"`
	}
	if err := json.NewDecoder(strings.NewReader(key)).Decode(&doc); err != nil || len(doc.AgentAudit.Privacy.Originals) < 3 {
		t.Fatalf("%v: %s", err, key)
	}
	r.run(0, alicia+" alicia\n", "reveal", "--state", s, "--record", doc.Event.ID, "--reason", "incident 31")
	wrapped := r.wrapped(alicia)

	out := r.run(0, "2 records are of them", "erase", "--state", s, "--subject", "alicia", "--dry-run")
	if !strings.Contains(out, mail) {
		t.Errorf("the dry run does not tell of %s: %s", mail, out)
	}
	r.run(0, "is held", "hold", "--state", s, "--subject", "alicia", "--reason", "case 12")
	ask := []string{"erase", "--state", s, "--config", r.config, "--subject", "alicia", "--subject", "alicia@corp.example.com", "--subject", "198.51.100.77", "--basis", "Art. 17(1)(a), request 118", "--by", "dpo"}
	r.run(1, "legal hold since", ask...)
	r.run(0, alicia+" alicia\n", "reveal", "--state", s, alicia, "--reason", "still there")
	r.run(0, "is released", "hold", "--state", s, "--subject", "alicia", "--reason", "closed", "--release")
	r.run(0, "data keys were wrapped anew; the key in use is w2", "rotate-keys", "--state", s)
	r.run(0, "0 data keys", "rotate-keys", "--state", s, "--retire")
	r.run(0, "erased: ", ask...)

	r.run(1, "not revealed", "reveal", "--state", s, alicia, mail, "--reason", "incident 31")
	r.run(1, "not revealed", "reveal", "--state", s, "--record", doc.Event.ID, "--reason", "incident 31")
	r.run(0, benedikt+" benedikt\n", "reveal", "--state", s, benedikt, "--reason", "incident 31")
	r.leaks(append(names, wrapped)...)
	r.run(0, "VERIFIED:", "verify", filepath.Join(s, "archive"))
	certificate := r.run(0, "Art. 17(1)(a), request 118", "query", "--state", s, "--agent", "agent-audit", "-o", "ndjson")
	for _, want := range []string{alicia, mail, `"erase"`, `"reveal"`, "user:k1:"} {
		if !strings.Contains(certificate, want) {
			t.Errorf("the trail lacks %s: %s", want, certificate)
		}
	}
	// Who was erased stays so, also when more of the person comes; a copy of the archive from before tells nothing either.
	log := filepath.Join(t.TempDir(), "more.jsonl")
	write(t, log, `{"id":9,"timestamp":"2026-03-02T10:00:00Z","session_id":"s-9","agent_id":"agent-7","user":"alicia","organization":"example","command":"ls"}`+"\n")
	r.run(0, "", "import", "--config", r.config, log)
	r.run(1, "not revealed", "reveal", "--state", s, alicia, "--reason", "incident 31")
	r.run(1, "not revealed", "reveal", "--state", s, "--source", "dir:"+filepath.Join(before, "archive"), "--record", doc.Event.ID, "--reason", "incident 31")

	// An erasure that was cut short after it was written down is seen, and gone on with, once.
	write(t, filepath.Join(s, "names/erasures/20260101t000000z-aa.json"), `{"id":"20260101t000000z-aa","subjects":["`+benedikt+`"],"basis":"request 7","by":"dpo","asked":"2026-01-01T00:00:00Z"}`)
	r.run(1, "erasure 20260101t000000z-aa was begun and is not done", "status", "--state", s)
	r.run(0, "erased: "+benedikt, "erase", "--resume", "--state", s, "--config", r.config)
	r.run(1, "not revealed", "reveal", "--state", s, benedikt, "--reason", "incident 31")
	r.run(0, "request 7", "query", "--state", s, "--agent", "agent-audit", "-o", "ndjson")
	if out := r.run(0, "", "erase", "--resume", "--state", s); out != "" {
		t.Errorf("a second time: %s", out)
	}
	r.run(0, "", "status", "--state", s)
}

// wrapped is the wrapped data key of a subject, as its entry has it.
func (r *trail) wrapped(subject string) string {
	r.t.Helper()
	b, err := os.ReadFile(r.path("s/names/subjects/" + strings.ReplaceAll(subject, ":", ".") + ".json"))
	if err != nil {
		r.t.Fatal(err)
	}
	var e struct{ Wrapped string }
	if err := json.Unmarshal(b, &e); err != nil || len(e.Wrapped) < 40 {
		r.t.Fatal(err, string(b))
	}
	return e.Wrapped
}

// copyDir is a copy of a folder elsewhere.
func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// originals are those of all records, as they stand there.
func (r *trail) originals() string {
	r.t.Helper()
	return r.run(0, "", "export", "--state", r.path("s"), "--oldest-first", "-o", "csv", "--fields", "agent_audit.privacy.originals")
}
