package main

import (
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/agentaudit/agentaudit/exporters/s3"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// The key store of a fleet: the write line reaches the bucket through the companion program, and so do the commands. Two
// machines with the same key file have one key for each person.
func TestKeyStoreInBucket(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server *s3test.Server) {
		t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
		t.Setenv("AWS_CONFIG_FILE", "/dev/null")
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
		url := "s3://persons/keys?region=us-east-1&path_style=true&endpoint=" + server.Endpoint
		place, err := s3.ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		client, err := s3.Client(t.Context(), &place)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &place.Bucket}); err != nil {
			t.Fatal(err)
		}
		key := t.TempDir() + "/privacy.key"
		section := `{originals: true, key_file: "` + key + `", key_store: "` + url + `"}`
		one, two := newTrail(t, section), newTrail(t, section)
		if a, b := one.originals(), two.originals(); a != b || len(a) < 100 {
			t.Errorf("two machines have not the same originals:\n%s\n%s", a, b)
		}
		alicia := one.pseudonym("alicia")
		two.run(0, alicia+" alicia\n", "reveal", "--state", two.path("s"), alicia, "--reason", "incident 31")
		one.run(0, "erased: "+alicia, "erase", "--state", one.path("s"), "--config", one.config, "--subject", "alicia", "--basis", "request 118")
		two.run(1, "not revealed", "reveal", "--state", two.path("s"), alicia, "--reason", "incident 31")
	})
}
