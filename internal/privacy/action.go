package privacy

import (
	"cmp"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

// known is something of the record that names a person, and what stands in for it.
type known struct{ original, pseudonym string }

// leastWord is the length from which a name is looked for as a word in texts: shorter ones are in everything.
const leastWord = 3

// Action puts pseudonyms into a scrubbed action, and, with a vault, the originals, encrypted. Doing it again changes nothing.
func (n *Names) Action(a *schema.Action) {
	if n == nil {
		return
	}
	p := &pass{names: n, organization: cmp.Or(a.Identity.OrganizationID, a.Identity.OrganizationName)}
	p.identity(a)
	p.sortWords()
	for _, f := range texts {
		f.Texts(a, func(_, text string, _ bool) string { return p.text(text) })
	}
	p.keep(a)
}

// Text puts pseudonyms into a text that is no part of an action: what the write line remembers of a log, an error. Whose
// names may be in it as words only those of the records before can tell.
func (n *Names) Text(organization, text string) string {
	if n == nil || text == "" {
		return text
	}
	p := &pass{names: n, organization: organization}
	for w := range n.seen {
		p.words = append(p.words, w)
	}
	p.sortWords()
	return p.text(text)
}

// maxSeen bounds the persons remembered.
const maxSeen = 256

// sortWords has the longest first: an e-mail address before the name in it.
func (p *pass) sortWords() {
	slices.SortFunc(p.words, func(x, y known) int {
		return cmp.Or(cmp.Compare(len(y.original), len(x.original)), cmp.Compare(x.original, y.original))
	})
}

// pass is the work on one action.
type pass struct {
	names        *Names
	organization string
	words        []known // what the fields name, to be found in texts
	made         []known // all that was replaced
}

// identity replaces the fields that name a person by themselves.
func (p *pass) identity(a *schema.Action) {
	id, in := &a.Identity, &a.Infrastructure
	for _, name := range []*string{&id.UserName, &id.UserID, &id.EffectiveUser, &a.Authorization.Reviewer} {
		p.person(name)
	}
	p.field(Email, &id.UserEmail)
	p.field(IP, &in.SourceIP)
	if !p.names.hosts {
		return
	}
	p.field(Host, &in.HostName)
	p.field(Host, &in.HostID)
	in.HostIP = slices.Clone(in.HostIP)
	for i := range in.HostIP {
		p.field(IP, &in.HostIP[i])
	}
}

// person replaces a name, which may be an e-mail address. Numbers name nobody by themselves.
func (p *pass) person(field *string) {
	switch {
	case strings.Trim(*field, "0123456789") == "":
	case isAddress(*field):
		p.field(Email, field)
	default:
		p.field(User, field)
	}
}

// field replaces a field's value, and remembers it for the texts.
func (p *pass) field(kind string, field *string) {
	original := *field
	if kind == IP {
		addr, err := netip.ParseAddr(original)
		if err != nil {
			return
		}
		original = addr.String()
	}
	*field = p.replace(kind, original)
	if *field != original && len(original) >= leastWord {
		w := known{strings.Clone(original), *field}
		p.words = append(p.words, w)
		if len(p.names.seen) >= maxSeen {
			clear(p.names.seen)
		}
		p.names.seen[w] = true
	}
}

// replace is the pseudonym of a value, noted for the vault.
func (p *pass) replace(kind, original string) string {
	pseudonym := p.names.Pseudonym(p.organization, kind, original)
	if pseudonym != original && p.names.vault != nil && !slices.ContainsFunc(p.made, func(k known) bool { return k.pseudonym == pseudonym }) {
		p.made = append(p.made, known{strings.Clone(original), pseudonym})
	}
	return pseudonym
}

// keep puts the originals into the record: "PSEUDONYM BASE64".
func (p *pass) keep(a *schema.Action) {
	if len(p.made) == 0 {
		return
	}
	list := slices.Clone(a.Trail.Originals)
	for _, m := range p.made {
		sealed, err := p.names.vault.Keep(m.pseudonym, m.original)
		if err != nil {
			p.names.err = cmp.Or(p.names.err, err)
			return
		}
		if sealed != "" {
			list = append(list, m.pseudonym+" "+base64.StdEncoding.EncodeToString([]byte(sealed)))
		}
	}
	slices.Sort(list)
	a.Trail.Originals = slices.Compact(list)
}

// Original takes an entry of a record's originals apart.
func Original(entry string) (subject, sealed string, ok bool) {
	subject, text, ok := strings.Cut(entry, " ")
	b, err := base64.StdEncoding.DecodeString(text)
	return subject, string(b), ok && err == nil
}

// texts are the fields in which people write, and paths. The others hold words of ours and of the agents' software, which
// may happen to be somebody's name.
var texts = func() []*schema.Field {
	var fields []*schema.Field
	for _, path := range []string{
		"message", "error.message", "event.original", "process.command_line", "process.args", "process.executable",
		"process.working_directory", "process.env_vars", "agent_audit.command.stdin", "gen_ai.tool.call.arguments",
		"agent_audit.execution.stdout", "agent_audit.execution.stderr", "agent_audit.authorization.rule",
		"agent_audit.authorization.rules", "agent_audit.authorization.reason", "agent_audit.authorization.raw",
		"agent_audit.authorization.sandbox", "agent_audit.risk.reasons", "agent_audit.session.preceding",
		"agent_audit.git.repository", "agent_audit.git.branch", "log.file.path", "agent_audit.provenance.tag",
		"agent_audit.provenance.conflicts", "agent_audit.fields", "agent_audit.long_values",
	} {
		f := schema.FieldByPath(path)
		if f == nil {
			panic("privacy: the schema has no " + path)
		}
		fields = append(fields, f)
	}
	return fields
}()
