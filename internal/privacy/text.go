package privacy

import (
	"net/netip"
	"strings"
)

// text replaces the names in a text: home folders, names before an @, and what the record's fields name.
func (p *pass) text(s string) string {
	for _, w := range p.words {
		s = replaceWord(s, w.original, w.pseudonym)
	}
	s = p.homes(s)
	if strings.IndexByte(s, '@') >= 0 {
		s = p.addresses(s)
	}
	return s
}

// replaceWord replaces a word wherever neither letter nor digit stands beside it.
func replaceWord(s, word, by string) string {
	if !strings.Contains(s, word) {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, word)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		end := i + len(word)
		b.WriteString(s[:i])
		if i > 0 && isAlnum(s[i-1]) || end < len(s) && isAlnum(s[end]) {
			b.WriteString(word)
		} else {
			b.WriteString(by)
		}
		s = s[end:]
	}
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// homeMarks stand before the name of a home folder. The last are those of Claude Code's project folders, which have a dash
// for every slash; a name with a dash cannot be told apart there.
var homeMarks = []struct {
	mark, stop string
}{
	{"/home/", pathEnd}, {"/Users/", pathEnd}, {`\Users\`, pathEnd}, {"-home-", pathEnd + "-"}, {"-Users-", pathEnd + "-"},
}

const pathEnd = "/\\ \t\r\n\"'`;,|<>()[]{}$*?&=#"

// homes replaces the names of home folders.
func (p *pass) homes(s string) string {
	for _, h := range homeMarks {
		if strings.Contains(s, h.mark) {
			s = p.home(s, h.mark, h.stop)
		}
	}
	return s
}

func (p *pass) home(s, mark, stop string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, mark)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		from := i + len(mark)
		for mark == `\Users\` && from < len(s) && s[from] == '\\' {
			from++ // doubled, as JSON does
		}
		end := len(s)
		if n := strings.IndexAny(s[from:], stop); n >= 0 {
			end = from + n
		}
		b.WriteString(s[:from])
		name := s[from:end]
		trimmed := strings.TrimRight(name, ".:") // the end of a sentence, or of a path in a list
		if trimmed == name && strings.Contains(name, ":") && !Is(name) {
			trimmed, _, _ = strings.Cut(name, ":") // PATH=/home/alice:/usr/bin
		}
		b.WriteString(p.replace(User, trimmed))
		b.WriteString(name[len(trimmed):])
		s = s[end:]
	}
}

// addresses replaces the name before an @ where that is an e-mail address or an account on a host.
func (p *pass) addresses(s string) string {
	var b strings.Builder
	remote := mayBeRemote(s)
	done := 0
	for at := 0; at < len(s); at++ {
		if s[at] != '@' {
			continue
		}
		from, end := at, at+1
		for from > done && isLocal(s[from-1]) {
			from--
		}
		for end < len(s) && isDomain(s[end]) {
			end++
		}
		domain := strings.TrimRight(s[at+1:end], ".-")
		for from < at && (s[from] == '.' || s[from] == '-') {
			from++
		}
		local := s[from:at]
		if endsInName(s[:at]) {
			continue // done before
		}
		if local == "" || domain == "" || strings.HasSuffix(s[:at], "[REDACTED") || !(hasTopLevel(domain) || remote || follows(s, from, at+1+len(domain))) {
			continue
		}
		b.WriteString(s[done:from])
		b.WriteString(p.replace(User, local))
		b.WriteByte('@')
		if p.names.hosts {
			domain = p.host(domain)
		}
		b.WriteString(domain)
		done = at + 1 + len(strings.TrimRight(s[at+1:end], ".-"))
	}
	b.WriteString(s[done:])
	return b.String()
}

// endsInName says whether a text ends in a user's pseudonym.
func endsInName(s string) bool {
	i := strings.LastIndex(s[max(0, len(s)-longestName):], User+":k")
	return i >= 0 && Is(s[max(0, len(s)-longestName)+i:])
}

// longestName is the length of user:k999:….
const longestName = 26

func (p *pass) host(name string) string {
	if a, err := netip.ParseAddr(name); err == nil {
		return p.replace(IP, a.String())
	}
	return p.replace(Host, name)
}

// isAddress says whether a text is an e-mail address and nothing else.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && hasTopLevel(domain) && !strings.ContainsAny(s, " \t/")
}

func isLocal(c byte) bool  { return isAlnum(c) || strings.IndexByte("._%+-", c) >= 0 }
func isDomain(c byte) bool { return isAlnum(c) || c == '.' || c == '-' }

// hasTopLevel says whether a name ends as names in the Internet do: a package's version (react@18.2.0) does not.
func hasTopLevel(domain string) bool {
	i := strings.LastIndexByte(domain, '.')
	if i < 1 || len(domain)-i-1 < 2 {
		return false
	}
	for _, c := range []byte(domain[i+1:]) {
		if c < 'A' || c > 'Z' && c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// remotePrograms take NAME@HOST as an argument.
var remotePrograms = []string{"ssh", "scp", "sftp", "rsync", "mosh", "sshfs", "ssh-copy-id", "autossh", "sshpass"}

// mayBeRemote says whether a text has a word that is such a program.
func mayBeRemote(s string) bool {
	for _, w := range remotePrograms {
		for rest := s; ; {
			i := strings.Index(rest, w)
			if i < 0 {
				break
			}
			end := i + len(w)
			if (i == 0 || !isLocal(rest[i-1])) && (end == len(rest) || !isLocal(rest[end])) {
				return true
			}
			rest = rest[end:]
		}
	}
	return false
}

// follows says whether what stands around NAME@HOST tells that it is one: a URL's //, a prompt's or a copy's colon with a
// path behind it.
func follows(s string, from, end int) bool {
	return strings.HasSuffix(s[:from], "//") || strings.HasPrefix(s[end:], ":/") || strings.HasPrefix(s[end:], ":~")
}
