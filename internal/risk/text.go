package risk

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// tooDeep tells whether text nests beyond maxNest, or piles up so many prefix operators that a recursive parser would
// go deep on it. It looks at bytes only, so brackets in quotes count too; ordinary scripts stay far below.
func tooDeep(s string) bool {
	depth, deepest, ticks, run, longest := 0, 0, 0, 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(', '{', '[':
			depth++
			deepest = max(deepest, depth)
		case ')', '}', ']':
			depth = max(0, depth-1)
		case '`':
			ticks++
		case ' ':
			continue
		case '!', '-', '+', '~', '<':
			run++
			longest = max(longest, run)
			continue
		}
		run = 0
	}
	return deepest > maxNest || ticks > 2*maxNest || longest > 2*maxNest || len(s) > 3*maxNest && keywordDepth(s) > maxNest
}

// keywordDepth is how deep compound commands written with words nest, counted roughly.
func keywordDepth(s string) int {
	depth, deepest := 0, 0
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == ';' || r == '&' || r == '|' }) {
		switch f {
		case "if", "while", "until", "for", "case", "select", "function", "time", "coproc", "elif":
			depth++
			deepest = max(deepest, depth)
		case "fi", "done", "esac":
			depth = max(0, depth-1)
		}
	}
	return deepest
}

// windowsText tells text for PowerShell or cmd, whose backslashes are not escapes: a drive letter with a backslash, or
// a Verb-Noun program.
func windowsText(s string) bool {
	for i := 0; i+2 < len(s) && i < 4096; i++ {
		if s[i+1] == ':' && s[i+2] == '\\' && isLetter(s[i]) && (i == 0 || !isLetter(s[i-1])) {
			return true
		}
	}
	s = strings.TrimLeft(s, " \n\t$&")
	first, rest, _ := strings.Cut(s, " ")
	verb, noun, ok := strings.Cut(first, "-")
	if ok && len(noun) > 2 && verb != "" && isUpper(verb[0]) && isUpper(noun[0]) {
		return true
	}
	return strings.HasPrefix(first, "env:") && strings.HasPrefix(rest, "=")
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }

// split is the tolerant reading of text that is no shell program: words by white space and quotes, commands by ; & |
// and newlines. With literal, backslashes stand for themselves.
func (p *plan) split(src string, s site, literal bool) {
	if len(src) > maxText {
		src = src[:maxText]
	}
	var argv []word
	lo, piped := int32(len(p.calls)), false
	flush := func(op byte) {
		in := s
		if piped {
			in.in = s.in.union(span{lo, int32(len(p.calls))})
		} else {
			lo = int32(len(p.calls))
		}
		if len(argv) > 0 && len(p.calls) < maxCalls {
			p.splitCall(argv, in)
		}
		argv, piped = nil, op == '|'
	}
	for i := 0; i < len(src) && len(p.calls) < maxCalls; {
		switch c := src[i]; c {
		case ' ', '\t', '\r':
			i++
		case '\n', ';', '|', '&', '(', ')':
			if i+1 < len(src) && src[i+1] == c && (c == '|' || c == '&') {
				i++
				c = ';'
			}
			i++
			flush(c)
		default:
			var w word
			w, i = splitWord(src, i, literal)
			if len(argv) < maxWords/8 {
				argv = append(argv, w)
			}
		}
	}
	flush(';')
	if len(p.calls) >= maxCalls {
		p.cut = true
	}
}

// splitCall turns split words into a call: redirections and leading assignments are taken out.
func (p *plan) splitCall(argv []word, s site) {
	c := call{from: s.in, marks: s.marks}
	var out []word
	for i := 0; i < len(argv); i++ {
		t := argv[i].text
		bare := strings.TrimLeft(t, "0123456789&")
		switch {
		case (bare == ">" || bare == ">>") && i+1 < len(argv):
			i++
			c.redirs = append(c.redirs, redirect{argv[i], true})
		case strings.HasPrefix(bare, ">") && len(t) > 1:
			c.redirs = append(c.redirs, redirect{word{text: strings.TrimLeft(bare, ">")}, true})
		case t == "<" && i+1 < len(argv):
			i++
			c.redirs = append(c.redirs, redirect{argv[i], false})
		case t == "{" || t == "}" || t == "then" || t == "do" || t == "else" || t == "if" || t == "while" || t == "!":
		default:
			out = append(out, argv[i])
		}
	}
	if out = assignments(out, &c); len(out) > 0 {
		p.command(out, c, s)
		return
	}
	p.add(c, nil)
}

func splitWord(src string, i int, literal bool) (word, int) {
	var b strings.Builder
	var quote byte
	dyn := false
	for ; i < len(src); i++ {
		c := src[i]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\n;|&()", c) >= 0:
			return word{text: b.String(), dyn: dyn}, i
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && !literal && quote != '\'' && i+1 < len(src):
			i++
			b.WriteByte(src[i])
		case c == '$' && quote != '\'' && i+1 < len(src) && (isLetter(src[i+1]) || src[i+1] == '{' || src[i+1] == '_'):
			j := i + 1
			for j < len(src) && (isLetter(src[j]) || src[j] == '_' || src[j] == '{' || src[j] == ':') {
				j++
			}
			name := strings.ToLower(src[i+1 : j])
			if j < len(src) && src[j] == '}' {
				j++
			}
			if dyn = true; name == "home" || name == "{home" || name == "env:userprofile" || name == "env:home" {
				b.WriteByte('~')
			} else {
				b.WriteString(open + name + shut)
			}
			i = j - 1
		default:
			b.WriteByte(c)
		}
	}
	return word{text: b.String(), dyn: dyn}, i
}

// markersToShell writes unknown expansions back as variables, for text that a shell reads again.
func markersToShell(s string) string {
	if !strings.Contains(s, shut) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		i := strings.IndexAny(s, open+openGuarded)
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		j := strings.Index(s[i:], shut)
		if j < 0 {
			s = s[i+1:]
			continue
		}
		name := strings.Trim(s[i+1:i+j], "()")
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r != '_' && (r > 'z' || !isLetter(byte(r)) && (r < '0' || r > '9')) }) {
			name = "unknown"
		}
		if s[i] == open[0] {
			b.WriteString("${" + name + "}")
		} else {
			b.WriteString("${" + name + ":?}")
		}
		s = s[i+j+1:]
	}
	b.WriteString(s)
	return b.String()
}

// decode is what a decoder prints for in, when it is one of those we know and in is what it expects.
func decode(c *call, in string) (string, bool) {
	in = strings.Join(strings.Fields(in), "")
	if len(in) > maxText {
		return "", false
	}
	var out []byte
	var err error
	switch c.program {
	case "base64":
		if !c.hasShort('d') && !c.hasShort('D') && !c.hasLong("--decode") {
			return "", false
		}
		out, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(in, "="))
	case "openssl":
		if !c.hasWord("-d") || !(c.hasWord("base64") || c.hasWord("-base64") || c.hasWord("-a")) {
			return "", false
		}
		out, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(in, "="))
	case "base32":
		if !c.hasShort('d') && !c.hasLong("--decode") {
			return "", false
		}
		out, err = base32.StdEncoding.DecodeString(in)
	case "xxd":
		if !c.hasShort('r') {
			return "", false
		}
		out, err = hex.DecodeString(in)
	}
	return string(out), err == nil && len(out) > 0
}

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}
