package seal

import (
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema"
)

func TestKeywordsAreBounded(t *testing.T) {
	s := gate(t, DefaultLimits)
	long := strings.Repeat("é", schema.MaxKeyword)
	shared := []string{"short", long}
	var f schema.Fragment
	f.Command.Tool, f.Command.Args, f.Command.Line, f.Event.Original = long, shared, long, long
	a := s.Fragment(&f).Action()
	for name, text := range map[string]string{"tool": a.Command.Tool, "argument": a.Command.Args[1]} {
		if n := len(text); n > schema.MaxKeyword || n < schema.MaxKeyword-2 {
			t.Errorf("%s has %d bytes", name, n)
		}
	}
	if !a.Execution.Truncated || len(a.Command.Line) != len(long) || len(a.Event.Original) != len(long) || shared[1] != long {
		t.Error("cut without saying so, or cut what may be longer, or changed a shared list")
	}
}

func TestIndexableJSON(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 10) + "1" + strings.Repeat("}", 10)
	key := strings.Repeat("k", schema.MaxKeys/2)
	for in, want := range map[string]string{
		``:                                ``,
		`{"a":1}`:                         `{"a":1}`,
		deep:                              deep,
		`[1,{"a":2}]`:                     `{"value":[1,{"a":2}]}`,
		`"text"`:                          `{"value":"text"}`,
		`null`:                            `{"value":null}`,
		`{"a\u0000b":1}`:                  `{"json":"{\"a\\u0000b\":1}"}`,
		`{"a":"b\u0000"}`:                 `{"a":"b\u0000"}`,
		`{"a`:                             `{"a`, // invalid, which no converter writes
		`[{"` + key + key + key + `":1}]`: `{"json":"[{\"` + key + key + key + `\":1}]"}`,
		`{"` + key + `":{"` + key + `":{"x":"1 2"}}}`:     `{"json":"{\"` + key + `\":{\"` + key + `\":{\"x\":\"1 2\"}}}"}`,
		`{"` + key + `":{"x":"` + key + key + `"},"y":1}`: `{"` + key + `":{"x":"` + key + key + `"},"y":1}`,
	} {
		if got := string(indexable(schema.JSON(in))); got != want {
			t.Errorf("%.80s: got %.120s", in, got)
		}
	}
}

func TestAddressesAreAddresses(t *testing.T) {
	for _, fields := range []schema.JSON{``, `{}`, ` { } `, `{"a":{"b":1}}`, ` {"a":{"b":1} }`} {
		var f schema.Fragment
		f.Infrastructure.SourceIP, f.Trail.Fields = `db.internal "x"`, fields
		f.Infrastructure.HostIP = []string{"10.0.0.1", "nowhere", "fe80::1%eth0"}
		a := gate(t, DefaultLimits).Fragment(&f).Action()
		doc := string(a.AppendJSON(nil))
		for _, want := range []string{`"source.ip":"db.internal \"x\""`, `"host.ip":"nowhere"`, `"ip":["10.0.0.1","fe80::1%eth0"]`} {
			if !strings.Contains(doc, want) {
				t.Errorf("%s: %s is missing in %s", fields, want, doc)
			}
		}
		if len(fields) > 9 && !strings.Contains(doc, `"a":{"b":1}`) {
			t.Errorf("%s is lost in %s", fields, doc)
		}
	}
}

// Arguments too long for the index of whole values are found by their words, in a field of their own.
func TestLongValues(t *testing.T) {
	long := strings.Repeat("word ", 2000)
	var f schema.Fragment
	f.Command.ToolArguments = schema.JSON(`{"path":"a.sh","edits":[{"new":"` + long + `"},{"new":"short"}]}`)
	c := gate(t, DefaultLimits).Fragment(&f)
	c.Finish(schema.MakeID("x"), true, time.Unix(1, 0))
	if got := c.Action().Trail.LongValues; len(got) != 1 || got[0] != long {
		t.Errorf("%d values", len(got))
	}
}
