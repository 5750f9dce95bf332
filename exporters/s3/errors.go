package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/agentaudit/agentaudit/exporters"
)

// code is an error's S3 code, "" if the store did not answer.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status is an error's HTTP status, 0 if the store did not answer.
func status(err error) int {
	var res *awshttp.ResponseError
	if errors.As(err, &res) {
		return res.HTTPStatusCode()
	}
	return 0
}

// sentence makes of the SDK's error one that says what to do. Errors that only a person can mend are PermanentErrors;
// whatever may go away by itself is not. what is done to which object, right is the right that it needs.
func (b *bucket) sentence(err error, what, right string) error {
	if err == nil {
		return nil
	}
	switch code(err) {
	case "NoSuchBucket":
		return exporters.Permanent(fmt.Errorf("s3: bucket %s does not exist: make it with agent-audit setup s3", b.Bucket))
	case "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed":
		return fmt.Errorf("s3: %s: %w", what, fs.ErrNotExist)
	case "PreconditionFailed":
		return fmt.Errorf("s3: %s: %w", what, fs.ErrExist)
	case "AccessDenied", "Forbidden", "AllAccessDisabled":
		return exporters.Permanent(fmt.Errorf("s3: %s: access is denied: the credentials need %s on %s, and its bucket policy must not deny it", what, right, b.String()))
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired":
		return fmt.Errorf("s3: %s: the credentials have expired: renew them", what)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidClientTokenId":
		return exporters.Permanent(fmt.Errorf("s3: %s: the store does not know these credentials (%s)", what, code(err)))
	case "RequestTimeTooSkewed":
		return exporters.Permanent(fmt.Errorf("s3: %s: this machine's clock is off by more than 15 minutes: set it (NTP); retention dates cannot be taken back", what))
	case "InvalidBucketObjectLockConfiguration", "ObjectLockConfigurationNotFoundError":
		return exporters.Permanent(b.unlocked())
	case "":
		return b.noAnswer(err, what)
	}
	if status(err) == http.StatusPreconditionFailed {
		return fmt.Errorf("s3: %s: %w", what, fs.ErrExist)
	}
	return fmt.Errorf("s3: %s: %w", what, err)
}

// noAnswer is for errors without an S3 code: HEAD requests have none, and nor has what never reached the store.
func (b *bucket) noAnswer(err error, what string) error {
	switch s := status(err); {
	case s == http.StatusNotFound:
		return fmt.Errorf("s3: %s: %w", what, fs.ErrNotExist)
	case s != 0:
		return fmt.Errorf("s3: %s: %w", what, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("s3: %s: %s did not answer in time: %w", what, b.where(), context.DeadlineExceeded)
	}
	return fmt.Errorf("s3: %s at %s: %w", what, b.where(), err)
}

// unlocked is for a bucket that would keep nothing.
func (b *bucket) unlocked() error {
	return fmt.Errorf("s3: bucket %s has no Object Lock: nothing is written to it, because anyone with its credentials could delete it. "+
		"Enable Object Lock on it, or make another bucket with agent-audit setup s3", b.Bucket)
}

// where is the endpoint, for errors.
func (b *bucket) where() string {
	if b.Endpoint != "" {
		return b.Endpoint
	}
	return "S3"
}
