package s3

import (
	"encoding/json"
	"strconv"
	"strings"
)

// statement of an IAM or bucket policy. Policies are written in the order of these fields.
type statement struct {
	Sid       string
	Effect    string
	Principal string `json:",omitempty"`
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
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

// BucketPolicy denies everybody, whatever else allows it: a write that could replace a file, a lock that is shorter than
// it should be, deleting, bypassing GOVERNANCE, and requests that are not encrypted.
func (s *Setup) BucketPolicy() string {
	objects := []string{s.objectsARN()}
	// The lock counts from the exporter's clock, the condition from S3's: a day is left for the difference.
	days := strconv.Itoa(max(1, int(s.days())-1))
	deny := func(sid string, actions []string, condition map[string]map[string]string) statement {
		return statement{Sid: sid, Effect: "Deny", Principal: "*", Action: actions, Resource: objects, Condition: condition}
	}
	put := []string{"s3:PutObject"}
	all := []statement{
		deny("DenyUnconditionalWrites", put, map[string]map[string]string{"Null": {"s3:if-none-match": "true"}}),
		deny("DenyWritesWithoutLock", put, map[string]map[string]string{"Null": {"s3:object-lock-mode": "true"}}),
		deny("DenyShortRetention", []string{"s3:PutObject", "s3:PutObjectRetention"}, map[string]map[string]string{
			"NumericLessThan": {"s3:object-lock-remaining-retention-days": days},
		}),
		deny("DenyDeleteAndBypass", []string{"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"}, nil),
	}
	if !strings.HasPrefix(s.Endpoint, "http:") {
		all = append(all, statement{
			Sid: "DenyInsecureTransport", Effect: "Deny", Principal: "*", Action: []string{"s3:*"},
			Resource: []string{s.bucketARN(), s.objectsARN()}, Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
		})
	}
	return policy(all...)
}

// WriterPolicy is all that the exporter needs.
func (s *Setup) WriterPolicy() string {
	return policy(
		s.look(),
		s.list(),
		statement{
			Sid: "WriteAndReadBack", Effect: "Allow", Resource: []string{s.objectsARN()},
			Action: []string{"s3:PutObject", "s3:PutObjectRetention", "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"},
		},
	)
}

// AuditorPolicy is all that verify, prove, retrieve and query need.
func (s *Setup) AuditorPolicy() string {
	return policy(
		s.look(),
		s.list(),
		statement{
			Sid: "Read", Effect: "Allow", Resource: []string{s.objectsARN()},
			Action: []string{"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold"},
		},
	)
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
		l.Condition = map[string]map[string]string{"StringLike": {"s3:prefix": s.Prefix + "*"}}
	}
	return l
}
