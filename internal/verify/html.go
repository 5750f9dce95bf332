package verify

import (
	"html/template"
	"io"
	"time"
)

// WriteHTML writes the report as a page that stands alone: no script, no network.
func (r *Report) WriteHTML(w io.Writer, place string, at time.Time) error {
	return page.Execute(w, struct {
		*Report
		Place string
		At    time.Time
	}{r, place, at.UTC()})
}

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"day": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2006-01-02 15:04:05")
	},
	"number": func(s *uint64) any {
		if s == nil {
			return ""
		}
		return *s
	},
}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Verification of {{.Place}}</title>
<style>
body{font:14px/1.5 sans-serif;max-width:75em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%;margin:1em 0}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}
th{background:#f3f3f3}code{font-size:12px;word-break:break-all}.good{color:#060}.bad{color:#900}pre{white-space:pre-wrap;background:#f7f7f7;padding:.6em}
</style>
<h1>Verification of <code>{{.Place}}</code></h1>
<p>{{day .At}} UTC · {{len .Streams}} streams · {{.Objects}} objects · {{.Records}} records · {{.Bytes}} bytes</p>
{{if .OK}}<h2 class="good">Verified: nothing was found wrong</h2>{{else}}<h2 class="bad">Not verified: {{len .Findings}} findings</h2>
<table><tr><th>Finding<th>Stream<th>File<th>Record<th>What</tr>
{{range .Findings}}<tr><td><b>{{.Kind}}</b><td><code>{{.Stream}}</code><td><code>{{.Object}}</code><td>{{number .Sequence}}<td>{{.Text}}</tr>
{{end}}</table>{{end}}
{{if .KeysFromArchive}}<p class="bad">The keys are those in the archive itself: whoever can change it can change them too.</p>{{end}}
<h2>Streams</h2>
<table><tr><th>Stream<th>From record<th>Records<th>Only hashes<th>Objects<th>Bytes<th>Heartbeats<th>Longest silence<th>Locked until<th>Last checkpoint</tr>
{{range .Streams}}<tr><td><code>{{.Stream}}</code><td>{{.Begins}}<td>{{.Records}}<td>{{.Omitted}}<td>{{.Objects}}<td>{{.Bytes}}<td>{{.Heartbeats}}
<td>{{day .Silence.From}} – {{day .Silence.Until}}<td>{{day .LockedUntil}}<td>{{.Last.Size}} records, {{day .Last.Created}}<br><code>{{.Last.Root}}</code></tr>
{{end}}</table>
{{if .Witnessed}}<h2>Co-signatures</h2><table><tr><th>Witness<th>Stream<th>Records<th>Seen</tr>
{{range .Witnessed}}<tr><td>{{.Witness}}<td>{{.Origin}}<td>{{.Size}}<td>{{day .Time}}</tr>{{end}}</table>{{end}}
{{if .Proved}}<h2>Expected checkpoints that the archive contains</h2>{{range .Proved}}<pre>{{.}}</pre>{{end}}{{end}}
</html>
`))
