package schema

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema/value"
)

// randomText makes texts that are hard to write: controls, quotes, surrogate pairs, the separators U+2028 and U+2029.
func randomText(r *rand.Rand) string {
	pieces := []string{"a", "Z", "0", " ", "\n", "\t", "\"", "\\", "/", "\x00", "\x1f", "\x7f", "é", "€", "\u2028", "😀", "\uffff", "ls -l", "{}", "<&>"}
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func randomJSON(r *rand.Rand) JSON {
	switch r.IntN(4) {
	case 0:
		return JSON(`{"b":1,"a":[true,null,-0.5]}`)
	case 1:
		return JSON(`{"a":{"` + fmt.Sprint(r.IntN(100)) + `":1e21}}`)
	case 2:
		return JSON(value.AppendString([]byte(`{"x":`), randomText(r))) + "}"
	}
	return `{"n":9007199254740993}`
}

func randomTime(r *rand.Rand) time.Time {
	return time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()
}

// randomField fills one field, or leaves it empty.
func randomField(r *rand.Rand, f *Field, a *Action) {
	if r.IntN(3) == 0 {
		return
	}
	switch p := f.Ref(a).(type) {
	case *string:
		*p = randomText(r)
	case *JSON:
		*p = randomJSON(r)
	case *Int:
		*p = Some(r.Int64N(1<<54) - 1<<53)
	case *bool:
		*p = true
	case *time.Time:
		*p = randomTime(r)
	case *[]string:
		for range 1 + r.IntN(3) {
			*p = append(*p, randomText(r))
		}
	case *[]Preceding:
		*p = []Preceding{{ID: randomText(r), Command: randomText(r)}}
	case *[]Conflict:
		*p = []Conflict{{Field: randomText(r), Value: randomText(r)}}
	default:
		panic(f.Path)
	}
}

func randomAction(r *rand.Rand) *Action {
	a := new(Action)
	for i := range Fields {
		if Fields[i].Ref != nil {
			randomField(r, &Fields[i], a)
		}
	}
	return a
}

// TestEncodeParse holds that a document read back gives the same document, for whatever fields hold.
func TestEncodeParse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		a := randomAction(r)
		doc := a.AppendJSON(nil)
		b, err := Parse(doc)
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if again := b.AppendJSON(nil); string(again) != string(doc) {
			t.Fatalf("\nfirst %s\nagain %s", doc, again)
		}
		if again := value.AppendCanonical(nil, string(doc)); string(again) != string(doc) {
			t.Fatalf("not canonical\ndoc %s\ncan %s", doc, again)
		}
	}
}

func TestParseUnknown(t *testing.T) {
	doc := string((&Action{Message: "x"}).AppendJSON(nil))
	for _, bad := range []string{
		`{"new":1,` + doc[1:], strings.Replace(doc, `"event":{`, `"event":{"new":{"a":1},`, 1), `[]`, `{`, `null`,
		strings.Replace(doc, `"message":"x"`, `"process":{"exit_code":"x"}`, 1),
		strings.Replace(doc, `"message":"x"`, `"process":{"start":"yesterday"}`, 1),
	} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Error("accepted", bad)
		}
	}
	if _, err := Parse([]byte(doc)); err != nil {
		t.Error(err)
	}
}

// TestTable holds the table against the struct: every field of an Action stands in it, once.
func TestTable(t *testing.T) {
	a := new(Action)
	seen := map[any]string{}
	for i := range Fields {
		f := &Fields[i]
		if i > 0 && slices.Compare(Fields[i-1].segments, f.segments) >= 0 {
			t.Errorf("%s is not in order, or twice", f.Path)
		}
		if f.Ref == nil {
			continue
		}
		ref := f.Ref(a)
		if other := seen[ref]; other != "" {
			t.Errorf("%s and %s are one place", f.Path, other)
		}
		seen[ref] = f.Path
		if FieldByPath(f.Path) != f {
			t.Errorf("FieldByPath(%q)", f.Path)
		}
	}
	eachField(reflect.ValueOf(a).Elem(), "Action", func(path string, v reflect.Value) {
		if seen[v.Addr().Interface()] == "" {
			t.Errorf("%s is in no row of the table", path)
		}
	})
}

// eachField visits the leaves of an Action.
func eachField(v reflect.Value, path string, visit func(string, reflect.Value)) {
	switch v.Interface().(type) {
	case Int, time.Time:
		visit(path, v)
		return
	}
	if v.Kind() != reflect.Struct {
		visit(path, v)
		return
	}
	for i := range v.NumField() {
		eachField(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
	}
}

// eachText visits every string an Action holds, however deep.
func eachText(v reflect.Value, visit func(string)) {
	switch v.Kind() {
	case reflect.String:
		visit(v.String())
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			return
		}
		for i := range v.NumField() {
			eachText(v.Field(i), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), visit)
		}
	}
}

// TestTexts holds that Texts visits every string, and that what it returns takes its place: scrubbing rests on it.
func TestTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		a := randomAction(r)
		before := a.Clone()
		a.Texts(func(name, text string, isJSON bool) string {
			if name == "" || isJSON != (name == "arguments" || name == "fields") {
				t.Fatalf("%q: JSON %v", name, isJSON)
			}
			if isJSON {
				return `{"seen":1}`
			}
			return "seen"
		})
		eachText(reflect.ValueOf(a).Elem(), func(s string) {
			if s != "" && s != "seen" && s != `{"seen":1}` {
				t.Fatalf("not visited: %q", s)
			}
		})
		if n := len(before.AppendJSON(nil)); n != len(before.Clone().AppendJSON(nil)) {
			t.Fatal("the copy shares memory")
		}
	}
}

// TestClone holds that a copy has the same content and none of the same memory.
func TestClone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		a := randomAction(r)
		c := a.Clone()
		if !reflect.DeepEqual(a, c) {
			t.Fatal("not equal")
		}
		want := string(c.AppendJSON(nil))
		for i := range Fields {
			if f := &Fields[i]; f.Ref != nil {
				switch p := f.Ref(a).(type) {
				case *[]string:
					for i := range *p {
						(*p)[i] = "changed"
					}
				case *[]Preceding:
					for i := range *p {
						(*p)[i].ID = "changed"
					}
				case *[]Conflict:
					for i := range *p {
						(*p)[i].Value = "changed"
					}
				}
			}
		}
		if string(c.AppendJSON(nil)) != want {
			t.Fatal("the copy changed with the original")
		}
	}
}

func TestFormatTime(t *testing.T) {
	for want, at := range map[string]time.Time{
		"2026-03-01T10:00:00Z":           time.Date(2026, 3, 1, 11, 0, 0, 0, time.FixedZone("", 3600)),
		"2026-03-01T10:00:00.000000001Z": time.Date(2026, 3, 1, 10, 0, 0, 1, time.UTC),
		"2026-03-01T10:00:00.5Z":         time.Date(2026, 3, 1, 10, 0, 0, 5e8, time.UTC),
		"9999-12-31T23:59:59Z":           time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC),
		"0000-01-01T00:00:00Z":           time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got := FormatTime(at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 20 {
		f.Add(string(randomAction(r).AppendJSON(nil)))
	}
	f.Fuzz(func(t *testing.T, doc string) {
		a, err := Parse([]byte(doc))
		if err != nil {
			return
		}
		once := a.AppendJSON(nil)
		b, err := Parse(once)
		if err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		if again := b.AppendJSON(nil); string(again) != string(once) {
			t.Fatalf("\nonce  %s\nagain %s", once, again)
		}
	})
}
