package pipeline

import (
	"crypto/sha256"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/convert"
	"github.com/agentaudit/agentaudit/schema/value"
)

// decoder reads the events of one chunk: `[[time, metadata], body]`, or `[time, body]` in the old form, one after the
// other. What is neither is still given to visit, with an error, and reading goes on behind it; only bytes that are no
// msgpack at all end the chunk, and they are given as one last event.
type decoder struct {
	doc    *value.Doc
	tag    string
	digest schema.ID
	index  int
	groups value.Doc   // OTLP group markers' bodies outlive their record
	group  value.Value // resource and scope of the OTLP group that is open
}

// event is what was found, and the bytes it was read from. With err set they could not be understood.
type event struct {
	convert.Record
	raw []byte
	err error
}

var (
	errEvent     = errors.New("not an event: expected [[time, metadata], body]")
	errTruncated = errors.New("chunk is truncated or no msgpack")
)

// chunkID identifies a chunk by tag and content: Fluent Bit sends the same bytes when it retries.
func chunkID(tag string, chunk []byte) schema.ID {
	sum := sha256.Sum256(chunk)
	return schema.MakeID("chunk", tag, string(sum[:]))
}

// decode calls visit for each event. The event and all its texts are valid until visit returns; texts point into chunk.
func (d *decoder) decode(chunk []byte, visit func(*event)) {
	for len(chunk) > 0 {
		d.doc.Reset()
		var ev event
		ev.Tag, ev.Group = d.tag, d.group
		ev.ID = schema.MakeID("record", string(d.digest[:]), strconv.Itoa(d.index))
		d.index++
		rest, err := d.event(chunk, &ev)
		if err == nil {
			ev.raw, chunk = chunk[:len(chunk)-len(rest)], rest
			if !d.marker(&ev) {
				visit(&ev)
			}
			continue
		}
		rest, skipErr := msgp.Skip(chunk)
		if skipErr != nil {
			rest, err = nil, errTruncated
		}
		ev.raw, ev.err = chunk[:len(chunk)-len(rest)], err
		chunk = rest
		visit(&ev)
	}
}

// event reads one event in either form.
func (d *decoder) event(b []byte, ev *event) ([]byte, error) {
	if msgp.NextType(b) != msgp.ArrayType {
		return b, errEvent
	}
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || n != 2 {
		return b, errEvent
	}
	if msgp.NextType(b) == msgp.ArrayType {
		if n, b, err = msgp.ReadArrayHeaderBytes(b); err != nil || n != 2 {
			return b, errEvent
		}
		if ev.Time, b, err = readTime(b); err != nil {
			return b, err
		}
		if ev.Meta, b, err = d.doc.ParseMsgpack(b); err != nil {
			return b, err
		}
	} else if ev.Time, b, err = readTime(b); err != nil {
		return b, err
	}
	ev.Body, b, err = d.doc.ParseMsgpack(b)
	return b, err
}

// readTime reads an event time (extension type 0), or seconds as an integer or a float.
func readTime(b []byte) (time.Time, []byte, error) {
	switch msgp.NextType(b) {
	case msgp.IntType, msgp.UintType:
		n, rest, err := msgp.ReadInt64Bytes(b)
		if err != nil {
			return time.Time{}, b, errEvent
		}
		return time.Unix(n, 0).UTC(), rest, nil
	case msgp.Float32Type, msgp.Float64Type:
		f, rest, err := msgp.ReadFloat64Bytes(b)
		if err != nil || math.IsNaN(f) || math.Abs(f) > 1<<40 {
			return time.Time{}, b, errEvent
		}
		sec, frac := math.Modf(f)
		return time.Unix(int64(sec), int64(frac*1e9)).UTC(), rest, nil
	}
	rest, err := msgp.Skip(b)
	if err != nil {
		return time.Time{}, b, errEvent
	}
	t, ok := value.EventTime(b[:len(b)-len(rest)])
	if !ok {
		return time.Time{}, b, errEvent
	}
	return t, rest, nil
}

// Fluent Bit marks OTLP groups by event times that are no times: seconds of -1 begin a group, -2 end it.
const (
	groupStart = math.MaxUint32
	groupEnd   = math.MaxUint32 - 1
)

// marker takes group markers: the resource and scope of a start apply to the events up to its end.
func (d *decoder) marker(ev *event) bool {
	switch ev.Time.Unix() {
	case groupStart, -1:
		d.groups.Reset()
		d.group, _ = d.groups.ParseJSON(string(ev.Body.AppendJSON(nil)))
		return true
	case groupEnd, -2:
		d.group = value.Value{}
		return true
	}
	return false
}
