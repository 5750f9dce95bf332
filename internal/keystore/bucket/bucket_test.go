package bucket

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/agentaudit/agentaudit/exporters/s3"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
	"github.com/agentaudit/agentaudit/internal/keystore"
	"github.com/agentaudit/agentaudit/internal/keystore/keystoretest"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

// made makes a bucket, and returns the URL of a key store in it.
func made(t *testing.T, server *s3test.Server, name string, locked bool) string {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	url := fmt.Sprintf("s3://%s/keys?region=%s&endpoint=%s&path_style=true", name, s3test.Region, server.Endpoint)
	p, err := s3.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client, err := s3.Client(t.Context(), &p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(locked)}); err != nil {
		t.Fatal(err)
	}
	return url
}

func TestBucket(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		n := 0
		keystoretest.Run(t, func(t *testing.T) (keystore.Files, func() keystore.Files) {
			n++
			url := made(t, server, fmt.Sprintf("names-%d", n), false)
			again := func() keystore.Files {
				f, err := Open(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			return again(), again
		})
	})
}

// A bucket that would keep what is erased is refused.
func TestRefused(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		if _, err := Open(t.Context(), made(t, server, "locked", true)); err == nil || !strings.Contains(err.Error(), "would stay in it") {
			t.Errorf("%v", err)
		}
	})
}
