package convert

import (
	"fmt"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema/value"
)

// Two more forms of the lines of auditd.go. Made from audit 2.8 to 4.0 and systemd 247 to 257.
//
// ausearch -i puts values into words: names for users and syscalls, texts without quotes, a wall clock's time in the order of
// the locale (month or year first), which is taken as UTC for want of a zone. It prints the lines of an event backwards.
//
//	type=EXECVE msg=audit(11/25/2026 10:11:12.345:4711) : argc=3 a0=ls a1=-la a2=my files
//
// The journal keeps each line as an entry, without the audit(…) before it:
//
//	{"_TRANSPORT":"audit","_AUDIT_TYPE":"1309","_AUDIT_ID":"4711","_SOURCE_REALTIME_TIMESTAMP":µs,"MESSAGE":"EXECVE argc=3 a0=\"ls\" …"}

// readAudit reads a line of text or an entry of the journal.
func readAudit(v value.Value) (auditLine, bool) {
	if s, ok := v.Str(); ok {
		return parseAudit(s)
	}
	serial := str(journalAudit(v, "ID"))
	if v.Kind() != value.Object || serial == "" {
		return auditLine{}, false
	}
	text, ok := v.Get("MESSAGE").Str()
	at := parseTime(first(v, "_SOURCE_REALTIME_TIMESTAMP", "SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP", "REALTIME_TIMESTAMP"))
	if !ok || at.IsZero() {
		return auditLine{}, false
	}
	l := auditLine{node: str(first(v, "_HOSTNAME", "HOSTNAME")), time: at, typ: str(journalAudit(v, "TYPE_NAME"))}
	if l.typ == "" {
		l.typ = auditTypes[journalAudit(v, "TYPE").String()]
	}
	word, rest, _ := strings.Cut(text, " ")
	if l.typ == "" || l.typ == word {
		l.typ, text = word, rest
	}
	l.id = fmt.Sprintf("%d.%03d:%s", at.Unix(), at.Nanosecond()/1e6, serial)
	l.text = text
	return l, l.typ != ""
}

// journalAudit is a field of the journal's about audit; Fluent Bit can strip the underscore.
func journalAudit(v value.Value, name string) value.Value {
	return first(v, "_AUDIT_"+name, "AUDIT_"+name)
}

// auditWallTime reads the time that ausearch -i prints.
func auditWallTime(s string) time.Time {
	for _, layout := range []string{"01/02/2006 15:04:05.000", "01/02/06 15:04:05.000", "2006-01-02 15:04:05.000", "02/01/06 15:04:05.000", "02/01/2006 15:04:05.000", "02.01.2006 15:04:05.000"} {
		if t, err := time.Parse(layout, s); err == nil && sane(t) {
			return t
		}
	}
	return time.Time{}
}

// split splits what a line says into its fields.
func (l *auditLine) split(s string) []auditField {
	if !l.words {
		return auditFields(s)
	}
	var out []auditField
	for s = strings.TrimSpace(s); s != ""; {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		f := auditField{name: name, quoted: true} // as it stands: there is no hexadecimal
		if strings.HasPrefix(rest, "'") {
			f.value, s, _ = strings.Cut(rest[1:], "'")
			s = strings.TrimSpace(s)
		} else {
			end := l.nextField(name, rest)
			f.value, s = strings.TrimSpace(rest[:end]), strings.TrimSpace(rest[end:])
		}
		out = append(out, f)
	}
	return out
}

// nextField is where the value ends that a field begins with: before the next one. What may be any text goes on to the end of
// the line, or to the argument behind it.
func (l *auditLine) nextField(name, rest string) int {
	switch {
	case name == "proctitle" || l.typ == "CWD" && name == "cwd":
		return len(rest)
	case name == "exit": // 0, or ENOENT(No such file or directory)
		if open, end := strings.IndexAny(rest, "( "), strings.IndexByte(rest, ')'); open >= 0 && rest[open] == '(' && end > open {
			return end + 1
		}
	case l.typ == "EXECVE" && name != "argc":
		n, ok := leadingInt(strings.TrimPrefix(name, "a"))
		if i := strings.Index(rest, fmt.Sprintf(" a%d=", n+1)); ok && i >= 0 {
			return i
		}
		return len(rest)
	}
	for i := 0; i < len(rest); i++ {
		if rest[i] == ' ' && fieldName(rest[i+1:]) {
			return i
		}
	}
	return len(rest)
}

// fieldName says whether a text begins with a name and "=".
func fieldName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '=':
			return i > 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '[', c == ']':
		default:
			return false
		}
	}
	return false
}
