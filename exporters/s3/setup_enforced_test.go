package s3

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// unenforceable is what the servers' policies cannot say. AWS can say all of it. A server that learns it makes TestSetup fail.
var unenforceable = map[string][]string{
	"versitygw": {ruleConditional, ruleLocked, ruleLongEnough},
	"minio":     {ruleConditional},
}

func enforces(server, rule string) bool {
	for _, r := range unenforceable[server] {
		if r == rule {
			return false
		}
	}
	return true
}

// enforcedRetention is long enough that MinIO's rule, which names the day a day before, refuses an hour at any time of day.
const enforcedRetention = 96 * time.Hour

// A bucket that setup has made is one that the exporter takes, with a policy that the store takes; doing it again changes
// nothing. What the policy is said to enforce, it enforces, and what it is said not to, it does not: for the writer, and for
// somebody whom other policies allow everything.
func TestSetup(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		k := newKit(t, server, false)
		k.place.Bucket += "-made"
		o := &Setup{Mode: "GOVERNANCE", Retention: enforcedRetention}
		var user s3test.User
		if server.Name == "versitygw" {
			user = server.User(t, "")
			o.Writers = []string{user.AccessKey}
		}
		var r *Result
		for round, want := range []string{Done, Already} {
			r = k.setup(o)
			if len(r.Steps) != 4 || r.Steps[0].Outcome != want || r.Steps[2].Outcome != want || r.Steps[3].Outcome != want {
				t.Fatalf("round %d: %+v", round, r.Steps)
			}
			enforced, not, _ := strings.Cut(r.Steps[3].Detail, "NOT enforced")
			for _, rule := range o.rules(time.Now()) {
				is := enforces(server.Name, rule.name)
				if strings.Contains(enforced, rule.name) != is || strings.Contains(not, rule.name) == is {
					t.Errorf("%q, enforced %v: %s", rule.name, is, r.Steps[3].Detail)
				}
			}
		}
		if server.Name == "minio" {
			user = server.User(t, r.Policies.Writer)
		}
		t.Run("the writer", func(t *testing.T) { k.with(user).enforced(t) })
		t.Run("whom others allow everything", func(t *testing.T) { k.with(k.allowed(user, r.Policies)).enforced(t) })
	})
}

// with is a copy of the kit whose exporter has a user's credentials.
func (k *kit) with(u s3test.User) *kit {
	k.t.Helper()
	k.t.Setenv("AWS_ACCESS_KEY_ID", u.AccessKey)
	k.t.Setenv("AWS_SECRET_ACCESS_KEY", u.SecretKey)
	k.t.Setenv("AWS_SESSION_TOKEN", u.Token)
	c := *k
	return &c
}

// allowed lets a user do everything, beside the policies that deny.
func (k *kit) allowed(u s3test.User, p Policies) s3test.User {
	k.t.Helper()
	all := statement{Sid: "All", Effect: "Allow", Action: []string{"s3:*"}, Resource: []string{"arn:aws:s3:::" + k.place.Bucket, "arn:aws:s3:::" + k.place.Bucket + "/*"}}
	if k.server.Name == "minio" {
		return k.server.User(k.t, add(k.t, p.Writer, all))
	}
	all.Principal = accounts{[]string{u.AccessKey}}
	more := add(k.t, p.Bucket, all)
	if _, err := k.admin.PutBucketPolicy(k.t.Context(), &s3.PutBucketPolicyInput{Bucket: &k.place.Bucket, Policy: &more}); err != nil {
		k.t.Fatal(err)
	}
	return u
}

// add adds a statement to a policy.
func add(t testing.TB, policy string, s statement) string {
	t.Helper()
	var p struct {
		Version   string
		Statement []any
	}
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		t.Fatal(err)
	}
	p.Statement = append(p.Statement, s)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// enforced lets the kit's user do the exporter's work, and then everything that must not be done.
func (k *kit) enforced(t *testing.T) {
	e := k.open(map[string]any{"mode": "GOVERNANCE", "retention": enforcedRetention.String(), "prefix": k.place.Prefix + "/" + t.Name()})
	if acked, _, err := e.Export(t.Context(), exportertest.Batch("s", exportertest.Records("s", 0, 3))); err != nil || acked != 2 {
		t.Fatal(acked, err)
	}
	client, err := newClient(t.Context(), &k.place)
	if err != nil {
		t.Fatal(err)
	}
	key := aws.String(k.place.Prefix + "/" + t.Name() + "/locked")
	version := k.put(t, client, key, nil)
	if version == nil {
		t.Fatal("a proper write is refused")
	}
	for _, c := range []struct {
		name, rule string
		try        func(context.Context) error
	}{
		{"write without condition", ruleConditional, func(ctx context.Context) error {
			return k.write(ctx, client, key, func(in *s3.PutObjectInput) { in.IfNoneMatch = nil })
		}},
		{"write without lock", ruleLocked, func(ctx context.Context) error {
			return k.write(ctx, client, aws.String(*key+"-without"), func(in *s3.PutObjectInput) {
				in.ObjectLockMode, in.ObjectLockRetainUntilDate = "", nil
			})
		}},
		{"write with a short lock", ruleLongEnough, func(ctx context.Context) error {
			return k.write(ctx, client, aws.String(*key+"-short"), func(in *s3.PutObjectInput) {
				in.ObjectLockRetainUntilDate = aws.Time(time.Now().Add(time.Minute))
			})
		}},
		{"delete", ruleKept, func(ctx context.Context) error { return k.remove(ctx, client, key, nil, false) }},
		{"delete a version", ruleKept, func(ctx context.Context) error { return k.remove(ctx, client, key, version, false) }},
		{"delete a version, bypassing", ruleKept, func(ctx context.Context) error { return k.remove(ctx, client, key, version, true) }},
		{"shorten", ruleKept, func(ctx context.Context) error { return k.relock(ctx, client, key, version, time.Hour, false) }},
		{"shorten, bypassing", ruleKept, func(ctx context.Context) error { return k.relock(ctx, client, key, version, time.Hour, true) }},
		{"shorten to the past, bypassing", ruleKept, func(ctx context.Context) error { return k.relock(ctx, client, key, version, -90*24*time.Hour, true) }},
	} {
		if err := c.try(t.Context()); (err != nil) != enforces(k.server.Name, c.rule) {
			t.Errorf("%s: %v, enforced %v", c.name, err, enforces(k.server.Name, c.rule))
		} else if err != nil && status(err) != 403 && status(err) != 400 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	lock, err := k.admin.GetObjectRetention(t.Context(), &s3.GetObjectRetentionInput{Bucket: &k.place.Bucket, Key: key, VersionId: version})
	if err != nil || time.Until(*lock.Retention.RetainUntilDate) < enforcedRetention-time.Hour {
		t.Errorf("the lock afterwards: %+v, %v", lock, err)
	}
}

// write puts an object as the exporter does, but for a change.
func (k *kit) write(ctx context.Context, client *s3.Client, key *string, change func(*s3.PutObjectInput)) error {
	in := &s3.PutObjectInput{
		Bucket: &k.place.Bucket, Key: key, Body: strings.NewReader("x"), IfNoneMatch: aws.String("*"),
		ObjectLockMode: types.ObjectLockModeGovernance, ObjectLockRetainUntilDate: aws.Time(time.Now().Add(enforcedRetention)),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	}
	if change != nil {
		change(in)
	}
	_, err := client.PutObject(ctx, in)
	return err
}

// put writes an object and returns its version, nil if it is refused.
func (k *kit) put(t *testing.T, client *s3.Client, key *string, change func(*s3.PutObjectInput)) *string {
	t.Helper()
	if err := k.write(t.Context(), client, key, change); err != nil {
		t.Log(err)
		return nil
	}
	h, err := k.admin.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &k.place.Bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return h.VersionId
}

func (k *kit) remove(ctx context.Context, client *s3.Client, key, version *string, bypass bool) error {
	in := &s3.DeleteObjectInput{Bucket: &k.place.Bucket, Key: key, VersionId: version}
	if bypass {
		in.BypassGovernanceRetention = &bypass
	}
	_, err := client.DeleteObject(ctx, in)
	return err
}

func (k *kit) relock(ctx context.Context, client *s3.Client, key, version *string, until time.Duration, bypass bool) error {
	in := &s3.PutObjectRetentionInput{
		Bucket: &k.place.Bucket, Key: key, VersionId: version,
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: aws.Time(time.Now().Add(until))},
	}
	if bypass {
		in.BypassGovernanceRetention = &bypass
	}
	_, err := client.PutObjectRetention(ctx, in)
	return err
}
