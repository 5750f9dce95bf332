package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
)

// Waits before items are sent again: doubling from the first to the last, with jitter. When nothing was stored for
// giveUp, the batch ends with an error and delivery goes on trying, at longer intervals and with a status that shows it.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = 5 * time.Second
	giveUp    = 20 * time.Second
)

// sending brings one batch to the server: a queue of requests, several of them in flight. One goroutine keeps it; each
// request in flight has a goroutine that ends with its answer.
type sending struct {
	e *exporter

	queue    []request
	inFlight int
	answers  chan answer

	open     map[uint64]bool // records that are neither stored nor refused
	refusals []exporters.Refusal

	failure  error // why items were sent again last
	fatal    error // ends the batch
	wait     time.Duration
	resume   time.Time // no request before
	progress time.Time // when something was last stored or refused
}

// request is some items of the batch.
type request struct {
	items []bulkItem
	// again says that they were sent before, and may be stored although nobody said so.
	again bool
}

// answer is one request's.
type answer struct {
	request
	there []bulkItem // of a request that is sent again: what was found stored, and was not sent
	sent  []bulkItem // the others
	each  []itemAnswer
	err   error
	took  time.Duration
}

// run sends everything that is in the queue, and returns when no request is in flight any more.
func (s *sending) run(ctx context.Context) {
	s.progress = time.Now()
	for s.inFlight > 0 || s.fatal == nil && len(s.queue) > 0 {
		s.start(ctx)
		var due <-chan time.Time
		if len(s.queue) > 0 && s.fatal == nil && s.e.limit.allows(s.inFlight) {
			due = time.After(time.Until(s.resume))
		}
		select {
		case a := <-s.answers:
			s.inFlight--
			s.take(a)
		case <-due:
		case <-ctx.Done():
			s.stop(ctx.Err())
			if s.inFlight > 0 { // their requests end with the context
				a := <-s.answers
				s.inFlight--
				s.take(a)
			}
		}
	}
}

// start sends as many requests as may be in flight now.
func (s *sending) start(ctx context.Context) {
	for len(s.queue) > 0 && s.fatal == nil && s.e.limit.allows(s.inFlight) && !time.Now().Before(s.resume) {
		r := s.queue[0]
		s.queue = s.queue[1:]
		s.inFlight++
		go s.send(ctx, r)
	}
}

func (s *sending) send(ctx context.Context, r request) {
	a := answer{request: r, sent: r.items, err: errors.New("internal error while sending")}
	begun := time.Now()
	defer func() { // also when it panics: the answer is awaited
		if r := recover(); r != nil {
			a.err = fmt.Errorf("internal error: %v", r)
		}
		a.took = time.Since(begun)
		s.answers <- a
	}()
	if r.again {
		if a.there, a.sent, a.err = s.e.lookup.split(ctx, r.items); a.err != nil || len(a.sent) == 0 {
			return
		}
	}
	a.each, a.err = s.e.client.bulk(ctx, s.e.stream, a.sent, !s.e.config.NoGzip)
}

// take goes through an answer.
func (s *sending) take(a answer) {
	switch {
	case a.err == nil:
		s.each(a)
	case tooLarge(a.err):
		s.split(a.request)
	default:
		if err := permanent(a.err); exporters.IsPermanent(err) {
			s.stop(err)
			return
		}
		a.again = a.again || unknownOutcome(a.err)
		if overloaded(a.err) {
			if s.e.limit.atLeast() && len(a.items) > 1 { // one at a time is still too much: smaller ones
				s.failure = a.err
				s.halve(a.request)
				s.resume = time.Now().Add(firstWait)
				return
			}
			s.e.limit.overload(time.Now())
		}
		s.retry(a.request, a.err)
	}
}

// each goes through the answers of a request's items.
func (s *sending) each(a answer) {
	var later []bulkItem
	var why string
	done := len(a.there) > 0
	for i := range a.there {
		delete(s.open, a.there[i].record.Sequence)
	}
	for i := range a.each {
		r := a.sent[i].record
		switch o, reason := judge(&a.each[i]); o {
		case stored:
			delete(s.open, r.Sequence)
			done = true
		case refused:
			s.refuse(r, reason)
			done = true
		case again:
			later, why = append(later, a.sent[i]), reason
		case blocked:
			s.stop(exporters.Permanent(fmt.Errorf("elasticsearch: %s", reason)))
		}
	}
	if done {
		s.progress, s.wait = time.Now(), 0
	}
	if len(later) > 0 {
		s.e.limit.overload(time.Now())
		s.retry(request{later, a.again}, fmt.Errorf("elasticsearch: did not take %d of %d records: %s", len(later), len(a.sent), why))
		return
	}
	s.e.limit.success(a.took, !a.again && sizeOf(a.sent) > s.e.maxRequest/2, time.Now())
}

// split cuts a request that was too large in two. A record that is too large by itself is refused.
func (s *sending) split(r request) {
	items := r.items
	if len(items) == 1 {
		s.refuse(items[0].record, fmt.Sprintf("413: the record, of %d bytes, is larger than the server takes in a request", len(items[0].record.JSON)))
		s.progress = time.Now()
		return
	}
	if size := sizeOf(items) / 2; size < s.e.maxRequest {
		s.e.maxRequest = max(size, minRequest) // for batches to come
	}
	s.halve(r)
}

func (s *sending) halve(r request) {
	half := len(r.items) / 2
	s.queue = append(s.queue, request{r.items[:half:half], r.again}, request{r.items[half:], r.again})
}

// retry puts items back into the queue, and lets some time go by.
func (s *sending) retry(r request, why error) {
	s.failure = why
	if time.Since(s.progress) > giveUp {
		s.stop(why)
		return
	}
	s.wait = min(max(2*s.wait, firstWait), lastWait)
	s.resume = time.Now().Add(s.wait/2 + rand.N(s.wait))
	s.queue = append(s.queue, r)
}

func (s *sending) refuse(r *exporters.Record, reason string) {
	delete(s.open, r.Sequence)
	s.refusals = append(s.refusals, exporters.Refusal{Sequence: r.Sequence, Reason: reason})
}

// stop ends the batch after the requests in flight. The first reason is kept, unless a permanent one follows.
func (s *sending) stop(err error) {
	if s.fatal == nil || exporters.IsPermanent(err) && !exporters.IsPermanent(s.fatal) {
		s.fatal = err
	}
}

func sizeOf(items []bulkItem) int {
	n := 0
	for i := range items {
		n += items[i].size()
	}
	return n
}
