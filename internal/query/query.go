// Package query reads the audit trail back, with the same answers from every store.
//
//	sqlite:PATH         the SQLite store: PATH is the configured base (all months), or one month's file
//	dir:PATH            the archive folder
//	elasticsearch:URL   the data stream of a cluster; see elasticsearch.ParseURL
//
// Which records a Query asks for is defined here once, by Query's comments and Match; querytest is the suite that every
// Source passes.
package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/schema"
)

// Query says which records are wanted. Fields that are empty ask for nothing; the others must all hold. Texts compare
// byte for byte except in Command.
type Query struct {
	ID            string // event.id
	Session       string // agent_audit.session.id
	Agent         string // gen_ai.agent.id, gen_ai.agent.name or service.name
	User          string // user.id, user.name or user.email
	Organization  string // organization.id or organization.name
	Host          string // host.id or host.name
	Tool          string // gen_ai.tool.name
	Command       string // full text, see Phrases
	CommandPrefix string // how the command begins
	// RiskMin and RiskMax bound event.risk_score, both included. A record without a score is outside of any bounds.
	RiskMin, RiskMax *int
	Decision         []string // any of them
	Anomaly          string   // this anomaly among others
	AnyAnomaly       bool     // at least one
	// Since (included) and Until (not included) bound @timestamp.
	Since, Until time.Time

	Order Order
	// After leaves out everything up to and including a row, in the order asked for: the next page.
	After *Cursor
	Limit int // 0: all
}

// Order of the rows: by @timestamp, then event.id.
type Order int

// Orders. NewestFirst turns around both @timestamp and event.id.
const (
	NewestFirst Order = iota
	OldestFirst
)

// Cursor is a place in the order.
type Cursor struct {
	Time time.Time
	ID   string // event.id
}

// Row is a record found.
type Row struct {
	Action *schema.Action
	JSON   []byte // canonical document, byte for byte as sealed
}

// Cursor is the row's place.
func (r *Row) Cursor() Cursor { return Cursor{Time: r.Action.Time, ID: r.Action.Event.ID} }

// Source is a store that can be asked.
type Source interface {
	// Query yields the rows in order as they are found. After an error there are no more. Rows written while it runs may
	// or may not be among them.
	Query(ctx context.Context, q Query) iter.Seq2[Row, error]
	Close() error
}

// Open opens a source by its URL.
func Open(ctx context.Context, url string) (Source, error) {
	scheme, path, _ := strings.Cut(url, ":")
	switch {
	case path == "":
		return nil, fmt.Errorf("source %q is not of the form sqlite:PATH, dir:PATH, s3://BUCKET/PREFIX or elasticsearch:URL", url)
	case scheme == "sqlite":
		return OpenSQLite(ctx, path)
	case scheme == "dir":
		return OpenDir(ctx, path)
	case scheme == "s3":
		return OpenS3(ctx, url)
	case scheme == "elasticsearch":
		return OpenElasticsearch(ctx, path)
	}
	return nil, fmt.Errorf("source %q: unknown kind %q; sqlite:, dir:, s3: and elasticsearch: are known", url, scheme)
}

// maxWords bounds a full-text query.
const maxWords = 1000

// Check says what is wrong with a query.
func (q *Query) Check() error {
	if q.Limit < 0 {
		return errors.New("limit is negative")
	}
	if q.Order != NewestFirst && q.Order != OldestFirst {
		return errors.New("order is unknown")
	}
	if q.RiskMin != nil && q.RiskMax != nil && *q.RiskMin > *q.RiskMax {
		return fmt.Errorf("risk: %d–%d is no range", *q.RiskMin, *q.RiskMax)
	}
	if q.Command == "" {
		return nil
	}
	words := 0
	for _, p := range Phrases(q.Command) {
		words += len(p)
	}
	if words == 0 {
		return fmt.Errorf("command %q has no letter, digit or underscore to search for; search by the command's beginning instead", q.Command)
	}
	if words > maxWords {
		return fmt.Errorf("command has %d words; at most %d can be searched for", words, maxWords)
	}
	return nil
}

// Phrases takes a full-text search apart. What stands between white space is a term; what stands between double quotes is
// one term, spaces and all. A term matches where its words (sqlite.Words: letters, digits and underscores, in either
// case) follow one another in the command, so that -rf finds "rm -rf /", and /etc/passwd does not find "passwd in etc".
// All terms must match, in any order. A quote that is not closed closes at the end.
func Phrases(command string) [][]string {
	var phrases [][]string
	add := func(term string) {
		if words := sqlite.Words(term); len(words) > 0 {
			phrases = append(phrases, words)
		}
	}
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 {
			add(part)
			continue
		}
		for _, term := range strings.Fields(part) {
			add(term)
		}
	}
	return phrases
}

// compare orders places, oldest first. An unknown time comes before all others.
func compare(a, b Cursor) int {
	if a.Time.IsZero() != b.Time.IsZero() {
		if a.Time.IsZero() {
			return -1
		}
		return 1
	}
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
}
