package display

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// OCSFVersion is the version of the Open Cybersecurity Schema Framework whose classes and profiles are written: the
// first one with the object ai_agent.
const OCSFVersion = "1.9.0-dev"

// Classes of events, with their categories.
const (
	baseEvent       = 0    // category 0: a line that is no action, and what could not be understood
	processActivity = 1007 // category 1, System Activity: shell commands
	apiActivity     = 6003 // category 6, Application Activity: calls of tools
)

// unknown stands where OCSF requires a text and the record has none.
const unknown = "Unknown"

type object = map[string]any

// ocsf writes an event a line. Fields of a record that have no place in OCSF are kept in unmapped, by their paths.
type ocsf struct {
	w   *bufio.Writer
	doc value.Doc
	buf []byte
}

func (f *ocsf) Row(row query.Row) error {
	f.doc.Reset()
	doc, err := f.doc.ParseJSON(string(row.JSON))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(prune(event(row.Action, doc))); err != nil {
		return err
	}
	f.buf = AppendSafeJSON(f.buf[:0], text.Bytes())
	_, err = f.w.Write(f.buf)
	return err
}

func (f *ocsf) Close() error { return f.w.Flush() }

// event is the record as an OCSF event; what is absent is nil, empty or 0 and pruned later.
func event(a *schema.Action, doc value.Value) object {
	class, activity, name := classify(a)
	e := object{
		"class_uid": class, "category_uid": class / 1000, "activity_id": activity, "activity_name": name,
		"type_uid": class*100 + activity, "time": keep(millis(a.Time)), "severity_id": keep(severityID(a)),
		"status_id": keep(statusID(a)), "status": statuses[statusID(a)], "status_detail": cmp.Or(a.Error.Message, a.Authorization.Reason),
		"start_time": millis(a.Execution.Start), "end_time": millis(a.Execution.End),
		"message": a.Message, "raw_data": a.Event.Original,
		"metadata": metadata(a, class), "unmapped": unmapped(doc, class),
	}
	if d := a.Execution.Duration; d.Set {
		e["duration"] = keep(d.N / int64(time.Millisecond))
	}
	switch class {
	case processActivity:
		addProcess(e, a)
	case apiActivity:
		addAPI(e, a)
	}
	if class != baseEvent {
		addActor(e, a)
		addAgent(e, a)
		addControl(e, a)
	}
	addCloud(e, a)
	for _, id := range []string{"class_uid", "category_uid", "activity_id", "type_uid"} {
		e[id] = keep(e[id].(int))
	}
	return e
}

// classify says which class and activity of OCSF a record is.
func classify(a *schema.Action) (class, activity int, name string) {
	if a.Event.Kind == schema.KindPipelineError {
		return baseEvent, 99, "Other"
	}
	switch a.Event.Action {
	case schema.ActionShell:
		return processActivity, 1, "Launch"
	case schema.ActionStdin:
		return processActivity, 99, "Standard Input"
	case schema.ActionFileRead, schema.ActionWebFetch:
		return apiActivity, 2, "Read"
	case schema.ActionFileChange:
		return apiActivity, 3, "Update"
	case schema.ActionMCP, schema.ActionTool:
		return apiActivity, 99, "Tool Call"
	}
	return baseEvent, 99, "Other"
}

func metadata(a *schema.Action, class int) object {
	profiles := []string{"ai_operation", "security_control"}
	if class == baseEvent {
		profiles = nil
	}
	if class == apiActivity {
		profiles = append(profiles, "host")
	}
	if hasCloud(a) {
		profiles = append(profiles, "cloud")
	}
	if a.Infrastructure.ContainerID != "" || a.Infrastructure.ContainerName != "" {
		profiles = append(profiles, "container")
	}
	m := object{
		"version": OCSFVersion, "product": object{"name": "agent-audit", "vendor_name": "agent-audit"}, "profiles": profiles,
		"uid": a.Event.ID, "event_code": a.Event.Action, "log_name": a.Event.Provider, "logged_time": millis(a.Event.Created),
		"correlation_uid": a.Session.ID,
	}
	if a.Trail.Sequence.Set {
		m["sequence"] = keep(a.Trail.Sequence.N)
	}
	return m
}

func addProcess(e object, a *schema.Action) {
	c := &a.Command
	p := object{
		"uid": a.Event.ID, "cmd_line": cmp.Or(c.Line, strings.Join(c.Args, " ")), "working_directory": c.Cwd, "pid": number(a.Execution.PID),
		"created_time": millis(a.Execution.Start), "terminated_time": millis(a.Execution.End),
		"user": object{"name": a.Identity.EffectiveUser}, "environment_variables": variables(c.Env), "container": container(a),
	}
	if c.Executable != "" {
		p["file"] = object{"path": c.Executable, "name": c.Executable[strings.LastIndexByte(c.Executable, '/')+1:], "type_id": 1}
	}
	e["process"] = p
	e["exit_code"] = number(a.Execution.ExitCode)
	e["device"] = device(a)
}

func addAPI(e object, a *schema.Action) {
	c := &a.Command
	api := object{"operation": cmp.Or(c.Tool, unknown), "response": object{"error": a.Error.Type, "error_message": a.Error.Message}}
	if server, tool, ok := strings.Cut(strings.TrimPrefix(c.Tool, "mcp__"), "__"); ok && strings.HasPrefix(c.Tool, "mcp__") {
		api["service"], api["operation"] = object{"name": server}, cmp.Or(tool, unknown)
	}
	if c.CallID != "" {
		api["request"] = object{"uid": c.CallID}
	}
	e["api"] = api
	source := object{"ip": a.Infrastructure.SourceIP, "hostname": a.Infrastructure.HostName, "uid": a.Infrastructure.HostID}
	if len(prune(source)) == 0 {
		source["name"] = unknown
	}
	e["src_endpoint"], e["device"], e["container"] = source, device(a), container(a)
}

func addActor(e object, a *schema.Action) {
	id := &a.Identity
	e["actor"] = object{
		"user": object{
			"uid": id.UserID, "name": id.UserName, "email_addr": id.UserEmail, "credential_uid": id.CredentialHash,
			"org": object{"uid": id.OrganizationID, "name": id.OrganizationName},
		},
		"session":  object{"uid": a.Session.ID, "created_time": millis(a.Session.Start)},
		"app_name": cmp.Or(id.ServiceName, a.Event.Provider, unknown),
	}
}

func addAgent(e object, a *schema.Action) {
	id := &a.Identity
	model := object{}
	if id.Model != "" || id.ProviderName != "" {
		model = object{"name": cmp.Or(id.Model, unknown), "ai_provider": cmp.Or(id.ProviderName, unknown)}
	}
	e["ai_model"] = model
	if name := cmp.Or(id.AgentName, id.ServiceName, a.Event.Provider); name != "" || id.AgentID != "" || id.ServiceVersion != "" {
		e["ai_agent"] = object{
			"uid": id.AgentID, "name": name, "version": id.ServiceVersion, "instance_uid": a.Session.ID, "ai_model": model,
		}
	}
	e["message_context"] = object{
		"uid": a.Session.ConversationID, "ai_role_id": 4, "ai_role": "Agent",
		"service": object{"name": cmp.Or(id.ServiceName, a.Event.Provider, unknown)},
	}
}

func addControl(e object, a *schema.Action) {
	auth := &a.Authorization
	action, disposition := 0, 0
	switch auth.Decision {
	case schema.Approved, schema.AutoApproved:
		action, disposition = 1, 1
	case schema.Denied:
		action, disposition = 2, 2
	}
	e["action_id"], e["action"] = keep(action), [...]string{unknown, "Allowed", "Denied"}[action]
	e["disposition_id"], e["disposition"] = keep(disposition), [...]string{unknown, "Allowed", "Blocked"}[disposition]
	e["authorizations"] = []object{{"decision": auth.Decision, "policy": object{"name": auth.Rule, "type": auth.Source, "desc": auth.Reason}}}
	r := &a.Risk
	if r.Score.Set {
		level := min(max(r.Score.N, 0), 99) / 20
		e["risk_score"], e["risk_level_id"] = keep(r.Score.N), keep(level)
		e["risk_level"] = [...]string{"Info", "Low", "Medium", "High", "Critical"}[level]
	}
	e["risk_details"] = strings.Join(r.Reasons, " ")
	var attacks []object
	for _, t := range r.Techniques {
		technique, sub, ok := strings.Cut(t, ".")
		attack := object{"technique": object{"uid": technique}}
		if ok {
			attack["sub_technique"] = object{"uid": technique + "." + sub}
		}
		attacks = append(attacks, attack)
	}
	e["attacks"] = attacks
}

func hasCloud(a *schema.Action) bool {
	i := &a.Infrastructure
	return i.CloudProvider != "" || i.CloudRegion != "" || i.CloudAccount != ""
}

func addCloud(e object, a *schema.Action) {
	if hasCloud(a) {
		i := &a.Infrastructure
		e["cloud"] = object{"provider": cmp.Or(i.CloudProvider, unknown), "region": i.CloudRegion, "account": object{"uid": i.CloudAccount}}
	}
}

// device needs one of its names.
func device(a *schema.Action) object {
	i := &a.Infrastructure
	d := object{"hostname": i.HostName, "uid": i.HostID, "instance_uid": i.CloudHostID}
	if len(prune(d)) == 0 {
		d["name"] = unknown
	}
	if len(i.HostIP) > 0 {
		d["ip"] = i.HostIP[0]
	}
	d["type_id"], d["type"] = keep(0), unknown
	return d
}

func container(a *schema.Action) object {
	i := &a.Infrastructure
	return object{"uid": i.ContainerID, "name": i.ContainerName, "image": object{"name": i.ContainerImage}}
}

func variables(env []string) []object {
	var list []object
	for _, v := range env {
		name, val, _ := strings.Cut(v, "=")
		list = append(list, object{"name": name, "value": kept{val}})
	}
	return list
}

// severityID is the event's severity, one step above ours, which begins at 0.
func severityID(a *schema.Action) int {
	if !a.Risk.Severity.Set {
		return 0
	}
	return int(a.Risk.Severity.N) + 1
}

var statuses = map[int]string{0: unknown, 1: "Success", 2: "Failure"}

func statusID(a *schema.Action) int {
	switch a.Event.Outcome {
	case schema.OutcomeSuccess:
		return 1
	case schema.OutcomeFailure:
		return 2
	}
	return 0
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
