package value

// Nesting follows the brackets of a JSON text that comes in pieces: a file read by blocks, an object printed over several
// lines. The zero Nesting stands before the text.
type Nesting struct {
	Depth    int  // open arrays and objects
	InString bool // a string goes on in the next piece
	Escaped  bool // its next byte is behind a backslash
}

// Feed reads the next piece and returns the index behind the bracket that closes the outermost value, -1 while it is open
// (and for text that has no bracket). It does not check the syntax.
func (n *Nesting) Feed(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case n.Escaped:
			n.Escaped = false
		case n.InString:
			if i, _ = scanString(s, i); i == len(s) {
				return -1
			}
			n.Escaped, n.InString = s[i] == '\\', s[i] != '"'
		case c == '"':
			n.InString = true
		case c == '{' || c == '[':
			n.Depth++
		case c == '}' || c == ']':
			if n.Depth--; n.Depth <= 0 {
				n.Depth = 0
				return i + 1
			}
		}
	}
	return -1
}
