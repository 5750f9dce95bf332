package display

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// csv is RFC 4180: a header, CRLF after each line, fields quoted where they need it. Lists and objects are JSON. Texts a
// spreadsheet would take for a formula get an apostrophe in front (OWASP, CSV Injection), and control characters other
// than tab and line break are shown as pictures.
type csv struct {
	w      *bufio.Writer
	paths  [][]string
	header bool
	doc    value.Doc
}

func newCSV(w *bufio.Writer, paths []string) (*csv, error) {
	f := &csv{w: w}
	for _, p := range paths {
		if schema.FieldByPath(p) == nil {
			return nil, fmt.Errorf("field %q is not in the schema", p)
		}
		f.paths = append(f.paths, strings.Split(p, "."))
	}
	if len(paths) == 0 {
		for i := range schema.Fields {
			f.paths = append(f.paths, strings.Split(schema.Fields[i].Path, "."))
		}
	}
	return f, nil
}

func (f *csv) head() error {
	if f.header {
		return nil
	}
	f.header = true
	for i, path := range f.paths {
		f.cell(i, strings.Join(path, "."))
	}
	return f.end()
}

func (f *csv) Row(row query.Row) error {
	if err := f.head(); err != nil {
		return err
	}
	f.doc.Reset()
	v, err := f.doc.ParseJSON(string(row.JSON))
	if err != nil {
		return err
	}
	for i, path := range f.paths {
		f.cell(i, cellText(v.Get(path...)))
	}
	return f.end()
}

func (f *csv) Close() error {
	if err := f.head(); err != nil {
		return err
	}
	return f.w.Flush()
}

func (f *csv) cell(i int, text string) {
	if i > 0 {
		_ = f.w.WriteByte(',')
	}
	if !strings.ContainsAny(text, ",\"\r\n") && strings.TrimSpace(text) == text {
		_, _ = f.w.WriteString(text)
		return
	}
	_ = f.w.WriteByte('"')
	_, _ = f.w.WriteString(strings.ReplaceAll(text, `"`, `""`))
	_ = f.w.WriteByte('"')
}

func (f *csv) end() error {
	_, err := f.w.WriteString("\r\n")
	return err
}

// cellText is a value of the document as a cell.
func cellText(v value.Value) string {
	switch v.Kind() {
	case value.Missing, value.Null:
		return ""
	case value.String:
		return NoFormula(v.String())
	case value.Array, value.Object:
		return string(v.AppendJSON(nil)) // begins with a bracket, and JSON escapes line breaks
	}
	return v.String()
}

// NoFormula makes a text one that no spreadsheet computes.
func NoFormula(s string) string {
	formula := strings.IndexAny(s, "=+-@\t\r\n＝＋－＠") == 0
	var b strings.Builder
	if formula {
		b.WriteByte('\'')
	}
	for _, r := range s {
		if unsafeRune(r) && r != '\t' && r != '\n' && r != '\r' {
			b.WriteString(Safe(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
