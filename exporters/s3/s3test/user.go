package s3test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// User is somebody who is not root. Token is "" if the server needs none.
type User struct{ AccessKey, SecretKey, Token string }

var users atomic.Int64

// User makes a user who may do what a policy says. MinIO takes an IAM policy; versitygw's accounts have none, and get their
// rights from bucket policies, so that it is not used there.
func (s *Server) User(t testing.TB, policy string) User {
	t.Helper()
	if s.Name == "minio" {
		return s.assumeRole(t, policy)
	}
	u := User{AccessKey: fmt.Sprintf("user%d", users.Add(1)), SecretKey: "usersecret123"}
	body := "<Account><Access>" + u.AccessKey + "</Access><Secret>" + u.SecretKey + "</Secret><Role>user</Role></Account>"
	s.asRoot(t, http.MethodPatch, "/create-user", "s3", body)
	return u
}

// assumeRole asks MinIO for temporary credentials, which a policy restricts.
func (s *Server) assumeRole(t testing.TB, policy string) User {
	t.Helper()
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "DurationSeconds": {"3600"}, "Policy": {policy}}
	answer := s.asRoot(t, http.MethodPost, "/", "sts", form.Encode())
	var r struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string } `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal(answer, &r); err != nil || r.Credentials.SessionToken == "" {
		t.Fatalf("AssumeRole: %v: %s", err, answer)
	}
	return User{r.Credentials.AccessKeyId, r.Credentials.SecretAccessKey, r.Credentials.SessionToken}
}

// asRoot sends a request signed by root, and returns the answer's body.
func (s *Server) asRoot(t testing.TB, method, path, service, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.Endpoint+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if service == "sts" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	root := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), root, r, hash, service, Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s, %v: %s", method, path, res.Status, err, bytes.TrimSpace(answer))
	}
	return answer
}
