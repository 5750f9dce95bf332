package serve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
)

// answer is what a read shows. It is held until the read is on record, so its size is bounded (pageBytes).
type answer struct {
	kind  string // Content-Type
	file  string // name to save it under, "" to show it
	body  []byte
	shown int    // records
	next  string // cursor of the next page
}

// refusal is an error that the reader is told in its own words.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func badRequest(err error) error { return &refusal{http.StatusBadRequest, err.Error()} }

// read makes a handler of one that gathers what a read shows: it asks who reads, and writes the read down before it shows
// anything.
func (s *Server) read(gather func(r *http.Request) (*answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.o.Tokens.who(r)
		if !ok {
			s.o.Log.Warn("a reader without a valid token was refused", "address", address(r))
			w.Header().Set("WWW-Authenticate", `Basic realm="agent-audit", charset="UTF-8"`)
			s.fail(w, r, http.StatusUnauthorized, "a token is needed: as Authorization: Bearer TOKEN, or as the password")
			return
		}
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			w.Header().Set("Retry-After", "1")
			s.fail(w, r, http.StatusServiceUnavailable, "too many reads at the same time")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
		defer cancel()
		a, err := gather(r.WithContext(ctx))
		status, text := s.judge(r, err)
		shown := 0
		if a != nil {
			shown = a.shown
		}
		if err := s.record(r, who, status, shown); err != nil {
			s.o.Log.Error("a read could not be recorded, so nothing was shown", "error", err)
			s.fail(w, r, http.StatusServiceUnavailable, "the read could not be recorded, so nothing is shown")
			return
		}
		if status != http.StatusOK {
			s.fail(w, r, status, text)
			return
		}
		s.show(w, r, a)
	})
}

// judge says how a read ended. What went wrong in a store is told to the log only: it may name places and hosts.
func (s *Server) judge(r *http.Request, err error) (status int, text string) {
	var known *refusal
	switch {
	case err == nil:
		return http.StatusOK, ""
	case errors.As(err, &known):
		return known.status, known.text
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the store took too long: ask for less"
	case errors.Is(err, context.Canceled):
		return 499, "the reader has gone"
	}
	s.o.Log.Error("the store could not be read", "path", r.URL.Path, "error", err)
	return http.StatusBadGateway, "the store could not be read: the server's log says why"
}

// record writes a read down.
func (s *Server) record(r *http.Request, who string, status, shown int) error {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		params = url.Values{"unreadable": {r.URL.RawQuery}}
	}
	return s.o.Reads.Append(Read{
		Time: s.o.Now(), Who: who, Address: address(r), What: "GET " + r.URL.Path, Params: params, Shown: shown, Status: status, Version: s.o.Version,
	})
}

// address is the reader's, as the connection has it: a header that a proxy sets anybody can set.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, a *answer) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if a.file != "" {
		h.Set("Content-Disposition", `attachment; filename="`+a.file+`"`)
	}
	if a.next != "" {
		q := r.URL.Query()
		q.Set("cursor", a.next)
		h.Set("Link", "<"+r.URL.Path+"?"+q.Encode()+`>; rel="next"`)
	}
	_, _ = w.Write(a.body) // the reader may have gone
}

// fail tells an error, as JSON to programs and as a page to people.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	h := w.Header()
	if strings.HasPrefix(r.URL.Path, "/api/") {
		h.Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(encode(map[string]string{"error": text}))
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, "error", map[string]any{"Title": "Error", "Status": status, "Text": text})
}

// pageBytes is about how much of the trail a page holds at most: it ends early, and the next one goes on.
const pageBytes = 16 << 20

// rows gathers a page, redacted.
func (s *Server) rows(ctx context.Context, q query.Query) (rows []query.Row, next string, _ error) {
	limit, size := q.Limit, 0
	q.Limit++ // one more tells whether there are more
	redactor := s.redactor()
	for row, err := range s.o.Source.Query(ctx, q) {
		if err != nil {
			return nil, "", err
		}
		if len(rows) == limit || size > pageBytes {
			return rows, cursorText(rows[len(rows)-1].Cursor()), nil
		}
		rows = append(rows, redactor.Row(row))
		size += len(row.JSON)
	}
	return rows, "", nil
}

// redactor is one for a single read: it counts.
func (s *Server) redactor() *display.Redactor {
	r := *s.o.Redactor
	return &r
}
