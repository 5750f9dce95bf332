package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// callFolders are the folders of samples that the formats made of callLog may read.
var callFolders = map[string]string{
	piName: "pi openclaw", copilotName: "copilot", droidName: "droid", kimiName: "kimi", opencodeName: "opencode",
	gooseName: "goose", cursorName: "cursor", mcpName: "mcp",
	spansName: "otel-traces", langSmithName: "langsmith", hermesName: "hermes",
	grokName: "grok",
}

// TestCallsOfOthers holds that no format takes another agent's real logs, begun at any line. One line alone of what was
// said, {id, parentId, timestamp, message: {role, content: [text]}}, is the same for Droid and OpenClaw: it tells of no
// action, none is made of it, and the next line with a call decides.
func TestCallsOfOthers(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(samplesDir, "*", "*"))
	if err != nil || len(paths) == 0 {
		t.Logf("NOT COMPARED with real logs: %v", err)
		return
	}
	c := testConverter(t, "")
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		folder := filepath.Base(filepath.Dir(p))
		var doc value.Doc
		for _, line := range append([]string{string(b)}, lines(string(b))...) {
			doc.Reset()
			in := Unwrap(&doc, Record{Body: doc.Text(line), ID: schema.MakeID(line)})
			if in.Body.Kind() == value.String && len(line) == len(b) {
				continue // a file of lines
			}
			var src Source
			c.Convert(&src, &in, func(f *schema.Fragment) {
				if own, ok := callFolders[f.Trail.Format]; ok && !strings.Contains(" "+own+" ", " "+folder+" ") {
					t.Errorf("%s: a fragment of %s: %.200s", p, f.Trail.Format, line)
				}
			})
			said := src.Format == droidName && folder == "openclaw"
			if own, ok := callFolders[src.Format]; ok && !said && !strings.Contains(" "+own+" ", " "+folder+" ") {
				t.Errorf("%s: taken for %s: %.200s", p, src.Format, line)
			}
		}
	}
}
