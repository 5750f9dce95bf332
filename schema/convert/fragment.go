package convert

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// This file holds what all formats share: starting a fragment, identities, results, times and texts.

// newFragment starts a fragment with what the wrapping says. format is the name of the converter, provider the agent
// or program whose log it is.
func newFragment(in *Input, format, provider string, role schema.Role) *schema.Fragment {
	f := in.fragment()
	f.Role, f.Key, f.ID, f.Piece, f.Action = role, schema.ID{}, schema.ID{}, schema.Piece{}, in.Known
	f.Event.Kind = schema.KindEvent
	f.Event.Provider = provider
	f.Trail.Format = format
	f.Trail.Lanes = []string{format}
	return f
}

// globalID is the least length of a call id that may be unique in the world: toolu_… has 30 characters, call_… 29.
const globalID = 20

// isGlobal says whether a call id is unique in the world: long, and made by chance or from a clock (toolu_01NFSq…,
// call_HJ3k…, a UUID, run_shell_command-1769000000000-1f). Names with a number (call_1, functions.run_command:0) repeat
// from session to session however long they are.
func isGlobal(call string) bool {
	if len(call) < globalID {
		return false
	}
	digits, run, runDigits := 0, 0, 0
	for i := range len(call) {
		switch c := call[i]; {
		case c >= '0' && c <= '9':
			digits, run, runDigits = digits+1, run+1, runDigits+1
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			run++
		default:
			run, runDigits = 0, 0
		}
		if run >= 16 && runDigits > 0 || digits >= 10 {
			return true
		}
	}
	return false
}

// callKey is the identity of an action with a call id of its own. An id that is unique in the world names the call in
// whatever log it stands: transcript, hooks, OpenTelemetry, a gateway's. family names the agent, so that all its lanes give
// the same key for the others.
func callKey(family, session, call string) schema.ID {
	if isGlobal(call) {
		return schema.MakeID("call", call)
	}
	return schema.MakeID(family, session, call)
}

// identify sets key and ID of a fragment. says is what the fragment tells of its action, and nothing that changes when
// the line is repeated elsewhere: no session, no position.
func identify(f *schema.Fragment, key schema.ID, says ...string) {
	f.Key = key
	f.ID = key.Derive(f.Role.String(), says...)
}

// identifyByInput identifies the n-th fragment of a record whose source gives no id.
func identifyByInput(f *schema.Fragment, in *Input, n int) {
	f.Key = in.ID()
	if n > 0 {
		f.Key = schema.MakeID(in.ID().String(), strconv.Itoa(n))
	}
	identify(f, f.Key)
}

// setTime dates a fragment by its line; without a time of its own the wrapping's stays.
func setTime(f *schema.Fragment, t time.Time) {
	if !t.IsZero() {
		f.Time = t
	}
	switch f.Role {
	case schema.Request:
		f.Execution.Start = f.Time
	case schema.Result:
		f.Execution.End = f.Time
	}
}

// setExit records an exit code and the outcome that follows from it.
func setExit(f *schema.Fragment, code int64) {
	f.Execution.ExitCode = schema.Some(code)
	f.Event.Outcome = schema.OutcomeSuccess
	if code != 0 {
		f.Event.Outcome = schema.OutcomeFailure
	}
}

// setStdout records standard output, or the result of a tool, with its length. An empty one is recorded as length 0.
func setStdout(e *schema.Execution, s string) {
	e.Stdout, e.StdoutBytes = s, schema.Some(int64(len(s)))
}

func setStderr(e *schema.Execution, s string) {
	e.Stderr, e.StderrBytes = s, schema.Some(int64(len(s)))
}

// deny records that an action was refused. It has not run: that is a failure.
func deny(f *schema.Fragment, source, raw, reason string) {
	f.Authorization.Decision = schema.Denied
	f.Authorization.Source = source
	f.Authorization.Raw = raw
	f.Authorization.Reason = reason
	f.Authorization.DecidedAt = f.Time
	f.Event.Outcome = schema.OutcomeFailure
	f.Execution.End = time.Time{}
}

// keep stores a fact in a Source, as a copy: strings of a record do not outlive it. An empty value changes nothing.
func keep(dst *string, s string) {
	if s != "" && s != *dst {
		*dst = strings.Clone(s)
	}
}

// parseTime reads a time in any of the forms logs use: RFC 3339 (also without zone: UTC, with a space or a comma), or
// seconds, milliseconds, microseconds or nanoseconds since 1970 as number or text; the unit follows from the size.
func parseTime(v value.Value) time.Time {
	switch v.Kind() {
	case value.String:
		s, _ := v.Str()
		return timeOf(s)
	case value.Int, value.Uint, value.Float, value.Number:
		return epoch(v)
	}
	return time.Time{}
}

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 -0700 MST",
	time.RFC1123Z, time.RFC1123,
}

func timeOf(s string) time.Time {
	if len(s) < 8 || len(s) > 64 {
		return time.Time{}
	}
	if s[0] >= '0' && s[0] <= '9' && s[4] != '-' { // no layout begins so, and to find that out from all of them is dear
		return epochText(s)
	}
	if t, ok := plainTime(s); ok {
		if sane(t) {
			return t
		}
		return time.Time{}
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil && sane(t) {
			return t.UTC()
		}
	}
	return time.Time{}
}

// plainTime reads 2026-03-01T10:00:00.123456789+02:00 as time.Parse does with the first of timeLayouts: the form of nearly
// all times. A space may stand for the T; the fraction, of up to nine digits, and the zone may be missing.
func plainTime(s string) (time.Time, bool) {
	if len(s) < len("2026-03-01T10:00:00") || s[4] != '-' || s[7] != '-' || s[10] != 'T' && s[10] != ' ' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	var part [7]int
	for i, at := range [...]int{0, 2, 5, 8, 11, 14, 17} {
		var ok bool
		if part[i], ok = twoDigits(s[at:]); !ok {
			return time.Time{}, false
		}
	}
	nanos, zone, ok := fraction(s[19:])
	if !ok || part[2] > 12 || part[4] > 23 || part[5] > 59 || part[6] > 59 {
		return time.Time{}, false
	}
	offset, ok := zoneOffset(zone)
	t := time.Date(part[0]*100+part[1], time.Month(part[2]), part[3], part[4], part[5], part[6], nanos, time.UTC)
	if !ok || t.Day() != part[3] || t.Month() != time.Month(part[2]) { // the month has no such day
		return time.Time{}, false
	}
	return t.Add(-offset), true
}

// twoDigits reads the number at the beginning of s, which has at least two bytes.
func twoDigits(s string) (n int, ok bool) {
	tens, ones := s[0]-'0', s[1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

// fraction reads a point and up to nine digits of a second as nanoseconds, if there is one, and returns what follows.
func fraction(s string) (nanos int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	n := 1
	for n < len(s) && s[n]-'0' <= 9 {
		if n <= 9 {
			nanos = nanos*10 + int(s[n]-'0')
		}
		n++
	}
	for i := n; i <= 9; i++ {
		nanos *= 10
	}
	return nanos, s[n:], n > 1 && n <= 10
}

// zoneOffset reads Z, nothing (which is UTC too) and +02:00.
func zoneOffset(s string) (time.Duration, bool) {
	switch {
	case s == "" || s == "Z":
		return 0, true
	case len(s) != len("+02:00") || s[0] != '+' && s[0] != '-' || s[3] != ':':
		return 0, false
	}
	hours, ok1 := twoDigits(s[1:])
	minutes, ok2 := twoDigits(s[4:])
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, ok1 && ok2 && hours <= 23 && minutes <= 59
}

// sane bounds times to those a log can hold.
func sane(t time.Time) bool { return t.Year() >= 1990 && t.Year() < 2200 }

func epoch(v value.Value) time.Time {
	if n, ok := v.Int(); ok {
		return epochInt(n)
	}
	f, ok := v.Float()
	if !ok || math.IsNaN(f) || f < 1e8 || f > 1e19 {
		return time.Time{}
	}
	for ; f > 1e11; f /= 1000 {
	}
	sec, frac := math.Modf(f)
	t := time.Unix(int64(sec), int64(math.Round(frac*1e6))*1000).UTC()
	if !sane(t) {
		return time.Time{}
	}
	return t
}

// epochText is epoch of a number in a text.
func epochText(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return epochInt(n)
	}
	var d value.Doc
	return epoch(d.Text(s))
}

func epochInt(n int64) time.Time {
	var t time.Time
	switch {
	case n < 1e8:
		return t
	case n < 1e11:
		t = time.Unix(n, 0)
	case n < 1e14:
		t = time.UnixMilli(n)
	case n < 1e17:
		t = time.UnixMicro(n)
	default:
		t = time.Unix(0, n)
	}
	if !sane(t) {
		return time.Time{}
	}
	return t.UTC()
}

// seconds is a duration in nanoseconds, absent when f is not one.
func seconds(f float64) schema.Int {
	if math.IsNaN(f) || f < 0 || f > 1e9 {
		return schema.Int{}
	}
	return schema.Some(int64(math.Round(f * 1e9)))
}

// scaled is the duration v·unit, absent when v is no number.
func scaled(v value.Value, unit time.Duration) schema.Int {
	f, ok := v.Float()
	if !ok {
		return schema.Int{}
	}
	return seconds(f * unit.Seconds())
}

// contentText joins the texts of a message: a string, or an array of blocks that have a text.
func contentText(v value.Value) string {
	if s, ok := v.Str(); ok {
		return s
	}
	var one string
	var b strings.Builder
	n := 0
	for c := v.First(); c.Exists(); c = c.Next() {
		s, ok := c.Get("text").Str()
		if !ok {
			if s, ok = c.Str(); !ok {
				continue
			}
		}
		if n++; n == 1 {
			one = s
			continue
		}
		if n == 2 {
			b.WriteString(one)
		}
		b.WriteByte('\n')
		b.WriteString(s)
	}
	if n < 2 {
		return one
	}
	return b.String()
}

// docOf is the document that v is of, to which what a text of it holds can be added; a new one if there is no v.
func docOf(v value.Value) *value.Doc {
	if doc := v.Doc(); doc != nil {
		return doc
	}
	return new(value.Doc)
}

// str returns a string value, "" for anything else.
func str(v value.Value) string {
	s, _ := v.Str()
	return s
}

// first returns the first of the keys that v has, with a value.
func first(v value.Value, keys ...string) value.Value { return v.Any(keys...) }

// jsonOf is the JSON text of a value, "" of a missing or null one.
func jsonOf(v value.Value) schema.JSON {
	if k := v.Kind(); k == value.Missing || k == value.Null {
		return ""
	}
	return schema.JSON(v.JSON())
}

// objectOf is the JSON text of an object. Anything else, and an object's text, is put under a name or parsed: fields of
// type flattened hold objects only.
func objectOf(name string, v value.Value) schema.JSON {
	switch s, isText := v.Str(); {
	case v.Kind() == value.Object || v.Kind() == value.Missing || v.Kind() == value.Null:
		return jsonOf(v)
	case isText && strings.HasPrefix(s, "{"):
		doc := docOf(v)
		if parsed, err := doc.ParseJSON(s); err == nil {
			return jsonOf(parsed)
		}
	}
	return single(name, v)
}

// without is the object v as JSON, less the keys for which skip says so; "" when nothing is left.
func without(v value.Value, skip func(key string) bool) schema.JSON {
	if !v.Exists() {
		return ""
	}
	return schema.JSON(v.Compose(func(b []byte) []byte {
		for c := v.First(); c.Exists(); c = c.Next() {
			if !skip(c.Key()) {
				b = c.AppendJSON(appendKey(b, c.Key()))
			}
		}
		if len(b) > 0 {
			b = append(b, '}')
		}
		return b
	}))
}

// appendKey begins another member of an object that is not closed yet; an empty b is one without any.
func appendKey(b []byte, key string) []byte {
	return append(value.AppendString(append(b, before(b)), key), ':')
}

// before is what stands before the next member of such an object.
func before(b []byte) byte {
	if len(b) == 0 {
		return '{'
	}
	return ','
}

// closed is the object that appendKey began, "" if it did not.
func closed(b []byte) schema.JSON {
	if b == nil {
		return ""
	}
	return schema.JSON(append(b, '}'))
}

// addFields puts more fields beside those a fragment already has. Both are JSON objects; of equal keys more's count.
func addFields(dst *schema.JSON, more schema.JSON) {
	switch {
	case more == "" || more == "{}":
	case *dst == "" || *dst == "{}":
		*dst = more
	default:
		*dst = (*dst)[:len(*dst)-1] + "," + more[1:]
	}
}

// strings of an array.
func list(v value.Value) []string {
	var out []string
	for c := v.First(); c.Exists(); c = c.Next() {
		out = append(out, c.String())
	}
	return out
}

// leadingInt reads the integer at the start of s, after spaces.
func leadingInt(s string) (int64, bool) {
	s = strings.TrimLeft(s, " ")
	i := 0
	for i < len(s) && i < 20 && (s[i] >= '0' && s[i] <= '9' || i == 0 && s[i] == '-') {
		i++
	}
	n, err := strconv.ParseInt(s[:i], 10, 64)
	return n, err == nil
}
