package fluentbit

// Severity of a Finding.
type Severity string

// Severities: an error keeps the trail from working, a warning loses or leaks something, a note is worth knowing.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is something to change or to know.
type Finding struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	What     string   `json:"what"`
	Why      string   `json:"why,omitempty"`
	Fix      string   `json:"fix,omitempty"`
}

func (c *Config) find(s Severity, at Pos, what, why, fix string) {
	c.Findings = append(c.Findings, Finding{Severity: s, File: at.File, Line: at.Line, What: what, Why: why, Fix: fix})
}
