package main

import (
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/agentaudit/agentaudit/scrub"
	"github.com/agentaudit/agentaudit/test/scrubcorpus"
)

// TestAgainstGitleaks holds that what gitleaks' detector finds is found, and counts what only one of the two finds.
func TestAgainstGitleaks(t *testing.T) {
	engine, err := scrub.New(scrub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	detector, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	both, onlyTheirs, planted, oursPlanted, theirsPlanted := 0, 0, 0, 0, 0
	for _, rec := range scrubcorpus.Records(1<<20, 2) {
		found := engine.Find(rec.Text)
		overlaps := func(secret string) bool {
			at := strings.Index(rec.Text, secret)
			for _, f := range found {
				if at >= 0 && f.Start < at+len(secret) && f.End > at {
					return true
				}
			}
			return false
		}
		theirs := detector.DetectString(rec.Text)
		for _, f := range theirs {
			if overlaps(f.Secret) {
				both++
				continue
			}
			onlyTheirs++
			t.Errorf("only gitleaks finds %s: %q in %q", f.RuleID, f.Secret, rec.Text)
		}
		for _, s := range rec.Secrets {
			planted++
			if overlaps(s) {
				oursPlanted++
			}
			for _, f := range theirs {
				if strings.Contains(f.Secret, s) || strings.Contains(s, f.Secret) {
					theirsPlanted++
					break
				}
			}
		}
	}
	t.Logf("found by both %d, only by gitleaks %d; of %d planted secrets found %d, by gitleaks %d", both, onlyTheirs, planted, oursPlanted, theirsPlanted)
	if both < 100 || oursPlanted < planted {
		t.Errorf("both %d; %d of %d planted", both, oursPlanted, planted)
	}
}
