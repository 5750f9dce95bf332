package convert

import (
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Unwrap takes a record out of what Fluent Bit and its filters put around it. doc holds the nodes of text that has to be
// parsed.
func Unwrap(doc *value.Doc, rec Record) Input {
	in := Input{Body: rec.Body, ID: rec.ID}
	in.Known.Time = rec.Time
	in.Known.Trail.Tag = rec.Tag
	for _, key := range []string{"log", "message"} {
		if s, ok := rec.Body.Get(key).Str(); ok {
			in.Body = rec.Body.Get(key)
			if v, err := doc.ParseJSON(s); err == nil {
				in.Body = v
			}
			break
		}
	}
	in.Source = schema.MakeID(rec.Tag, in.Known.Infrastructure.LogPath)
	return in
}
