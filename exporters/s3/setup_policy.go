package s3

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const policyStep = "bucket policy"

// policy sets the bucket policy. It never takes anything away: a policy that says what setup would not say is left alone.
func (s *setup) policy(ctx context.Context) {
	have, err := s.havePolicy(ctx)
	if err != nil {
		s.step(policyStep, Failed, err)
		return
	}
	rules := s.rules(time.Now())
	if ours, err := contains(policy(possible(rules)...), have); err != nil || !ours {
		s.step(policyStep, Failed, errors.Join(err, errors.New("the bucket has another policy, which is left alone: add these statements to it: "+s.result.Policies.Bucket)))
		return
	}
	chosen, err := s.negotiate(ctx, rules, have)
	if err != nil {
		s.step(policyStep, Failed, err)
		return
	}
	s.result.Policies = s.policies(chosen, s.minio)
	now, err := s.havePolicy(ctx)
	if err != nil {
		s.step(policyStep, Failed, err)
		return
	}
	if same, err := contains(now, s.result.Policies.Bucket); err != nil || !same {
		s.step(policyStep, Failed, errors.Join(err, errors.New("the store took the bucket policy and gives back another one")))
		return
	}
	outcome := Done
	if same, _ := contains(have, now); same {
		outcome = Already
	}
	s.step(policyStep, outcome, nil)
	s.result.Steps[len(s.result.Steps)-1].Detail = sentenceOf(chosen) + s.whom()
}

// whom says whom the policy binds, where that is not everybody.
func (s *setup) whom() string {
	switch {
	case s.minio:
		return ". MinIO binds by a bucket policy only requests without credentials: attach the writer's policy below to the exporter's account, " +
			"which says the same (mc admin policy create, attach); root is bound by no policy, only by locks"
	case s.Setup.Endpoint == "":
		return ""
	case len(s.Writers) == 0:
		return ". Other stores than AWS do not bind their root by it, and some give rights by it alone: name the exporter's account with --writer, " +
			"unless another policy gives it its rights"
	}
	return ". Other stores than AWS do not bind their root by it"
}

// havePolicy is the bucket's policy, "" if it has none.
func (s *setup) havePolicy(ctx context.Context) (string, error) {
	have, err := s.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.bucket.Bucket})
	switch {
	case code(err) == "NoSuchBucketPolicy":
		return "", nil
	case err != nil:
		return "", s.sentence(err, "read the bucket policy", "s3:GetBucketPolicy")
	}
	return aws.ToString(have.Policy), nil
}

// negotiate puts the strictest policy that the store takes: the whole one, or, of each rule, the first form that it takes
// beside those before. What the bucket has already stays while others are tried; a stop on the way leaves some of our
// statements, and the next run goes on from them.
func (s *setup) negotiate(ctx context.Context, rules []rule, have string) ([]choice, error) {
	full := choose(rules)
	if taken, err := s.try(ctx, full); err != nil || taken {
		return full, err
	}
	chosen, err := present(rules, have)
	if err != nil {
		return nil, err
	}
	for i, r := range rules {
		for _, f := range r.forms {
			next := slices.Clone(chosen)
			next[i].form = f
			taken, err := s.try(ctx, next)
			if err != nil {
				return nil, err
			}
			if taken {
				chosen = next
				break
			}
		}
	}
	if len(statementsOf(chosen)) == 0 {
		return nil, errors.New("this store takes no bucket policy: Object Lock holds all the same, and every write asks for it; give the writer no right to delete")
	}
	return chosen, nil
}

// present finds the forms that a policy has.
func present(rules []rule, document string) ([]choice, error) {
	var all []choice
	for _, r := range rules {
		c := choice{rule: r}
		for _, f := range r.forms {
			if in, err := contains(document, policy(f.statements...)); err != nil {
				return nil, err
			} else if in {
				c.form = f
				break
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// try puts a policy; false means that the store does not know something in it.
func (s *setup) try(ctx context.Context, chosen []choice) (bool, error) {
	out, err := s.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: &s.bucket.Bucket, Policy: aws.String(policy(statementsOf(chosen)...)),
	})
	switch c := code(err); c {
	case "MalformedPolicy", "NotImplemented", "InvalidPolicyDocument", "InvalidArgument":
		return false, nil
	}
	if err != nil {
		return false, s.sentence(err, "set the bucket policy", "s3:PutBucketPolicy")
	}
	if r, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response); ok {
		s.minio = strings.HasPrefix(r.Header.Get("Server"), "MinIO")
	}
	return true, nil
}

// contains says whether a policy has all statements of another; the empty document has none.
func contains(document, part string) (bool, error) {
	have, err := alike(document)
	if err != nil {
		return false, err
	}
	want, err := alike(part)
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(have, s) }), err
}
