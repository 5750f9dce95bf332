package scrub

import "strings"

// CheckSamples holds every rule of a file against its own samples, and returns what fails: a hit whose secret is not
// found exactly, a miss in which the rule finds something. Errors name the rule and the sample's number, never the text.
func (e *Engine) CheckSamples() []error {
	var failed []error
	for i := range e.texts {
		r := &e.texts[i]
		for n, hit := range r.hits {
			if text, from, to := markedSample(hit); !e.finds(r, text, from, to) {
				failed = append(failed, r.errorf("hit %d is not found", n+1))
			}
		}
		for n, miss := range r.misses {
			for _, f := range e.Find(miss) {
				if f.Kind == r.kind {
					failed = append(failed, r.errorf("miss %d is found", n+1))
					break
				}
			}
		}
	}
	return failed
}

// markedSample takes the marks « » off a sample and returns the stretch between them, or all of it.
func markedSample(s string) (text string, from, to int) {
	before, rest, ok := strings.Cut(s, "«")
	secret, after, closed := strings.Cut(rest, "»")
	if !ok || !closed {
		return s, 0, len(s)
	}
	return before + secret + after, len(before), len(before) + len(secret)
}

// finds reports whether r's kind is found at text[from:to].
func (e *Engine) finds(r *ruleText, text string, from, to int) bool {
	for _, f := range e.Find(text) {
		if f.Start == from && f.End == to && f.Kind == r.kind {
			return true
		}
	}
	return false
}
