package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// text keeps records that tell of no action anybody understands: a plain line as message, an object or array as
// agent_audit.fields, with a best-effort time. It takes anything: nothing is dropped.
type text struct{}

func (*text) Name() string { return "text" }

func (*text) Detect(value.Value) bool { return true }

func (*text) Convert(src *Source, in *Input, emit Emit) bool {
	f := newFragment(in, "text", "", schema.Whole)
	setKind(&f.Action, schema.ActionLog)
	switch s, isText := in.Body.Str(); {
	case isText:
		f.Message = s
	case in.Body.Kind() == value.Object:
		setTime(f, parseTime(first(in.Body, "@timestamp", "timestamp", "time", "ts", "datetime", "date")))
		addFields(&f.Trail.Fields, without(in.Body, in.isOuter))
	default:
		addFields(&f.Trail.Fields, single("value", in.Body))
	}
	identifyByInput(f, in, 0)
	emit(f)
	return true
}
