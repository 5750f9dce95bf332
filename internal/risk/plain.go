package risk

import "strings"

// token is a word of plain text, or the operator that ends a command: ; & (for &&), o (for ||) and |.
type token struct {
	text string
	op   byte
}

// Bytes that may stand in plain text outside quotes, and what they are there.
const (
	byteOther = iota // needs the parser
	byteWord
	byteSpace
	byteOp
	byteQuote
)

var plainBytes = func() (kinds [256]uint8) {
	for c := range kinds {
		if isLetter(byte(c)) || c >= '0' && c <= '9' || strings.IndexByte("_./:@%+,-=*?~^", byte(c)) >= 0 {
			kinds[c] = byteWord
		}
	}
	kinds[' '], kinds['\t'] = byteSpace, byteSpace
	kinds['\n'], kinds[';'], kinds['|'], kinds['&'] = byteOp, byteOp, byteOp, byteOp
	kinds['\''], kinds['"'] = byteQuote, byteQuote
	return kinds
}()

// plain flattens text that needs no parser: words of harmless characters and quotes without expansions, in commands
// joined by && || ; | and newlines. It returns false, and has done nothing, for any other text. It must agree with the
// parser on what it takes, which a test and the fuzz target hold.
func (p *plan) plain(src string, s site) bool {
	base := len(p.tokens) // text within text uses the room behind
	ok := p.tokenize(src)
	tokens := p.tokens[base:]
	defer func() { p.tokens = p.tokens[:base] }()
	if !ok {
		return false
	}
	lo, piped := int32(len(p.calls)), false
	for at := 0; at < len(tokens); {
		end := at
		for tokens[end].op == 0 {
			end++
		}
		in := s
		if piped {
			in.in = s.in.union(span{lo, int32(len(p.calls))})
		} else {
			lo = int32(len(p.calls))
		}
		if len(p.calls) >= maxCalls || len(p.arena)+end-at > maxWords {
			p.cut = true
		} else {
			start := len(p.arena)
			for _, t := range tokens[at:end] {
				p.arena = append(p.arena, word{text: t.text})
			}
			p.command(p.arena[start:len(p.arena):len(p.arena)], call{from: in.in, marks: in.marks}, in)
		}
		piped = tokens[end].op == '|'
		at = end + 1
	}
	return true
}

// tokenize appends src's tokens to p.tokens; every command ends in an operator.
func (p *plan) tokenize(src string) bool {
	first := true // no word of this command yet
	for i := 0; i < len(src); {
		switch plainBytes[src[i]] {
		case byteSpace:
			i++
		case byteWord, byteQuote:
			text, end, ok := plainWord(src, i)
			if !ok || first && (strings.IndexByte(text, '=') >= 0 || reserved[text]) {
				return false
			}
			p.tokens = append(p.tokens, token{text: text})
			first, i = false, end
		case byteOp:
			op, n := plainOp(src[i:])
			if n == 0 || first {
				return false
			}
			p.tokens = append(p.tokens, token{op: op})
			first = true
			if i += n; op != ';' && strings.TrimLeft(src[i:], " \t") == "" {
				return false // a && needs a command behind it
			}
		default:
			return false
		}
	}
	if !first {
		p.tokens = append(p.tokens, token{op: ';'})
	}
	return true
}

// plainOp is the operator src begins with and its length, 0 if that is one for the parser.
func plainOp(src string) (byte, int) {
	two := byte(0)
	if len(src) > 1 {
		two = src[1]
	}
	switch {
	case src[0] == '&' && two == '&':
		return '&', 2
	case src[0] == '|' && two == '|':
		return 'o', 2
	case src[0] == '|' && two != '&':
		return '|', 1
	case src[0] == '\n', src[0] == ';' && two != ';' && two != '&' && two != '|':
		return ';', 1
	}
	return 0, 0
}

// plainWord is the word at i, and where it ends.
func plainWord(src string, i int) (string, int, bool) {
	start, text, quoted := i, "", false
word:
	for i < len(src) {
		switch c := src[i]; plainBytes[c] {
		case byteWord:
			i++
		case byteQuote:
			n := strings.IndexByte(src[i+1:], c)
			if n < 0 {
				return "", 0, false
			}
			inner := src[i+1 : i+1+n]
			for j := 0; j < len(inner); j++ {
				if b := inner[j]; b >= 0x80 || b == 0 || b == '\r' || c == '"' && (b == '$' || b == '`' || b == '\\') {
					return "", 0, false
				}
			}
			text, quoted = text+src[start:i]+inner, true
			i += n + 2
			start = i
		case byteOther:
			return "", 0, false
		default:
			break word
		}
	}
	if !quoted {
		return src[start:i], i, true
	}
	return text + src[start:i], i, true
}

// reserved are the first words that make a command more than a simple one.
var reserved = map[string]bool{
	"if": true, "then": true, "elif": true, "else": true, "fi": true, "for": true, "while": true, "until": true,
	"do": true, "done": true, "case": true, "esac": true, "select": true, "function": true, "time": true,
	"coproc": true, "let": true, "in": true, "declare": true, "local": true, "export": true, "readonly": true,
	"typeset": true, "nameref": true,
}
