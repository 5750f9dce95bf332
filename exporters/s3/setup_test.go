package s3

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// setup runs a setup in the kit's bucket.
func (k *kit) setup(o *Setup) *Result {
	k.t.Helper()
	o.Place = k.place
	r, err := o.Run(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// A bucket of somebody else's, without lock: what can be mended is, and the rest is said.
func TestSetupOfPlainBucket(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, true)
		steps := k.setup(&Setup{Mode: "COMPLIANCE", Retention: 48 * time.Hour}).Steps
		if steps[0].Outcome != Already || steps[1].Outcome != Done {
			t.Errorf("%+v", steps)
		}
		// MinIO enables the lock only when a bucket is made.
		if lock := steps[2].Outcome; (lock == Failed) != (server.Name == "minio") {
			t.Errorf("lock: %+v", steps[2])
		}
	})
}

func TestSetupLeavesAnotherPolicy(t *testing.T) {
	k := newKit(t, s3test.MinIO(t), false)
	other := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + k.place.Bucket + `/public/*"]}]}`
	if _, err := k.admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &k.place.Bucket, Policy: &other}); err != nil {
		t.Fatal(err)
	}
	steps := k.setup(&Setup{Mode: "COMPLIANCE", Retention: 48 * time.Hour}).Steps
	if p := steps[3]; p.Outcome != Failed || !strings.Contains(p.Detail, "left alone") || !strings.Contains(p.Detail, "DenyDeleteAndBypass") {
		t.Errorf("%+v", p)
	}
	have, err := k.admin.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &k.place.Bucket})
	if err != nil || !strings.Contains(aws.ToString(have.Policy), "public") {
		t.Errorf("the policy was changed: %v, %v", have, err)
	}
}

func TestPolicies(t *testing.T) {
	o := &Setup{Place: Place{Bucket: "b", Prefix: "trail"}, Mode: "COMPLIANCE", Retention: 365 * 24 * time.Hour}
	p := o.Policies()
	for name, text := range map[string]string{"bucket": p.Bucket, "writer": p.Writer, "auditor": p.Auditor} {
		if !json.Valid([]byte(text)) || !strings.Contains(text, "arn:aws:s3:::b/trail/*") {
			t.Errorf("%s: %s", name, text)
		}
		if name != "bucket" && (strings.Contains(text, "Delete") || strings.Contains(text, "Bypass") || strings.Contains(text, "s3:*")) {
			t.Errorf("%s may too much: %s", name, text)
		}
	}
	for _, want := range []string{`"s3:if-none-match": "true"`, `"s3:object-lock-remaining-retention-days": "364"`, "s3:DeleteObjectVersion", "aws:SecureTransport"} {
		if !strings.Contains(p.Bucket, want) {
			t.Errorf("bucket policy lacks %s", want)
		}
	}
	if strings.Contains(p.Auditor, "Put") {
		t.Error("the auditor may write")
	}
}

// A setup that was stopped between two statements is completed by the next.
func TestSetupGoesOn(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		o := &Setup{Place: k.place, Mode: "COMPLIANCE", Retention: 48 * time.Hour}
		part := policy(o.deny("DenyDeleteAndBypass", []string{"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"}, nil))
		if _, err := k.admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &k.place.Bucket, Policy: &part}); err != nil {
			t.Fatal(err)
		}
		// versitygw takes no more than that; on MinIO there is more to come.
		want := map[string]string{"versitygw": Already, "minio": Done}[server.Name]
		if p := k.setup(o).Steps[3]; p.Outcome != want {
			t.Errorf("%+v, want %s", p, want)
		}
	})
}
