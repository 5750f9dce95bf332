package report

import (
	"html/template"
	"io"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
)

// WriteHTML writes the report as a page that stands alone: no script, nothing from elsewhere.
func (p *Policy) WriteHTML(w io.Writer, at time.Time) error {
	return page.Execute(w, struct {
		*Policy
		At    time.Time
		Style template.CSS
	}{p, at.UTC(), Style})
}

// Templates are the report's sections, for pages of others: "sections" takes a *Policy.
var Templates = template.Must(template.New("policy").Funcs(template.FuncMap{
	"day": func(t time.Time) string { return display.Clock(t) },
	"date": func(t *time.Time) string {
		if t == nil {
			return "–"
		}
		return t.UTC().Format(time.DateOnly)
	},
	"risk": func(n *int64) any {
		if n == nil {
			return "–"
		}
		return *n
	},
	"safe": display.Safe,
	"bars": Bars, "histogram": Histogram, "days": DayChart,
	"decisions": func() []string { return Decisions },
	"dict":      dict,
}).Parse(`
{{define "evidence"}}{{if .}}<details><summary>{{len .}} of the records</summary><table><tr><th>Time (UTC)<th class="n">Risk<th>Agent<th>What<th>Record</tr>
{{range .}}<tr><td>{{day .Time}}<td class="n">{{risk .Risk}}<td>{{safe .Agent}}<td><code>{{safe .What}}</code><td><code>{{safe .ID}}</code></tr>{{end}}</table></details>{{end}}{{end}}
{{define "groups"}}<table><tr><th>{{.Title}}<th class="n">Records<th class="n">Highest risk<th>Last<th>Evidence</tr>
{{range .Groups}}<tr><td><code>{{safe .Key}}</code>{{if .Inferred}} <span class="soft">(inferred: it would match)</span>{{end}}<td class="n">{{.Count}}<td class="n">{{risk .Highest}}<td>{{day .Last}}<td>{{template "evidence" .Records}}</tr>
{{else}}<tr><td colspan="5">none</tr>{{end}}</table>{{end}}
{{define "overview"}}
<h3>Decisions by day</h3><p class="legend">{{range decisions}}<svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="decision-{{.}}" width="10" height="10"/></svg> {{.}} {{end}}</p>{{days "Decisions by day" .Days}}
<h3>Risk</h3>{{histogram "Records by risk score" .Risk}}<p class="soft">{{.NoRisk}} records have no score.</p>
<h3>Agents</h3>{{bars "Records by agent" .Agents}}{{end}}
{{define "sections"}}
<h2 id="auto">1. Risk above {{.Above}}, approved by no person: {{.AutoApproved.Count}}</h2>
{{bars "By rule" .AutoApproved.ByRule}}
{{template "groups" (dict "Title" "Rule" "Groups" .AutoApproved.ByRule)}}{{template "groups" (dict "Title" "Agent" "Groups" .AutoApproved.ByAgent)}}{{template "groups" (dict "Title" "Day" "Groups" .AutoApproved.ByDay)}}
<h2 id="anomalies">2. Approved despite anomalies: {{.DespiteAnomalies.Count}}</h2>
{{bars "By anomaly" .DespiteAnomalies.ByAnomaly}}
{{template "groups" (dict "Title" "Anomaly" "Groups" .DespiteAnomalies.ByAnomaly)}}{{template "groups" (dict "Title" "Rule" "Groups" .DespiteAnomalies.ByRule)}}{{template "groups" (dict "Title" "Agent" "Groups" .DespiteAnomalies.ByAgent)}}{{template "groups" (dict "Title" "Day" "Groups" .DespiteAnomalies.ByDay)}}
<h2 id="never">3. Rules that never fire: {{len .NeverFired}}</h2>
<table><tr><th>Rule<th>Configured<th>Last decided<th>Evidence</tr>{{range .NeverFired}}<tr><td><code>{{safe .Rule}}</code><td>{{if .Configured}}yes{{else}}not known{{end}}<td>{{date .Last}}<td>{{template "evidence" .Records}}</tr>{{else}}<tr><td colspan="4">none</tr>{{end}}</table>
<h2 id="failing">4. Rules that let through what failed: {{len .Failing}}</h2>
<table><tr><th>Rule<th class="n">Let through<th class="n">Failed<th>Evidence</tr>{{range .Failing}}<tr><td><code>{{safe .Rule}}</code>{{if .Inferred}} <span class="soft">(inferred)</span>{{end}}<td class="n">{{.LetThrough}}<td class="n">{{.Failed}}<td>{{template "evidence" .Records}}</tr>{{else}}<tr><td colspan="4">none</tr>{{end}}</table>
<h2 id="people">5. What people decided</h2>
<table><tr><th>Kind of command<th class="n">Approved<th class="n">Denied<th>Last denied<th class="n">Highest risk<th class="n">With anomalies<th>Could be allowed<th>Evidence</tr>
{{range .Approvals}}<tr><td><code>{{safe .Kind}}</code><td class="n">{{.Approved}}<td class="n">{{.Denied}}<td>{{date .LastDenied}}<td class="n">{{risk .Highest}}<td class="n">{{.Anomalies}}<td>{{if .Candidate}}yes{{else}}no{{end}}<td>{{template "evidence" .Records}}{{template "evidence" .Refused}}</tr>{{else}}<tr><td colspan="8">none</tr>{{end}}</table>
<h2 id="suggestions">6. Suggested changes: {{len .Suggestions}}</h2>
<table><tr><th>Change<th>Subject<th>Why<th>Records</tr>{{range .Suggestions}}<tr><td>{{.Change}}<td><code>{{safe .Subject}}</code><td>{{safe .Why}}<td>{{if .Records}}<details><summary>{{len .Records}}</summary>{{range .Records}}<code>{{safe .}}</code><br>{{end}}</details>{{end}}</tr>{{else}}<tr><td colspan="4">none</tr>{{end}}</table>
{{end}}`))

// dict gives a template several values by name: name, value, name, value.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

var page = template.Must(template.Must(Templates.Clone()).New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Policy report</title>
<style>{{.Style}}</style>
<h1>Policy report</h1>
<p>{{day .Since}} to {{day .Until}} UTC · {{.Records}} records{{if .Cut}} (the newest only){{end}} · made {{day .At}} UTC</p>
{{template "sections" .Policy}}
<h2>The period</h2>{{template "overview" .Policy}}
</html>
`))
