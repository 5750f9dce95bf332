package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/scrub"
	"github.com/agentaudit/agentaudit/test/host"
)

// line is a write line on a journal in memory, with a clock that tests move.
type line struct {
	*Pipeline
	j    *journal.Journal
	fs   vfs.FS
	cfg  *config.Config
	time time.Time
}

func openLine(t testing.TB, fs vfs.FS, flat map[string]string) *line {
	t.Helper()
	if fs == nil {
		fs = vfs.NewMem()
	}
	cfg, err := config.Load("", func(key string) string {
		if v, ok := flat[key]; ok {
			return v
		}
		return map[string]string{"state_dir": "state", "sqlite_path": "unused"}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	if flat["lane_window"] == "" {
		cfg.LaneWindow = 0 // most tests are of one lane, and look at once
	}
	l := &line{fs: fs, cfg: cfg, time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l.open(t)
	return l
}

func (l *line) open(t testing.TB) {
	t.Helper()
	var err error
	l.j, err = journal.Open("state", func() string { return "test" }, journal.Options{
		FS: l.fs, MaxBytes: int64(l.cfg.Journal.MaxBytes), SeenFor: time.Duration(l.cfg.Journal.SeenFor), Now: l.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := scrub.New(scrub.Options{Key: []byte("0123456789abcdef"), KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	l.Pipeline, err = New(Options{Config: l.cfg, Journal: l.j, Scrub: engine, Now: l.clock})
	if err != nil {
		t.Fatal(err)
	}
}

func (l *line) clock() time.Time { return l.time }

func (l *line) reopen(t testing.TB) {
	t.Helper()
	if err := l.j.Close(); err != nil {
		t.Fatal(err)
	}
	l.open(t)
}

// feed flushes log lines as tail hands them over.
func (l *line) feed(t testing.TB, lines ...string) {
	t.Helper()
	var e host.Encoder
	for i, s := range lines {
		e.Event(l.time.Add(time.Duration(i)*time.Millisecond), nil, host.M("log", s))
	}
	if err := l.Flush("test", e.Take()); err != nil {
		t.Fatal(err)
	}
}

// records parses everything in the journal.
func (l *line) records(t testing.TB) []*schema.Action {
	t.Helper()
	var out []*schema.Action
	for from := uint64(0); ; {
		rs, err := l.j.Read(from, 1000, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(rs) == 0 {
			return out
		}
		for _, r := range rs {
			a, err := schema.Parse(r.JSON)
			if err != nil {
				t.Fatalf("record %d: %v\n%s", r.Sequence, err, r.JSON)
			}
			if again := a.AppendJSON(nil); string(again) != string(r.JSON) {
				t.Fatalf("record %d is not canonical:\n%s\n%s", r.Sequence, r.JSON, again)
			}
			out = append(out, a)
			from = r.Sequence + 1
		}
	}
}

const (
	claudeCall = `{"type":"assistant","sessionId":"s-1","uuid":"u1","cwd":"/repo","version":"2.1.0","timestamp":"2026-03-01T10:00:00Z",` +
		`"message":{"id":"m1","model":"claude-x","role":"assistant","content":[{"type":"tool_use","id":"%s","name":"Bash","input":{"command":%q}}]}}`
	claudeResult = `{"type":"user","sessionId":"s-1","uuid":"u2","cwd":"/repo","version":"2.1.0","timestamp":"2026-03-01T10:00:01Z",` +
		`"message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"%s","content":"ok"}]},"toolUseResult":{"stdout":"ok","stderr":"","interrupted":false}}`
)

func call(id, command string) string {
	return fmt.Sprintf(claudeCall, "toolu_000000000000000000"+id, command)
}
func result(id string) string { return fmt.Sprintf(claudeResult, "toolu_000000000000000000"+id) }

func TestPairsRequestAndResult(t *testing.T) {
	l := openLine(t, nil, nil)
	l.feed(t, call("1", "ls -la"), result("1"))
	rs := l.records(t)
	if len(rs) != 1 {
		t.Fatalf("%d records, want 1", len(rs))
	}
	a := rs[0]
	want := map[string]any{
		"command": "ls -la", "cwd": "/repo", "exit": schema.Some(0), "outcome": schema.OutcomeSuccess, "complete": true,
		"decision": schema.Unrecorded, "session": "s-1", "ordinal": schema.Some(1), "stdout": "ok", "source": schema.RiskComputed,
		"duration": schema.Some(int64(time.Second)),
	}
	got := map[string]any{
		"command": a.Command.Line, "cwd": a.Command.Cwd, "exit": a.Execution.ExitCode, "outcome": a.Event.Outcome,
		"complete": a.Trail.Complete, "decision": a.Authorization.Decision, "session": a.Session.ID, "ordinal": a.Session.Ordinal,
		"stdout": a.Execution.Stdout, "source": a.Risk.Source, "duration": a.Execution.Duration,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if a.Infrastructure.HostName == "" {
		t.Error("host was not filled in")
	}
}

// A result that comes in a later chunk, after a restart, still finds its request; and reading everything again adds
// nothing.
func TestPendingSurvivesRestart(t *testing.T) {
	l := openLine(t, nil, nil)
	l.feed(t, call("1", "sleep 5"))
	if n := len(l.records(t)); n != 0 {
		t.Fatalf("%d records before the result", n)
	}
	l.reopen(t)
	l.feed(t, result("1"))
	for range 2 {
		rs := l.records(t)
		if len(rs) != 1 || !rs[0].Trail.Complete || rs[0].Command.Line != "sleep 5" {
			t.Fatalf("records: %+v", rs)
		}
		l.feed(t, call("1", "sleep 5"))
		l.reopen(t)
		l.feed(t, result("1"))
	}
}

// An action without result is sealed as incomplete after the window; its late result names it.
func TestLateResult(t *testing.T) {
	l := openLine(t, nil, map[string]string{"pair_window": "60s"})
	l.feed(t, call("1", "make all"))
	l.time = l.time.Add(59 * time.Second)
	if err := l.Tick(); err != nil {
		t.Fatal(err)
	}
	if n := len(l.records(t)); n != 0 {
		t.Fatalf("%d records before the window is over", n)
	}
	l.time = l.time.Add(2 * time.Second)
	if err := l.Tick(); err != nil {
		t.Fatal(err)
	}
	l.reopen(t)
	l.feed(t, result("1"))
	rs := l.records(t)
	if len(rs) != 2 {
		t.Fatalf("%d records, want 2", len(rs))
	}
	if rs[0].Trail.Complete || rs[0].Event.Outcome != schema.OutcomeUnknown {
		t.Errorf("first record: complete %v, outcome %s", rs[0].Trail.Complete, rs[0].Event.Outcome)
	}
	if rs[1].Trail.Follows != rs[0].Event.ID || rs[1].Event.ID == rs[0].Event.ID || rs[1].Event.Outcome != schema.OutcomeSuccess {
		t.Errorf("second record: %+v", rs[1])
	}
}

func TestPrecedingCommands(t *testing.T) {
	l := openLine(t, nil, nil)
	long := "echo " + strings.Repeat("x", 400)
	for i := range 8 {
		command := fmt.Sprintf("step %d", i)
		if i == 6 {
			command = long
		}
		l.feed(t, call(fmt.Sprint(i), command), result(fmt.Sprint(i)))
		if i%3 == 0 {
			l.reopen(t)
		}
	}
	rs := l.records(t)
	last := rs[7]
	if last.Session.Ordinal.N != 8 || len(last.Session.Preceding) != 5 {
		t.Fatalf("ordinal %v, preceding %v", last.Session.Ordinal, last.Session.Preceding)
	}
	for i, p := range last.Session.Preceding {
		want := rs[2+i]
		if p.ID != want.Event.ID || !strings.HasPrefix(want.Command.Line, p.Command) || len(p.Command) > 256 {
			t.Errorf("preceding %d: %+v", i, p)
		}
	}
}

// Whatever the chunk, the good events come out and the bad ones are told, without losing what stands behind them.
func TestOddChunks(t *testing.T) {
	for _, odd := range host.OddChunks() {
		t.Run(odd.Name, func(t *testing.T) {
			l := openLine(t, nil, nil)
			if err := l.Flush("test", odd.Data); err != nil {
				t.Fatal(err)
			}
			if err := l.Finish(); err != nil {
				t.Fatal(err)
			}
			all, failures := "", 0
			for _, r := range l.records(t) {
				if r.Event.Kind == schema.KindPipelineError {
					failures++
					continue
				}
				all += string(r.AppendJSON(nil))
			}
			for _, good := range odd.Good {
				quoted, _ := json.Marshal(good)
				if !strings.Contains(all, good) && !strings.Contains(all, string(quoted[1:len(quoted)-1])) {
					t.Errorf("line %q was lost", good)
				}
			}
			if odd.Broken && failures == 0 {
				t.Error("no pipeline_error record")
			}
		})
	}
}

// A panic over one event costs that event its form, not the chunk: it becomes a record of its failure, scrubbed, and the
// events around it come through.
func TestPanicOverOneEvent(t *testing.T) {
	secret := "ghp_" + "W3xLr8Tq2ZnVb6YcKj1MhGf5DsPa9Ou7IeQy"
	l := openLine(t, nil, nil)
	l.risk = nil // whatever is assessed now panics; plain lines are not
	l.feed(t, "before", call("1", "echo "+secret), "after")
	rs := l.records(t)
	if len(rs) != 3 || rs[0].Message != "before" || rs[2].Message != "after" {
		t.Fatalf("%d records", len(rs))
	}
	a := rs[1]
	if a.Event.Kind != schema.KindPipelineError || !strings.Contains(a.Event.Original, "toolu_") || strings.Contains(a.Event.Original, secret) {
		t.Errorf("failed event: %s", a.AppendJSON(nil))
	}
}

// Metadata is kept, and what an OTLP group marker says of the resource holds for the records of its group, not beyond.
func TestMetadataAndGroups(t *testing.T) {
	l := openLine(t, nil, nil)
	var e host.Encoder
	e.GroupStart(host.M("schema", "otlp", "resource_id", 1, "scope_id", 1),
		host.M("resource", host.M("attributes", host.M("host.name", "build-7", "k8s.pod.name", "agent-0", "team", "payments")), "scope", host.M("name", "x")))
	e.Event(l.time, host.M("otlp", host.M("severity_number", 9)), host.M("log", "inside"))
	e.GroupEnd()
	e.Event(l.time, host.M("source", "journal"), host.M("log", "outside"))
	if err := l.Flush("test", e.Take()); err != nil {
		t.Fatal(err)
	}
	rs := l.records(t)
	if len(rs) != 2 {
		t.Fatalf("%d records, want 2", len(rs))
	}
	in, out := rs[0], rs[1]
	if in.Infrastructure.HostName != "build-7" || in.Infrastructure.OrchestratorPod != "agent-0" ||
		!strings.Contains(string(in.Trail.Fields), `"severity_number":9`) || !strings.Contains(string(in.Trail.Fields), `"team":"payments"`) {
		t.Errorf("inside: %s", in.AppendJSON(nil))
	}
	if out.Infrastructure.HostName == "build-7" || !strings.Contains(string(out.Trail.Fields), `"source":"journal"`) {
		t.Errorf("outside: %s", out.AppendJSON(nil))
	}
}

// Of very many logs those idle longest are forgotten, in the journal too; the others survive a restart.
func TestSourcesAreBounded(t *testing.T) {
	l := openLine(t, nil, nil)
	for i := range 3 {
		var e host.Encoder
		for n := range maxSources/2 + 10 {
			e.Event(l.time, nil, host.M("log", "line", "path", fmt.Sprintf("/logs/%d-%d.log", i, n), "offset", 0))
		}
		if err := l.Flush("test", e.Take()); err != nil {
			t.Fatal(err)
		}
		l.reopen(t)
	}
	n := 0
	if err := l.j.Sources(func(schema.ID, []byte) error { n++; return nil }); err != nil || n != maxSources {
		t.Errorf("%d sources stored, %v", n, err)
	}
}

// Everything that a failed commit had changed in memory is undone: the same chunk, sent again, gives the same records.
func TestFullJournalTakesNothing(t *testing.T) {
	l := openLine(t, nil, map[string]string{"journal_max_bytes": "3000"})
	l.feed(t, call("1", "true"), result("1"), call("2", "pending"))
	var e host.Encoder
	e.Event(l.time, nil, host.M("log", result("2")))
	e.Event(l.time, nil, host.M("log", call("3", "echo "+strings.Repeat("y", 4000))))
	e.Event(l.time, nil, host.M("log", result("3")))
	chunk := e.Take()
	for range 3 {
		if err := l.Flush("test", chunk); err == nil {
			t.Fatal("a chunk beyond the bound was taken")
		}
	}
	if n := len(l.records(t)); n != 1 {
		t.Fatalf("%d records", n)
	}
	tree := l.j.Tree()
	var c journal.Cursor
	c.Next, c.Tree = 1, tree
	if err := l.j.Trim(c); err != nil {
		t.Fatal(err)
	}
	l.cfg.Journal.MaxBytes = 1 << 20
	l.reopen(t)
	if err := l.Flush("test", chunk); err != nil {
		t.Fatal(err)
	}
	rs, err := l.j.Read(1, 10, 1<<20)
	if err != nil || len(rs) != 2 {
		t.Fatalf("%d records, %v", len(rs), err)
	}
}

// No text of an action reaches the journal unscrubbed: every string that reflection finds is given a secret, and none may
// be found in any file.
func TestEveryStringIsScrubbed(t *testing.T) {
	secret := "ghp_" + "a8Kd93jdK2lsPq0Zmx81vT5yBn4Wc7Re6UiO"
	var f schema.Fragment
	n := plant(reflect.ValueOf(&f.Action).Elem(), secret)
	if n < 80 {
		t.Fatalf("only %d strings planted", n)
	}
	f.Command.ToolArguments = schema.JSON(`{"` + secret + `":{"a":["` + secret + `"]}}`)
	f.Trail.Fields = f.Command.ToolArguments
	l := openLine(t, nil, nil)
	c := l.scrubber.Fragment(&f)
	if doc := string(c.Document()); strings.Contains(doc, secret) {
		i := strings.Index(doc, secret)
		t.Fatalf("secret survives near %q", doc[max(0, i-120):i])
	}
}

// plant puts the secret into every string below v, and returns how many there were.
func plant(v reflect.Value, secret string) int {
	n := 0
	switch v.Kind() {
	case reflect.String:
		v.SetString("x " + secret + " y")
		return 1
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return 0
		}
		for i := range v.NumField() {
			n += plant(v.Field(i), secret)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			n += plant(v.Index(i), secret)
		}
	}
	return n
}

// Secrets planted in logs reach no file of the journal: neither records nor pending actions, sources or sessions.
func TestNoSecretInJournalFiles(t *testing.T) {
	secret := "ghp_" + "Qm4Xt7cVb1NzL0sKjH2gFdS9aPoI8uYtR6eW"
	dir := t.TempDir()
	l := &line{time: time.Now(), fs: nil}
	cfg, err := config.Load("", func(k string) string {
		return map[string]string{"state_dir": dir, "sqlite_path": "unused"}[k]
	})
	if err != nil {
		t.Fatal(err)
	}
	l.cfg = cfg
	j, err := journal.Open(dir, func() string { return "test" }, journal.Options{SeenFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	engine, _ := scrub.New(scrub.Options{Key: []byte("0123456789abcdef"), KeyID: "k1"})
	l.j = j
	if l.Pipeline, err = New(Options{Config: cfg, Journal: j, Scrub: engine}); err != nil {
		t.Fatal(err)
	}
	l.feed(t,
		call("1", "curl -H 'Authorization: Bearer "+secret+"' https://x"), result("1"),
		call("2", "export TOKEN="+secret), // pending
		"plain line with "+secret,
		`{"unknown":"shape","token":"`+secret+`","`+secret+`":1}`,
		`{"type":"user","sessionId":"`+secret+`","cwd":"/home/`+secret+`","uuid":"u","message":{"content":"hi"}}`,
	)
	if err := l.Flush("test", append([]byte{0x93}, secret...)); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(p)
		if strings.Contains(string(b), secret) {
			t.Errorf("%s holds the secret", p)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files read, %v", files, err)
	}
}

// The texts of a record do not point into the chunk, which Fluent Bit takes back.
func TestChunkMayBeOverwritten(t *testing.T) {
	l := openLine(t, nil, nil)
	var e host.Encoder
	e.Event(l.time, nil, host.M("log", call("1", "echo kept")))
	chunk := e.Take()
	if err := l.Flush("test", chunk); err != nil {
		t.Fatal(err)
	}
	for i := range chunk {
		chunk[i] = 0xdd
	}
	l.feed(t, result("1"))
	if rs := l.records(t); len(rs) != 1 || rs[0].Command.Line != "echo kept" || rs[0].Session.ID != "s-1" {
		t.Fatalf("records: %+v", rs)
	}
}

func FuzzFlush(f *testing.F) {
	for _, odd := range host.OddChunks() {
		if len(odd.Data) < 1<<16 {
			f.Add(odd.Data)
		}
	}
	l := openLine(f, nil, map[string]string{"journal_max_bytes": "1TiB"})
	f.Fuzz(func(t *testing.T, chunk []byte) {
		if err := l.Flush("fuzz", chunk); err != nil {
			t.Fatal(err)
		}
	})
}

// A secret that a log spreads over records is taken away from each of them, also over chunks and restarts: the lines of a
// private key, and a line that the container's runtime has cut.
func TestSecretsOverRecords(t *testing.T) {
	l := openLine(t, nil, nil)
	body := strings.Repeat("aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF", 2)
	token := "ghp_" + "Qm4Xt7cVb1NzL0sKjH2gFdS9aPoI8uYtR6eW"
	offset := 0
	send := func(path, logtag, text string) {
		t.Helper()
		var e host.Encoder
		e.Event(l.time, nil, host.M("log", text, "logtag", logtag, "stream", "stdout", "path", path, "offset", offset))
		offset++
		if err := l.Flush("test", e.Take()); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range []string{"cat key.pem", "-----BEGIN PRIVATE" + " KEY-----", body, body, body, "-----END PRIVATE" + " KEY-----", "key was shown"} {
		send("/var/log/a.log", "F", text)
		if i == 3 {
			l.reopen(t)
		}
	}
	for cut := 1; cut < len(token); cut++ {
		send("/var/log/b.log", "P", "pulled with "+token[:cut])
		send("/var/log/b.log", "F", token[cut:]+" all good")
	}
	shown := 0
	for _, a := range l.records(t) {
		switch doc := string(a.AppendJSON(nil)); {
		case strings.Contains(doc, body[:16]) || strings.Contains(doc, "PRIVATE"+" KEY"):
			t.Errorf("the key is kept: %s", doc)
		case strings.Contains(doc, "all good") || strings.Contains(doc, "key was shown") || strings.Contains(doc, "cat key.pem"):
			shown++
		}
		for i := 0; i+8 <= len(token); i++ {
			if strings.Contains(a.Message, token[i:i+8]) {
				t.Errorf("%q holds a part of the token", a.Message)
				break
			}
		}
	}
	if shown != len(token)-1+2 {
		t.Errorf("%d of %d other texts kept", shown, len(token)-1+2)
	}
}
