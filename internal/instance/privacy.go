package instance

import (
	"os"
	"strings"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/privacy"
)

// Names makes the pseudonyms that a configuration asks for, with its key store if it keeps originals. Without a privacy
// section both are nil.
func Names(c *config.Config) (*privacy.Names, *keystore.Vault, error) {
	p := c.Privacy
	if p == nil {
		return nil, nil, nil
	}
	keys, err := keystore.LoadKeys(p.KeyFile, p.KeyEnv)
	if err != nil {
		return nil, nil, err
	}
	o := privacy.Options{Key: keys.Pseudonym, KeyID: keys.PseudonymID, Hosts: p.Hosts, Keep: p.Keep}
	var vault *keystore.Vault
	if p.Originals {
		files, err := keyFiles(c)
		if err != nil {
			return nil, nil, err
		}
		vault = keystore.NewVault(files, keys)
		o.Vault = vault
	}
	names, err := privacy.New(o)
	return names, vault, err
}

// keyFiles opens the key store. A bucket is reached by the companion program, since the AWS SDK stays out of the plugin.
func keyFiles(c *config.Config) (keystore.Files, error) {
	if !c.Privacy.InBucket() {
		return keystore.OpenFolder(c.Privacy.KeyStore)
	}
	binary, err := findBinary(c.Binary)
	if err != nil {
		return nil, err
	}
	return keystore.StartProcess([]string{binary, "keystore", c.Privacy.KeyStore}, Environment(awsEnv)), nil
}

// Environment are the variables that a program of ours gets: those named, and what every program needs.
func Environment(names []string) []string {
	var env []string
	for _, name := range append([]string{"PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}, names...) {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// privacyFile is in the state folder: what a query needs to know to look a name up.
const privacyFile = "privacy.json"

// Lookups are what the last instance made pseudonyms with, but for the key.
type Lookups struct {
	Organization string `json:"organization"`
	KeyFile      string `json:"key_file,omitempty"`
	KeyEnv       string `json:"key_env,omitempty"`
	Hosts        bool   `json:"hosts,omitempty"`
	KeyStore     string `json:"key_store,omitempty"`
}

// InBucket says whether the key store is an S3 bucket.
func (l *Lookups) InBucket() bool { return strings.HasPrefix(l.KeyStore, "s3:") }

func (i *Instance) rememberPrivacy() error {
	p := i.config.Privacy
	if p == nil {
		return nil
	}
	return i.note(privacyFile, Lookups{i.config.Organization, p.KeyFile, p.KeyEnv, p.Hosts, p.KeyStore})
}

// ReadLookups reads what the last instance of a state folder noted; nil if it made no pseudonyms.
func ReadLookups(state string) (*Lookups, error) {
	l := &Lookups{}
	found, err := readNote(state, privacyFile, l)
	if err != nil || !found {
		return nil, err
	}
	return l, nil
}

// Pseudonyms are those under which a name may stand in the records of a state folder's instance; none if it made none, or
// if its key is not at hand. organization is "" for the instance's own.
func Pseudonyms(state, organization, name string) ([]string, error) {
	l, err := ReadLookups(state)
	if l == nil || err != nil {
		return nil, err
	}
	if _, err := os.Stat(l.KeyFile); l.KeyEnv == "" && err != nil {
		return nil, nil
	}
	keys, err := keystore.LoadKeys(l.KeyFile, l.KeyEnv)
	if err != nil {
		return nil, err
	}
	names, err := privacy.New(privacy.Options{Key: keys.Pseudonym, KeyID: keys.PseudonymID, Hosts: l.Hosts})
	if err != nil {
		return nil, err
	}
	if organization == "" {
		organization = l.Organization
	}
	return names.Lookup(organization, name), nil
}
