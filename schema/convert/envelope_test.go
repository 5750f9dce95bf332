package convert

import (
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// known is the document of what the wrapping says, without the fields that every document has.
const blank = `{"agent_audit":{"provenance":{"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"}}`

var unwrapCases = []struct{ name, record, body, known string }{
	{"text under log", `{"log":"hello\n"}`, `"hello"`, blank},
	{"text under message", `{"message":"hello"}`, `"hello"`, blank},
	{"JSON under log", `{"log":"{\"a\":1}\n"}`, `{"a":1}`, blank},
	{"object under log", `{"log":{"a":1},"stream":"stdout"}`, `{"a":1}`, blank},
	{"bare text", `"{\"a\":1}"`, `{"a":1}`, blank},
	{"bare object", `{"a":1}`, `{"a":1}`, blank},
	{
		"docker", `{"log":"{\"a\":1}\n","stream":"stderr","time":"2026-03-01T10:00:00.5Z"}`, `{"a":1}`,
		`{"@timestamp":"2026-03-01T10:00:00.5Z","agent_audit":{"provenance":{"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"}}`,
	},
	{
		"docker in log", `{"log":"{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\"2026-03-01T10:00:00Z\"}"}`, `"hello"`,
		`{"@timestamp":"2026-03-01T10:00:00Z","agent_audit":{"provenance":{"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"}}`,
	},
	{
		"CRI", `{"time":"2026-03-01T10:00:00Z","stream":"stdout","_p":"F","log":"hello"}`, `"hello"`,
		`{"@timestamp":"2026-03-01T10:00:00Z","agent_audit":{"provenance":{"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"}}`,
	},
	{
		"tail with path and offset", `{"log":"x","path":"/var/log/a.log","offset":7}`, `"x"`,
		`{"agent_audit":{"provenance":{"offset":7,"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"},"log":{"file":{"path":"/var/log/a.log"}}}`,
	},
	{
		"parsed, with path and offset", `{"sessionId":"s","path":"/p/a.jsonl","offset":0}`, `{"offset":0,"path":"/p/a.jsonl","sessionId":"s"}`,
		`{"agent_audit":{"provenance":{"offset":0,"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"},"log":{"file":{"path":"/p/a.jsonl"}}}`,
	},
	{"a path of the agent's own", `{"path":"/api/x","status":200}`, `{"path":"/api/x","status":200}`, blank},
	{"a message of the agent's own", `{"type":"user","sessionId":"s","message":{"content":"x"}}`, `{"message":{"content":"x"},"sessionId":"s","type":"user"}`, blank},
	{"a message beside a command", `{"command":"ls","message":"{\"a\":1}"}`, `{"command":"ls","message":"{\"a\":1}"}`, blank},
	{"a message beside fields", `{"message":"hello","userid":4}`, `{"message":"hello","userid":4}`, blank},
	{
		"leftovers are kept", `{"log":"{\"a\":1}","team":"shop","level":"info"}`, `{"a":1}`,
		`{"agent_audit":{"fields":{"level":"info","team":"shop"},"provenance":{"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"}}`,
	},
	{"what the filter merged is not doubled", `{"log":"{\"a\":1}","a":1,"stream":"stdout"}`, `{"a":1}`, blank},
	{
		"kubernetes", `{"log":"x","kubernetes":{"pod_name":"p-1","namespace_name":"shop","container_name":"app","docker_id":"c0ffee","container_image":"shop:1","host":"node1","labels":{"app":"shop"},"pod_id":"u"}}`, `"x"`,
		`{"agent_audit":{"fields":{"kubernetes":{"labels":{"app":"shop"}}},"identity":{"inferred":["orchestrator.type: kubernetes filter","orchestrator.resource.name: kubernetes filter","orchestrator.namespace: kubernetes filter","container.name: kubernetes filter","container.id: kubernetes filter","container.image.name: kubernetes filter","host.name: kubernetes filter"]},"provenance":{"tag":"t"}},"container":{"id":"c0ffee","image":{"name":"shop:1"},"name":"app"},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"},"host":{"name":"node1"},"orchestrator":{"namespace":"shop","resource":{"name":"p-1"},"type":"kubernetes"}}`,
	},
	{
		"fluentd driver", `{"log":"x","container_id":"c0ffee","container_name":"/app","source":"stdout"}`, `"x"`,
		`{"agent_audit":{"provenance":{"tag":"t"}},"container":{"id":"c0ffee","name":"app"},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"}}`,
	},
	{
		"aws filter", `{"log":"x","az":"eu-central-1b","ec2_instance_id":"i-1","account_id":"42"}`, `"x"`,
		`{"agent_audit":{"provenance":{"tag":"t"}},"cloud":{"account":{"id":"42"},"instance":{"id":"i-1"},"provider":"aws","region":"eu-central-1"},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"}}`,
	},
	{
		"systemd", `{"MESSAGE":"x","_HOSTNAME":"web1","_PID":"7","PRIORITY":"6"}`, `"x"`,
		`{"agent_audit":{"fields":{"PRIORITY":"6","_PID":"7"},"provenance":{"tag":"t"}},"ecs":{"version":"9.4.0"},"event":{"dataset":"agent_audit.action"},"host":{"name":"web1"}}`,
	},
}

func TestUnwrap(t *testing.T) {
	for _, c := range unwrapCases {
		var doc value.Doc
		body, err := doc.ParseJSON(c.record)
		if err != nil {
			t.Fatal(c.name, err)
		}
		in := Unwrap(&doc, Record{Body: body, Tag: "t", ID: schema.MakeID("x")})
		if got := string(in.Body.AppendJSON(nil)); got != c.body {
			t.Errorf("%s: body %s, want %s", c.name, got, c.body)
		}
		if got := string(in.Known.AppendJSON(nil)); got != c.known {
			t.Errorf("%s: known\n %s, want\n %s", c.name, got, c.known)
		}
		if in.Source != schema.MakeID("t", in.Known.Infrastructure.LogPath) {
			t.Errorf("%s: source", c.name)
		}
	}
}

// TestInputID holds that path and offset identify a record only together with what it says: rotated logs use them again.
func TestInputID(t *testing.T) {
	id := func(record string) schema.ID {
		var doc value.Doc
		body, err := doc.ParseJSON(record)
		if err != nil {
			t.Fatal(err)
		}
		in := Unwrap(&doc, Record{Body: body, Tag: "t", ID: schema.MakeID("chunk", "0")})
		return in.ID()
	}
	a := id(`{"log":"x","path":"/a.log","offset":7}`)
	if a == schema.MakeID("chunk", "0") || a != id(`{"offset":7,"log":"x","path":"/a.log","stream":"stdout"}`) {
		t.Error("the same line has another identity")
	}
	for _, other := range []string{`{"log":"y","path":"/a.log","offset":7}`, `{"log":"x","path":"/b.log","offset":7}`, `{"log":"x","path":"/a.log","offset":8}`} {
		if id(other) == a {
			t.Error("another line has the same identity", other)
		}
	}
	if id(`{"log":"x","path":"/a.log"}`) != schema.MakeID("chunk", "0") {
		t.Error("without an offset the record's own identity counts")
	}
}

// TestResource reads OpenTelemetry resource attributes from the metadata.
func TestResource(t *testing.T) {
	var doc value.Doc
	meta, err := doc.ParseJSON(`{"resource":{"attributes":{"service.name":"claude-code","service.version":"2.1.226","host.arch":"arm64","os.type":"darwin","k8s.pod.name":"p-1","cloud.region":"eu-central-1"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	in := Unwrap(&doc, Record{Body: doc.Text("x"), Meta: meta, Tag: "t", Time: at})
	k := in.Known
	if k.Identity.ServiceName != "claude-code" || k.Infrastructure.HostOS != "darwin" || k.Infrastructure.OrchestratorType != "kubernetes" || k.Infrastructure.CloudRegion != "eu-central-1" || !k.Time.Equal(at) {
		t.Errorf("%+v", k)
	}
}
