// Package instance is one running agent-audit: a state folder, its write line, and the delivery to its exporters. The
// plugin has one a configured output; `agent-audit import` has one while it runs.
package instance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/delivery"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/pipeline"
	"github.com/agentaudit/agentaudit/internal/retention"
	"github.com/agentaudit/agentaudit/scrub"
)

// Instance is safe for concurrent use.
type Instance struct {
	config   *config.Config
	log      *slog.Logger
	journal  *journal.Journal
	pipeline *pipeline.Pipeline
	delivery *delivery.Delivery
	vault    *keystore.Vault // nil unless originals are kept

	flushes, refused atomic.Uint64
	refusing         atomic.Bool // the last chunk
	redactions       tally

	stop chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	lastFull time.Time
	written  string // last status
}

// Open starts an instance: state folder, journal, exporters. Errors are sentences for an operator.
func Open(c *config.Config, log *slog.Logger) (*Instance, error) {
	if err := stateDir(c.StateDir); err != nil {
		return nil, err
	}
	key, err := LoadKey(c.Scrub.KeyFile)
	if err != nil {
		return nil, err
	}
	rules, err := ScrubRules(c.Scrub.Rules)
	if err != nil {
		return nil, err
	}
	i := &Instance{config: c, log: log, stop: make(chan struct{})}
	engine, err := scrub.New(scrub.Options{Key: key, KeyID: c.Scrub.KeyID, Rules: rules, OnRedaction: i.redactions.add})
	if err != nil {
		return nil, fmt.Errorf("scrub: %w", err)
	}
	j, err := journal.Open(c.StateDir, newStream, journal.Options{
		MaxBytes: int64(c.Journal.MaxBytes), SeenFor: time.Duration(c.Journal.SeenFor),
	})
	if err != nil {
		return nil, err
	}
	i.journal = j
	name(&c.Exporters, j.Stream())
	targets, err := Targets(c, log)
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	names, vault, err := Names(c)
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	i.vault = vault
	if i.pipeline, err = pipeline.New(pipeline.Options{Config: c, Journal: j, Scrub: engine, Names: names}); err == nil {
		i.delivery, err = delivery.Start(j, targets, log)
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	if err := errors.Join(i.remember(), i.rememberPrivacy(), i.rememberStores()); err != nil {
		return nil, errors.Join(err, i.closeAll())
	}
	for _, problem := range i.pipeline.Problems() {
		log.Warn("a rule of risk.sigma is not used", "error", problem)
	}
	i.wg.Go(i.tick)
	return i, nil
}

// remember notes how objects are locked from now on.
func (i *Instance) remember() error {
	s := i.config.Exporters.S3
	if s == nil {
		return nil
	}
	return retention.Remember(i.config.StateDir, retention.Lock{Mode: s.LockMode(), Retention: time.Duration(s.Retention)})
}

// elasticsearchEnv are the variables that may hold its credentials. They are named here, since its package and client stay
// out of the plugin.
var elasticsearchEnv = []string{"AGENT_AUDIT_ELASTICSEARCH_API_KEY", "AGENT_AUDIT_ELASTICSEARCH_PASSWORD"}

// awsEnv are the variables of the AWS SDK's default chain, and of proxies.
var awsEnv = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
	"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CA_BUNDLE",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_STS", "AWS_USE_FIPS_ENDPOINT",
	"AWS_USE_DUALSTACK_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
}

// name tells the archives which stream they are of, so that their heartbeats need not wait for its first record.
func name(x *config.Exporters, stream string) {
	if x.Archive != nil {
		x.Archive.Stream = stream
	}
	if x.S3 != nil {
		x.S3.Stream = stream
	}
}

// Targets are the configured exporters, as processes.
func Targets(c *config.Config, log *slog.Logger) ([]delivery.Target, error) {
	var targets []delivery.Target
	add := func(name string, command, env []string, settings any) error {
		b, err := json.Marshal(settings)
		if err != nil {
			return fmt.Errorf("exporter %s: settings: %w", name, err)
		}
		p := &delivery.Process{Name: name, Command: command, Env: env, Settings: b, SocketDir: socketDir(c.StateDir), Log: log}
		targets = append(targets, delivery.Target{Name: name, Connect: p.Start})
		return nil
	}
	binary := c.Binary
	if c.Exporters.BuiltIn() {
		var err error
		if binary, err = findBinary(c.Binary); err != nil {
			return nil, err
		}
	}
	var errs error
	if s := c.Exporters.SQLite; s != nil {
		errs = errors.Join(errs, add("sqlite", []string{binary, "exporter", "sqlite"}, nil, s))
	}
	if a := c.Exporters.Archive; a != nil {
		errs = errors.Join(errs, add("archive", []string{binary, "exporter", "archive"}, nil, a))
	}
	if s := c.Exporters.S3; s != nil {
		env := awsEnv
		if s.KeyEnv != "" {
			env = append(slices.Clone(env), s.KeyEnv)
		}
		errs = errors.Join(errs, add("s3", []string{binary, "exporter", "s3"}, env, s))
	}
	if e := c.Exporters.Elasticsearch; e != nil {
		errs = errors.Join(errs, add("elasticsearch", []string{binary, "exporter", "elasticsearch"}, elasticsearchEnv, e))
	}
	for _, p := range c.Exporters.Plugins {
		errs = errors.Join(errs, add(p.Name, p.Command, p.Env, p.Settings))
	}
	return targets, errs
}

// stateDir makes the folder, or refuses one that others may write.
func stateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state_dir: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("state_dir: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("state_dir %s can be written by others (mode %v): chmod 700 it", dir, info.Mode().Perm())
	}
	return nil
}

// socketDir is a private folder for exporters' sockets; below the state folder unless that name is too long for a
// socket (108 bytes).
func socketDir(state string) string {
	dir := filepath.Join(state, "run")
	if abs, err := filepath.Abs(dir); err == nil && len(abs) < 60 {
		_ = os.RemoveAll(abs) // sockets left behind by a kill
		if os.MkdirAll(abs, 0o700) == nil {
			return abs
		}
	}
	return ""
}

// newStream makes the id of a new stream: time, so that streams sort by age, and chance, so that no two are alike.
func newStream() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return time.Now().UTC().Format("20060102t150405z") + "-" + hex.EncodeToString(b[:])
}

// keyBytes is the length of the fingerprint key.
const keyBytes = 32

// LoadKey reads the fingerprint key, or makes it on first start.
func LoadKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("scrub.key_file: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("scrub.key_file %s can be read by others: chmod 600 it", path)
	}
	key := make([]byte, hex.DecodedLen(len(b)))
	if n, err := hex.Decode(key, bytes.TrimSpace(b)); err != nil || n < 16 {
		return nil, fmt.Errorf("scrub.key_file %s is no key: expected at least 32 hexadecimal digits", path)
	} else {
		return key[:n], nil
	}
}

func makeKey(path string) ([]byte, error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("scrub.key_file: %w", err)
	}
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("scrub.key_file: %w", err)
	}
	return key, nil
}

// Flush takes a chunk; nil means that all of it is durable. ErrFull is logged once a minute.
func (i *Instance) Flush(tag string, chunk []byte) error {
	err := i.pipeline.Flush(tag, chunk)
	i.flushes.Add(1)
	i.refusing.Store(err != nil)
	if err != nil {
		i.refused.Add(1)
		i.complain(err)
	}
	return err
}

func (i *Instance) complain(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Since(i.lastFull) < time.Minute {
		return
	}
	i.lastFull = time.Now()
	i.log.Error("chunks are not taken, Fluent Bit is told to retry", "error", err, "journal_bytes", i.journal.Used())
}

// Finish seals what waits for its result, and delivers everything: the end of an import.
func (i *Instance) Finish(ctx context.Context) error {
	if err := errors.Join(i.takeInbox(), i.pipeline.Finish()); err != nil {
		return err
	}
	return i.delivery.Drain(ctx)
}

// Close stops delivery and closes the journal. What was not delivered stays in it.
func (i *Instance) Close() error {
	close(i.stop)
	i.wg.Wait()
	return i.closeAll()
}

func (i *Instance) closeAll() error {
	i.delivery.Stop()
	i.writeStatus()
	err := i.journal.Close()
	if i.vault != nil {
		err = errors.Join(err, i.vault.Close())
	}
	return err
}

// tick seals actions that have waited too long, and writes the status.
func (i *Instance) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-i.stop:
			return
		case <-t.C:
			i.once()
		}
	}
}

func (i *Instance) once() {
	defer func() {
		if r := recover(); r != nil {
			i.log.Error("internal error", "error", fmt.Sprint(r))
		}
	}()
	if err := errors.Join(i.takeInbox(), i.pipeline.Tick()); err != nil {
		i.complain(err)
	}
	i.writeStatus()
}
