package schema

import (
	"strconv"
	"time"

	"github.com/agentaudit/agentaudit/schema/value"
)

// AppendJSON appends the action's document to dst in canonical form (RFC 8785): nested objects, keys in order, absent
// fields left out. Equal actions give equal bytes. Parse reads it back.
func (a *Action) AppendJSON(dst []byte) []byte {
	e := encoder{buf: append(dst, '{'), first: true}
	for i := range Fields {
		f := &Fields[i]
		if f.Ref == nil {
			e.key(f)
			e.buf = value.AppendString(e.buf, f.Const)
			continue
		}
		e.field(f, f.Ref(a))
	}
	e.closeTo(0)
	return append(e.buf, '}')
}

// encoder writes fields in table order, opening and closing the objects between them.
type encoder struct {
	buf   []byte
	open  []string // path of the object being written
	place string   // the same with dots
	first bool     // nothing written yet in it
}

func (e *encoder) field(f *Field, ref any) {
	switch p := ref.(type) {
	case *string:
		if *p != "" {
			e.key(f)
			e.buf = value.AppendString(e.buf, *p)
		}
	case *Int:
		if p.Set {
			e.key(f)
			e.buf = value.AppendInt(e.buf, p.N)
		}
	case *bool:
		if *p {
			e.key(f)
			e.buf = append(e.buf, "true"...)
		}
	case *time.Time:
		if !p.IsZero() {
			e.key(f)
			e.buf = append(e.buf, '"')
			e.buf = AppendTime(e.buf, *p)
			e.buf = append(e.buf, '"')
		}
	case *[]string:
		if len(*p) > 0 {
			e.key(f)
			e.strings(*p)
		}
	case *JSON:
		if *p != "" {
			e.key(f)
			e.buf = value.AppendCanonical(e.buf, string(*p))
		}
	case *[]Preceding:
		if len(*p) > 0 {
			e.key(f)
			e.preceding(*p)
		}
	case *[]Conflict:
		if len(*p) > 0 {
			e.key(f)
			e.conflicts(*p)
		}
	}
}

// key moves to the object that holds the field and writes its key.
func (e *encoder) key(f *Field) {
	if f.place != e.place {
		e.moveTo(f)
	}
	if !e.first {
		e.buf = append(e.buf, ',')
	}
	e.first = false
	e.buf = append(e.buf, f.key...)
}

// moveTo closes and opens objects until the one that holds the field is being written.
func (e *encoder) moveTo(f *Field) {
	e.place = f.place
	parents := f.segments[:len(f.segments)-1]
	common := 0
	for common < len(parents) && common < len(e.open) && parents[common] == e.open[common] {
		common++
	}
	e.closeTo(common)
	for _, name := range parents[common:] {
		e.name(name)
		e.buf = append(e.buf, '{')
		e.open = append(e.open, name)
		e.first = true
	}
}

func (e *encoder) closeTo(depth int) {
	for len(e.open) > depth {
		e.buf = append(e.buf, '}')
		e.open = e.open[:len(e.open)-1]
		e.first = false
	}
}

// name writes a key of the table: plain ASCII that needs no escaping.
func (e *encoder) name(s string) {
	if !e.first {
		e.buf = append(e.buf, ',')
	}
	e.first = false
	e.buf = append(e.buf, '"')
	e.buf = append(e.buf, s...)
	e.buf = append(e.buf, '"', ':')
}

func (e *encoder) strings(list []string) {
	sep := byte('[')
	for _, s := range list {
		e.buf = append(e.buf, sep)
		e.buf = value.AppendString(e.buf, s)
		sep = ','
	}
	e.buf = append(e.buf, ']')
}

func (e *encoder) preceding(list []Preceding) {
	sep := byte('[')
	for _, p := range list {
		e.buf = append(e.buf, sep)
		e.buf = append(e.buf, `{"command":`...)
		e.buf = value.AppendString(e.buf, p.Command)
		e.buf = append(e.buf, `,"id":`...)
		e.buf = value.AppendString(e.buf, p.ID)
		e.buf = append(e.buf, '}')
		sep = ','
	}
	e.buf = append(e.buf, ']')
}

func (e *encoder) conflicts(list []Conflict) {
	sep := byte('[')
	for _, c := range list {
		e.buf = append(e.buf, sep)
		e.buf = append(e.buf, `{"field":`...)
		e.buf = value.AppendString(e.buf, c.Field)
		e.buf = append(e.buf, `,"value":`...)
		e.buf = value.AppendString(e.buf, c.Value)
		e.buf = append(e.buf, '}')
		sep = ','
	}
	e.buf = append(e.buf, ']')
}

// AppendTime appends t as RFC 3339 in UTC with the digits it needs, at most nanoseconds. Years outside 0–9999, which
// RFC 3339 cannot write, are brought to its edge.
func AppendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	switch y := t.Year(); {
	case y < 0:
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case y > 9999:
		t = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t.AppendFormat(dst, time.RFC3339Nano)
}

// FormatTime is AppendTime as a string.
func FormatTime(t time.Time) string { return string(AppendTime(nil, t)) }

// FormatInt writes a present Int in decimal, an absent one as "".
func FormatInt(i Int) string {
	if !i.Set {
		return ""
	}
	return strconv.FormatInt(i.N, 10)
}
