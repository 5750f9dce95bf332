package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func FuzzTetragon(f *testing.F) { fuzzLog(f, "tetragon") }

func TestTetragonIsItsOwn(t *testing.T) { notStolen(t, &tetragon{}, "tetragon") }

// A program's start and end are one action, in either order.
func TestTetragonPairs(t *testing.T) {
	all := lines(testLogs(t)["tetragon/tetragon.jsonl"])
	for _, log := range [][]string{{all[0], all[2]}, {all[2], all[0]}} {
		got := merged(fragments(testConverter(t, ""), new(Source), log))
		if len(got) != 1 || got[0].Execution.ExitCode != schema.Some(22) || got[0].Execution.Duration != schema.Some(2e9) ||
			got[0].Command.Line != `/usr/bin/curl -s "http://example.com/a b"` || len(got[0].Trail.Conflicts) > 0 {
			t.Errorf("%d actions: %+v", len(got), got[0])
		}
	}
}
