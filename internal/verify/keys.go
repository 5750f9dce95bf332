package verify

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// readKeys makes the keys ready, and checks the public keys beside the archive against them.
func (v *verifier) readKeys() error {
	files, err := archive.ReadKeys(v.fsys)
	if err != nil {
		return err
	}
	v.trusted = make(map[string]bool)
	var list []note.Verifier
	for _, k := range v.options.Keys {
		canonical, verifier, err := parseKey(strings.TrimSpace(k))
		if err != nil {
			return fmt.Errorf("verify: key %w", err)
		}
		if !v.trusted[canonical] {
			list = append(list, verifier)
		}
		v.trusted[canonical] = true
	}
	v.report.KeysFromArchive = len(v.options.Keys) == 0
	for _, f := range files {
		text, complete := strings.CutSuffix(f.Text, "\n")
		canonical, verifier, err := parseKey(text)
		switch {
		case err != nil || !complete || canonical != text || archive.KeyName(verifier.KeyHash()) != f.Name:
			v.add(Finding{Kind: BadKeyFile, Object: f.Name, Text: "the file is not the public key that it is named after: it was changed"})
		case v.trusted[canonical]:
		case v.report.KeysFromArchive:
			list = append(list, verifier)
			v.trusted[canonical] = true
		default:
			v.add(Finding{Kind: BadKeyFile, Object: f.Name, Text: "the public key is none of those given: if you know it to be genuine, give it too"})
		}
	}
	v.keys = note.VerifierList(list...)
	return nil
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
