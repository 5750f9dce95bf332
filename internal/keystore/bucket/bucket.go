// Package bucket is a key store in an S3 bucket, which the machines of a fleet share: files are made with If-None-Match, so
// that the first writer wins, and changed with If-Match. The bucket must have neither Object Lock nor versions, because
// what is erased must be gone.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/agentaudit/agentaudit/exporters/s3"
	"github.com/agentaudit/agentaudit/internal/keystore"
)

type bucket struct {
	s3.Place
	client *awss3.Client
}

// Open opens the key store at s3://BUCKET/PREFIX, with the parameters that s3.ParseURL knows.
func Open(ctx context.Context, url string) (keystore.Files, error) {
	p, err := s3.ParseURL(url)
	if err != nil {
		return nil, err
	}
	client, err := s3.Client(ctx, &p)
	if err != nil {
		return nil, err
	}
	b := &bucket{p, client}
	v, err := client.GetBucketVersioning(ctx, &awss3.GetBucketVersioningInput{Bucket: &b.Bucket})
	if err != nil {
		return nil, b.sentence(err, "read the versioning of bucket "+b.Bucket, "s3:GetBucketVersioning")
	}
	if v.Status != "" {
		return nil, fmt.Errorf("key store: bucket %s has versions (%s): a key that is erased would stay in it. Use a bucket of its own that never had versioning or Object Lock", b.Bucket, v.Status)
	}
	return b, nil
}

func (b *bucket) Close() error { return nil }

func (b *bucket) key(name string) *string { return aws.String(path.Join(b.Prefix, name)) }

// code is an error's S3 code, "" if the store did not answer.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func (b *bucket) sentence(err error, what, right string) error {
	if c := code(err); c == "AccessDenied" || c == "Forbidden" {
		return fmt.Errorf("key store: %s: access is denied: the credentials need %s on %s", what, right, b.String())
	}
	return fmt.Errorf("key store: %s: %w", what, err)
}

// Create puts an object unless there is one. A first try whose answer was lost meets itself, which is as good.
func (b *bucket) Create(ctx context.Context, name string, data []byte) ([]byte, error) {
	_, err := b.client.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: &b.Bucket, Key: b.key(name), Body: bytes.NewReader(data), IfNoneMatch: aws.String("*"), ContentType: aws.String("application/json"),
	})
	switch c := code(err); {
	case err == nil:
		return nil, nil
	case c != "PreconditionFailed":
		return nil, b.sentence(err, "write "+name, "s3:PutObject")
	}
	there, _, err := b.Read(ctx, name)
	if err == nil && bytes.Equal(there, data) {
		return nil, nil
	}
	return there, err
}

// maxFile bounds what is read of an object.
const maxFile = 1 << 20

// Read reads an object; its tag is its ETag.
func (b *bucket) Read(ctx context.Context, name string) ([]byte, string, error) {
	out, err := b.client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &b.Bucket, Key: b.key(name)})
	if c := code(err); c == "NoSuchKey" || c == "NotFound" {
		return nil, "", fmt.Errorf("key store: %s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, "", b.sentence(err, "read "+name, "s3:GetObject")
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxFile))
	if err != nil {
		return nil, "", fmt.Errorf("key store: read %s: %w", name, err)
	}
	return data, aws.ToString(out.ETag), nil
}

// Replace overwrites an object that has still the tag. Without versions the old content is gone.
func (b *bucket) Replace(ctx context.Context, name, tag string, data []byte) error {
	_, err := b.client.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: &b.Bucket, Key: b.key(name), Body: bytes.NewReader(data), IfMatch: &tag, ContentType: aws.String("application/json"),
	})
	if code(err) == "PreconditionFailed" {
		if there, _, err := b.Read(ctx, name); err == nil && bytes.Equal(there, data) {
			return nil // the answer to our own first try was lost
		}
		return keystore.ErrChanged
	}
	if err != nil {
		return b.sentence(err, "write "+name, "s3:PutObject")
	}
	return nil
}

// List names the objects of a folder.
func (b *bucket) List(ctx context.Context, dir string) ([]string, error) {
	in := &awss3.ListObjectsV2Input{Bucket: &b.Bucket, Prefix: aws.String(*b.key(dir) + "/")}
	var names []string
	for {
		out, err := b.client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, b.sentence(err, "list "+b.String(), "s3:ListBucket")
		}
		for _, o := range out.Contents {
			if name := path.Base(aws.ToString(o.Key)); strings.HasSuffix(name, ".json") {
				names = append(names, dir+"/"+name)
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			slices.Sort(names)
			return names, nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}
