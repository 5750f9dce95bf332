package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// text keeps records that tell of no action anybody understands: plain lines as message, objects as fields.
type text struct{}

func (*text) Name() string { return "text" }

func (*text) Detect(value.Value) bool { return true }

func (*text) Convert(src *Source, in *Input, emit Emit) bool {
	f := schema.Fragment{Role: schema.Whole, Key: in.ID, ID: in.ID}
	f.Action = in.Known
	f.Fill(&src.Known)
	f.Event.Kind = schema.KindEvent
	f.Event.Action = schema.ActionLog
	f.Trail.Format = "text"
	if s, ok := in.Body.Str(); ok {
		f.Message = s
	} else {
		f.Trail.Fields = schema.JSON(in.Body.AppendJSON(nil))
	}
	emit(&f)
	return true
}
