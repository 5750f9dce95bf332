package host

import (
	"bytes"
	"time"
)

// OddChunk is a chunk that is unusual or broken in one place.
type OddChunk struct {
	Name string
	Data []byte
	// Good are the lines (the "log" of ordinary records before and after the odd one) that can be read from it. A
	// decoder must deliver them all.
	Good []string
	// Broken says that it isn't msgpack to its end: something can't be read, and must be reported, not dropped.
	Broken bool
}

// OddChunks are chunks that a decoder must survive without losing what is good in them.
func OddChunks() []OddChunk {
	now := time.Date(2026, 1, 1, 0, 0, 0, 5, time.UTC)
	ts := Raw(appendTime(nil, uint32(now.Unix()), 5))
	pack := func(v any) []byte { return appendValue(nil, v) }
	event := func(body any) []byte { return pack([]any{[]any{ts, Map{}}, body}) }
	var out []OddChunk
	between := func(name string, odd []byte) { // one good record before and one after
		out = append(out, OddChunk{
			name, bytes.Join([][]byte{event(M("log", "before")), odd, event(M("log", "after"))}, nil),
			[]string{"before", "after"},
			false,
		})
	}
	broken := func(name string, odd []byte) { // one good record before, and no way to know where the next begins
		out = append(out, OddChunk{name, append(event(M("log", "before")), odd...), []string{"before"}, true})
	}

	between("scalar record: integer", pack(42))
	between("scalar record: string", pack("just text"))
	between("scalar record: nil", pack(nil))
	between("map record", pack(M("log", "not in an array")))
	between("empty array record", pack([]any{}))
	between("array of three", pack([]any{ts, Map{}, M("log", "x")}))
	between("body is a string", event("text"))
	between("body is nil", event(nil))
	between("body is an array", event([]any{"a", 1}))
	between("empty body", event(Map{}))
	between("duplicate keys", event(M("log", "first", "log", "second", "a", 1, "a", 2)))
	between("non-string keys", event(M(1, "one", nil, "nil", true, "true", []any{1}, "array", M("k", "v"), "map")))
	between("key as bin", event(M([]byte("log"), "x")))
	between("bin16 values", event(M("log", Bin16("short"), "long", Bin16(bytes.Repeat([]byte{0, 0xff}, 300)))))
	between("invalid UTF-8", event(M("log", "a\xff\xfe\xc3(b\x00c")))
	between("unknown ext value", event(M("log", Raw{0xd4, 0x2a, 0x01})))
	between("time as integer", pack([]any{1767225600, M("log", "x")}))
	between("time as float", pack([]any{1767225600.5, M("log", "x")}))
	between("time is nil", pack([]any{[]any{nil, Map{}}, M("log", "x")}))
	between("time ext of another type", pack([]any{[]any{Raw{0xd7, 0x05, 0, 0, 0, 0, 0, 0, 0, 0}, Map{}}, M("log", "x")}))
	between("nanoseconds over a second", pack([]any{[]any{Raw(appendTime(nil, 1, 0xffffffff)), Map{}}, M("log", "x")}))
	between("meta is an array", pack([]any{[]any{ts, []any{}}, M("log", "x")}))
	between("1000 arrays deep", event(M("log", Raw(append(bytes.Repeat([]byte{0x91}, 1000), 0xc0)))))
	between("group marker without an end", pack([]any{[]any{Raw(appendTime(nil, groupStart, 0)), Map{}}, Map{}}))
	between("group end without a start", pack([]any{[]any{Raw(appendTime(nil, groupEnd, 0)), Map{}}, Map{}}))
	out = append(out, OddChunk{Name: "empty chunk"})

	whole := event(M("log", "cut off", "n", 12345678))
	broken("truncated in a value", whole[:len(whole)-2])
	broken("truncated in a header", whole[:1])
	broken("reserved byte c1", []byte{0xc1, 0xc1})
	broken("string longer than the chunk", []byte{0xdb, 0xff, 0xff, 0xff, 0xff, 'x'})
	broken("array longer than the chunk", []byte{0xdd, 0xff, 0xff, 0xff, 0xff, 0x01})
	broken("map longer than the chunk", []byte{0x92, 0x92, 0xc0, 0x80, 0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 'x'})
	out = append(out, OddChunk{"garbage", []byte("\xc1\xdb\x00\xff this was never msgpack \xdf\xff\xff\xff\xff"), nil, true})
	return out
}
