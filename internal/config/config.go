// Package config is the configuration of the write line and its exporters: one struct that is its own manual, read from
// a strict YAML file, from flat Fluent Bit keys, or both (flat keys win).
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Config is the whole configuration. Each key of the YAML file is a field's yaml name; the same names, with sections
// joined by "_", are the flat keys of the Fluent Bit output where flat is noted.
type Config struct {
	// StateDir holds the journal, keys and status: 0700, one instance each. Flat: state_dir. Required.
	StateDir string `yaml:"state_dir"`
	// Format of the logs: auto recognises it by structure; see README for the names. Flat: format.
	Format string `yaml:"format"`
	// Organization on whose behalf the agents act. Flat: organization.
	Organization string `yaml:"organization"`
	// Fields are given to every record that does not have them: dotted schema path to text (user.name: ci).
	Fields map[string]string `yaml:"fields"`
	// Mapping reads generic JSON logs: dotted schema path to dotted path in the log.
	Mapping map[string]string `yaml:"mapping"`
	// Prompts keeps prompts and model text, which are left out otherwise. Flat: prompts.
	Prompts bool `yaml:"prompts"`
	// PairWindow is how long an action waits for its result before it is sealed as incomplete. Flat: pair_window.
	PairWindow Duration `yaml:"pair_window"`
	// LaneWindow is how long an action of which one log has told all waits for what another tells of it (a transcript and
	// OpenTelemetry); at most pair_window. Flat: lane_window.
	LaneWindow Duration `yaml:"lane_window"`
	// MaxOutput is how many bytes of stdout and of stderr a record keeps. Flat: max_output.
	MaxOutput Size `yaml:"max_output"`
	// MaxPending is how many actions may wait at once; MaxSessions how many sessions are remembered.
	MaxPending  int `yaml:"max_pending"`
	MaxSessions int `yaml:"max_sessions"`
	// Binary is the agent-audit program, which is also every built-in exporter. Default: beside the plugin, else on PATH.
	// Flat: binary.
	Binary string `yaml:"binary"`
	// Journal bounds what waits for delivery.
	Journal Journal `yaml:"journal"`
	// Scrub holds the key of the fingerprints.
	Scrub Scrub `yaml:"scrub"`
	// Risk judges what was done.
	Risk Risk `yaml:"risk"`
	// Privacy puts pseudonyms in the place of what names a person.
	Privacy *Privacy `yaml:"privacy"`
	// Retention is for how long records are kept, in all stores.
	Retention *Retention `yaml:"retention"`
	// Metrics show from outside how it goes.
	Metrics Metrics `yaml:"metrics"`
	// Authorization is what may be done by whom without asking.
	Authorization Authorization `yaml:"authorization"`
	// Exporters are the stores. At least one.
	Exporters Exporters `yaml:"exporters"`
}

// Journal section.
type Journal struct {
	// MaxBytes of records that wait for delivery; beyond it Fluent Bit is told to retry. Flat: journal_max_bytes.
	MaxBytes Size `yaml:"max_bytes"`
	// SeenFor is how long an action is recognised when its log is read again.
	SeenFor Duration `yaml:"seen_for"`
}

// Scrub section.
type Scrub struct {
	// KeyFile holds the key of the redactions' fingerprints; nodes that share it give the same secret the same
	// fingerprint. Default: scrub.key in the state folder, made on first start.
	KeyFile string `yaml:"key_file"`
	// KeyID is the key's version, shown in each redaction.
	KeyID string `yaml:"key_id"`
	// Rules are files of rules of your own, in the format of scrub/rules/README.md: they add to the built-in rules,
	// replace those of the same name, and disable.
	Rules []string `yaml:"rules"`
}

// Risk section.
type Risk struct {
	// Rules are files of rules of your own, see docs/risk.md: they add to the built-in rules, replace those of the same id,
	// and disable. Flat: risk_rules (several with commas).
	Rules []string `yaml:"rules"`
	// WarmUp and WarmUpActions are how long, and over how many actions, an agent is learnt before its actions are flagged
	// as unlike it. Default 72h and 300.
	WarmUp        Duration `yaml:"warm_up"`
	WarmUpActions int      `yaml:"warm_up_actions"`
	// Sigma is a folder of Sigma rules (process_creation, Linux), which are judged by as well. Flat: risk_sigma.
	Sigma string `yaml:"sigma"`
}

// Authorization section.
type Authorization struct {
	// Rules are files of rules that are in force, see docs/risk.md: Claude Code's settings (*.json), Codex's *.rules, ours
	// (*.yaml). Each record names those that match it; nothing is decided by them. Flat: authorization_rules (several with
	// commas).
	Rules []string `yaml:"rules"`
}

// Exporters section; an absent one is off.
type Exporters struct {
	SQLite  *SQLite  `yaml:"sqlite"`
	Archive *Archive `yaml:"archive"`
	// S3 is the archive in a bucket that locks it.
	S3 *S3 `yaml:"s3"`
	// Elasticsearch for queries on many machines' records.
	Elasticsearch *Elasticsearch `yaml:"elasticsearch"`
	// Plugins are exporters of others: any program that speaks exporters/contractpb.
	Plugins []Plugin `yaml:"plugins"`
}

// None says whether no exporter is set.
func (x *Exporters) None() bool { return !x.BuiltIn() && len(x.Plugins) == 0 }

// BuiltIn says whether an exporter is set that the companion program serves.
func (x *Exporters) BuiltIn() bool {
	return x.SQLite != nil || x.Archive != nil || x.S3 != nil || x.Elasticsearch != nil
}

// SQLite is the embedded store for queries.
type SQLite struct {
	// Path of the database; the month is added: audit.db becomes audit-2026-11.db. Flat: sqlite_path.
	Path string `yaml:"path" json:"path"`
	// Retention is for how long records are kept at least, and Longer which are kept longer; by the retention section.
	Retention Duration      `yaml:"-" json:"retention,omitempty"`
	Longer    []SQLiteRoute `yaml:"-" json:"longer,omitempty"`
}

// SQLiteRoute is which records are kept longer.
type SQLiteRoute struct {
	Organization string   `json:"organization,omitempty"`
	Agent        string   `json:"agent,omitempty"`
	MinRisk      int      `json:"min_risk,omitempty"`
	Retention    Duration `json:"retention"`
}

// Archive is a folder of signed, compressed objects.
type Archive struct {
	// Dir is the folder. Flat: archive_dir.
	Dir string `yaml:"dir" json:"dir"`
	// KeyFile is the Ed25519 key that signs checkpoints. Default: archive.key in the state folder, made on first start.
	KeyFile string `yaml:"key_file" json:"key_file"`
	Signing `yaml:",inline"`
	// MaxBytes and MaxWait cut the objects. Flat: archive_max_wait.
	MaxBytes Size     `yaml:"max_bytes" json:"max_bytes,omitempty"`
	MaxWait  Duration `yaml:"max_wait" json:"max_wait,omitempty"`
}

// Elasticsearch is a data stream of a cluster. Credentials are in files, or in the environment variables
// AGENT_AUDIT_ELASTICSEARCH_API_KEY and AGENT_AUDIT_ELASTICSEARCH_PASSWORD.
type Elasticsearch struct {
	// URLs of the nodes, or the CloudID. Flat: elasticsearch_url (several with commas), elasticsearch_cloud_id.
	URLs    []string `yaml:"urls" json:"urls,omitempty"`
	CloudID string   `yaml:"cloud_id" json:"cloud_id,omitempty"`
	// Namespace is the last part of the data stream's name; default "default". Flat: elasticsearch_namespace.
	Namespace string `yaml:"namespace" json:"namespace,omitempty"`
	// APIKeyFile holds an API key. Flat: elasticsearch_api_key_file.
	APIKeyFile string `yaml:"api_key_file" json:"api_key_file,omitempty"`
	// Username and PasswordFile instead. Flat: elasticsearch_username, elasticsearch_password_file.
	Username     string `yaml:"username" json:"username,omitempty"`
	PasswordFile string `yaml:"password_file" json:"password_file,omitempty"`
	// CAFile holds certificates to trust instead of the system's. Flat: elasticsearch_ca_file.
	CAFile string `yaml:"ca_file" json:"ca_file,omitempty"`
	// CertificateFile and KeyFile are the client's own.
	CertificateFile string `yaml:"certificate_file" json:"certificate_file,omitempty"`
	KeyFile         string `yaml:"key_file" json:"key_file,omitempty"`
	// MaxInFlight bounds how many requests are in flight; default 8.
	MaxInFlight int `yaml:"max_in_flight" json:"max_in_flight,omitempty"`
	// NoGzip sends requests uncompressed: for a server on the same machine.
	NoGzip bool `yaml:"no_gzip" json:"no_gzip,omitempty"`
}

// Plugin is an exporter of somebody else's.
type Plugin struct {
	Name     string         `yaml:"name"`
	Command  []string       `yaml:"command"`
	Env      []string       `yaml:"env"` // names of variables that are passed on
	Settings map[string]any `yaml:"settings"`
}

// Default values.
const (
	DefaultPairWindow  = 60 * time.Second
	DefaultLaneWindow  = 10 * time.Second
	DefaultMaxOutput   = 16 << 10
	DefaultMaxPending  = 100_000
	DefaultMaxSessions = 10_000
	DefaultJournalMax  = 1 << 30
	DefaultSeenFor     = 90 * 24 * time.Hour
)

// Load reads a YAML file and lays flat keys over it; get returns a flat key's value, "" if unset. Either may be absent.
func Load(file string, get func(key string) string) (*Config, error) {
	c := &Config{}
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
		if err := c.parse(b); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if get != nil {
		if err := c.flat(get); err != nil {
			return nil, err
		}
	}
	c.defaults()
	if err := errors.Join(c.completePrivacy(), c.retain()); err != nil {
		return c, err
	}
	return c, c.check()
}

func (c *Config) parse(b []byte) error {
	if err := checkKeys(b, Config{}); err != nil {
		return err
	}
	if err := yaml.Unmarshal(b, c); err != nil {
		return errors.New(yaml.FormatError(err, false, false)) // without the source: it may hold credentials
	}
	return nil
}

// flatKeys are the keys of the Fluent Bit output, and how each is set.
var flatKeys = []struct {
	name string
	set  func(c *Config, v string) error
}{
	{"state_dir", func(c *Config, v string) error { c.StateDir = v; return nil }},
	{"format", func(c *Config, v string) error { c.Format = v; return nil }},
	{"organization", func(c *Config, v string) error { c.Organization = v; return nil }},
	{"prompts", func(c *Config, v string) (err error) { c.Prompts, err = parseBool(v); return err }},
	{"pair_window", func(c *Config, v string) error { return c.PairWindow.parse(v) }},
	{"lane_window", func(c *Config, v string) error { return c.LaneWindow.parse(v) }},
	{"max_output", func(c *Config, v string) error { return c.MaxOutput.parse(v) }},
	{"privacy", func(c *Config, v string) error { return c.privacy().parse(v) }},
	{"privacy_key_file", func(c *Config, v string) error { c.privacy().KeyFile = v; return nil }},
	{"privacy_key_store", func(c *Config, v string) error { c.privacy().KeyStore, c.privacy().Originals = v, true; return nil }},
	{"retention", func(c *Config, v string) error { c.Retention = &Retention{}; return c.Retention.parse(v) }},
	{"binary", func(c *Config, v string) error { c.Binary = v; return nil }},
	{"journal_max_bytes", func(c *Config, v string) error { return c.Journal.MaxBytes.parse(v) }},
	{"metrics_listen", func(c *Config, v string) error { c.Metrics.Listen = v; return nil }},
	{"metrics_file", func(c *Config, v string) error { c.Metrics.File = v; return nil }},
	{"risk_rules", func(c *Config, v string) error { c.Risk.Rules = splitList(v); return nil }},
	{"risk_sigma", func(c *Config, v string) error { c.Risk.Sigma = v; return nil }},
	{"authorization_rules", func(c *Config, v string) error { c.Authorization.Rules = splitList(v); return nil }},
	{"sqlite_path", func(c *Config, v string) error { c.sqlite().Path = v; return nil }},
	{"archive_dir", func(c *Config, v string) error { c.archive().Dir = v; return nil }},
	{"archive_max_wait", func(c *Config, v string) error { return c.archive().MaxWait.parse(v) }},
	{"s3_bucket", func(c *Config, v string) error { c.s3().Bucket = v; return nil }},
	{"s3_prefix", func(c *Config, v string) error { c.s3().Prefix = v; return nil }},
	{"s3_region", func(c *Config, v string) error { c.s3().Region = v; return nil }},
	{"s3_endpoint", func(c *Config, v string) error { c.s3().Endpoint = v; return nil }},
	{"s3_path_style", func(c *Config, v string) (err error) { c.s3().PathStyle, err = parseBool(v); return err }},
	{"s3_mode", func(c *Config, v string) error { c.s3().Mode = strings.ToUpper(v); return nil }},
	{"s3_retention", func(c *Config, v string) error { return c.s3().Retention.parse(v) }},
	{"s3_max_wait", func(c *Config, v string) error { return c.s3().MaxWait.parse(v) }},
	{"elasticsearch_url", func(c *Config, v string) error { c.elasticsearch().URLs = splitList(v); return nil }},
	{"elasticsearch_cloud_id", func(c *Config, v string) error { c.elasticsearch().CloudID = v; return nil }},
	{"elasticsearch_namespace", func(c *Config, v string) error { c.elasticsearch().Namespace = v; return nil }},
	{"elasticsearch_api_key_file", func(c *Config, v string) error { c.elasticsearch().APIKeyFile = v; return nil }},
	{"elasticsearch_username", func(c *Config, v string) error { c.elasticsearch().Username = v; return nil }},
	{"elasticsearch_password_file", func(c *Config, v string) error { c.elasticsearch().PasswordFile = v; return nil }},
	{"elasticsearch_ca_file", func(c *Config, v string) error { c.elasticsearch().CAFile = v; return nil }},
}

// FlatKeys lists the flat keys, with "config" for the file.
func FlatKeys() []string {
	names := []string{"config"}
	for _, k := range flatKeys {
		names = append(names, k.name)
	}
	return names
}

// CheckFlat says whether a flat key can have a value; of unknown keys it says nothing.
func CheckFlat(key, value string) error {
	return new(Config).flat(func(k string) string {
		if k == key {
			return value
		}
		return ""
	})
}

func (c *Config) flat(get func(string) string) error {
	for _, k := range flatKeys {
		if v := strings.TrimSpace(get(k.name)); v != "" {
			if err := k.set(c, v); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	return nil
}

func (c *Config) sqlite() *SQLite {
	if c.Exporters.SQLite == nil {
		c.Exporters.SQLite = &SQLite{}
	}
	return c.Exporters.SQLite
}

func (c *Config) archive() *Archive {
	if c.Exporters.Archive == nil {
		c.Exporters.Archive = &Archive{}
	}
	return c.Exporters.Archive
}

func (c *Config) elasticsearch() *Elasticsearch {
	if c.Exporters.Elasticsearch == nil {
		c.Exporters.Elasticsearch = &Elasticsearch{}
	}
	return c.Exporters.Elasticsearch
}

// splitList takes a list with commas apart.
func splitList(v string) []string {
	var list []string
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func (c *Config) defaults() {
	if c.Format == "" {
		c.Format = "auto"
	}
	c.PairWindow = orDefault(c.PairWindow, Duration(DefaultPairWindow))
	c.LaneWindow = orDefault(c.LaneWindow, Duration(DefaultLaneWindow))
	c.MaxOutput = orDefault(c.MaxOutput, DefaultMaxOutput)
	c.MaxPending = orDefault(c.MaxPending, DefaultMaxPending)
	c.MaxSessions = orDefault(c.MaxSessions, DefaultMaxSessions)
	c.Journal.MaxBytes = orDefault(c.Journal.MaxBytes, DefaultJournalMax)
	c.Journal.SeenFor = orDefault(c.Journal.SeenFor, Duration(DefaultSeenFor))
	c.Scrub.KeyID = orDefault(c.Scrub.KeyID, "k1")
	if c.StateDir == "" {
		return
	}
	c.Scrub.KeyFile = orDefault(c.Scrub.KeyFile, filepath.Join(c.StateDir, "scrub.key"))
	if a := c.Exporters.Archive; a != nil {
		a.KeyFile = orDefault(a.KeyFile, filepath.Join(c.StateDir, "archive.key"))
	}
	if s := c.Exporters.S3; s != nil && s.KeyEnv == "" && s.KeyKMS == "" {
		s.KeyFile = orDefault(s.KeyFile, filepath.Join(c.StateDir, "archive.key"))
	}
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// check refuses what cannot work, naming the key.
func (c *Config) check() error {
	switch {
	case c.StateDir == "":
		return errors.New("state_dir is not set: it is the folder for journal and keys, for example /var/lib/agent-audit")
	case c.Exporters.None():
		return errors.New("no exporter is set: give sqlite_path, archive_dir, s3_bucket or elasticsearch_url, or an exporters section in the config file")
	case c.Exporters.SQLite != nil && c.Exporters.SQLite.Path == "":
		return errors.New("exporters.sqlite.path (sqlite_path) is not set")
	case c.Exporters.Archive != nil && c.Exporters.Archive.Dir == "":
		return errors.New("exporters.archive.dir (archive_dir) is not set")
	case c.Exporters.Elasticsearch != nil && len(c.Exporters.Elasticsearch.URLs) == 0 && c.Exporters.Elasticsearch.CloudID == "":
		return errors.New("exporters.elasticsearch: neither urls (elasticsearch_url) nor cloud_id is set")
	case c.Risk.WarmUp < 0, c.Risk.WarmUpActions < 0:
		return errors.New("risk.warm_up and risk.warm_up_actions must not be negative")
	case c.PairWindow < 0, c.LaneWindow < 0, c.MaxOutput < 0, c.MaxPending < 0, c.MaxSessions < 0, c.Journal.MaxBytes < 0, c.Journal.SeenFor < 0:
		return errors.New("pair_window, lane_window, max_output, max_pending, max_sessions, journal.max_bytes and journal.seen_for must not be negative")
	}
	if err := errors.Join(c.Exporters.S3.check(), c.Metrics.check()); err != nil {
		return err
	}
	names := map[string]bool{"sqlite": true, "archive": true, "s3": true, "elasticsearch": true}
	for i, p := range c.Exporters.Plugins {
		switch {
		case p.Name == "" || strings.ContainsAny(p.Name, "/\x00 \n"):
			return fmt.Errorf("exporters.plugins[%d]: name %q is empty or has a slash or space", i, p.Name)
		case names[p.Name]:
			return fmt.Errorf("exporters.plugins[%d]: name %q is taken", i, p.Name)
		case len(p.Command) == 0:
			return fmt.Errorf("exporters.plugins[%d] (%s): command is not set", i, p.Name)
		}
		names[p.Name] = true
	}
	return nil
}
