package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema/value"
)

// Two of the sampled steps (katy 13, rock 0) fail for us and not for the independent reading: their observation is
// "EXECUTION TIMED OUT", SWE-agent's word that it killed the command.

func FuzzSWEAgent(f *testing.F) { fuzzLog(f, "sweagent") }

func TestSWEAgentTakesItsOwn(t *testing.T) {
	ownSamples(t, &sweAgent{}, "swe-agent", "sweagent")
}

func TestChangesDir(t *testing.T) {
	for line, want := range map[string]bool{
		"cd src": true, "(cd a; ls)": true, "make&&pushd x": true, "ls cdrom": false, "abcd": false, "": false,
	} {
		if changesDir(line) != want {
			t.Error(line)
		}
	}
}

// input unwraps a line with nodes of its own.
func input(line string) Input {
	doc := new(value.Doc)
	return Unwrap(doc, Record{Body: doc.Text(line), Tag: "agent.log"})
}

// A demonstration shows calls that nobody has made.
func TestSWEAgentDemonstration(t *testing.T) {
	const demo = `{"history":[{"role":"system","content":"SETTING","agent":"main","message_type":"system_prompt"},` +
		`{"role":"assistant","content":"","agent":"main","action":"ls","message_type":"action","tool_calls":[{"id":"call_1","type":"function","function":{"name":"bash","arguments":"{\"command\":\"ls\"}"}}]}]}`
	src := new(Source)
	if list := fragments(testConverter(t, ""), src, []string{demo}); len(list) != 0 || src.Format != sweAgentName {
		t.Errorf("%d fragments of %s", len(list), src.Format)
	}
}
