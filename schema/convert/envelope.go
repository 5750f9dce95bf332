package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// What Fluent Bit, its inputs and its filters put around a record, and where each part goes. A record comes in one of
// these forms; X is the agent's own.
//
//	{"log": "X", …}  {"message": "X", …}  {"MESSAGE": "X", …}   tail, docker, fluentd, syslog and systemd inputs: X is
//	                                                           text, or JSON text, perhaps ending in a newline
//	{"log": {X}, …}  {"message": {X}, …}  {"log_processed": {X}, …}   parsed by a filter
//	{X, "kubernetes": {…}, "path": "…", …}                     parsed by the input, or merged by the kubernetes filter
//	"X"                                                        no parser at all
//
// A text is taken out when it is JSON, or when all beside it is wrapping. What is beside it and nobody's field is kept
// as the record's own, in agent_audit.fields.

// Unwrap takes a record out of what Fluent Bit and its filters put around it. doc holds the nodes of text that has to be
// parsed.
func Unwrap(doc *value.Doc, rec Record) Input {
	var in Input
	in.Unwrap(doc, rec)
	return in
}

// Unwrap makes in the input that rec holds, whatever it was before: one Input, which is large, serves all records.
func (in *Input) Unwrap(doc *value.Doc, rec Record) {
	*in = Input{Body: rec.Body, record: rec.ID, made: in.made[:0], sources: in.sources}
	in.Known.Time = rec.Time
	in.Known.Trail.Tag = rec.Tag
	in.beside("metadata", rec.Meta)
	in.beside("otlp", rec.Group)
	if s, ok := rec.Body.Str(); ok {
		in.Body, in.content = parseText(doc, s)
	}
	in.unwrapInner(doc)
	in.whole = in.Body
	in.Source = in.sources.of(rec.Tag, in.Known.Infrastructure.LogPath)
}

// lastSource is the source of the record before: most records are of the same log as that one.
type lastSource struct {
	tag, path string
	id        schema.ID
	agent     string // what agentOfPath has found, once it was asked
	asked     bool
}

// of is the identity of the log with that tag and path.
func (l *lastSource) of(tag, path string) schema.ID {
	if l.id.IsZero() || l.tag != tag || l.path != path {
		*l = lastSource{tag: strings.Clone(tag), path: strings.Clone(path), id: schema.MakeID(tag, path)}
	}
	return l.id
}

// unwrapInner takes the record out of objects. A container runtime's line may stand in the log text of another wrapping.
func (in *Input) unwrapInner(doc *value.Doc) {
	for range 3 {
		text, more := in.unwrapObject(doc)
		in.content = orElse(in.content, text)
		if !more {
			break
		}
	}
}

// beside takes what Fluent Bit gives beside the body: fields it knows to their places, and the whole under a name.
func (in *Input) beside(name string, v value.Value) {
	if v.First().Exists() {
		resource(&in.Known, v)
		addFields(&in.Known.Trail.Fields, single(name, v))
	}
}

// parseText returns the JSON object or array a text holds, else the text without its line end; and the text.
func parseText(doc *value.Doc, s string) (value.Value, string) {
	s = strings.TrimRight(s, "\r\n")
	if t := strings.TrimLeft(s, " \t\ufeff"); t != "" && (t[0] == '{' || t[0] == '[') {
		if v, err := doc.ParseJSON(t); err == nil {
			return v, s
		}
	}
	return doc.Text(s), s
}

// unwrapObject finds the agent's own record in an object and takes the rest as wrapping. It returns the text the record
// was, if it was one, and whether it has found a record.
func (in *Input) unwrapObject(doc *value.Doc) (content string, found bool) {
	outer := in.Body
	if outer.Kind() != value.Object {
		return "", false
	}
	key, inner, text := findInner(doc, outer)
	if key == "" {
		in.wrapped(outer)
		return "", false
	}
	in.Body = inner
	sameObject := inner.Kind() == value.Object
	var more schema.JSON
	for c := outer.First(); c.Exists(); c = c.Next() {
		k := c.Key()
		switch {
		case k == key || k == "log" && key == "log_processed":
		case in.take(outer, c, true):
		case sameObject && inner.Get(k).Exists(): // the kubernetes filter merges what it parsed
		default:
			addFields(&more, single(k, c))
		}
	}
	addFields(&in.Known.Trail.Fields, more)
	return text, true
}

// findInner returns the key under which the agent's own record stands, "" if the object itself is it.
func findInner(doc *value.Doc, v value.Value) (key string, inner value.Value, text string) {
	for _, key := range []string{"log_processed", "log", "message", "MESSAGE", "msg"} {
		c := v.Get(key)
		switch c.Kind() {
		case value.Object:
			if key == "log_processed" || onlyWrapping(v, key) {
				return key, c, ""
			}
		case value.String:
			if key == "MESSAGE" && journalAudit(v, "ID").Exists() {
				continue // in which the event's number is a field beside: see auditd_forms.go
			}
			inner, text := parseText(doc, str(c))
			isJSON := inner.Kind() == value.Object
			if isJSON && (key == "log" || !speaks(v)) || key != "msg" && onlyWrapping(v, key) {
				return key, inner, text
			}
		}
	}
	return "", value.Value{}, ""
}

// speaks says whether an object is an agent's own event, in which a message is but one field.
func speaks(v value.Value) bool {
	for _, k := range []string{"type", "command", "tool", "session_id", "sessionId", "session", "payload", "event", "hook_event_name", "tool_name", "action"} {
		if v.Get(k).Exists() {
			return true
		}
	}
	return false
}

// onlyWrapping says whether everything beside key is known as wrapping.
func onlyWrapping(v value.Value, key string) bool {
	for c := v.First(); c.Exists(); c = c.Next() {
		if k := c.Key(); k != key && !wrapping[k] && !(key == "MESSAGE" && journald(k)) {
			return false
		}
	}
	return true
}

// wrapping are keys that are never the agent's own when they stand beside a log text.
var wrapping = set(`stream time _p logtag date @timestamp timestamp tag _tag fluentbit_tag source partial_message
	partial_id partial_ordinal partial_last kubernetes docker docker_id path filename file_path file log_path source_path
	log.file.path offset pos log.offset host hostname node node_name container_id container_name container_image
	container_image_name az region zone ec2_instance_id ec2_instance_type private_ip vpc_id subnet_id ami_id account_id
	project_id instance_id instance_name cloud_provider provider cluster cluster_name ecs_cluster ecs_task_arn
	ecs_task_definition ecs_task_id ecs_container_name source_ip client_ip remote_addr pri ident pid msgid extradata
	kubernetes_namespace log message log_processed level severity logger loglevel`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// journald says whether a key is a field of systemd's journal.
func journald(k string) bool { return k == strings.ToUpper(k) }

// wrapped reads the wrapping that stands in the same object as the agent's own fields. There only what is
// unmistakable counts.
func (in *Input) wrapped(v value.Value) {
	for c := v.First(); c.Exists(); c = c.Next() {
		if in.take(v, c, false) {
			in.outer = append(in.outer, c.Key())
		}
	}
}

// isOuter says whether a key of Body is wrapping.
func (in *Input) isOuter(key string) bool {
	for _, k := range in.outer {
		if k == key {
			return true
		}
	}
	return false
}

// take reads one key of the wrapping. beside says that the agent's own record stands under another key. It returns
// false when the key is not (surely) wrapping.
func (in *Input) take(outer, c value.Value, beside bool) bool {
	a := &in.Known.Infrastructure
	switch k := c.Key(); k {
	case "kubernetes":
		if c.Kind() != value.Object || !beside && c.Get("podName").Exists() { // Tracee's own
			return false
		}
		in.kubernetes(c)
		return true
	case "path", "filename", "file_path", "file", "log_path", "source_path", "log.file.path":
		s := c.String()
		if s == "" || a.LogPath != "" || !beside && !looksLikeLog(outer, s) {
			return false
		}
		a.LogPath = s
		return true
	case "offset", "pos", "log.offset":
		n, ok := c.Int()
		if !ok || n < 0 || !beside && a.LogPath == "" && !pathBeside(outer) {
			return false
		}
		a.LogOffset = schema.Some(n)
		return true
	case "docker":
		return c.Kind() == value.Object && fill(&a.ContainerID, c.Get("container_id").String())
	case "stream", "_p", "logtag", "partial_message", "partial_id", "partial_ordinal", "partial_last":
		return beside || k == "_p" || k == "logtag" || strings.HasPrefix(k, "partial_")
	case "time", "date", "@timestamp", "timestamp":
		if !beside {
			return false
		}
		if in.Known.Time.IsZero() {
			in.Known.Time = parseTime(c)
		}
		return true
	case "az", "ec2_instance_id", "account_id", "container_id", "container_name":
		if !beside {
			return in.takeCloud(outer, k, c.String())
		}
	}
	return beside && in.takeBeside(c.Key(), c.String())
}

// takeBeside reads wrapping that has its meaning only beside a log text.
func (in *Input) takeBeside(k, s string) bool {
	a := &in.Known.Infrastructure
	switch k {
	case "tag", "_tag", "fluentbit_tag":
		return fill(&in.Known.Trail.Tag, s) || s == in.Known.Trail.Tag
	case "host", "hostname", "node", "node_name", "_HOSTNAME":
		return fill(&a.HostName, s)
	case "_MACHINE_ID":
		return fill(&a.HostID, s)
	case "container_id", "docker_id", "CONTAINER_ID_FULL":
		return fill(&a.ContainerID, s)
	case "container_name", "ecs_container_name", "CONTAINER_NAME":
		return fill(&a.ContainerName, strings.TrimPrefix(s, "/"))
	case "container_image", "container_image_name":
		return fill(&a.ContainerImage, s)
	case "cluster", "cluster_name", "ecs_cluster":
		return fill(&a.OrchestratorCluster, s)
	case "source_ip", "client_ip", "remote_addr":
		return fill(&a.SourceIP, s)
	case "region":
		return fill(&a.CloudRegion, s)
	case "source":
		return s == "stdout" || s == "stderr"
	}
	return in.cloud(k, s)
}

// takeCloud reads what the ec2, gce and ecs filters add to a parsed record. A region or an account alone may be the
// agent's own field.
func (in *Input) takeCloud(outer value.Value, k, s string) bool {
	if k == "ec2_instance_id" || k == "az" || k == "account_id" && outer.Get("ec2_instance_id").Exists() {
		return in.cloud(k, s)
	}
	if (k == "container_id" || k == "container_name") && outer.Get("source").Exists() {
		return in.takeBeside(k, s)
	}
	return false
}

func (in *Input) cloud(k, s string) bool {
	a := &in.Known.Infrastructure
	switch k {
	case "az", "zone":
		if s == "" {
			return false
		}
		if a.CloudRegion == "" {
			a.CloudRegion = regionOf(s)
		}
		return true
	case "ec2_instance_id":
		fill(&a.CloudProvider, "aws")
		return fill(&a.CloudHostID, s)
	case "instance_id":
		return fill(&a.CloudHostID, s)
	case "account_id":
		return fill(&a.CloudAccount, s)
	case "project_id":
		fill(&a.CloudProvider, "gcp")
		return fill(&a.CloudAccount, s)
	case "cloud_provider":
		return fill(&a.CloudProvider, s)
	}
	return false
}

// regionOf is the region of an availability zone: us-east-1a (AWS), europe-west4-b (Google).
func regionOf(zone string) string {
	n := len(zone)
	if n < 3 || zone[n-1] < 'a' || zone[n-1] > 'z' {
		return zone
	}
	switch {
	case zone[n-2] == '-':
		return zone[:n-2]
	case zone[n-2] >= '0' && zone[n-2] <= '9':
		return zone[:n-1]
	}
	return zone
}

// fill sets an unset text.
func fill(dst *string, s string) bool {
	if s == "" || *dst != "" {
		return false
	}
	*dst = s
	return true
}

// kubernetes reads what the filter of that name adds, and notes that it was the filter which told it. What has no field of
// its own (labels, annotations) is kept. The host is the node, not the container.
func (in *Input) kubernetes(v value.Value) {
	a := &in.Known.Infrastructure
	tell := func(path string, dst *string, s string) {
		if fill(dst, s) {
			in.Known.Identity.Inferred = append(in.Known.Identity.Inferred, path+": kubernetes filter")
		}
	}
	tell("orchestrator.type", &a.OrchestratorType, "kubernetes")
	tell("orchestrator.resource.name", &a.OrchestratorPod, v.Get("pod_name").String())
	tell("orchestrator.namespace", &a.OrchestratorNamespace, v.Get("namespace_name").String())
	tell("container.name", &a.ContainerName, v.Get("container_name").String())
	tell("container.id", &a.ContainerID, v.Get("docker_id").String())
	tell("container.image.name", &a.ContainerImage, v.Get("container_image").String())
	tell("host.name", &a.HostName, v.Get("host").String())
	tell("orchestrator.cluster.name", &a.OrchestratorCluster, first(v, "cluster_name", "cluster").String())
	rest := without(v, func(k string) bool {
		switch k {
		case "pod_name", "namespace_name", "container_name", "docker_id", "container_image", "host", "cluster_name",
			"cluster", "pod_id", "container_hash":
			return true
		}
		return false
	})
	if rest != "" {
		addFields(&in.Known.Trail.Fields, `{"kubernetes":`+rest+`}`)
	}
}

// single is an object of one key.
func single(k string, v value.Value) schema.JSON {
	if !v.Exists() {
		v = docOf(v).Null()
	}
	return schema.JSON(v.Compose(func(b []byte) []byte {
		return append(v.AppendJSON(append(value.AppendString(append(b, '{'), k), ':')), '}')
	}))
}

// looksLikeLog says whether a path in a parsed record is that of the log, which tail's path_key adds: it has a log's
// name, or an offset stands beside it.
func looksLikeLog(v value.Value, path string) bool {
	if path[0] != '/' && (len(path) < 3 || path[1] != ':') {
		return false
	}
	if _, ok := first(v, "offset", "pos", "log.offset").Int(); ok {
		return true
	}
	for _, ext := range []string{".jsonl", ".log", ".ndjson"} {
		if strings.HasSuffix(path, ext) || strings.Contains(path, ext+".") {
			return true
		}
	}
	return false
}

// pathBeside says whether a parsed record has a path to which an offset can belong.
func pathBeside(v value.Value) bool {
	p := first(v, "path", "filename", "file_path", "file", "log_path", "source_path", "log.file.path").String()
	return p != "" && looksLikeLog(v, p)
}

// resource reads OpenTelemetry resource attributes, which arrive in group markers and in Fluent Bit's metadata as
// {"resource": {"attributes": {…}}} or bare. Names are those of the semantic conventions.
func resource(a *schema.Action, meta value.Value) {
	attr := meta.Get("resource", "attributes")
	if attr.Kind() != value.Object {
		attr = meta.Get("resource")
	}
	for c := attr.First(); c.Exists(); c = c.Next() {
		if f := resourceField(a, c.Key()); f != nil {
			fill(f, c.String())
		}
	}
	if node := str(attr.Get("k8s.node.name")); node != "" {
		a.Infrastructure.HostName = node // a pod calls itself host.name
	}
	if a.Infrastructure.OrchestratorPod != "" || a.Infrastructure.OrchestratorNamespace != "" {
		fill(&a.Infrastructure.OrchestratorType, "kubernetes")
	}
}

func resourceField(a *schema.Action, name string) *string {
	i, id := &a.Infrastructure, &a.Identity
	switch name {
	case "service.name":
		return &id.ServiceName
	case "service.version":
		return &id.ServiceVersion
	case "host.name":
		return &i.HostName
	case "host.id":
		return &i.HostID
	case "host.arch":
		return &i.HostArch
	case "os.type":
		return &i.HostOS
	case "container.id":
		return &i.ContainerID
	case "container.name", "k8s.container.name":
		return &i.ContainerName
	case "container.image.name":
		return &i.ContainerImage
	case "k8s.cluster.name":
		return &i.OrchestratorCluster
	case "k8s.namespace.name":
		return &i.OrchestratorNamespace
	case "k8s.pod.name":
		return &i.OrchestratorPod
	case "cloud.provider":
		return &i.CloudProvider
	case "cloud.region":
		return &i.CloudRegion
	case "cloud.account.id":
		return &i.CloudAccount
	case "user.id":
		return &id.UserID
	case "user.email":
		return &id.UserEmail
	}
	return nil
}
