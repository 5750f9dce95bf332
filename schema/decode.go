package schema

import (
	"fmt"
	"time"

	"github.com/agentaudit/agentaudit/schema/value"
)

// Parse reads a document written by AppendJSON. Fields that the table does not know are an error: a record of a newer
// schema must not be mistaken for one that has been understood whole. The strings of the result are its own.
func Parse(doc []byte) (*Action, error) {
	var d value.Doc
	v, err := d.ParseJSON(string(doc))
	if err != nil {
		return nil, fmt.Errorf("schema: document: %w", err)
	}
	if v.Kind() != value.Object {
		return nil, fmt.Errorf("schema: document is not an object")
	}
	a := new(Action)
	known := 0
	for i := range Fields {
		f := &Fields[i]
		fv := v.Get(f.segments...)
		if !fv.Exists() {
			continue
		}
		known++
		if f.Ref == nil {
			continue
		}
		if err := f.set(f.Ref(a), fv); err != nil {
			return nil, fmt.Errorf("schema: %s: %w", f.Path, err)
		}
	}
	if n := countLeaves(v, 0, nil); n != known {
		return nil, fmt.Errorf("schema: document has %d fields, of which %d are known", n, known)
	}
	return a, nil
}

// countLeaves counts the fields of a document; an object below a path of the table is one field.
func countLeaves(v value.Value, n int, path []string) int {
	for c := v.First(); c.Exists(); c = c.Next() {
		p := append(path, c.Key())
		if c.Kind() == value.Object && !isField(p) {
			n = countLeaves(c, n, p)
		} else {
			n++
		}
	}
	return n
}

func isField(path []string) bool {
	f := lookup[joinPath(path)]
	return f != nil
}

var lookup = func() map[string]*Field {
	m := make(map[string]*Field, len(Fields))
	for i := range Fields {
		m[Fields[i].Path] = &Fields[i]
	}
	return m
}()

// FieldByPath returns the row of a dotted path, nil if there is none.
func FieldByPath(path string) *Field { return lookup[path] }

func joinPath(p []string) string {
	n := 0
	for _, s := range p {
		n += len(s) + 1
	}
	b := make([]byte, 0, n)
	for i, s := range p {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, s...)
	}
	return string(b)
}

// set stores a document value in the place it came from.
func (f *Field) set(ref any, v value.Value) error {
	switch p := ref.(type) {
	case *string:
		*p = v.String()
	case *Int:
		n, ok := v.Int()
		if !ok {
			return fmt.Errorf("not an integer")
		}
		*p = Some(n)
	case *bool:
		*p = v.Bool()
	case *time.Time:
		t, err := time.Parse(time.RFC3339Nano, v.String())
		if err != nil {
			return fmt.Errorf("not a time")
		}
		*p = t
	case *[]string:
		for c := v.First(); c.Exists(); c = c.Next() {
			*p = append(*p, c.String())
		}
	case *JSON:
		*p = JSON(v.AppendJSON(nil))
	case *[]Preceding:
		for c := v.First(); c.Exists(); c = c.Next() {
			*p = append(*p, Preceding{ID: c.Get("id").String(), Command: c.Get("command").String()})
		}
	case *[]Conflict:
		for c := v.First(); c.Exists(); c = c.Next() {
			*p = append(*p, Conflict{Field: c.Get("field").String(), Value: c.Get("value").String()})
		}
	}
	return nil
}
