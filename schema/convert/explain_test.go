package convert

import (
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

func explainLog(c *Converter, all []string) Explanation {
	e, src := c.Explain(), new(Source)
	var doc value.Doc
	for _, line := range all {
		doc.Reset()
		in := Unwrap(&doc, Record{Body: doc.Text(line), ID: schema.MakeID("line", line), Tag: "agent.log"})
		e.Convert(src, &in)
	}
	return e.Found()
}

// TestExplain holds that for every log the account adds up, and that each format but the fallback tells by what it knew
// its records: fields that stand in the log.
func TestExplain(t *testing.T) {
	for name, all := range allLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		c := testConverter(t, folder)
		e := explainLog(c, all)
		records, fragmentsSaid := 0, 0
		for _, f := range e.Formats {
			records += f.Records
			fragmentsSaid += f.Fragments
			if lastResorts[f.Format] && f.Format != nativeName {
				continue
			}
			if len(f.Evidence) == 0 {
				t.Errorf("%s: %s does not say why", name, f.Format)
			}
			for _, field := range f.Evidence {
				last := field[strings.LastIndexByte(field, '.')+1:]
				if !strings.ContainsAny(field, " :") && !strings.Contains(strings.Join(all, ""), strings.TrimSuffix(last, "[]")) {
					t.Errorf("%s: %s is recognised by %q, which is not in it", name, f.Format, field)
				}
			}
		}
		if records != len(all) || e.Records != len(all) || fragmentsSaid != len(fragments(c, new(Source), all)) {
			t.Errorf("%s: %d records, %d fragments of %d lines", name, records, fragmentsSaid, len(all))
		}
	}
}

func TestExplainUnknown(t *testing.T) {
	e := explainLog(testConverter(t, ""), []string{`{"zig":1,"zag":"secret"}`, "hello", `{"zig":2,"zag":"other"}`, `[1]`, "hello again"})
	want := []Shape{{[]string{"zig", "zag"}, 2}, {[]string{"text"}, 2}, {[]string{"[]"}, 1}}
	if !slices.EqualFunc(e.Unknown, want, func(a, b Shape) bool { return a.Records == b.Records && slices.Equal(a.Keys, b.Keys) }) {
		t.Errorf("%+v", e.Unknown)
	}
	e = explainLog(testConverter(t, ""), lines(testLogs(t)["claude/session.jsonl"]))
	if f := e.Formats[0]; f.Format != claudeName || f.Actions == 0 || !slices.Contains(f.Evidence, "sessionId") {
		t.Errorf("%+v", e)
	}
}
