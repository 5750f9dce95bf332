package convert

import (
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func FuzzK8sAudit(f *testing.F) { fuzzLog(f, "k8s-audit") }

func TestK8sAuditIsItsOwn(t *testing.T) { notStolen(t, &k8sAudit{}, "k8s-audit") }

// The stages of a request are one action, whichever of them are logged, and the last one seals it.
func TestK8sAuditStages(t *testing.T) {
	log := lines(testLogs(t)["k8s-audit/audit.jsonl"])[:3]
	for _, stages := range [][]int{{0, 1, 2}, {2}, {1, 2}, {2, 0}} {
		var some []string
		for _, i := range stages {
			some = append(some, log[i])
		}
		list := fragments(testConverter(t, ""), new(Source), some)
		got := merged(list)
		if len(got) != 1 || got[0].Command.Line != "cat /etc/hosts && id" || len(got[0].Command.Args) != 3 ||
			got[0].Authorization.Rule != `RoleBinding "dev/shop" of Role "exec" to Group "dev"` ||
			got[0].Infrastructure.OrchestratorPod != "web-7d9" || len(got[0].Trail.Conflicts) > 0 {
			t.Errorf("%v: %d actions: %+v", stages, len(got), got[0])
		}
		for i, n := range stages {
			if whole := list[i].Role == schema.Whole; whole != (n == 2) {
				t.Errorf("%v: stage %d is a %s", stages, n, list[i].Role)
			}
		}
	}
}

// What a Secret holds is nowhere in what its request becomes.
func TestK8sAuditSecrets(t *testing.T) {
	for _, f := range fragments(testConverter(t, ""), new(Source), lines(testLogs(t)["k8s-audit/audit.jsonl"])) {
		if doc := string(f.AppendJSON(nil)); strings.Contains(doc, "b3V0") {
			t.Error(doc)
		}
	}
}
