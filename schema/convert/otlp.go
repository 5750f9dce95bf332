package convert

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// OpenTelemetry log records, however they have come here. What an agent's records say is in that agent's file.
//
//	{"resourceLogs":[{"resource":{"attributes":A},"scopeLogs":[{"scope":{"name"},"logRecords":[R,…]}]}]}
//	    OTLP/JSON, a document, a line or an array of them; also with snake_case names, as Protobuf's own JSON may have
//	R = {"timeUnixNano","observedTimeUnixNano","eventName","body":V,"attributes":A}
//	A = [{"key":"k","value":V},…]      V = {"stringValue":"…"} | {"intValue":7} | {"intValue":"7"} | {"boolValue":true} …
//	{"@timestamp","attributes":{…},"resource":{"attributes":{…}},"scope":{"name"},"body":{"text"}}
//	    as Elasticsearch stores them, perhaps under _source: attributes are nested, or have dots in their keys, or stand in
//	    labels with underscores in place of dots; the Collector's older mapping has Attributes, Resource, Scope, Body
//	{"hrTime":[s,ns],"resource":{"attributes":{…}},"instrumentationScope":{"name"},"attributes":{…}}   of a JavaScript SDK
//	body "…" with metadata {"otlp":{"attributes":{…}}} and group {"resource":{"attributes":{…}},"scope":{"name"}}
//	    Fluent Bit's opentelemetry input; Unwrap keeps both in the fields of what is known beside the body
//
// One document may hold the records of several agents: whoever recognises it reads all of them.

// otlpAgent is an agent whose log records we read. More are added to otlpAgents.
type otlpAgent struct {
	name string // of the format
	text string // how its bodies begin where they are texts, "" if none are
	owns func(r *otlpRecord) bool
	// bodies says whether an object may be the body of a record that stands alone, its attributes beside it; nil if none is.
	bodies func(body value.Value) bool
	read   func(r *otlpRecord, src *Source, in *Input, emit Emit)
}

func otlpAgents() [3]*otlpAgent { return [...]*otlpAgent{&claudeOtel, &codexOtel, &genAIOtel} }

// otlpFormat is the format of an agent's log records.
type otlpFormat struct {
	otlpAgent
	prompts bool
}

// Name of the format.
func (f *otlpFormat) Name() string { return f.name }

// Detect says whether the first record of an agent that we know is this one's. What stands beside the body is seen by
// Convert only: here a body as this agent writes it, or none, will do.
func (f *otlpFormat) Detect(v value.Value) bool {
	if s, ok := v.Str(); ok || v.Kind() == value.Null || v.Kind() == value.Object && !v.First().Exists() {
		return s == "" || f.text != "" && strings.HasPrefix(s, f.text)
	}
	if f.bodies != nil && f.bodies(v) {
		return true
	}
	if v.Kind() == value.Object && !otlpKeys.mayBeIn(v.Keys()) && !otlpDotted(v) {
		return false
	}
	mine := false
	otlpEach(v, func(r *otlpRecord) bool {
		a := r.agent()
		mine = a != nil && a.name == f.name
		return a == nil
	})
	return mine
}

// Convert reads the records of all agents that we know.
func (f *otlpFormat) Convert(src *Source, in *Input, emit Emit) bool {
	if mine, beside := f.convertBeside(src, in, emit); beside {
		return mine
	}
	if _, isText := in.Body.Str(); isText {
		return false
	}
	found := false
	otlpEach(in.Body, func(r *otlpRecord) bool {
		if a := r.agent(); a != nil {
			found, r.prompts = true, f.prompts
			a.read(r, src, in, emit)
		}
		return true
	})
	return found
}

// convertBeside reads a record whose attributes Fluent Bit has put beside its body, if there are any.
func (f *otlpFormat) convertBeside(src *Source, in *Input, emit Emit) (mine, beside bool) {
	if in.Known.Trail.Fields == "" {
		return false, false
	}
	var doc value.Doc
	fields, err := doc.ParseJSON(string(in.Known.Trail.Fields))
	if err != nil {
		return false, false
	}
	meta := fields.Get("metadata")
	if o := meta.Get("otlp"); o.Kind() == value.Object {
		meta = o
	}
	if !meta.Get("attributes").First().Exists() {
		return false, false
	}
	r := &otlpRecord{text: otlpText(in.Body), body: in.Body, prompts: f.prompts}
	r.resource = otlpResourceAttrs(nil, fields.Get("otlp", "resource"))
	r.fill(meta, fields.Get("otlp", "scope"))
	if r.time.IsZero() {
		r.time = in.Known.Time
	}
	a := r.agent()
	if a == nil || a.name != f.name {
		return false, true
	}
	plain := *in
	plain.Known.Trail.Fields = without(fields, func(k string) bool { return k == "metadata" || k == "otlp" })
	a.read(r, src, &plain, emit)
	return true, true
}

// otlpRecord is one log record.
type otlpRecord struct {
	time     time.Time
	event    string // its event.name
	text     string // its body, where that is a text
	body     value.Value
	trace    string // in hexadecimal
	scope    string
	attrs    []otlpAttr
	resource []otlpAttr
	prompts  bool
}

// otlpAttr is an attribute; its value is a plain one.
type otlpAttr struct {
	name  string
	value value.Value
}

// agent is whose record it is, nil if nobody's that we know.
func (r *otlpRecord) agent() *otlpAgent {
	for _, a := range otlpAgents() {
		if a.owns(r) {
			return a
		}
	}
	return nil
}

// get returns an attribute by its name. Storages put underscores in place of dots.
func (r *otlpRecord) get(name string) value.Value { return otlpGet(r.attrs, name) }

func otlpGet(attrs []otlpAttr, name string) value.Value {
	for _, a := range attrs {
		if sameAttr(a.name, name) {
			return a.value
		}
	}
	return value.Value{}
}

// sameAttr says whether two names are the same but for dots and underscores.
func sameAttr(a, b string) bool {
	if len(a) != len(b) || len(a) > 0 && a[0] != b[0] && a[0] != '.' && a[0] != '_' {
		return false
	}
	for i := range len(a) {
		if x, y := a[i], b[i]; x != y && (x != '.' || y != '_') && (x != '_' || y != '.') {
			return false
		}
	}
	return true
}

// str is an attribute as text.
func (r *otlpRecord) str(name string) string { return r.get(name).String() }

// rest is what the attributes say beside those named, as fields of the record.
func (r *otlpRecord) rest(said map[string]bool) schema.JSON {
	var b []byte
	for _, a := range r.attrs {
		if said[a.name] || said[strings.ReplaceAll(a.name, "_", ".")] || !a.value.Exists() {
			continue
		}
		if b == nil {
			b = append(b, `{"attributes":{`...)
		} else {
			b = append(b, ',')
		}
		b = a.value.AppendJSON(append(value.AppendString(b, a.name), ':'))
	}
	if b == nil {
		return ""
	}
	return schema.JSON(append(b, "}}"...))
}

// about puts what the resource says into an action.
func (r *otlpRecord) about(a *schema.Action) { otlpResource(a, r.resource) }

// otlpResource puts what a resource says into an action. The host of a pod is its node.
func otlpResource(a *schema.Action, resource []otlpAttr) {
	for _, attr := range resource {
		if f := resourceField(a, attr.name); f != nil {
			fill(f, attr.value.String())
		}
	}
	if node := otlpGet(resource, "k8s.node.name").String(); node != "" {
		a.Infrastructure.HostName = node
	}
	if a.Infrastructure.OrchestratorPod != "" || a.Infrastructure.OrchestratorNamespace != "" {
		fill(&a.Infrastructure.OrchestratorType, "kubernetes")
	}
}

// said identifies what a record says: the same in whatever form it has come.
func (r *otlpRecord) said() string {
	return strings.Join([]string{r.event, r.str("event.sequence"), schema.FormatTime(r.time)}, " ")
}

// otlpResourceAttrs appends the attributes of a resource.
func otlpResourceAttrs(to []otlpAttr, resource value.Value) []otlpAttr {
	n := len(to)
	if to = otlpAttrs(to, "", first(resource, "attributes", "Attributes")); len(to) == n {
		to = otlpAttrs(to, "", resource)
	}
	return to
}

// fill takes a record with its scope. Its resource is there already.
func (r *otlpRecord) fill(v, scope value.Value) {
	for c := v.First(); c.Exists(); c = c.Next() {
		switch k := c.Key(); k {
		case "attributes", "Attributes", "labels", "numeric_labels":
			r.attrs = otlpAttrs(r.attrs, "", c)
		default:
			if name, ok := cutAnyPrefix(k, "attributes.", "Attributes.", "labels."); ok {
				r.attrs = append(r.attrs, otlpAttr{name, otlpValue(c)})
			} else if name, ok := cutAnyPrefix(k, "resource.attributes.", "Resource."); ok {
				r.resource = append(r.resource, otlpAttr{name, otlpValue(c)})
			}
		}
	}
	r.scope = orElse(str(first(scope, "name", "Name")), str(v.Get("scope.name")))
	r.text = orElse(r.text, otlpText(first(v, "body", "Body", "body.text", "message")))
	if !r.body.Exists() {
		r.body = first(v, "body", "Body")
	}
	r.trace = str(first(v, "traceId", "trace_id", "TraceId"))
	r.event = r.str("event.name")
	for _, e := range []value.Value{v.Get("eventName"), v.Get("event_name"), v.Get("event.name"), v.Get("event", "name")} {
		r.event = orElse(r.event, str(e))
	}
	r.time = parseTime(r.get("event.timestamp"))
	for _, k := range []string{"timeUnixNano", "time_unix_nano", "timestamp", "@timestamp", "Timestamp", "observedTimeUnixNano", "observed_time_unix_nano", "observed_timestamp"} {
		if r.time.IsZero() {
			r.time = parseTime(otlpValue(v.Get(k)))
		}
	}
	if s, ok := v.Get("hrTime").At(0).Int(); ok && r.time.IsZero() && s > 0 && s < 1<<33 {
		n, _ := v.Get("hrTime").At(1).Int()
		r.time = epochInt(s*1e9 + n)
	}
}

// cutAnyPrefix cuts the first of the prefixes that s has.
func cutAnyPrefix(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, p); ok {
			return rest, true
		}
	}
	return s, false
}

// otlpEach calls do for every log record in a JSON value that holds such, until it returns false, and returns the same.
func otlpEach(v value.Value, do func(*otlpRecord) bool) bool {
	if v.Kind() == value.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if c.Kind() == value.Object && !otlpEach(c, do) {
				return false
			}
		}
		return true
	}
	if s := v.Get("_source"); s.Kind() == value.Object {
		v = s
	}
	logs := first(v, "resourceLogs", "resource_logs")
	if logs.Kind() == value.Array {
		for c := logs.First(); c.Exists(); c = c.Next() {
			if !otlpScopes(c, do) {
				return false
			}
		}
		return true
	}
	if first(v, "scopeLogs", "scope_logs").Kind() == value.Array {
		return otlpScopes(v, do)
	}
	if !otlpLooks(v) {
		return true
	}
	r := spareOTLP()
	defer r.spare()
	r.resource = otlpResourceAttrs(r.resource, first(v, "resource", "Resource"))
	r.fill(v, first(v, "scope", "Scope", "instrumentationScope"))
	return do(r)
}

// otlpSpare are records whose memory serves again: none is used after otlpEach has called do with it.
var otlpSpare sync.Pool

func spareOTLP() *otlpRecord {
	if r, ok := otlpSpare.Get().(*otlpRecord); ok {
		return r
	}
	return new(otlpRecord)
}

// maxSpareAttrs bounds what is kept after a record with very many.
const maxSpareAttrs = 1 << 10

func (r *otlpRecord) spare() {
	if cap(r.attrs) > maxSpareAttrs || cap(r.resource) > maxSpareAttrs {
		return
	}
	clear(r.attrs[:cap(r.attrs)]) // their values would keep the document
	clear(r.resource[:cap(r.resource)])
	*r = otlpRecord{attrs: r.attrs[:0], resource: r.resource[:0]}
	otlpSpare.Put(r)
}

// otlpLooks says whether an object may be a single log record: it has attributes, in any of the ways.
func otlpLooks(v value.Value) bool {
	if first(v, "startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time").Exists() {
		return false // a span
	}
	if first(v, "attributes", "Attributes", "labels").First().Exists() {
		return true
	}
	return otlpDotted(v)
}

// otlpKeys are the keys one of which an object with log records has, if it is not otlpDotted.
var otlpKeys = newKeySets("_source", "resourceLogs", "resource_logs", "scopeLogs", "scope_logs", "attributes", "Attributes", "labels")

// otlpDotted says whether an object has attributes by names with dots.
func otlpDotted(v value.Value) bool {
	for c := v.First(); c.Exists(); c = c.Next() {
		switch k := c.Key(); {
		case k == "":
		case k[0] == 'a' && strings.HasPrefix(k, "attributes."), k[0] == 'A' && strings.HasPrefix(k, "Attributes."),
			k[0] == 'l' && strings.HasPrefix(k, "labels."):
			return true
		}
	}
	return false
}

// otlpScopes reads the records of one resource, as otlpEach.
func otlpScopes(v value.Value, do func(*otlpRecord) bool) bool {
	r := spareOTLP()
	defer r.spare()
	r.resource = otlpResourceAttrs(r.resource, v.Get("resource"))
	own := len(r.resource)
	scopes := first(v, "scopeLogs", "scope_logs", "instrumentationLibraryLogs")
	for s := scopes.First(); s.Exists(); s = s.Next() {
		list := first(s, "logRecords", "log_records", "logs")
		scope := first(s, "scope", "instrumentationLibrary")
		for c := list.First(); c.Exists(); c = c.Next() {
			*r = otlpRecord{attrs: r.attrs[:0], resource: r.resource[:own]}
			r.fill(c, scope)
			if !do(r) {
				return false
			}
		}
	}
	return true
}

// otlpAttrs appends attributes, given as a list of keys and values or as an object, with their names in full.
func otlpAttrs(to []otlpAttr, prefix string, v value.Value) []otlpAttr {
	to = slices.Grow(to, v.Len())
	for c := v.First(); c.Exists(); c = c.Next() {
		name, val := c.Key(), c
		if v.Kind() == value.Array {
			name, val = str(first(c, "key", "Key")), first(c, "value", "Value")
		}
		val = otlpValue(val)
		if val.Kind() == value.Object && v.Kind() == value.Object && len(prefix) < 64 {
			to = otlpAttrs(to, prefix+name+".", val)
		} else if name != "" {
			to = append(to, otlpAttr{prefix + name, val})
		}
	}
	return to
}

// otlpKinds are the names under which the JSON form of a value has it.
var otlpKinds = set("stringValue intValue doubleValue boolValue string_value int_value double_value bool_value")

// otlpValue takes a value out of its JSON form; lists and maps stay as they are.
func otlpValue(v value.Value) value.Value {
	if c := v.First(); v.Kind() == value.Object && otlpKinds[c.Key()] && !c.Next().Exists() {
		return c
	}
	return v
}

// otlpPlain takes a value with all in it out of its JSON form: {"kvlistValue":{"values":[{"key","value"},…]}} and
// {"arrayValue":{"values":[…]}}.
func otlpPlain(doc *value.Doc, v value.Value) value.Value {
	if k := v.First().Key(); v.Kind() != value.Object || !otlpKinds[k] && !otlpLists[k] {
		return v
	}
	plain, err := doc.ParseJSON(string(appendOTLP(nil, v, 0)))
	if err != nil {
		return v
	}
	return plain
}

var otlpLists = set("kvlistValue arrayValue kvlist_value array_value")

func appendOTLP(b []byte, v value.Value, depth int) []byte {
	c := v.First()
	if v.Kind() != value.Object || !otlpLists[c.Key()] || depth > 32 {
		return otlpValue(v).AppendJSON(b)
	}
	isMap := strings.HasPrefix(c.Key(), "kv")
	ends := "[]"
	if isMap {
		ends = "{}"
	}
	b = append(b, ends[0])
	for e := c.Get("values").First(); e.Exists(); e = e.Next() {
		if b[len(b)-1] != ends[0] {
			b = append(b, ',')
		}
		if isMap {
			b = append(value.AppendString(b, str(e.Get("key"))), ':')
			e := e.Get("value")
			b = appendOTLP(b, e, depth+1)
		} else {
			b = appendOTLP(b, e, depth+1)
		}
	}
	return append(b, ends[1])
}

// otlpText is a body that is a text.
func otlpText(v value.Value) string {
	v = otlpValue(v)
	if t := v.Get("text"); t.Kind() == value.String {
		v = t
	}
	return str(v)
}
