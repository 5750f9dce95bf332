package convert

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// fragments converts lines and returns copies of what is emitted.
func fragments(c *Converter, src *Source, list []string) []schema.Fragment {
	var out []schema.Fragment
	feed(c, src, list, func(f *schema.Fragment) {
		g := *f
		g.Action = *f.Clone()
		out = append(out, g)
	})
	return out
}

func ids(list []schema.Fragment) map[schema.ID]bool {
	m := map[schema.ID]bool{}
	for _, f := range list {
		m[f.ID] = true
	}
	return m
}

func TestNew(t *testing.T) {
	for name, o := range map[string]Options{
		`format "claude" is not known; known are auto, ` + strings.Join(Names(), ", "):                     {Format: "claude"},
		`mapping: "process.comand_line" is no field of the document; did you mean "process.command_line"?`: {Mapping: Mapping{"process.comand_line": "x"}},
		`mapping: "exit_code" is no field of the document; did you mean "process.exit_code"?`:              {Mapping: Mapping{"exit_code": "x"}},
		`mapping: "agent_audit.stream" is set by agent-audit itself`:                                       {Mapping: Mapping{"agent_audit.stream": "x"}},
		`mapping: "ecs.version" is set by agent-audit itself`:                                              {Mapping: Mapping{"ecs.version": "x"}},
		`mapping: "user.id" has no path in the log`:                                                        {Mapping: Mapping{"user.id": " "}},
	} {
		if _, err := New(o); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	if got := strings.Join(Names(), " "); !strings.Contains(got, "claude-code ") || !strings.HasSuffix(got, " generic tool-events steps native messages text") {
		t.Error(got)
	}
}

// TestReread holds that a log read again, from the beginning or with its source's memory, adds nothing.
func TestReread(t *testing.T) {
	for name, log := range testLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		c, src := testConverter(t, folder), new(Source)
		once := ids(fragments(c, src, lines(log)))
		for _, again := range []*Source{src, new(Source)} {
			for _, f := range fragments(c, again, lines(log)) {
				if !once[f.ID] {
					t.Errorf("%s: reading again gives a new fragment: %s %s", name, f.Role, f.AppendJSON(nil))
				}
			}
		}
	}
}

// TestResume holds that lines repeated under another session are the same fragments, unless their ids are only good
// within a session.
func TestResume(t *testing.T) {
	list := fragments(testConverter(t, "claude"), new(Source), lines(testLogs(t)["claude/resume.jsonl"]))
	seen := map[schema.ID]string{}
	actions := map[schema.ID]bool{}
	for _, f := range list {
		if s, ok := seen[f.ID]; ok && s == f.Session.ID {
			t.Errorf("repeated within a session: %s", f.AppendJSON(nil))
		}
		seen[f.ID] = f.Session.ID
		actions[f.Key] = true
	}
	// date, id (short id: one in each session), uptime
	if len(list) != 10 || len(seen) != 8 || len(actions) != 4 {
		t.Errorf("%d fragments, %d different, of %d actions", len(list), len(seen), len(actions))
	}
}

// TestTruncated cuts every line at every byte.
func TestTruncated(t *testing.T) {
	for name, log := range testLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		c := testConverter(t, folder)
		for _, line := range lines(log) {
			src := new(Source)
			for i := range line {
				n := 0
				emit := func(f *schema.Fragment) {
					n++
					if f.Role != schema.Whole {
						t.Fatalf("%s: a cut line gives a %s", name, f.Role)
					}
				}
				feed(c, src, []string{line[:i]}, emit)
				c.Flush(src, emit) // "{" may be the first line of many
				if n != 1 {
					t.Fatalf("%s: a cut line is kept %d times", name, n)
				}
			}
		}
	}
}

// TestOwnRecords holds that our own documents, read again, are the same documents.
func TestOwnRecords(t *testing.T) {
	c := testConverter(t, "native")
	for name, log := range testLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		for _, f := range fragments(testConverter(t, folder), new(Source), lines(log)) {
			f.Event.ID = f.Key.String()
			f.Trail.Stream, f.Trail.Sequence, f.Trail.Complete = "s", schema.Some(3), true
			want := string(f.AppendJSON(nil))
			again := fragments(c, new(Source), []string{want})
			if len(again) != 1 {
				t.Fatalf("%s: %d records of one", name, len(again))
			}
			if got := string(again[0].AppendJSON(nil)); got != want || again[0].Key != f.Key {
				t.Errorf("%s:\nwant %s\ngot  %s", name, want, got)
			}
		}
	}
}

// TestSourceIsItsOwn holds that a source keeps no memory of the records it was made from: Fluent Bit frees them.
func TestSourceIsItsOwn(t *testing.T) {
	for name, log := range testLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		c, src := testConverter(t, folder), new(Source)
		var before []byte
		for _, line := range lines(log) {
			raw := msgp.AppendMapHeader(nil, 1)
			raw = msgp.AppendString(raw, "log")
			raw = msgp.AppendString(raw, line)
			var doc value.Doc
			body, _, err := doc.ParseMsgpack(raw)
			if err != nil {
				t.Fatal(err)
			}
			in := Unwrap(&doc, Record{Body: body, Tag: "t"})
			c.Convert(src, &in, func(*schema.Fragment) {})
			before = append([]byte(src.Format+src.Version), src.Known.AppendJSON(nil)...)
			for i := range raw {
				raw[i] = 0xff
			}
			if after := append([]byte(src.Format+src.Version), src.Known.AppendJSON(nil)...); !bytes.Equal(before, after) {
				t.Fatalf("%s: source changed with the record's memory", name)
			}
		}
	}
}

// TestCredential holds that an API key is nowhere in what a native event becomes.
func TestCredential(t *testing.T) {
	key := "sk-" + strings.Repeat("Test0", 5)
	for _, event := range []string{
		`{"session":"s","command":"ls","api_key":"KEY"}`,
		`{"session":"s","command":"ls","identity":{"api_key":{"value":"KEY"}}}`,
		`{"session":"s","command":"ls","apiKey":{"hash":"sha256:00","key":"KEY"}}`,
	} {
		src := new(Source)
		list := fragments(testConverter(t, "native"), src, []string{strings.ReplaceAll(event, "KEY", key)})
		doc := string(list[0].AppendJSON(nil)) + string(src.Known.AppendJSON(nil))
		if strings.Contains(doc, key) || !strings.HasPrefix(list[0].Identity.CredentialHash, "sha256:") {
			t.Error(doc)
		}
	}
}

// TestLongOutput holds that output is handed on whole, with its length: cutting is not the converter's business.
func TestLongOutput(t *testing.T) {
	long := strings.Repeat("0123456789", 100_000)
	b, _ := json.Marshal(long)
	line := `{"type":"user","sessionId":"s","uuid":"u","message":{"content":[{"type":"tool_result","tool_use_id":"toolu_x","content":` + string(b) + `}]},"toolUseResult":{"stdout":` + string(b) + `,"stderr":""}}`
	list := fragments(testConverter(t, "claude"), new(Source), []string{line})
	if e := list[0].Execution; e.Stdout != long || e.StdoutBytes != schema.Some(1_000_000) {
		t.Error(len(e.Stdout), e.StdoutBytes)
	}
}

// TestMixed holds that sources that mix formats, and logs begun in the middle, are read.
func TestMixed(t *testing.T) {
	logs := testLogs(t)
	var mixed []string
	a, b := lines(logs["claude/session.jsonl"]), lines(logs["codex/enveloped.jsonl"])
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			mixed = append(mixed, a[i])
		}
		if i < len(b) {
			mixed = append(mixed, b[i])
		}
		mixed = append(mixed, "noise")
	}
	count := map[string]int{}
	for _, f := range fragments(testConverter(t, "claude"), new(Source), mixed) {
		count[f.Trail.Format]++
	}
	for format, name := range map[string]string{"claude-code": "claude/session.jsonl", "codex": "codex/enveloped.jsonl"} {
		if want := len(fragments(testConverter(t, "claude"), new(Source), lines(logs[name]))); count[format] != want {
			t.Errorf("%s: %d fragments, alone %d", format, count[format], want)
		}
	}
	if count["text"] != max(len(a), len(b)) {
		t.Error(count)
	}
}

func TestPrompts(t *testing.T) {
	logs := testLogs(t)
	for name, want := range map[string]string{"claude/session.jsonl": "user: run the tests and fix what fails"} {
		c, err := New(Options{Prompts: true})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range fragments(c, new(Source), lines(logs[name])) {
			found = found || f.Message == want && f.Event.Action == schema.ActionLog
		}
		if !found {
			t.Errorf("%s: %q is missing", name, want)
		}
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, s := range []string{
		`"2026-03-01T10:00:00Z"`, `"2026-03-01T11:00:00+01:00"`, `"2026-03-01 10:00:00"`, `"2026-03-01T10:00:00"`,
		`"2026-03-01T11:00:00+0100"`, `"Sun, 01 Mar 2026 10:00:00 +0000"`, `1772359200`, `1772359200.0`, `1772359200000`,
		`1772359200000000`, `1772359200000000000`, `"1772359200"`, `"1772359200.000"`, `1.7723592e9`, `"1772359200000"`,
	} {
		var d value.Doc
		v, err := d.ParseJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseTime(v); !got.Equal(want) {
			t.Errorf("%s: %v", s, got)
		}
	}
	for _, s := range []string{`""`, `"yesterday"`, `0`, `-1`, `1e300`, `"99999999999999999999"`, `null`, `true`, `[]`, `"0000-00-00T00:00:00Z"`, `12345`} {
		var d value.Doc
		v, err := d.ParseJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseTime(v); !got.IsZero() {
			t.Errorf("%s: %v", s, got)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for want, argv := range map[string][]string{
		"ls -l":          {"bash", "-lc", "ls -l"},
		"a && b":         {"/bin/zsh", "-c", "a && b"},
		"Get-Item .":     {"powershell.exe", "-NoProfile", "-Command", "Get-Item ."},
		"dir":            {`C:\Windows\System32\cmd.exe`, "/c", "dir"},
		"rg -n foo bar":  {"rg", "-n", "foo bar"},
		"python -c x":    {"python", "-c", "x"},
		"bash":           {"bash"},
		"bash script.sh": {"bash", "script.sh"},
		"set -e":         {"bash", "-o", "pipefail", "-c", "set -e"},
		// What models make of it: the second command is an argument of the first. Both are shown.
		"bash -lc ls bash -lc rm x": {"bash", "-lc", "ls", "bash", "-lc", "rm x"},
		"bash run.sh -c x":          {"bash", "run.sh", "-c", "x"},
	} {
		if got := commandLine(argv); got != want {
			t.Errorf("%q: got %q", argv, got)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, c := range unwrapCases {
		f.Add(c.record)
	}
	f.Fuzz(func(t *testing.T, record string) {
		var doc value.Doc
		body, err := doc.ParseJSON(record)
		if err != nil {
			body = doc.Text(record)
		}
		in := Unwrap(&doc, Record{Body: body, Meta: body, Tag: "t", ID: schema.MakeID("x")})
		in.Known.AppendJSON(nil)
		if !in.Body.Exists() || in.ID().IsZero() || in.Source.IsZero() {
			t.Errorf("%+v", in)
		}
		c, _ := New(Options{})
		n := 0
		c.Convert(new(Source), &in, func(f *schema.Fragment) { n++; checkFragment(t, f) })
	})
}

// checkFragment holds what is so for every fragment.
func checkFragment(t *testing.T, f *schema.Fragment) {
	t.Helper()
	doc := f.AppendJSON(nil)
	if f.ID.IsZero() || f.Key.IsZero() || f.Event.Kind == "" || f.Trail.Format == "" {
		t.Errorf("a fragment without identity, kind or format: %s", doc)
	}
	if f.Authorization.Decision == schema.Approved && f.Authorization.Raw == "" && f.Trail.Format != nativeName {
		t.Errorf("an approval without evidence: %s", doc)
	}
	if _, err := schema.Parse(doc); err != nil {
		t.Errorf("%v: %s", err, doc)
	}
	for _, j := range []schema.JSON{f.Command.ToolArguments, f.Trail.Fields} {
		if j != "" && (j[0] != '{' || !json.Valid([]byte(j))) {
			t.Errorf("not an object: %s", j)
		}
	}
}

// fuzzLog feeds two lines of a log to a converter, so that what one leaves in the source meets the next.
func fuzzLog(f *testing.F, folder string) {
	for name, log := range testLogs(f) {
		if !strings.HasPrefix(name, folder) {
			continue
		}
		all := lines(log)
		for i := range all {
			f.Add(all[max(0, i-1)], all[i])
		}
	}
	c := testConverter(f, folder)
	f.Fuzz(func(t *testing.T, a, b string) {
		src := new(Source)
		feed(c, src, []string{a, b, a}, func(f *schema.Fragment) { checkFragment(t, f) })
		if len(src.Links) > MaxLinks || src.Records != 3 {
			t.Error(len(src.Links), src.Records)
		}
	})
}

func FuzzClaude(f *testing.F)  { fuzzLog(f, "claude") }
func FuzzCodex(f *testing.F)   { fuzzLog(f, "codex") }
func FuzzNative(f *testing.F)  { fuzzLog(f, "native") }
func FuzzGeneric(f *testing.F) { fuzzLog(f, "generic") }
func FuzzText(f *testing.F)    { fuzzLog(f, "text") }

// FuzzFormats feeds two lines of any log to the converter that recognises them: every format has its lines in the corpus.
func FuzzFormats(f *testing.F) {
	for _, all := range allLogs(f) {
		for i := range all {
			f.Add(all[max(0, i-1)], all[i])
		}
	}
	c := testConverter(f, "")
	f.Fuzz(func(t *testing.T, a, b string) {
		src := new(Source)
		feed(c, src, []string{a, b, a}, func(f *schema.Fragment) { checkFragment(t, f) })
		checkGates(t, c, a)
	})
}
