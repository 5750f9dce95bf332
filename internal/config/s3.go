package config

import "errors"

// S3 is the archive in a bucket with Object Lock. Credentials come from the AWS SDK's default chain: environment, profile,
// container or instance role. The bucket's place and the lock have flat keys: s3_bucket, s3_prefix, s3_region,
// s3_endpoint, s3_path_style, s3_mode, s3_retention, s3_max_wait.
type S3 struct {
	// Bucket, which must have versioning and Object Lock, and the beginning of the names in it.
	Bucket string `yaml:"bucket" json:"bucket"`
	Prefix string `yaml:"prefix" json:"prefix,omitempty"`
	// Region; default: the environment's or profile's.
	Region string `yaml:"region" json:"region,omitempty"`
	// Endpoint of a compatible store, and whether it wants the bucket in the path.
	Endpoint  string `yaml:"endpoint" json:"endpoint,omitempty"`
	PathStyle bool   `yaml:"path_style" json:"path_style,omitempty"`
	// Retention is for how long each object is locked. Required: it cannot be taken back.
	Retention Duration `yaml:"retention" json:"retention"`
	// Mode is COMPLIANCE (default) or GOVERNANCE, which who has the right can bypass.
	Mode string `yaml:"mode" json:"mode,omitempty"`
	// LegalHold puts a legal hold on each object too.
	LegalHold bool `yaml:"legal_hold" json:"legal_hold,omitempty"`
	// SSE is AES256 or aws:kms, with a key; default: what the bucket does.
	SSE       string `yaml:"sse" json:"sse,omitempty"`
	SSEKMSKey string `yaml:"sse_kms_key" json:"sse_kms_key,omitempty"`
	// StorageClass and Tags of each object.
	StorageClass string            `yaml:"storage_class" json:"storage_class,omitempty"`
	Tags         map[string]string `yaml:"tags" json:"tags,omitempty"`
	// KeyFile signs; default: archive.key in the state folder, made on first start. KeyEnv names an environment variable
	// that holds the key instead, KeyKMS an Ed25519 key in AWS KMS.
	KeyFile string `yaml:"key_file" json:"key_file,omitempty"`
	KeyEnv  string `yaml:"key_env" json:"key_env,omitempty"`
	KeyKMS  string `yaml:"key_kms" json:"key_kms,omitempty"`
	// Signing is as in the archive section.
	Signing `yaml:",inline"`
	// MaxBytes and MaxWait cut the objects.
	MaxBytes Size     `yaml:"max_bytes" json:"max_bytes,omitempty"`
	MaxWait  Duration `yaml:"max_wait" json:"max_wait,omitempty"`
}

// Signing is what the archive folder and S3 have in common.
type Signing struct {
	// PreviousKeyFile is the key that has signed until now, and vouches for the new one.
	PreviousKeyFile string `yaml:"previous_key_file" json:"previous_key_file,omitempty"`
	// Origin names the archive in its checkpoints; default: the key's name.
	Origin string `yaml:"origin" json:"origin,omitempty"`
	// Compression is gzip (default) or zstd.
	Compression string `yaml:"compression" json:"compression,omitempty"`
	// Heartbeat is after how long without a record one is written; default 1h.
	Heartbeat Duration `yaml:"heartbeat" json:"heartbeat,omitempty"`
	// Stream is set when the instance starts.
	Stream string `yaml:"-" json:"stream,omitempty"`
}

func (c *Config) s3() *S3 {
	if c.Exporters.S3 == nil {
		c.Exporters.S3 = &S3{}
	}
	return c.Exporters.S3
}

// LockMode is the mode that objects are locked in.
func (s *S3) LockMode() string { return orDefault(s.Mode, "COMPLIANCE") }

func (s *S3) check() error {
	switch {
	case s == nil:
		return nil
	case s.Bucket == "":
		return errors.New("exporters.s3.bucket (s3_bucket) is not set")
	case s.Retention <= 0:
		return errors.New("exporters.s3.retention (s3_retention) is not set: for how long each object is locked, for example 365d; it cannot be taken back")
	}
	return nil
}
