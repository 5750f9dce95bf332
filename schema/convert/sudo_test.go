package convert

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// hostLog is a text log under testdata. Those of whole lines are .log and .jsonl, and held to more by the other tests; a
// line of these, cut anywhere, may still be one.
func hostLog(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return lines(string(b))
}

// goldenHostLog holds a text log to the fragments that are known to be right, and to what is so for all logs: read
// again it says nothing new, and damaged it panics nowhere and loses no line.
func goldenHostLog(t *testing.T, name string) {
	t.Helper()
	all := hostLog(t, name)
	var got bytes.Buffer
	src, c := new(Source), testConverter(t, "")
	once := fragments(c, src, all)
	for _, f := range once {
		checkFragment(t, &f)
		got.WriteString(f.Role.String() + " " + f.Key.String() + " " + f.ID.String() + " ")
		got.Write(f.AppendJSON(nil))
		got.WriteByte('\n')
	}
	golden := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if w, g := lines(string(want)), lines(got.String()); got.String() != string(want) {
		for i := range max(len(w), len(g)) {
			if at(w, i) != at(g, i) {
				t.Fatalf("fragment %d differs\nwant %s\ngot  %s", i, at(w, i), at(g, i))
			}
		}
	}
	known := ids(once)
	for _, again := range []*Source{src, new(Source)} {
		for _, f := range fragments(c, again, all) {
			if !known[f.ID] {
				t.Errorf("reading again gives a new fragment: %s %s", f.Role, f.AppendJSON(nil))
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range all {
		for range 20 {
			cut := append([]string{}, all[max(0, i-2):min(len(all), i+3)]...)
			cut[min(i, 2)] = cut[min(i, 2)][:rng.IntN(len(all[i])+1)]
			for _, f := range fragments(c, new(Source), cut) {
				checkFragment(t, &f)
			}
		}
	}
}

// fuzzHostLog feeds two lines of a text log to a converter, so that what one leaves in the source meets the next.
func fuzzHostLog(f *testing.F, name string) {
	all := hostLog(f, name)
	for i := range all {
		f.Add(all[max(0, i-1)], all[i])
	}
	c := testConverter(f, "")
	f.Fuzz(func(t *testing.T, a, b string) {
		src := new(Source)
		feed(c, src, []string{a, b, a}, func(f *schema.Fragment) { checkFragment(t, f) })
		if len(src.Links) > MaxLinks || src.Records != 3 {
			t.Error(len(src.Links), src.Records)
		}
	})
}

// merged puts the fragments of each action together.
func merged(list []schema.Fragment) []*schema.Action {
	var out []*schema.Action
	at := map[schema.ID]*schema.Action{}
	for i := range list {
		f := &list[i]
		if a := at[f.Key]; a != nil {
			a.Merge(&f.Action)
			continue
		}
		at[f.Key] = f.Clone()
		out = append(out, at[f.Key])
	}
	return out
}

// notStolen holds that no record of another format's samples is taken for this one. Folders are those whose logs are
// of the format, or hold its lines.
func notStolen(t *testing.T, f Format, folders ...string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(samplesDir, "*", "*"))
	if len(paths) == 0 {
		t.Log("NOT COMPARED with real logs: there are none")
	}
	ours := set(strings.Join(folders, " "))
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil || ours[filepath.Base(filepath.Dir(p))] {
			continue
		}
		for _, line := range append(lines(string(b)), string(b)) {
			if strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "#") {
				continue // goes on with a line before, if that was of the format
			}
			var doc value.Doc
			in := Unwrap(&doc, Record{Body: doc.Text(line), ID: schema.MakeID(line)})
			if f.Detect(in.Body) && f.Convert(new(Source), &in, func(*schema.Fragment) {}) {
				t.Fatalf("%s is taken for %s: %.200s", p, f.Name(), line)
			}
		}
	}
}

func TestSudoText(t *testing.T)     { goldenHostLog(t, "sudo/sudo.txt") }
func TestSudoIsItsOwn(t *testing.T) { notStolen(t, &sudo{}, "sudo") }
func FuzzSudo(f *testing.F)         { fuzzLog(f, "sudo") }
func FuzzSudoText(f *testing.F)     { fuzzHostLog(f, "sudo/sudo.txt") }

// The log of a command's start and that of its end are one action. (An independent reading of sudo's own regression
// files counts both, and takes SIGNAL= for part of the command: there we find two commands fewer. sudo writes the second
// record for the same command, with the same TSID.)
func TestSudoEnd(t *testing.T) {
	for name, log := range map[string][]string{
		"by TSID": {
			"HOST=h ; TTY=pts/1 ; CWD=/a ; USER=root ; TSID=00005H ; COMMAND=/usr/bin/find x",
			"HOST=h ; TTY=pts/1 ; CWD=/a ; USER=root ; TSID=00005H ; COMMAND=/usr/bin/find x ; SIGNAL=QUIT ; EXIT=131",
		},
		"by fields": {
			"a : TTY=pts/1 ; PWD=/a ; USER=root ; COMMAND=/usr/bin/find x",
			"a : TTY=pts/1 ; PWD=/a ; USER=root ; COMMAND=/usr/bin/find x ; SIGNAL=QUIT ; EXIT=131",
		},
	} {
		list := fragments(testConverter(t, ""), new(Source), log)
		got := merged(list)
		if len(got) != 1 || got[0].Command.Line != "/usr/bin/find x" || got[0].Execution.ExitCode != schema.Some(131) ||
			got[0].Event.Outcome != schema.OutcomeFailure || list[0].Role != schema.Request || list[1].Role != schema.Result {
			t.Errorf("%s: %d actions, %+v", name, len(got), list)
		}
	}
}

// A command in several lines is one action, with all of its words.
func TestSudoFolded(t *testing.T) {
	got := merged(fragments(testConverter(t, ""), new(Source), []string{
		"Oct 26 15:13:57 2025 : carol : command not allowed ; HOST=db1 ; TTY=ttyp0 ;",
		"    CWD=/usr/src ; USER=root ; COMMAND=/usr/bin/find build/out --name",
		"    core --delete",
	}))
	if len(got) != 1 || got[0].Command.Line != "/usr/bin/find build/out --name core --delete" ||
		got[0].Authorization.Decision != schema.Denied || got[0].Command.Cwd != "/usr/src" || got[0].Identity.EffectiveUser != "root" {
		t.Errorf("%d: %+v", len(got), got[0])
	}
}

// Headers differ in what they have: a date and a time of their own, no host, names of users with spaces or domains.
func TestSudoHeaders(t *testing.T) {
	const rest = " : TTY=pts/0 ; PWD=/home/x ; USER=root ; COMMAND=/bin/ls"
	for line, want := range map[string][3]string{ // user, host, time
		"2026-01-02 03:04:05 sudo[1]: admin" + rest:                                          {"admin", "", "2026-01-02T03:04:05Z"},
		"2026-01-02T03:04:05.5+02:00 web1 sudo[1]:   alice" + rest:                           {"alice", "web1", "2026-01-02T01:04:05.5Z"},
		"2026-01-02 03:04:05.1 - Jan  2 03:04:05 kali sudo[1]:    kali" + rest:               {"kali", "kali", "2026-01-02T03:04:05.1Z"},
		"Jan  2 03:04:05 web1 sudo: CORP\\gina" + rest:                                       {"CORP\\gina", "web1", ""},
		"Jan  2 03:04:05 web1 sudo: gina green" + rest:                                       {"gina green", "web1", ""},
		"Jan  2 03:04:05 web1 sudo-rs[5]: hank" + rest:                                       {"hank", "web1", ""},
		"<85>Jan  2 03:04:05 web1 sudo[5]: hank" + rest:                                      {"hank", "web1", ""},
		"Jan  2 03:04:05 2026 : grg121 : HOST=arch ; TTY=pts/6" + rest[len(" : TTY=pts/0"):]: {"grg121", "arch", "2026-01-02T03:04:05Z"},
	} {
		list := fragments(testConverter(t, ""), new(Source), []string{line})
		if len(list) != 1 || list[0].Command.Line != "/bin/ls" {
			t.Errorf("%s: %d fragments", line, len(list))
			continue
		}
		f := list[0]
		at := ""
		if !f.Time.IsZero() {
			at = schema.FormatTime(f.Time)
		}
		if got := [3]string{f.Identity.UserName, f.Infrastructure.HostName, at}; got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
