package config

import (
	"errors"
	"path/filepath"
	"strings"
)

// Privacy puts keyed pseudonyms in the place of what names a person; see docs/privacy.md. `privacy: on` is all of the
// defaults. Flat: privacy (on or off), privacy_key_file, privacy_key_store.
type Privacy struct {
	// KeyFile holds the organisation's keys; machines that share it give the same person the same pseudonym. Default:
	// privacy.key in the state folder, made on first start. KeyEnv names an environment variable that holds them instead,
	// lines parted by semicolons.
	KeyFile string `yaml:"key_file"`
	KeyEnv  string `yaml:"key_env"`
	// Hosts makes pseudonyms of hosts' names and addresses too.
	Hosts bool `yaml:"hosts"`
	// Keep are accounts that are no persons' and stay as they are, beside the usual ones (root, git, ci …).
	Keep []string `yaml:"keep"`
	// Originals keeps what pseudonyms stand for, encrypted under a key for each, so that it can be revealed, and erased.
	Originals bool `yaml:"originals"`
	// KeyStore is where those keys are: a folder, or s3://BUCKET/PREFIX without lock and versions. Default: names in the
	// state folder.
	KeyStore string `yaml:"key_store"`

	off bool
}

// UnmarshalYAML reads on, off or a section.
func (p *Privacy) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		return p.parse(word)
	}
	type section Privacy
	return unmarshal((*section)(p))
}

func (p *Privacy) parse(word string) error {
	on, err := parseBool(word)
	p.off = !on
	return err
}

func (c *Config) privacy() *Privacy {
	if c.Privacy == nil {
		c.Privacy = &Privacy{}
	}
	return c.Privacy
}

// complete gives the section its defaults, or takes it away if it is off.
func (c *Config) completePrivacy() error {
	p := c.Privacy
	switch {
	case p == nil:
		return nil
	case p.off:
		c.Privacy = nil
		return nil
	case p.KeyFile != "" && p.KeyEnv != "":
		return errors.New("privacy: give key_file or key_env, not both")
	case p.KeyStore != "" && !p.Originals:
		return errors.New("privacy.key_store is set and originals is not: pseudonyms alone need no key store")
	}
	if c.StateDir == "" {
		return nil
	}
	if p.KeyEnv == "" {
		p.KeyFile = orDefault(p.KeyFile, filepath.Join(c.StateDir, "privacy.key"))
	}
	if p.Originals {
		p.KeyStore = orDefault(p.KeyStore, filepath.Join(c.StateDir, "names"))
	}
	return nil
}

// InBucket says whether the key store is an S3 bucket.
func (p *Privacy) InBucket() bool { return strings.HasPrefix(p.KeyStore, "s3:") }
