package scrub

import "strings"

// maxItems bounds how many values of a list are taken.
const maxItems = 64

// plural reports whether a name stands for several secrets: passwords, tokens.
func (sc *scan) plural(a *assignment) bool {
	return len(a.name) > 1 && lower(a.name[len(a.name)-1]) == 's' && lower(a.name[len(a.name)-2]) != 's'
}

// list takes the items of a list under a secret's name: quoted ones in brackets, and those of YAML, one a line. v is the
// bracket or the line break. Words are no items, since lists under such names may as well list names of secrets.
func (sc *scan) list(a *assignment, v int) {
	s := sc.s
	if s[v] == '\n' {
		sc.lines(a, v)
		return
	}
	i := v + 1
	for range maxItems {
		i = skipSpace(s, i)
		level, q := quoteAt(s, i)
		if q == 0 || q == '`' {
			return
		}
		from := i + level + 1
		to := sc.quotedEnd(from, q, level)
		if to >= len(s) || s[to] == '\n' {
			return
		}
		sc.item(a, from, to)
		i = skipSpace(s, to+level+1)
		if sc.at(i) != ',' {
			return
		}
		i++
	}
}

func (sc *scan) lines(a *assignment, v int) {
	s := sc.s
	i := v
	for range maxItems {
		if i >= len(s) || s[i] != '\n' {
			return
		}
		i = skipIndent(s, i+1)
		if sc.at(i) != '-' || sc.at(i+1) != ' ' {
			return
		}
		i = skipIndent(s, i+1)
		level, q := quoteAt(s, i)
		from, to := i, i
		if q != 0 && q != '`' {
			from = i + level + 1
			to = sc.quotedEnd(from, q, level)
			i = min(len(s), to+level+1)
		} else {
			to = sc.bareEnd(i, min(len(s), i+maxJudged), false)
			i = to
		}
		if i < len(s) && s[i] == '\r' {
			i++
		}
		if i < len(s) && s[i] != '\n' {
			return
		}
		sc.item(a, from, to)
	}
}

// item takes one value of a list.
func (sc *scan) item(a *assignment, from, to int) {
	v := sc.s[from:to]
	if from == to || isReference(v) || sc.e.onlyLabels(v) || exempt(a.kind, a.name, v) {
		return
	}
	if passwordLiteral(v) || a.kind == kindPassword && strictSecret(a.kind, v) || a.kind != kindPassword && looksRandom(v, 12) {
		sc.replace(from, to, a.kind)
	}
}

// maxMembers is how far into an object its member "value" is looked for.
const maxMembers = 160

// memberValue returns where the member "value" or "default" of the object at v starts, -1 without one:
// "db_password": {"sensitive": true, "type": "string", "value": "x"}, variable "db_password" { default = "x" }.
func (sc *scan) memberValue(v int) int {
	s := sc.s
	object := s[v:min(len(s), v+maxMembers)]
	i := -1
	for _, name := range [...]string{`"value"`, `"Default"`, `"default"`, "default "} {
		if i = strings.Index(object, name); i >= 0 && strings.IndexByte(object[:i], '}') < 0 {
			i += v + len(name)
			break
		}
		i = -1
	}
	if i < 0 {
		return -1
	}
	if i = skipBlank(s, i); sc.at(i) != ':' && sc.at(i) != '=' {
		return -1
	}
	if i = skipBlank(s, i+1); i >= len(s) {
		return -1
	}
	return i
}
