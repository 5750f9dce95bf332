package s3

import (
	"encoding/json"
	"fmt"
	"slices"
)

// written is a policy as a store gives it back: what was a word may be a list of one, and the other way round, in any order.
type written struct {
	Statement []struct {
		Effect           string
		Principal        any
		Action, Resource any
		Condition        map[string]map[string]any
	}
}

// alike are the statements of a policy in one form, in which those that say the same are equal, but for Sids and the
// date of a DateLessThan, which moves. The empty document has none.
func alike(document string) ([]string, error) {
	if document == "" {
		return nil, nil
	}
	var w written
	if err := json.Unmarshal([]byte(document), &w); err != nil {
		return nil, fmt.Errorf("the policy is no JSON object with a list of statements: %w", err)
	}
	var all []string
	for _, s := range w.Statement {
		conditions := map[string]any{}
		for operator, keys := range s.Condition {
			for key, value := range keys {
				if operator == "DateLessThan" {
					value = "date"
				}
				conditions[operator+" "+key] = words(value)
			}
		}
		principal := s.Principal
		if m, ok := principal.(map[string]any); ok && len(m) == 1 && m["AWS"] != nil {
			principal = m["AWS"]
		}
		b, err := json.Marshal([]any{s.Effect, words(principal), words(s.Action), words(s.Resource), conditions})
		if err != nil {
			return nil, err
		}
		all = append(all, string(b))
	}
	slices.Sort(all)
	return all, nil
}

// words makes a sorted list of a word or a list.
func words(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var all []string
	for _, x := range list {
		all = append(all, fmt.Sprint(x))
	}
	slices.Sort(all)
	return all
}
