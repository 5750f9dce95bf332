package s3

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Waits. A whole batch has two minutes (internal/delivery); a store that swallows packets must not take them all for the
// first try.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 30 * time.Second // after the request was sent
	maxAttempts   = 5
	maxBackoff    = 5 * time.Second
)

// load reads the SDK's configuration: credentials from its default chain.
func load(ctx context.Context, region string, endpoint string) (aws.Config, error) {
	client := awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = answerTimeout
			t.MaxIdleConnsPerHost = 32
		})
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer {
			r := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = maxAttempts, maxBackoff })
			// Two writers at once, one of them our own earlier try: the SDK does not count them as retryable.
			return retry.AddWithErrorCodes(r, "ConditionalRequestConflict", "OperationAborted")
		}),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return c, fmt.Errorf("s3: AWS configuration: %w", err)
	}
	if c.Region == "" && endpoint != "" {
		c.Region = "us-east-1" // compatible stores take any
	}
	return c, nil
}

func newClient(ctx context.Context, p *Place) (*s3.Client, error) {
	c, err := load(ctx, p.Region, p.Endpoint)
	if err != nil {
		return nil, err
	}
	return s3.NewFromConfig(c, func(o *s3.Options) {
		if p.Endpoint != "" {
			o.BaseEndpoint = aws.String(p.Endpoint)
		}
		o.UsePathStyle = p.PathStyle
		// We give the SHA-256 of what we write and check that of what we read: no trailers, which older stores refuse.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		// A clock that is wrong makes retention dates that are wrong: it is refused, not worked around.
		o.DisableClockSkewCorrection = true
	}), nil
}

// Client is the SDK's client for a place, for those who keep something else there than an archive.
func Client(ctx context.Context, p *Place) (*s3.Client, error) { return newClient(ctx, p) }
