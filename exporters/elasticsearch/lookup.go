package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// A record's identity is unique in each backing index, and a rollover may fall between a request whose answer was lost
// and its repetition. Records that are sent again are therefore looked up first, by identity, in the indices where an
// earlier attempt can have put them. A look-up sees what was stored a moment ago (it does not wait for a refresh), and
// the index that is written to now is among those asked, so that a rollover right after it does no harm.
//
// It needs rights beyond create_doc (LookupPrivileges), which setup gives on request. An exporter that has them not sends
// unasked, and the rare copy is one that our own queries give once.

// LookupPrivileges are the rights to look records up by identity. They are not enough to search or to list: who holds
// them reads a record only if its identity is known, as it is to whom it came from.
var LookupPrivileges = []string{"view_index_metadata", "indices:data/read/mget*"}

// newestIndices bounds where a look-up asks. Rollovers are a day apart at least, or 50 GB: an attempt older than ten of
// them is one of an exporter that was cut off in its midst and away for that long.
const newestIndices = 10

// lookup looks up a data stream's records. It is safe for concurrent use.
type lookup struct {
	client *Client
	stream string

	mu      sync.Mutex
	asked   bool
	allowed bool // by the server, when it was asked
}

// split parts items into those that are stored already and those that are not. Where it may not look, none is.
func (l *lookup) split(ctx context.Context, items []bulkItem) (there, rest []bulkItem, err error) {
	if allowed, err := l.may(ctx); err != nil || !allowed {
		return nil, items, err
	}
	there, rest, err = l.client.lookUp(ctx, l.stream, items)
	if refusesLookup(err) {
		l.mu.Lock()
		l.allowed = false
		l.mu.Unlock()
		return nil, items, nil
	}
	return there, rest, err
}

// may asks the server once whether the credentials may look up: trying would be one more denied request in its audit log.
func (l *lookup) may(ctx context.Context) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked {
		return l.allowed, nil
	}
	has, err := l.client.Privileges(ctx, l.stream, LookupPrivileges)
	switch {
	case NoSecurity(err):
		l.allowed = true
	case refusesLookup(err):
	case err != nil:
		return false, err
	default:
		l.allowed = true
		for _, p := range LookupPrivileges {
			l.allowed = l.allowed && has[p]
		}
	}
	l.asked = true
	return l.allowed, nil
}

// refusesLookup says whether an answer means that records cannot be looked up here, such as one of a gateway that lets
// through bulk requests only. The records are sent then; what is wrong with more than looking up shows itself there.
func refusesLookup(err error) bool {
	var e *apiError
	return errors.As(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound ||
		e.Status == http.StatusMethodNotAllowed)
}

// lookUp asks the newest indices in turn, each for what the ones before have not.
func (c *Client) lookUp(ctx context.Context, stream string, items []bulkItem) (there, rest []bulkItem, err error) {
	indices, err := c.backingIndices(ctx, stream)
	if err != nil {
		return nil, nil, err
	}
	rest = items
	for i := len(indices) - 1; i >= max(0, len(indices)-newestIndices) && len(rest) > 0; i-- {
		found, err := c.mget(ctx, indices[i], rest)
		if err != nil {
			return nil, nil, err
		}
		var missing []bulkItem
		for k := range rest {
			if found[k] {
				there = append(there, rest[k])
			} else {
				missing = append(missing, rest[k])
			}
		}
		rest = missing
	}
	return there, rest, nil
}

// backingIndices are a data stream's indices, the oldest first.
func (c *Client) backingIndices(ctx context.Context, stream string) ([]string, error) {
	var answer struct {
		DataStreams []struct {
			Indices []struct {
				Name string `json:"index_name"`
			} `json:"indices"`
		} `json:"data_streams"`
	}
	if _, err := c.Call(ctx, http.MethodGet, "/_data_stream/"+stream, nil, &answer); err != nil {
		return nil, err
	}
	var names []string
	for _, s := range answer.DataStreams {
		for _, i := range s.Indices {
			names = append(names, i.Name)
		}
	}
	return names, nil
}

// mget says which of the items are in an index.
func (c *Client) mget(ctx context.Context, index string, items []bulkItem) ([]bool, error) {
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = string(items[i].id)
	}
	var answer struct {
		Docs []struct {
			ID    string `json:"_id"`
			Found bool   `json:"found"`
			Error *struct {
				Type   string `json:"type"`
				Reason string `json:"reason"`
			} `json:"error"`
		} `json:"docs"`
	}
	path := "/" + index + "/_mget?_source=false&filter_path=docs._id,docs.found,docs.error.type,docs.error.reason"
	if _, err := c.Call(ctx, http.MethodPost, path, object{"ids": ids}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Docs) != len(items) {
		return nil, fmt.Errorf("elasticsearch: answer to a look-up is about %d records, not %d", len(answer.Docs), len(items))
	}
	found := make([]bool, len(items))
	for i, d := range answer.Docs {
		switch {
		case d.Error != nil && d.Error.Type == "security_exception":
			return nil, &apiError{Status: http.StatusForbidden, Type: d.Error.Type, Reason: shorten(d.Error.Reason)}
		case d.Error != nil && d.Error.Type == "index_not_found_exception": // deleted by its lifecycle meanwhile
		case d.Error != nil:
			return nil, fmt.Errorf("elasticsearch: look-up in %s: %s: %s", index, d.Error.Type, shorten(d.Error.Reason))
		case d.ID != ids[i]:
			return nil, fmt.Errorf("elasticsearch: answer to a look-up: item %d is about another record", i)
		}
		found[i] = d.Found
	}
	return found, nil
}
