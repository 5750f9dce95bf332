package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// printed are the lines of a JSON value as a program prints it with an indent.
func printed(t testing.TB, line, indent string) []string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(line), "", indent); err != nil {
		t.Fatal(err)
	}
	return strings.Split(b.String(), "\n")
}

// tailLines feeds lines as tail hands them over, with path and offset.
func tailLines(t testing.TB, c *Converter, src *Source, all []string, emit Emit) {
	t.Helper()
	offset := 0
	var in Input
	for _, l := range all {
		var doc value.Doc
		b, _ := json.Marshal(l) // a string can be marshalled
		body, err := doc.ParseJSON(fmt.Sprintf(`{"log":%s,"path":"/t.log","offset":%d}`, b, offset))
		if err != nil {
			t.Fatal(err)
		}
		in.Unwrap(&doc, Record{Body: body, Tag: "t"})
		c.Convert(src, &in, emit)
		offset += len(l) + 1
	}
}

// TestPrinted holds that a log whose records are printed over several lines gives the actions that it gives a line a record.
func TestPrinted(t *testing.T) {
	for name, log := range testLogs(t) {
		folder, _, _ := strings.Cut(name, "/")
		c := testConverter(t, folder)
		var many, one []string
		for _, l := range lines(log) {
			if !json.Valid([]byte(l)) || l[0] != '{' || len(printed(t, l, "  ")) < 2 {
				continue
			}
			one = append(one, l)
			many = append(many, printed(t, l, "  ")...)
		}
		if len(one) == 0 || testing.Short() {
			continue
		}
		actions := func(all []string) (keys []string) {
			src := new(Source)
			emit := func(f *schema.Fragment) {
				keys = append(keys, f.Trail.Format+" "+f.Role.String()+" "+f.Command.CallID+" "+f.Command.Line+" "+f.Execution.Stdout)
			}
			tailLines(t, c, src, all, emit)
			c.Flush(src, emit)
			return keys
		}
		if got, want := actions(many), actions(one); !slices.Equal(got, want) {
			t.Errorf("%s: %d fragments of %d lines, want %d\ngot  %.1500q\nwant %.1500q", name, len(got), len(many), len(want), got, want)
		}
	}
}

// TestPartialIsKept holds that no line is lost, whatever comes instead of the rest, and that lines sent again are not
// taken twice.
func TestPartialIsKept(t *testing.T) {
	c := testConverter(t, "")
	long := append([]string{"{"}, slices.Repeat([]string{`  "k": "` + strings.Repeat("x", 1000) + `",`}, 400)...)
	for name, all := range map[string][]string{
		"ends":           {"{", `  "a": 1,`},
		"other text":     {"{", `  "a": 1,`, "a line", "another"},
		"another object": {"{", `  "a": [`, `{"x":1}`},
		"begun again":    {"{", `  "a": [`, "{", `  "b": 2`, "}"},
		"no JSON":        {"{", "  a: 1", "}", "x"},
		"open string":    {"{", `  "a`, `  b": 1`, "}"},
		"too long":       long,
		"middle":         {`  "a": 1`, "}", "{", `  "b": 2`, "}"},
		"junk behind":    {"{", `  "a": 1`, "} junk"},
	} {
		text := ""
		emit := func(f *schema.Fragment) { text += "\n" + f.Message + "\n" + string(f.Trail.Fields) }
		src := new(Source)
		tailLines(t, c, src, all, emit)
		if src.Partial.Text != "" && len(src.Partial.Text) > maxPartial {
			t.Errorf("%s: %d bytes held", name, len(src.Partial.Text))
		}
		c.Flush(src, emit)
		for _, l := range all {
			v, _, _ := strings.Cut(strings.Trim(l, " {}[],"), ":") // as text, or as a field of an object
			if !strings.Contains(text, strings.TrimSpace(v)) {
				t.Errorf("%s: %q is lost: %q", name, l, text)
			}
		}
	}
}

func TestPartialSentAgain(t *testing.T) {
	c := testConverter(t, "")
	all := printed(t, `{"a":{"b":[1,2]},"c":"d"}`, "  ")
	for cut := 1; cut < len(all); cut++ {
		src, got := new(Source), []string{}
		emit := func(f *schema.Fragment) { got = append(got, string(f.Trail.Fields)+f.Message) }
		tailLines(t, c, src, all[:cut], emit)
		tailLines(t, c, src, all, emit)
		if len(got) != 1 || got[0] != `{"a":{"b":[1,2]},"c":"d"}` {
			t.Errorf("after %d lines: %q", cut, got)
		}
	}
}
