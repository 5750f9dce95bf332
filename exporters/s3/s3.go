// Package s3 is the archive of exporters/archive in an S3 bucket with Object Lock: the same objects, manifests, keys and
// checks, as files that nobody can change or delete before their time.
//
//	s3://BUCKET/PREFIX/agent-audit-1a2b3c4d.pub
//	s3://BUCKET/PREFIX/STREAM/00000000000000000000.ndjson.gz
//	s3://BUCKET/PREFIX/STREAM/00000000000000000000.manifest.json
//
// Each is one PutObject with its SHA-256, an explicit lock mode and retain-until date, and If-None-Match: *, so that a
// second try can never make a second version. The lock is read back. There is no way to write without a lock.
//
//	settings.go  the section of the configuration
//	client.go    the SDK's client; errors.go: its errors as sentences
//	bucket.go    the archive's Store on a bucket, and its Reader; listing.go: versions
//	check.go     what is refused at the start
//	setup.go     making a bucket, and the policies to go with it
//	kms.go       signing with a key that never leaves AWS KMS
package s3

import (
	"context"
	"fmt"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Open starts the exporter. It refuses, with a PermanentError, settings that are wrong and a bucket that does not lock.
func Open(ctx context.Context, data []byte) (exporters.Exporter, error) {
	c, o, err := parseSettings(data)
	if err != nil {
		return nil, exporters.Permanent(fmt.Errorf("s3: settings: %w", err))
	}
	b, err := openBucket(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	o.Store = b
	if c.KeyKMS != "" {
		o.Key, err = openKMS(ctx, c)
	} else {
		o.Key, err = c.Open()
	}
	if err != nil {
		return nil, err
	}
	if o.PreviousKey, err = c.OpenPrevious(); err != nil {
		return nil, err
	}
	return archive.NewWriter(ctx, o)
}
