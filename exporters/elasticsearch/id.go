package elasticsearch

import "bytes"

// eventID finds event.id in a canonical document without decoding it: the bytes between its quotes. The document is not
// checked beyond what is passed over; Elasticsearch does that.
func eventID(doc []byte) ([]byte, bool) {
	event, ok := member(doc, "event")
	if !ok {
		return nil, false
	}
	id, ok := member(event, "id")
	if !ok || len(id) < 3 || id[0] != '"' {
		return nil, false
	}
	return id[1 : len(id)-1], doc[len(doc)-1] == '}'
}

// member is the value of an object's key, as text. The object has no white space.
func member(object []byte, key string) ([]byte, bool) {
	if len(object) == 0 || object[0] != '{' {
		return nil, false
	}
	for at := 1; at < len(object) && object[at] == '"'; {
		end := skipString(object, at)
		if end < 0 || end >= len(object) || object[end] != ':' {
			return nil, false
		}
		name := object[at+1 : end-1]
		value := end + 1
		if end = skipValue(object, value); end < 0 {
			return nil, false
		}
		if string(name) == key {
			return object[value:end], true
		}
		if end >= len(object) || object[end] != ',' {
			return nil, false
		}
		at = end + 1
	}
	return nil, false
}

// skipString returns the place behind the string that begins at, -1 if it does not end.
func skipString(b []byte, at int) int {
	for at++; ; {
		i := bytes.IndexByte(b[at:], '"')
		if i < 0 {
			return -1
		}
		at += i + 1
		escapes := 0
		for b[at-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at
		}
	}
}

// skipValue returns the place behind the value that begins at, -1 if it does not end.
func skipValue(b []byte, at int) int {
	for depth := 0; at < len(b); {
		switch b[at] {
		case '"':
			if at = skipString(b, at); at < 0 {
				return -1
			}
		case '{', '[':
			depth++
			at++
			continue
		case '}', ']':
			depth--
			at++
		case ',', ':':
			at++
			continue
		default: // number, true, false, null
			for at < len(b) && b[at] != ',' && b[at] != '}' && b[at] != ']' {
				at++
			}
		}
		if depth <= 0 {
			return at
		}
	}
	return -1
}
