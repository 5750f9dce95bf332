package convert

import (
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

func FuzzMCP(f *testing.F) { fuzzLog(f, "mcp") }

func FuzzMCPLine(f *testing.F) {
	for _, l := range mcpDesktop {
		f.Add(l)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c := testConverter(t, "mcp")
		feed(c, new(Source), []string{line, line}, func(f *schema.Fragment) { checkFragment(t, f) })
	})
}

// mcpDesktop is a log of Claude Desktop. It stands here, not under testdata, because such a line is whole before its
// end: the words behind the message say nothing.
var mcpDesktop = []string{
	`2026-02-03T04:05:01.000Z [tracker] [info] Server started and connected successfully { metadata: undefined }`,
	`2026-02-03T04:05:01.100Z [tracker] [info] Message from client: {"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"claude-ai","version":"0.1.0"}},"jsonrpc":"2.0","id":0} { metadata: undefined }`,
	`Traceback (most recent call last):`,
	`2026-02-03T04:05:02.000Z [tracker] [info] Message from client: {"method":"tools/call","params":{"name":"close","arguments":{"id":7}},"jsonrpc":"2.0","id":1} { metadata: undefined }`,
	`2026-02-03T04:05:02.500Z [info] [weather] Message from client: {"method":"tools/call","params":{"name":"forecast","arguments":{}},"jsonrpc":"2.0","id":1}`,
	`2026-02-03T04:05:03.000Z [info] [weather] Message from server: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"rain"}],"isError":false}}`,
	`2026-02-03T04:05:04.000Z [tracker] [info] Message from server: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"gone"}],"isError":true}} { metadata: undefined }`,
	`2026-02-03T04:05:05.000Z [tracker] [info] Message from server: {"jsonrpc":"2.0","id":1,"result":{`,
	// The server was started anew: ids begin again, and the same call is another one.
	`2026-02-03T05:05:02.000Z [tracker] [info] Message from client: {"method":"tools/call","params":{"name":"close","arguments":{"id":7}},"jsonrpc":"2.0","id":1} { metadata: undefined }`,
	`2026-02-03T05:05:04.000Z [tracker] [info] Message from server: {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"broken"}} { metadata: undefined }`,
}

func TestMCPDesktop(t *testing.T) {
	var got []string
	for _, a := range readLog(t, strings.Join(mcpDesktop, "\n"), "auto") {
		got = append(got, strings.TrimSpace(a.Command.Tool+" "+a.Event.Outcome+" "+a.Execution.Stdout+a.Error.Message+a.Message))
	}
	want := []string{
		mcpDesktop[0], mcpDesktop[2],
		"mcp__tracker__close failure gone", "mcp__weather__forecast success rain", mcpDesktop[7], "mcp__tracker__close failure broken",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// A call of which the client tells the id in its own log is the action of that log.
func TestMCPCaller(t *testing.T) {
	log := `{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"close","arguments":{"id":7},"_meta":{"claudecode/toolUseId":"toolu_01NFSqPLfMC13qZg8TjPTJar","progressToken":2}}}
{"jsonrpc":"2.0","id":4,"result":{"content":[{"type":"text","text":"closed"}],"isError":false}}
{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"close","arguments":{"id":8},"_meta":{"callId":"call_1"}}}`
	list := fragments(testConverter(t, "mcp"), new(Source), lines(log))
	got := merged(list)
	if len(got) != 2 || list[0].Key != callKey(claudeName, "any", "toolu_01NFSqPLfMC13qZg8TjPTJar") || got[0].Execution.Stdout != "closed" ||
		got[0].Command.CallID != "toolu_01NFSqPLfMC13qZg8TjPTJar" || len(got[0].Trail.Conflicts) != 0 || got[1].Command.CallID != "5" {
		t.Errorf("%d actions: %+v", len(got), got[0])
	}
}

// A message printed over several lines is put together, whatever the server prints between them; the lines are kept as well.
func TestMCPPrinted(t *testing.T) {
	log := []string{
		`2026-02-03T04:05:02.000Z [tracker] [info] Message from client: {"method":"tools/call","params":{"name":"close","arguments":{"id":7}},"jsonrpc":"2.0","id":1} { metadata: undefined }`,
		`2026-02-03T04:05:04.000Z [tracker] [info] Message from server: {`, `  "jsonrpc": "2.0",`, `  "id": 1,`, `Traceback (most recent call last):`, `  File "x.py", line 2`,
		`  "result": {`, `    "content": [`, `      {`, `        "type": "text",`, `        "text": "gone"`, `      }`, `    ],`, `    "isError": true`, `  }`, `} { metadata: undefined }`,
		`2026-02-03T04:05:05.000Z [tracker] [info] Message from server: {`, `  "never": true,`,
		`2026-02-03T04:05:06.000Z [tracker] [info] Message from client: {"method":"tools/call","params":{"name":"open","arguments":{}},"jsonrpc":"2.0","id":2}`,
	}
	kept := 0
	var got []string
	for _, a := range readLog(t, strings.Join(log, "\n"), "auto") {
		if a.Event.Action == schema.ActionLog {
			kept++
			continue
		}
		got = append(got, strings.TrimSpace(a.Command.Tool+" "+a.Event.Outcome+" "+a.Execution.Stdout))
	}
	if want := "mcp__tracker__close failure gone, mcp__tracker__open"; strings.Join(got, ", ") != want || kept != len(log)-3 {
		t.Errorf("%d kept of %d, %q", kept, len(log), got)
	}
}

// TestMCPOther holds that other uses of JSON-RPC are not taken.
func TestMCPOther(t *testing.T) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{}}`, `{"jsonrpc":"2.0","id":1,"result":null}`,
		`{"jsonrpc":"2.0","id":1,"result":{"capabilities":{}}}`, `{"jsonrpc":"1.0","method":"tools/call"}`, `[]`, `[1]`, `"x"`,
	} {
		var doc value.Doc
		v, err := doc.ParseJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		if (&mcp{}).Detect(v) {
			t.Errorf("%s is taken", s)
		}
	}
}
