package pipeline

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/convert"
)

// places infers from where a log lies what it does not say: whose it is, and which container's output.
//
//	/home/alice/.claude/projects/…           the user is alice: an agent's own log lies in its user's home
//	/data/agents/run.jsonl, owned by uid 1000  the user that /etc/passwd names so; root's files say nothing
//	/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log, /var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log
//	/var/lib/docker/containers/ID/ID-json.log
//
// Host logs (auditd, sudo …) name their users: who owns their file is nobody in them.
type places struct {
	passwd string            // path of the user database
	owners map[string]string // of files by path; "" where nothing can be said
}

// maxOwners bounds how many files' owners are remembered.
const maxOwners = 4096

// apply fills in what follows from the log's path, and appends the notes.
func (p *places) apply(a *schema.Action, notes []string) []string {
	path := a.Infrastructure.LogPath
	if path == "" {
		return notes
	}
	notes = containerOf(a, path, notes)
	if a.Identity.UserName != "" || convert.IsHostLog(a.Trail.Format) {
		return notes
	}
	if name := homeOwner(path); name != "" {
		a.Identity.UserName = name
		return append(notes, "user.name: home folder of the log")
	}
	if a.Infrastructure.HostName != "" {
		return notes // it comes from another machine, or a container: the path is not one of ours
	}
	if name := p.fileOwner(path); name != "" {
		a.Identity.UserName = name
		return append(notes, "user.name: owner of the log file")
	}
	return notes
}

// homes are the folders in which home folders are, also as seen from a container that has the host's mounted.
var homes = regexp.MustCompile(`^(?:/(?:host|hostfs|rootfs|mnt/host))?(?:/home/|/var/home/|/export/home/|/Users/|[A-Za-z]:[/\\]Users[/\\])([^/\\]+)[/\\].`)

var notHomes = map[string]bool{"Shared": true, "Public": true, "Default": true, "linuxbrew": true}

// homeOwner is whose home folder a path is in, "" if in none.
func homeOwner(path string) string {
	if m := homes.FindStringSubmatch(path); m != nil && !notHomes[m[1]] {
		return m[1]
	}
	if strings.HasPrefix(path, "/root/") || strings.HasPrefix(path, "/var/root/") {
		return "root"
	}
	return ""
}

// fileOwner is the name of the user who owns a file, "" if that is root, or unknown.
func (p *places) fileOwner(path string) string {
	if name, ok := p.owners[path]; ok {
		return name
	}
	if len(p.owners) >= maxOwners || p.owners == nil {
		p.owners = make(map[string]string)
	}
	name := ""
	if info, err := os.Stat(path); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			name = p.userName(st.Uid)
		}
	}
	p.owners[path] = name
	return name
}

// userName looks a user up in the database file. A directory service is not asked: that may be on the network.
func (p *places) userName(uid uint32) string {
	b, err := os.ReadFile(p.passwd)
	if err != nil {
		return ""
	}
	want := strconv.FormatUint(uint64(uid), 10)
	for line := range strings.Lines(string(b)) {
		if f := strings.SplitN(line, ":", 4); len(f) == 4 && f[2] == want {
			return f[0]
		}
	}
	return ""
}

var (
	containerLog = regexp.MustCompile(`/containers/([a-z0-9][a-z0-9.-]*)_([a-z0-9-]+)_([a-z0-9-]+)-([0-9a-f]{64})\.log`)
	podLog       = regexp.MustCompile(`/pods/([a-z0-9-]+)_([a-z0-9][a-z0-9.-]*)_[0-9a-f-]{32,36}/([a-z0-9-]+)/\d+\.log`)
	dockerLog    = regexp.MustCompile(`/containers/([0-9a-f]{64})/`)
)

// containerOf fills in the container whose output a log is, from its path.
func containerOf(a *schema.Action, path string, notes []string) []string {
	if !strings.Contains(path, "/containers/") && !strings.Contains(path, "/pods/") {
		return notes
	}
	i := &a.Infrastructure
	fill := func(name string, to *string, value string) {
		if *to == "" && value != "" {
			*to = value
			notes = append(notes, name+": path of the log")
		}
	}
	kubernetes := func(pod, namespace, container, id string) {
		fill("orchestrator.type", &i.OrchestratorType, "kubernetes")
		fill("orchestrator.resource.name", &i.OrchestratorPod, pod)
		fill("orchestrator.namespace", &i.OrchestratorNamespace, namespace)
		fill("container.name", &i.ContainerName, container)
		fill("container.id", &i.ContainerID, id)
	}
	if m := containerLog.FindStringSubmatch(path); m != nil {
		kubernetes(m[1], m[2], m[3], m[4])
	} else if m := podLog.FindStringSubmatch(path); m != nil {
		kubernetes(m[2], m[1], m[3], "")
	} else if m := dockerLog.FindStringSubmatch(path); m != nil {
		fill("container.id", &i.ContainerID, m[1])
	}
	return notes
}
