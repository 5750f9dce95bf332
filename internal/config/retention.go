package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/retention"
)

// Retention is for how long records are kept in all stores: the name of a preset (internal, soc2, hipaa, pci, gdpr,
// financial, eu-ai-act), one duration, or a section. Flat: retention (a name or a duration).
type Retention struct {
	// Preset to begin from; what else is given takes its place.
	Preset string `yaml:"preset"`
	// Online is for how long records can be asked for (SQLite, Elasticsearch), Archive for how long they are locked (S3).
	Online  Duration `yaml:"online"`
	Archive Duration `yaml:"archive"`
	// Mode of the lock: COMPLIANCE or GOVERNANCE.
	Mode string `yaml:"mode"`
	// Routes keep some records longer than the others.
	Routes []RetentionRoute `yaml:"routes"`
}

// RetentionRoute is which records are kept longer; what is not given matches all.
type RetentionRoute struct {
	Organization string   `yaml:"organization"`
	Agent        string   `yaml:"agent"`
	MinRisk      int      `yaml:"min_risk"`
	Online       Duration `yaml:"online"`
	Archive      Duration `yaml:"archive"`
}

// UnmarshalYAML reads a word or a section.
func (r *Retention) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		return r.parse(word)
	}
	type section Retention
	return unmarshal((*section)(r))
}

func (r *Retention) parse(word string) error {
	if _, err := retention.ByName(word); err == nil {
		r.Preset = word
		return nil
	}
	var d Duration
	if err := d.parse(word); err != nil {
		_, err := retention.ByName(word)
		return fmt.Errorf("%w; or a duration such as 400d", err)
	}
	r.Online, r.Archive = d, d
	return nil
}

// Policy is the retention with its preset's values; nil if none is set.
func (r *Retention) Policy() (*retention.Policy, error) {
	if r == nil {
		return nil, nil
	}
	p := retention.Policy{Clause: "durations of your own", Mode: retention.Compliance}
	if r.Preset != "" {
		var err error
		if p, err = retention.ByName(r.Preset); err != nil {
			return nil, err
		}
	}
	if err := r.own(&p); err != nil {
		return nil, err
	}
	for _, o := range r.Routes {
		route := retention.Route{Organization: o.Organization, Agent: o.Agent, MinRisk: o.MinRisk, Online: p.Online, Archive: p.Archive}
		if o.Online != 0 {
			route.Online = time.Duration(o.Online)
		}
		if o.Archive != 0 {
			route.Archive = time.Duration(o.Archive)
		}
		p.Routes = append(p.Routes, route)
	}
	return &p, p.Check()
}

// own puts what the section says in the preset's place, which may only be more than its clause demands.
func (r *Retention) own(p *retention.Policy) error {
	for _, d := range []struct {
		name string
		own  Duration
		to   *time.Duration
	}{{"online", r.Online, &p.Online}, {"archive", r.Archive, &p.Archive}} {
		if d.own == 0 {
			continue
		}
		if p.Preset != "" && !p.Erasure && time.Duration(d.own) < *d.to {
			return fmt.Errorf("retention.%s: %s is less than the %s of %s (%s); without a preset it may be anything",
				d.name, retention.Text(time.Duration(d.own)), retention.Text(*d.to), p.Preset, p.Clause)
		}
		*d.to = time.Duration(d.own)
	}
	switch mode := strings.ToUpper(r.Mode); {
	case mode == "":
	case p.Preset != "" && p.Mode == retention.Compliance && mode == retention.Governance:
		return fmt.Errorf("retention.mode GOVERNANCE is less than %s asks for (%s)", p.Preset, p.Clause)
	default:
		p.Mode = mode
	}
	return nil
}

// retain gives the stores what the policy asks of them. What a store's own section says must not be less.
func (c *Config) retain() error {
	p, err := c.Retention.Policy()
	if p == nil || err != nil {
		return err
	}
	_, archive := p.Longest()
	if x := c.Exporters.SQLite; x != nil {
		x.Retention = Duration(p.Online)
		for _, r := range p.Routes {
			x.Longer = append(x.Longer, SQLiteRoute{r.Organization, r.Agent, r.MinRisk, Duration(r.Online)})
		}
	}
	s := c.Exporters.S3
	if s == nil {
		return nil
	}
	s.Retention = orDefault(s.Retention, Duration(archive))
	s.Mode = orDefault(s.Mode, p.Mode)
	switch {
	case archive == 0:
		return errors.New("retention.archive is not set: S3 locks objects for a time; give it, for example 365d")
	case time.Duration(s.Retention) < archive:
		return fmt.Errorf("exporters.s3.retention (%s) is shorter than retention asks for (%s)", retention.Text(time.Duration(s.Retention)), retention.Text(archive))
	case s.Mode != retention.Compliance && p.Mode == retention.Compliance:
		return fmt.Errorf("exporters.s3.mode %s is less than retention asks for, COMPLIANCE", s.Mode)
	}
	return c.erasable(p)
}

// erasable refuses to lock a person's data away from erasure. Behind pseudonyms there is none in the archive, and
// originals go with their keys.
func (c *Config) erasable(p *retention.Policy) error {
	if s := c.Exporters.S3; p.Erasure && s != nil && s.Mode == retention.Compliance && c.Privacy == nil {
		return errors.New("retention: gdpr promises erasure, and exporters.s3.mode COMPLIANCE lets nobody erase: set privacy, so that no names are locked, or use GOVERNANCE")
	}
	return nil
}
