package host

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Form says how Fluent Bit's inputs and filters make a record's body of a log line. The zero value is tail without a
// parser: {"log": line}.
type Form struct {
	// JSON is tail with a JSON parser: the object's members are the body, with types and order kept. A line that is no
	// JSON object becomes {"log": line}, as with tail.
	JSON bool
	// PathKey and OffsetKey are tail's options: the file's name, and the offset of the line's first byte. They come
	// before "log", or behind the members of a parsed line.
	PathKey, OffsetKey string
	// Container wraps the line as the container runtime's log does: {"time", "stream", "_p", "log"} (parser cri).
	Container bool
	// Kubernetes is what the kubernetes filter adds last under that name, if not nil; see Pod.
	Kubernetes Map
	// MergeLog is the filter's Merge_Log: the members of the JSON in "log" are added to the body too.
	MergeLog bool
}

// Pod is the kubernetes filter's metadata for a made-up pod.
func Pod(name, namespace, container string) Map {
	return M(
		"pod_name", name,
		"namespace_name", namespace,
		"pod_id", "7a2c1f0e-6c1b-4d0a-9b7e-0d8f5a3c2b11",
		"labels", M("app", name, "app.kubernetes.io/part-of", "agents"),
		"annotations", M("example.com/owner", "platform"),
		"host", "node-1.example.com",
		"pod_ip", "10.1.2.3",
		"container_name", container,
		"docker_id", strings.Repeat("ab", 32),
		"container_hash", "registry.example.com/"+container+"@sha256:"+strings.Repeat("cd", 32),
		"container_image", "registry.example.com/"+container+":1.0",
	)
}

// Body is the record for a line (without its newline) that begins at offset in the file path.
func (f Form) Body(line, path string, offset int64) Map {
	var where, body Map
	if f.PathKey != "" {
		where = append(where, Pair{f.PathKey, path})
	}
	if f.OffsetKey != "" {
		where = append(where, Pair{f.OffsetKey, offset})
	}
	object, isObject := Map(nil), false
	if f.JSON || f.MergeLog {
		object, isObject = ParseObject(line)
	}
	switch {
	case f.Container:
		body = append(where, M("time", "2026-01-01T00:00:00.000000000Z", "stream", "stdout", "_p", "F", "log", line)...)
	case f.JSON && isObject:
		body = append(object, where...)
	default:
		body = append(where, Pair{"log", line})
	}
	if f.MergeLog && isObject && (f.Container || !f.JSON) {
		body = append(body, object...)
	}
	if f.Kubernetes != nil {
		body = append(body, Pair{"kubernetes", f.Kubernetes})
	}
	return body
}

// ParseObject reads one JSON object as Fluent Bit's JSON parser does: order and repeated keys are kept; whole numbers
// are int64, else uint64, else float64. False if the text is anything else.
func ParseObject(text string) (Map, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	m, ok := v.(Map)
	return m, ok
}

func parseValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return parseNumber(t)
	case json.Delim:
		if t == '[' {
			return parseArray(d)
		}
		return parseMembers(d)
	default:
		return t, nil
	}
}

func parseNumber(n json.Number) (any, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return u, nil
	}
	return n.Float64()
}

func parseArray(d *json.Decoder) (any, error) {
	list := []any{}
	for d.More() {
		v, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func parseMembers(d *json.Decoder) (any, error) {
	m := Map{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		m = append(m, Pair{key, v})
	}
	_, err := d.Token()
	return m, err
}
