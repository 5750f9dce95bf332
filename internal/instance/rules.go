package instance

import (
	"fmt"
	"os"

	"github.com/agentaudit/agentaudit/scrub"
)

// ScrubRules reads rule files, the setting scrub.rules.
func ScrubRules(paths []string) ([]*scrub.Rules, error) {
	var rules []*scrub.Rules
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("scrub.rules: %w", err)
		}
		r, err := scrub.ParseRules(path, string(text))
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}
