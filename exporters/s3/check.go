package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/agentaudit/agentaudit/exporters"
)

// checkTimeout bounds all checks; an exporter has 20 seconds to start.
const checkTimeout = 15 * time.Second

// maxSkew is how far the clock may be off: a retention date is this machine's clock and some years.
const maxSkew = 5 * time.Minute

// check refuses a bucket that would not keep what is written to it, and a clock that would lock for the wrong time.
func (b *bucket) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := b.checkClock(ctx); err != nil {
		return err
	}
	v, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.Bucket})
	if err != nil {
		return b.sentence(err, "read the versioning of bucket "+b.Bucket, "s3:GetBucketVersioning")
	}
	if v.Status != types.BucketVersioningStatusEnabled {
		return exporters.Permanent(fmt.Errorf("s3: versioning of bucket %s is not enabled: without it Object Lock keeps nothing. "+
			"Enable versioning and Object Lock on it, or make another bucket with agent-audit setup s3", b.Bucket))
	}
	l, err := b.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &b.Bucket})
	if code(err) == "ObjectLockConfigurationNotFoundError" {
		return exporters.Permanent(b.unlocked())
	}
	if err != nil {
		return b.sentence(err, "read the Object Lock configuration of bucket "+b.Bucket, "s3:GetBucketObjectLockConfiguration")
	}
	if l.ObjectLockConfiguration == nil || l.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled {
		return exporters.Permanent(b.unlocked())
	}
	return nil
}

// checkClock compares the clock with the store's, by the first request there is.
func (b *bucket) checkClock(ctx context.Context) error {
	out, err := b.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket: &b.Bucket, Prefix: aws.String(b.Prefix), MaxKeys: aws.Int32(1),
	})
	if err != nil {
		return b.sentence(err, "list "+b.String(), "s3:ListBucketVersions")
	}
	if err := skewed(out.ResultMetadata, b.now()); err != nil {
		return exporters.Permanent(err)
	}
	return nil
}

// skewed says whether the clock differs too much from the one in a response.
func skewed(response middleware.Metadata, now time.Time) error {
	server, ok := awsmiddleware.GetServerTime(response)
	if !ok {
		return nil // a store that tells no time
	}
	off := now.Sub(server)
	if off.Abs() <= maxSkew {
		return nil
	}
	word := "ahead of"
	if off < 0 {
		word = "behind"
	}
	return fmt.Errorf("s3: this machine's clock is %s %s the store's: set it (NTP) before anything is locked, because retention dates cannot be taken back",
		off.Abs().Round(time.Second), word)
}
