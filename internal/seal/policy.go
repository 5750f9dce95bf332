package seal

import (
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

// Flags of agent_audit.risk.anomalies that come of the user's rules of authorisation, and how the sentences begin that
// name the rule. They are put on a fragment when a rule matches its command; Finish takes them away again where the
// decision, which another fragment may tell, agrees with the rule.
const (
	// DeniedByPolicy: a rule denies the action, and it was not denied.
	DeniedByPolicy       = "denied_by_policy"
	DeniedByPolicyReason = "A rule of the policy denies this, and it was not denied: "
	// AskedByPolicy: a rule wants a person asked, and the action was approved by none.
	AskedByPolicy       = "asked_by_policy"
	AskedByPolicyReason = "A rule of the policy wants a person asked, and none approved: "

	// RulesInferred marks that agent_audit.authorization.rules come of the user's rules, not of the log.
	RulesInferred = "agent_audit.authorization.rules: the user's rules"
	// Inferred is the source of an automatic approval whose log names neither rule nor source, while a rule would match.
	Inferred = "inferred"
)

// policyAgrees takes away the flags of rules that the decision agrees with, and gives an automatic approval of which
// the log says no more the source `inferred`, where a rule would have let it through. It never makes an approval.
func policyAgrees(a *schema.Action) {
	z := &a.Authorization
	if z.Decision == schema.Denied {
		withdraw(a, DeniedByPolicy, DeniedByPolicyReason)
	}
	if z.Decision != schema.AutoApproved {
		withdraw(a, AskedByPolicy, AskedByPolicyReason)
	}
	if z.Decision == schema.AutoApproved && z.Rule == "" && z.Source == "" && len(z.Rules) > 0 && slices.Contains(a.Identity.Inferred, RulesInferred) {
		z.Source = Inferred
	}
}

func withdraw(a *schema.Action, flag, reason string) {
	if !slices.Contains(a.Risk.Anomalies, flag) {
		return
	}
	a.Risk.Anomalies = slices.DeleteFunc(slices.Clone(a.Risk.Anomalies), func(s string) bool { return s == flag })
	a.Risk.AnomalyReasons = slices.DeleteFunc(slices.Clone(a.Risk.AnomalyReasons), func(s string) bool { return strings.HasPrefix(s, reason) })
}
