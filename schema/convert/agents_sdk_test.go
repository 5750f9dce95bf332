package convert

import "testing"

func FuzzAgentsSDK(f *testing.F) { fuzzLog(f, "openai-agents") }

func TestAgentsSDKIsItsOwn(t *testing.T) { notStolen(t, &agentsSDK{}, "openai-agents") }

func TestAgentsSDK(t *testing.T) {
	sameFacts(t, "openai-agents/trace.jsonl",
		"shell-command, kubectl get pods, success",
		"mcp-call, get_issue, failure",
		"shell-command, false, exit 1, failure",
	)
}
