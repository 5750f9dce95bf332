package host

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tinylib/msgp/msgp"
)

var when = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC) // 0x695735a5 s, 0x2a6 ns

// TestGoldenBytes compares with bytes put together by hand from the msgpack specification and Fluent Bit's event form.
func TestGoldenBytes(t *testing.T) {
	const ts = "d7 00 695735a5 000002a6"
	body := M("log", "hi")
	for name, c := range map[string]struct {
		add  func(*Encoder)
		old  bool
		want string
	}{
		"new":      {func(e *Encoder) { e.Event(when, nil, body) }, false, "92 92" + ts + "80 81 a36c6f67 a26869"},
		"old":      {func(e *Encoder) { e.Event(when, M("m", 1), body) }, true, "92" + ts + "81 a36c6f67 a26869"},
		"metadata": {func(e *Encoder) { e.Event(when, M("m", 1), Map{}) }, false, "92 92" + ts + "81 a16d 01 80"},
		"group": {func(e *Encoder) {
			e.GroupStart(M("schema", "otlp"), M("scope", Map{}))
			e.GroupEnd()
		}, false, "92 92 d700ffffffff00000000 81 a6736368656d61 a46f746c70 81 a573636f7065 80" +
			"92 92 d700fffffffe00000000 80 80"},
		"types": {func(e *Encoder) {
			e.Event(when, nil, []any{
				nil, true, false, 127, 128, 65536, -1, -33, uint64(math.MaxUint64), int64(math.MinInt64), 1.5,
				[]byte{1},
				Bin16{2},
				[]any{},
				Map{},
				strings.Repeat("x", 32),
				Raw{0xc1},
			})
		}, false, "92 92" + ts + "80 dc 0011 c0 c3 c2 7f cc80 ce00010000 ff d0df cfffffffffffffffff d38000000000000000" +
			"cb3ff8000000000000 c40101 c5000102 90 80 d920" + strings.Repeat("78", 32) + "c1"},
	} {
		e := Encoder{Old: c.old}
		c.add(&e)
		want := strings.ReplaceAll(c.want, " ", "")
		if got := hex.EncodeToString(e.Take()); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if e.Len() != 0 || e.Records() != 0 {
			t.Errorf("%s: not empty after Take", name)
		}
	}
}

// decode reads a chunk with msgp alone. Events are [2]any{meta, body}.
func decode(t *testing.T, chunk []byte) (times []time.Time, bodies []any) {
	t.Helper()
	for len(chunk) > 0 {
		var err error
		must := func(b []byte, e error) []byte {
			err = errors.Join(err, e)
			return b
		}
		var n uint32
		n, chunk, err = msgp.ReadArrayHeaderBytes(chunk)
		if err != nil || n != 2 {
			t.Fatal(n, err)
		}
		_, chunk, err = msgp.ReadArrayHeaderBytes(chunk)
		ext := msgp.RawExtension{Type: 0}
		chunk = must(msgp.ReadExtensionBytes(chunk, &ext))
		chunk = must(msgp.Skip(chunk))
		body, rest, e := msgp.ReadIntfBytes(chunk)
		chunk = must(rest, e)
		if err != nil || len(ext.Data) != 8 {
			t.Fatal(err, ext.Data)
		}
		sec := int64(ext.Data[0])<<24 | int64(ext.Data[1])<<16 | int64(ext.Data[2])<<8 | int64(ext.Data[3])
		nsec := int64(ext.Data[4])<<24 | int64(ext.Data[5])<<16 | int64(ext.Data[6])<<8 | int64(ext.Data[7])
		times, bodies = append(times, time.Unix(sec, nsec).UTC()), append(bodies, body)
	}
	return times, bodies
}

func TestForms(t *testing.T) {
	const object = `{"b":1,"a":"x","f":1.0,"neg":-7,"big":18446744073709551615,"huge":36893488147419103232,"e":1e3,` +
		`"n":null,"t":true,"l":[1,"\u00e9"],"o":{"k":{}}}`
	parsed := map[string]any{
		"b": int64(1), "a": "x", "f": 1.0, "neg": int64(-7), "big": uint64(math.MaxUint64), "huge": math.Pow(2, 65), "e": 1e3,
		"n": nil, "t": true, "l": []any{int64(1), "é"}, "o": map[string]any{"k": map[string]any{}},
	}
	pod := Pod("agent", "prod", "claude")
	for name, c := range map[string]struct {
		form Form
		line string
		want Map
	}{
		"tail":          {Form{}, "text", M("log", "text")},
		"path, offset":  {Form{PathKey: "p", OffsetKey: "o"}, "text", M("p", "/f", "o", int64(9), "log", "text")},
		"no object":     {Form{JSON: true}, "[1]", M("log", "[1]")},
		"rest behind":   {Form{JSON: true}, "{} x", M("log", "{} x")},
		"cut off":       {Form{JSON: true}, `{"a":`, M("log", `{"a":`)},
		"order":         {Form{JSON: true, PathKey: "p"}, `{"b":1,"a":2,"b":3}`, M("b", int64(1), "a", int64(2), "b", int64(3), "p", "/f")},
		"kubernetes":    {Form{Kubernetes: pod}, "text", M("log", "text", "kubernetes", pod)},
		"merged":        {Form{MergeLog: true, Kubernetes: pod}, `{"a":1}`, M("log", `{"a":1}`, "a", int64(1), "kubernetes", pod)},
		"container log": {Form{Container: true}, "x", M("time", "2026-01-01T00:00:00.000000000Z", "stream", "stdout", "_p", "F", "log", "x")},
	} {
		if got := c.form.Body(c.line, "/f", 9); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, c.want)
		}
	}
	e := Encoder{}
	e.Event(when, nil, Form{JSON: true}.Body(object, "", 0))
	times, bodies := decode(t, e.Take())
	if !times[0].Equal(when) {
		t.Error(times[0])
	}
	got := bodies[0].(map[string]any)
	for k, want := range parsed {
		if v := got[k]; !reflect.DeepEqual(signed(v), want) {
			t.Errorf("%s: got %T %v, want %T %v", k, v, v, want, want)
		}
	}
}

// signed makes of msgp's uint64 for small numbers an int64.
func signed(v any) any {
	switch v := v.(type) {
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = signed(v[i])
		}
		return out
	}
	return v
}

func TestFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	text := "one\r\n\n" + strings.Repeat("0123456789 line\n", 1000) + "no newline"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := FileOptions{Form: Form{OffsetKey: "at", PathKey: "path"}, Size: 10_000, Path: "/var/log/x"}
	read := func() (all []Chunk) {
		for c, err := range FromFile(path, o) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		return all
	}
	first := read()
	if !reflect.DeepEqual(first, read()) {
		t.Error("the same file gives other chunks")
	}
	records := 0
	for i, c := range first {
		times, bodies := decode(t, c.Data)
		if len(bodies) != c.Records || (i < len(first)-1 && (len(c.Data) < o.Size || len(c.Data) > o.Size+100)) {
			t.Errorf("chunk %d: %d records of %d, %d bytes", i, len(bodies), c.Records, len(c.Data))
		}
		for j, b := range bodies {
			m := b.(map[string]any)
			at := signed(m["at"]).(int64)
			if line := m["log"].(string); !strings.HasPrefix(text[at:], line) || m["path"] != "/var/log/x" {
				t.Fatalf("record %d: %v", j, m)
			}
			if want := time.Date(2026, 1, 1, 0, 0, 0, records*1e6, time.UTC); !times[j].Equal(want) {
				t.Fatalf("record %d at %v", records, times[j])
			}
			records++
		}
	}
	if records != 1001 || len(first) < 4 {
		t.Errorf("%d records in %d chunks", records, len(first))
	}
	for _, err := range FromFile(path+"none", o) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
	for c, err := range FromReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a\nb\n"))), o) {
		if c.Data != nil || !errors.Is(err, iotest.ErrTimeout) {
			t.Error(c, err)
		}
	}
}

// TestOddChunks: what is called broken is, and the rest is msgpack to its end and has its good lines in it.
func TestOddChunks(t *testing.T) {
	names := map[string]bool{}
	for _, c := range OddChunks() {
		if names[c.Name] {
			t.Errorf("two are called %q", c.Name)
		}
		names[c.Name] = true
		rest, err := c.Data, error(nil)
		for len(rest) > 0 && err == nil {
			rest, err = msgp.Skip(rest)
		}
		if (err != nil) != c.Broken {
			t.Errorf("%s: %v", c.Name, err)
		}
		for _, line := range c.Good {
			if !bytes.Contains(c.Data, appendValue(nil, M("log", line))) {
				t.Errorf("%s: no %q", c.Name, line)
			}
		}
	}
}
