package archive

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/schema/merkle"
)

// Checkpoint is the text of a signed tree head (C2SP tlog-checkpoint), taken apart.
type Checkpoint struct {
	Origin   string // origin of the archive, "/", stream
	Size     uint64
	Root     merkle.Hash
	Manifest string // hexadecimal digest of the manifest it belongs to, "" if it binds none
	Signers  []Signer

	text string
}

// Signer is who signed, as the signature line claims.
type Signer struct {
	Name string
	Hash uint32
}

// extension is the extension line that binds the manifest.
const extension = "manifest sha256:"

// signCheckpoint signs a link's tree head and digest.
func signCheckpoint(l Link, signer note.Signer) (string, error) {
	digest, err := Digest(l)
	if err != nil {
		return "", err
	}
	head, e := l.After(), l.Common()
	root, err := head.root()
	if err != nil {
		return "", err
	}
	text := e.Origin + "/" + e.Stream + "\n" + strconv.FormatUint(head.Size, 10) + "\n" + root.String() + "\n" + extension + Hex(digest) + "\n"
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	return string(signed), err
}

// ParseCheckpoint takes a checkpoint apart, strictly: there is one way to write each. It does not verify signatures.
func ParseCheckpoint(text string) (*Checkpoint, error) {
	body, sigs, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(body, "\n")
	if !ok || len(lines) < 3 {
		return nil, errors.New("checkpoint is no signed note")
	}
	c := &Checkpoint{Origin: lines[0], text: text}
	var err error
	if c.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil || strconv.FormatUint(c.Size, 10) != lines[1] {
		return nil, errors.New("checkpoint has no tree size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return nil, errors.New("checkpoint has no root")
	}
	c.Root = merkle.Hash(root)
	for _, l := range lines[3:] {
		if digest, ok := strings.CutPrefix(l, extension); ok {
			if _, err := hash(digest); err != nil || c.Manifest != "" {
				return nil, errors.New("checkpoint has no manifest digest")
			}
			c.Manifest = digest
		}
	}
	for l := range strings.Lines(sigs) {
		s, err := parseSignature(l)
		if err != nil {
			return nil, err
		}
		c.Signers = append(c.Signers, s)
	}
	if c.Origin == "" || len(c.Signers) == 0 {
		return nil, errors.New("checkpoint has no origin or signature")
	}
	return c, nil
}

// parseSignature reads a signature line. Go's note package reads base64 with any padding bits; here only zeros pass, so
// that not a bit of an archive can change unseen.
func parseSignature(line string) (Signer, error) {
	bad := errors.New("checkpoint has a malformed signature")
	line, ok := strings.CutPrefix(line, "— ")
	line, end := strings.CutSuffix(line, "\n")
	name, b64, cut := strings.Cut(line, " ")
	sig, err := base64.StdEncoding.Strict().DecodeString(b64)
	if !ok || !end || !cut || err != nil || len(sig) < 5 || strings.ContainsAny(b64, "\r\n") {
		return Signer{}, bad
	}
	return Signer{Name: name, Hash: uint32(sig[0])<<24 | uint32(sig[1])<<16 | uint32(sig[2])<<8 | uint32(sig[3])}, nil
}

// Verify says whether one of the keys has signed the checkpoint. A signature by an unknown key counts for nothing; a
// wrong one by a known key is an error.
func (c *Checkpoint) Verify(keys note.Verifiers) error {
	err := openNote(c.text, keys)
	var unknown *note.UnverifiedNoteError
	if errors.As(err, &unknown) {
		return fmt.Errorf("checkpoint is signed by %s+%08x, which is no key we know", c.Signers[0].Name, c.Signers[0].Hash)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// ErrAltered says that a manifest is not the one that its checkpoint signs.
var ErrAltered = errors.New("manifest was changed after it was signed")

// Fits says whether the checkpoint is the one that the link was signed with; ErrAltered if only other words of the link
// differ.
func (c *Checkpoint) Fits(l Link) error {
	digest, err := Digest(l)
	if err != nil {
		return err
	}
	head, e := l.After(), l.Common()
	switch {
	case c.Origin != e.Origin+"/"+e.Stream:
		return errors.New("checkpoint is of another origin or stream")
	case c.Size != head.Size || Hex(c.Root) != head.Root:
		return errors.New("checkpoint has another tree head than its manifest")
	case c.Manifest != Hex(digest):
		return ErrAltered
	}
	return nil
}

// By says whether the checkpoint claims to be signed by a key.
func (c *Checkpoint) By(key interface {
	Name() string
	KeyHash() uint32
},
) bool {
	for _, s := range c.Signers {
		if s.Name == key.Name() && s.Hash == key.KeyHash() {
			return true
		}
	}
	return false
}
