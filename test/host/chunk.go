package host

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// Map is a msgpack map in its own order; keys may repeat and may be any value.
type Map []Pair

// Pair is one entry of a Map.
type Pair struct{ Key, Value any }

// M makes a Map of alternating keys and values.
func M(keysAndValues ...any) Map {
	m := make(Map, 0, len(keysAndValues)/2)
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		m = append(m, Pair{keysAndValues[i], keysAndValues[i+1]})
	}
	return m
}

// Raw is a value that is msgpack, or pretends to be, already.
type Raw []byte

// Bin16 is a byte string encoded with a two-byte length (c5) however short it is; []byte takes the shortest form.
type Bin16 []byte

// Seconds of the time-stamps that stand for OTLP group markers (include/fluent-bit/flb_log_event.h: -1 and -2).
const (
	groupStart = 0xffffffff
	groupEnd   = 0xfffffffe
)

// Encoder builds a chunk, record by record, as Fluent Bit hands it to an output. The zero value is ready.
// Values are nil, bool, string, []byte, Bin16, int, int64, uint64, float64, time.Time (as a time-stamp), Map, []any and
// Raw; others panic.
type Encoder struct {
	Old bool // [ts, body], as before Fluent Bit 2.1, instead of [[ts, meta], body]

	buf     []byte
	records int
}

// Event adds a record. meta is left out in the old form.
func (e *Encoder) Event(ts time.Time, meta Map, body any) {
	e.event(uint32(ts.Unix()), uint32(ts.Nanosecond()), meta, body)
}

// GroupStart adds the marker that opens an OTLP group: meta is {schema, resource_id, scope_id}, body {resource, scope}.
func (e *Encoder) GroupStart(meta, body Map) { e.event(groupStart, 0, meta, body) }

// GroupEnd adds the marker that closes it.
func (e *Encoder) GroupEnd() { e.event(groupEnd, 0, nil, Map{}) }

// Raw adds bytes as they are, which may be no record at all.
func (e *Encoder) Raw(b []byte) {
	e.buf = append(e.buf, b...)
	e.records++
}

func (e *Encoder) event(sec, nsec uint32, meta Map, body any) {
	e.buf = msgp.AppendArrayHeader(e.buf, 2)
	if e.Old {
		e.buf = appendTime(e.buf, sec, nsec)
	} else {
		e.buf = msgp.AppendArrayHeader(e.buf, 2)
		e.buf = appendTime(e.buf, sec, nsec)
		e.buf = appendValue(e.buf, meta)
	}
	e.buf = appendValue(e.buf, body)
	e.records++
}

// Len is the size of the chunk in bytes.
func (e *Encoder) Len() int { return len(e.buf) }

// Records counts the calls that added something.
func (e *Encoder) Records() int { return e.records }

// Take returns the chunk and begins a new one.
func (e *Encoder) Take() []byte {
	b := e.buf
	e.buf, e.records = nil, 0
	return b
}

// appendTime is Fluent Bit's event time: ext type 0 of 8 bytes, seconds and nanoseconds big-endian.
func appendTime(b []byte, sec, nsec uint32) []byte {
	b = append(b, 0xd7, 0x00)
	b = binary.BigEndian.AppendUint32(b, sec)
	return binary.BigEndian.AppendUint32(b, nsec)
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return msgp.AppendNil(b)
	case bool:
		return msgp.AppendBool(b, v)
	case string:
		return msgp.AppendString(b, v)
	case []byte:
		return msgp.AppendBytes(b, v)
	case Bin16:
		b = binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(len(v)))
		return append(b, v...)
	case int:
		return appendInt(b, int64(v))
	case int64:
		return appendInt(b, v)
	case uint64:
		return msgp.AppendUint64(b, v)
	case float64:
		return msgp.AppendFloat64(b, v)
	case time.Time:
		return appendTime(b, uint32(v.Unix()), uint32(v.Nanosecond()))
	case Raw:
		return append(b, v...)
	case []any:
		b = msgp.AppendArrayHeader(b, size(len(v)))
		for _, x := range v {
			b = appendValue(b, x)
		}
		return b
	case Map:
		b = msgp.AppendMapHeader(b, size(len(v)))
		for _, p := range v {
			b = appendValue(appendValue(b, p.Key), p.Value)
		}
		return b
	default:
		panic(fmt.Sprintf("no msgpack for %T", v))
	}
}

// appendInt takes the unsigned forms for what isn't negative, as msgpack-c does (msgp would take the signed ones).
func appendInt(b []byte, i int64) []byte {
	if i >= 0 {
		return msgp.AppendUint64(b, uint64(i))
	}
	return msgp.AppendInt64(b, i)
}

func size(n int) uint32 {
	if n > math.MaxUint32 {
		panic("too many elements")
	}
	return uint32(n)
}
