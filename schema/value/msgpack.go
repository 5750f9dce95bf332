package value

import (
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/tinylib/msgp/msgp"
)

var errMsgpack = errors.New("not valid msgpack")

// ParseMsgpack adds the value at the start of b and returns what follows it. Strings and byte strings point into b.
// Map keys that are no strings become their text. Errors say nothing of the input.
func (d *Doc) ParseMsgpack(b []byte) (Value, []byte, error) {
	start := len(d.nodes)
	rest, err := d.msgpack(b, -1, "", 0)
	if err != nil {
		d.nodes = d.nodes[:start]
		return Value{}, b, err
	}
	return Value{d, int32(start)}, rest, nil
}

func (d *Doc) msgpack(b []byte, up int32, key string, depth int) ([]byte, error) {
	if err := d.room(depth); err != nil {
		return b, err
	}
	n := node{key: key, up: up}
	if s, rest, ok := plainText(b); ok {
		d.add(String, up, key, s, 0)
		return rest, nil
	}
	var err error
	switch t := msgp.NextType(b); t {
	case msgp.StrType, msgp.BinType:
		n.kind = String
		n.str, b, err = msgpackString(b, t)
	case msgp.MapType:
		return d.msgpackMap(b, n, depth)
	case msgp.ArrayType:
		return d.msgpackArray(b, n, depth)
	case msgp.NilType:
		n.kind = Null
		b, err = msgp.ReadNilBytes(b)
	case msgp.BoolType:
		var v bool
		n.kind = Bool
		if v, b, err = msgp.ReadBoolBytes(b); v {
			n.num = 1
		}
	case msgp.IntType, msgp.UintType:
		n.kind, n.num, b, err = msgpackInt(b)
	case msgp.Float64Type, msgp.Float32Type:
		var f float64
		n.kind = Float
		if t == msgp.Float32Type {
			var f32 float32
			f32, b, err = msgp.ReadFloat32Bytes(b)
			f = float64(f32)
		} else {
			f, b, err = msgp.ReadFloat64Bytes(b)
		}
		n.num = math.Float64bits(f)
	default:
		return d.msgpackExtension(b, n)
	}
	if err != nil {
		return b, errMsgpack
	}
	d.add(n.kind, n.up, n.key, n.str, n.num)
	return b, nil
}

// plainText reads a string of up to 64 kB, which is what most of a record is made of, without the detours of the general
// way. It returns false for everything else.
func plainText(b []byte) (s string, rest []byte, ok bool) {
	from, n := 0, 0
	switch {
	case len(b) == 0:
	case b[0]&0xe0 == 0xa0: // fixstr
		from, n = 1, int(b[0]&0x1f)
	case b[0] == 0xd9 && len(b) > 1: // str 8
		from, n = 2, int(b[1])
	case b[0] == 0xda && len(b) > 2: // str 16
		from, n = 3, int(b[1])<<8|int(b[2])
	}
	if from == 0 || len(b)-from < n {
		return "", b, false
	}
	b = b[from:]
	return unsafe.String(unsafe.SliceData(b), n), b[n:], true
}

func msgpackInt(b []byte) (Kind, uint64, []byte, error) {
	if i, rest, err := msgp.ReadInt64Bytes(b); err == nil {
		return Int, uint64(i), rest, nil
	}
	u, rest, err := msgp.ReadUint64Bytes(b)
	return Uint, u, rest, err
}

func msgpackString(b []byte, t msgp.Type) (string, []byte, error) {
	var s []byte
	var err error
	if t == msgp.BinType {
		if s, b, err = msgp.ReadBytesZC(b); isTraceID(s) {
			return hex.EncodeToString(s), b, err
		}
	} else {
		s, b, err = msgp.ReadStringZC(b)
	}
	return unsafe.String(unsafe.SliceData(s), len(s)), b, err
}

// isTraceID says whether bytes are a trace or span id, which Fluent Bit gives as 16 or 8 of them: such are read as the
// hexadecimal digits that they have everywhere else. Text that was written as bytes stays text.
func isTraceID(b []byte) bool {
	if len(b) != 16 && len(b) != 8 {
		return false
	}
	return !utf8.Valid(b) || slices.ContainsFunc(b, func(c byte) bool { return c < ' ' })
}

func (d *Doc) msgpackMap(b []byte, n node, depth int) ([]byte, error) {
	size, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil || uint64(size) > uint64(len(b)) {
		return b, errMsgpack
	}
	n.kind = Object
	i := d.add(n.kind, n.up, n.key, "", 0)
	for range size {
		var key string
		if key, b, err = d.msgpackKey(b, depth); err != nil {
			return b, err
		}
		d.nodes[i].num |= keyBit(key)
		if b, err = d.msgpack(b, i, key, depth+1); err != nil {
			return b, err
		}
	}
	d.close(i)
	return b, nil
}

// maxKeyDepth is how deeply maps may stand in keys of maps.
const maxKeyDepth = 3

// msgpackKey reads a map key of any type as text.
func (d *Doc) msgpackKey(b []byte, depth int) (string, []byte, error) {
	if s, rest, ok := plainText(b); ok {
		return s, rest, nil
	}
	if t := msgp.NextType(b); t == msgp.StrType || t == msgp.BinType {
		s, rest, err := msgpackString(b, t)
		if err != nil {
			return "", b, errMsgpack
		}
		return s, rest, nil
	}
	// A key that is itself a map is written as its JSON, in which the keys are escaped: each such level can double the
	// length, so only a few are taken.
	if d.keys++; d.keys > maxKeyDepth {
		d.keys--
		return "", b, errDepth
	}
	at := len(d.nodes)
	rest, err := d.msgpack(b, -1, "", depth+1)
	d.keys--
	if err != nil {
		return "", b, err
	}
	k := Value{d, int32(at)}
	key := k.String()
	if k.Kind() == Array || k.Kind() == Object || k.Kind() == Null {
		key = string(k.AppendJSON(nil))
	}
	d.nodes = d.nodes[:at]
	return key, rest, nil
}

func (d *Doc) msgpackArray(b []byte, n node, depth int) ([]byte, error) {
	size, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || uint64(size) > uint64(len(b)) {
		return b, errMsgpack
	}
	n.kind = Array
	i := d.add(n.kind, n.up, n.key, "", 0)
	for range size {
		if b, err = d.msgpack(b, i, "", depth+1); err != nil {
			return b, err
		}
	}
	d.close(i)
	return b, nil
}

// msgpackExtension keeps an event time as RFC 3339 text, any other extension as its bytes.
func (d *Doc) msgpackExtension(b []byte, n node) ([]byte, error) {
	rest, err := msgp.Skip(b)
	if err != nil {
		return b, errMsgpack
	}
	n.kind = String
	if t, ok := EventTime(b[:len(b)-len(rest)]); ok {
		n.str = t.Format(time.RFC3339Nano)
	} else {
		ext := b[:len(b)-len(rest)]
		n.str = unsafe.String(unsafe.SliceData(ext), len(ext))
	}
	d.add(n.kind, n.up, n.key, n.str, n.num)
	return rest, nil
}

// EventTime reads Fluent Bit's event time: extension type 0 of 8 bytes, u32 seconds and u32 nanoseconds, big-endian.
// Both fixext 8 (d7 00) and ext 8 (c7 08 00) are understood.
func EventTime(ext []byte) (time.Time, bool) {
	switch {
	case len(ext) == 10 && ext[0] == 0xd7 && ext[1] == 0:
		ext = ext[2:]
	case len(ext) == 11 && ext[0] == 0xc7 && ext[1] == 8 && ext[2] == 0:
		ext = ext[3:]
	default:
		return time.Time{}, false
	}
	sec := uint32(ext[0])<<24 | uint32(ext[1])<<16 | uint32(ext[2])<<8 | uint32(ext[3])
	nsec := uint32(ext[4])<<24 | uint32(ext[5])<<16 | uint32(ext[6])<<8 | uint32(ext[7])
	return time.Unix(int64(sec), int64(nsec)).UTC(), true
}
