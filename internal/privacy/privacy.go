// Package privacy puts pseudonyms in the place of what names a person, before anything is stored:
//
//	user.name, user.id, user.effective.name, the reviewer   user:k1:6g1m2v8k0q3t5c7d
//	user.email                                              email:k1:…
//	host.name, host.id (if chosen)                          host:k1:…
//	source.ip, host.ip (if chosen)                          fd61:6175:…, an IPv6 address of the private range
//	/home/NAME, /Users/NAME, C:\Users\NAME, -home-NAME-     the name, in any text
//	NAME@host, NAME@example.com                             the name, in any text
//	the record's own user, e-mail and address               as words, in any text
//
// A pseudonym is a keyed hash (HMAC-SHA-256, 80 bits) of the value under the organisation's key: the same value has the
// same one everywhere in an organisation and another one in others, and who lacks the key cannot try names out. Who has
// it can look a person up (Lookup), so that queries by user go on working.
//
// What a text says of other people in other words is not recognised. Accounts that are nobody's (root, git, ci …) stay.
package privacy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Kinds of pseudonyms.
const (
	User  = "user"
	Email = "email"
	Host  = "host"
	IP    = "ip"
)

// Vault keeps originals, encrypted under a key for each subject (a pseudonym). internal/keystore has it.
type Vault interface {
	// Keep returns the original as a record may carry it: encrypted, the same for all records of the subject. It is "" for
	// a subject that was erased.
	Keep(subject, original string) (sealed string, err error)
}

// Options of Names.
type Options struct {
	// Key of the organisation, 32 bytes, and its id, which every pseudonym shows: k1, k2 …
	Key   []byte
	KeyID string
	// Hosts makes pseudonyms of hosts too.
	Hosts bool
	// Keep are names that stay beside those of notPersons.
	Keep []string
	// Vault for the originals; nil: they are not kept.
	Vault Vault
}

// Names makes pseudonyms. It is not safe for concurrent use.
type Names struct {
	keyID string
	key   []byte
	hosts bool
	keep  map[string]bool
	vault Vault
	pads  map[string]*pads // by organisation
	seen  map[known]bool   // persons, to be found in texts that are no part of a record
	buf   []byte           // for one pseudonym after the other
	err   error
}

// maxOrganizations bounds how many organisations' keys are held ready.
const maxOrganizations = 1000

var isKeyID = regexp.MustCompile(`^k[1-9][0-9]{0,2}$`)

// New makes Names.
func New(o Options) (*Names, error) {
	if len(o.Key) != 32 || !isKeyID.MatchString(o.KeyID) {
		return nil, errors.New("privacy: the key has not 32 bytes, or its id is not k1, k2 …")
	}
	n := &Names{keyID: o.KeyID, key: o.Key, hosts: o.Hosts, keep: map[string]bool{}, vault: o.Vault, pads: map[string]*pads{}, seen: map[known]bool{}}
	for _, name := range append(strings.Fields(notPersons), o.Keep...) {
		n.keep[strings.ToLower(name)] = true
	}
	return n, nil
}

// notPersons are accounts of systems and images, and words that stand where a name could.
const notPersons = `root nobody daemon bin sys sync mail man www-data apache nginx postgres mysql mongodb redis git hg svn
	ubuntu debian fedora centos rocky alpine admin administrator ec2-user azureuser core vagrant pi runner node app user
	users test tests dev ci build builder deploy jenkins gitlab-runner docker vscode codespace codex claude agent agents
	system local-service network-service service guest default public shared linuxbrew me you your yourname username name
	noreply no-reply postmaster hostmaster webmaster localhost example none null unknown`

// Err is the first error of the vault since it was last asked for.
func (n *Names) Err() error {
	if n == nil {
		return nil
	}
	err := n.err
	n.err = nil
	return err
}

// Pseudonym of a value in an organisation. It is the value itself if that is a pseudonym already, "" or an account that
// is nobody's.
func (n *Names) Pseudonym(organization, kind, value string) string {
	if value == "" || Is(value) || kind != IP && n.keep[strings.ToLower(value)] {
		return value
	}
	if kind == Email {
		value = strings.ToLower(value)
	}
	pads := n.organization(organization)
	n.buf = append(append(append(append(n.buf[:0], pads.inner[:]...), kind...), 0), value...)
	sum := sha256.Sum256(n.buf)
	n.buf = append(append(n.buf[:0], pads.outer[:]...), sum[:]...)
	sum = sha256.Sum256(n.buf)
	if kind == IP {
		return n.address(sum[:])
	}
	var text [40]byte
	out := append(append(append(append(text[:0], kind...), ':'), n.keyID...), ':')
	return string(lowerHex.AppendEncode(out, sum[:10]))
}

var lowerHex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// pads are an organisation's key as HMAC (RFC 2104) puts it before what it hashes. With them an HMAC is two plain hashes,
// which takes a third of the time that crypto/hmac takes for values as short as names.
type pads struct{ inner, outer [sha256.BlockSize]byte }

func (n *Names) organization(name string) *pads {
	if p, ok := n.pads[name]; ok {
		return p
	}
	if len(n.pads) >= maxOrganizations {
		clear(n.pads)
	}
	derive := hmac.New(sha256.New, n.key)
	derive.Write([]byte("agent-audit pseudonym\x00" + name))
	p := &pads{}
	copy(p.inner[:], derive.Sum(nil))
	p.outer = p.inner
	for i := range p.inner {
		p.inner[i] ^= 0x36
		p.outer[i] ^= 0x5c
	}
	n.pads[name] = p
	return p
}

// addressMark begins the addresses that stand in for others: private (RFC 4193), with "aau" for its global id. The key's
// number is the next byte.
const addressMark = "\xfd\x61\x61\x75"

// address makes a hash an IPv6 address, because that is what stores take for an address.
func (n *Names) address(sum []byte) string {
	var a [16]byte
	copy(a[:], addressMark)
	var id int
	_, _ = fmt.Sscanf(n.keyID, "k%d", &id)
	a[4], a[5] = byte(id>>8), byte(id)
	copy(a[6:], sum[:10])
	return netip.AddrFrom16(a).String()
}

var isName = regexp.MustCompile(`^(?:user|email|host):k[1-9][0-9]{0,2}:[0-9a-v]{16}$`)

// Is says whether a text is a pseudonym.
func Is(text string) bool {
	switch {
	case strings.HasPrefix(text, "user:k"), strings.HasPrefix(text, "email:k"), strings.HasPrefix(text, "host:k"):
		return isName.MatchString(text)
	case strings.HasPrefix(text, "fd61:6175:"):
		a, err := netip.ParseAddr(text)
		return err == nil && a.Is6()
	}
	return false
}

// Lookup are the pseudonyms under which a person, host or address may stand in the records of an organisation.
func (n *Names) Lookup(organization, text string) []string {
	if Is(text) {
		return []string{text}
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return []string{n.Pseudonym(organization, IP, a.String())}
	}
	if strings.Contains(text, "@") {
		return []string{n.Pseudonym(organization, Email, text)}
	}
	all := []string{n.Pseudonym(organization, User, text)}
	if n.hosts {
		all = append(all, n.Pseudonym(organization, Host, text))
	}
	return all
}
