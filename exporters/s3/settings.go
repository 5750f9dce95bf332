package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Place says where a bucket is.
type Place struct {
	// Bucket, and Prefix of the names in it, without slashes at its ends.
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix"`
	// Region; default: that of the environment or profile.
	Region string `json:"region"`
	// Endpoint of a compatible store (https://minio.example); default: AWS, or what AWS_ENDPOINT_URL_S3 says.
	Endpoint string `json:"endpoint"`
	// PathStyle puts the bucket into the path instead of the host name, as most compatible stores need it.
	PathStyle bool `json:"path_style"`
}

// settings are the exporter's section of the configuration. Credentials come from the SDK's default chain only:
// environment, profile, container or instance role.
type settings struct {
	Place
	// Mode is COMPLIANCE (default: nobody, not even root, can delete before the time) or GOVERNANCE.
	Mode string `json:"mode"`
	// Retention is for how long each object is locked, from 24h to 100 years. Required: it cannot be taken back.
	Retention string `json:"retention"`
	// LegalHold also puts a legal hold on each object.
	LegalHold bool `json:"legal_hold"`
	// SSE is AES256 or aws:kms; default: what the bucket does. SSEKMSKey is the key for aws:kms.
	SSE       string `json:"sse"`
	SSEKMSKey string `json:"sse_kms_key"`
	// StorageClass such as STANDARD_IA or GLACIER_IR; default: STANDARD.
	StorageClass string `json:"storage_class"`
	// Tags of each object.
	Tags map[string]string `json:"tags"`
	// KeyKMS is the id or ARN of an Ed25519 key in AWS KMS that signs instead of a key file.
	KeyKMS string `json:"key_kms"`
	archive.Settings

	retention time.Duration
}

// Bounds of a retention.
const (
	MinRetention = 24 * time.Hour
	MaxRetention = 100 * 365 * 24 * time.Hour
)

func parseSettings(data []byte) (*settings, archive.Options, error) {
	c := &settings{Mode: archive.Compliance, Settings: archive.DefaultSettings()}
	if err := archive.Decode(data, c); err != nil {
		return nil, archive.Options{}, err
	}
	o, err := c.Options()
	if err != nil {
		return nil, o, err
	}
	if err := c.Place.check(); err != nil {
		return nil, o, err
	}
	return c, o, c.check()
}

func (c *settings) check() (err error) {
	switch {
	case c.Retention == "":
		return errors.New("retention is missing: for how long each object is locked, for example 8760h (365 days); in COMPLIANCE mode it cannot be taken back")
	case c.Mode != archive.Compliance && c.Mode != archive.Governance:
		return fmt.Errorf("mode %.40q is neither COMPLIANCE nor GOVERNANCE", c.Mode)
	case c.SSE != "" && c.SSE != "AES256" && c.SSE != "aws:kms":
		return fmt.Errorf("sse %.40q is neither AES256 nor aws:kms", c.SSE)
	case c.SSEKMSKey != "" && c.SSE != "aws:kms":
		return errors.New("sse_kms_key needs sse: aws:kms")
	case c.KeyFile == "" && c.KeyEnv == "" && c.KeyKMS == "":
		return errors.New("key_file is missing")
	}
	if c.retention, err = time.ParseDuration(c.Retention); err != nil {
		return fmt.Errorf("retention %.40q is no duration such as 8760h", c.Retention)
	}
	if c.retention < MinRetention || c.retention > MaxRetention {
		return fmt.Errorf("retention %s is not between a day and 100 years", c.Retention)
	}
	return nil
}

func (p *Place) check() error {
	p.Prefix = strings.Trim(p.Prefix, "/")
	switch {
	case p.Bucket == "":
		return errors.New("bucket is missing")
	case strings.ContainsAny(p.Bucket, "/ "):
		return fmt.Errorf("bucket %.80q is no name", p.Bucket)
	case strings.Contains(p.Prefix, "//"):
		return fmt.Errorf("prefix %.80q has an empty part", p.Prefix)
	}
	if p.Endpoint == "" {
		return nil
	}
	if u, err := url.Parse(p.Endpoint); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("endpoint is no URL such as https://minio.example:9000")
	}
	return nil
}

// ParseURL reads s3://BUCKET/PREFIX?region=R&endpoint=URL&path_style=true; the parameters may be left out.
func ParseURL(text string) (Place, error) {
	bad := fmt.Errorf("%.200q is not of the form s3://BUCKET/PREFIX", text)
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		return Place{}, bad
	}
	p := Place{Bucket: u.Host, Prefix: u.Path}
	for key, values := range u.Query() {
		v := values[len(values)-1]
		switch key {
		case "region":
			p.Region = v
		case "endpoint":
			p.Endpoint = v
		case "path_style":
			p.PathStyle = v == "true" || v == "1" || v == "on"
		default:
			return Place{}, fmt.Errorf("%w: unknown parameter %.40q", bad, key)
		}
	}
	return p, p.check()
}

// String writes the place as a URL without parameters.
func (p *Place) String() string {
	if p.Prefix == "" {
		return "s3://" + p.Bucket
	}
	return "s3://" + p.Bucket + "/" + p.Prefix
}
