package s3

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// A bucket that setup has made is one that the exporter takes; doing it again changes nothing.
func TestSetup(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		k.place.Bucket += "-made"
		o := &Setup{Place: k.place, Mode: "GOVERNANCE", Retention: 48 * time.Hour}
		for round, want := range []string{Done, Already} {
			steps, err := o.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(steps) != 4 || steps[0].Outcome != want || steps[2].Outcome != want {
				t.Errorf("round %d: %+v", round, steps)
			}
			if p := steps[3]; p.Outcome == Failed && !strings.Contains(p.Detail, "does not take it") {
				t.Errorf("policy: %+v", p)
			}
		}
		e, err := Open(t.Context(), k.settings(map[string]any{"mode": "GOVERNANCE"}))
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if _, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 3))); err != nil {
			t.Error(err)
		}
	})
}

// A bucket of somebody else's, without lock: what can be mended is, and the rest is said.
func TestSetupOfPlainBucket(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, true)
		steps, err := (&Setup{Place: k.place, Mode: "COMPLIANCE", Retention: 48 * time.Hour}).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
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
	steps, err := (&Setup{Place: k.place, Mode: "COMPLIANCE", Retention: 48 * time.Hour}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
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
	for name, text := range map[string]string{"bucket": o.BucketPolicy(), "writer": o.WriterPolicy(), "auditor": o.AuditorPolicy()} {
		if !json.Valid([]byte(text)) || !strings.Contains(text, "arn:aws:s3:::b/trail/*") {
			t.Errorf("%s: %s", name, text)
		}
		if name != "bucket" && (strings.Contains(text, "Delete") || strings.Contains(text, "Bypass") || strings.Contains(text, "s3:*")) {
			t.Errorf("%s may too much: %s", name, text)
		}
	}
	for _, want := range []string{`"s3:if-none-match": "true"`, `"s3:object-lock-remaining-retention-days": "364"`, "s3:DeleteObjectVersion", "aws:SecureTransport"} {
		if !strings.Contains(o.BucketPolicy(), want) {
			t.Errorf("bucket policy lacks %s", want)
		}
	}
	if strings.Contains(o.AuditorPolicy(), "Put") {
		t.Error("the auditor may write")
	}
}
