// Package assemble puts actions together: it pairs the fragments of each by identity, gives it its place in its session,
// and decides when it is sealed. Its state is in memory and, with every chunk, in the journal; after a crash it is read
// back from there, which is the same path as a normal start.
package assemble

import (
	"cmp"
	"container/list"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
)

// Options of an Assembler.
type Options struct {
	PairWindow  time.Duration // how long an action waits for its result
	LaneWindow  time.Duration // how long a complete action waits for what other lanes say of it; see lanes.go
	MaxPending  int           // actions that wait; beyond it the oldest is sealed as it is
	Watch       Watch         // judges what is sealed; nil for nobody
	MaxSessions int           // sessions remembered; beyond it the one idle longest is forgotten
}

// Watch judges the actions that are sealed, in the order of the stream, and remembers what they taught.
type Watch interface {
	// Judge flags a finished action. state is what it has of the action's session, nil for none; it returns the new one.
	Judge(f *seal.Clean, state []uint64) ([]uint64, error)
	// End stores in the chunk what has changed. Reload forgets what was not committed.
	End(c *journal.Chunk)
	Reload() error
}

// Assembler is not safe for concurrent use: the write line is one goroutine at a time.
type Assembler struct {
	j   *journal.Journal
	opt Options

	pending  map[schema.ID]*list.Element // of *seal.Pending, in one of the lists
	arrivals *list.List                  // incomplete ones, in order of arrival
	held     *list.List                  // complete ones, in the order in which they became so
	lanes    lanes
	sessions map[schema.ID]*list.Element // of *session, in order of use
	used     *list.List

	// What the chunk under way has touched.
	waiting map[schema.ID]*seal.Pending // stored at its end if still pending
	active  map[schema.ID]*session
}

type session struct {
	id schema.ID
	seal.Session
}

// New reads the state back from the journal.
func New(j *journal.Journal, o Options) (*Assembler, error) {
	o.LaneWindow = min(o.LaneWindow, o.PairWindow)
	a := &Assembler{j: j, opt: o, lanes: lanes{trial: max(laneTrial, o.LaneWindow)}}
	return a, a.Reload()
}

// Reload forgets what is in memory, with what an uncommitted chunk did to it, and reads the journal's state.
func (a *Assembler) Reload() error {
	a.pending, a.arrivals, a.held = make(map[schema.ID]*list.Element), list.New(), list.New()
	a.sessions, a.used = make(map[schema.ID]*list.Element), list.New()
	a.waiting, a.active = make(map[schema.ID]*seal.Pending), make(map[schema.ID]*session)
	var all []*seal.Pending
	if err := a.j.Pending(func(p *seal.Pending) { all = append(all, p) }); err != nil {
		return fmt.Errorf("assemble: %w", err)
	}
	slices.SortFunc(all, func(x, y *seal.Pending) int {
		return cmp.Or(x.Arrived.Compare(y.Arrived), x.CompareTime(y.Clean)) // those of a chunk arrive at one time
	})
	for _, p := range all {
		if complete(p) {
			a.pending[p.Key] = a.held.PushBack(p)
		} else {
			a.pending[p.Key] = a.arrivals.PushBack(p)
		}
	}
	if a.opt.Watch != nil {
		if err := a.opt.Watch.Reload(); err != nil {
			return err
		}
	}
	return a.loadSessions()
}

func (a *Assembler) loadSessions() error {
	var all []*session
	err := a.j.Sessions(func(id schema.ID, b []byte) error {
		s, err := seal.RestoreSession(b)
		if err == nil {
			all = append(all, &session{id: id, Session: *s})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("assemble: %w", err)
	}
	slices.SortFunc(all, func(x, y *session) int { return x.Last.Compare(y.Last) })
	for _, s := range all {
		a.sessions[s.id] = a.used.PushBack(s)
	}
	return nil
}

// Pending is how many actions wait.
func (a *Assembler) Pending() int { return len(a.pending) }

const (
	needs = 1<<schema.Request | 1<<schema.Result // what makes an action complete
	whole = 1 << schema.Whole
)

// complete says whether nothing is missing of an action; what follows a sealed record needs no request.
func complete(p *seal.Pending) bool {
	if _, follows := p.Follows(); follows && p.Roles&(1<<schema.Result) != 0 {
		return true
	}
	return p.Roles&needs == needs || p.Roles&whole != 0
}

// Add takes a fragment into the chunk: it is ignored if it was taken before; it completes its action, which is then sealed
// or held for other lanes; or it waits. What comes after its action was sealed goes to a record of its own, see late.
func (a *Assembler) Add(c *journal.Chunk, f *seal.Clean, now time.Time) error {
	seen, err := c.Seen(f.ID)
	if err != nil || seen {
		return err
	}
	c.See(f.ID)
	a.lanes.see(f.Lanes(), now)
	alone := f.Role == schema.Whole && f.Key == f.ID // nothing else can belong to it
	if _, waits := a.pending[f.Key]; !waits && !alone {
		if err := a.late(c, f); err != nil {
			return err
		}
	}
	if e, waits := a.pending[f.Key]; waits {
		p := e.Value.(*seal.Pending)
		was := complete(p)
		p.Merge(f)
		p.Roles |= 1 << f.Role
		a.place(p.Clean, f.Role, now)
		return a.settle(c, e, !was, now)
	}
	a.place(f, f.Role, now)
	p := &seal.Pending{Clean: f, Roles: 1 << f.Role, Arrived: now}
	if complete(p) && !a.holds(p, now) {
		return a.seal(c, p, now)
	}
	e := a.arrivals.PushBack(p)
	a.pending[f.Key] = e
	if err := a.settle(c, e, true, now); err != nil {
		return err
	}
	return a.bound(c, now)
}

// settle stores a pending action again if it is incomplete; else it is sealed, or held. fresh says that it was incomplete
// until now.
func (a *Assembler) settle(c *journal.Chunk, e *list.Element, fresh bool, now time.Time) error {
	p := e.Value.(*seal.Pending)
	switch {
	case !complete(p):
	case !a.holds(p, now):
		a.remove(c, e)
		return a.seal(c, p, now)
	case fresh:
		a.arrivals.Remove(e)
		p.Arrived = now
		a.pending[p.Key] = a.held.PushBack(p)
	}
	a.waiting[p.Key] = p
	return nil
}

// remove takes an action off the pending ones.
func (a *Assembler) remove(c *journal.Chunk, e *list.Element) {
	p := e.Value.(*seal.Pending)
	a.arrivals.Remove(e) // a list removes its own elements only
	a.held.Remove(e)
	delete(a.pending, p.Key)
	delete(a.waiting, p.Key)
	c.DeletePending(p.Key)
}

// seal makes the action a record. Its identity is remembered, so that what comes later is known to be late.
func (a *Assembler) seal(c *journal.Chunk, p *seal.Pending, now time.Time) error {
	if !p.Placed() {
		a.place(p.Clean, schema.Request, now)
	}
	p.Finish(p.Key, p.Roles&needs == needs || p.Roles&whole != 0, now)
	if first, ok := p.Follows(); ok {
		gist, _, err := c.Recall(sealedID(first))
		if err != nil {
			return err
		}
		p.Compare(gist)
	}
	if err := a.judge(p.Clean); err != nil {
		return err
	}
	if p.Key != p.ID {
		c.Remember(sealedID(p.Key), p.Gist())
	}
	c.Append(p.Clean)
	return nil
}

// judge has the watch flag a finished action, with what it knows of its session.
func (a *Assembler) judge(f *seal.Clean) error {
	if a.opt.Watch == nil {
		return nil
	}
	e, ok := a.sessions[f.Session]
	if !ok {
		_, err := a.opt.Watch.Judge(f, nil)
		return err
	}
	s := e.Value.(*session)
	state, err := a.opt.Watch.Judge(f, s.Watch)
	if err != nil {
		return err
	}
	if !slices.Equal(state, s.Watch) {
		s.Watch = state
		a.active[s.id] = s
	}
	return nil
}

func sealedID(key schema.ID) schema.ID { return schema.MakeID("sealed", string(key[:])) }

// bound seals the oldest pending actions beyond MaxPending, and the oldest held ones beyond a share of it: those lack least.
func (a *Assembler) bound(c *journal.Chunk, now time.Time) error {
	for a.held.Len() > a.opt.MaxPending/heldShare || len(a.pending) > a.opt.MaxPending {
		e := a.held.Front()
		if e == nil {
			e = a.arrivals.Front()
		}
		a.remove(c, e)
		if err := a.seal(c, e.Value.(*seal.Pending), now); err != nil {
			return err
		}
	}
	return nil
}

// Expire seals the actions that have waited long enough.
func (a *Assembler) Expire(c *journal.Chunk, now time.Time) error {
	return errors.Join(a.expire(c, a.held, now, a.opt.LaneWindow), a.expire(c, a.arrivals, now, a.opt.PairWindow))
}

// SealAll seals all actions that wait, however short.
func (a *Assembler) SealAll(c *journal.Chunk, now time.Time) error {
	return errors.Join(a.expire(c, a.held, now, 0), a.expire(c, a.arrivals, now, 0))
}

func (a *Assembler) expire(c *journal.Chunk, from *list.List, now time.Time, window time.Duration) error {
	for e := from.Front(); e != nil && due(e, now, window); e = from.Front() {
		a.remove(c, e)
		if err := a.seal(c, e.Value.(*seal.Pending), now); err != nil {
			return err
		}
	}
	return nil
}

// due says whether a pending action has waited for that long.
func due(e *list.Element, now time.Time, window time.Duration) bool {
	return e != nil && (window == 0 || now.Sub(e.Value.(*seal.Pending).Arrived) >= window)
}

// Due says whether Expire would seal anything.
func (a *Assembler) Due(now time.Time) bool {
	return due(a.held.Front(), now, a.opt.LaneWindow) || due(a.arrivals.Front(), now, a.opt.PairWindow)
}

// preceding is how many earlier actions of its session a record names.
const preceding = 5

// place counts the action in its session when its request is seen, and tells it what went before.
func (a *Assembler) place(f *seal.Clean, role schema.Role, now time.Time) {
	_, follows := f.Follows()
	if f.Session.IsZero() || f.Placed() || follows || !f.IsAction() || role == schema.Result || role == schema.Decision {
		return
	}
	s := a.session(f.Session)
	if s.Count == 0 {
		s.Start = f.SessionStart()
	}
	s.Count++
	s.Last = now
	f.Place(s.Start, s.Count, s.Recent)
	if len(s.Recent) >= preceding {
		s.Recent = slices.Delete(s.Recent, 0, len(s.Recent)-preceding+1)
	}
	s.Recent = append(s.Recent, f.Preceding())
	a.active[s.id] = s
}

func (a *Assembler) session(id schema.ID) *session {
	if e, ok := a.sessions[id]; ok {
		a.used.MoveToBack(e)
		return e.Value.(*session)
	}
	s := &session{id: id}
	a.sessions[id] = a.used.PushBack(s)
	return s
}

// End stores in the chunk what it has changed and forgets the sessions beyond MaxSessions. It is called once, before the
// chunk is committed; if that fails, Reload.
func (a *Assembler) End(c *journal.Chunk) error {
	for _, p := range a.waiting {
		p.Own()
		c.PutPending(p)
	}
	clear(a.waiting)
	for id, s := range a.active {
		b, err := s.Bytes()
		if err != nil {
			return fmt.Errorf("assemble: session: %w", err)
		}
		c.PutSession(id, b)
	}
	clear(a.active)
	if a.opt.Watch != nil {
		a.opt.Watch.End(c)
	}
	for a.used.Len() > a.opt.MaxSessions {
		s := a.used.Remove(a.used.Front()).(*session)
		delete(a.sessions, s.id)
		c.DeleteSession(s.id)
	}
	return nil
}
