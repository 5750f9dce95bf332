package keystore

import (
	"bufio"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keys are the organisation's: every machine of it has the same.
//
//	pseudonym k1 HEX     makes pseudonyms; it stays, for they must stay the same
//	wrap w2 HEX          wraps data keys now
//	wrap w1 HEX          did so before: until everything is wrapped anew
type Keys struct {
	PseudonymID string
	Pseudonym   []byte
	wraps       []wrap // the first is the current one
}

type wrap struct {
	id     string
	secret []byte
}

const keyBytes = 32

var keyLine = regexp.MustCompile(`^(pseudonym k[1-9][0-9]{0,2}|wrap w[1-9][0-9]{0,5}) ([0-9a-f]{64})$`)

// ParseKeys reads the text of a key file. Errors do not show it.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{}
	scan := bufio.NewScanner(strings.NewReader(text))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := keyLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("line %d is neither \"pseudonym kN\" nor \"wrap wN\" with 64 hexadecimal digits", n)
		}
		kind, id, _ := strings.Cut(m[1], " ")
		secret, err := hex.DecodeString(m[2])
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: no hexadecimal digits", n)
		case kind == "wrap":
			k.wraps = append(k.wraps, wrap{id, secret})
		case k.Pseudonym != nil:
			return nil, fmt.Errorf("line %d: a second pseudonym key", n)
		default:
			k.PseudonymID, k.Pseudonym = id, secret
		}
	}
	if k.Pseudonym == nil || len(k.wraps) == 0 {
		return nil, errors.New("a pseudonym key or a wrap key is missing")
	}
	return k, nil
}

// String is the text of the key file.
func (k *Keys) String() string {
	text := "# agent-audit privacy keys: whoever has them can tell whom a pseudonym stands for\n" +
		"pseudonym " + k.PseudonymID + " " + hex.EncodeToString(k.Pseudonym) + "\n"
	for _, w := range k.wraps {
		text += "wrap " + w.id + " " + hex.EncodeToString(w.secret) + "\n"
	}
	return text
}

// LoadKeys reads the key file, or the environment variable if one is named. Without a file it makes one (0600).
func LoadKeys(path, variable string) (*Keys, error) {
	if variable != "" {
		k, err := ParseKeys(strings.ReplaceAll(os.Getenv(variable), ";", "\n"))
		if err != nil {
			return nil, fmt.Errorf("privacy.key_env %s: %w", variable, err)
		}
		return k, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKeys(path); err != nil {
			return nil, fmt.Errorf("privacy.key_file: %w", err)
		}
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("privacy.key_file: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("privacy.key_file %s can be read by others: chmod 600 it", path)
	}
	k, err := ParseKeys(string(b))
	if err != nil {
		return nil, fmt.Errorf("privacy.key_file %s: %w", path, err)
	}
	return k, nil
}

// makeKeys makes a key file. Another process that does so at the same time wins or loses as a whole.
func makeKeys(path string) error {
	k := &Keys{PseudonymID: "k1", Pseudonym: random(), wraps: []wrap{{"w1", random()}}}
	tmp, err := write(path, []byte(k.String()))
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func random() []byte {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b)
	return b
}

// aead is a wrapping key as Tink knows it; "" names the current one.
func (k *Keys) aead(id string) (tink.AEAD, error) {
	for i, w := range k.wraps {
		if w.id == id || id == "" && i == 0 {
			key, err := hkdf.Key(sha256.New, w.secret, nil, "agent-audit wrap", keyBytes)
			if err != nil {
				return nil, err
			}
			return subtle.NewAESGCM(key)
		}
	}
	return nil, fmt.Errorf("key store: the organisation's key %q is not in the key file", id)
}

// Current is the id of the key that wraps now.
func (k *Keys) Current() string { return k.wraps[0].id }
