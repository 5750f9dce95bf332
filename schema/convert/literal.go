package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema/value"
)

// parseLiteral reads text that is JSON, or an object in Python's notation, as str() of a dict gives it: {'a': "it's",
// 'b': None}. Anything else is missing.
func parseLiteral(doc *value.Doc, s string) value.Value {
	s = strings.TrimSpace(s)
	if s == "" || s[0] != '{' && s[0] != '[' {
		return value.Value{}
	}
	if v, err := doc.ParseJSON(s); err == nil {
		return v
	}
	text, ok := pythonJSON(s)
	if !ok {
		return value.Value{}
	}
	v, err := doc.ParseJSON(text)
	if err != nil {
		return value.Value{}
	}
	return v
}

// pythonWords are Python's names of values that JSON has.
var pythonWords = map[string]string{"None": "null", "True": "true", "False": "false"}

// pythonJSON writes a literal of dicts, lists, tuples, strings and numbers as JSON. What else there may be makes no valid
// JSON, which the parser finds.
func pythonJSON(s string) (string, bool) {
	var b []byte
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			text, n, ok := pythonString(s[i:])
			if !ok {
				return "", false
			}
			b, i = value.AppendString(b, text), i+n
		case c == '(':
			b, i = append(b, '['), i+1
		case c == ')':
			b, i = append(b, ']'), i+1
		case c >= 'A' && c <= 'Z':
			end := i
			for end < len(s) && (s[end] >= 'a' && s[end] <= 'z' || s[end] >= 'A' && s[end] <= 'Z') {
				end++
			}
			word, ok := pythonWords[s[i:end]]
			if !ok {
				return "", false
			}
			b, i = append(b, word...), end
		default:
			b, i = append(b, c), i+1
		}
	}
	return string(b), true
}

// pythonString reads a string literal at the start of s and returns its text and length.
func pythonString(s string) (text string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0]:
			return b.String(), i + 1, true
		case c != '\\' || i+1 == len(s):
			b.WriteByte(c)
		default:
			i++
			switch e := s[i]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			case '\\', '\'', '"':
				b.WriteByte(e)
			default: // \x.., \u....: left as they are
				b.WriteByte('\\')
				b.WriteByte(e)
			}
		}
	}
	return "", 0, false
}
