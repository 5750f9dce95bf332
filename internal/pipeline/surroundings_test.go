package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/test/host"
)

// testMachine is a machine with these files and variables.
func testMachine(t *testing.T, files, env map[string]string) machine {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return machine{root: root, getenv: func(k string) string { return env[k] }, hostname: func() (string, error) { return "self", nil }}
}

func TestMachine(t *testing.T) {
	type infra = schema.Infrastructure
	for name, c := range map[string]struct {
		files, env map[string]string
		want       infra
		notes      map[string]string
	}{
		"plain": {
			files: map[string]string{"etc/machine-id": "abc\n", "sys/class/dmi/id/sys_vendor": "LENOVO\n"},
			want:  infra{HostName: "self", HostID: "abc"},
		},
		"aws by firmware": {
			files: map[string]string{"sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "sys/class/dmi/id/board_asset_tag": "i-0abc\n"},
			env:   map[string]string{"AWS_REGION": "of a user's shell"},
			want:  infra{HostName: "self", CloudProvider: "aws", CloudHostID: "i-0abc"},
		},
		"cloud-init": {
			files: map[string]string{"run/cloud-init/instance-data.json": `{"v1":{"cloud_name":"gce","region":"europe-west4","instance_id":"77"}}`},
			want:  infra{HostName: "self", CloudProvider: "gcp", CloudRegion: "europe-west4", CloudHostID: "77"},
		},
		"cloud-init in no cloud": {
			files: map[string]string{"run/cloud-init/instance-data.json": `{"v1":{"cloud_name":"nocloud","instance_id":"x"}}`},
			want:  infra{HostName: "self"},
		},
		"fargate": {
			env:  map[string]string{"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "AWS_REGION": "eu-west-1", "container": "oci"},
			want: infra{HostName: "self", CloudProvider: "aws", CloudRegion: "eu-west-1"}, notes: map[string]string{"host.name": "container"},
		},
		"pod that knows its node": {
			files: map[string]string{"etc/machine-id": "of the image"},
			env:   map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "NODE_NAME": "node-7", "K8S_CLUSTER_NAME": "prod"},
			want:  infra{HostName: "node-7", OrchestratorType: "kubernetes", OrchestratorCluster: "prod"},
			notes: map[string]string{
				"host.name": "environment NODE_NAME", "orchestrator.type": "environment", "orchestrator.cluster.name": "environment K8S_CLUSTER_NAME",
			},
		},
		"container that does not": {
			files: map[string]string{".dockerenv": "", "etc/machine-id": "of the image"},
			want:  infra{HostName: "self"}, notes: map[string]string{"host.name": "container"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, notes := testMachine(t, c.files, c.env).fields()
			if a.Infrastructure.HostArch == "" || a.Infrastructure.HostOS == "" {
				t.Error("no system")
			}
			a.Infrastructure.HostArch, a.Infrastructure.HostOS = "", ""
			if c.notes == nil {
				c.notes = map[string]string{}
			}
			if !reflect.DeepEqual(a.Infrastructure, c.want) || !reflect.DeepEqual(notes, c.notes) {
				t.Errorf("%+v\n%v", a.Infrastructure, notes)
			}
		})
	}
	m := testMachine(t, nil, nil)
	m.hostname = func() (string, error) { return "", errors.New("none") }
	if a, _ := m.fields(); a.Infrastructure.HostName != "" {
		t.Errorf("host %q", a.Infrastructure.HostName)
	}
}

func TestHomeOwner(t *testing.T) {
	for path, want := range map[string]string{
		"/home/alice/.claude/projects/-srv/s.jsonl": "alice", "/var/home/bob/x.jsonl": "bob", "/Users/carol/.codex/s.jsonl": "carol",
		`C:\Users\dan\.claude\s.jsonl`: "dan", "/host/home/eve/.bash_history": "eve", "/root/.codex/x": "root",
		"/home/alice": "", "/srv/home/alice/x": "", "/Users/Shared/x": "", "/var/log/agent.log": "", "": "",
	} {
		if got := homeOwner(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// What a log tells stays; what it does not is filled in, and each field says where it came from.
func TestSurroundings(t *testing.T) {
	uid := os.Getuid()
	if uid == 0 {
		uid = 12345 // root's files say nothing
	}
	m := testMachine(t, map[string]string{"etc/machine-id": "abc", "etc/passwd": "root:x:0:0::/root:\nrobin:x:" + strconv.Itoa(uid) + ":7::/home/r:/bin/sh\n"}, nil)
	s, err := newSurroundings(&config.Config{Organization: "example", Fields: map[string]string{"cloud.region": "eu-1"}}, m)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, uid, -1); err != nil {
		t.Fatal(err)
	}
	always := []string{"organization.id: configuration", "organization.name: configuration", "cloud.region: configuration", "host.id: machine"}
	for name, c := range map[string]struct {
		set        func(*schema.Action)
		user, host string
		notes      []string
	}{
		"nothing told": {func(*schema.Action) {}, "", "self", []string{"host.name: machine"}},
		"home":         {func(a *schema.Action) { a.Infrastructure.LogPath = "/home/alice/x.jsonl" }, "alice", "self", []string{"host.name: machine", "user.name: home folder of the log"}},
		"user told": {func(a *schema.Action) {
			a.Infrastructure.LogPath, a.Identity.UserName = "/home/alice/x.jsonl", "bob"
		}, "bob", "self", []string{"host.name: machine"}},
		"host log":       {func(a *schema.Action) { a.Infrastructure.LogPath, a.Trail.Format = "/home/alice/audit.log", "auditd" }, "", "self", nil},
		"file":           {func(a *schema.Action) { a.Infrastructure.LogPath = file }, "robin", "self", []string{"user.name: owner of the log file"}},
		"of another":     {func(a *schema.Action) { a.Infrastructure.LogPath, a.Infrastructure.HostName = file, "db1" }, "", "db1", nil},
		"home elsewhere": {func(a *schema.Action) { a.Infrastructure.LogPath, a.Infrastructure.HostName = "/home/alice/x", "db1" }, "alice", "db1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var a schema.Action
			c.set(&a)
			s.apply(&a)
			if a.Identity.UserName != c.user || a.Infrastructure.HostName != c.host {
				t.Errorf("user %q host %q", a.Identity.UserName, a.Infrastructure.HostName)
			}
			for _, n := range append(c.notes, always...) {
				if !slices.Contains(a.Identity.Inferred, n) {
					t.Errorf("no note %q in %q", n, a.Identity.Inferred)
				}
			}
			if c.host != "self" && slices.Contains(a.Identity.Inferred, "host.name: machine") {
				t.Errorf("a told host is noted: %q", a.Identity.Inferred)
			}
		})
	}
}

// The path of a container's log names pod, namespace and container; the kubernetes filter's word goes before it, and is noted
// as well.
func TestContainers(t *testing.T) {
	id := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for path, want := range map[string]schema.Infrastructure{
		"/var/log/containers/agent-7d9f_prod_runner-" + id + ".log": {
			OrchestratorType: "kubernetes", OrchestratorPod: "agent-7d9f", OrchestratorNamespace: "prod", ContainerName: "runner", ContainerID: id,
		},
		"/var/log/pods/prod_agent-7d9f_7d1f0000-0000-4000-8000-000000000001/runner/3.log": {
			OrchestratorType: "kubernetes", OrchestratorPod: "agent-7d9f", OrchestratorNamespace: "prod", ContainerName: "runner",
		},
		"/var/lib/docker/containers/" + id + "/" + id + "-json.log": {ContainerID: id},
		"/srv/pods/notes.log": {},
	} {
		a := schema.Action{Infrastructure: schema.Infrastructure{LogPath: path}}
		notes := containerOf(&a, path, nil)
		want.LogPath = path
		if !reflect.DeepEqual(a.Infrastructure, want) || (len(notes) == 0) != (want.ContainerID+want.ContainerName == "") {
			t.Errorf("%s: %+v %q", path, a.Infrastructure, notes)
		}
	}

	l := openLine(t, nil, nil)
	var e host.Encoder
	e.Event(l.time, nil, host.M("log", `{"session_id":"s","command":"ls"}`, "kubernetes", host.M("pod_name", "p1", "namespace_name", "n1", "host", "node-3")))
	if err := l.Flush("kube", e.Take()); err != nil {
		t.Fatal(err)
	}
	a := l.records(t)[0]
	if a.Infrastructure.HostName != "node-3" || a.Infrastructure.OrchestratorPod != "p1" ||
		!slices.Contains(a.Identity.Inferred, "host.name: kubernetes filter") || slices.Contains(a.Identity.Inferred, "host.name: machine") {
		t.Errorf("%+v %q", a.Infrastructure, a.Identity.Inferred)
	}
}
