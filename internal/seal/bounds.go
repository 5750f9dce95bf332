package seal

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// keywordFields and addressFields are the rows of the schema whose values are bounded below.
var keywordFields, addressFields = fieldsOf("keyword"), fieldsOf("ip")

func fieldsOf(kind string) []*schema.Field {
	var fields []*schema.Field
	for i := range schema.Fields {
		// The original is long and not indexed as a whole.
		if f := &schema.Fields[i]; f.Type == kind && f.Ref != nil && f.Path != "event.original" {
			fields = append(fields, f)
		}
	}
	return fields
}

// bound brings a scrubbed action within schema's bounds, so that no store refuses it or keeps it unsearchable. It
// returns whether a text was cut.
func bound(a *schema.Action) (cut bool) {
	for _, f := range keywordFields {
		switch p := f.Ref(a).(type) {
		case *string:
			cut = cutClean(p, schema.MaxKeyword) || cut
		case *[]string:
			cut = cutList(p) || cut
		}
	}
	a.Command.ToolArguments = indexable(a.Command.ToolArguments)
	a.Trail.Fields = indexable(a.Trail.Fields)
	for _, f := range addressFields {
		switch p := f.Ref(a).(type) {
		case *string:
			if *p != "" && !isAddress(*p) {
				misplaced(a, f.Path, *p)
				*p = ""
			}
		case *[]string:
			*p = onlyAddresses(a, f.Path, *p)
		}
	}
	return cut
}

// cutList cuts the texts of a list, copying it first if any is too long: lists may be shared between actions.
func cutList(list *[]string) (cut bool) {
	for i := range *list {
		if len((*list)[i]) <= schema.MaxKeyword {
			continue
		}
		if !cut {
			*list, cut = slices.Clone(*list), true
		}
		cutClean(&(*list)[i], schema.MaxKeyword)
	}
	return cut
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// onlyAddresses returns those of a list that are addresses: the list itself when all are.
func onlyAddresses(a *schema.Action, path string, list []string) []string {
	if !slices.ContainsFunc(list, func(s string) bool { return !isAddress(s) }) {
		return list
	}
	var kept []string
	for _, s := range list {
		if isAddress(s) {
			kept = append(kept, s)
		} else {
			misplaced(a, path, s)
		}
	}
	return kept
}

// misplaced keeps a value that its field cannot hold among the fields without a place.
func misplaced(a *schema.Action, path, text string) {
	entry := value.AppendString(nil, path)
	entry = append(entry, ':')
	entry = value.AppendString(entry, text)
	rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(a.Trail.Fields)), "{"))
	if rest != "" && rest != "}" {
		entry = append(entry, ',')
	}
	a.Trail.Fields = schema.JSON("{" + string(entry) + strings.TrimSuffix(rest, "}") + "}")
}

// indexable returns JSON that a flattened field takes: an object with keys of bounded length and without NUL. What is
// none is kept whole, as the value of one key.
func indexable(text schema.JSON) schema.JSON {
	s := string(text)
	if s == "" || s[0] == '{' && len(s) <= schema.MaxKeys && !strings.Contains(s, `\u0000`) {
		return text // as nearly all are
	}
	var doc value.Doc
	v, err := doc.ParseJSON(s)
	switch {
	case err == nil && v.Kind() == value.Object && keysFit(v, 0):
		return text
	case err == nil && v.Kind() != value.Object && keysFit(v, 0):
		return schema.JSON(`{"value":` + s + `}`)
	}
	return schema.JSON(value.AppendString([]byte(`{"json":`), s)) + "}"
}

// keysFit says whether all keys below v fit, those above it being used bytes long.
func keysFit(v value.Value, used int) bool {
	for c := v.First(); c.Exists(); c = c.Next() {
		below := used + len(c.Key()) + 1
		if below > schema.MaxKeys || strings.ContainsRune(c.Key(), 0) || !keysFit(c, below) {
			return false
		}
	}
	return true
}

// longValues are the texts in the JSON of an action that are too long to be found as a whole.
func longValues(a *schema.Action) []string {
	var long []string
	for _, text := range []schema.JSON{a.Command.ToolArguments, a.Trail.Fields} {
		if len(text) <= schema.MaxValue {
			continue
		}
		var doc value.Doc
		if v, err := doc.ParseJSON(string(text)); err == nil {
			long = appendLong(long, v)
		}
	}
	return long
}

func appendLong(long []string, v value.Value) []string {
	if s, ok := v.Str(); ok && len(s) > schema.MaxValue {
		return append(long, strings.Clone(s))
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		long = appendLong(long, c)
	}
	return long
}
