package risk

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// word resolves one word of the syntax tree. Substitutions inside it are flattened into calls on the way.
func (p *plan) word(w *syntax.Word, s site) word {
	if w == nil {
		return word{}
	}
	if len(w.Parts) == 1 {
		return p.part(w.Parts[0], s, false)
	}
	return p.parts(w.Parts, s, false)
}

func (p *plan) parts(parts []syntax.WordPart, s site, quoted bool) word {
	var b strings.Builder
	var out word
	for _, part := range parts {
		v := p.part(part, s, quoted)
		if b.Len()+len(v.text) > maxText {
			p.cut = true
			break
		}
		b.WriteString(v.text)
		out.dyn = out.dyn || v.dyn
	}
	out.text = b.String()
	return out
}

func (p *plan) part(part syntax.WordPart, s site, quoted bool) word {
	switch part := part.(type) {
	case *syntax.Lit:
		if quoted {
			return word{text: unescapeQuoted(part.Value)}
		}
		return word{text: unescape(part.Value)}
	case *syntax.SglQuoted:
		if part.Dollar {
			return word{text: unescapeANSI(part.Value)}
		}
		return word{text: part.Value}
	case *syntax.DblQuoted:
		if len(part.Parts) == 1 {
			return p.part(part.Parts[0], s, true)
		}
		return p.parts(part.Parts, s, true)
	case *syntax.ParamExp:
		return p.param(part, s)
	case *syntax.CmdSubst:
		return p.substitution(part, s)
	case *syntax.ProcSubst:
		s.nest++
		p.stmts(part.Stmts, s)
		return word{text: openGuarded + "()" + shut, dyn: true}
	case *syntax.ExtGlob:
		return word{text: "*"}
	default:
		return word{text: openGuarded + "(())" + shut, dyn: true}
	}
}

// param resolves $NAME and ${NAME…}: assigned earlier in the text, well known, or unknown.
func (p *plan) param(e *syntax.ParamExp, s site) word {
	if e.Param == nil {
		return word{text: open + shut, dyn: true}
	}
	name := e.Param.Value
	if e.Length || e.Width {
		return word{text: openGuarded + name + shut, dyn: true}
	}
	guard := open
	if e.Exp != nil {
		switch e.Exp.Op {
		case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
			guard = openGuarded
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
			if _, known := p.lookup(name); !known && e.Exp.Word != nil {
				v := p.word(e.Exp.Word, s)
				v.dyn = true
				return v
			}
		}
	}
	if v, ok := p.lookup(name); ok && (guard == openGuarded || e.Exp == nil) {
		return v
	}
	switch name {
	case "HOME":
		return word{text: "~", dyn: true}
	case "PWD", "OLDPWD":
		return word{text: ".", dyn: true}
	case "TMPDIR", "TMP", "TEMP", "RUNNER_TEMP":
		return word{text: "/tmp/tmpdir", dyn: true}
	case "IFS":
		return word{text: " ", dyn: true}
	case "RANDOM", "UID", "EUID", "PPID", "$", "!", "?", "#", "SECONDS", "LINENO", "USER", "LOGNAME", "HOSTNAME":
		guard = openGuarded
	}
	return word{text: guard + name + shut, dyn: true}
}

func (p *plan) lookup(name string) (word, bool) {
	for i := range p.vars {
		if p.vars[i].name == name {
			v := p.vars[i].value
			if p.grown += len(v.text); p.grown > 2*maxText {
				p.cut = true
				return word{}, false
			}
			v.dyn = true
			return v, true
		}
	}
	return word{}, false
}

// substitution flattens $(…) and, where what it prints is plain from the text, resolves it.
func (p *plan) substitution(c *syntax.CmdSubst, s site) word {
	s.in = span{}
	lo := len(p.calls)
	p.stmts(c.Stmts, s)
	made := span{int32(lo), int32(len(p.calls))}
	if out, ok := p.output(made); ok {
		return word{text: strings.TrimRight(out, "\n"), dyn: true}
	}
	name := "()"
	if !made.empty() {
		name = p.calls[made.hi-1].program + name
	}
	return word{text: openGuarded + name + shut, dyn: true}
}

// output is what the calls of a pipeline print, where that follows from the text alone: echo and printf of plain
// words, heredocs through cat, base64 -d of those, pwd, mktemp, which.
func (p *plan) output(s span) (string, bool) {
	if s.empty() {
		return "", false
	}
	c := &p.calls[s.hi-1]
	switch c.program {
	case "echo", "printf":
		return echoed(c), true
	case "pwd":
		return ".", true
	case "mktemp":
		return "/tmp/mktemp", true
	case "git":
		if c.hasSubcommand([]string{"rev-parse"}) && c.hasLong("--show-toplevel") {
			return ".", true
		}
	case "which", "command":
		if n := len(c.words); n > 0 && !strings.HasPrefix(c.words[n-1].text, "-") {
			return c.words[n-1].text, true
		}
	case "cat", "tee":
		if len(c.words) == 0 || c.words[0].text == "-" {
			return p.input(c)
		}
	case "base64", "openssl", "xxd", "base32":
		if in, ok := p.input(c); ok {
			return decode(c, in)
		}
	case "rev":
		if in, ok := p.input(c); ok {
			return reverse(in), true
		}
	}
	return "", false
}

// input is the text on a call's standard input, where that follows from the text alone.
func (p *plan) input(c *call) (string, bool) {
	if c.stdin != "" {
		return c.stdin, true
	}
	if c.from.empty() {
		return "", false
	}
	return p.output(span{c.from.lo, c.from.hi})
}

func echoed(c *call) string {
	var b strings.Builder
	escapes := c.program == "printf"
	for i := range c.words {
		t := c.words[i].text
		if b.Len() == 0 && (t == "-n" || t == "-e" || t == "-ne" || t == "-en") {
			escapes = escapes || strings.Contains(t, "e")
			continue
		}
		if c.program == "printf" && i == 0 && strings.HasPrefix(t, "%") && len(c.words) > 1 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if b.Len()+len(t) > maxText {
			break
		}
		b.WriteString(t)
	}
	if escapes {
		return unescapeANSI(b.String())
	}
	return b.String()
}

// unescape removes the backslashes of an unquoted literal.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// unescapeQuoted removes those backslashes that count inside double quotes.
func unescapeQuoted(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case '\n':
				i++
				continue
			case '"', '\\', '$', '`':
				i++
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// unescapeANSI resolves the escapes of $'…', echo -e and printf: \n, \t, \xHH, \NNN, \uHHHH.
func unescapeANSI(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == 'n':
			b = append(b, '\n')
		case c == 't':
			b = append(b, '\t')
		case c == 'r':
			b = append(b, '\r')
		case c == 'x':
			n := digits(s[i+1:], 2, 16)
			b = appendCode(b, s[i+1:i+1+n], 16)
			i += n
		case c == 'u':
			n := digits(s[i+1:], 4, 16)
			b = appendCode(b, s[i+1:i+1+n], 16)
			i += n
		case c >= '0' && c <= '7':
			n := digits(s[i:], 3, 8)
			if c == '0' {
				n = digits(s[i:], 4, 8)
			}
			b = appendCode(b, s[i:i+n], 8)
			i += n - 1
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// digits counts the leading digits of s in a base, at most limit.
func digits(s string, limit int, base byte) int {
	n := 0
	for n < len(s) && n < limit {
		c := s[n] | 0x20
		if (s[n] >= '0' && s[n] <= '9' && s[n]-'0' < base) || (base == 16 && c >= 'a' && c <= 'f') {
			n++
			continue
		}
		break
	}
	return n
}

func appendCode(b []byte, s string, base int) []byte {
	v, err := strconv.ParseUint(s, base, 32)
	switch {
	case err != nil:
		return b
	case v < 0x80:
		return append(b, byte(v))
	}
	return append(b, string(rune(v))...)
}

// braces expands {a,b} in unquoted-looking words, as `rm -rf /{etc,usr}` needs; words without it stay as they are.
// Sequences ({1..9}) and nested braces are left alone.
func (p *plan) braces(argv []word) []word {
	at := -1
	for i := range argv {
		if t := argv[i].text; len(t) < 1024 && strings.IndexByte(t, '{') >= 0 && strings.IndexByte(t, ',') > 0 {
			at = i
			break
		}
	}
	if at < 0 {
		return argv
	}
	out := make([]word, 0, len(argv)+4)
	for _, w := range argv {
		lo, hi := strings.IndexByte(w.text, '{'), strings.IndexByte(w.text, '}')
		if lo < 0 || hi < lo || strings.ContainsAny(w.text, " \n\"':;") || len(out) > maxCalls {
			out = append(out, w)
			continue
		}
		for alt := range strings.SplitSeq(w.text[lo+1:hi], ",") {
			v := w
			v.text = w.text[:lo] + alt + w.text[hi+1:]
			out = append(out, v)
		}
	}
	return out
}
