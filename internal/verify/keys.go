package verify

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// keyring holds keys by their canonical vkey.
type keyring map[string]note.Verifier

// Verifier finds a key for a signature line.
func (k keyring) Verifier(name string, hash uint32) (note.Verifier, error) {
	for _, v := range k {
		if v.Name() == name && v.KeyHash() == hash {
			return v, nil
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// keyFile is a public key beside the archive that is none of those given.
type keyFile struct {
	name, vkey string
}

// readKeys makes the keys ready, and checks the public keys beside the archive against them.
func (v *verifier) readKeys() error {
	files, err := archive.ReadKeys(v.ctx, v.reader)
	if err != nil {
		return err
	}
	v.keys, v.adopted = make(keyring), make(keyring)
	for _, k := range v.options.Keys {
		canonical, verifier, err := parseKey(strings.TrimSpace(k))
		if err != nil {
			return fmt.Errorf("verify: key %w", err)
		}
		v.keys[canonical] = verifier
	}
	v.report.KeysFromArchive = len(v.options.Keys) == 0
	for _, f := range files {
		text, complete := strings.CutSuffix(f.Text, "\n")
		canonical, verifier, err := parseKey(text)
		switch {
		case err != nil || !complete || canonical != text || archive.KeyName(verifier.KeyHash()) != f.Name:
			v.add(Finding{Kind: BadKeyFile, Object: f.Name, Text: "the file is not the public key that it is named after: it was changed"})
		case v.report.KeysFromArchive:
			v.keys[canonical] = verifier
		default:
			v.files = append(v.files, keyFile{f.Name, canonical})
		}
	}
	for _, w := range v.options.Witnesses {
		witness, err := archive.NewWitness(strings.TrimSpace(w))
		if err != nil {
			return fmt.Errorf("verify: witness: %w", err)
		}
		v.witnesses = append(v.witnesses, witness)
	}
	return nil
}

// checkKeyFiles names the public keys beside the archive that neither were given nor followed on those.
func (v *verifier) checkKeyFiles() {
	for _, f := range v.files {
		if v.keys[f.vkey] == nil && v.adopted[f.vkey] == nil {
			v.add(Finding{Kind: BadKeyFile, Object: f.name, Text: "the public key is none of those given: if you know it to be genuine, give it too"})
		}
	}
}

// parseKey reads a vkey, and writes it as it should be written.
func parseKey(vkey string) (canonical string, _ note.Verifier, _ error) {
	k, err := note.NewVerifier(vkey)
	if err != nil {
		return "", nil, fmt.Errorf("%.100q is no public key (NAME+HASH+BASE64)", vkey)
	}
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return "", nil, fmt.Errorf("%.100q is no public key (NAME+HASH+BASE64)", vkey)
	}
	return fmt.Sprintf("%s+%08x+%s", k.Name(), k.KeyHash(), base64.StdEncoding.EncodeToString(raw)), k, nil
}

// streamKeys are the keys that may sign at a place of a stream's chain: at first all that are trusted, and after a key
// change the new key instead of the one that vouches for it.
type streamKeys struct {
	good    keyring
	retired keyring
}

func newStreamKeys(trusted keyring) streamKeys {
	k := streamKeys{good: make(keyring), retired: make(keyring)}
	for vkey, v := range trusted {
		k.good[vkey] = v
	}
	return k
}

// change follows a link's key change.
func (s *stream) change(l archive.Link) {
	e := l.Common()
	if e.KeyChange == "" {
		return
	}
	next, err := archive.NewKey(l, s.keys.good)
	if err != nil {
		s.add(BadKeyChange, l.Name(), nil, "%v", err)
		return
	}
	body, _, _ := strings.Cut(e.KeyChange, "\n\n")
	canonical, _, err := parseKey(body[strings.LastIndexByte(body, '\n')+1:])
	if err != nil {
		s.add(BadKeyChange, l.Name(), nil, "key change: %v", err)
		return
	}
	for vkey, old := range s.keys.good {
		if _, err := note.Open([]byte(e.KeyChange), keyring{vkey: old}); err == nil {
			delete(s.keys.good, vkey)
			s.keys.retired[vkey] = old
		}
	}
	s.keys.good[canonical] = next
	s.mu.Lock()
	s.adopted[canonical] = next
	s.mu.Unlock()
}
