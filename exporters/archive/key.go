package archive

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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

// Key signs the archive.
type Key struct {
	note.Signer
	Public string // vkey: NAME+HASH+BASE64
}

// KeySettings say which key signs.
type KeySettings struct {
	// KeyFile holds the private key (Ed25519, note skey text). It is made on the first start (0600). It must not lie in the
	// archive, and nobody but its owner may read it.
	KeyFile string `json:"key_file"`
	// KeyEnv names an environment variable that holds the private key instead.
	KeyEnv string `json:"key_env"`
	// PreviousKeyFile holds the key that has signed until now: it vouches for the new one in each stream, and can be
	// destroyed when that is done.
	PreviousKeyFile string `json:"previous_key_file"`
}

// defaultName is the name of a key made without an origin.
const defaultName = "agent-audit"

// Open loads the private key, or makes it on the first start.
func (c *Settings) Open() (*Key, error) { return c.open(osDisk{}) }

// OpenPrevious loads the key that signed before; nil if none is given.
func (c *Settings) OpenPrevious() (*Key, error) {
	if c.PreviousKeyFile == "" {
		return nil, nil
	}
	skey, err := readKey(c.PreviousKeyFile)
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("previous_key_file: %w", err))
	}
	key, err := parseKey(skey)
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("archive: previous key file %s %w", c.PreviousKeyFile, err))
	}
	return key, nil
}

func (c *Settings) open(d disk) (*Key, error) {
	if c.KeyEnv != "" {
		key, err := parseKey(strings.TrimSpace(os.Getenv(c.KeyEnv)))
		if err != nil {
			return nil, exporters.Permanent(fmt.Errorf("archive: environment variable %s %w", c.KeyEnv, err))
		}
		return key, nil
	}
	if err := sweepKey(d, c.KeyFile); err != nil {
		return nil, err
	}
	skey, err := readKey(c.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		skey, err = c.makeKey(d)
	}
	if err != nil {
		return nil, err
	}
	key, err := parseKey(skey)
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("archive: key file %s %w", c.KeyFile, err))
	}
	return key, nil
}

// sweepKey removes what a crash while writing the key has left: it may be half a private key.
func sweepKey(d disk, file string) error {
	left := filepath.Join(filepath.Dir(file), tempPrefix+filepath.Base(file))
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

func (c *Settings) makeKey(d disk) (string, error) {
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

// parseKey reads a note skey. Errors say nothing of it.
func parseKey(skey string) (*Key, error) {
	none := errors.New("holds no note signing key")
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, none
	}
	parts := strings.SplitN(skey, "+", 5) // PRIVATE+KEY+name+hash+base64, which may have plus signs
	if len(parts) != 5 {
		return nil, none
	}
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, none
	}
	vkey, err := note.NewEd25519VerifierKey(parts[2], ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	return &Key{Signer: signer, Public: vkey}, err
}

// keyHash is the hash of a key of any signature type: the first byte of key (C2SP signed-note).
func keyHash(name string, key []byte) uint32 {
	h := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(h[:])
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
func ReadKeys(ctx context.Context, r Reader) ([]KeyFile, error) {
	list, err := r.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	var keys []KeyFile
	for _, l := range list {
		if l.Dir || !IsKeyName(l.Name) {
			continue
		}
		text, _, err := r.Read(ctx, l.Name, l.Version)
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		keys = append(keys, KeyFile{Name: l.Name, Text: string(text)})
	}
	return keys, nil
}
