package convert

import "testing"

// A call id counts as unique in the world only when chance or a clock made it.
func TestIsGlobal(t *testing.T) {
	for id, want := range map[string]bool{
		"toolu_01NFSqPLfMC13qZg8TjPTJar": true, "call_HJ3kQm2Zx8LrVt5Wn0BdYcAe": true,
		"0198e1f2-77aa-7abc-8def-001122334455": true, "run_shell_command-1769000000000-1f": true,
		"chatcmpl-tool-9f0c2d7be1a84c0f9a6b3d5e7f112233": true,
		"": false, "call_1": false, "3": false, "functions.run_shell_command:0": false, "functions.executeTerminalCommand:12": false,
		"mcp-github-create-issue-1": false, "tool_call_in_session_0000004": false,
	} {
		if got := isGlobal(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}
