package display_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

func row(a *schema.Action) query.Row { return query.Row{Action: a, JSON: a.AppendJSON(nil)} }

// hostile is a text with all that a terminal could obey.
const hostile = "a\x1b[31mred\x1b]0;title\x07\x00\x7f\u009b2J\u202egnp.exe\u2028\u200b\U000e0041\r\nb\t\"c\",d"

func write(t *testing.T, form string, o display.Options, rows ...query.Row) string {
	t.Helper()
	var b bytes.Buffer
	f, err := display.New(form, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := f.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func hostileAction() *schema.Action {
	a := exportertest.Action("s", 1)
	a.Command.Line, a.Identity.UserName, a.Identity.AgentName = hostile, "u\x1b[2J", "agent\u202e"
	a.Authorization.Decision = "denied\x1b[0m"
	a.Execution.Stdout = hostile
	return a
}

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "",
		"plain text é 世界":  "plain text é 世界",
		"\x1b[31m":         "␛[31m",
		"a\nb\tc\r":        "a␊b␉c␍",
		"\x00\x7f":         "␀␡",
		"\u009b2J":         "<U+009B>2J",
		"a\u202eb\u2066":   "a<U+202E>b<U+2066>",
		"\u200bx\ufeff":    "<U+200B>x<U+FEFF>",
		"\U000e0041":       "<U+E0041>",
		"\u2028":           "<U+2028>",
		"bad \xff\xfe utf": "bad \ufffd\ufffd utf",
		"\u00ad":           "<U+00AD>",
	} {
		if got := display.Safe(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzSafe(f *testing.F) {
	f.Add(hostile, 10)
	f.Add("世界 e\u0301 🚀", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		safe := display.Safe(s)
		for _, r := range safe {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029 {
				t.Fatalf("%q has %U", safe, r)
			}
		}
		if again := display.Safe(safe); again != safe {
			t.Fatalf("%q becomes %q", safe, again)
		}
		n %= 100
		if cut := display.Cut(safe, n); display.Width(cut) > max(n, 0) {
			t.Fatalf("%q cut to %d is %q", safe, n, cut)
		}
	})
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"世界", 4, "世界"},
		{"世界", 3, "世…"},
		{"e\u0301tat", 4, "e\u0301tat"},
		{"abc", 0, ""},
		{"abc", 1, "…"},
	} {
		if got := display.Cut(c.in, c.n); got != c.want {
			t.Errorf("%q, %d: %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

// Nothing of a log reaches a terminal as a control character, whatever the form.
func TestTerminal(t *testing.T) {
	for _, form := range []string{display.Table, display.JSON, display.NDJSON, display.CSV, display.OCSF} {
		out := write(t, form, display.Options{Terminal: true, Width: 120, Wide: true}, row(hostileAction()))
		out = strings.NewReplacer("\x1b[1;31m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(out) // ours
		for _, r := range out {
			allowed := r == '\n' || form == display.CSV && (r == '\r' || r == '\t')
			if (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028) && !allowed {
				t.Errorf("%s: %U in %q", form, r, out)
				break
			}
		}
	}
}

func TestTableWidth(t *testing.T) {
	var rows []query.Row
	for i := range 500 { // more than the sample
		a := exportertest.Action("s", uint64(i))
		a.Command.Line = strings.Repeat("世x", i)
		a.Identity.UserName = strings.Repeat("u", i%40)
		rows = append(rows, row(a))
	}
	out := write(t, display.Table, display.Options{Width: 100}, rows...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 501 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		if display.Width(l) > 110 { // columns that leave no room push the last one out
			t.Errorf("%d cells: %q", display.Width(l), l)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("colours without a terminal")
	}
}

// NDJSON is the sealed bytes; the other JSON forms hold the same values.
func TestJSON(t *testing.T) {
	a, b := exportertest.Action("s", 1), hostileAction()
	if out := write(t, display.NDJSON, display.Options{}, row(a), row(b)); out != string(a.AppendJSON(nil))+"\n"+string(b.AppendJSON(nil))+"\n" {
		t.Errorf("ndjson is not canonical: %q", out)
	}
	for form, out := range map[string]string{
		"array":    write(t, display.JSON, display.Options{}, row(a), row(b)),
		"terminal": "[" + strings.ReplaceAll(strings.TrimSpace(write(t, display.NDJSON, display.Options{Terminal: true}, row(a), row(b))), "\n", ",") + "]",
	} {
		var got []any
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%s: %v in %q", form, err, out)
		}
		for i, want := range []*schema.Action{a, b} {
			var v any
			if err := json.Unmarshal(want.AppendJSON(nil), &v); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got[i], v) {
				t.Errorf("%s: %v, want %v", form, got[i], v)
			}
		}
	}
	if out := write(t, display.JSON, display.Options{}); out != "[]\n" {
		t.Errorf("no rows: %q", out)
	}
}

func TestCSV(t *testing.T) {
	a := hostileAction()
	a.Risk.Anomalies = []string{"new-host", `odd "name"`}
	a.Execution.ExitCode = schema.Some(-1)
	out := write(t, display.CSV, display.Options{}, row(a), row(exportertest.Action("s", 2)))
	if strings.Contains(strings.ReplaceAll(out, "\r\n", ""), "\x1b") {
		t.Error("an escape is left")
	}
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 3 || len(records[0]) != len(schema.Fields) {
		t.Fatalf("%d records of %d columns", len(records), len(records[0]))
	}
	cell := func(path string) string { return records[1][slices.Index(records[0], path)] }
	for path, want := range map[string]string{
		"process.exit_code":          "-1",
		"agent_audit.risk.anomalies": `["new-host","odd \"name\""]`,
		"event.id":                   a.Event.ID,
		"host.ip":                    "",
		"agent_audit.fields":         `{"nested":{"empty":"","list":[1,2.5,null,"\u0000"]}}`,
	} {
		if got := cell(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// Spreadsheets compute cells that begin so (OWASP, CSV Injection).
func TestCSVFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-rf": "'-rf", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
		"＝1": "'＝1", "a=1": "a=1", `=cmd|'/C calc'!A0`: `'=cmd|'/C calc'!A0`, "": "",
	} {
		a := exportertest.Action("s", 1)
		a.Command.Line = in
		out := write(t, display.CSV, display.Options{Fields: []string{"process.command_line", "event.kind"}}, row(a))
		quoted := want
		if strings.ContainsAny(want, ",\"\r\n") {
			quoted = `"` + strings.ReplaceAll(want, `"`, `""`) + `"`
		}
		if wantOut := "process.command_line,event.kind\r\n" + quoted + ",event\r\n"; out != wantOut {
			t.Errorf("%q: %q, want %q", in, out, wantOut)
		}
	}
	if _, err := display.New(display.CSV, &bytes.Buffer{}, display.Options{Fields: []string{"no.such"}}); err == nil {
		t.Error("an unknown column is accepted")
	}
}

func TestRedactor(t *testing.T) {
	r, err := display.NewRedactor()
	if err != nil {
		t.Fatal(err)
	}
	clean := row(exportertest.Action("s", 1))
	if got := r.Row(clean); !bytes.Equal(got.JSON, clean.JSON) || r.Changed != 0 {
		t.Error("a clean record is changed")
	}
	secret := "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
	a := exportertest.Action("s", 2)
	a.Command.Line = "git clone https://x:" + secret + "@github.com/a/b"
	a.Command.Args = []string{"git", "clone", "https://x:" + secret + "@github.com/a/b"}
	a.Command.ToolArguments = schema.JSON(`{"token":"` + secret + `"}`)
	a.Execution.Stdout = "token " + secret
	a.Session.Preceding = []schema.Preceding{{ID: "1", Command: "export GH_TOKEN=" + secret}}
	before := a.Clone()
	got := r.Row(row(a))
	if bytes.Contains(got.JSON, []byte(secret)) {
		t.Errorf("the secret is shown: %s", got.JSON)
	}
	if r.Changed != 1 {
		t.Errorf("%d changed", r.Changed)
	}
	if !reflect.DeepEqual(a, before) {
		t.Error("the row that was given is changed")
	}
	if parsed, err := schema.Parse(got.JSON); err != nil || parsed.Event.ID != a.Event.ID {
		t.Errorf("redacted record: %v", err)
	}
	if again := r.Row(got); !bytes.Equal(again.JSON, got.JSON) {
		t.Error("redacting again changes it")
	}
}

func ocsfOf(t *testing.T, a *schema.Action) map[string]any {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal([]byte(write(t, display.OCSF, display.Options{}, row(a))), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Required attributes by class, from the OCSF schema 1.9.0-dev: base event, then process_activity and api_activity.
func TestOCSFRequired(t *testing.T) {
	base := []string{"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
	for action, want := range map[string]struct {
		class    float64
		required []string
	}{
		schema.ActionShell:      {1007, []string{"process", "device", "actor", "ai_agent"}},
		schema.ActionStdin:      {1007, []string{"process", "device", "actor"}},
		schema.ActionMCP:        {6003, []string{"api", "actor", "src_endpoint"}},
		schema.ActionTool:       {6003, []string{"api", "actor", "src_endpoint"}},
		schema.ActionFileChange: {6003, []string{"api", "actor", "src_endpoint"}},
		schema.ActionLog:        {0, nil},
	} {
		for i := range uint64(40) {
			a := exportertest.Action("s", i)
			a.Event.Action = action
			if i == 39 {
				a = &schema.Action{Event: schema.Event{ID: "1", Action: action}} // of which nothing is known
			}
			e := ocsfOf(t, a)
			for _, k := range append(base, want.required...) {
				if _, ok := e[k]; !ok && (k != "ai_agent" || i < 39) {
					t.Errorf("%s: %s is missing in %v", action, k, e)
				}
			}
			if e["class_uid"] != want.class || e["category_uid"] != float64(int(want.class)/1000) {
				t.Errorf("%s: class %v, category %v", action, e["class_uid"], e["category_uid"])
			}
			if e["type_uid"] != want.class*100+e["activity_id"].(float64) {
				t.Errorf("%s: type_uid %v", action, e["type_uid"])
			}
		}
	}
}

// No field of a record is lost: what has no place of its own is in unmapped, in every class.
func TestOCSFKeepsAll(t *testing.T) {
	for _, action := range []string{schema.ActionShell, schema.ActionMCP, schema.ActionLog} {
		a := &schema.Action{Event: schema.Event{Action: action}}
		markers := map[string]string{}
		for i := range schema.Fields {
			f := &schema.Fields[i]
			if f.Ref == nil || f.Path == "event.action" {
				continue
			}
			marker := "marker-" + strings.ReplaceAll(f.Path, ".", "-")
			switch p := f.Ref(a).(type) {
			case *string:
				*p = marker
			case *[]string:
				*p = []string{marker, marker}
			case *schema.JSON:
				*p = schema.JSON(`{"k":"` + marker + `"}`)
			default:
				continue
			}
			markers[f.Path] = marker
		}
		a.Event.Kind, a.Event.Outcome, a.Authorization.Decision = schema.KindEvent, schema.OutcomeSuccess, schema.Denied
		delete(markers, "event.kind")
		delete(markers, "event.outcome")
		delete(markers, "agent_audit.authorization.decision")
		a.Risk.Techniques = []string{"T1059.004"}
		delete(markers, "threat.technique.id")
		out := write(t, display.OCSF, display.Options{}, row(a))
		for path, marker := range markers {
			if !strings.Contains(out, marker) {
				t.Errorf("%s: %s is lost", action, path)
			}
		}
	}
}

func TestOCSFValues(t *testing.T) {
	a := exportertest.Action("s", 1)
	a.Time = time.UnixMilli(1772359201007)
	a.Event.Action, a.Command.Tool = schema.ActionMCP, "mcp__github__create_issue"
	a.Authorization.Decision, a.Risk.Score, a.Risk.Techniques = schema.Denied, schema.Some(0), []string{"T1059.004"}
	e := ocsfOf(t, a)
	api := e["api"].(map[string]any)
	if api["operation"] != "create_issue" || api["service"].(map[string]any)["name"] != "github" {
		t.Errorf("api %v", api)
	}
	if e["time"] != 1772359201007.0 || e["action_id"] != 2.0 || e["disposition_id"] != 2.0 || e["risk_score"] != 0.0 || e["risk_level_id"] != 0.0 {
		t.Errorf("values of %v", e)
	}
	attack := e["attacks"].([]any)[0].(map[string]any)
	if attack["technique"].(map[string]any)["uid"] != "T1059" || attack["sub_technique"].(map[string]any)["uid"] != "T1059.004" {
		t.Errorf("attack %v", attack)
	}
	a.Authorization.Decision = schema.Unrecorded
	if e := ocsfOf(t, a); e["action_id"] != 0.0 || e["disposition_id"] != 0.0 {
		t.Errorf("unrecorded is claimed as %v", e["action"])
	}
}
