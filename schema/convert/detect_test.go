package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// takers are the formats that would make something of a line, were they asked alone: last resorts, which are asked when no
// other knows the line, are left out, and so are those that take it and say nothing. (A person's words have the same form
// in pi and Droid; which of them it is the lines before and after tell.)
func takers(t testing.TB, c *Converter, line string) []string {
	t.Helper()
	var names []string
	for _, f := range c.formats {
		if lastResorts[f.Name()] {
			continue
		}
		var doc value.Doc
		in := Unwrap(&doc, Record{Body: doc.Text(line), ID: schema.MakeID("line", line)})
		said := false
		if f.Detect(in.Body) && f.Convert(new(Source), &in, func(*schema.Fragment) { said = true }) && said {
			names = append(names, f.Name())
		}
	}
	return names
}

// formatsOf are the formats that took the lines of a log, line by line, read as one source; "" where nothing came of it.
func formatsOf(c *Converter, all []string) []string {
	var names []string
	src := new(Source)
	var doc value.Doc
	for _, line := range all {
		doc.Reset()
		said := false
		in := Unwrap(&doc, Record{Body: doc.Text(line), ID: schema.MakeID("line", line), Tag: "agent.log"})
		name := c.Convert(src, &in, func(*schema.Fragment) { said = true })
		if !said {
			name = ""
		}
		names = append(names, name)
	}
	return names
}

// TestConfusion is the matrix of all logs and all formats: a line is recognised as what its log is, whatever else is
// asked first, and nobody else would take it.
func TestConfusion(t *testing.T) {
	for name, all := range allLogs(t) {
		confusion(t, name, all)
	}
	paths, _ := filepath.Glob(samplesDir + "/*/*")
	if len(paths) == 0 {
		t.Log("NOT COMPARED with real logs: there are none")
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		confusion(t, p, recordsOf(string(b)))
	}
}

func confusion(t *testing.T, name string, all []string) {
	t.Helper()
	folder, _, _ := strings.Cut(name, "/")
	c := testConverter(t, folder)
	bad := map[string]bool{}
	for i, own := range formatsOf(c, all) {
		for _, other := range takers(t, c, all[i]) {
			if own != "" && other != own && !bad[own+other] {
				bad[own+other] = true
				t.Errorf("%s: line %d, of %s, would also be taken by %s: %.300s", name, i+1, own, other, all[i])
			}
		}
	}
}

// TestBegunAnywhere starts each log at each of its lines. As what a line is read does not depend on where reading began;
// only what goes on with the line before is then a line of text.
func TestBegunAnywhere(t *testing.T) {
	for name, all := range allLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		c := testConverter(t, folder)
		whole := formatsOf(c, all)
		for from := 1; from < len(all); from++ {
			for i, format := range formatsOf(c, all[from:]) {
				line, want := all[from+i], whole[from+i]
				goesOn := format == c.fallback.Name() && line != "" && line[0] != '{' && line[0] != '['
				if format != want && format != "" && want != "" && !goesOn {
					t.Errorf("%s begun at line %d: line %d is read as %s, else as %s: %.200s", name, from+1, from+i+1, format, want, line)
				}
			}
		}
	}
}
