package archive

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Witness verifies a witness's co-signatures on checkpoints (C2SP tlog-cosignature, "cosignature/v1"): the witness has
// seen the checkpoint at a time, after it had seen that it continues the one before.
type Witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// algCosignature is the signature type of cosignature/v1.
const algCosignature = 4

// NewWitness reads a witness's vkey.
func NewWitness(vkey string) (*Witness, error) {
	bad := fmt.Errorf("%.100q is no witness's key (NAME+HASH+BASE64, signature type 4)", vkey)
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 || !validName(parts[0]) {
		return nil, bad
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algCosignature {
		return nil, bad
	}
	w := &Witness{name: parts[0], hash: keyHash(parts[0], key), key: key[1:]}
	if parts[1] != fmt.Sprintf("%08x", w.hash) {
		return nil, bad
	}
	return w, nil
}

// Name of the witness.
func (w *Witness) Name() string { return w.name }

// ErrNotWitnessed says that a checkpoint has no co-signature of the witness.
var ErrNotWitnessed = errors.New("has not co-signed the checkpoint")

// Time is when the witness has seen the checkpoint. A co-signature in the witness's name that is wrong is an error.
func (w *Witness) Time(c *Checkpoint) (time.Time, error) {
	text, sigs, _ := strings.Cut(c.text, "\n\n")
	for line := range strings.Lines(sigs) {
		s, err := parseSignature(line)
		if err != nil {
			return time.Time{}, err
		}
		if s.Name != w.name || s.Hash != w.hash {
			continue
		}
		sig, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]))
		sig = sig[4:]
		if len(sig) != 8+ed25519.SignatureSize {
			return time.Time{}, fmt.Errorf("co-signature of %s is none", w.name)
		}
		at := binary.BigEndian.Uint64(sig)
		signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n", at, text)
		if at > 1<<40 || !ed25519.Verify(w.key, []byte(signed), sig[8:]) {
			return time.Time{}, fmt.Errorf("co-signature of %s is wrong", w.name)
		}
		return time.Unix(int64(at), 0).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%s %w", w.name, ErrNotWitnessed)
}

// openNote says whether one of the keys has signed a note.
func openNote(text string, keys note.Verifiers) error {
	_, err := note.Open([]byte(text), keys)
	return err
}
