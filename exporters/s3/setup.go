package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Setup says what a bucket is to be.
type Setup struct {
	Place
	Mode      string
	Retention time.Duration
	// Writers and Auditors are accounts to which the bucket policy itself gives their rights (ARNs; access keys where a
	// store has no ARNs). Nobody needs to be named where IAM policies do that.
	Writers, Auditors []string
}

// Outcomes of a step.
const (
	Done    = "done"
	Already = "already so"
	Failed  = "failed"
)

// Step is what was done, or found, in a setup.
type Step struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
}

// Result is what was done, and the policies that this store takes.
type Result struct {
	Steps    []Step
	Policies Policies
}

// Run makes the bucket, or checks one that is there; it never weakens anything. A step that fails does not keep the others
// from being tried, except that without a bucket there is nothing to do. The error is for that.
func (o *Setup) Run(ctx context.Context) (*Result, error) {
	b, err := openPlace(ctx, o.Place)
	if err != nil {
		return nil, err
	}
	s := &setup{Setup: o, bucket: b, result: &Result{Policies: o.Policies()}}
	if err := s.create(ctx); err != nil {
		return nil, err
	}
	s.versioning(ctx)
	s.lock(ctx)
	s.policy(ctx)
	return s.result, nil
}

type setup struct {
	*Setup
	*bucket
	result *Result
	minio  bool // by its own word
}

func (s *setup) step(name, outcome string, err error) {
	detail := ""
	if err != nil {
		outcome, detail = Failed, err.Error()
	}
	s.result.Steps = append(s.result.Steps, Step{Name: name, Outcome: outcome, Detail: detail})
}

// create makes the bucket unless it is there.
func (s *setup) create(ctx context.Context) error {
	name, bucket := "bucket "+s.bucket.Bucket, &s.bucket.Bucket
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})
	if err == nil {
		s.step(name, Already, nil)
		return nil
	}
	err = s.sentence(err, "look for bucket "+*bucket, "s3:ListBucket")
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	in := &s3.CreateBucketInput{Bucket: bucket, ObjectLockEnabledForBucket: aws.Bool(true)}
	if region := s.client.Options().Region; region != "us-east-1" && s.Setup.Endpoint == "" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	if _, err := s.client.CreateBucket(ctx, in); err != nil {
		return s.sentence(err, "make bucket "+*bucket, "s3:CreateBucket, s3:PutBucketObjectLockConfiguration, s3:PutBucketVersioning")
	}
	s.step(name, Done, nil)
	return nil
}

// versioning is on in a bucket that was made with Object Lock.
func (s *setup) versioning(ctx context.Context) {
	const name = "versioning"
	bucket := &s.bucket.Bucket
	v, err := s.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket})
	if err == nil && v.Status == types.BucketVersioningStatusEnabled {
		s.step(name, Already, nil)
		return
	}
	_, err = s.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	s.step(name, Done, s.sentence(err, "enable versioning", "s3:PutBucketVersioning"))
}

// lock enables Object Lock and sets the default retention, for what others may put into the bucket: the exporter gives each
// object its own. A default that is longer, or stricter, stays.
func (s *setup) lock(ctx context.Context) {
	name := fmt.Sprintf("Object Lock, by default %s for %d days", s.Mode, s.days())
	bucket := &s.bucket.Bucket
	c, err := s.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: bucket})
	if err == nil && c.ObjectLockConfiguration != nil && s.enough(c.ObjectLockConfiguration.Rule) {
		s.step(name, Already, nil)
		return
	}
	_, err = s.client.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{
		Bucket: bucket,
		ObjectLockConfiguration: &types.ObjectLockConfiguration{
			ObjectLockEnabled: types.ObjectLockEnabledEnabled,
			Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{
				Mode: types.ObjectLockRetentionMode(s.Mode), Days: aws.Int32(s.days()),
			}},
		},
	})
	s.step(name, Done, s.sentence(err, "enable Object Lock", "s3:PutBucketObjectLockConfiguration"))
}

func (s *Setup) days() int32 { return int32(s.Retention / (24 * time.Hour)) }

func (s *setup) enough(r *types.ObjectLockRule) bool {
	if r == nil || r.DefaultRetention == nil {
		return false
	}
	d := r.DefaultRetention
	days := aws.ToInt32(d.Days) + 365*aws.ToInt32(d.Years)
	return days >= s.days() && (string(d.Mode) == s.Mode || string(d.Mode) == archive.Compliance)
}
