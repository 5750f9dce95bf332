// Package retention says for how long records are kept, and what of it each store can promise. One setting drives them
// all: a preset named after the law or standard, or durations of one's own.
//
//	SQLite         a month's file is dropped as a whole when its last record has been kept long enough: a record is kept
//	               for the online time at least, and at most a month longer
//	Elasticsearch  an index is deleted as a whole, the online time after it was rolled over, which is a tenth of that
//	               time, at most 30 days, after its first record
//	S3             each object is locked for the archive time from when it was written; deleting it afterwards is the
//	               bucket's lifecycle's
package retention

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Day is 24 hours. Retention is counted in days, not in months, which differ.
const Day = 24 * time.Hour

// Modes of Object Lock.
const (
	Compliance = "COMPLIANCE" // nobody can shorten or remove it
	Governance = "GOVERNANCE" // who has the right can
)

// Policy is for how long records are kept.
type Policy struct {
	// Preset it began from, "" for durations alone.
	Preset string
	// Clause that it comes from.
	Clause string
	// Online is for how long records can be asked for, in SQLite and Elasticsearch; Archive for how long they are locked
	// in S3, from when they were written. At least; 0 is without end.
	Online, Archive time.Duration
	// Mode of the lock, the weakest that the clause allows.
	Mode string
	// Erasure says that a person may demand to be erased before that time.
	Erasure bool
	// Routes keep some records longer.
	Routes []Route
}

// Route is which records are kept longer, and how long. What is empty matches all. A store that keeps several records in one
// thing keeps it for the longest-lived of them: SQLite looks into its files; Elasticsearch's lifecycle and the lock of S3
// look into nothing, and take the longest route for all.
type Route struct {
	Organization string // organization.id or organization.name
	Agent        string // gen_ai.agent.id, gen_ai.agent.name or service.name
	MinRisk      int    // event.risk_score at least; 0 matches records without a score too
	Online       time.Duration
	Archive      time.Duration
}

// presets in the order of the documentation. Years count 365.25 days and months 30.5, rounded up.
var presets = []Policy{
	{Preset: "internal", Clause: "no law: a usual time for looking into incidents", Online: 90 * Day, Archive: 90 * Day, Mode: Governance},
	{Preset: "soc2", Clause: "SOC 2 (AICPA TSC CC4.1, CC7.2): evidence for a whole period of examination, 12 months", Online: 366 * Day, Archive: 366 * Day, Mode: Governance},
	{Preset: "hipaa", Clause: "45 CFR 164.316(b)(2)(i): 6 years", Online: 366 * Day, Archive: 2192 * Day, Mode: Compliance},
	{Preset: "pci", Clause: "PCI DSS 4.0.1, 10.5.1: 12 months, of which at least 3 at hand; here 12 at hand and 12 more archived", Online: 366 * Day, Archive: 731 * Day, Mode: Compliance},
	{Preset: "gdpr", Clause: "GDPR Art. 5(1)(e) and 17: no longer than necessary, and erased on demand", Online: 30 * Day, Archive: 30 * Day, Mode: Governance, Erasure: true},
	{Preset: "financial", Clause: "17 CFR 210.2-06(a): 7 years; 17 CFR 240.17a-4(f): not rewriteable, not erasable", Online: 366 * Day, Archive: 2557 * Day, Mode: Compliance},
	{Preset: "eu-ai-act", Clause: "Regulation (EU) 2024/1689, Art. 19(1) and 26(6): at least 6 months", Online: 184 * Day, Archive: 184 * Day, Mode: Governance},
}

// Presets are all there are.
func Presets() []Policy { return slices.Clone(presets) }

// ByName is the preset of a name.
func ByName(name string) (Policy, error) {
	var names []string
	for _, p := range presets {
		if p.Preset == name {
			return p, nil
		}
		names = append(names, p.Preset)
	}
	return Policy{}, fmt.Errorf("retention: %q is no preset; there are %s", name, strings.Join(names, ", "))
}

// Check refuses what contradicts itself.
func (p *Policy) Check() error {
	switch {
	case p.Mode != Compliance && p.Mode != Governance:
		return fmt.Errorf("retention.mode %q is neither COMPLIANCE nor GOVERNANCE", p.Mode)
	case p.Online < 0 || p.Archive < 0:
		return errors.New("retention: a duration is negative")
	case p.Online > 0 && p.Online < Day, p.Archive > 0 && p.Archive < Day:
		return errors.New("retention is less than a day: no store can keep that")
	case longer(p.Online, p.Archive):
		return fmt.Errorf("retention.online (%s) is longer than retention.archive (%s): records that can still be asked for could not be proved any more", Text(p.Online), Text(p.Archive))
	}
	for i, r := range p.Routes {
		switch {
		case r.Organization == "" && r.Agent == "" && r.MinRisk == 0:
			return fmt.Errorf("retention.routes[%d] names no organization, agent or min_risk: it would match every record", i)
		case r.MinRisk < 0 || r.MinRisk > 100:
			return fmt.Errorf("retention.routes[%d]: min_risk %d is no score from 0 to 100", i, r.MinRisk)
		case longer(p.Online, r.Online), longer(p.Archive, r.Archive):
			return fmt.Errorf("retention.routes[%d] keeps records for a shorter time than retention does for all: a file, an index or an "+
				"object goes as a whole; give what must go earlier an output and state_dir of its own", i)
		case longer(r.Online, r.Archive):
			return fmt.Errorf("retention.routes[%d]: online (%s) is longer than archive (%s)", i, Text(r.Online), Text(r.Archive))
		}
	}
	return nil
}

// longer says whether a is longer than b; 0 is without end.
func longer(a, b time.Duration) bool { return b != 0 && (a == 0 || a > b) }

// Longest is the policy's time, or that of the route which keeps longest.
func (p *Policy) Longest() (online, archive time.Duration) {
	online, archive = p.Online, p.Archive
	for _, r := range p.Routes {
		if longer(r.Online, online) {
			online = r.Online
		}
		if longer(r.Archive, archive) {
			archive = r.Archive
		}
	}
	return online, archive
}

// Text is a duration for people.
func Text(d time.Duration) string {
	switch {
	case d == 0:
		return "without end"
	case d%Day == 0:
		return fmt.Sprintf("%d days", d/Day)
	}
	return d.String()
}
