package s3

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rule is one thing that the bucket policy is to enforce, in the forms that stores know: the strictest, which is that for
// AWS, first.
type rule struct {
	name  string
	forms []form
}

// form says a rule in the actions and condition keys of some stores.
type form struct {
	limit      string // what it does less than the rule says; "" is nothing
	statements []statement
}

// choice is a rule and the form that a store takes; without statements there is none.
type choice struct {
	rule rule
	form form
}

// Names of the rules, as setup reports them.
const (
	ruleConditional = "every write carries If-None-Match"
	ruleLocked      = "every write carries a lock"
	ruleLongEnough  = "no lock is shorter than the retention"
	ruleKept        = "nothing is deleted and GOVERNANCE is not bypassed"
	ruleEncrypted   = "every connection is encrypted"
	ruleAccounts    = "the named accounts may write or read"
)

// rules deny everybody, whatever else allows it: a write that could replace a file, a lock that is missing or shorter than
// it should be, deleting, bypassing GOVERNANCE, and requests that are not encrypted.
func (s *Setup) rules(now time.Time) []rule {
	put := []string{"s3:PutObject"}
	all := []rule{
		{ruleConditional, []form{{"", []statement{
			s.deny("DenyUnconditionalWrites", put, condition{"Null": {"s3:if-none-match": "true"}}),
		}}}},
		{ruleLocked, []form{{"", []statement{
			s.deny("DenyWritesWithoutLock", put, condition{"Null": {"s3:object-lock-mode": "true"}}),
		}}}},
		s.longEnough(now),
		{ruleKept, []form{{"", []statement{
			s.deny("DenyDeleteAndBypass", []string{"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"}, nil),
		}}}},
	}
	if !strings.HasPrefix(s.Endpoint, "http:") {
		transport := s.deny("DenyInsecureTransport", []string{"s3:*"}, condition{"Bool": {"aws:SecureTransport": "false"}})
		transport.Resource = []string{s.bucketARN(), s.objectsARN()}
		all = append(all, rule{ruleEncrypted, []form{{"", []statement{transport}}}})
	}
	if named := append(grant(s.Writers, "Writer", s.writer()), grant(s.Auditors, "Auditor", s.auditor())...); len(named) > 0 {
		all = append(all, rule{ruleAccounts, []form{{"", named}}})
	}
	return all
}

// longEnough: AWS counts the days that a lock of a PUT would last. MinIO does so only for later changes of a lock, and
// takes the size of the difference, so that a date long past passes; but it compares dates. A fixed date is a minimum that
// falls by a day a day, until setup is run again.
func (s *Setup) longEnough(now time.Time) rule {
	retention, both := []string{"s3:PutObjectRetention"}, []string{"s3:PutObject", "s3:PutObjectRetention"}
	// The lock counts from the exporter's clock, the condition from S3's: a day is left for the difference.
	days := max(1, int(s.days())-1)
	short := condition{"NumericLessThan": {"s3:object-lock-remaining-retention-days": strconv.Itoa(days)}}
	date := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, days)
	return rule{ruleLongEnough, []form{
		{"", []statement{s.deny("DenyShortRetention", both, short)}},
		{"only that none ends before " + date.Format(time.DateOnly) + ": run setup again to move that date", []statement{
			s.deny("DenyShortRetention", retention, short),
			s.deny("DenyEarlyRetention", both, condition{"DateLessThan": {"s3:object-lock-retain-until-date": date.Format(time.RFC3339)}}),
		}},
	}}
}

func (s *Setup) deny(sid string, actions []string, c condition) statement {
	return statement{Sid: sid, Effect: "Deny", Principal: "*", Action: actions, Resource: []string{s.objectsARN()}, Condition: c}
}

// grant gives statements to accounts.
func grant(to []string, prefix string, statements []statement) []statement {
	if len(to) == 0 {
		return nil
	}
	for i := range statements {
		statements[i].Sid = prefix + statements[i].Sid
		statements[i].Principal = accounts{to}
	}
	return statements
}

// choose takes the strictest form of each rule.
func choose(rules []rule) []choice {
	var all []choice
	for _, r := range rules {
		all = append(all, choice{r, r.forms[0]})
	}
	return all
}

func statementsOf(chosen []choice) []statement {
	var all []statement
	for _, c := range chosen {
		all = append(all, c.form.statements...)
	}
	return all
}

// sentenceOf says what is enforced and what is not.
func sentenceOf(chosen []choice) string {
	var yes, no []string
	for _, c := range chosen {
		switch {
		case len(c.form.statements) == 0:
			no = append(no, c.rule.name)
		case c.form.limit != "":
			yes = append(yes, fmt.Sprintf("%s (%s)", c.rule.name, c.form.limit))
		default:
			yes = append(yes, c.rule.name)
		}
	}
	text := "enforced: " + strings.Join(yes, "; ")
	if len(no) > 0 {
		text += ". NOT enforced, as this store's policies cannot say it: " + strings.Join(no, "; ")
	}
	return text
}

// possible are all statements that setup may have put, in any form.
func possible(rules []rule) []statement {
	var all []statement
	for _, r := range rules {
		for _, f := range r.forms {
			all = append(all, f.statements...)
		}
	}
	return slices.Clip(all)
}
