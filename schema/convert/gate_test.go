package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema/value"
)

// checkGates has every format look at a record, to find those that would take it and whose keys say they never do.
func checkGates(t *testing.T, c *Converter, line string) {
	t.Helper()
	var doc value.Doc
	body := Unwrap(&doc, Record{Body: doc.Text(line)}).Body
	for _, f := range c.formats {
		if f.Detect(body) && !f.open(shapeOf(body)) {
			t.Errorf("%s takes a record that its keys keep out: %s", f.Name(), line)
		}
	}
}

// TestGates holds what formats say of their records' keys to all logs.
func TestGates(t *testing.T) {
	c := testConverter(t, "")
	for _, all := range allLogs(t) {
		for _, line := range all {
			checkGates(t, c, line)
		}
	}
}
