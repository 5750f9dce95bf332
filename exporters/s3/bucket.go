package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
)

// bucket is an archive.Store. One that was opened by OpenReader has no settings and is never written to.
type bucket struct {
	Place
	client *s3.Client
	config *settings
	now    func() time.Time
}

func openBucket(ctx context.Context, c *settings) (*bucket, error) {
	b, err := openPlace(ctx, c.Place)
	if err != nil {
		return nil, err
	}
	b.config = c
	return b, nil
}

func openPlace(ctx context.Context, p Place) (*bucket, error) {
	client, err := newClient(ctx, &p)
	if err != nil {
		return nil, err
	}
	return &bucket{Place: p, client: client, now: time.Now}, nil
}

// OpenReader opens an archive in a bucket for reading.
func OpenReader(ctx context.Context, p Place) (archive.Reader, error) { return openPlace(ctx, p) }

// key is the object key of an archive's file.
func (b *bucket) key(name string) *string { return aws.String(path.Join(b.Prefix, name)) }

// Close lets go of nothing.
func (b *bucket) Close() error { return nil }

// Lock is the lock of a file that is made at a time. S3 keeps milliseconds, other stores seconds: it ends on one.
func (b *bucket) Lock(at time.Time) *archive.Lock {
	return &archive.Lock{Mode: b.config.Mode, Until: at.UTC().Add(b.config.retention + time.Second).Truncate(time.Second)}
}

// Create puts an object under its lock, unless there is one of that name, and reads the lock back.
func (b *bucket) Create(ctx context.Context, name string, data []byte, lock *archive.Lock) (archive.File, error) {
	in := b.putInput(name, data, lock)
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return archive.File{}, b.sentence(err, "write "+name, "s3:PutObject, s3:PutObjectRetention"+b.moreRights())
	}
	f := archive.File{Version: aws.ToString(out.VersionId)}
	if f.Version == "" {
		return f, exporters.Permanent(fmt.Errorf("s3: %s was written without a version: bucket %s has lost its versioning", name, b.Bucket))
	}
	if err := skewed(out.ResultMetadata, b.now()); err != nil {
		return f, exporters.Permanent(err)
	}
	f.Lock, err = b.retention(ctx, name, f.Version)
	return f, err
}

func (b *bucket) putInput(name string, data []byte, lock *archive.Lock) *s3.PutObjectInput {
	c, sum := b.config, sha256.Sum256(data)
	in := &s3.PutObjectInput{
		Bucket: &b.Bucket, Key: b.key(name), Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		ContentType: aws.String(contentType(name)), IfNoneMatch: aws.String("*"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		ObjectLockMode: types.ObjectLockMode(lock.Mode), ObjectLockRetainUntilDate: aws.Time(lock.Until),
		StorageClass: types.StorageClass(c.StorageClass), ServerSideEncryption: types.ServerSideEncryption(c.SSE),
	}
	if c.SSEKMSKey != "" {
		in.SSEKMSKeyId = &c.SSEKMSKey
	}
	if c.LegalHold {
		in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn
	}
	if len(c.Tags) > 0 {
		tags := url.Values{}
		for k, v := range c.Tags {
			tags.Set(k, v)
		}
		in.Tagging = aws.String(tags.Encode())
	}
	return in
}

// moreRights are those that settings need beside the usual ones.
func (b *bucket) moreRights() string {
	more := ""
	if b.config.LegalHold {
		more += ", s3:PutObjectLegalHold"
	}
	if len(b.config.Tags) > 0 {
		more += ", s3:PutObjectTagging"
	}
	if b.config.SSE == "aws:kms" {
		more += ", kms:GenerateDataKey"
	}
	return more
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".gz":
		return "application/gzip"
	case ".zst":
		return "application/zstd"
	case ".json":
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// retention reads an object's lock; nil if it has none.
func (b *bucket) retention(ctx context.Context, name, version string) (*archive.Lock, error) {
	out, err := b.client.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: &b.Bucket, Key: b.key(name), VersionId: &version})
	if code(err) == "NoSuchObjectLockConfiguration" {
		return nil, nil
	}
	if err != nil {
		return nil, b.sentence(err, "read the lock of "+name, "s3:GetObjectRetention")
	}
	if out.Retention == nil || out.Retention.RetainUntilDate == nil {
		return nil, nil
	}
	return &archive.Lock{Mode: string(out.Retention.Mode), Until: out.Retention.RetainUntilDate.UTC()}, nil
}

// maxObject bounds what is read of an object.
const maxObject = 2 << 30

// Read reads a version of an object; "" is the current one.
func (b *bucket) Read(ctx context.Context, name, version string) ([]byte, archive.File, error) {
	return b.get(ctx, name, version, nil)
}

// ReadRange reads part of an object.
func (b *bucket) ReadRange(ctx context.Context, name, version string, offset, length int64) ([]byte, error) {
	if length == 0 {
		return nil, nil
	}
	data, _, err := b.get(ctx, name, version, aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)))
	if err == nil && int64(len(data)) != length {
		return nil, fmt.Errorf("s3: %s: %d bytes from %d on were asked for, %d came", name, length, offset, len(data))
	}
	return data, err
}

func (b *bucket) get(ctx context.Context, name, version string, part *string) ([]byte, archive.File, error) {
	in := &s3.GetObjectInput{Bucket: &b.Bucket, Key: b.key(name), Range: part}
	if version != "" {
		in.VersionId = &version
	}
	out, err := b.client.GetObject(ctx, in)
	if err != nil {
		return nil, archive.File{}, b.sentence(err, "read "+name, "s3:GetObject, s3:GetObjectVersion")
	}
	defer out.Body.Close()
	f := archive.File{Version: aws.ToString(out.VersionId)}
	if out.ObjectLockRetainUntilDate != nil {
		f.Lock = &archive.Lock{Mode: string(out.ObjectLockMode), Until: out.ObjectLockRetainUntilDate.UTC()}
	}
	if f.Lock == nil && part == nil && f.Version != "" {
		// Some stores do not send it along. Who may not read it sees no lock, as in S3's own answers.
		f.Lock, err = b.retention(ctx, name, f.Version)
		if err != nil && !exporters.IsPermanent(err) {
			return nil, f, err
		}
	}
	size := aws.ToInt64(out.ContentLength)
	if size > maxObject {
		return nil, f, fmt.Errorf("s3: %s has %d bytes: it is none of ours", name, size)
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(out.Body, maxObject)); err != nil {
		return nil, f, fmt.Errorf("s3: read %s: %w", name, err)
	}
	return buf.Bytes(), f, nil
}

// List lists a folder by versions, so that what a delete marker or a newer version hides is seen.
func (b *bucket) List(ctx context.Context, dir string) ([]archive.Listed, error) {
	prefix := strings.TrimPrefix(path.Join(b.Prefix, dir)+"/", "/")
	l := newListing(prefix)
	in := &s3.ListObjectVersionsInput{Bucket: &b.Bucket, Prefix: &prefix, Delimiter: aws.String("/")}
	for {
		out, err := b.client.ListObjectVersions(ctx, in)
		if err != nil {
			return nil, b.sentence(err, "list "+path.Join(b.String(), dir), "s3:ListBucketVersions")
		}
		l.add(out)
		if !aws.ToBool(out.IsTruncated) {
			return l.files(), nil
		}
		in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
	}
}
