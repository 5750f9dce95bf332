package s3

import (
	"encoding/json"
	"strings"
	"time"
)

// statement of an IAM or bucket policy. Policies are written in the order of these fields.
type statement struct {
	Sid       string
	Effect    string
	Principal any `json:",omitempty"` // "*" or accounts
	Action    []string
	Resource  []string
	Condition condition `json:",omitempty"`
}

// accounts are principals by name: ARNs on AWS, access keys on stores that have no ARNs.
type accounts struct{ AWS []string }

// condition is operator → key → value.
type condition map[string]map[string]string

// Policies are the documents that go with a bucket, as JSON.
type Policies struct {
	Bucket  string // what holds for everybody
	Writer  string // IAM policy of the exporter
	Auditor string // IAM policy of verify, prove, retrieve and query
}

func policy(statements ...statement) string {
	b, err := json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements}, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return string(b)
}

func (p *Place) bucketARN() string { return "arn:aws:s3:::" + p.Bucket }

func (p *Place) objectsARN() string {
	return p.bucketARN() + "/" + strings.TrimPrefix(p.Prefix+"/*", "/")
}

// Policies are those for AWS, before any store was asked.
func (s *Setup) Policies() Policies {
	return s.policies(choose(s.rules(time.Now())), false)
}

// policies are made of what a store takes. One that binds nobody who has signed by a bucket policy has the rules in the
// writer's policy too.
func (s *Setup) policies(chosen []choice, signedPass bool) Policies {
	p := Policies{Bucket: policy(statementsOf(chosen)...), Writer: policy(s.writer()...), Auditor: policy(s.auditor()...)}
	if !signedPass {
		return p
	}
	own := s.writer()
	for _, c := range chosen {
		for _, st := range c.form.statements {
			if st.Effect == "Deny" {
				st.Principal = nil
				own = append(own, st)
			}
		}
	}
	p.Writer = policy(own...)
	return p
}

// writer is all that the exporter needs.
func (s *Setup) writer() []statement {
	return []statement{
		s.look(),
		s.list(),
		{
			Sid: "WriteAndReadBack", Effect: "Allow", Resource: []string{s.objectsARN()},
			Action: []string{"s3:PutObject", "s3:PutObjectRetention", "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"},
		},
	}
}

// auditor is all that verify, prove, retrieve and query need.
func (s *Setup) auditor() []statement {
	return []statement{
		s.look(),
		s.list(),
		{
			Sid: "Read", Effect: "Allow", Resource: []string{s.objectsARN()},
			Action: []string{"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold"},
		},
	}
}

func (s *Setup) look() statement {
	return statement{
		Sid: "SeeThatTheBucketLocks", Effect: "Allow", Resource: []string{s.bucketARN()},
		Action: []string{"s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"},
	}
}

// list allows listing below the prefix; ListBucket makes a missing object 404 rather than 403.
func (s *Setup) list() statement {
	l := statement{
		Sid: "List", Effect: "Allow", Action: []string{"s3:ListBucket", "s3:ListBucketVersions"}, Resource: []string{s.bucketARN()},
	}
	if s.Prefix != "" {
		l.Condition = condition{"StringLike": {"s3:prefix": s.Prefix + "*"}}
	}
	return l
}
