package convert

import (
	"net/url"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// The audit log of a Kubernetes API server: audit.k8s.io/v1 (and v1beta1) events, one a line, or in an EventList (the
// webhook backend). Made from Kubernetes 1.14 to 1.34.
//
//	{"kind":"Event","apiVersion":"audit.k8s.io/v1","level","auditID","stage","requestURI","verb",
//	 "user":{"username","uid","groups","extra"},"impersonatedUser":{…},"sourceIPs":[],"userAgent",
//	 "objectRef":{"resource","namespace","name","apiGroup","apiVersion","subresource"},"responseStatus":{"code","reason",
//	 "message"},"requestObject","responseObject","requestReceivedTimestamp","stageTimestamp",
//	 "annotations":{"authorization.k8s.io/decision":"allow|forbid","authorization.k8s.io/reason":"RBAC: …"}}
//
// One request has one auditID and an event for each stage the audit policy lets through: RequestReceived,
// ResponseStarted (long requests: exec, watch), ResponseComplete, Panic. The last two tell all there is.
//
//   - pods/exec is a command: command=… of the URI, repeated, is its argv; so is cmd=… of nodes/proxy. 101 (or 200)
//     means that it was started. What it printed and how it ended the API server does not know: no exit code, and its
//     outcome is unknown. attach, portforward and all other requests are calls of a tool named "verb resource", whose
//     arguments are the object.
//   - Who decided: the authorizer (decision, reason; RBAC's reason names the binding: that is the rule). A 403 that the
//     authorizer had let through is an admission's; 401 is nobody known. Approval by a person there is none.
//   - The user is who was authenticated; the impersonated user is who the request was made as.
//   - Objects of kinds that are secret by nature (secrets, token requests and reviews) are left out.
//   - GETs of no resource (/healthz, /openapi, /version) are no actions, unless they were refused.
type k8sAudit struct{}

const k8sAuditName = "k8s-audit"

func (*k8sAudit) Name() string { return k8sAuditName }

// Keys of its objects.
func (*k8sAudit) Keys() []string {
	return []string{"apiVersion auditID", "apiVersion items", "auditID stage verb"}
}

func (*k8sAudit) Detect(v value.Value) bool {
	if v.Kind() == value.Array {
		v = v.First()
	}
	if strings.HasPrefix(str(v.Get("apiVersion")), "audit.k8s.io/") {
		return v.Get("auditID").Exists() || v.Get("items").Kind() == value.Array
	}
	return v.Get("auditID").Kind() == value.String && v.Get("stage").Kind() == value.String && v.Get("verb").Kind() == value.String
}

func (*k8sAudit) Convert(_ *Source, in *Input, emit Emit) bool {
	v := in.Body
	if items := v.Get("items"); items.Kind() == value.Array {
		v = items
	}
	if v.Kind() != value.Array {
		k8sEvent(in, emit, v)
		return true
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		if c.Get("auditID").Exists() {
			k8sEvent(in, emit, c)
		}
	}
	return true
}

var k8sPlaced = set(`kind apiVersion auditID stage requestURI verb user impersonatedUser sourceIPs objectRef responseStatus
	requestObject responseObject requestReceivedTimestamp stageTimestamp annotations`)

func k8sEvent(in *Input, emit Emit, v value.Value) {
	stage, id, ref := str(v.Get("stage")), v.Get("auditID").String(), v.Get("objectRef")
	f := newFragment(in, k8sAuditName, "kubernetes", schema.Whole)
	if stage == "RequestReceived" || stage == "ResponseStarted" {
		f.Role = schema.Request
	}
	k8sWho(f, in, v)
	resource := str(ref.Get("resource"))
	if sub := str(ref.Get("subresource")); sub != "" {
		resource += "/" + sub
	}
	f.Command.CallID = id
	f.Command.Tool = strings.TrimSpace(str(v.Get("verb")) + " " + orElse(resource, k8sPath(v)))
	setTime(f, parseTime(first(v, "requestReceivedTimestamp", "timestamp", "stageTimestamp")))
	f.Execution.Start = f.Time
	if end := parseTime(v.Get("stageTimestamp")); stage == "ResponseComplete" && !end.IsZero() && !end.Before(f.Time) {
		f.Execution.End = end
		f.Execution.Duration = schema.Some(end.Sub(f.Time).Nanoseconds())
	}
	k8sWhat(f, v, resource)
	k8sOutcome(f, v)
	if resource == "" && str(v.Get("verb")) == "get" && f.Authorization.Decision != schema.Denied {
		return
	}
	identify(f, callKey(k8sAuditName, "", id), stage)
	emit(f)
}

// k8sPath is the path of a request.
func k8sPath(v value.Value) string {
	path, _, _ := strings.Cut(str(v.Get("requestURI")), "?")
	return path
}

// k8sWho reads who asked, from where, and about what place.
func k8sWho(f *schema.Fragment, in *Input, v value.Value) {
	user, ref, i := v.Get("user"), v.Get("objectRef"), &f.Infrastructure
	f.Identity.UserName = str(user.Get("username"))
	f.Identity.UserID = str(user.Get("uid"))
	f.Identity.EffectiveUser = str(v.Get("impersonatedUser", "username"))
	if ip := v.Get("sourceIPs").First(); ip.Exists() {
		i.SourceIP = str(ip)
		if ip.Next().Exists() {
			addFields(&f.Trail.Fields, single("sourceIPs", v.Get("sourceIPs")))
		}
	}
	// The audit log's own pod, if the wrapping names one, is not where the request went.
	i.OrchestratorType = "kubernetes"
	i.OrchestratorNamespace, i.OrchestratorPod = str(ref.Get("namespace")), ""
	if str(ref.Get("resource")) == "pods" {
		i.OrchestratorPod = str(ref.Get("name"))
	}
	i.ContainerID, i.ContainerName, i.ContainerImage = "", "", ""
	addFields(&f.Trail.Fields, without(v, func(k string) bool { return k8sPlaced[k] || in.isOuter(k) }))
	if rest := without(user, func(k string) bool { return k == "username" || k == "uid" }); rest != "" {
		addFields(&f.Trail.Fields, `{"user":`+rest+`}`)
	}
	if rest := without(v.Get("impersonatedUser"), func(k string) bool { return k == "username" }); rest != "" {
		addFields(&f.Trail.Fields, `{"impersonatedUser":`+rest+`}`)
	}
}

// k8sWhat reads what was asked for.
func k8sWhat(f *schema.Fragment, v value.Value, resource string) {
	setKind(&f.Action, schema.ActionTool)
	verb := str(v.Get("verb"))
	switch verb {
	case "create":
		f.Event.Type = []string{"creation"}
	case "delete", "deletecollection":
		f.Event.Type = []string{"deletion"}
	case "update", "patch":
		f.Event.Type = []string{"change"}
	case "get", "list", "watch":
		f.Event.Type = []string{"access"}
	}
	query := k8sQuery(str(v.Get("requestURI")))
	f.Infrastructure.ContainerName = query.Get("container")
	var argv []string
	switch {
	case strings.HasSuffix(resource, "/exec"):
		if argv = query["command"]; len(argv) == 0 {
			argv = list(v.Get("requestObject", "command"))
		}
	case strings.HasSuffix(resource, "/proxy") && query.Has("cmd"):
		argv = query["cmd"]
	}
	if len(argv) > 0 {
		setKind(&f.Action, schema.ActionShell)
		f.Command.Args, f.Command.Line = argv, commandLine(argv)
	}
	arguments := &f.Command.ToolArguments
	for _, k := range []string{"objectRef", "requestURI"} {
		if c := v.Get(k); c.Exists() {
			addFields(arguments, single(k, c))
		}
	}
	if k8sSecret(v.Get("objectRef")) {
		return
	}
	if c := v.Get("requestObject"); c.Exists() && c.Kind() != value.Null {
		addFields(arguments, single("requestObject", c))
	}
	if c := v.Get("responseObject"); c.Kind() == value.Object {
		setStdout(&f.Execution, string(jsonOf(c)))
	}
}

// k8sQuery reads the parameters of a request, as far as they can be.
func k8sQuery(uri string) url.Values {
	_, raw, _ := strings.Cut(uri, "?")
	q, _ := url.ParseQuery(raw)
	return q
}

func k8sSecret(ref value.Value) bool {
	switch str(ref.Get("resource")) {
	case "secrets", "tokenreviews", "tokenrequests":
		return true
	}
	return str(ref.Get("subresource")) == "token"
}

// k8sOutcome reads who decided, and what the answer was.
func k8sOutcome(f *schema.Fragment, v value.Value) {
	status, notes := v.Get("responseStatus"), v.Get("annotations")
	code, _ := status.Get("code").Int()
	message := str(status.Get("message"))
	word, reason := str(notes.Get("authorization.k8s.io/decision")), str(notes.Get("authorization.k8s.io/reason"))
	rest := without(notes, func(k string) bool { return strings.HasPrefix(k, "authorization.k8s.io/") })
	if rest != "" {
		addFields(&f.Trail.Fields, `{"annotations":`+rest+`}`)
	}
	switch {
	case code == 0:
	case code >= 400:
		f.Event.Outcome = schema.OutcomeFailure
		f.Error.Message, f.Error.Type = message, str(status.Get("reason"))
	case f.Event.Action == schema.ActionShell:
		f.Event.Outcome = schema.OutcomeUnknown // started; how it ended is not told
	default:
		f.Event.Outcome = schema.OutcomeSuccess
	}
	if str(v.Get("stage")) == "Panic" {
		f.Event.Outcome = schema.OutcomeFailure
	}
	source, end := "authorizer", f.Execution.End
	if strings.HasPrefix(reason, "RBAC:") {
		source = "rbac"
	}
	switch {
	case word == "forbid":
		deny(f, source, word, orElse(reason, message))
	case code == 401:
		deny(f, "authentication", "401", message)
	case code == 403 && word == "allow":
		deny(f, "admission", "403", message)
	case code == 403:
		deny(f, source, "403", message)
	case word == "allow":
		f.Authorization = schema.Authorization{Decision: schema.AutoApproved, Source: source, Reason: reason, Raw: word}
		_, f.Authorization.Rule, _ = strings.Cut(reason, "allowed by ")
	}
	f.Execution.End = end // of the request, refused or not
}
