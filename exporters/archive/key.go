package archive

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
)

// openKey loads the private key, or makes it on the first start, and writes its public key beside the archive.
func openKey(d disk, c settings) (note.Signer, error) {
	if err := sweepKeys(d, c); err != nil {
		return nil, err
	}
	known, err := ReadKeys(os.DirFS(c.Dir))
	if err != nil {
		return nil, err
	}
	skey, err := readKey(c.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if len(known) > 0 {
			return nil, exporters.Permanent(fmt.Errorf("archive: key file %s is missing, but the archive was signed with another key: "+
				"restore it; if it is lost, keep %s elsewhere for verification, remove it here, and a new key is made", c.KeyFile, known[0].Name))
		}
		skey, err = makeKey(d, c)
	}
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("archive: key file %s holds no note signing key", c.KeyFile))
	}
	vkey, err := publicKey(skey)
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("archive: key file %s: %w", c.KeyFile, err))
	}
	name := KeyName(signer.KeyHash())
	for _, k := range known {
		if k.Name != name {
			continue
		}
		if k.Text != vkey+"\n" {
			return nil, exporters.Permanent(fmt.Errorf("archive: %s is not the public key of %s: it was changed", filepath.Join(c.Dir, name), c.KeyFile))
		}
		return signer, nil
	}
	if err := put(d, filepath.Join(c.Dir, name), []byte(vkey+"\n"), 0o444); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return signer, nil
}

// sweepKeys removes what a crash while writing a key has left: it may be half a private key.
func sweepKeys(d disk, c settings) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if err := sweep(d, c.Dir, entries); err != nil {
		return err
	}
	left := filepath.Join(filepath.Dir(c.KeyFile), tempPrefix+filepath.Base(c.KeyFile))
	if _, err := os.Lstat(left); err != nil {
		return nil // there is none; anything else shows when the key is read
	}
	if err := d.Remove(left); err != nil {
		return fmt.Errorf("archive: key: %w", err)
	}
	return nil
}

// readKey reads the private key. One that others can read is refused: who has it can forge the archive.
func readKey(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("archive: key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("archive: key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > 4096 {
		return "", exporters.Permanent(fmt.Errorf("archive: key file %s is no key file", file))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", exporters.Permanent(fmt.Errorf("archive: key file %s can be read by others (mode %04o): chmod 600 it", file, mode))
	}
	b := make([]byte, info.Size())
	if _, err := f.Read(b); err != nil {
		return "", fmt.Errorf("archive: key: %w", err)
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

func makeKey(d disk, c settings) (string, error) {
	name := c.Origin
	if name == "" {
		name = defaultName
	}
	skey, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", fmt.Errorf("archive: key: %w", err)
	}
	if err := d.MkdirAll(filepath.Dir(c.KeyFile)); err != nil {
		return "", fmt.Errorf("archive: key: %w", err)
	}
	if err := put(d, c.KeyFile, []byte(skey+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("archive: key: %w", err)
	}
	return skey, nil
}

// publicKey is the note vkey of a note skey.
func publicKey(skey string) (string, error) {
	parts := strings.SplitN(skey, "+", 5) // PRIVATE+KEY+name+hash+base64, which may have plus signs
	if len(parts) != 5 {
		return "", errors.New("holds no note signing key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return "", errors.New("holds no note signing key")
	}
	return note.NewEd25519VerifierKey(parts[2], ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey))
}

// KeyName is the name of a public key's file.
func KeyName(hash uint32) string { return fmt.Sprintf("agent-audit-%08x.pub", hash) }

// IsKeyName says whether a file is named as a public key's.
func IsKeyName(name string) bool {
	ok, _ := path.Match("agent-audit-????????.pub", name)
	return ok
}

// KeyFile is a public key's file as it lies beside an archive.
type KeyFile struct {
	Name string
	Text string // the file; a note vkey and a line feed, unless it was changed
}

// ReadKeys reads the public keys that lie beside an archive. They tell who claims to have signed it; whether to believe
// them is for the reader to decide, who has the key from elsewhere.
func ReadKeys(fsys fs.FS) ([]KeyFile, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	var keys []KeyFile
	for _, e := range entries {
		if !IsKeyName(e.Name()) {
			continue
		}
		text, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		keys = append(keys, KeyFile{Name: e.Name(), Text: string(text)})
	}
	return keys, nil
}
