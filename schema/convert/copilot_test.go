package convert

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func FuzzCopilot(f *testing.F) { fuzzLog(f, "copilot") }

// TestCopilotWithoutStart reads the sample in which the call call_1 has no tool.execution_start, only the model's request
// and a result that succeeded. The reading in expected/ counts execution_start only and so has one command less; the
// result says that the command ran, so an audit trail has it. In copilot__small.jsonl several calls have lost their ids to
// trimming and share the text "[trimmed for fixture]": what the reading says of one of them we have on another.
func TestCopilotWithoutStart(t *testing.T) {
	log, err := os.ReadFile(filepath.Join(samplesDir, "copilot", "copilot__large.jsonl"))
	if err != nil {
		t.Logf("NOT COMPARED with real logs: %v", err)
		return
	}
	for _, a := range readLog(t, string(log), "auto") {
		if a.Command.CallID == "call_1" && a.Command.Line != "" && a.Event.Outcome == schema.OutcomeSuccess {
			return
		}
	}
	t.Error("call_1 is missing")
}
